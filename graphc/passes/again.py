"""What is cheap is computed again in the loop that needs it again, in the place of an array that is kept. -O2 only.

    X: (N, D), W: (D, H), V: (H, C)
    Z = X @ W; t = tanh(Z); u = 1 + t                      Z = X @ W; t = tanh(Z); u = 1 + t
    A = u * Z; dA = (A @ V) @ mT(V)                        A = u * Z; dA = (A @ V) @ mT(V)
    dt = dA * Z; dZ = dA * u + dt * (1 - t*t)   becomes    dt = dA * Z; v = 1 + t; dZ = dA * v + dt * (1 - t*t)

The products divide the loops over tiles: u is an array of the first one alone, and no whole array is kept for it.
Only where the later loop reads the operands anyway, or reads one that is kept for what comes after in the place of the
value: to write and read an array that fits into no cache takes longer than one more pass over a tile that is in one. A
value that has to be kept for something else is not computed again.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.rebuild import rebuild, same
from graphc.passes.regions import Item, find_regions, read_by_rows
from graphc.passes.schedule import late_order

__all__ = ["compute_again"]


def compute_again(graph: Graph) -> Graph:
    """The graph with these values once for each loop that needs them; itself if there are none, or if the statements
    would part a loop."""
    loops = _Loops(graph)
    wanted = {id for id in loops.inside if loops.is_worthwhile(graph[id])}
    if not wanted:
        return graph
    moved: dict[int, int] = {}
    made: dict[tuple[int, int], int] = {}  # a value in another loop than its own

    def operand(builder: Builder, u: int, place: int | None) -> int:
        if u not in wanted or place is None or place == loops.place[u]:
            return moved[u]
        if (u, place) not in made:
            node = graph[u]
            operands = [operand(builder, v, place) for v in node.operands]
            made[u, place] = builder.add(node.op, operands, dict(node.attrs))
            hint = node.name or node.hint
            if hint:
                builder.hint(made[u, place], hint)
        return made[u, place]

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        place = loops.place.get(node.id)
        moved[node.id] = same(builder, node, [operand(builder, u, place) for u in node.operands])
        return moved[node.id]

    again = rebuild(graph, make, share=False)
    return again if _Loops(again).count <= loops.count else graph


class _Loops:
    """The loops over tiles as they will be, who is in which, and who reads whom."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        bound = {node.id for node in graph if node.op in ("argument", "seed")}
        order = late_order(graph, [id for id in graph.nodes if id not in bound], graph.roots)
        self.items: Sequence[Item] = find_regions(graph, order, bound)
        self.bound, self.roots = bound, set(graph.roots)
        self.place = {id: k for k, item in enumerate(self.items) for id in item.nodes}
        self.inside = {
            id for item in self.items if item.rows is not None for id in item.nodes if id not in item.collected
        }
        self.count = sum(item.rows is not None for item in self.items)
        self.users = graph.users()

    def is_worthwhile(self, node: Node) -> bool:
        """Whether a value need not be kept if the loops that read it behind its own compute it again."""
        op, shape = self.graph.op(node), node.type.shape
        cheap = op.elementwise and op.cost == "cheap" and node.type.is_float and node.id not in self.roots
        if not cheap or isinstance(shape, Unknown) or len(shape) < 2 or node.id not in self.inside:
            return False
        if any(size.value == 1 for size in shape):  # a column takes little memory
            return False
        own = self.place[node.id]
        outside = [u for u in self.users.get(node.id, ()) if self.place[u] != own]
        places = {self.place[u] for u in outside}
        needed = all(self._reads(u, node.id) for u in outside)
        return bool(places) and needed and all(self._has_operands(place, node) for place in places)

    def _reads(self, user: int, id: int) -> bool:
        """Whether a statement in a loop reads a value row by row."""
        rows = self.items[self.place[user]].rows
        node = self.graph[user]
        found = read_by_rows(self.graph, node, rows) if rows is not None and not self.graph.op(node).view else None
        return found is not None and all(k in found[0] for k, u in enumerate(node.operands) if u == id)

    def _has_operands(self, place: int, node: Node) -> bool:
        """Whether a loop has the operands of a value at hand."""
        rows = self.items[place].rows
        found = read_by_rows(self.graph, node, rows) if rows is not None else None
        if found is None or found[1]:
            return False
        by_rows = [u for k, u in enumerate(node.operands) if k in found[0]]
        away = [u for u in by_rows if not self._is_at_hand(u, place)]
        if away and not (len(away) == 1 and self._is_kept(away[0], place)):  # of one array in the place of another
            return False
        return all(self._is_early(u) for k, u in enumerate(node.operands) if k not in found[0])

    def _is_at_hand(self, id: int, place: int) -> bool:
        """Whether a loop reads a value row by row for something else, or it is an argument."""
        if id in self.bound:
            return True
        if self.graph.op(self.graph[id]).view:
            return False
        return any(self.place[u] == place and self._reads(u, id) for u in self.users.get(id, ()))

    def _is_kept(self, id: int, place: int) -> bool:
        """Whether a value is an array that something behind a loop, and outside its own, reads."""
        if self.graph.op(self.graph[id]).view or id in self.roots:
            return False
        own = self.place.get(id)
        return any(self.place[u] > place and self.place[u] != own for u in self.users.get(id, ()))

    def _is_early(self, id: int) -> bool:
        """Whether a value is a number, or small, and made outside the loops."""
        node = self.graph[id]
        return id in self.bound or node.type.rank == 0 or (id not in self.inside and self.place.get(id) is not None)
