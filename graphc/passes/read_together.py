"""What reads an array by itself later on reads it where it is first read. For -O2 only.

    dB = e * G;  dV = U.T @ dB;  f = dB @ V.T;  t = e * B;  dA = t * s;  dW = U.T @ dA

    becomes     t = e * B;  dA = t * s;  dB = e * G;  dV = U.T @ dB;  f = dB @ V.T;  dW = U.T @ dA

Nothing needs `e` then while the products are made, so `dB` may have its array, and `dA` that of `B`; what goes through
the entries of these arrays does so in one loop over tiles, and not in two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import accumulate, takewhile
from typing import Final

from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.regions import Item, find_regions

__all__ = ["read_together"]

MOST: Final = 64
"""No more statements than this are moved to one place, so that a long program takes no longer than its length."""


def read_together(
    graph: Graph, order: Sequence[int], kept: Collection[int], bound: Collection[int]
) -> tuple[list[int], list[Item]]:
    """The nodes of `order`, with what else reads an array entry by entry before its first reader if fewer arrays are
    needed then, and their statements and loops; `kept` are those that outlive the function, `bound` the arrays at hand.
    """
    found = _Together(graph, order, kept, bound)
    moved: dict[int, list[int]] = {}
    elsewhere: set[int] = set()
    for source, (first, *others) in found.readers.items():
        if not others or first in elsewhere or not found.is_array(graph[source]):
            continue
        along = found.beside(source, first, others)
        if along and elsewhere.isdisjoint((*along, source)) and moved.keys().isdisjoint(along):
            moved[first] = along
            elsewhere.update((*along, first, source))
    if not moved:
        return list(order), found.items
    away = {id for ids in moved.values() for id in ids}
    order = [each for id in order if id not in away for each in (*moved.get(id, ()), id)]
    return order, find_regions(graph, order, bound)


class _Together:
    """The places of statements, and who reads what."""

    def __init__(self, graph: Graph, order: Sequence[int], kept: Collection[int], bound: Collection[int]) -> None:
        self.graph, self.order, self.kept, self.bound = graph, order, set(kept), bound
        self.place = {id: k for k, id in enumerate(order)}
        self.readers: dict[int, list[int]] = {}
        for id in order:
            for u in dict.fromkeys(graph[id].operands):
                if u in self.place:
                    self.readers.setdefault(u, []).append(id)
        self.products = [0, *accumulate(graph[id].op == "matmul" for id in order)]  # before each place

    def _one_loop(self, ids: Sequence[int]) -> bool:
        """Whether statements stand in one loop as it is."""
        return len({self._loops[id] for id in ids}) == 1

    @cached_property
    def items(self) -> list[Item]:
        return find_regions(self.graph, self.order, self.bound)

    @cached_property
    def _loops(self) -> dict[int, int]:
        return {id: position for position, item in enumerate(self.items) for id in item.nodes}

    def is_array(self, node: Node) -> bool:
        """Whether a value has an array of several axes that other values may have after it."""
        array = node.type.is_float and not isinstance(node.type.shape, Unknown) and (node.type.rank or 0) > 1
        return array and node.id not in self.kept and not self.graph.op(node).view

    def beside(self, source: int, first: int, others: Sequence[int]) -> list[int]:
        """What may stand before the first reader so that the source is not needed any more after it, in their order;
        nothing if it may not, or frees no more arrays than it fills."""
        at = self.place[first]
        if not self._is_alike(first, source) or not all(self._is_alike(id, source) for id in others):
            return []
        if self.products[at] == self.products[self.place[others[-1]]]:
            return []  # they are read together as it is
        along: set[int] = set()
        stack = list(others)
        while stack:
            id = stack.pop()
            needed = self._needed(id, at, along)
            if needed is None or len(along) + len(needed) > MOST:
                if id in others:
                    return []
                continue
            along |= needed
            stack += [user for user in self.readers.get(id, ()) if user not in along and self._is_alike(user, source)]
        if not self._frees(along, source, at) or self._one_loop([first, *others]):
            return []
        return sorted(along, key=self.place.__getitem__)

    def _is_alike(self, id: int, source: int) -> bool:
        """Whether a value is computed entry by entry and has the type of the source."""
        return self.graph.op(self.graph[id]).elementwise and self.graph[id].type == self.graph[source].type

    def _needed(self, id: int, at: int, along: Collection[int]) -> set[int] | None:
        """The value and what it needs that stands behind the first reader; none if that cannot stand before it."""
        needed: set[int] = set()
        stack = [id]
        while stack:
            u = stack.pop()
            if u in needed or u in along or self.place.get(u, -1) < at:
                continue
            node = self.graph[u]
            cheap = self.graph.op(node).elementwise or (not node.operands and node.type.rank == 0)
            if self.place[u] == at or not cheap or len(needed) == MOST:
                return None
            needed.add(u)
            stack += node.operands
        return needed

    def _frees(self, along: Collection[int], source: int, at: int) -> bool:
        """Whether more arrays of the source's type end than begin before the first reader, and no others begin."""
        graph = self.graph
        ended: set[int] = set()
        begun = 0
        for id in along:
            if id in self.kept or any(user not in along for user in self.readers.get(id, ())):
                if graph[id].type != graph[source].type:
                    return False
                begun += 1
            ended.update(graph[id].operands)
        ended = {
            u for u in ended
            if u not in along and u in self.place and self.is_array(graph[u]) and graph[u].type == graph[source].type
            and self._ends(u, along, at)
        }  # fmt: skip
        return begun < len(ended)

    def _ends(self, u: int, along: Collection[int], at: int) -> bool:
        """Whether nothing behind the first reader needs a value but what moves before that."""
        behind = takewhile(lambda user: self.place[user] > at, reversed(self.readers[u]))
        return all(user in along for user in behind)
