"""The diagonal of a matrix that is made entry by entry is taken row by row, as the entries at labels are. -O2 only.

    A: (n, n)
    S = exp(A); d = diag(S)      becomes      S = exp(A); d = pick(S, arange(n))

So it stands in the loop over tiles of rows that makes the matrix, which need not be kept for it.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.integers import counting
from graphc.passes.rebuild import rebuild, same

__all__ = ["diagonals_by_rows"]


def diagonals_by_rows(graph: Graph) -> Graph:
    """The graph with an entry of each row for these diagonals; itself if there are none."""
    wanted = {node.id for node in graph if node.op == "diagonal" and _is_made_by_rows(graph, node)}
    if not wanted:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in wanted:
            return same(builder, node, operands)
        labels = builder.add("arange", [], counting(node.type.dims[0]))
        return builder.add("pick", [*operands, labels])

    return rebuild(graph, make, share=True)


def _is_made_by_rows(graph: Graph, node: Node) -> bool:
    matrix = graph[node.operands[0]]
    if isinstance(matrix.type.shape, Unknown) or matrix.type.rank != 2 or node.attr("k") != 0:
        return False
    rows, columns = matrix.type.dims
    return rows == columns and matrix.type.is_float and graph.op(matrix).elementwise
