"""Where a statement stands that writes into an array: the constants and the room that the forms of `into` ask for.

    np.maximum(Z, zeros, out=H)         zeros = np.zeros(H, X.dtype)          made once; in a loop as long as a tile
    ones.dot(dZ, db)                    ones = np.ones(N, X.dtype)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.emitter.expressions import PRODUCT, Text
from graphc.emitter.naming import Names
from graphc.emitter.operands import Operands, plain_text
from graphc.emitter.parts import is_contiguous
from graphc.emitter.threads import private
from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ops.columns import windows_text
from graphc.passes.regions import Item

__all__ = ["PlaceOf", "Shared"]


@dataclass
class Shared:
    """What the statements of a function have in common: a name for an entry of windows, the labels already located."""

    names: Names
    entry: str | None = None
    located: dict[tuple[int | None, str], str] = field(default_factory=dict)  # in a loop: flat indices -> made by what


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
        limited = {name for name, *_ in self.graph.limits}
        return any(a.node == node.id and a.name in limited for a in self.graph.arguments)

    def operand(self, node: Node, position: int) -> Node:
        return self.graph[node.operands[position]]

    def text(self, node: Node) -> Text:
        return plain_text(self.context, node, self.graph.op(node), self.operands.of(self.item, node))

    def solid(self, node: Node, position: int) -> bool:
        source = self.operand(node, position)
        while source.op in ("reshape", "expand_dims", "squeeze"):
            source = self.graph[source.operands[0]]
        return self.operands.layout.kind[source.id] == "buffer" and self.contiguous(source)

    def window(self, node: Node, array: int) -> str:
        behind = node.attr("behind", 1 if node.op in ("columns", "add_columns") else 0)
        text = windows_text(self.memory.context, node, array, behind)
        return self.memory.constant(("window", text), "window", text)

    def at(self) -> str:
        if self.shared.entry is None:
            self.shared.entry = self.shared.names.fresh("at")
        return self.shared.entry

    def scratch(self, what: str, node: Node, dtype: str) -> str:
        first, *others = (self.memory.context.dim(size).text for size in node.type.dims)
        kind = self.memory.context.dtype() if dtype == "float" else dtype
        rest = "".join(f", {size}" for size in others)
        if self.item.rows is not None:
            return self._along(what, self.item.rows, rest, f"np.empty((SIZE{rest or ','}), {kind})")
        text = f"np.empty(({first}{rest or ','}), {kind})"
        return self.memory.constant((what, text), what, text)

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
        name = self._along(what, self.item.rows, f"{rest}{value}", f"{start}{shape}{value}, {dtype})")
        if len(self.memory.constants) > known:
            self.memory.beside.append((self.loops.current or 0, node.type.dims[1:]))
        return name

    def places(self, node: Node) -> tuple[list[str], str, str]:
        classes = self.operand(node, 0).type.dims[-1]
        labels = self.operands.of(self.item, node)[1]
        count = self.operand(node, 1).type.dims[0]
        size = self.memory.context.dim(classes).within(PRODUCT + 1)
        starts = self._along("starts", count, size, f"np.arange(SIZE) * {size}")
        index = self._along("places", count, "", "np.empty(SIZE, int)")
        entries = self._along("entries", count, "", f"np.empty(SIZE, {self.memory.context.dtype()})")
        line = f'np.add({starts}, {labels}, out={index}, casting="unsafe")'
        known = self.shared.located.get((self.loops.current, index)) == line and self.loops.current is not None
        self.shared.located[self.loops.current, index] = line
        return [] if known else [line], index, entries
