"""A column less a vector: the difference of each pair, where those of the entries are meant.

    input X[N, D], y[N]; param w[D, 1]
    L = mean((X@w - y)**2)                X@w is (N, 1), and X@w - y is (N, N)

Who wants the pairs says so: `a[:, None] - b`, or a declared column. Only a product of matrices without such a column
behind it, less an argument that is a vector, is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.ir.graph import Node
from graphc.language.source import Span

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_crossed"]

DIFFERENCES = frozenset(
    ["subtract", "squared_error", "absolute_error", "huber_error", "binary_entropy", "binary_entropy_of_logits",
     "hinge_error"]
)  # fmt: skip
PLACED = frozenset(["expand_dims", "reshape"])
"""What puts an axis where a program wants it."""


def check_crossed(lowering: Lowering) -> None:
    """Each such difference of the program is told once."""
    builder = lowering.builder
    columns: set[int] | None = None
    for node in builder.nodes.values():
        if node.op not in DIFFERENCES or node.of_rule or node.origin is None or node.type.rank != 2:
            continue
        sides = [builder[u] for u in node.operands[:2]]
        for column, vector in (sides, sides[::-1]):
            shape = column.type.shape
            if vector.op != "argument" or not _has_one_column(column) or not isinstance(shape, tuple):
                continue
            if shape[0] == 1 or vector.type.shape != shape[:1]:
                continue
            columns = columns if columns is not None else _columns(lowering)
            place = _in_program(lowering, node)
            if column.id in columns and place is not None:
                size = shape[0]
                shapes = f"({size}, 1) and ({size},) broadcast to ({size}, {size})"
                message = f"a column and a vector make a matrix: {shapes}"
                help = "take `[:, 0]` of the column for one difference an entry; write `[None, :]` if pairs are meant"
                lowering.diagnostics.warning("W0204", message, place, help=help)


def _has_one_column(node: Node) -> bool:
    shape = node.type.shape
    return isinstance(shape, tuple) and len(shape) == 2 and shape[1] == 1


def _columns(lowering: Lowering) -> set[int]:
    """The values that have one column because a product of matrices has, in one walk from operands to users."""
    builder = lowering.builder
    columns, placed = set[int](), set[int]()
    for node in builder.nodes.values():
        if node.op in PLACED or not placed.isdisjoint(node.operands):
            placed.add(node.id)
        elif not _has_one_column(node):
            continue
        elif node.op == "matmul":
            if not _has_one_column(builder[node.operands[0]]):
                columns.add(node.id)
        else:
            wide = [u for u in node.operands if builder.type(u).shape == node.type.shape]
            if wide and columns.issuperset(wide):
                columns.add(node.id)
    return columns


def _in_program(lowering: Lowering, node: Node) -> Span | None:
    """The place of a value in the program: if an operation of a file of graphc's made it, that of the call."""
    nodes, made = lowering.builder.nodes, {node.id}
    for id in range(node.id, len(nodes)):
        other = nodes[id]
        if other.origin is None or node.origin is None or other.origin.statement != node.origin.statement:
            break
        if id != node.id and made.isdisjoint(other.operands):
            continue
        if other.origin.span is not None and other.origin.span.source is lowering.module.source:
            return other.origin.span
        made.add(other.id)
    return None
