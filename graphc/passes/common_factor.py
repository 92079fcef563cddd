"""A factor that all terms of a sum have stands behind the sum: fewer arrays are multiplied by it.

    s: (), dH, e, m, x, p, q: (N, D)
    de = s * (1 - m) * sign(e) + s * m * e              becomes      de = s * ((1 - m) * sign(e) + m * e)
    dz = dH * p / x + dH * q * m                        becomes      dz = dH * (p / x + q * m)

    h = 0.5 * s * m                                                  h = 0.5 * m
    dx = (s * p + h) * x + (s * q + h) * e              becomes      dx = s * ((p + h) * x + (q + h) * e)

where nothing else uses what is in between, and it bears no name of the program's. Such sums are the gradients of what
`where`, `maximum` and `abs` choose from.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import NamedTuple

from graphc.ir.dims import numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.cost import typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["factor_out"]

MOST = 32
"""A sum is followed through no more operations."""


class _Sum(NamedTuple):
    """A factor, all that is computed of it up to the sum, and the sum."""

    factor: int
    inside: frozenset[int]
    total: int


def factor_out(graph: Graph) -> Graph:
    """The graph with such factors behind their sums; itself if there are none."""
    sums = _sums(graph)
    if not sums:
        return graph
    factors = {id: each.factor for each in sums for id in each.inside}
    totals = {each.total: each.factor for each in sums}
    # what is without the factor is not what the value with it was called after
    called = {id: graph[id].called(None, None) for id in factors if id not in totals}
    graph = graph.replace(nodes={**graph.nodes, **called})
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        factor = factors.get(node.id)
        if factor is None:
            made = same(builder, node, operands)
        elif node.op == "multiply" and factor in node.operands:
            made = operands[1 - node.operands.index(factor)]
        else:
            made = builder.add(node.op, operands, dict(node.attrs))
        if node.id in totals:
            made = builder.add("multiply", [moved[totals[node.id]], made])
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _sums(graph: Graph) -> list[_Sum]:
    """The sums that have a factor in all terms, none within another one."""
    products = (node for node in graph if node.op == "multiply" and node.type.is_float)
    times = Counter(u for node in products if node.operands[0] != node.operands[1] for u in node.operands)
    if not any(count > 1 for count in times.values()):
        return []
    uses = graph.uses()
    # all that uses a factor is a product
    factors = [graph[id] for id in sorted(times) if 1 < times[id] == uses[id] and graph[id].type.is_float]
    if not factors:
        return []
    users, roots = graph.users(), set(graph.roots)
    taken: set[int] = set()
    found: list[_Sum] = []
    for node in factors:
        if not isinstance(node.type.shape, Unknown):
            each = _sum(graph, node, users, uses, roots)
            if each is not None and taken.isdisjoint(each.inside):
                found.append(each)
                taken |= each.inside
    return found


def _sum(
    graph: Graph, factor: Node, users: dict[int, list[int]], uses: dict[int, int], roots: set[int]
) -> _Sum | None:
    """The first sum that all goes into that is computed of a factor, if that takes fewer multiplications."""
    inside = {factor.id}
    left = {factor.id: uses[factor.id]}  # how many uses are yet to be seen, of what is not done with
    saved = 0
    queue = list(users.get(factor.id, ()))
    heapq.heapify(queue)
    bare: dict[int, str] = {}  # of what is computed, what it is without the factor
    while queue and len(inside) < MOST:
        node = graph[heapq.heappop(queue)]
        if node.id in inside:
            continue
        scaled = [u in inside for u in node.operands]
        kinds = [bare.get(u) or _kind(graph[u]) for u in node.operands if u != factor.id]
        if not _is_linear(node, scaled, kinds, factor.id):
            return None
        bare[node.id] = next(kind for kind in ("array", "number", "mask") if kind in kinds)
        for u, within in zip(node.operands, scaled, strict=True):
            if within:
                left[u] -= 1
        left = {id: count for id, count in left.items() if count}
        if factor.id in node.operands:
            saved += _entries(node)
        if not left and node.op in ("add", "subtract") and saved > _entries(node):
            return _Sum(factor.id, frozenset(inside - {factor.id} | {node.id}), node.id)
        if node.name or node.id in roots:
            return None
        inside.add(node.id)
        left[node.id] = uses[node.id]
        for user in users.get(node.id, ()):
            heapq.heappush(queue, user)
    return None


def _kind(node: Node) -> str:
    """Whether a value is of the program's numbers alone, which have no type of their own, floating, or neither."""
    if node.op == "const":
        return "number"
    return "array" if node.type.is_float else "mask"


def _is_linear(node: Node, scaled: list[bool], kinds: list[str], factor: int) -> bool:
    """Whether a value is a multiple of the factor that its operands are multiples of, and of its type without it."""
    if not node.type.is_float or isinstance(node.type.shape, Unknown):
        return False
    if factor in node.operands:
        return node.op == "multiply" and not all(scaled)  # else it is squared
    if node.op in ("add", "subtract"):
        return all(scaled) and "array" in kinds
    if node.op == "multiply":
        return scaled[0] != scaled[1] and set(kinds) != {"number", "mask"}
    return scaled[0] and "array" in kinds and (node.op == "negative" or (node.op == "divide" and not scaled[1]))


def _entries(node: Node) -> int:
    dims = node.type.dims
    return typical(numel(dims)) if dims else 0
