"""A product with 1 / N, where N is a size, is a quotient: what an expert writes in the derivative of a mean.

    d: (N, C)
    dS = d * (1.0 / N)          becomes       dS = d / N

Of no rows 1 / N is an error of Python's, the quotient of an array without entries is none. Only where a rule made the
1 / N: a program that asks for it gets it.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["divide_by_sizes"]


def divide_by_sizes(graph: Graph) -> Graph:
    """The graph with these quotients; itself if there are none."""
    shares = {node.id for node in graph if _is_share(graph, node)}
    if not shares:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        for share, other in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
            if share in shares and graph[other].type == node.type and node.type.shape != ():
                array, quotient = (operands[node.operands.index(u)] for u in (other, share))
                return builder.add("divide", [array, builder[quotient].operands[1]], {})
        return same(builder, node, operands)

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _is_share(graph: Graph, node: Node) -> bool:
    if node.op != "divide" or node.origin is None or node.origin.rule is None:
        return False
    one, size = (graph[u] for u in node.operands)
    return one.attr("value") == 1 and size.op == "size"
