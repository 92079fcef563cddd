"""Dead code: what no output, gradient or update needs.

Z = X @ W; U = exp(Z); L = sum(Z)       becomes       Z = X @ W; L = sum(Z)           where L is the output

X: (N, D), W: (D, H)
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.graph import Graph

__all__ = ["computed_of", "eliminate_dead_code", "needed"]


def needed(graph: Graph, roots: Iterable[int]) -> set[int]:
    """The roots and everything they are computed from."""
    seen = set(roots)
    nodes = graph.nodes
    for id in sorted(nodes, reverse=True):  # what uses a value stands behind it
        if id in seen:
            seen.update(nodes[id].operands)
    return seen


def computed_of(graph: Graph, sources: Iterable[int]) -> set[int]:
    """The sources and everything that is computed from them."""
    seen = set(sources)
    for node in graph:  # operands before what is computed of them
        if not seen.isdisjoint(node.operands):
            seen.add(node.id)
    return seen


def eliminate_dead_code(graph: Graph) -> Graph:
    """The graph without nodes that nothing needs. Arguments and cotangents stay: they are the interface."""
    keep = needed(graph, graph.roots)
    keep |= {a.node for a in graph.arguments} | set(graph.cotangents.values())
    if len(keep) == len(graph):
        return graph
    nodes = {id: node for id, node in graph.nodes.items() if id in keep}
    return graph.replace(nodes=nodes, values={n: i for n, i in graph.values.items() if i in keep})
