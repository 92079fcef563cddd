"""What a graph costs: its multiplications, as polynomials in the sizes.

    Z = X @ W        X: (N, D), W: (D, H)        N*D*H
    Y = Z * s        Z: (N, H)                   N*H

Two costs are compared with every size that has a name being `TYPICAL`: which of two polynomials is smaller depends on
the sizes, and the same program must always become the same module.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Type, Unknown

__all__ = ["TYPICAL", "multiplications", "total_multiplications", "typical"]

TYPICAL = 64

ONE_EACH = {"multiply", "divide", "square", "outer", "kron"}


def typical(size: Dim) -> int:
    """The number that a size or a cost counts for where it is compared: at least 1, whatever `H - K` would be."""
    try:
        return max(1, size.evaluate(dict.fromkeys(size.names(), TYPICAL)))
    except ZeroDivisionError:  # `N // (H - K)`
        return TYPICAL


def multiplications(graph: Graph, node: Node) -> Dim | None:
    """The multiplications that a node takes; None where its rank is known at run time only."""
    shape = node.type.shape
    if node.op == "matmul":
        operand: Type = graph[node.operands[0]].type
        if isinstance(shape, Unknown) or isinstance(operand.shape, Unknown):
            return None
        return numel(shape) * operand.shape[-1]
    if node.op not in ONE_EACH:
        return dim(0)
    return None if isinstance(shape, Unknown) else numel(shape)


def total_multiplications(graph: Graph, ids: Iterable[int] | None = None) -> Dim:
    """The multiplications of these nodes, by default of all; those of unknown rank are left out."""
    total = dim(0)
    for id in graph.nodes if ids is None else ids:
        total = total + (multiplications(graph, graph[id]) or 0)
    return total
