"""A function whose arrays live in memory that is allocated once: its statements, and the function that allocates.

    Z = X @ W + b; H = relu(Z)      becomes      X.dot(W, product)
                                                 for rows, product_rows, Z_rows, H_rows in loop_1:
                                                     np.add(product_rows, b_rows, Z_rows)
                                                     np.maximum(Z_rows, zeros, out=H_rows)

Every value has a name of its own; which of them are one array is said where they are allocated:
`product = Z = H = np.empty((N, H), X.dtype)`. Row regions become loops over tiles; a value that only a loop needs is
as large as a tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graphc.emitter import into_windows  # noqa: F401 - enters the forms of convolutions and pools
from graphc.emitter.body import ALWAYS_INLINE, Line, group_of
from graphc.emitter.context import BodyContext
from graphc.emitter.describe import describe
from graphc.emitter.expressions import ATOM, LOOSE, PRODUCT, Text, fill
from graphc.emitter.into import AT_LABELS, has_form, may_overwrite, write_into
from graphc.emitter.naming import Names
from graphc.emitter.statements import STATEMENTS
from graphc.emitter.text import bracketed
from graphc.emitter.threads import combined, private
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.base import Op
from graphc.ops.columns import windows_text
from graphc.passes.regions import Item, find_regions, read_by_rows
from graphc.passes.schedule import schedule
from graphc.passes.spread import spread_operands
from graphc.passes.storage import Range, share

__all__ = ["Buffered", "Plan", "write_buffered"]

FOREVER = float("inf")
VIEWS = {"transpose", "mT", "stop_gradient"}
CUT_VIEWS = {"squeeze": "flat", "expand_dims": "column", "mT": "T", "transpose": "T"}


@dataclass
class Buffered:
    """The written function: its lines (with their depth), what it unpacks from the memory, and how that is made."""

    lines: list[tuple[int, Line]]
    memory: list[str]  # the names that the function unpacks
    allocation: list[str]  # the lines that make them
    texts: dict[int, list[Text]]  # per root, and pinned value, its arrays
    names: dict[int, str]
    context: BodyContext
    allocating: BodyContext
    helpers: set[str] = field(default_factory=set)
    plan: Plan = field(default_factory=lambda: Plan([], {}, set(), {}, {}, []))


@dataclass(frozen=True)
class Plan:
    """How the function uses memory: its statements and loops, what each value is (`buffer`, `view`, `fresh`, …), which
    buffers are whole arrays and which as long as a tile, and per value the number of its array; of a loop the widths
    of a row of its tiles; `beside` are floating arrays as long as a tile that hold no value (the loop, shape of a row).
    """

    items: list[Item]
    kind: dict[int, str]
    full: set[int]
    array: dict[int, int]
    widths: dict[int, tuple[Dim, ...]]
    beside: list[tuple[int, tuple[Dim, ...]]]


def write_buffered(
    graph: Graph,
    order: Sequence[int],
    arrays: dict[int, str],
    roots: Iterable[int],
    names: Names,
    sources: dict[int, str],
    pinned: Iterable[int] = (),
    shown: dict[int, str] | None = None,
    threads: int = 1,
) -> Buffered:
    """The statements that compute `roots` from `arrays` (node -> name) in memory that is made from `sources`.

    Roots get arrays of their own; `pinned` values are kept as well, but may be arguments or views of each other.
    `shown` are the arrays that show sizes and types, by default all but cotangents. With several `threads` loops run on
    them.
    """
    if shown is None:
        shown = {id: name for id, name in arrays.items() if graph[id].op != "seed"}
    return _Writer(graph, order, arrays, roots, names, sources, pinned, shown, threads).write()


class _Writer:
    def __init__(
        self,
        graph: Graph,
        order: Sequence[int],
        arrays: dict[int, str],
        roots: Iterable[int],
        names: Names,
        sources: dict[int, str],
        pinned: Iterable[int],
        shown: dict[int, str],
        threads: int,
    ) -> None:
        self.threads = threads
        self.graph, self.arrays, self.names = graph, arrays, names
        self.roots, self.pinned = list(roots), list(pinned)
        self.helpers: set[str] = set()
        self.order = self._ordered([i for i in order if i not in arrays])
        self.context = BodyContext(graph, names, self.helpers, shown, {})
        self.context.live.update(arrays)
        self.allocating = self._same_sizes(sources)
        self.items = find_regions(graph, self.order, arrays)
        self.rows, self.own = names.fresh("rows"), names.fresh("own")
        self.thread = names.fresh("thread") if threads > 1 else None
        self.share = names.fresh("share") if threads > 1 else ""
        self.loop_of: dict[int, int] = {}
        self.part_of: dict[int, tuple[int, int, Dim, Dim]] = {}  # value -> the joined one it is in: axis, from, to
        self.kind: dict[int, str] = dict.fromkeys(arrays, "bound")
        self.called: dict[int, str] = dict(arrays)
        self.texts: dict[int, Text] = {}
        self.memory: list[str] = []
        self.constants: dict[tuple[str, ...], str] = {}
        self.beside: list[tuple[int, tuple[Dim, ...]]] = []  # arrays as long as a tile that no value is in
        self.filled: set[int] = set()  # the values that are made where memory is made
        self.allocation: list[str] = []
        self.tiles: dict[int, _Tiles] = {}
        self.steps: dict[tuple[Dim, tuple[Dim, ...]], str] = {}
        self.current: int | None = None  # the loop that is being written
        self.located: dict[tuple[object, ...], tuple[str, str]] = {}
        self.at: str | None = None  # an entry of windows

    def _same_sizes(self, sources: dict[int, str]) -> BodyContext:
        """The context of the function that allocates, where sizes have the names that they have here."""
        allocating = BodyContext(self.graph, Names(self.names.taken), self.helpers, sources, {})
        symbols = dict.fromkeys(
            symbol
            for argument in self.graph.arguments
            if not isinstance(self.graph[argument.node].type.shape, Unknown)
            for size in self.graph[argument.node].type.dims
            for symbol in size.names()
        )
        free, named = self.names.taken, {node.name for node in self.graph if node.name}
        self.names.taken = free | named  # a value's name comes before a size's
        allocating.names.taken |= named
        for symbol in symbols:
            if all(context._source(symbol) is not None for context in (self.context, allocating)):
                self.context.symbol(symbol)
                allocating.symbol(symbol)
        self.names.taken -= named - free
        return allocating

    def _ordered(self, ids: list[int]) -> list[int]:
        """What is cheap stands right before what needs it, so that it is read while it is in a cache."""
        roots = set(self.roots) | set(self.pinned)
        late = [
            id for id in ids
            if id not in roots and (self.graph.op(self.graph[id]).cost != "dear" or self.graph.op(self.graph[id]).view)
        ]  # fmt: skip
        return schedule(self.graph, ids, late)

    # ------------------------------------------------------------ what each value is

    def _classify(self) -> None:
        constant: set[int] = set()
        for id in self.order:
            node, op = self.graph[id], self.graph.op(self.graph[id])
            if self._is_inline(node):
                self.kind[id] = "inline"
                if node.op in ("const", "size"):
                    constant.add(id)
            elif all(u in constant for u in node.operands) and not node.attr("like") and self._is_constant(node):
                self.kind[id] = "constant"
                constant.add(id)
            elif op.view:
                self.kind[id] = "view"
            elif node.type.rank == 0 or node.type.dtype == "shape":
                self.kind[id] = "scalar"
            elif has_form(op, node):
                self.kind[id] = "buffer"
            else:
                self.kind[id] = "fresh"

    def _is_constant(self, node: Node) -> bool:
        known = not isinstance(node.type.shape, Unknown)
        return known and node.op not in STATEMENTS and node.op not in ("argument", "seed")

    def _is_inline(self, node: Node) -> bool:
        if node.op == "const":
            return not isinstance(node.attr("value"), tuple)
        return (node.op in ALWAYS_INLINE and node.op not in VIEWS) or node.op == "shape_of"

    # ------------------------------------------------------------ writing

    def write(self) -> Buffered:
        self._classify()
        self._number_loops()
        self._find_lives()
        self._name()
        lines = self._lines()
        texts = self._results(lines)
        self._allocate()
        return Buffered(
            lines, self.memory, self.allocation, texts, dict(self.called), self.context, self.allocating, self.helpers,
            Plan(self.items, self.kind, self.full, self.array, {k: t.key[1] for k, t in self.tiles.items()},
                 self.beside),
        )  # fmt: skip

    def _number_loops(self) -> None:
        """Loops that hold something without a form, or nothing that is an array, are taken apart."""
        items: list[Item] = []
        for item in self.items:
            whole = all(self.kind[id] in ("buffer", "scalar") for id in item.nodes)
            if item.rows is not None and not whole:
                items += [Item([id]) for id in item.nodes]
            else:
                items.append(item)
        self.items = items
        self._number_items()

    def _reads(self, item: Item, id: int) -> list[tuple[int, bool]]:
        """The values that a statement reads, through views, and whether each is read by rows."""
        node = self.graph[id]
        found = read_by_rows(self.graph, node, item.rows) if item.rows is not None else None
        by_rows = found[0] if found else set()
        stack = [(u, k in by_rows) for k, u in enumerate(node.operands)]
        reads: list[tuple[int, bool]] = []
        while stack:
            u, rows = stack.pop()
            if self.kind[u] in ("view", "inline"):
                inner = read_by_rows(self.graph, self.graph[u], item.rows) if rows and item.rows is not None else None
                kept = inner[0] if inner else set()
                stack += [(v, k in kept) for k, v in enumerate(self.graph[u].operands)]
            else:
                reads.append((u, rows))
        return reads

    def _read_outside(self) -> set[int]:
        """The row values that something outside their loop reads: they are kept as a whole."""
        outside: set[int] = set()
        for number, item in enumerate(self.items):
            for id in item.nodes:
                if self.kind[id] in ("view", "inline"):
                    continue  # read where it stands inside a statement
                for u, by_rows in self._reads(item, id):
                    if self.loop_of.get(u, number) != number or (not by_rows and u in self.loop_of):
                        outside.add(u)
        for root in [*self.roots, *self.pinned]:
            outside.update(self._bases(root))
        return outside

    def _sum_behind_loops(self, outside: set[int]) -> None:
        """Sums over the rows of an array that is kept as a whole are taken at once, after the loop."""
        items: list[Item] = []
        for item in self.items:
            behind = [
                id for id in item.nodes
                if id in item.collected and self.graph[id].op == "sum" and self.graph[id].type.rank == 1
                and self.graph[self.graph[id].operands[0]].type.rank == 2 and self.graph[id].operands[0] in outside
            ]  # fmt: skip
            if behind:
                rest = [id for id in item.nodes if id not in behind]
                item = Item(rest, item.rows, item.collected - set(behind))
            items += [item, *(Item([id]) for id in behind)]
        self.items = items

    def _number_items(self) -> None:
        self.place = {id: position for position, item in enumerate(self.items) for id in item.nodes}
        self.longest = max((len(item.nodes) for item in self.items), default=0) + 1
        self.loop_of = {
            id: position for position, item in enumerate(self.items) if item.rows is not None
            for id in item.nodes if id not in item.collected
        }  # fmt: skip

    def _find_lives(self) -> None:
        first: dict[int, int] = {}
        last: dict[int, float] = {}
        outside = self._read_outside()
        self._sum_behind_loops(outside)
        self._number_items()
        position = 0
        for item in self.items:
            start, end = position, position + len(item.nodes)
            for id in item.nodes:
                if self.kind[id] in ("view", "inline"):
                    continue  # read where it stands inside a statement
                first[id] = start if id in item.collected else position
                last[id] = end if id in item.collected else position
                for u, by_rows in self._reads(item, id):
                    last[u] = max(last.get(u, 0), position if by_rows or item.rows is None else end)
                position += 1
            position = end + 1
        for root in [*self.roots, *self.pinned]:
            for base in self._bases(root):
                last[base] = FOREVER
        self.full = {id for id in first if self.kind[id] == "buffer" and (id not in self.loop_of or id in outside)}
        for id in list(self.full):  # rows with an entry changed are made where they stay
            u = self.graph[id].operands[0] if self.graph[id].op in AT_LABELS else -1
            inside = self.loop_of.get(u)
            dies = inside is not None and inside == self.loop_of.get(id) and last[u] == first[id]
            if dies and self.kind[u] == "buffer" and self.graph[u].type == self.graph[id].type:
                self.full.add(u)
        self._place_parts(first, last)
        ranges: list[Range] = []
        for number, item in enumerate(self.items):
            for id in item.nodes:
                if self.kind[id] == "buffer" and id not in self.part_of:
                    ranges.append(self._range(number, item, id, first[id], last[id]))
        self.array = share(ranges)

    def _place_parts(self, first: dict[int, int], last: dict[int, float]) -> None:
        """What is joined to a long array is made in its place there, where nothing stands against it."""
        begins: dict[int, int] = {}  # where the item of a value does
        position = 0
        for item in self.items:
            begins.update((id, position) for id in item.nodes)
            position += len(item.nodes) + 1
        kept = {base for root in [*self.roots, *self.pinned] for base in self._bases(root)}
        for item in self.items:
            for id in item.nodes:
                node = self.graph[id]
                if node.op != "concatenate" or self.kind[id] != "buffer" or id in item.collected:
                    continue
                offset, axis = dim(0), node.attr("axis")
                for u in node.operands:
                    size = self.graph[u].type.dims[axis]
                    apart = u in self.part_of or u in kept or u not in begins or node.operands.count(u) > 1
                    if not apart and self.kind[u] == "buffer" and self._fits_into(u, id):
                        self.part_of[u] = (id, axis, offset, offset + size)
                        if id in self.full:
                            self.full.add(u)
                        first[id] = min(first[id], begins[u])
                        last[id] = max(last[id], last[u] + self.longest)  # to the end of the loop that reads it
                    offset = offset + size

    def _fits_into(self, u: int, id: int) -> bool:
        """Whether a value may be a part of a joined one: of its type, in the same loop if that is as long as a tile."""
        part, whole = self.graph[u], self.graph[id]
        if part.type.dtype != whole.type.dtype or part.type.rank != whole.type.rank:
            return False
        if u in self.items[self.place[u]].collected:
            return False
        return id in self.full or (u not in self.full and self.loop_of.get(u) == self.loop_of.get(id))

    def _bases(self, id: int) -> list[int]:
        stack, found = [id], []
        while stack:
            u = stack.pop()
            if self.kind[u] in ("view", "inline"):
                stack += self.graph[u].operands
            else:
                found.append(u)
        return found

    def _range(self, number: int, item: Item, id: int, first: float, last: float) -> Range:
        node, op = self.graph[id], self.graph.op(self.graph[id])
        where = None if id in self.full else self._tiles_of(number).key
        kind = (where, node.type.dims if id in self.full else node.type.dims[1:], node.type.dtype)
        over: tuple[int, ...] = ()
        if id not in item.collected:
            candidates = may_overwrite(op, node, self.graph.__getitem__)
            over = tuple(
                u for u in candidates if self.kind[u] == "buffer" and self.graph[u].type == node.type
                and self._alone(item, id, u)
            )  # fmt: skip
        return Range(id, kind, first, last, over)

    def _alone(self, item: Item, id: int, u: int) -> bool:
        """Whether a statement reads an operand only as this one, not also through a view of it."""
        return sum(v == u for v, _ in self._reads(item, id)) == 1

    def _tiles_of(self, number: int) -> _Tiles:
        found = self.tiles.get(number)
        if found is None:
            item = self.items[number]
            assert item.rows is not None
            widths: dict[Dim, None] = {}
            for id in item.nodes:
                if self.kind[id] == "buffer" and id not in item.collected:
                    width = dim(1)
                    for size in self.graph[id].type.dims[1:]:
                        width = width * size
                    widths[width] = None
            widest = [w for w in widths if not any(v != w and (v - w).is_nonnegative() for v in widths)]
            found = self.tiles[number] = self._new_tiles(item.rows, tuple(sorted(widest, key=str)))
        return found

    def _new_tiles(self, rows: Dim, widths: tuple[Dim, ...]) -> _Tiles:
        key = (rows, widths)
        if key not in self.steps:
            step = self.names.fresh("step")
            sizes = [self.allocating.dim(w).text for w in widths] or ["1"]
            width = sizes[0] if len(sizes) == 1 else f"max({', '.join(sizes)})"
            count = self.allocating.dim(rows).text
            self.allocating.helper("tile_rows")
            self.allocating.helper("tiles" if self.threads == 1 else "tiles_by_thread")
            self.steps[key] = step
            self.allocation.append(f"{step} = tile_rows({count}, {width}, {self.allocating.dtype()})")
        names = (self.rows, self.own, self.thread, self.share)
        return _Tiles(key, self.steps[key], self.allocating.dim(rows).text, names)

    # ------------------------------------------------------------ names

    def _name(self) -> None:
        for item in self.items:
            for id in item.nodes:
                if self.graph[id].name and self.kind[id] not in ("inline", "view"):
                    self.called[id] = self.names.fresh(self.graph[id].name or "")
        arrays: dict[int, str] = {}  # values without a name are called as the array that they are in
        for item in self.items:
            for id in item.nodes:
                if id in self.called or self.kind[id] in ("inline", "view"):
                    continue
                array = self.array.get(id, -1)
                if array not in arrays or self.graph[id].hint:
                    arrays[array] = self.names.fresh(describe(self.graph, id))
                self.called[id] = arrays[array] if array >= 0 else arrays.pop(-1)
        for item in self.items:
            for id in item.nodes:
                if self.kind[id] == "constant":
                    text = self._constant_text(id)
                    self.allocation.append(f"{self.called[id]} = {text}")
                    self.memory.append(self.called[id])
                    self.filled.add(id)

    def _constant_text(self, id: int) -> Text:
        """A value that hangs on sizes only: made where memory is made."""
        if id in self.called and self.kind[id] == "constant" and self.called[id] in self.memory:
            return Text(self.called[id])
        node, op = self.graph[id], self.graph.op(self.graph[id])
        operands = [self._constant_text(u) for u in node.operands]
        if node.op == "divide" and node.type.rank == 0:  # Python would raise an error where a size is 0
            return Text(f"float(np.divide({operands[0]}, {operands[1]}))")
        return self._plain(self.allocating, node, op, operands)

    def _plain(self, context: BodyContext, node: Node, op: Op, operands: list[Text]) -> Text:
        if callable(op.numpy):
            return op.numpy(context, node, operands)
        named = dict(zip(op.operands, operands, strict=False))
        for key, value in node.attrs:
            named[key] = Text(repr(value))
        return fill(op.numpy, named, op.precedence)

    # ------------------------------------------------------------ text of operands

    def _text(self, id: int) -> Text:
        """A value as a whole."""
        if id in self.called and self.kind[id] not in ("inline", "view"):
            return Text(self.called[id])
        known = self.texts.get(id)
        if known is None:
            node, op = self.graph[id], self.graph.op(self.graph[id])
            known = self.texts[id] = self._plain(self.context, node, op, [self._text(u) for u in node.operands])
        return known

    def _rows_text(self, id: int) -> Text:
        """The tile of a value in the loop that is being written."""
        assert self.current is not None
        tiles, item = self.tiles[self.current], self.items[self.current]
        assert item.rows is not None
        node, op = self.graph[id], self.graph.op(self.graph[id])
        kind = self.kind[id]
        if kind == "buffer" and id not in self.full:
            return Text(tiles.short_of(self.called[id]))
        if kind in ("buffer", "constant"):
            return Text(tiles.rows_of(self.called[id], self.names))
        if kind == "bound":
            return Text(tiles.argument(self.called[id], self.names))
        found = read_by_rows(self.graph, node, item.rows) if kind == "view" else None
        if found is None:
            tiles.needs_rows = True
            return Text(f"{self._text(id).within(ATOM)}[{self.rows}]")
        operands = [self._rows_text(u) if k in found[0] else self._text(u) for k, u in enumerate(node.operands)]
        if node.op == "reshape":
            rest = ", ".join(self.context.dim(size).text for size in node.type.dims[1:])
            return Text(f"{operands[0].within(ATOM)}.reshape(-1, {rest})")
        cut = tiles.made.get(operands[0].text) if operands else None
        if len(operands) == 1 and node.op in CUT_VIEWS and cut is not None:  # made with the array, not in every call
            text = self._plain(self.allocating, node, op, [Text(cut)])
            return Text(tiles.part(text.text, f"{operands[0]}_{CUT_VIEWS[node.op]}", self.names))
        return self._plain(self.context, node, op, operands)

    def _operands(self, item: Item, node: Node) -> list[Text]:
        if item.rows is None:
            return [self._text(u) for u in node.operands]
        found = read_by_rows(self.graph, node, item.rows)
        assert found is not None
        texts = [self._rows_text(u) if k in found[0] else self._text(u) for k, u in enumerate(node.operands)]
        if self.kind[node.id] == "buffer" and self.threads == 1:  # tiles of threads are so large that it does not help
            for k, rest in spread_operands(self.graph, node, found[0], self.filled).items():
                texts[k] = Text(self._spread(node.operands[k], rest))
        return texts

    def _spread(self, u: int, rest: tuple[Dim, ...]) -> str:
        """An array as long as a tile that repeats an operand; one that is no constant is copied before the loop."""
        assert self.current is not None
        tiles = self.tiles[self.current]
        sizes = [self.allocating.dim(size).text for size in rest]
        shape = f"({', '.join([tiles.step, *sizes])}{'' if rest else ','})"
        name = self.called.get(u) or describe(self.graph, u)
        filled = u in self.filled
        kind = self.allocating.dtype()
        make = f"np.full({shape}, {name}, {kind})" if filled else f"np.empty({shape}, {kind})"
        known = len(self.constants)
        spread = self._constant(("spread", str(u), shape), f"{name}_spread", make, tiled=True)
        if len(self.constants) > known:
            self.beside.append((self.current, rest))
        if len(self.constants) > known and not filled:
            self.memory.append(spread)
            tiles.spread.append(f"{spread}[...] = {self._text(u)}")
        return tiles.part(f"{spread}[{tiles.own}]", f"{name}_rows", self.names)

    # ------------------------------------------------------------ statements

    def _lines(self) -> list[tuple[int, Line]]:
        lines: list[tuple[int, Line]] = []
        for number, item in enumerate(self.items):
            if item.rows is None:
                self.current = None
                for id in item.nodes:
                    lines += [(0, line) for line in self._statement(item, id)]
                    if id in self.called and self.kind[id] != "inline":
                        self.context.live[id] = self.called[id]
            else:
                lines += self._loop(number, item)
        self.current = None
        return lines

    def _loop(self, number: int, item: Item) -> list[tuple[int, Line]]:
        self.current = number
        tiles = self._tiles_of(number)
        tiles.name = self.names.fresh("loop")
        before: list[tuple[int, Line]] = []
        inside: list[tuple[int, Line]] = []
        group = group_of(self.graph[item.nodes[0]])  # what stands before the loop belongs to its first statement
        for id in item.nodes:
            node = self.graph[id]
            if id in item.collected:
                zero = self._constant(("zero",), "zero", f"{self.allocating.dtype()}.type(0)")
                start = f"{self.called[id]} = {zero}" if node.type.rank == 0 else f"{self.called[id]}.fill(0)"
                before.append((0, Line(start, None, group)))
            inside += [(1, line) for line in self._statement(item, id)]
        reads = [(1, Line(text, None, group)) for text in tiles.reads]
        self.memory.append(tiles.name)
        spread = [(0, Line(text, None, group)) for text in tiles.spread]
        over = self.share or tiles.name
        loop = [*((0, Line(text, None, group)) for text in tiles.head(over)), *reads, *inside]
        if self.threads > 1:
            return [*spread, *self._in_threads(item, tiles, loop)]
        return [*before, *spread, *loop]

    def _in_threads(self, item: Item, tiles: _Tiles, loop: list[tuple[int, Line]]) -> list[tuple[int, Line]]:
        """The loop as a function that each thread runs for its share of the tiles, and what adds up their sums."""
        collected = [self.graph[id] for id in item.nodes if id in item.collected]
        numbers = [self.called[node.id] for node in collected if node.type.rank == 0]
        arrays = [(node, self._sums(node)) for node in collected if node.type.rank]
        zero = self._constant(("zero",), "zero", f"{self.allocating.dtype()}.type(0)") if numbers else ""
        run = self.names.fresh(f"run_{tiles.name}")
        self.helpers.add("in_threads")
        first, last = loop[0][1].group, loop[-1][1].group
        before = [(0, Line(f"{sums}.fill(0)", None, first)) for _, sums in arrays]
        head = [(0, Line(f"def {run}({self.share}):", None, first))]
        head.append((1, Line('"""The tiles that are the share of a thread."""', None, first)))
        head += [(1, Line(f"{number} = {zero}", None, first)) for number in numbers]
        after = [(1, Line(f"return {', '.join(numbers)}", None, last))] if numbers else []
        after.append((0, Line(combined(run, tiles.name, numbers, zero), None, last)))
        after += [
            (0, Line(f"np.add.reduce({sums}, axis=0, out={self.called[node.id]})", node, last)) for node, sums in arrays
        ]
        return [*before, *head, *((depth + 1, line) for depth, line in loop), *after]

    def _sums(self, node: Node) -> str:
        """What each thread sums up for itself over its tiles, before it is all added."""
        sizes = ", ".join(self.allocating.dim(size).text for size in node.type.dims)
        make = f"np.empty((THREADS, {sizes}), {self._dtype(node)})"
        return self._constant(("sums", str(node.id)), f"{self.called[node.id]}_sums", make)

    def _statement(self, item: Item, id: int) -> list[Line]:
        node, op, kind = self.graph[id], self.graph.op(self.graph[id]), self.kind[id]
        if kind in ("inline", "view", "constant"):
            return []
        group, target = group_of(node), self.called[id]
        operands = self._operands(item, node)
        if id in item.collected:
            return [Line(text, node, group) for text in self._collected(node, op, target, operands)]
        if kind == "buffer":
            if item.rows is not None:
                target = self._rows_text(id).text
            if node.op == "concatenate" and any(self._is_part(u, id) for u in node.operands):
                texts = self._rest_of_parts(node, target, operands)
            else:
                texts = write_into(_PlaceOf(self, item), op, node, target, operands)
            return [Line(text, node, group) for text in texts if not _is_idle(text, self._same_array(node))]
        special = STATEMENTS.get(node.op)
        if special is not None:
            texts = special.write(self.context, node, target, operands, False)
            return [Line(text, node, group) for text in texts]
        return [Line(f"{target} = {self._number(item, node, op, operands)}", node, group)]

    def _number(self, item: Item, node: Node, op: Op, operands: list[Text]) -> Text:
        """The text of a value that is a number, or has no other form."""
        if node.op == "sum" and self.graph[node.operands[0]].type.rank == 1 and node.type.rank == 0:
            source = self.graph[node.operands[0]]
            if source.type.is_float and self.kind[source.id] == "buffer":
                ones = _PlaceOf(self, item).ones(source.type.dims[0], item.rows is not None, "flat")
                return Text(f"{operands[0].within(ATOM)}.dot({ones})")
        return self._plain(self.context, node, op, operands)

    def _is_part(self, u: int, id: int) -> bool:
        return u in self.part_of and self.part_of[u][0] == id

    def _rest_of_parts(self, node: Node, target: str, operands: list[Text]) -> list[str]:
        """The parts of a joined array that were not made in their places."""
        lines, offset, axis = [], dim(0), node.attr("axis")
        for u, text in zip(node.operands, operands, strict=True):
            end = offset + self.graph[u].type.dims[axis]
            if not self._is_part(u, node.id):
                lines.append(f"np.copyto({target}[{_cut(self.context, axis, offset, end)}], {text})")
            offset = end
        return lines

    def _same_array(self, node: Node) -> bool:
        """Whether the first operand is in the array that the result goes to."""
        u = node.operands[0] if node.operands else -1
        return node.op in AT_LABELS and node.id in self.array and self.array.get(u) == self.array[node.id]

    def _collected(self, node: Node, op: Op, target: str, operands: list[Text]) -> list[str]:
        """A sum over the tiles."""
        if node.type.rank == 0:
            item = self.items[self.place[node.id]]
            return [f"{target} += {self._number(item, node, op, operands).within(LOOSE)}"]
        if self.thread is not None:
            tiles, sums = self.tiles[self.current or 0], self._sums(node)
            target = tiles.part(f"{sums}[{self.thread}]", f"{target}_sum", self.names)
            make = f"np.empty_like({sums})"
            parts = self._constant(("part", str(node.type.dims)), "parts", make, tiled=True)
            part = tiles.part(f"{parts}[{self.thread}]", "part", self.names)
        else:
            make = f"np.empty({self._shape(node)}, {self._dtype(node)})"
            part = self._constant(("part", str(node.type.dims)), "part", make)
        lines = write_into(_PlaceOf(self, self.items[self.current or 0]), op, node, part, operands)
        return [*lines, f"np.add({target}, {part}, {target})"]

    # ------------------------------------------------------------ memory

    def _shape(self, node: Node) -> str:
        return self.allocating.shape(node.type.dims)

    def _dtype(self, node: Node) -> str:
        return self.allocating.dtype() if node.type.is_float else node.type.dtype

    def _constant(self, key: tuple[str, ...], name: str, text: str, tiled: bool = False) -> str:
        """The name of an array that is made once; `tiled`: as long as a tile, to be cut like one."""
        known = self.constants.get(key)
        if known is None:
            known = self.constants[key] = self.names.fresh(name)
            self.allocation.append(f"{known} = {text}")
            if not tiled:
                self.memory.append(known)
        return known

    def _allocate(self) -> None:
        """The arrays, each under the names of all the values that are in it, and the tiles of the loops."""
        by_array: dict[int, list[int]] = {}
        for item in self.items:
            for id in item.nodes:
                if id in self.array:
                    by_array.setdefault(self.array[id], []).append(id)
        for ids in by_array.values():
            node = self.graph[ids[0]]
            names = " = ".join(dict.fromkeys(self.called[i] for i in ids))
            if ids[0] in self.full:
                shape = self._shape(node)
                self.memory += [self.called[i] for i in ids]
            else:
                rest = [self.allocating.dim(size).text for size in node.type.dims[1:]]
                step = self.tiles[self.loop_of[ids[0]]].step
                each = ["THREADS"] if self.threads > 1 else []
                shape = f"({', '.join([*each, step, *rest])}{'' if rest or each else ','})"
            self.allocation.append(f"{names} = np.empty({shape}, {self._dtype(node)})")
        for item in reversed(self.items):  # an array that is part of another one and has parts itself comes in between
            for id in reversed(item.nodes):
                if id in self.part_of:
                    whole, axis, start, end = self.part_of[id]
                    cut = _cut(self.allocating, axis + (self.threads > 1 and whole not in self.full), start, end)
                    self.allocation.append(f"{self.called[id]} = {self.called[whole]}[{cut}]")
                    if id in self.full:
                        self.memory.append(self.called[id])
        self.allocation += [line for tiles in self.tiles.values() if tiles.name for line in tiles.lines()]

    # ------------------------------------------------------------ results

    def _results(self, lines: list[tuple[int, Line]]) -> dict[int, list[Text]]:
        """The roots' arrays, in the order of the roots; one that has no array of its own is copied into one."""
        texts: dict[int, list[Text]] = {}
        for id in self.roots:
            node, group = self.graph[id], group_of(self.graph[id])
            text = self._text(id)
            if not (self.kind[id] == "buffer" and id not in texts):
                if isinstance(node.type.shape, Unknown):
                    text = Text(f"np.array({text}, {self.context.dtype() if node.type.is_float else node.type.dtype})")
                else:
                    wanted = self.graph[id].name or describe(self.graph, id)
                    kept = self.names.fresh(f"{wanted}_result")
                    self.memory.append(kept)
                    self.allocation.append(f"{kept} = np.empty({self._shape(node)}, {self._dtype(node)})")
                    write = f"{kept}.fill({text})" if node.type.rank == 0 else f"np.copyto({kept}, {text})"
                    lines.append((0, Line(write, node, group)))
                    text = Text(kept)
            texts.setdefault(id, []).append(text)
        for id in self.pinned:
            texts.setdefault(id, []).append(self._text(id))
        return texts


def _cut(context: BodyContext, axis: int, start: Dim, end: Dim) -> str:
    """An index of part of an axis."""
    return ":, " * axis + f"{context.dim(start).text}:{context.dim(end).text}"


def _is_idle(text: str, same: bool) -> bool:
    return same and text.startswith("np.copyto(")


class _Tiles:
    """The tiles of one loop: the arrays that are cut into rows, and what cuts them."""

    def __init__(
        self, key: tuple[Dim, tuple[Dim, ...]], step: str, count: str, names: tuple[str, str, str | None, str]
    ) -> None:
        self.key, self.step, self.count = key, step, count
        # What the tile's rows are called, the cut of an array as long as a tile, the number of a thread, its share.
        self.rows, self.own, self.thread, self.share = names
        self.name = ""
        self.cut: dict[str, str] = {}  # array -> the name of its tile
        self.short: dict[str, None] = {}  # arrays as long as a tile
        self.parts: dict[str, str] = {}  # what else is made of arrays: its text -> its name
        self.made: dict[str, str] = {}  # name in the loop -> the text that makes it
        self.read: dict[str, str] = {}  # arguments -> the name of their tile
        self.spread: list[str] = []  # the lines that write what a tile repeats
        self.needs_rows = False

    def short_of(self, name: str, shared: bool = False) -> str:
        self.short[name] = None
        own = self.own if shared or self.thread is None else f"{self.thread}, {self.own}"
        self.made[name] = f"{name}[{own}]"
        return name

    def rows_of(self, name: str, names: Names) -> str:
        if name not in self.cut:
            self.cut[name] = names.fresh(f"{name}_rows")
            self.made[self.cut[name]] = f"{name}[{self.rows}]"
        return self.cut[name]

    def part(self, text: str, name: str, names: Names) -> str:
        if text not in self.parts:
            self.parts[text] = names.fresh(name)
            self.made[self.parts[text]] = text
        return self.parts[text]

    def argument(self, name: str, names: Names) -> str:
        self.needs_rows = True
        if name not in self.read:
            self.read[name] = names.fresh(f"{name}_rows")
        return self.read[name]

    @property
    def reads(self) -> list[str]:
        return [f"{tile} = {array}[{self.rows}]" for array, tile in self.read.items()]

    def _cuts(self) -> list[tuple[str, str]]:
        """Pairs of the name in the loop and the text where memory is made."""
        names = [*self.cut.values(), *self.short, *self.parts.values()]
        return [*([(self.rows, self.rows)] if self.needs_rows else []), *((name, self.made[name]) for name in names)]

    def head(self, over: str) -> list[str]:
        names = [name for name, _ in self._cuts()]
        return bracketed("for ", names, f" in {over}:", tuple_=True)

    def lines(self) -> list[str]:
        texts = [text for _, text in self._cuts()]
        if self.thread is not None:
            share = bracketed("[(", texts, f") for {self.rows}, {self.own}, {self.thread} in {self.share}]")
            share[-1] += f" for {self.share} in tiles_by_thread({self.count}, {self.step})]"
            return ["\n".join([f"{self.name} = [{share[0]}", *share[1:]])]
        end = f") for {self.rows}, {self.own} in tiles({self.count}, {self.step})]"
        return ["\n".join(bracketed(f"{self.name} = [(", texts, end))]


class _PlaceOf:
    """The place of a statement, for the forms of `into`."""

    def __init__(self, writer: _Writer, item: Item) -> None:
        self.writer, self.item = writer, item
        self.context = writer.context

    def by_rows(self) -> bool:
        return self.item.rows is not None

    def contiguous(self, node: Node) -> bool:
        """Whether the array of a node's value has no gaps."""
        while node.id in self.writer.part_of:
            whole, axis, *_ = self.writer.part_of[node.id]
            if axis:
                return False
            node = self.writer.graph[whole]
        return True

    def is_checked(self, node: Node) -> bool:
        graph = self.writer.graph
        limited = {name for name, *_ in graph.limits}
        return any(a.node == node.id and a.name in limited for a in graph.arguments)

    def operand(self, node: Node, position: int) -> Node:
        return self.writer.graph[node.operands[position]]

    def text(self, node: Node) -> Text:
        writer = self.writer
        return writer._plain(writer.context, node, writer.graph.op(node), writer._operands(self.item, node))

    def solid(self, node: Node, position: int) -> bool:
        source = self.operand(node, position)
        while source.op in ("reshape", "expand_dims", "squeeze"):
            source = self.writer.graph[source.operands[0]]
        return self.writer.kind[source.id] == "buffer" and self.contiguous(source)

    def window(self, node: Node, array: int) -> str:
        writer = self.writer
        behind = node.attr("behind", 1 if node.op in ("columns", "add_columns") else 0)
        text = windows_text(writer.allocating, node, array, behind)
        return writer._constant(("window", text), "window", text)

    def at(self) -> str:
        if self.writer.at is None:
            self.writer.at = self.writer.names.fresh("at")
        return self.writer.at

    def scratch(self, what: str, node: Node, dtype: str) -> str:
        writer = self.writer
        first, *others = (writer.allocating.dim(size).text for size in node.type.dims)
        kind = writer.allocating.dtype() if dtype == "float" else dtype
        rest = "".join(f", {size}" for size in others)
        if self.item.rows is not None:
            return self._along(what, self.item.rows, rest, f"np.empty((SIZE{rest or ','}), {kind})")
        text = f"np.empty(({first}{rest or ','}), {kind})"
        return writer._constant((what, text), what, text)

    def _along(self, what: str, length: Dim, rest: str, make: str) -> str:
        """An array made once, as long as a tile in a loop and else as an axis; `make` is its text but for the shape."""
        writer = self.writer
        if self.item.rows is None:
            size = writer.allocating.dim(length).text
            return writer._constant((what, size, rest), what, make.replace("SIZE", size))
        assert writer.current is not None
        tiles = writer.tiles[writer.current]
        key = (what, tiles.step, rest)
        shared = writer.threads == 1 or not make.startswith("np.empty")
        make = make if shared else private(make)
        return tiles.short_of(writer._constant(key, what, make.replace("SIZE", tiles.step), True), shared)

    def ones(self, size: Dim, rows: bool, shape: str) -> str:
        writer = self.writer
        dtype = writer.allocating.dtype()
        if rows:
            return self._along("ones", size, "", f"np.ones(SIZE, {dtype})")
        text = writer.allocating.dim(size).text
        form = {"flat": text, "row": f"(1, {text})", "column": f"({text}, 1)"}[shape]
        return writer._constant(("ones", form), "ones", f"np.ones({form}, {dtype})")

    def zeros(self, node: Node) -> str:
        writer = self.writer
        dtype = writer.allocating.dtype()
        rest = "".join(f", {writer.allocating.dim(size)}" for size in node.type.dims[1:])
        if self.item.rows is not None:
            shape, known = f"(SIZE{rest})" if rest else "SIZE", len(writer.constants)
            name = self._along("zeros", self.item.rows, rest, f"np.zeros({shape}, {dtype})")
            if len(writer.constants) > known:
                writer.beside.append((writer.current or 0, node.type.dims[1:]))
            return name
        last = writer.allocating.dim(node.type.dims[-1]).text
        return writer._constant(("zeros", last), "zeros", f"np.zeros({last}, {dtype})")

    def places(self, node: Node) -> tuple[list[str], str, str]:
        writer = self.writer
        classes = self.operand(node, 0).type.dims[-1]
        labels = writer._operands(self.item, node)[1]
        count = self.operand(node, 1).type.dims[0]
        size = writer.allocating.dim(classes).within(PRODUCT + 1)
        starts = self._along("starts", count, size, f"np.arange(SIZE) * {size}")
        index = self._along("places", count, "", "np.empty(SIZE, int)")
        entries = self._along("entries", count, "", f"np.empty(SIZE, {writer.allocating.dtype()})")
        line = f'np.add({starts}, {labels}, out={index}, casting="unsafe")'
        known = (writer.current, line) in writer.located and writer.current is not None
        writer.located[writer.current, line] = (index, entries)
        return [] if known else [line], index, entries
