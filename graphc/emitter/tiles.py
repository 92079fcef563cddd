"""The tiles that loops run over: which arrays a loop cuts into rows, and what the pieces are called in it.

    for X_rows, Z in loop_1:            loop_1, loop_2 = [], []
        …                               for rows, own in tiles(N, step):
    for Z, A, Y_rows in loop_2:             loop_1.append((X[rows], Z[own]))
        …                                   loop_2.append(tile_parts(Z[own], A[own], Y[rows]))

where Z and A are one array, and their tiles become one object as well: of two NumPy asks in every call how they
overlap, which takes as long as the work on some hundred entries.

The tiles are appended by a loop and not by a comprehension: each of those is a scope of its own, in which Python looks
for all names of the function around it, so that a function of many loops took quadratic time to compile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.layout import Layout
from graphc.emitter.memory import Memory
from graphc.emitter.naming import Names
from graphc.emitter.text import bracketed
from graphc.ir.dims import Dim, dim, numel
from graphc.passes.regions import Item

__all__ = ["Loops", "Tiles", "make_tiles", "repeated_rows"]


FEW: Final = 8
"""Empty lists of more loops are not written one by one."""
MANY: Final = 32
"""More loops that threads run are no functions inside of the one they belong to."""
MOST_COMPARED: Final = 32
"""Of more widths of arrays in a loop nobody asks which are never the widest."""


class Tiles:
    """The tiles of one loop: the arrays that are cut into rows, and what cuts them."""

    def __init__(
        self, key: tuple[Dim, tuple[Dim, ...]], step: str, count: str, names: Names,
        rows: str, own: str, thread: str | None, share: str,
    ) -> None:  # fmt: skip
        self.key, self.step, self.count, self.names = key, step, count, names
        # What the tile's rows are called, the cut of an array as long as a tile, the number of a thread, its share.
        self.rows, self.own, self.thread, self.share = rows, own, thread, share
        self.name = ""
        self.cut: dict[str, str] = {}  # array -> the name of its tile
        self.short: dict[str, None] = {}  # arrays as long as a tile
        self.parts: dict[str, str] = {}  # what else is made of arrays: its text -> its name
        self.made: dict[str, str] = {}  # name in the loop -> the text that makes it
        self.read: dict[str, str] = {}  # arguments -> the name of their tile
        self.spread: list[str] = []  # the lines that write what a tile repeats
        self.needs_rows = False
        self.used: set[str] | None = None  # the names that the body of the loop has, when it is written

    def short_of(self, name: str, shared: bool = False) -> str:
        self.short[name] = None
        own = self.own if shared or self.thread is None else f"{self.thread}, {self.own}"
        self.made[name] = f"{name}[{own}]"
        return name

    def rows_of(self, name: str) -> str:
        if name not in self.cut:
            self.cut[name] = self.names.fresh(f"{name}_rows")
            self.made[self.cut[name]] = f"{name}[{self.rows}]"
        return self.cut[name]

    def part(self, text: str, name: str) -> str:
        if text not in self.parts:
            self.parts[text] = self.names.fresh(name)
            self.made[self.parts[text]] = text
        return self.parts[text]

    def flat(self, name: str, rest: str) -> str | None:
        """The tile of that name with what is behind its rows as axes of sizes `rest`, mostly one, or none; made with
        the tiles and not in every call. None for what is no tile of an array."""
        array, _, cut = self.made.get(name, "").partition("[")
        if self.thread is not None or not array.isidentifier() or cut not in (f"{self.rows}]", f"{self.own}]"):
            return None
        return self.part(f"{array}.reshape(len({array}){rest and ', '}{rest})[{cut}", f"{name}_flat")

    def argument(self, name: str) -> str:
        self.needs_rows = True
        if name not in self.read:
            self.read[name] = self.names.fresh(f"{name}_rows")
        return self.read[name]

    @property
    def reads(self) -> list[str]:
        return [f"{tile} = {array}[{self.rows}]" for array, tile in self.read.items()]

    def _cuts(self) -> list[tuple[str, str]]:
        """Pairs of the name in the loop and the text where memory is made."""
        names = [
            name for name in (*self.cut.values(), *self.short, *self.parts.values())
            if self.used is None or name in self.used
        ]  # fmt: skip
        return [*([(self.rows, self.rows)] if self.needs_rows else []), *((name, self.made[name]) for name in names)]

    def head(self, over: str) -> list[str]:
        names = [name for name, _ in self._cuts()]
        return bracketed("for ", names, f" in {over}:", tuple_=True)

    def appended(self, same: Mapping[str, str]) -> list[str]:
        """The lines that append a tile; `same` are names of arrays that have another name."""
        texts = [text for _, text in self._cuts()]
        places = [text.partition("[") for text in texts]
        shared = len({(same.get(array, array), cut) for array, _, cut in places}) < len(texts)
        to = f"    {self.name}" if self.thread is None else f"        {self.name}[-1]"
        return bracketed(f"{to}.append({'tile_parts' * shared}(", texts, "))")


def make_tiles(loops: Sequence[Tiles], same: Mapping[str, str]) -> str:
    """The statements that make the tiles of loops over the same rows; `same` as of `appended`."""
    first, names = loops[0], [loop.name for loop in loops]
    empty = ", ".join(["[]"] * len(loops)) if len(loops) <= FEW else f"([] for _ in range({len(loops)}))"
    made = bracketed("", names, f" = {empty}", tuple_=True) if len(loops) > 1 else [f"{names[0]} = []"]
    tiles = [line for loop in loops for line in loop.appended(same)]
    if first.thread is None:
        return "\n".join([*made, f"for {first.rows}, {first.own} in tiles({first.count}, {first.step}):", *tiles])
    return "\n".join([
        *made,
        f"for {first.share} in tiles_by_thread({first.count}, {first.step}):",
        *(f"    {loop.name}.append([])" for loop in loops),
        f"    for {first.rows}, {first.own}, {first.thread} in {first.share}:",
        *tiles,
    ])  # fmt: skip


def repeated_rows(memory: Memory, count: str, step: str, rest: Sequence[Dim], each_call: bool = True) -> str:
    """How many rows an array has of which all rows are the same, beside tiles of so many of `count` rows. One, where
    there are one or two tiles of some thousand entries in long rows: one more would be much beside the arrays. Of what
    is written in each call also where the rows are short, as to write it out takes as long as to repeat it."""
    width = memory.context.dim(numel(tuple(rest))).text
    return f"repeated_rows({count}, {step}, {width}{'' if each_call else ', False'})"


class Loops:
    """The tiles of all loops of a function, and the loop that is being written."""

    def __init__(self, layout: Layout, memory: Memory, names: Names, role: str, of_module: Set[str]) -> None:
        self.layout, self.memory, self.names, self.of_module = layout, memory, names, of_module
        many = memory.threads > 1 and sum(item.rows is not None for item in layout.items) > MANY
        self.lifted_from = role if many else ""
        """The function, if what threads run are functions of the module: they bear its name."""
        self.rows, self.own = names.fresh("rows"), names.fresh("own")
        self.thread = names.fresh("thread") if memory.threads > 1 else None
        self.share = names.fresh("share") if memory.threads > 1 else ""
        self.tiles: dict[int, Tiles] = {}  # by the position of the loop
        self.steps: dict[tuple[Dim, tuple[Dim, ...]], str] = {}
        self.current: int | None = None  # the position of the loop that is being written

    @property
    def now(self) -> Tiles:
        """The tiles of the loop that is being written."""
        assert self.current is not None
        return self.tiles[self.current]

    def key(self, position: int) -> tuple[Dim, tuple[Dim, ...]]:
        """The rows of the loop at a position, and the widths of its tiles: loops that share it share arrays."""
        return self.at(position).key

    def at(self, position: int) -> Tiles:
        """The tiles of the loop at a position."""
        found = self.tiles.get(position)
        if found is None:
            item = self.layout.items[position]
            assert item.rows is not None
            found = self.tiles[position] = self._new(item.rows, self._widths(item))
        return found

    def _widths(self, item: Item) -> tuple[Dim, ...]:
        """The widths of the arrays in a loop, but for those that are never the widest."""
        widths: dict[Dim, None] = {}
        for id in item.nodes:
            if self.layout.kind[id] == "buffer" and id not in item.collected:
                width = dim(1)
                for size in self.layout.graph[id].type.dims[1:]:
                    width = width * size
                widths[width] = None
        if len(widths) > MOST_COMPARED:
            return tuple(sorted(widths, key=str))
        widest = [w for w in widths if not any(v != w and (v - w).is_nonnegative() for v in widths)]
        return tuple(sorted(widest, key=str))

    def _new(self, rows: Dim, widths: tuple[Dim, ...]) -> Tiles:
        key, context = (rows, widths), self.memory.context
        if key not in self.steps:
            step = self.names.fresh("step")
            sizes = [context.dim(w).text for w in widths] or ["1"]
            width = sizes[0] if len(sizes) == 1 else f"max({', '.join(sizes)})"
            count = context.dim(rows).text
            context.helper("tile_rows")
            context.helper("tiles" if self.memory.threads == 1 else "tiles_by_thread")
            self.steps[key] = step
            self.memory.lines.append(f"{step} = tile_rows({count}, {width}, {context.dtype()})")
        count = context.dim(rows).text
        return Tiles(key, self.steps[key], count, self.names, self.rows, self.own, self.thread, self.share)


CHECK_HELPERS["tile_rows"] = '''\
def tile_rows(count, width, dtype):
    """How many of so many rows make a tile: as many as come closest to TILE bytes together."""
    size = max(1, width * dtype.itemsize)
    return min(count, max(1, (TILE + size // 2) // size))
'''
CHECK_HELPERS["repeated_rows"] = '''\
def repeated_rows(count, step, width, each_call=True):
    """How often a row is written out for a tile, in each call or for all: once, where that takes hardly longer."""
    few = count <= 2 * step and width >= 64 or each_call and count == step
    return 1 if few and count * width >= 16384 else step
'''
CHECK_HELPERS["tiles"] = '''\
def tiles(count, step):
    """The tiles of so many rows: per tile its rows, and the cut of an array that is as long as a tile."""
    return [(slice(i, min(i + step, count)), slice(0, min(step, count - i))) for i in range(0, count, max(step, 1))]
'''
CHECK_HELPERS["tile_parts"] = '''\
def tile_parts(*parts):
    """The parts of a tile, those of the same memory as one object: of two NumPy would ask how they overlap."""
    known, one_each = {}, []
    for part in parts:
        if type(part) is np.ndarray:
            part = known.setdefault((part.__array_interface__["data"], part.shape, part.strides, part.dtype), part)
        one_each.append(part)
    return tuple(one_each)
'''
