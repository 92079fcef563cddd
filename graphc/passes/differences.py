"""A sign goes through products of matrices into the sums that they are added to: a pass over the array less.

    dE, mask: (N, M), U: (N, K), V: (M, K), W: (K, K), s: ()
    m = -(dE * mask)                            p = dE * mask
    dU = U * s + m @ V          becomes         dU = U * s - p @ V
    dV = V * s + mT(m) @ U                      dV = V * s - mT(p) @ U
    dW = W * s + mT(U) @ (m @ V)                dW = W * s - mT(U) @ (p @ V)
    dr = sum(U) + sum(m)                        dr = sum(U) - sum(p)

    R, Y: (N, D), W: (D, K)
    m = -(R * Y)                                p = R * Y
    a = mT(m) @ (R @ W)         becomes         a = mT(p) @ (R @ W)
    b = mT(R) @ (m @ W)                         b = mT(R) @ (p @ W)
    dW = a + b                                  dW = -(a + b)

    e, x, y: (N,)
    m = -e                      becomes
    a = sum(m * x)                              a = -sum(e * x)
    b = sum(m * y)                              b = -sum(e * y)

    f, g, h, x: (N,)
    m = -f
    d = x + m * g - m * h       becomes         d = x - f * g + f * h

where nothing else uses m or the products. At -O2 only in the one function of values and gradients, behind what takes
sums of products out of loops.
"""

from __future__ import annotations

import math

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.cost import typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same
from graphc.passes.signs import OPPOSITE

__all__ = ["subtract_products"]


def subtract_products(graph: Graph) -> Graph:
    """The graph with such sums as differences; itself if it has none."""
    negatives = [node for node in graph if node.op == "negative" and node.type.rank and not node.name]
    if not negatives:
        return graph
    users, roots = graph.users(), set(graph.roots)
    signs: set[int] = set()
    turned: dict[int, int] = {}  # sum -> the product that it subtracts
    reduced: set[int] = set()  # sums over axes whose sign is turned behind them
    for node in negatives:
        found = _sums(graph, node, users, roots)
        if found is not None and turned.keys().isdisjoint(found[0]) and reduced.isdisjoint(found[1]):
            signs.add(node.id)
            turned.update(found[0])
            reduced |= found[1]
    if not signs:
        return graph

    # What is without its sign now is not what the value with it was called after: of `-dE * M` no `dUV` is left.
    graph = graph.replace(nodes={**graph.nodes, **{id: graph[id].called(None, None) for id in signs}})

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id in signs:
            return operands[0]
        if node.id in reduced:
            return builder.add("negative", [builder.add(node.op, operands, dict(node.attrs))], {})
        if node.id not in turned:
            return same(builder, node, operands)
        position = node.operands.index(turned[node.id])
        return builder.add(OPPOSITE[node.op], [operands[1 - position], operands[position]], {})

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _entries(node: Node) -> int:
    """How many entries a value has, sizes with names being typical; 0 where its rank is not known."""
    return 0 if isinstance(node.type.shape, Unknown) else math.prod(map(typical, node.type.shape))


def _sums(
    graph: Graph, node: Node, users: dict[int, list[int]], roots: set[int]
) -> tuple[dict[int, int], set[int]] | None:
    """The sums that products with this value are added to, and the products; and what bears the sign itself: its sums
    over axes, smaller products, and sums of two of its products. None if it has another use."""
    if node.id in roots:
        return None
    sums: dict[int, int] = {}
    alone: set[int] = set()
    size = _entries(node)
    seen: set[int] = set()
    stack = [(node.id, user) for user in users.get(node.id, ())]
    while stack:
        source, id = stack.pop()
        if id in seen:
            return None  # it has the sign twice, as mT(m) @ m
        seen.add(id)
        user = graph[id]
        kept = user.id in roots or bool(user.name)
        smaller = user.op == "sum" or (user.op == "matmul" and _entries(user) < size)
        if kept and smaller and user.operands.count(source) == 1:
            alone.add(user.id)
            continue
        if kept:
            return None
        added = users.get(user.id, ())
        if user.op == "mT":
            stack += [(user.id, other) for other in added]
            continue
        if user.operands.count(source) > 1:
            return None
        only = graph[added[0]] if len(added) == 1 else user
        if user.op == "multiply" and only.op == "sum" and user.type == node.type:
            stack.append((user.id, only.id))
            continue
        entrywise = user.op in ("multiply", "divide") and user.type == node.type
        if user.op not in ("matmul", "sum") and not entrywise:
            return None
        if user.op == "matmul" and only.op == "matmul" and only is not user:
            stack.append((user.id, only.id))  # a product of three
            continue
        fits = only.op in OPPOSITE and user.type == only.type and only.operands.count(user.id) == 1
        if only.op == "subtract" and (only.operands[0] == user.id or only.id in sums):
            return None
        if fits and only.id not in sums:
            sums[only.id] = user.id
        elif fits and _entries(only) <= size:  # the other term has the sign as well
            del sums[only.id]
            alone.add(only.id)
        elif smaller:
            alone.add(user.id)
        else:
            return None
    return sums, alone
