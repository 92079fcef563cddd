"""A sign goes through products of matrices into the sums that they are added to: a pass over the array less.

    dE, mask: (N, M), U: (N, K), V: (M, K), s: ()
    m = -(dE * mask)                            p = dE * mask
    dU = U * s + m @ V          becomes         dU = U * s - p @ V
    dV = V * s + mT(m) @ U                      dV = V * s - mT(p) @ U

where nothing else uses m or the products. Not at -O2, which takes sums of products out of loops.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["subtract_products"]


def subtract_products(graph: Graph) -> Graph:
    """The graph with such sums as differences; itself if it has none."""
    users, roots = graph.users(), set(graph.roots)
    signs: set[int] = set()
    turned: dict[int, int] = {}  # sum -> the product that it subtracts
    for node in graph:
        if node.op == "negative" and node.type.rank and not node.name:
            sums = _sums(graph, node, users, roots)
            if sums and turned.keys().isdisjoint(sums):
                signs.add(node.id)
                turned.update(sums)
    if not signs:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id in signs:
            return operands[0]
        if node.id not in turned:
            return same(builder, node, operands)
        position = node.operands.index(turned[node.id])
        return builder.add("subtract", [operands[1 - position], operands[position]], {})

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _sums(graph: Graph, node: Node, users: dict[int, list[int]], roots: set[int]) -> dict[int, int] | None:
    """The sums that products with this value are added to, and the products; None if it has another use."""
    if node.id in roots:
        return None
    sums: dict[int, int] = {}
    stack = [(node.id, user) for user in users.get(node.id, ())]
    while stack:
        source, id = stack.pop()
        user = graph[id]
        if user.id in roots or user.name:
            return None
        if user.op == "mT":
            stack += [(user.id, other) for other in users.get(user.id, ())]
            continue
        added = users.get(user.id, ())
        if user.op != "matmul" or user.operands.count(source) > 1 or len(added) != 1:
            return None
        total = graph[added[0]]
        if total.op != "add" or user.type != total.type or total.id in sums or total.operands.count(user.id) > 1:
            return None
        sums[total.id] = user.id
    return sums
