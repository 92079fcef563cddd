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
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Shape, Unknown
from graphc.passes.cost import typical

__all__ = ["peak"]


def peak(graph: Graph) -> int:
    """The most entries of arrays that are needed at a time."""
    nodes, arguments = graph.nodes, {argument.node for argument in graph.arguments}
    order = [id for id in sorted(nodes) if id not in arguments and not graph.op(nodes[id]).view]
    bases = _Bases(graph)
    kept = arguments | {bases.of(id) for id in graph.roots}
    reads = [[bases.of(u) for u in nodes[id].operands] for id in order]
    last = {u: place for place, read in enumerate(reads) for u in read}
    sizes: dict[int, int] = {}  # of what is there
    known: dict[Shape, int] = {}
    held = most = 0
    for place, (id, read) in enumerate(zip(order, reads, strict=True)):
        node = nodes[id]
        begun = _entries(graph, node, arguments, known) if id in last or id in kept else 0
        if begun and id not in kept:
            sizes[id] = begun
        ended = sum([sizes.pop(u, 0) for u in read if last[u] == place])
        if begun and not graph.op(node).elementwise and node.op != "concatenate":
            most = max(most, held + begun)
        held += begun - ended
        most = max(most, held)
    return most


def _entries(graph: Graph, node: Node, arguments: Collection[int], known: dict[Shape, int]) -> int:
    """The entries of a value's array; what joins arguments is as large as they are, and does not count for them."""
    shape = node.type.shape
    if not node.type.is_float or isinstance(shape, Unknown) or len(shape) < 2:
        return 0
    entries = known.get(shape)
    if entries is None:
        entries = known[shape] = typical(numel(shape))
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
