"""A long array that is read piece by piece gives its pieces away: to other values, and at last to another long array.

    P = X @ W; Z_0 = P[0] + …; Z_1 = P[1] + …     P: (T, N, 2*H), what the products of T steps with X are
    f_1 = …; g_1 = …  (step 1)                    they are needed again, and P[0] is not any more
    C = concatenate([dZ_0, dZ_1, …])              backward reads f_1 and g_1 before it makes dZ_0

    becomes     P = C = np.empty((T*N, 2*H), X.dtype)
                f_1 = P[0:N].reshape(2, N, H)[0]
                g_1 = P[0:N].reshape(2, N, H)[1]

So a recurrent net's gates lie where the products were that they are made of, and their gradients where the gates were:
half the memory, and what is written is still in a cache. Pieces are free from the statement or loop on that follows the
last one that reads them; where that one reads and writes entry by entry, a part of the other array is made over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from graphc.emitter.into import may_overwrite
from graphc.emitter.layout import Layout, Part
from graphc.emitter.lives import Lives
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Type
from graphc.ops.cuts import WHOLE
from graphc.passes.regions import read_by_rows

__all__ = ["give_pieces_away"]

LEAST = 3  # pieces; with fewer of them there is little to give away
SEEN = 8  # so many rooms are looked at for a value, so that a long program takes no longer than its length


@dataclass(frozen=True)
class _Room:
    part: Part
    until: float


@dataclass
class _Long:
    """A long array, the rows of a piece, and how long that is along the first axis: as many rows, or 1 of an array that
    has an axis of pieces; from after which item on a piece is free, and before which it no longer is, because it is
    then made as a piece of the `heir`. `views` are the nodes that show a piece."""

    id: int
    rows: Dim
    step: Dim
    free: list[int]
    views: list[list[int]]
    until: list[float]
    heir: int | None = None

    def times(self, own: Type, type: Type) -> int:
        """How often a piece holds an array of a type; 0: not, or nobody knows."""
        size = numel(type.dims)
        times = None if type.dtype != own.dtype or size == 0 else numel((self.step, *own.dims[1:])).divided_by(size)
        return (times.value or 0) if times is not None else 0


def give_pieces_away(layout: Layout, lives: Lives) -> None:
    """Enter into the layout what lies in pieces of long arrays, and what takes the place of one.

    The long arrays then live as long as all that lies in them.
    """
    planner = _Planner(layout)
    longs = list(planner.longs())
    for long in longs:
        planner.find_heir(long)
    layout.pieces = planner.place(longs) if longs else {}
    layout.heirs = {long.heir: long.id for long in longs if long.heir is not None}
    for id, whole in [*((id, part.whole) for id, part in layout.pieces.items()), *layout.heirs.items()]:
        lives.last[whole] = max(lives.last[whole], lives.last[id])


class _Planner:
    """Times are numbers of items: what a loop reads or writes, it does so from its first tile to its last."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.graph = layout, layout.graph
        self.kept = set(layout.kept_bases())
        self.taken: set[int] = set()
        self.users: dict[int, list[int]] = {}
        for item in layout.items:
            for id in item.nodes:
                for u in self.graph[id].operands:
                    self.users.setdefault(u, []).append(id)
        nodes = (self.graph[id] for item in layout.items for id in item.nodes)
        self.joined = [node for node in nodes if node.op == "concatenate" and node.attr("axis") == 0]
        self._born: dict[int, int] = {}
        for number, item in enumerate(layout.items):
            for id in item.nodes:
                self._birth(id, number)

    def _birth(self, id: int, number: int) -> None:
        """A value is written from this item on, and so is the joined one that it is part of."""
        while number < self._born.get(id, number + 1):
            self._born[id] = number
            if id not in self.layout.part_of:
                return
            id = self.layout.part_of[id][0]

    def _last(self, id: int) -> int:
        """The last item that reads a value, through views as well."""
        last, stack = self._born.get(id, 0), [id]
        while stack:
            for user in self.users.get(stack.pop(), ()):
                if self.layout.is_inside(user):
                    stack.append(user)
                else:
                    last = max(last, self.layout.place[user])
        return last

    def longs(self) -> Iterator[_Long]:
        """The whole arrays that are read in pieces only."""
        for item in self.layout.items:
            for id in item.nodes:
                if self._is_by_itself(id) and self.graph[id].type.is_float:
                    found = self._pieces(id)
                    if found is not None:
                        yield found

    def _is_by_itself(self, id: int) -> bool:
        layout = self.layout
        return id in layout.full and id not in layout.part_of and id not in self.kept and layout.kind[id] == "buffer"

    def _pieces(self, id: int) -> _Long | None:
        """As an array that is read in pieces, of an axis of its own or of the one it is reshaped to have."""
        shown = users = self.users.get(id, [])
        dims = self.graph[id].type.dims
        reshaped = bool(users) and all(self._is_view(u, "reshape") for u in users)
        if reshaped:
            shapes = {self.graph[u].type.dims for u in users}
            shape = next(iter(shapes))
            if len(shapes) > 1 or len(shape) < 2 or shape[2:] != dims[1:]:
                return None
            shown = [user for view in users for user in self.users.get(view, [])]
        elif users and len(dims) > 2:
            shape = dims
        else:
            return None
        count, rows = shape[0].value, shape[1]
        if count is None or count < LEAST:
            return None
        free = [self._born[id]] * count
        views: list[list[int]] = [[] for _ in free]
        for user in shown:
            if not self._is_view(user, "slice") or not isinstance(first := self.graph[user].attr("index")[0], int):
                return None
            free[first] = max(free[first], self._last(user))
            views[first].append(user)
        return _Long(id, rows, rows if reshaped else dim(1), free, views, [math.inf] * count)

    def _is_view(self, id: int, op: str) -> bool:
        return self.graph[id].op == op and self.layout.is_inside(id) and len(self.graph[id].operands) == 1

    def find_heir(self, long: _Long) -> None:
        """A joined array of as many entries, each part of which is made when the piece there is free."""
        count, type = len(long.free), self.graph[long.id].type
        dims = (long.rows * count, *type.dims[1 if long.rows is long.step else 2 :])
        for node in self.joined:
            fits = node.type.dims == dims and node.type.dtype == type.dtype and node.id not in self.taken
            if len(node.operands) != count or not fits or not self._is_by_itself(node.id):
                continue
            bounds = ((node.id, 0, long.rows * k, long.rows * (k + 1)) for k in range(count))
            if [self.layout.part_of.get(u) for u in node.operands] != list(bounds):
                continue
            if all(self._is_free_for(long, k, u) for k, u in enumerate(node.operands)):
                long.heir, long.until = node.id, [self._born[u] for u in node.operands]
                self.taken.add(node.id)
                return

    def _is_free_for(self, long: _Long, piece: int, part: int) -> bool:
        """Whether a part may be made where the piece is: later, or row by row in the loop that reads it row by row, or
        over it by the one operation that reads it. The last two only where the piece is read as it is, whole and in
        order: of `P[0, ::-1]` and of `P[0].T` other rows are read than are written."""
        free, born = long.free[piece], self._born[part]
        if free != born or not long.views[piece] or not all(map(self._is_read_in_order, long.views[piece])):
            return free < born
        item = self.layout.items[born]
        order = {id: k for k, id in enumerate(item.nodes)}
        readers = [user for view in long.views[piece] for user in self.users.get(view, ()) if user in order]
        writers = [id for id in item.nodes if self._lies_in(id, part)]
        read, written = max(map(order.__getitem__, readers)), min(map(order.__getitem__, writers))
        if read > written or (read == written and not self._writes_over(item.nodes[read], long.views[piece])):
            return False
        if item.rows is None:
            return True
        by_rows = (self._reads_by_rows(user, view, long.rows) for view in long.views[piece] for user in readers)
        return item.rows == long.rows and all(by_rows)

    def _is_read_in_order(self, view: int) -> bool:
        rest = self.graph[view].attr("index")[1:]
        users = self.users.get(view, ())
        return all(part == WHOLE for part in rest) and bool(users) and not any(map(self.layout.is_inside, users))

    def _writes_over(self, id: int, views: Sequence[int]) -> bool:
        """Whether an operation may write over what of these it reads."""
        node = self.graph[id]
        over = may_overwrite(self.graph.op(node), node, self.graph.__getitem__)
        return all(u in over and self.graph[u].type == node.type for u in node.operands if u in views)

    def _lies_in(self, id: int, whole: int) -> bool:
        while id != whole and id in self.layout.part_of:
            id = self.layout.part_of[id][0]
        return id == whole

    def _reads_by_rows(self, user: int, view: int, rows: Dim) -> bool:
        node = self.graph[user]
        found = None if self.layout.is_inside(user) else read_by_rows(self.graph, node, rows)
        return found is not None and all(k in found[0] for k, u in enumerate(node.operands) if u == view)

    def place(self, longs: Sequence[_Long]) -> dict[int, Part]:
        """Values in the order in which they are made, each into the room that was free last."""
        whole = self.taken | {long.id for long in longs} | {part[0] for part in self.layout.part_of.values()}
        waiting = sorted(((free, -k, piece) for k, long in enumerate(longs) for piece, free in enumerate(long.free)))
        waiting.reverse()
        rooms, parts = _Rooms(self.graph), dict[int, Part]()
        for number, item in enumerate(self.layout.items):
            while waiting and waiting[-1][0] < number:
                _, k, piece = waiting.pop()
                rooms.uncut.append((longs[-k], piece))
            rooms.give_back(number)
            for id in item.nodes:
                if self._is_by_itself(id) and id not in whole:
                    found = rooms.take(self.graph[id], self._last(id))
                    if found is not None:
                        parts[id] = found
        return parts


class _Rooms:
    """Pieces, whole or cut into rooms for values of one shape."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.uncut: list[tuple[_Long, int]] = []
        self.free: dict[Type, list[_Room]] = {}
        self.ends: list[tuple[int, int, Type, _Room]] = []  # the last first; who lives until when, and where

    def give_back(self, number: int) -> None:
        """What nothing reads any more is free from this item on."""
        while self.ends and self.ends[0][0] < number:
            _, _, type, room = heappop(self.ends)
            self.free[type].append(room)

    def take(self, node: Node, last: int) -> Part | None:
        """Room for a value that is read until then."""
        free = self.free.setdefault(node.type, [])
        if not _suits(free, last):
            self._cut(node.type, free, last)
        at = _suits(free, last)
        if not at:
            return None
        room = free.pop(-at)
        heappush(self.ends, (last, node.id, node.type, room))
        return room.part

    def _cut(self, type: Type, free: list[_Room], last: int) -> None:
        """Make rooms for values of a type of a piece that is free for as long."""
        for at in range(1, min(SEEN, len(self.uncut)) + 1):
            long, piece = self.uncut[-at]
            count = long.times(self.graph[long.id].type, type)
            if count and last < long.until[piece]:
                del self.uncut[-at]
                start, end = long.step * piece, long.step * (piece + 1)
                free += [_Room(Part(long.id, start, end, count, k), long.until[piece]) for k in reversed(range(count))]
                return


def _suits(free: Sequence[_Room], last: int) -> int:
    """How far from the end there is a room that is free until then; 0: nowhere."""
    return next((at for at in range(1, min(SEEN, len(free)) + 1) if last < free[-at].until), 0)
