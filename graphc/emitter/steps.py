"""The gradients of a loop's steps take the array of the step before them, as far as nobody reads that any more.

    h_{t+1} = tanh(X[t] @ Wx + h_{t} @ Wh)                dh_2 = np.matmul(dZ_3, Wh.T, out=dh_3)
    c_{t+1} = f * c_{t} + i * g                           dc_2 = np.multiply(dc_3, f_3, out=dc_3)

    h_{t+1} = tanh(h_{t} @ W)                             dh_1 = np.matmul(dh_2_tanh, W.T, out=dh_3)

Each has a name of its own, so each would else live until the function returns: an array a step, which the memory of
the process has to be enlarged by and given back at each call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from graphc.ir.graph import Graph

__all__ = ["StepGradients"]

MOST_HELD: Final = 4  # arrays that are looked through for one that is free: a step seldom needs more than two


class StepGradients:
    """The gradients that belong together: dh_3 and dh_2, as those of values that the steps of a loop assign.

    `order` are the statements, `reads` tells what one reads, and `becomes` what an array is at last: of the product of
    matrices in `dh_2 = dz @ Wh.T; dh_2 += h_2` the sum.
    """

    def __init__(
        self, graph: Graph, order: Sequence[int], reads: Callable[[int], set[int]], becomes: Mapping[int, int]
    ) -> None:
        self.graph, self.order, self.reads, self.becomes = graph, order, reads, becomes
        self.stem: dict[int, str] = {}
        for id in order:
            name = graph[id].name
            stem = re.sub(r"(_\d+)+$", "", name) if name and name[0] == "d" and name[1:] in graph.values else name
            if stem and stem != name:
                self.stem[id] = stem

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

    def dead_before(self, reuse: Mapping[int, int], last: Mapping[int, float]) -> dict[int, int]:
        """Per product of matrices a gradient of a step before it, in whose array nothing is read any more.

        `reuse` tells whose array a statement writes over, `last` where each array is read for the last time. Where the
        product itself reads the step before it, in `dh_1 = (dh_2 * (1 - h_2 * h_2)) @ W.T`, it is the one before that.
        """
        array: dict[int, int] = {}  # value -> the first value in its array
        until: dict[int, float] = {}
        for position, id in enumerate(self.order):
            first = array[id] = array[reuse[id]] if id in reuse else id
            until[first] = max(until.get(first, 0), last.get(id, position))
        found: dict[int, int] = {}
        moved: dict[int, int] = {}  # an array that is not made -> the one in whose place it is
        holds: dict[str, dict[int, int]] = {}  # gradients that belong together: their arrays -> what is there at last
        for position, id in enumerate(self.order):
            arrays = holds.get(self.stem.get(self.becomes[id], ""), {})
            for there, u in arrays.items() if self.graph[id].op == "matmul" and id not in reuse else ():
                if until[there] < position and self._is_next(id, u):
                    found[id] = u
                    until[there] = until[id]
                    moved[id] = there
                    break
            if id in self.stem:
                arrays = holds.setdefault(self.stem[id], {})
                arrays[moved.get(array[id], array[id])] = id
                if len(arrays) > MOST_HELD:
                    del arrays[next(iter(arrays))]
        return found
