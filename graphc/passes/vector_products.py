"""The sum of the products of two vectors is their product: no array of products, and half the time for few entries.

    w, e, x: (n,)
    s = sum(w * w)                      becomes      s = w @ w
    s = sum(w**2)                       becomes      s = w @ w
    db = sum(e * x**2)                  becomes      db = e @ x**2

where nothing else uses the products, and they bear no name. A cube stays one: `sum(w**3)` is no product of two vectors
to a reader.
"""

from __future__ import annotations

from collections import Counter

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["multiply_vectors"]


def multiply_vectors(graph: Graph) -> Graph:
    """The graph with such products; itself if it has none."""
    uses = graph.uses()
    if not any(_vectors(graph, uses, node) for node in graph):
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if not _vectors(graph, uses, node):
            return same(builder, node, operands)
        product = builder[operands[0]]
        made = builder.add("matmul", product.operands * (2 if product.op == "square" else 1), {})
        if node.hint and not builder[made].hint:
            builder.hint(made, node.hint)
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _vectors(graph: Graph, uses: Counter[int], node: Node) -> bool:
    """Whether this is such a sum."""
    if node.op != "sum" or node.type.shape != () or not node.type.is_float:
        return False
    product = graph[node.operands[0]]
    if product.op not in ("multiply", "square") or product.type.rank != 1 or product.name or uses[product.id] > 1:
        return False
    factors = [graph[u] for u in product.operands]
    if any(factor.op == "square" and factor.operands[0] in product.operands for factor in factors):
        return False
    return all(factor.type == product.type for factor in factors)
