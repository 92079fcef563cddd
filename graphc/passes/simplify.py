"""Simplification: local rewrites while the graph is made anew with shared subexpressions.

    dS = (P - one_hot(y)) * 1.0     becomes     dS = P - one_hot(y)

A rewrite is taken only where the new node has the type of the old one.
"""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.passes.rebuild import rebuild, same

__all__ = ["simplify"]


def simplify(graph: Graph) -> Graph:
    """The graph with shared subexpressions and local rewrites applied until nothing changes."""
    return rebuild(graph, same, share=True)
