"""Where a statement stands that writes into an array: the constants and the room that the forms of `into` ask for.

    np.maximum(Z, zeros, out=H)         zeros = np.zeros(H, X.dtype)          made once; in a loop as long as a tile
    ones.dot(dZ, db)                    ones = np.ones(N, X.dtype)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.emitter.expressions import ATOM, PRODUCT, Text
from graphc.emitter.flat_places import from_start
from graphc.emitter.naming import Names
from graphc.emitter.operands import Operands, plain_text
from graphc.emitter.parts import is_contiguous
from graphc.emitter.row_reductions import is_narrow
from graphc.emitter.threads import private
from graphc.emitter.tiles import repeated_rows
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ops.base import NumpyContext
from graphc.ops.columns import windows_text
from graphc.ops.cuts import WHOLE
from graphc.passes.in_order import is_backwards
from graphc.passes.regions import Item

__all__ = ["PlaceOf", "Shared"]


@dataclass
class Shared:
    """What the statements of a function have in common: a name for an entry of windows, the labels already located."""

    names: Names
    entry: str | None = None
    # In a loop, or outside of all: flat indices -> made by what.
    located: dict[tuple[int | None, str], list[str]] = field(default_factory=dict)
    # In a loop: what a column is written out in -> the column.
    widened: dict[tuple[int | None, str], int] = field(default_factory=dict)


class PlaceOf:
    """The place of a statement, for the forms of `into`."""

    def __init__(self, operands: Operands, shared: Shared, item: Item) -> None:
        self.operands, self.shared, self.item = operands, shared, item
        self.graph, self.memory, self.loops = operands.graph, operands.memory, operands.loops
        self.context = operands.context

    def by_rows(self) -> bool:
        return self.item.rows is not None

    def contiguous(self, node: Node) -> bool:
        return is_contiguous(self.operands.layout, node)

    def is_checked(self, node: Node) -> bool:
        node = self._integers(node)
        return node.op in ("in_range", "const", "arange") or bool(self._limits(node))

    def may_be_negative(self, labels: Node) -> bool:
        labels = self._integers(labels)
        if labels.op == "const":
            return bool(np.min(labels.attr("value"), initial=0) < 0)
        if labels.op == "arange":
            return not (dim(labels.attr("start")).is_nonnegative() and labels.attr("step") == 1)
        return labels.attr("kind") != "label" and "label" not in self._limits(labels)

    def _integers(self, node: Node) -> Node:
        """The integers that views show."""
        while self.graph.op(node).view and node.op != "in_range":
            node = self.graph[node.operands[0]]
        return node

    def _limits(self, node: Node) -> list[str]:
        """What the module checks of an argument: that it has labels, or indices."""
        argument = node.attr("name") if node.op == "argument" else None
        return [kind for name, _, kind in self.graph.limits if name == argument]

    def operand(self, node: Node, position: int) -> Node:
        return self.graph[node.operands[position]]

    def text(self, node: Node) -> Text:
        return plain_text(self.context, node, self.graph.op(node), self.operands.of(self.item, node))

    def solid(self, node: Node, position: int) -> bool:
        source = self.operand(node, position)
        while source.op in ("reshape", "expand_dims", "squeeze"):
            source = self.graph[source.operands[0]]
        return self.operands.layout.kind.get(source.id) == "buffer" and self.contiguous(source)

    def has_gaps(self, node: Node, position: int) -> bool:
        source = self.operand(node, position)
        while self.graph.op(source).view and source.operands:  # also of what forward has saved
            if source.op == "slice" and any(part != WHOLE for part in source.attr("index")[1:]):
                return True
            if source.op == "slice" and isinstance(first := source.attr("index")[0], tuple) and first[2] is not None:
                return True
            if source.op == "transpose" and (source.type.rank or 0) > 2:
                return True
            source = self.graph[source.operands[0]]
        return self.operands.layout.kind.get(source.id) == "buffer" and not self.contiguous(source)

    def is_backwards(self, node: Node, position: int) -> bool:
        return is_backwards(self.graph, self.operand(node, position))

    def window(self, node: Node, array: int) -> str:
        behind = node.attr("behind", 1 if node.op == "add_columns" else 0)
        text = windows_text(self.memory.context, node, array, behind)
        return self.memory.constant(("window", text), "window", text)

    def blocks(self) -> str:
        kind = self.memory.context.dtype()
        if self.item.rows is None or self.loops.now.thread is None:
            return self.memory.constant(("blocks",), "blocks", f"np.empty((3, 16384), {kind})")
        blocks = self.memory.constant(("blocks",), "blocks", f"np.empty((THREADS, 3, 16384), {kind})", True)
        return self.loops.now.part(f"{blocks}[{self.loops.now.thread}]", "block")

    def at(self) -> str:
        if self.shared.entry is None:
            self.shared.entry = self.shared.names.fresh("at")
        return self.shared.entry

    def flat(self, x: Text, rest: Sequence[Dim], like: Text | None = None) -> str:
        if self.item.rows is not None:
            known = self.loops.now.flat(x.text, ", ".join(self.memory.context.dim(size).text for size in rest))
            if known is not None:
                return known
        sizes = "".join(f", {self.context.dim(size)}" for size in rest)
        return f"{x.within(ATOM)}.reshape(len({like or x}){sizes})"

    def as_rows(self, x: Text, shape: Sequence[Dim], leading: int) -> tuple[str, str]:
        between, rest = numel(tuple(shape[1:leading])), numel(tuple(shape[leading:]))
        if self.item.rows is None:
            size = shape[0] * between
            shown = f"{x.within(ATOM)}.reshape({self.context.dim(size)}, {self.context.dim(rest)})"
            return self.ones(size, False, "flat"), shown
        if leading == 1:
            return self.ones(shape[0], True, "flat"), self.flat(x, [rest])
        tiles, known = self.loops.now, len(self.memory.constants)
        each = self.memory.context.dim(between).within(PRODUCT + 1)
        make = f"np.ones(({tiles.step}, {each}), {self.memory.context.dtype()})"
        name = self.memory.constant(("ones", tiles.step, each), "ones", make, True)
        if len(self.memory.constants) > known:
            self.memory.beside.append((self.loops.current or 0, tuple(shape[1:leading]), None))
        made = tiles.made.get(x.text)
        rows = f"{made or x.within(ATOM)}.reshape(len({made or x}) * {each}, {self.memory.context.dim(rest)})"
        ones = tiles.part(f"{name}[{tiles.own}].reshape(-1)", f"{name}_flat")
        return ones, rows if made is None else tiles.part(rows, f"{x.text}_flat")

    def scratch(self, what: str, sizes: tuple[Dim, ...], dtype: str) -> str:
        first, *others = (self.memory.context.dim(size).text for size in sizes)
        kind = self.memory.context.dtype() if dtype == "float" else dtype
        rest = "".join(f", {size}" for size in others)
        if self.item.rows is not None:
            return self._along(what, self.item.rows, rest, f"np.empty((SIZE{rest or ','}), {kind})")
        text = f"np.empty(({first}{rest or ','}), {kind})"
        return self.memory.constant((what, text), what, text)

    def located(self, places: str, lines: list[str]) -> list[str]:
        before = self.shared.located.get((self.loops.current, places))
        self.shared.located[self.loops.current, places] = lines
        return [] if before == lines else lines

    def _along(self, what: str, length: Dim, rest: str, make: str) -> str:
        """An array made once, as long as a tile in a loop and else as an axis; `make` is its text but for the shape."""
        if self.item.rows is None:
            size = self.memory.context.dim(length).text
            return self.memory.constant((what, size, rest), what, make.replace("SIZE", size))
        tiles = self.loops.now
        key = (what, tiles.step, rest)
        shared = self.memory.threads == 1 or not make.startswith("np.empty")
        make = make if shared else private(make)
        return tiles.short_of(self.memory.constant(key, what, make.replace("SIZE", tiles.step), True), shared)

    def ones(self, size: Dim, rows: bool, shape: str) -> str:
        dtype = self.memory.context.dtype()
        if rows:
            return self._along("ones", size, "", f"np.ones(SIZE, {dtype})")
        text = self.memory.context.dim(size).text
        form = {"flat": text, "row": f"(1, {text})", "column": f"({text}, 1)"}[shape]
        return self.memory.constant(("ones", form), "ones", f"np.ones({form}, {dtype})")

    def filled(self, node: Node, number: str) -> str:
        dtype = self.memory.context.dtype()
        zero = number in ("0", "0.0")
        what, start, value = ("zeros", "np.zeros(", "") if zero else ("limit", "np.full(", f", {number}")
        if self.item.rows is None:
            last = self.memory.context.dim(node.type.dims[-1]).text
            return self.memory.constant((what, number, last), what, f"{start}{last}{value}, {dtype})")
        rest = "".join(f", {self.memory.context.dim(size)}" for size in node.type.dims[1:])
        shape, known = f"(SIZE{rest})" if rest else "SIZE", len(self.memory.constants)
        if rest and self.memory.threads == 1:
            self.memory.context.helper("repeated_rows")
            shape = f"({repeated_rows(self.memory, self.loops.now.count, 'SIZE', node.type.dims[1:], False)}{rest})"
        name = self._along(what, self.item.rows, f"{rest}{value}", f"{start}{shape}{value}, {dtype})")
        if len(self.memory.constants) > known:
            self.memory.beside.append((self.loops.current or 0, node.type.dims[1:], None))
        return name

    def starts(self, shape: Sequence[Dim]) -> str:
        count, *others, size = shape
        starts = self._starts(count, others, size)
        return self.entries(Text(starts)) if others else starts

    def _starts(self, count: Dim, others: Sequence[Dim], classes: Dim) -> str:
        """The flat indices at which rows of so many classes begin, as an array with an entry for each row."""
        size = self.memory.context.dim(classes).within(PRODUCT + 1)
        sizes = "".join(f", {self.memory.context.dim(n)}" for n in others)
        rest = numel(tuple(others))
        first = "SIZE" if rest == 1 else f"SIZE * {self.memory.context.dim(rest).within(PRODUCT + 1)}"
        rows = f"np.arange({first})" + (f".reshape(SIZE{sizes})" if others else "")
        return self._along("starts", count, f"{size}{sizes}", f"{rows} * {size}")

    def reduction(self, ufunc: str, shape: Sequence[Dim]) -> str:
        if self.memory.threads > 1:
            return f"{ufunc}.reduceat"
        count, *others, size = shape
        if not is_narrow(size.value):
            return f"{ufunc}.reduceat"
        starts, name = self._starts(count, others, size), f"{ufunc.removeprefix('np.')}_of_rows"
        make = f"{self.memory.context.helper('reduction_of_rows')}({ufunc}, {starts}, {self.memory.context.dim(size)})"
        return self.memory.constant((make,), name, make)

    def entries(self, x: Text) -> str:
        made = self.loops.now.made.get(x.text) if self.item.rows is not None else None
        if made is not None:  # with the tiles, and not in every call
            return self.loops.now.part(f"{made}.reshape(-1)", f"{x.text}_flat")
        return f"{x.within(ATOM)}.reshape(-1)"

    def places(self, labels: Node, text: str, classes: Dim, negative: bool = False) -> tuple[list[str], str]:
        count, *others = labels.type.dims
        sizes = "".join(f", {self.memory.context.dim(n)}" for n in others)
        starts = self._starts(count, others, classes)
        index = self._along("places", count, sizes, f"np.empty({f'(SIZE{sizes})' if others else 'SIZE'}, int)")
        if negative:
            number = self.context.dim(classes)
            lines = [*from_start(text, number, index), f"np.add({starts}, {index}, {index})"]
        else:
            lines = [f'np.add({starts}, {text}, out={index}, casting="unsafe")']
        known = self.loops.current is not None and not self.located(index, lines)
        return [] if known else lines, index

    def made(self, name: str, text: Callable[[NumpyContext], str]) -> str:
        written = text(self.memory.context)
        return self.memory.constant((name, written), name, written)
