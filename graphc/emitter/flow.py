"""The values of one function: in which order it computes them, of which arrays, and who reads what.

    def backward(dS, W, H):  dH = dS @ W.T; dW = H.T @ dS        order: W.T, dH, H.T, dW     roots: dH, dW
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graphc.ir.graph import Graph

__all__ = ["Flow"]


class Flow:
    """What a function computes: the `roots` from `arrays` at hand, by the values of `order`.

    `role` is `forward`, `backward` or `step`; `in_place` says whether arrays may be written over.
    """

    def __init__(
        self, graph: Graph, order: Sequence[int], arrays: Mapping[int, str], roots: Iterable[int], in_place: bool,
        role: str,
    ) -> None:  # fmt: skip
        self.graph, self.arrays, self.in_place, self.role = graph, arrays, in_place, role
        self.order = [i for i in order if i not in arrays]
        self.roots = dict.fromkeys(roots)
        self.ops = {id: graph.op(graph.nodes[id]) for id in self.order}
        self.consumers: dict[int, list[int]] = {}
        consumers, nodes = self.consumers, graph.nodes
        for id in self.order:
            operands = nodes[id].operands
            for u in operands if len(operands) < 2 else dict.fromkeys(operands):
                users = consumers.get(u)
                if users is None:
                    consumers[u] = [id]
                else:
                    users.append(id)
