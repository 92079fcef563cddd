"""What a compiled program costs, statement by statement: multiplications, functions, bytes, what is saved, the peak.

The costs are those of the functions as they are emitted: what stands in them is counted, no more, no less. At -O0 and
-O1 they are `forward` and `backward`, which allocate as they go: a local array lives until its function returns or its
name is given again, what stands inside an expression until it was used; NumPy puts the result of `+ - * /` into an
operand that nobody else has (of 256 KiB or more, and if nothing is broadcast). At -O2 it is `value_and_grad` in a
workspace: an array that is as long as a tile stays in a cache, so only what goes to whole arrays counts as bytes moved.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphc.emitter.body import Body, Line
from graphc.emitter.buffered import Buffered
from graphc.emitter.kinds import factors
from graphc.emitter.module import holders_of, is_own
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph, Node, Statement
from graphc.ir.types import Unknown
from graphc.passes.cost import (
    IN_BLAS,
    TYPICAL,
    bytes_moved,
    bytes_of,
    functions,
    is_of_numbers,
    multiplications,
    scratch,
)
from graphc.passes.in_order import copies
from graphc.passes.partition import Split
from graphc.pipeline import Options, compile_graph

__all__ = ["Costs", "Memory", "Row", "Work", "costs_of"]

REUSING = {"add": (0, 1), "multiply": (0, 1), "subtract": (0,), "divide": (0,), "negative": (0,)}
"""Operators of which NumPy puts the result into an operand that nothing else refers to: into which."""
LARGE = 262144
"""Of so many bytes an operand has to be for that; where not all sizes are given, it counts as being so large."""


@dataclass
class Work:
    """What is done. `products` are those of the multiplications that BLAS does; `cached` are bytes in arrays that stay
    in a cache; `unknown` are the operations of which not all is counted, as nothing fixes their shapes, `uncounted`
    those of them whose multiplications or functions are not."""

    multiplications: Dim = field(default_factory=lambda: dim(0))
    products: Dim = field(default_factory=lambda: dim(0))
    functions: Dim = field(default_factory=lambda: dim(0))
    bytes: Dim = field(default_factory=lambda: dim(0))
    cached: Dim = field(default_factory=lambda: dim(0))
    calls: int = 0
    loops: list[Loop] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    uncounted: list[int] = field(default_factory=list)

    def add(self, other: Work) -> None:
        self.multiplications = self.multiplications + other.multiplications
        self.products = self.products + other.products
        self.functions = self.functions + other.functions
        self.bytes = self.bytes + other.bytes
        self.cached = self.cached + other.cached
        self.calls += other.calls
        self.loops += other.loops
        self.unknown += other.unknown
        self.uncounted += other.uncounted

    @property
    def is_nothing(self) -> bool:
        parts = (self.multiplications, self.functions, self.bytes, self.cached)
        return not any(part.terms for part in parts) and not self.unknown


@dataclass(frozen=True)
class Loop:
    """So many calls for each tile of so many rows, of which the widest has one of these widths."""

    rows: Dim
    widths: tuple[Dim, ...]
    calls: int = 1


@dataclass
class Row:
    """A statement in one of the functions; in a loop that was unrolled, all its steps. `groups` are what the emitter
    knows them by, `gradient` says that they are of the reverse pass."""

    part: str
    groups: list[tuple[int, bool]]
    gradient: bool
    statement: Statement | None
    work: Work


@dataclass
class Memory:
    """Memory in bytes: of a function the most that it holds at a time, and where. `tiles` are arrays as long as a tile:
    the loop, and the size of a row in bytes."""

    peak: Dim
    at: Statement | None = None
    tiles: list[tuple[Loop, Dim]] = field(default_factory=list)


@dataclass(frozen=True)
class Saved:
    """A value that crosses from forward to backward; `view`: it shows an array that crosses, too."""

    name: str
    node: Node
    argument: bool
    view: bool


@dataclass
class Costs:
    """The costs of a program. `item` is the size of a floating number, `saved` what goes from forward to backward."""

    graph: Graph
    level: int
    item: int
    tile: int
    threads: int
    module: str
    rows: list[Row]
    saved: list[Saved]
    memory: dict[str, Memory]
    unknown: list[str]
    bodies: dict[str, list[Line]]


def costs_of(joint: Graph, options: Options, item: int = 8, sizes: Mapping[str, int] | None = None) -> Costs:
    """The costs of the module that the options make. `sizes` decide which of several peaks is the largest; a size that
    is not given counts `TYPICAL`."""
    seen: dict[str, Any] = {}
    text, split = compile_graph(joint, options, seen.__setitem__)
    point = _Point(sizes or {})
    if options.level < 2:
        outputs, gradients = list(split.graph.outputs.values()), list(split.graph.gradients.values())
        forward = _Pure(split.graph, seen["forward-body"], "forward", item, point, outputs, split.saved)
        backward = _Pure(split.graph, seen["backward-body"], "backward", item, point, gradients, split.saved)
        rows = [*forward.rows(), *backward.rows()]
        kept = forward.kept()
        memory = {"forward": forward.peak(point), "backward": backward.peak(point)}
        whole = [memory["forward"], Memory(kept + memory["backward"].peak, memory["backward"].at)]
        memory["value_and_grad"] = max(whole, key=lambda m: point.value(m.peak))
        bodies = {"forward": seen["forward-body"].lines, "backward": seen["backward-body"].lines}
    else:
        working = _Working(seen["joint"], seen["joint-body"], item, options.threads)
        rows = working.rows()
        memory = {"workspace": working.memory(), "value_and_grad": working.fresh(point)}
        bodies = {"value_and_grad": [line for _, line in seen["joint-body"].lines]}
    if "step-body" in seen:
        body = seen["step-body"]
        of_step = body.context.graph
        step = _Pure(of_step, body, "step", item, point, list(of_step.updates.values()),
                     [argument.node for argument in of_step.arguments])  # fmt: skip
        rows += step.rows()
        memory["step"] = step.peak(point)
        bodies["step"] = body.lines
    saved = _saved(split, seen["forward-body"], seen["backward-body"])
    unknown = _unknown_arguments(joint)
    return Costs(
        joint, options.level, item, options.tile_bytes, options.threads, text, rows, saved, memory, unknown, bodies
    )


class _Point:
    """Sizes at which polynomials are compared."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes

    def value(self, size: Dim) -> int:
        try:
            return size.evaluate({name: self.sizes.get(name, TYPICAL) for name in size.names()})
        except ZeroDivisionError:
            return 0

    def is_known(self, size: Dim) -> bool:
        return set(size.names()) <= set(self.sizes)


def _unknown_arguments(graph: Graph) -> list[str]:
    shapes = [(a.name, graph[a.node].type) for a in graph.arguments]
    return [name for name, type in shapes if isinstance(type.shape, Unknown)]


def _saved(split: Split, forward: Body, backward: Body) -> list[Saved]:
    graph = split.graph
    found: list[Saved] = []
    arrays: set[int] = set()
    for id in split.saved:
        node = graph[id]
        if node.type.dtype != "shape" and node.op not in ("const", "size", "number"):
            shown = forward.aliases.get(id, frozenset((id,)))
            name = backward.names.get(id, node.name or node.op)
            found.append(Saved(name, node, node.op == "argument", shown <= arrays))
            arrays |= shown
    return found


def _work(graph: Graph, node: Node, item: int) -> Work:
    """The work of one operation."""
    multiplied, evaluated = multiplications(graph, node), functions(graph, node)
    moved = bytes_moved(graph, node, item)
    op = graph.op(node)
    idle = op.view or op.cost == "free"
    calls = 0 if idle or is_of_numbers(graph, node) else 1
    unknown = [] if idle or None not in (multiplied, evaluated, moved) else [node.id]
    uncounted = unknown if None in (multiplied, evaluated) else []
    multiplied = multiplied or dim(0)
    products = multiplied if node.op in IN_BLAS else dim(0)
    return Work(multiplied, products, evaluated or dim(0), moved or dim(0), calls=calls, unknown=unknown,
                uncounted=uncounted)  # fmt: skip


def _rows(graph: Graph, part: str, work: Iterable[tuple[tuple[int, bool], Work]]) -> list[Row]:
    """One row per statement, in the order in which the statements begin; the steps of a loop are one."""
    rows: dict[Hashable, Row] = {}
    for group, each in work:
        index = group[0]
        statement = graph.statements[index] if 0 <= index < len(graph.statements) else None
        if statement is not None and "   [" in statement.text:  # a step of a loop says which one it is
            statement = replace(statement, text=statement.text[: statement.text.rindex("   [")])
        key = (statement and (statement.file, statement.line, statement.text), group[1])
        if key not in rows:
            rows[key] = Row(part, [], group[1], statement, Work())
        if not each.is_nothing and group not in rows[key].groups:
            rows[key].groups.append(group)
        rows[key].work.add(each)
    return [row for row in rows.values() if not row.work.is_nothing]


class _Pure:
    """A function that allocates as it goes."""

    def __init__(
        self, graph: Graph, body: Body, part: str, item: int, point: _Point, results: list[int], saved: Sequence[int]
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
        return _rows(self.graph, self.part, self.done)

    def peak(self, point: _Point) -> Memory:
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

    def _grow(self, size: Dim, extra: Dim | None = None) -> None:
        self.held = self.held + size
        self.peaks.append((self.held if extra is None else self.held + extra, self.group))

    def _value(self, id: int, over: int | None) -> Dim:
        """Compute a value: the bytes of new memory that it is in, which `held` has by then."""
        node, op = self.graph[id], self.graph.op(self.graph[id])
        parts = [self._operand(u) for u in node.operands]
        if id not in self.seen:
            self.seen.add(id)
            self.done.append((self.group, _work(self.graph, node, self.item)))
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


class _Working:
    """A function that works in memory which is allocated once."""

    def __init__(self, graph: Graph, body: Buffered, item: int, threads: int) -> None:
        self.graph, self.plan, self.item, self.threads = graph, body.plan, item, threads
        self.groups = {line.node.id: line.group for _, line in body.lines if line.node is not None}

    def rows(self) -> list[Row]:
        done: list[tuple[tuple[int, bool], Work]] = []
        for number, item in enumerate(self.plan.items):
            touched: set[int] = set()
            for id in item.nodes:
                if id not in self.groups or self.plan.kind[id] in ("view", "inline", "constant"):
                    continue  # nothing is done: as where all parts of a joined array are made in their places
                work = _work(self.graph, self.graph[id], self.item)
                if item.rows is not None:
                    work = self._by_tiles(id, work, touched, Loop(item.rows, self.plan.widths.get(number, ())))
                done.append((self.groups[id], work))
        return _rows(self.graph, "value_and_grad", done)

    def _by_tiles(self, id: int, work: Work, touched: set[int], loop: Loop) -> Work:
        """A statement in a loop: whole arrays come from memory once, what is as long as a tile stays in the cache."""
        memory = dim(0)
        for u in (id, *self.graph[id].operands):
            for base in self._bases(u):
                whole = base not in self.plan.kind or self.plan.kind[base] == "bound" or base in self.plan.full
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
        whole, tiles = dim(0), []
        for id, number in arrays.values():
            type = self.graph[id].type
            if id in self.plan.full:
                whole = whole + (bytes_of(type, self.item) or 0)
            else:
                rows = self.plan.items[number].rows
                assert rows is not None
                row = bytes_of(type.with_shape(type.dims[1:]), self.item)
                each = (row or dim(self.item)) * self.threads
                tiles.append((Loop(rows, self.plan.widths.get(number, ())), each))
        solid = factors(self.graph)
        for id, kind in self.plan.kind.items():
            node = self.graph[id]
            if kind == "constant" and node.type.rank and (id in solid or not self.graph.op(node).view):
                whole = whole + (bytes_of(node.type, self.item) or 0)
        for number, shape in self.plan.beside:
            rows = self.plan.items[number].rows
            assert rows is not None
            tiles.append((Loop(rows, self.plan.widths.get(number, ())), numel(shape) * self.item))
        return Memory(whole + self._results(), None, tiles)

    def _results(self) -> Dim:
        """The arrays that results are copied into which have none of their own."""
        total, seen = dim(0), set[int]()
        for id in (*self.graph.outputs.values(), *self.graph.gradients.values()):
            if self.plan.kind.get(id) != "buffer" or id in seen:
                total = total + (bytes_of(self.graph[id].type, self.item) or 0)
            seen.add(id)
        return total

    def fresh(self, point: _Point) -> Memory:
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
