"""Indexing with numbers, slices and new axes, and `x[…]` in general; arrays of indices are in gathering.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np

from graphc.emitter.expressions import ATOM, Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, check_rank, shape_text
from graphc.ops.base import REQUIRED, CallError, DynamicShape, Lowering, NumpyContext, Op, register
from graphc.ops.cuts import ARRAY, WHOLE, Cut, Index, axes_of, index_texts, length, normal_cut, normal_place, selector
from graphc.ops.integers import integers, node_of

__all__ = ["Cut", "IndexItem", "Picked", "gather", "lower_index", "target_shape"]


@dataclass(frozen=True, slots=True)
class Picked:
    """A tensor as an index."""

    id: int


IndexItem: TypeAlias = "Dim | int | Cut | Picked | EllipsisType | None"


# ---------------------------------------------------------------- slice

def _slice_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0].with_shape(_sliced(types[0].shape, attrs["index"]))


def _sliced(shape: Shape, index: Index) -> Shape:
    if isinstance(shape, Unknown):
        places = sum(item is not None and item is not Ellipsis and not isinstance(item, tuple) for item in index)
        return Unknown.of("slice", shape, index, least=shape.least - places + sum(item is None for item in index))
    result: list[Dim] = []
    for size, item in zip(shape, index, strict=True):
        if isinstance(item, tuple):
            result.append(length(size, item))
    return tuple(result)


def _slice_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    shape = ctx.type(node.operands[0]).shape
    items = index_texts(ctx, None if isinstance(shape, Unknown) else shape, node.attr("index"))
    return Text(f"{operands[0].within(ATOM)}[{', '.join(items)}]")


register(Op(
    name="slice", family="indexing", operands=("x",), attributes={"index": REQUIRED}, infer=_slice_type,
    numpy=_slice_text, evaluate=lambda x, *, index: np.asarray(x)[selector(index)], hidden=True, view=True,
    cost="free", math="{x}[…]", doc="Entries by place and by slice: what `x[0, 1:3]` writes.",
    source="NumPy: basic indexing",
))  # fmt: skip


# ---------------------------------------------------------------- its transpose

def target_shape(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    """The type of an operation that fills an array of a given shape: `shape`, or `like` known at run time only."""
    shape = attrs["shape"]
    return types[0].with_shape(attrs["like"] if shape is None else shape)


def _unslice_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, x = attrs["shape"], types[0].shape
    if shape is not None and not isinstance(x, Unknown):
        hole = _sliced(shape, attrs["index"])
        assert not isinstance(hole, Unknown)
        if len(hole) != len(x) or not all(solver.equal(a, b) for a, b in zip(hole, x, strict=True)):
            raise ShapeError(f"an array of shape {shape_text(x)} does not fill a slice of shape {shape_text(hole)}")
    return target_shape(solver, types, attrs)


def _unslice_call(lowering: Lowering, x: int, *, index: Index, shape: Any, like: Any = None) -> int:
    if isinstance(shape, DynamicShape):
        return lowering.add("unslice", [x, shape.node], {"index": index, "shape": None, "like": shape.shape})
    return lowering.add("unslice", [x], {"index": index, "shape": tuple(dim(n) for n in shape), "like": None})


def _unslice_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    shape = node.attr("shape")
    items = index_texts(ctx, shape, node.attr("index"))
    target = str(operands[1]) if shape is None else ctx.shape(shape)
    plain = all(":" not in item and item not in ("...", "None") for item in items)
    index = items[0] if plain and len(items) == 1 else f"np.s_[{', '.join(items)}]"
    return Text(f"{ctx.helper('unslice')}({operands[0]}, {target}, {index})")


def _unslice_value(x: Any, target: Any = None, *, index: Index, shape: Any, like: Any = None) -> Any:
    result = np.zeros(target if shape is None else shape, np.asarray(x).dtype)
    result[selector(index)] = x
    return result


register(Op(
    name="unslice", family="indexing", operands=("x", "*like"),
    attributes={"index": REQUIRED, "shape": REQUIRED, "like": None}, infer=_unslice_type, numpy=_unslice_text,
    evaluate=_unslice_value, call=_unslice_call, hidden=True, math="0[… ← {x}]",
    doc="Zeros of a shape with the array at the place of a slice: the transpose of `slice`.",
))  # fmt: skip


# ---------------------------------------------------------------- x[…]

def lower_index(lowering: Lowering, x: int, items: tuple[IndexItem, ...]) -> int:
    """The node of `x[items]`. Raises CallError and ShapeError."""
    arrays = [integers(lowering, item.id) for item in items if isinstance(item, Picked)]
    if sum(item is Ellipsis for item in items) > 1:
        raise CallError("an index has one `...` at most", code="E0207")
    shape = lowering.type(x).shape
    if isinstance(shape, Unknown):
        check_rank(sum(item is not None and item is not Ellipsis for item in items))
        index = tuple(_as_written(item) for item in items)
        if all(item is Ellipsis for item in index):
            return x
    else:
        index = _normal_index(lowering, shape, items)
    if arrays:
        return gather(lowering, x, arrays, index)
    if isinstance(shape, Unknown):
        return lowering.add("slice", [x], {"index": index})
    return _basic(lowering, x, index)


def _basic(lowering: Lowering, x: int, index: Index) -> int:
    """A value of known rank by places, slices and new axes: at most one node for each kind."""
    index = tuple(item for item in index if item is not Ellipsis)
    x, index = _joined(lowering, x, index)
    cuts = tuple(item for item in index if item is not None)
    opened = _opened(lowering, x, cuts)
    if opened is not None:
        x, cuts, index = opened, (), tuple(item for item in index if item is None or isinstance(item, tuple))
    turned = tuple(i for i, item in enumerate(cuts) if item == (None, None, -1))
    if any(item != WHOLE for item in cuts):
        if turned and all(item == WHOLE for i, item in enumerate(cuts) if i not in turned):
            x = lowering.add("flip", [x], {"axis": turned})
        else:
            x = lowering.add("slice", [x], {"index": cuts})
    kept = [item for item in index if item is None or isinstance(item, tuple)]
    new = tuple(i for i, item in enumerate(kept) if item is None)
    return lowering.add("expand_dims", [x], {"axis": new}) if new else x


def _joined(lowering: Lowering, x: int, index: Index) -> tuple[int, Index]:
    """The value and the index of `x[2][:, 1]` as of `x[2, :, 1]`: the axes that places leave are cut by the second."""
    node = node_of(lowering, x)
    if node.op != "slice" or node.name or isinstance(lowering.type(node.operands[0]).shape, Unknown):
        return x, index
    first = node.attr("index")
    if any(isinstance(item, tuple) and item != WHOLE for item in first):
        return x, index
    rest = iter(index)
    both: list[Any] = []
    for item in first:
        if item == WHOLE:
            while (item := next(rest)) is None:
                both.append(None)
        both.append(item)
    return node.operands[0], (*both, *rest)


def _opened(lowering: Lowering, x: int, cuts: Index) -> int | None:
    """The y of `y[:, None][:, 0]`: what has new axes just where places are taken, if nothing else is."""
    node = node_of(lowering, x)
    if node.op != "expand_dims" or node.name:
        return None
    places = tuple(k for k, item in enumerate(cuts) if not isinstance(item, tuple))
    whole = all(item == WHOLE for item in cuts if isinstance(item, tuple))
    return node.operands[0] if whole and places and places == node.attr("axis") else None


def gather(lowering: Lowering, x: int, indices: Sequence[int], pattern: Index) -> int:
    """Entries by arrays of indices. By numbers alone NumPy gives a view, which has an operation of its own."""
    arrays = any(lowering.type(i).rank for i in indices)
    shape = lowering.type(x).shape
    if not isinstance(shape, Unknown):
        consuming = [item for item in pattern if item is not None and item is not Ellipsis]
        picked = [axis for axis, item in enumerate(consuming) if item == ARRAY]
        indices = [lowering.limit(i, shape[axis], axis=axis) for i, axis in zip(indices, picked, strict=True)]
    else:
        picked = [axis for axis, item in axes_of(pattern) if item == ARRAY]
        indices = [lowering.limit_along(i, x, axis) for i, axis in zip(indices, picked, strict=True)]
    return lowering.add("gather" if arrays else "gather_entry", [x, *indices], {"pattern": pattern})


def _as_written(item: IndexItem) -> Any:
    """An index item over an unknown rank, which NumPy reads as it was written."""
    if isinstance(item, Picked):
        return ARRAY
    if isinstance(item, Cut):
        return (item.start, item.stop, None if item.step == 1 else item.step)
    return item


def _normal_index(lowering: Lowering, shape: tuple[Dim, ...], items: tuple[IndexItem, ...]) -> Index:
    """The index with one item for each axis, in normal form."""
    count = sum(item is not None and item is not Ellipsis for item in items)
    if count > len(shape):
        indices = f"{count} {'index is' if count == 1 else 'indices are'}"
        raise ShapeError(f"{indices} too many for an array of shape {shape_text(shape)}", operand=0, code="E0207")
    missing: list[IndexItem] = [Cut()] * (len(shape) - count)
    at = next((i for i, item in enumerate(items) if item is Ellipsis), None)
    if at is not None and not missing and _picks(items[:at]) and _picks(items[at + 1 :]):
        missing = [Ellipsis]  # stands for no axis, and yet it keeps arrays on both sides of it apart
    full = [*items, *missing] if at is None else [*items[:at], *missing, *items[at + 1 :]]
    index: list[Any] = []
    axis = 0
    for item in full:
        if item is None or item is Ellipsis:
            index.append(item)
            continue
        size = shape[axis]
        if isinstance(item, Picked):
            index.append(ARRAY)
        elif isinstance(item, Cut):
            index.append(normal_cut(lowering, size, item))
        else:
            index.append(normal_place(lowering, size, item, axis))
        axis += 1
    return tuple(index)


def _picks(items: Sequence[IndexItem]) -> bool:
    """Whether there is an index among the items, of which a number is one too where another is an array."""
    return any(not (item is None or isinstance(item, Cut)) for item in items)
