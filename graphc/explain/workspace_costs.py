"""What a function costs that works in memory which is allocated once: `value_and_grad` in a workspace, at -O2, or of a
large program `forward_in` and `backward_in`.

An array that is as long as a tile stays in a cache, so only what goes to whole arrays counts as bytes moved. Where
`H = relu(Z)` and all that reads `H` stand in one loop over tiles of rows, `Z` is read from memory, and `H` never is.
"""

from __future__ import annotations

from graphc.emitter.buffered import Buffered
from graphc.emitter.kinds import factors
from graphc.explain.peaks import Memory, Point
from graphc.explain.work import Loop, Row, Work, rows_of, work_of
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph
from graphc.passes.cost import bytes_of, scratch

__all__ = ["WorkspaceCosts"]


class WorkspaceCosts:
    """A function that works in memory which is allocated once."""

    def __init__(self, part: str, graph: Graph, body: Buffered, item: int, threads: int, roots: list[int]) -> None:
        self.part, self.roots, self.lines = part, roots, [line for _, line in body.lines]
        self.graph, self.plan, self.item, self.threads = graph, body.plan, item, threads
        self.groups = {line.node.id: line.group for _, line in body.lines if line.node is not None}

    def rows(self) -> list[Row]:
        done: list[tuple[tuple[int, bool], Work]] = []
        for number, item in enumerate(self.plan.items):
            touched: set[int] = set()
            for id in item.nodes:
                if id not in self.groups or self.plan.kind[id] in ("view", "inline", "constant"):
                    continue  # nothing is done: as where all parts of a joined array are made in their places
                work = work_of(self.graph, self.graph[id], self.item)
                if item.rows is not None:
                    work = self._by_tiles(id, work, touched, Loop(item.rows, self.plan.widths.get(number, ())))
                done.append((self.groups[id], work))
        return rows_of(self.graph, self.part, done)

    def _by_tiles(self, id: int, work: Work, touched: set[int], loop: Loop) -> Work:
        """A statement in a loop: whole arrays come from memory once, what is as long as a tile stays in the cache."""
        memory = dim(0)
        for u in (id, *self.graph[id].operands):
            for base in self._bases(u):
                whole = base not in self.plan.kind or self.plan.kind[base] == "bound" or base in self.plan.full
                whole = whole and base not in self.plan.in_rows
                size = bytes_of(self.graph[base].type, self.item)
                if whole and base not in touched and size is not None and self.graph[base].type.rank:
                    touched.add(base)
                    memory = memory + size
        return Work(work.multiplications, work.products, work.functions, memory, work.bytes,
                    loops=[Loop(loop.rows, loop.widths, work.calls)], unknown=work.unknown,
                    uncounted=work.uncounted)  # fmt: skip

    def _bases(self, id: int) -> list[int]:
        stack, found = [id], []
        while stack:
            u = stack.pop()
            if self.plan.kind.get(u) in ("view", "inline"):
                stack += self.graph[u].operands
            elif self.graph[u].op not in ("const", "size"):
                found.append(u)
        return found

    def memory(self) -> Memory:
        """The workspace: whole arrays as a polynomial, and those as long as a tile."""
        arrays: dict[int, tuple[int, int]] = {}
        for number, item in enumerate(self.plan.items):
            for id in item.nodes:
                if id in self.plan.array:
                    arrays.setdefault(self.plan.array[id], (id, number))
        whole = dim(0)
        tiles: dict[tuple[str, int], list[tuple[Loop, Dim]]] = {}
        for array, (id, number) in arrays.items():
            type = self.graph[id].type
            if id in self.plan.full:
                whole = whole + (bytes_of(type, self.item) or 0)
            else:
                rows = self.plan.items[number].rows
                assert rows is not None
                row = bytes_of(type.with_shape(type.dims[1:]), self.item)
                each = (row or dim(self.item)) * self.threads
                tiles.setdefault(self._room(array), []).append((Loop(rows, self.plan.widths.get(number, ())), each))
        solid = factors(self.graph)
        for id, kind in self.plan.kind.items():
            node = self.graph[id]
            if kind == "constant" and node.type.rank and (id in solid or not self.graph.op(node).view):
                whole = whole + (bytes_of(node.type, self.item) or 0)
        for k, (number, shape, spread) in enumerate(self.plan.beside):
            rows = self.plan.items[number].rows
            assert rows is not None
            room = ("beside", k) if spread is None else self._room(spread)
            loop = Loop(rows, self.plan.widths.get(number, ()))
            tiles.setdefault(room, []).append((loop, numel(shape) * self.item))
        return Memory(whole + self._results(), None, list(tiles.values()))

    def _room(self, array: int) -> tuple[str, int]:
        """The room that an array as long as a tile is in, by itself or with others."""
        return ("room", self.plan.rooms[array]) if array in self.plan.rooms else ("array", array)

    def _results(self) -> Dim:
        """The arrays that results are copied into which have none of their own."""
        total, seen = dim(0), set[int]()
        for id in self.roots:
            if self.plan.kind.get(id) != "buffer" or id in seen:
                total = total + (bytes_of(self.graph[id].type, self.item) or 0)
            seen.add(id)
        return total

    def fresh(self, point: Point) -> Memory:
        """The most that a call allocates beside the workspace: what has no form that writes into an array."""
        held, most = dim(0), Memory(dim(0))
        for item in self.plan.items:
            for id in item.nodes:
                if self.plan.kind[id] not in ("buffer", "fresh"):
                    continue
                if self.plan.kind[id] == "fresh":
                    held = held + (bytes_of(self.graph[id].type, self.item) or 0)
                needed = held + scratch(self.graph, self.graph[id], self.item)
                if point.value(needed) > point.value(most.peak):
                    index = self.groups.get(id, (-1, False))[0]
                    most = Memory(needed, self.graph.statements[index] if index >= 0 else None)
        return most
