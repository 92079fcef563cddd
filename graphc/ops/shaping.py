"""Changing the shape of an array without touching its entries: all of these are views, or copies NumPy must make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, Text
from graphc.ir.dims import Atom, Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, shape_text
from graphc.ops.axes import normal_axes, normal_axis
from graphc.ops.base import REQUIRED, SIZES, CallError, DynamicShape, Lowering, NumpyContext, Op, register

__all__ = ["permuted"]

# ---------------------------------------------------------------- reshape


def _reshape_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, old = attrs["shape"], types[0].shape
    if not isinstance(old, Unknown):
        have, want = numel(old), numel(shape)
        if not (have == want or _at_run_time(solver, have, want)):
            raise ShapeError(
                f"an array of shape {shape_text(old)} cannot take the shape {shape_text(shape)}", operand=0,
                label=f"it has {have} entries, the new shape asks for {want}",
            )  # fmt: skip
    return types[0].with_shape(tuple(shape))


def _at_run_time(solver: Solver, have: Dim, want: Dim) -> bool:
    """Whether two numbers of entries can be equal: NumPy will tell, or an open size is now known."""
    if _opaque(have) or _opaque(want):
        return True
    try:
        return solver.equal(have, want) or have.is_open or want.is_open
    except ShapeError:
        return True


def _opaque(size: Dim) -> bool:
    """Whether a size holds a quotient or the like, of which a polynomial cannot say what it is equal to."""
    return any(not isinstance(symbol, str) for monomial, _ in size.terms for symbol, _ in monomial)


def _reshape_call(lowering: Lowering, x: int, *, shape: Any) -> int:
    if isinstance(shape, DynamicShape):
        if lowering.type(x).shape == shape.shape:
            return x
        return lowering.add("reshape_like", [x, shape.node], {"like": shape.shape})
    items = shape if isinstance(shape, (tuple, list)) else (shape,)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (int, Dim)):
            raise CallError("a shape holds sizes: integers and dimensions", argument="shape", help=SIZES)
    sizes = [dim(item) for item in items]
    free = [i for i, size in enumerate(sizes) if size == -1]
    negative = next((s for i, s in enumerate(sizes) if i not in free and s.value is not None and s.value < 0), None)
    if len(free) > 1 or negative is not None:
        raise CallError("only one size may be -1" if len(free) > 1 else f"a size cannot be {negative}",
                        argument="shape")  # fmt: skip
    if free:
        old = lowering.shape(x)
        sizes[free[0]] = _remaining(old, [s for i, s in enumerate(sizes) if i != free[0]])
    if tuple(sizes) == lowering.type(x).shape:
        return x
    return lowering.add("reshape", [x], {"shape": tuple(sizes)})


def _remaining(old: tuple[Dim, ...], rest: list[Dim]) -> Dim:
    """The size that -1 stands for."""
    total, known = numel(old), numel(tuple(rest))
    if known == 0:
        raise ShapeError("-1 can be any size here: the other sizes have the product 0", operand=0)
    size = total // known
    if total.value is not None and known.value is not None and size * known != total:
        raise ShapeError(f"an array of shape {shape_text(old)} cannot be divided by the given sizes", operand=0,
                         label=f"{total} entries are not a multiple of {known}")  # fmt: skip
    return size


def _reshape_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x = operands[0]
    shape: tuple[Dim, ...] = node.attr("shape")
    old = ctx.type(node.operands[0]).shape
    free = 0 if len(shape) == 1 else None
    if isinstance(old, tuple) and numel(old) != numel(shape):
        # a size that is a quotient: NumPy finds it, but beside one that may be 0, where -1 could be any number
        quotient = next((i for i, size in enumerate(shape) if _opaque(size)), 0)
        beside = all(ctx.positive(size) for i, size in enumerate(shape) if i != quotient)
        free = quotient if beside or [*shape[quotient].divisors()] else free
    sizes = ["-1" if i == free else str(ctx.dim(size)) for i, size in enumerate(shape)]
    if old == () or not shape:  # a number may be a plain Python one, which has no methods
        return Text(f"np.reshape({x}, {_tuple(sizes)})")
    return Text(f"{x.within(ATOM)}.reshape({', '.join(sizes)})")


def _tuple(items: Sequence[str]) -> str:
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


register(Op(
    name="reshape", family="shaping", operands=("x",), attributes={"shape": REQUIRED}, positional=("shape",),
    infer=_reshape_type, numpy=_reshape_text, evaluate=lambda x, *, shape: np.reshape(x, shape), call=_reshape_call,
    view=True, cost="free", math="reshape({x})",
    doc="The same entries, row by row, in another shape; one size may be -1: what is left over.",
    source="NumPy: reshape; derivations B1",
    aliases={"a": "x", "newshape": "shape"},
))  # fmt: skip
register(Op(
    name="reshape_like", family="shaping", operands=("x", "target"), attributes={"like": REQUIRED},
    infer=lambda solver, types, attrs: types[0].with_shape(attrs["like"]), numpy="np.reshape({x}, {target})",
    evaluate=lambda x, target, *, like: np.reshape(x, target), hidden=True, view=True, cost="free", math="reshape({x})",
    doc="The same entries in a shape that only run time knows.", source="NumPy: reshape",
))  # fmt: skip


def _flatten_call(lowering: Lowering, x: int, *, start: Any) -> int:
    shape = lowering.shape(x)
    first = normal_axis(start, max(len(shape), 1), "start")
    return _reshape_call(lowering, x, shape=(*shape[:first], numel(shape[first:])))


register(Op(
    name="flatten", family="shaping", operands=("x",), attributes={"start": 0}, positional=("start",),
    evaluate=lambda x, *, start=0: np.reshape(x, (*np.shape(x)[:start], -1)), call=_flatten_call, view=True,
    cost="free", math="vec({x})", doc="All axes from `start` on made into one.",
    source="NumPy: ndarray.flatten; PyTorch: flatten (start_dim)",
    aliases={"a": "x", "input": "x", "start_dim": "start"},
))  # fmt: skip


# ---------------------------------------------------------------- axes of size 1

def _expand_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, axis = types[0].shape, attrs["axis"]
    if isinstance(shape, Unknown):
        return types[0].with_shape(Unknown.of("expand_dims", shape, axis, least=shape.least + _count(axis)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    rank = len(shape) + _count(axis)
    places = {a % rank for a in axes}
    rest = iter(shape)
    return types[0].with_shape(tuple(dim(1) if i in places else next(rest) for i in range(rank)))


def _count(axis: Any) -> int:
    return len(axis) if isinstance(axis, (tuple, list)) else 1


def _expand_call(lowering: Lowering, x: int, *, axis: Any) -> int:
    rank = lowering.type(x).rank
    axes = normal_axes(axis, None if rank is None else rank + _count(axis))
    if axes is None:
        raise CallError("`axis` says where the new axes go: an integer, or several", argument="axis")
    return lowering.add("expand_dims", [x], {"axis": axes}) if axes else x


def _expand_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: tuple[int, ...] = node.attr("axis")
    rank = ctx.type(node.operands[0]).rank
    if not rank:  # a number may be a plain Python one; of an unknown rank, NumPy finds the place
        shown = axes[0] if len(axes) == 1 else axes
        return Text(f"np.expand_dims({operands[0]}, {shown})")
    items = ["None" if i in axes else ":" for i in range(rank + len(axes))]
    if axes == (rank,) and rank > 1:
        items = ["...", "None"]
    elif rank > 1:
        while items[-1] == ":":
            items.pop()
    return Text(f"{operands[0].within(ATOM)}[{', '.join(items)}]")


register(Op(
    name="expand_dims", family="shaping", operands=("x",), attributes={"axis": REQUIRED}, positional=("axis",),
    infer=_expand_type, numpy=_expand_text, evaluate=lambda x, *, axis: np.expand_dims(x, axis), call=_expand_call,
    view=True, cost="free", math="{x}", doc="The array with new axes of size 1 at the places `axis` of the result.",
    source="NumPy: expand_dims",
    aliases={"a": "x"},
))  # fmt: skip


def _squeeze_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, axis = types[0].shape, attrs.get("axis")
    if isinstance(shape, Unknown):
        return types[0].with_shape(Unknown.of("squeeze", shape, axis))
    if axis is None:
        return types[0].with_shape(tuple(size for size in shape if size.value != 1))
    places = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    for place in sorted(places):
        if not solver.equal(shape[place], dim(1)):
            raise ShapeError(f"axis {place} of an array of shape {shape_text(shape)} has not size 1", operand=0,
                             label=f"its size is {shape[place]}")  # fmt: skip
    return types[0].with_shape(tuple(size for i, size in enumerate(shape) if i not in places))


def _is_clipped(size: Dim) -> bool:
    """Whether this is what a slice takes of an axis that may be shorter: `min(N, 1)` may be 1, and may be 0."""
    symbols = [symbol for monomial, _ in size.terms for symbol, _ in monomial]
    return any(isinstance(symbol, Atom) and symbol.kind in ("min", "max") for symbol in symbols)


def _squeeze_call(lowering: Lowering, x: int, *, axis: Any) -> int:
    shape = lowering.type(x).shape
    if axis is None and not isinstance(shape, Unknown):
        perhaps = next((size for size in shape if _is_clipped(size)), None)
        if perhaps is not None:
            raise ShapeError(f"whether {perhaps} is 1 cannot be told", operand=0, help="say which `axis` is meant")
        axis = tuple(i for i, size in enumerate(shape) if size.value == 1)
    axes = normal_axes(axis, None if isinstance(shape, Unknown) else len(shape))
    lowering.has_axes(x, axes or ())
    return x if axes == () else lowering.add("squeeze", [x], {"axis": axes})


def _squeeze_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: tuple[int, ...] | None = node.attr("axis")
    if axes is None:
        return Text(f"np.squeeze({operands[0]})")
    return Text(f"{operands[0].within(ATOM)}.squeeze(axis={axes[0] if len(axes) == 1 else axes})")


register(Op(
    name="squeeze", family="shaping", operands=("x",), attributes={"axis": None}, positional=("axis",),
    infer=_squeeze_type, numpy=_squeeze_text, evaluate=lambda x, *, axis=None: np.squeeze(x, axis),
    call=_squeeze_call, view=True, cost="free", math="{x}",
    doc="The array without axes of size 1: those of `axis`, by default all that are certain to have size 1.",
    source="NumPy: squeeze",
    aliases={"a": "x"},
))  # fmt: skip


# ---------------------------------------------------------------- the order of the axes

def permuted(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with its axes in another order."""
    if isinstance(shape, Unknown):
        return Unknown.of("transpose", shape, axes, least=shape.least)
    return tuple(shape[a] for a in axes)


def _transpose_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, axes = types[0].shape, attrs.get("axes")
    if axes is None:
        if isinstance(shape, Unknown):
            return types[0].with_shape(Unknown.of("transpose", shape, least=shape.least))
        return types[0].with_shape(shape[::-1])
    return types[0].with_shape(permuted(shape, axes))


def _transpose_call(lowering: Lowering, x: int, *, axes: Any) -> int:
    shape = lowering.type(x).shape
    if axes is None and isinstance(shape, Unknown):
        if shape.leaf is None:
            return lowering.add("transpose", [x], {"axes": None})
        lowering.shape(x, 2)  # an undeclared argument becomes a matrix
        return lowering.add("mT", [x])
    if isinstance(shape, Unknown):
        shape = lowering.shape(x, len(axes) if isinstance(axes, (tuple, list)) else None)
    rank = len(shape)
    if axes is None:
        order = tuple(reversed(range(rank)))
    else:
        given = axes if isinstance(axes, (tuple, list)) else (axes,)
        order = tuple(normal_axis(a, rank, "axes") for a in given)
        if sorted(order) != list(range(rank)):
            raise CallError(f"`axes` must name each of the {rank} axes once", argument="axes")
    return permute(lowering, x, order)


def permute(lowering: Lowering, x: int, order: tuple[int, ...]) -> int:
    """The axes of a value of known rank in another order, by the simplest operation that does it."""
    rank = len(order)
    if order == tuple(range(rank)):
        return x
    if order == (*range(rank - 2), rank - 1, rank - 2):
        return lowering.add("mT", [x])
    return lowering.add("transpose", [x], {"axes": order})


def _transpose_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: tuple[int, ...] | None = node.attr("axes")
    x = operands[0].within(ATOM)
    if axes is None or axes == tuple(reversed(range(len(axes)))):
        return Text(f"{x}.T")
    return Text(f"{x}.transpose({', '.join(map(str, axes))})")


register(Op(
    name="transpose", family="shaping", operands=("x",), attributes={"axes": None}, positional=("axes",),
    infer=_transpose_type, numpy=_transpose_text, evaluate=lambda x, *, axes=None: np.transpose(x, axes),
    call=_transpose_call, view=True, cost="free", math="{x}ᵀ",
    doc="The array with its axes in another order, by default the opposite one; `x.T` is the same.",
    source="NumPy: transpose",
    aliases={"a": "x"},
))  # fmt: skip


def _swapaxes_call(lowering: Lowering, x: int, *, axis1: Any, axis2: Any) -> int:
    if lowering.type(x).rank is None and {axis1, axis2} == {-1, -2}:
        return lowering.add("mT", [x])
    rank = len(lowering.shape(x))
    first, second = normal_axis(axis1, rank, "axis1"), normal_axis(axis2, rank, "axis2")
    order = list(range(rank))
    order[first], order[second] = second, first
    return permute(lowering, x, tuple(order))


register(Op(
    name="swapaxes", family="shaping", operands=("x",), attributes={"axis1": REQUIRED, "axis2": REQUIRED},
    positional=("axis1", "axis2"), evaluate=lambda x, *, axis1, axis2: np.swapaxes(x, axis1, axis2),
    call=_swapaxes_call, view=True, cost="free", math="{x}ᵀ", doc="The array with two axes exchanged.",
    source="NumPy: swapaxes",
    aliases={"a": "x"},
))  # fmt: skip


def _moveaxis_call(lowering: Lowering, x: int, *, source: Any, destination: Any) -> int:
    rank = len(lowering.shape(x))
    sources = source if isinstance(source, (tuple, list)) else (source,)
    targets = destination if isinstance(destination, (tuple, list)) else (destination,)
    if len(sources) != len(targets):
        raise CallError("`source` and `destination` must name equally many axes", argument="destination")
    start = [normal_axis(a, rank, "source") for a in sources]
    stop = [normal_axis(a, rank, "destination") for a in targets]
    if len(set(start)) < len(start) or len(set(stop)) < len(stop):
        raise CallError("an axis is given twice", argument="source")
    order = [a for a in range(rank) if a not in start]
    for target, axis in sorted(zip(stop, start, strict=True)):
        order.insert(target, axis)
    return permute(lowering, x, tuple(order))


register(Op(
    name="moveaxis", family="shaping", operands=("x",), attributes={"source": REQUIRED, "destination": REQUIRED},
    positional=("source", "destination"),
    evaluate=lambda x, *, source, destination: np.moveaxis(x, source, destination), call=_moveaxis_call, view=True,
    cost="free", math="{x}ᵀ", doc="The array with some axes moved to other places, the rest in their order.",
    source="NumPy: moveaxis",
    aliases={"a": "x"},
))  # fmt: skip
