"""What is taken from all that exponentials are of cancels, so nothing is differentiated through it.

    S: (N, C)
    m = max(S, axis=1, keepdims=true)
    E = exp(S - m)                      with m + c in the place of m, E and t are divided by exp(c), and P stays
    t = sum(E, axis=1, keepdims=true)
    P = E / t

    l = m + log(t)                      stays as well

So programs keep exponentials in range. The derivative by way of the largest entry is a sum that is zero, which whoever
derives a softmax by hand does not write down.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.base import Op

__all__ = ["cancelling"]

EXTREMES = {"max", "min", "largest"}
MOST = 200
"""A value is followed through no more operations."""


class _Moved(NamedTuple):
    """What a value becomes when c is added: it plus `by` times c, or where it is `scaled` it times exp(c) to the `by`.

    `along` are the axes along which c is not one number.
    """

    by: int
    scaled: bool
    along: frozenset[int]


def cancelling(
    nodes: Mapping[int, Node], users: Mapping[int, Sequence[int]], seeds: Collection[int], op: Callable[[str], Op]
) -> set[int]:
    """The extremes that cancel in all that is differentiated: in the `seeds`, and in what has no gradient anyway.

    `users` has of each value those that have a gradient, `op` the operation of a name.
    """
    alike: dict[tuple[object, ...], list[int]] = {}  # max(S) + log(sum(exp(S - max(S)))): one value, written twice
    for id in sorted(users):
        node = nodes[id]
        if node.op in EXTREMES and node.type.is_float:
            alike.setdefault((node.op, node.operands, node.attrs), []).append(id)
    together = {id for ids in alike.values() if _cancel(nodes, users, seeds, op, ids) for id in ids}
    apart = {id for ids in alike.values() if len(ids) > 1 for id in ids}.difference(together)
    return together | {id for id in apart if _cancel(nodes, users, seeds, op, [id])}


def _cancel(
    nodes: Mapping[int, Node], users: Mapping[int, Sequence[int]], seeds: Collection[int], op: Callable[[str], Op],
    ids: Sequence[int],
) -> bool:  # fmt: skip
    start = nodes[ids[0]]
    if isinstance(start.type.shape, Unknown):
        return False
    along = frozenset(k for k, size in enumerate(start.type.dims) if size.value != 1)
    moved = dict.fromkeys(ids, _Moved(1, False, along))
    waiting = [user for id in ids for user in users[id]]
    heapq.heapify(waiting)
    exponential = False
    while waiting:
        each = heapq.heappop(waiting)
        if each in moved:
            continue
        node = nodes[each]
        found = _moved(nodes, node, moved, op)
        if found is None or len(moved) > MOST:
            return False
        moved[each] = found
        exponential |= node.op == "exp"
        if found.by:
            for user in users.get(each, ()):
                heapq.heappush(waiting, user)
    return exponential and not any(each.by and id in seeds for id, each in moved.items())


def _moved(
    nodes: Mapping[int, Node], node: Node, moved: Mapping[int, _Moved], op: Callable[[str], Op]
) -> _Moved | None:
    """What becomes of an operation on what has moved; None where that is not known."""
    if isinstance(node.type.shape, Unknown) or any(isinstance(nodes[u].type.shape, Unknown) for u in node.operands):
        return None
    widened = node.op == "broadcast_to" or op(node.op).elementwise
    parts = [_spread(node, nodes[u], moved.get(u)) if widened else moved.get(u) for u in node.operands]
    there = [part for part in parts if part is not None and part.by]
    if not there:
        return _Moved(0, False, frozenset())
    first, *others = there
    along, kinds = first.along, {part.scaled for part in there}
    if any(part.along != along for part in others):
        return None  # as where rows are divided by what was taken from the columns
    if node.op in ("add", "subtract") and kinds == {False}:
        signs = (1, 1 if node.op == "add" else -1)
        return _Moved(sum(s * part.by for s, part in zip(signs, parts, strict=True) if part), False, along)
    if node.op in ("add", "subtract"):
        alike = len(there) == 2 and len({(part.by, part.scaled) for part in there}) == 1
        return _Moved(first.by, True, along) if alike else None
    if node.op in ("multiply", "divide") and kinds == {True}:
        signs = (1, 1 if node.op == "multiply" else -1)
        return _Moved(sum(s * part.by for s, part in zip(signs, parts, strict=True) if part), True, along)
    if node.op == "exp" and kinds == {False}:
        return _Moved(first.by, True, along)
    if node.op == "log" and kinds == {True}:
        return _Moved(first.by, False, along)
    if node.op == "negative":
        return first if first.scaled else _Moved(-first.by, False, along)
    if node.op == "sum" and first.scaled:
        rank = nodes[node.operands[0]].type.rank or 0
        axes = node.attr("axis") if node.attr("axis") is not None else tuple(range(rank))
        if along.isdisjoint(axes):
            return _Moved(first.by, True, along if node.attr("keepdims") else _without(along, axes))
        return None
    if node.op == "squeeze":
        return _Moved(first.by, first.scaled, _without(along, node.attr("axis")))
    if node.op == "expand_dims":
        axes = node.attr("axis")
        kept = [axis for axis in range(node.type.rank or 0) if axis not in axes]
        return _Moved(first.by, first.scaled, frozenset(kept[axis] for axis in along))
    return first if node.op == "broadcast_to" else None


def _spread(node: Node, operand: Node, part: _Moved | None) -> _Moved | None:
    """An operand's axes as those of what has more of them."""
    more = (node.type.rank or 0) - (operand.type.rank or 0)
    return part and _Moved(part.by, part.scaled, frozenset(axis + more for axis in part.along))


def _without(along: frozenset[int], axes: Sequence[int]) -> frozenset[int]:
    return frozenset(axis - sum(other < axis for other in axes) for axis in along)
