"""A product with 1 / N, where N is a size, is a quotient: what an expert writes in the derivative of a mean.

    d: (N, C)
    dS = d * (1.0 / N)          becomes       dS = d / N
    dS = 2 * (1.0 / N) * d      becomes       dS = 2 * d / N

Of no rows 1 / N is an error of Python's, the quotient of an array without entries is none. Only where a rule made the
1 / N: a program that asks for it gets it.
"""

from __future__ import annotations

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["divide_by_sizes"]


def divide_by_sizes(graph: Graph) -> Graph:
    """The graph with these quotients; itself if there are none."""
    shares: dict[int, float] = {}  # coefficient / N: the coefficient
    for node in graph:
        coefficient = _coefficient(graph, node, shares)
        if coefficient is not None:
            shares[node.id] = coefficient
    if not shares:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        for share, other in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
            if share in shares and graph[other].type == node.type and node.type.shape != ():
                array, coefficient = operands[node.operands.index(other)], shares[share]
                size = builder.add("size", [], {"dim": _size(graph, share)})
                if coefficient == -1:
                    size = builder.add("negative", [size], {})
                elif coefficient != 1:
                    array = builder.add("multiply", [builder.const(coefficient), array], {})
                return builder.add("divide", [array, size], {})
        return same(builder, node, operands)

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _coefficient(graph: Graph, node: Node, shares: dict[int, float]) -> float | None:
    """Of which number this is the quotient by a size, if a rule made it."""
    if node.type.shape != () or not node.of_rule:
        return None
    if node.op == "divide":
        number, size = (graph[u] for u in node.operands)
        value = number.attr("value")
        return value if size.op == "size" and number.op == "const" and isinstance(value, (int, float)) else None
    if node.op == "negative" and node.operands[0] in shares:
        return -shares[node.operands[0]]
    for share, other in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
        value = graph[other].attr("value")
        if share in shares and graph[other].op == "const" and isinstance(value, (int, float)):
            return value * shares[share]
    return None


def _size(graph: Graph, share: int) -> Dim:
    node = graph[share]
    while node.op != "size":
        node = next(n for n in map(graph.__getitem__, reversed(node.operands)) if n.op != "const")
    size: Dim = node.attr("dim")
    return size
