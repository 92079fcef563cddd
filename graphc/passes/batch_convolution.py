"""Convolutions of a whole batch as one convolution; see batch_rules.py.

The three operations tie together an array x (N, g·C, …), kernels w (g·O, C, …) and a result y (N, g·O, …), where g
counts the groups. Of the three, those that differ from one of the batch to the next get its axis where they share one:

    x and y     with the samples N              y and w     with the channels O
    x and w     with the channels C             all three   with the groups g
"""

from __future__ import annotations

from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ops.cuts import plain
from graphc.passes.batch import Batch
from graphc.passes.batch_rules import Values, rule

__all__: list[str] = []

AXES = {"x": ("N", "g", "C"), "w": ("g", "O", "C"), "y": ("N", "g", "O")}
SHARED = {frozenset("xy"): "N", frozenset("wy"): "O", frozenset("wx"): "C", frozenset("wxy"): "g"}
TENSORS = {"convolve": ("x", "w", "y"), "convolve_transpose": ("y", "w", "x"), "convolve_kernel": ("x", "y", "w")}


@rule(*TENSORS)
def _convolution(batch: Batch, node: Node, values: Values) -> int:
    *operands, result = TENSORS[node.op]
    many = {tensor for tensor, value in zip(operands, values, strict=True) if value is not None} | {result}
    place = SHARED[frozenset(many)]
    groups: int = node.attr("groups")
    inputs = [
        u if value is None else _merged(batch, value, tensor, place, batch.builder.type(u).dims, groups)
        for tensor, u, value in zip(operands, node.operands, values, strict=True)
    ]
    attrs = dict(node.attrs)
    if place == "g":
        attrs["groups"] = plain(batch.size * groups)
    if attrs.get("shape") is not None:
        attrs["shape"] = _shapes(batch, result, place, node.type.dims, groups)[1]
    made = batch.add(node.op, inputs, attrs)
    return _taken_apart(batch, made, result, place, node.type.dims, groups)


def _shapes(
    batch: Batch, tensor: str, place: str, shape: tuple[Dim, ...], groups: int
) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The shape with the batch before the axis `place`, every axis by itself, and with those merged that are one."""
    apart: list[Dim] = []
    merged: list[Dim] = []
    for labels, size in zip(_own_axes(tensor), shape, strict=False):
        own = size // groups if "g" in labels else size
        parts = [(label, dim(groups) if label == "g" else own) for label in labels]
        sizes = [n for label, part in parts for n in ((batch.size, part) if label == place else (part,))]
        apart += sizes
        merged.append(numel(tuple(sizes)))
    return (*apart, *shape[2:]), (*merged, *shape[2:])


def _own_axes(tensor: str) -> tuple[tuple[str, ...], ...]:
    """The first two axes of a tensor, by their parts."""
    return (("g", "O"), ("C",)) if tensor == "w" else (("N",), AXES[tensor][1:])


def _order(tensor: str, place: str, rank: int) -> tuple[int, ...]:
    """The axes of a batched tensor in the order in which the batch stands before the axis `place`."""
    at = AXES[tensor].index(place)
    return (*range(1, at + 1), 0, *range(at + 1, rank + 2))


def _merged(batch: Batch, value: int, tensor: str, place: str, shape: tuple[Dim, ...], groups: int) -> int:
    """A batched tensor as one with more samples, channels or groups."""
    apart, merged = _shapes(batch, tensor, place, shape, groups)
    order = _order(tensor, place, len(shape))
    given = tuple(apart[order.index(axis)] for axis in range(len(order)))
    split = batch.call("reshape", value, shape=given)
    return batch.call("reshape", batch.call("transpose", split, axes=order), shape=merged)


def _taken_apart(batch: Batch, value: int, tensor: str, place: str, shape: tuple[Dim, ...], groups: int) -> int:
    """The batched tensor that was computed as one with more samples, channels or groups."""
    apart, _ = _shapes(batch, tensor, place, shape, groups)
    order = _order(tensor, place, len(shape))
    back = tuple(order.index(axis) for axis in range(len(order)))
    turned = batch.call("transpose", batch.call("reshape", value, shape=apart), axes=back)
    return batch.call("reshape", turned, shape=(batch.size, *shape))
