"""What each value of a function is that works in memory made once.

    N = size; E = exp(X); s = sum(E); P = E.T; Z = P / s; U = unique(Z)

    bound     an argument: X                       scalar    a number: s
    inline    stands inside others: N              buffer    an array that exists is written into: E, Z
    constant  hangs on sizes only: 1/N             fresh     no statement writes it into an array: U
    view      shows another value's array: P
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.emitter import into_labels, into_moves, into_places, into_windows  # noqa: F401 - enter their forms
from graphc.emitter.inlining import ALWAYS_INLINE
from graphc.emitter.into import has_form
from graphc.emitter.statements import STATEMENTS
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["factors", "kinds_of"]

VIEWS = {"transpose", "mT", "stop_gradient"}


def kinds_of(graph: Graph, order: Sequence[int], bound: Iterable[int]) -> dict[int, str]:
    """Value -> `bound`, `inline`, `constant`, `view`, `scalar`, `buffer` or `fresh`."""
    kind: dict[int, str] = dict.fromkeys(bound, "bound")
    constant: set[int] = set()
    for id in order:
        node, op = graph[id], graph.op(graph[id])
        if _is_inline(node):
            kind[id] = "inline"
            if node.op in ("const", "size"):
                constant.add(id)
        elif all(u in constant for u in node.operands) and not node.attr("like") and _is_constant(node):
            kind[id] = "constant"
            constant.add(id)
        elif op.view:
            kind[id] = "view"
        elif node.type.rank == 0 or node.type.dtype == "shape":
            kind[id] = "scalar"
        elif has_form(op, node):
            kind[id] = "buffer"
        else:
            kind[id] = "fresh"
    return kind


def _is_constant(node: Node) -> bool:
    known = not isinstance(node.type.shape, Unknown)
    return known and node.op not in STATEMENTS and node.op not in ("argument", "seed")


def _is_inline(node: Node) -> bool:
    if node.op == "const":
        return not isinstance(node.attr("value"), tuple)
    return (node.op in ALWAYS_INLINE and node.op not in VIEWS) or node.op == "shape_of"


def factors(graph: Graph) -> set[int]:
    """What stands in products of matrices: NumPy copies it there in every call if it only shows another array again
    and again, so a constant that does is written out. BLAS itself reads the transpose of what is an array."""
    found = {u for node in graph if node.op == "matmul" for u in node.operands}
    return {u for u in found if graph[u].op != "mT" or graph.op(graph[graph[u].operands[0]]).view}
