"""What only a later loop needs is made there, and not as a whole array in the loop before.

    for A_rows, e_rows, dh_rows in loop:                for A_rows, e_rows in loop:
        np.multiply(A_rows, d, e_rows)                      np.multiply(A_rows, d, e_rows)
        np.multiply(e_rows, v, dh_rows)                 e.T.dot(h, dv)
    e.T.dot(h, dv)                          becomes     for e_rows, h_rows, dh, slope in loop_2:
    for dh_rows, h_rows, slope in loop_2:                   np.multiply(e_rows, v, dh)
        np.square(h_rows, slope)                            np.square(h_rows, slope)
        np.multiply(dh_rows, slope, h_rows)                 np.multiply(dh, slope, h_rows)

where what it is made of is there as a whole, or is smaller. A statement joins the loop that makes its operands; if a
product stands before what reads it, all of it would wait for that.
"""

from __future__ import annotations

from graphc.emitter.layout import Layout
from graphc.ir.graph import Node
from graphc.passes.regions import Item, read_by_rows

__all__ = ["made_late"]


def made_late(layout: Layout) -> list[Item]:
    """The statements and loops, with statements moved to the only loop that reads what they make."""
    late = _Late(layout)
    return late.items if late.moved else layout.items


class _Late:
    def __init__(self, layout: Layout) -> None:
        self.layout, self.graph = layout, layout.graph
        self.place = dict(layout.place)
        self.moved: dict[int, int] = {}  # value -> the loop that it goes to
        self.readers: dict[int, list[tuple[int, bool]]] = {}  # value -> what reads it, and whether by rows
        for item in layout.items:
            for id in item.nodes:
                if not layout.is_inside(id):
                    for u, by_rows in layout.reads(item, id):
                        self.readers.setdefault(u, []).append((id, by_rows))
        self.kept = set(layout.kept_bases())
        place, readers = self.place, self.readers
        for item in reversed(layout.items):
            for id in reversed(item.nodes):
                first = readers.get(id)
                if first is None or place[first[0][0]] == place[id]:
                    continue  # as most are: what reads it stands beside it
                loop = self._loop_for(item, id)
                if loop is not None:
                    self.moved[id] = place[id] = loop

    def _loop_for(self, item: Item, id: int) -> int | None:
        """The loop that a value had better be made in."""
        node = self.graph[id]
        if self.layout.kind[id] != "buffer" or id in self.kept or not self._is_entrywise(node):
            return None
        readers = self.readers[id]
        loops = {self.place[reader] for reader, _ in readers}
        if len(loops) != 1 or not all(by_rows for _, by_rows in readers):
            return None
        (loop,) = loops
        rows = self.layout.items[loop].rows
        if loop == self.place[id] or rows is None or read_by_rows(self.graph, node, rows) is None:
            return None
        return loop if self._saves(item, id, loop) else None

    def _is_entrywise(self, node: Node) -> bool:
        entrywise = self.graph.op(node).elementwise or node.op == "as_float"
        return entrywise and node.type.is_float and (node.type.rank or 0) > 1

    def _saves(self, item: Item, id: int, loop: int) -> bool:
        """Whether no array of the value's size has to wait for the loop because the value does."""
        own = _extent(self.graph[id])
        for u in {u for u, _ in self.layout.reads(item, id)}:
            if u not in self.place or u in self.kept or _extent(self.graph[u]) < own:
                continue  # an argument is there, and so is a result; what is repeated along some axis is smaller
            if all(self.place[reader] < loop for reader, _ in self.readers[u] if reader != id):
                return False
        return True

    @property
    def items(self) -> list[Item]:
        """The items with what has moved before its first reader in its loop."""
        arriving: dict[int, list[int]] = {}
        for id, loop in reversed(self.moved.items()):  # in the order of the program
            arriving.setdefault(loop, []).append(id)
        items = []
        for position, item in enumerate(self.layout.items):
            nodes = [id for id in item.nodes if self.moved.get(id, position) == position]
            if position in arriving:
                nodes = self._joined(nodes, arriving[position])
            if nodes or not item.nodes:
                items.append(Item(nodes, item.rows, item.collected))
        return items

    def _joined(self, nodes: list[int], arriving: list[int]) -> list[int]:
        waiting = list(arriving)
        joined: list[int] = []
        for id in nodes:
            while any(id == reader for new in waiting for reader, _ in self.readers[new]):
                joined.append(waiting.pop(0))
            joined.append(id)
        return joined


def _extent(node: Node) -> int:
    """Along how many axes a value extends."""
    return sum(size.value != 1 for size in node.type.dims)
