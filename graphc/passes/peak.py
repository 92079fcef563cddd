"""How much memory a graph needs at a time, as far as that depends on which values wait for others. For -O2 only.

    H_1 = tanh(Z_1);  …;  dW_1 = mT(X_1) @ dZ_1;  dW_2 = dW_1 + mT(X_2) @ dZ_2         X_1 and dZ_1 go before dZ_2 comes
    H_1 = tanh(Z_1);  …;  dW_2 = mT(concatenate([X_2, X_1])) @ concatenate([dZ_2, dZ_1])           all of them wait

Arrays of several axes count, with every size that has a name being `TYPICAL`. A value that is computed entry by entry
takes the array of an operand that nothing needs any more, parts are made in their places in what joins them, and
arguments are there anyway. Tiles are not looked at: what is compared are the arrays that many steps leave behind.
"""

from __future__ import annotations

from collections.abc import Collection

from graphc.ir.dims import numel
from graphc.ir.graph import Graph
from graphc.ir.types import Unknown
from graphc.passes.cost import typical
from graphc.passes.schedule import late_order

__all__ = ["peak"]


def peak(graph: Graph) -> int:
    """The most entries of arrays that are needed at a time."""
    arguments = {argument.node for argument in graph.arguments}
    order = late_order(graph, [id for id in sorted(graph.nodes) if id not in arguments], graph.roots)
    order = [id for id in order if not graph.op(graph[id]).view]
    bases = _Bases(graph)
    kept = arguments | {bases.of(id) for id in graph.roots}
    last = {bases.of(u): place for place, id in enumerate(order) for u in graph[id].operands}
    held = most = 0
    for place, id in enumerate(order):
        node, read = graph[id], {bases.of(u) for u in graph[id].operands}
        ended = sum(_entries(graph, u, arguments) for u in read if last[u] == place and u not in kept)
        begun = _entries(graph, id, arguments) if id in last or id in kept else 0
        if graph.op(node).elementwise or node.op == "concatenate":
            held += begun - ended
            most = max(most, held)
        else:
            most = max(most, held + begun)
            held += begun - ended
    return most


def _entries(graph: Graph, id: int, arguments: Collection[int]) -> int:
    """The entries of a value's array; what joins arguments is as large as they are, and does not count for them."""
    node = graph[id]
    if not node.type.is_float or isinstance(node.type.shape, Unknown) or len(node.type.shape) < 2:
        return 0
    entries = typical(numel(node.type.shape))
    if node.op == "concatenate":
        entries -= sum(typical(numel(graph[u].type.dims)) for u in node.operands if u in arguments)
    return max(0, entries)


class _Bases:
    """The values whose arrays values show."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[int, int] = {}

    def of(self, id: int) -> int:
        passed = []
        while id not in self.known:
            node = self.graph[id]
            if not self.graph.op(node).view or not node.operands:
                self.known[id] = id
                break
            passed.append(id)
            id = node.operands[0]
        base = self.known[id]
        self.known.update(dict.fromkeys(passed, base))
        return base
