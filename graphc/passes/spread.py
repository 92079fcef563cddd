"""Operands that are spread over a tile: what broadcasting repeats for each row is written out once. -O2 only.

    for rows in tiles:                          b_spread[...] = b
        np.add(product_rows, b, out=Z)          for rows in tiles:
                                                    np.add(product_rows, b_rows, out=Z)

NumPy goes through arrays of one shape in one go; where one of them repeats its rows it begins anew with each of them,
and where one is a number it is made an array first: a few entries then cost three times what they cost in one go. What
is spread is as long as a tile, so it stays in a cache, and it is copied once, however many tiles there are. A tile of a
vector has many entries, and a number for each of them would be one array more that is read.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["is_outer", "spread_operands"]


def is_outer(column: Node, row: Node, node: Node) -> bool:
    """Whether a node is a column times a row: that is a product of matrices, which reads the row as it is."""
    if node.op != "multiply" or not node.type.is_float or node.type.rank != 2:
        return False
    if isinstance(column.type.shape, Unknown) or isinstance(row.type.shape, Unknown):
        return False
    rows, columns = node.type.dims
    upright = column.type.is_float and column.type.dims == (rows, dim(1))
    return upright and row.type.is_float and row.type.dims in ((columns,), (dim(1), columns)) and columns != 1


def spread_operands(
    graph: Graph, node: Node, by_rows: Collection[int], constants: Collection[int]
) -> dict[int, tuple[Dim, ...]]:
    """The positions of operands to spread where `node` is computed in a loop that reads `by_rows` by rows, each with
    the shape that its rows then have. `constants` are the values that do not change from call to call."""
    if node.op == "subtract_at_labels":
        return {2: ()} if node.operands[2] in constants and node.type.rank == 2 else {}
    if not graph.op(node).elementwise or not node.type.is_float or isinstance(node.type.shape, Unknown):
        return {}
    if node.op == "multiply" and any(is_outer(graph[u], graph[v], node) for u, v in permutations(node.operands)):
        return {}
    rest = node.type.dims[1:]
    narrow = bool(rest) and all(size.value == 1 for size in rest)
    found: dict[int, tuple[Dim, ...]] = {}
    for k, u in enumerate(node.operands):
        operand = graph[u]
        if k in by_rows or not operand.type.is_float or isinstance(operand.type.shape, Unknown):
            continue
        if any(size.value != 1 for size in operand.type.dims) or (narrow and u in constants):
            found[k] = rest
    return found
