"""Gradients that are one number throughout, as zeros are, each under its name: none is a copy of another one's.

    dm = np.zeros(w.shape, w.dtype)                             dm = np.zeros(w.shape, w.dtype)
    grads = {"m": dm, "v": dm.copy()}          becomes          dv = np.zeros(w.shape, w.dtype)
                                                                grads = {"m": dm, "v": dv}
"""

from __future__ import annotations

from graphc.ir.graph import Graph, Node

__all__ = ["zeros_apart"]


def zeros_apart(graph: Graph) -> Graph:
    """The graph with a node for each of these gradients; itself if no two of them have the same."""
    nodes, gradients = dict(graph.nodes), dict(graph.gradients)
    seen: set[int] = set()
    for name, id in graph.gradients.items():
        node = graph[id]
        if id in seen and node.op == "broadcast_to" and graph[node.operands[0]].op == "const":
            gradients[name] = own = max(nodes) + 1
            nodes[own] = Node(own, node.op, node.operands, node.attrs, node.type, f"d{name}", None, node.origin)
        seen.add(id)
    return graph if gradients == graph.gradients else graph.replace(nodes=nodes, gradients=gradients)
