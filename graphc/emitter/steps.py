"""The gradients of a loop's steps take the array of the step before them, as far as nobody reads that any more.

    h_{t+1} = tanh(X[t] @ Wx + h_{t} @ Wh)                dh_2 = np.matmul(dZ_3, Wh.T, out=dh_3)
    c_{t+1} = f * c_{t} + i * g                           dc_2 = np.multiply(dc_3, f_3, out=dc_3)

Each has a name of its own, so each would else live until the function returns: an array a step, which the memory of
the process has to be enlarged by and given back at each call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from graphc.ir.graph import Graph

__all__ = ["StepGradients"]


class StepGradients:
    """The gradients that belong together: dh_3 and dh_2 for values that the steps of a loop assign.

    `order` are the statements, `reads` tells what one reads, and `becomes` what an array is at last: of the product of
    matrices in `dh_2 = dz @ Wh.T; dh_2 += h_2` the sum.
    """

    def __init__(
        self, graph: Graph, order: Sequence[int], reads: Callable[[int], set[int]], becomes: Mapping[int, int]
    ) -> None:
        self.graph, self.order, self.reads, self.becomes = graph, order, reads, becomes
        self.stem: dict[int, str] = {}
        looped = {statement.index for statement in graph.statements if statement.steps}
        for id in order if looped else ():
            name = graph[id].name
            value = graph.nodes.get(graph.values.get(name[1:], -1)) if name and name[0] == "d" else None
            if name and value is not None and value.origin is not None and value.origin.statement in looped:
                self.stem[id] = re.sub(r"(_\d+)+$", "", name)

    def _is_next(self, id: int, before: int) -> bool:
        """Whether a value is, or becomes, another gradient of those that `before` belongs to, of the same type."""
        stem = self.stem.get(self.becomes[id])
        return stem is not None and stem == self.stem.get(before) and self.graph[id].type == self.graph[before].type

    def behind_readers(self, may_move: Callable[[int, int], bool]) -> list[int]:
        """The statements in an order in which what is computed entry by entry of the step before stands behind all that
        reads that as well, as far as it may move behind another statement: it can be computed in its place then."""
        last: dict[int, int] = {}
        first: dict[int, int] = {}
        for position, id in enumerate(self.order):
            for u in self.reads(id):
                last[u] = position
                first.setdefault(u, position)
        late: dict[int, list[int]] = {}
        for position, id in enumerate(self.order):
            op = self.graph.op(self.graph[id])
            for u in self.graph[id].operands if op.ufunc and op.elementwise else ():
                to = last.get(u, position)
                if position < to < first.get(id, 0) and self._is_next(id, u) and may_move(id, self.order[to]):
                    late.setdefault(to, []).append(id)
                    break
        moved = {id for ids in late.values() for id in ids}
        result: list[int] = []
        for position, id in enumerate(self.order):
            result += [] if id in moved else [id]
            result += late.get(position, [])
        return result

    def dead_before(self, last: Mapping[int, float], taken: set[int]) -> dict[int, int]:
        """Per product of matrices the gradient of the step before, if its array is none of those `taken` and is not
        read any more; `last` are the positions where arrays are read for the last time."""
        found: dict[int, int] = {}
        latest: dict[str, int] = {}
        for position, id in enumerate(self.order):
            u = latest.get(self.stem.get(self.becomes[id], ""))
            product = u is not None and self.graph[id].op == "matmul" and self._is_next(id, u)
            if u is not None and product and u not in taken and last.get(u, position) < position:
                found[id] = u
            if id in self.stem:
                latest[self.stem[id]] = id
        return found
