"""A column less a vector: the difference of each pair, where those of the entries are meant.

    input X[N, D], y[N]; param w[D, 1]
    L = mean((X@w - y)**2)                X@w is (N, 1), and X@w - y is (N, N)

Who wants the pairs says so: `a[:, None] - b`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.graph import Node

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_crossed"]

DIFFERENCES = frozenset(
    ["subtract", "squared_error", "absolute_error", "huber_error", "binary_entropy", "binary_entropy_of_logits",
     "hinge_error"]
)  # fmt: skip


def check_crossed(lowering: Lowering) -> None:
    """Each such difference of the program is told once."""
    builder = lowering.builder
    for node in builder.nodes.values():
        if node.op not in DIFFERENCES or node.of_rule or node.origin is None or node.type.rank != 2:
            continue
        sides = [builder[u] for u in node.operands[:2]]
        for column, vector in (sides, sides[::-1]):
            shape = column.type.shape
            if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] == 1 or vector.type.shape != shape[:1]:
                continue
            if _is_column(lowering, column):
                size = shape[0]
                shapes = f"({size}, 1) and ({size},) broadcast to ({size}, {size})"
                message = f"a column and a vector make a matrix: {shapes}"
                help = "take `[:, 0]` of the column for one difference an entry; write `[None, :]` if pairs are meant"
                lowering.diagnostics.warning("W0204", message, node.origin.span, help=help)


def _is_column(lowering: Lowering, column: Node) -> bool:
    """Whether a value has one column because an argument or a product of matrices has: it was not put there."""
    stack, seen = [column], set[int]()
    while stack:
        node = stack.pop()
        shape = node.type.shape
        if node.id in seen or not isinstance(shape, tuple) or len(shape) != 2 or shape[1] != 1:
            continue
        seen.add(node.id)
        if node.op in ("argument", "matmul"):
            return True
        stack += [lowering.builder[u] for u in node.operands]
    return False
