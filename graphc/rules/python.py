"""Rules that need a loop, or a shape that only run time knows: each a function instead of a statement of the language.

A builder gets the lowering it adds nodes with, the node it differentiates and the cotangent of its result; it answers
with one contribution per operand, or None where there is no gradient. As everywhere a contribution may be wider than
its operand: `differentiate` sums it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.ir.dims import dim
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.base import DynamicShape, Lowering
from graphc.ops.indexing import Cut, gather, lower_index
from graphc.ops.integers import node_of

__all__ = ["BUILDERS", "Builder", "shape_like"]

Builder = Callable[[Lowering, Node, int], "list[int | None]"]

BUILDERS: dict[str, Builder] = {}


def _builder(name: str) -> Callable[[Builder], Builder]:
    def keep(function: Builder) -> Builder:
        BUILDERS[name] = function
        return function

    return keep


def shape_like(lowering: Lowering, x: int) -> Any:
    """The shape of a value as an attribute: a tuple of sizes, or one that run time knows."""
    shape = lowering.type(x).shape
    if not isinstance(shape, Unknown):
        return shape
    return DynamicShape(lowering.add("shape_of", [x]), shape, x)


def _rest(node: Node) -> list[int | None]:
    """No gradient for the operands that hold a shape or indices."""
    return [None] * (len(node.operands) - 1)


# ---------------------------------------------------------------- broadcasting

@_builder("broadcast_to")
def _broadcast_to(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    return [cotangent, *_rest(node)]


@_builder("sum_to")
def _sum_to(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    x = node.operands[0]
    return [lowering.call("broadcast_to", cotangent, shape=shape_like(lowering, x)), *_rest(node)]


# ---------------------------------------------------------------- shaping

@_builder("expand_dims")
def _expand_dims(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    if lowering.type(node.operands[0]).rank is None:
        return [lowering.call("reshape", cotangent, shape=shape_like(lowering, node.operands[0]))]
    return [lowering.call("squeeze", cotangent, axis=node.attr("axis"))]


@_builder("squeeze")
def _squeeze(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    axis = node.attr("axis")
    if axis is None or lowering.type(node.operands[0]).rank is None:
        return [lowering.call("reshape", cotangent, shape=shape_like(lowering, node.operands[0]))]
    return [lowering.call("expand_dims", cotangent, axis=axis)]


@_builder("transpose")
def _transpose(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    axes = node.attr("axes")
    if axes is None:
        return [lowering.call("transpose", cotangent, axes=None)]
    inverse = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return [lowering.call("transpose", cotangent, axes=inverse)]


@_builder("concatenate")
def _concatenate(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    """Each operand's own part of the cotangent."""
    axis = node.attr("axis")
    parts: list[int | None] = []
    start = dim(0)
    for x in node.operands:
        stop = start + lowering.type(x).dims[axis]
        parts.append(lower_index(lowering, cotangent, (*[Cut()] * axis, Cut(start, stop))))
        start = stop
    return parts


@_builder("stack")
def _stack(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    before = (Cut(),) * node.attr("axis")
    return [lower_index(lowering, cotangent, (*before, i)) for i in range(len(node.operands))]


@_builder("pad")
def _pad(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    shape = lowering.type(node.operands[0]).dims
    inner = tuple(Cut(a, size + a) for size, (a, _) in zip(shape, node.attr("width"), strict=True))
    return [lower_index(lowering, cotangent, inner)]


@_builder("tile")
def _tile(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    """The copies of the array side by side, summed."""
    shape = lowering.type(node.operands[0]).dims
    apart: list[Any] = []
    copies: list[int] = []
    for count, size in zip(node.attr("reps"), shape, strict=True):
        if count != 1:
            copies.append(len(apart))
            apart.append(count)
        apart.append(size)
    return [lowering.call("sum", lowering.call("reshape", cotangent, shape=tuple(apart)), axis=tuple(copies))]


@_builder("repeat")
def _repeat(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    shape, axis = lowering.type(node.operands[0]).dims, node.attr("axis")
    apart = (*shape[: axis + 1], node.attr("repeats"), *shape[axis + 1 :])
    return [lowering.call("sum", lowering.call("reshape", cotangent, shape=apart), axis=axis + 1)]


@_builder("roll")
def _roll(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    back = tuple(-shift for shift in node.attr("shift"))
    return [lowering.add("roll", [cotangent], {"shift": back, "axis": node.attr("axis")})]


@_builder("kron")
def _kron(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    """The cotangent in blocks, each as large as B and belonging to one entry of A."""
    A, B = node.operands
    a, b = lowering.shape(A, 2), lowering.shape(B, 2)
    rank = max(len(a), len(b))
    one = (dim(1),)
    rows, columns = one * (rank - len(a)) + a, one * (rank - len(b)) + b
    even, odd = tuple(range(0, 2 * rank, 2)), tuple(range(1, 2 * rank, 2))
    paired = tuple(n for pair in zip(rows, columns, strict=True) for n in pair)
    blocks = lowering.call("reshape", cotangent, shape=paired)
    entries = lowering.call("expand_dims", lowering.call("reshape", A, shape=rows), axis=odd)
    block = lowering.call("expand_dims", lowering.call("reshape", B, shape=columns), axis=even)
    dA = lowering.call("sum", lowering.call("multiply", blocks, block), axis=odd)
    dB = lowering.call("sum", lowering.call("multiply", blocks, entries), axis=even)
    return [lowering.call("reshape", dA, shape=a), lowering.call("reshape", dB, shape=b)]


# ---------------------------------------------------------------- indexing

@_builder("slice")
def _slice(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    shape = shape_like(lowering, node.operands[0])
    return [lowering.call("unslice", cotangent, index=node.attr("index"), shape=shape)]


@_builder("unslice")
def _unslice(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    return [lowering.add("slice", [cotangent], {"index": node.attr("index")}), *_rest(node)]


@_builder("gather")
@_builder("gather_entry")
def _gather(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    x, *indices = node.operands
    return [
        lowering.call(
            "scatter", cotangent, *indices, pattern=node.attr("pattern"), shape=shape_like(lowering, x),
            distinct=_distinct(lowering, indices),
        ),
        *_rest(node),
    ]  # fmt: skip


def _distinct(lowering: Lowering, indices: Sequence[int]) -> bool:
    """Whether no entry is picked twice: all indices are numbers, or one counts the others, as in `x[arange(N), y]`."""
    shapes = {lowering.type(i).shape for i in indices}
    counted = len(shapes) == 1 and any(node_of(lowering, i).op == "arange" for i in indices)
    return counted or shapes == {()}


@_builder("scatter")
def _scatter(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    indices = node.operands[1 if node.attr("shape") is not None else 2 :]
    return [gather(lowering, cotangent, indices, node.attr("pattern")), *_rest(node)]


@_builder("add_part")
def _add_part(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    _, _, *indices = node.operands
    pattern = node.attr("pattern")
    if indices:
        part = gather(lowering, cotangent, indices, pattern)
    else:
        part = lowering.add("slice", [cotangent], {"index": pattern})
    return [cotangent, lowering.add("negative", [part]) if node.attr("minus") else part, *[None] * len(indices)]


@_builder("scatter_along_axis")
def _scatter_along_axis(lowering: Lowering, node: Node, cotangent: int) -> list[int | None]:
    return [lowering.call("take_along_axis", cotangent, node.operands[1], axis=node.attr("axis")), *_rest(node)]
