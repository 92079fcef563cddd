"""What a pass leaves of a program, counted: operations of the joint graph by name, and the entries of their values."""

from __future__ import annotations

from collections import Counter

import graphc
from graphc.ir.graph import Graph
from graphc.passes.cost import typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from graphc.passes.simplify import simplify

__all__ = ["apart", "counted", "entries", "simplified"]


def apart(text: str) -> Graph:
    """The joint graph of primitive operations, as it is before any simplification; nothing is shared."""
    return expand(eliminate_dead_code(graphc.differentiate(graphc.parse(text))), share=False)


def simplified(text: str) -> Graph:
    """The joint graph after simplification."""
    return simplify(expand(eliminate_dead_code(graphc.differentiate(graphc.parse(text))), share=True))


def counted(graph: Graph) -> Counter[str]:
    """How often each operation stands in a graph."""
    return Counter(node.op for node in graph)


def entries(graph: Graph, *ops: str) -> int:
    """The entries that all values of these operations have together, sizes with names being typical: their buffers."""
    total = 0
    for node in graph:
        if node.op in ops:
            size = 1
            for dim in node.type.dims:
                size *= typical(dim)
            total += size
    return total

DENSE = """input A[N, n, n], v[n], i[N]: int
param x[N, n], W[n, n]
D = (diag(v) @ W * eye(n) + diag(v)) @ diag(v)
L = sum(sum(A * x[..., None], axis=1) * one_hot(i, n)) + trace(D) + sum(log_softmax(x @ D)[arange(N), i]) + mean(x[i])
"""
"""A program in which many simplifications have something to do."""
