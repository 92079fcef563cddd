"""Sums and differences of products with one matrix are products of sums and differences. For -O2 only.

    A, P, Q: (N, D), W: (D, H), B, C: (K, N)
    a = A @ W; p = P @ W; q = Q @ W; x = a - p; y = a - q      becomes      x = (A - P) @ W; y = (A - Q) @ W
    z = B @ A + C @ A                                          becomes      z = (B + C) @ A

where these are fewer products: nothing else uses those that go, and each may be in several sums. Such are the distances
of triplets and pairs in a space that a matrix leads to. It is done before differentiation, as the derivative has fewer
products too, and only to values that nothing else sees.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Final

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["join_products"]

SUMS = ("add", "subtract")
ROUNDS: Final = 16
"""So often it is asked anew which products are in sums of those that are left."""


def join_products(graph: Graph, kept: Collection[str] = ()) -> Graph:
    """The graph, not yet differentiated, with the replacements above; values of the names in `kept` stay."""
    if sum(node.op == "matmul" for node in graph) < 2 or not any(node.op in SUMS for node in graph):
        return graph
    seen = {*graph.roots, *(graph.values[name] for name in kept if name in graph.values)}
    users = graph.users()
    common: dict[int, int] = {}  # a sum -> on which side the matrix stands that its products share
    for side in (1, 0):
        groups: dict[Hashable, list[Node]] = {}
        for node in graph:
            if node.op == "matmul" and node.id not in seen and not isinstance(node.type.shape, Unknown):
                matrix = graph[node.operands[side]]
                shown = (matrix.op, matrix.operands) if matrix.op == "mT" else matrix.id
                groups.setdefault((shown, node.type, graph[node.operands[1 - side]].type), []).append(node)
        for group in groups.values():
            products = {node.id for node in group if not common.keys() & set(users.get(node.id, ()))}
            sums = _sums(graph, products, users)
            if sums is not None and len(sums) < len(products):
                common.update(dict.fromkeys(sums, side))
    if not common:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        side = common.get(node.id)
        if side is None:
            return same(builder, node, operands)
        products = [builder[u] for u in operands]
        total = builder.add(node.op, [product.operands[1 - side] for product in products])
        matrix = products[0].operands[side]
        return builder.add("matmul", [total, matrix] if side == 1 else [matrix, total], dict(products[0].attrs))

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _sums(graph: Graph, products: set[int], users: dict[int, list[int]]) -> set[int] | None:
    """The sums of two of these products, of which those go that anything else uses."""
    for _ in range(ROUNDS if products else 0):
        sums = {
            user for id in products for user in users.get(id, ())
            if graph[user].op in SUMS and all(u in products for u in graph[user].operands)
        }  # fmt: skip
        inside = {id for id in products if users.get(id) and all(user in sums for user in users[id])}
        if inside == products:
            return sums
        products = inside
    return None
