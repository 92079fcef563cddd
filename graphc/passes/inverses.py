"""Where the inverse of a matrix is needed anyway, systems with that matrix are solved by it: no further factorisation.

    A: (n, n), b: (n,), B: (n, k)
    R = inv(A); x = solve(A, b); Y = solve(mT(A), B)     becomes     R = inv(A); x = R @ b; Y = mT(R) @ B

The gradient of a log-determinant is the inverse, that of a solution solves with the transpose. The error of a solution
by an inverse is bounded as that of one by a factorisation is: by the condition number times what is rounded off (A.
Druinsky and S. Toledo, How accurate is inv(A)*b?, 2012).
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.rebuild import rebuild, same

__all__ = ["solve_by_inverses"]


def solve_by_inverses(graph: Graph) -> Graph:
    """The graph without solutions of systems whose matrix has its inverse there; itself if there are none."""
    inverted = {node.operands[0] for node in graph if node.op == "inv" and node.type.rank == 2}
    wanted = {node.id for node in graph if node.op in ("solve", "solve_vector") and _matrix(graph, node) in inverted}
    if not wanted:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in wanted:
            return same(builder, node, operands)
        matrix, right = operands
        if builder[matrix].op == "mT":
            inverse = builder.add("mT", [builder.add("inv", [builder[matrix].operands[0]])])
        else:
            inverse = builder.add("inv", [matrix])
        return builder.add("matmul", [inverse, right])

    return rebuild(graph, make, share=True)


def _matrix(graph: Graph, node: Node) -> int:
    """The matrix of a system, or the one whose transpose it is."""
    matrix = graph[node.operands[0]]
    return matrix.operands[0] if matrix.op == "mT" else matrix.id
