"""The diagonal of a matrix that is made entry by entry is taken row by row, as the entries at labels are. -O2 only.

    A: (n, n), t: ()
    S = exp(A); d = diag(S)       becomes      S = exp(A); d = pick(S, arange(n))
    S = exp(A); s = trace(S)      becomes      S = exp(A); s = sum(pick(S, arange(n)))
    K = exp(A) - t * eye(n)       becomes      K = subtract_at_labels(exp(A), arange(n), t)
    K = exp(A) + t * eye(n)       becomes      K = subtract_at_labels(exp(A), arange(n), -t)

So it stands in the loop over tiles of rows that makes the matrix, which need not be kept for it; nor is there another
matrix that is zero but for its diagonal.
"""

from __future__ import annotations

from collections import Counter

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.integers import counting
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["diagonals_by_rows", "identities_by_rows"]


def diagonals_by_rows(graph: Graph) -> Graph:
    """The graph with an entry of each row for diagonals and traces; itself if there are none."""
    wanted = {node.id for node in graph if node.op in ("diagonal", "trace") and _is_made_by_rows(graph, node)}
    if not wanted:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in wanted:
            return same(builder, node, operands)
        picked = builder.add("pick", [operands[0], _labels(builder, graph[node.operands[0]])])
        return picked if node.op == "diagonal" else builder.add("sum", [picked], {"axis": None, "keepdims": False})

    return rebuild(graph, make, share=True)


def identities_by_rows(graph: Graph) -> Graph:
    """The graph with an entry of each row for multiples of the identity in sums; itself if there are none."""
    uses = graph.uses()
    besides = {node.id: found for node in graph if (found := _beside_identity(graph, node, uses)) is not None}
    if not besides:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in besides:
            return same(builder, node, operands)
        other = besides[node.id]
        identity, number = builder[operands[1 - other]], builder.const(1.0)
        if identity.op == "multiply":
            number = next(u for u in identity.operands if builder[u].op != "eye")
        if node.op == "add":
            number = builder.add("negative", [number])
        return builder.add("subtract_at_labels", [operands[other], _labels(builder, node), number])

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _labels(builder: Builder, matrix: Node) -> int:
    return builder.add("arange", [], counting(matrix.type.dims[0]))


def _is_made_by_rows(graph: Graph, node: Node) -> bool:
    matrix = graph[node.operands[0]]
    return node.attr("k") == 0 and _is_square(matrix) and graph.op(matrix).elementwise


def _is_square(matrix: Node) -> bool:
    if isinstance(matrix.type.shape, Unknown) or matrix.type.rank != 2:
        return False
    rows, columns = matrix.type.dims
    return rows == columns and matrix.type.is_float


def _beside_identity(graph: Graph, node: Node, uses: Counter[int]) -> int | None:
    """Which operand of a sum, or of a difference the first one, stands beside a multiple of the identity."""
    if node.op not in ("add", "subtract") or not _is_square(node):
        return None
    for other in (0, 1) if node.op == "add" else (0,):
        matrix, identity = graph[node.operands[other]], graph[node.operands[1 - other]]
        if matrix.type != node.type or not graph.op(matrix).elementwise or matrix.op == "eye":
            continue
        if identity.name or uses[identity.id] != 1:
            continue
        parts = [graph[u] for u in identity.operands] if identity.op == "multiply" else [identity]
        eyes = [part for part in parts if part.op == "eye" and part.attr("k") == 0 and part.type == node.type]
        numbers = [part for part in parts if part.type.rank == 0 and part.type.is_float]
        if len(eyes) == 1 and len(eyes) + len(numbers) == len(parts):
            return other
    return None
