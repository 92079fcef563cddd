"""Where the values of a function are that works in memory made once: in which statement or loop each is made, which
are whole arrays and which as long as a tile, which share an array, which are parts of joined ones.

`lives.py` and `parts.py` find it out; what writes text only reads it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph
from graphc.passes.regions import Item, read_by_rows

__all__ = ["Layout", "Part", "Spread"]


@dataclass(frozen=True)
class Part:
    """Rows `start` to `end` of a long array, and of the `count` arrays that fit into them the one `number`."""

    whole: int
    start: Dim
    end: Dim
    count: int
    number: int


Spread: TypeAlias = "tuple[int, tuple[Dim, tuple[Dim, ...]], tuple[Dim, ...]]"
"""What is spread over tiles: the value, rows and widths of the tiles, and the shape of a row."""


@dataclass
class Layout:
    """The statements and loops in their order, and where each value is.

    `kept` are the values that outlive the function: its roots and what is pinned.
    """

    graph: Graph
    kind: dict[int, str]
    kept: Sequence[int]
    items: list[Item]
    full: set[int] = field(default_factory=set)
    array: dict[int, int] = field(default_factory=dict)  # value -> the number of its array
    # Value -> the joined one that it is made in: along which axis, from where, to where.
    part_of: dict[int, tuple[int, int, Dim, Dim]] = field(default_factory=dict)
    pieces: dict[int, Part] = field(default_factory=dict)  # value -> the piece of a long array that it lies in
    heirs: dict[int, int] = field(default_factory=dict)  # a long array -> the one in whose place it is made
    in_rows: set[int] = field(default_factory=set)  # what only a loop needs, in rows of a whole array
    spread: dict[Spread, int] = field(default_factory=dict)  # what is copied before loops -> the number of its array
    rooms: dict[int, int] = field(default_factory=dict)  # the number of an array -> that of the room that it shares
    # The number of an array as long as a tile, or -1 - that of a room -> those of whole arrays that it may stand in.
    idle: dict[int, list[int]] = field(default_factory=dict)
    place: dict[int, int] = field(init=False)  # value -> the position of its item
    loop_of: dict[int, int] = field(init=False)  # a row value -> the position of its loop
    # What statements read, and in a loop over which rows that was asked.
    _reads: dict[int, tuple[Dim | None, list[tuple[int, bool]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rearrange(self.items)

    def rearrange(self, items: list[Item]) -> None:
        """Take these statements and loops in the place of those known so far."""
        self.items = items
        self.place = {id: position for position, item in enumerate(items) for id in item.nodes}
        self.loop_of = {
            id: position for position, item in enumerate(items) if item.rows is not None
            for id in item.nodes if id not in item.collected
        }  # fmt: skip

    def is_inside(self, id: int) -> bool:
        """Whether a value has no statement: it is read where it stands inside one."""
        return self.kind[id] in ("view", "inline")

    def is_part(self, u: int, id: int) -> bool:
        """Whether a value is made in its place in a joined one."""
        return u in self.part_of and self.part_of[u][0] == id

    def reads(self, item: Item, id: int) -> Sequence[tuple[int, bool]]:
        """The values that a statement reads, through views, and whether each is read by rows."""
        known = self._reads.get(id)
        if known is None or known[0] is not item.rows:  # it may have been taken out of its loop
            known = self._reads[id] = item.rows, self._found_reads(item, id)
        return known[1]

    def _found_reads(self, item: Item, id: int) -> list[tuple[int, bool]]:
        node = self.graph.nodes[id]
        found = read_by_rows(self.graph, node, item.rows) if item.rows is not None else None
        by_rows: Set[int] = found[0] if found else frozenset()
        stack = [(u, k in by_rows) for k, u in enumerate(node.operands)]
        reads: list[tuple[int, bool]] = []
        while stack:
            u, rows = stack.pop()
            if self.is_inside(u):
                inner = read_by_rows(self.graph, self.graph[u], item.rows) if rows and item.rows is not None else None
                kept = inner[0] if inner else set()
                stack += [(v, k in kept) for k, v in enumerate(self.graph[u].operands)]
            else:
                reads.append((u, rows))
        return reads

    def bases(self, id: int) -> list[int]:
        """The values whose arrays a value shows."""
        stack, found = [id], []
        while stack:
            u = stack.pop()
            if self.is_inside(u):
                stack += self.graph[u].operands
            else:
                found.append(u)
        return found

    def kept_bases(self) -> list[int]:
        return [base for id in self.kept for base in self.bases(id)]
