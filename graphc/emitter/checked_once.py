"""Indices that `forward` has found to be in range `backward` takes as they are.

    dS[np.arange(N), in_range("y[t]", y[7], V)] -= 1      becomes      dS[np.arange(N), y[7]] -= 1
"""

from __future__ import annotations

from graphc.ir.graph import Graph, Node
from graphc.passes.partition import Split

__all__ = ["checked_in_forward"]


def checked_in_forward(split: Split) -> tuple[Graph, list[int]]:
    """The graph as `backward` sees it, and what that computes, in order, without the checks that forward has made."""
    graph, before = split.graph, set(split.forward)
    known: dict[int, int] = {}
    for id in split.backward:
        if graph[id].op == "in_range" and id in before:
            known[id] = known.get(graph[id].operands[0], graph[id].operands[0])
    if not known:
        return graph, list(split.backward)
    order = [id for id in split.backward if id not in known]
    nodes = {id: _reading(graph[id], known) for id in order if not known.keys().isdisjoint(graph[id].operands)}
    return graph.replace(nodes={**graph.nodes, **nodes}), order


def _reading(node: Node, known: dict[int, int]) -> Node:
    operands = tuple(known.get(u, u) for u in node.operands)
    return Node(node.id, node.op, operands, node.attrs, node.type, node.name, node.hint, node.origin)
