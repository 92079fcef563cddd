"""What a function costs that allocates as it goes: `forward` and `backward` at -O0 and -O1, and `step`.

A local array lives until its function returns or its name is given again, what stands inside an expression until it was
used. NumPy puts the result of `+ - * /` into an operand that nobody else has (of 256 KiB or more, and if nothing is
broadcast): `Y = X@W + Z` allocates the product and nothing for the sum.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.emitter.body import Body
from graphc.emitter.results import holders_of, is_own, let_go
from graphc.explain.peaks import Memory, Point
from graphc.explain.work import Row, Work, rows_of, work_of
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.cost import bytes_of, scratch
from graphc.passes.in_order import copies

__all__ = ["PureCosts"]

REUSING = {"add": (0, 1), "multiply": (0, 1), "subtract": (0,), "divide": (0,), "negative": (0,)}
"""Operators of which NumPy puts the result into an operand that nothing else refers to: into which."""
LARGE = 262144
"""Of so many bytes an operand has to be for that; where not all sizes are given, it counts as being so large."""


class PureCosts:
    """A function that allocates as it goes."""

    def __init__(
        self, graph: Graph, body: Body, part: str, item: int, point: Point, results: list[int], saved: Sequence[int]
    ) -> None:
        self.graph, self.body, self.part, self.item, self.point = graph, body, part, item, point
        self.results, self.leaving = set(results), [*saved, *results]
        self.holders = holders_of(body, self.leaving)
        self.copied = dim(0)  # the bytes of results that are copied as they leave
        self.done: list[tuple[tuple[int, bool], Work]] = []
        self.sizes: dict[int, Dim] = {}  # statement -> the bytes of its array
        self.array: dict[int, int] = {}  # statement -> the one whose array it has
        self.called: dict[str, set[int]] = {}  # name -> the arrays that it holds
        self.held = dim(0)
        self.peaks: list[tuple[Dim, tuple[int, bool]]] = []
        self.group = (-1, False)
        self.seen: set[int] = set()
        self._walk()

    def rows(self) -> list[Row]:
        return rows_of(self.graph, self.part, self.done)

    def peak(self, point: Point) -> Memory:
        held, group = max(self.peaks, key=lambda pair: point.value(pair[0]), default=(dim(0), (-1, False)))
        statements = self.graph.statements
        return Memory(held, statements[group[0]] if 0 <= group[0] < len(statements) else None)

    def kept(self) -> Dim:
        """The bytes of the arrays that the results and what is saved are in, arguments apart."""
        bases = {base for id in self.leaving for base in (id, *self.body.aliases.get(id, ()))}
        arrays = {self.array[base] for base in bases if base in self.array}
        return sum((self.sizes[array] for array in sorted(arrays)), self.copied)

    def _walk(self) -> None:
        last: int | None = None
        for line in self.body.lines:
            self.group = line.group
            if line.node is not None and line.node.id != last:
                last = line.node.id
                self._statement(line.node)
        for id in self.body.texts:
            self._evaluate_root(id)

    def _statement(self, node: Node) -> None:
        over = self.body.over.get(node.id)
        size = self._value(node.id, over)
        if over is not None and over in self.array:
            self.array[node.id] = self.array[over]
        elif size.terms or not self.graph.op(node).view:  # what is shown may have been made inside the expression
            self.array[node.id] = node.id
            self.sizes[node.id] = size
        self._call(node.id)

    def _call(self, id: int) -> None:
        """A statement gives its value a name. What the name meant before is gone, unless another one means it too."""
        name = self.body.names.get(id)
        if name is None:
            return
        shown = self.body.aliases.get(id, frozenset()) | {id}
        before = self.called.get(name, set())
        self.called[name] = {self.array[base] for base in shown if base in self.array}
        for array in before - self.called[name]:
            if not any(array in arrays for arrays in self.called.values()):
                self.held = self.held - self.sizes[array]

    def _evaluate_root(self, id: int) -> None:
        """A result that stands inside the `return`, or is copied there."""
        node = self.graph[id]
        if id in self.body.inlined:
            self._value(id, None)
        size = bytes_of(node.type, self.item)
        if id in self.results and node.type.rank and size is not None and not is_own(self.body, id, self.holders):
            self.copied = self.copied + size
            self._grow(size)
            let_go(self.body, id, self.holders)

    def _grow(self, size: Dim, extra: Dim | None = None) -> None:
        self.held = self.held + size
        self.peaks.append((self.held if extra is None else self.held + extra, self.group))

    def _value(self, id: int, over: int | None) -> Dim:
        """Compute a value: the bytes of new memory that it is in, which `held` has by then."""
        node, op = self.graph[id], self.graph.op(self.graph[id])
        parts = [self._operand(u) for u in node.operands]
        if id not in self.seen:
            self.seen.add(id)
            self.done.append((self.group, work_of(self.graph, node, self.item)))
        filled = node.op == "broadcast_to" and id in self.body.fresh  # an array of its own
        if (op.view or op.cost == "free") and not (copies(self.graph, node) or filled):
            return sum(parts, dim(0))
        size = bytes_of(node.type, self.item) or dim(0)
        if not node.type.rank:
            size = dim(0)
        extra = scratch(self.graph, node, self.item) if not any(
            isinstance(self.graph[u].type.shape, Unknown) for u in node.operands) else dim(0)  # fmt: skip
        reused = None if over is not None else self._reused(node, parts)
        if over is not None:
            self._grow(dim(0), extra)
            size = dim(0)
        elif reused is None:
            self._grow(size, extra)
        for position, part in enumerate(parts):
            if position != reused and part.terms:
                self.held = self.held - part
        return size

    def _reused(self, node: Node, parts: list[Dim]) -> int | None:
        """The operand that NumPy puts the result into."""
        for position in REUSING.get(node.op, ()):
            mine, *others = node.operands[position], *node.operands[:position], *node.operands[position + 1 :]
            made = self.graph[mine]
            if not parts[position].terms or made.type != node.type or not self._is_large(parts[position]):
                continue
            if self.graph.op(made).view and not copies(self.graph, made):  # it shows an array and is none
                continue
            if all(self._goes_along(u, node, position) for u in others):
                return position
        return None

    def _is_large(self, size: Dim) -> bool:
        return not self.point.is_known(size) or self.point.value(size) >= LARGE

    def _goes_along(self, other: int, node: Node, position: int) -> bool:
        """Whether NumPy works in an operand beside this one: a number of its own on the left takes the work over."""
        shape = self.graph[other].type.shape
        return shape == node.type.shape or (shape == () and (position == 0 or self.body.context.plain(other)))

    def _operand(self, u: int) -> Dim:
        return self._value(u, None) if u in self.body.inlined else dim(0)
