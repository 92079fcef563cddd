"""The texts of the values that a statement reads: whole arrays, and in a loop their tiles.

    np.add(X, b, Z)       becomes in a loop over rows       np.add(X_rows, b, Z)
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.emitter.context import BodyContext
from graphc.emitter.describe import describe
from graphc.emitter.expressions import ATOM, Text, fill
from graphc.emitter.kinds import factors
from graphc.emitter.layout import Layout
from graphc.emitter.memory import Memory
from graphc.emitter.parts import is_contiguous
from graphc.emitter.tiles import Loops, repeated_rows
from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ops.base import Op
from graphc.passes.regions import Item, read_by_rows
from graphc.passes.spread import spread_operands

__all__ = ["Operands", "plain_text"]

RESHAPED = ("reshape", "expand_dims", "squeeze")
CUT_VIEWS = {"squeeze": "flat", "expand_dims": "column", "mT": "T", "transpose": "T"}


def plain_text(context: BodyContext, node: Node, op: Op, operands: list[Text]) -> Text:
    """A node's expression in plain NumPy."""
    if callable(op.numpy):
        return op.numpy(context, node, operands)
    named = dict(zip(op.operands, operands, strict=False))
    for key, value in node.attrs:
        named[key] = Text(repr(value))
    return fill(op.numpy, named, op.precedence)


class Operands:
    """The texts of values; `called` are the names of those that have one, of the constants once they are made."""

    def __init__(
        self, layout: Layout, context: BodyContext, memory: Memory, loops: Loops, called: dict[int, str]
    ) -> None:
        self.graph, self.layout, self.context, self.memory = layout.graph, layout, context, memory
        self.loops, self.called = loops, called
        self.texts: dict[int, Text] = {}
        self.views: dict[str, str] = {}  # the texts of views that loops cut -> their names
        self.filled: set[int] = set()  # the values that are made where memory is made
        self.counted = set(layout.array.values())  # the arrays that values are in, or what is spread, as far as written
        solid = factors(layout.graph)
        for item in layout.items:
            for id in item.nodes:
                if layout.kind[id] == "constant":
                    text = self._constant(id).text
                    if id in solid and layout.graph.op(layout.graph[id]).view:
                        text = f"np.ascontiguousarray({text})"
                    memory.keep(called[id], text)
                    self.filled.add(id)

    def _constant(self, id: int) -> Text:
        """A value that hangs on sizes only: made where memory is made."""
        if id in self.filled:
            return Text(self.called[id])
        node, op = self.graph[id], self.graph.op(self.graph[id])
        operands = [self._constant(u) for u in node.operands]
        return plain_text(self.memory.context, node, op, operands)

    def whole(self, id: int) -> Text:
        """A value as a whole. Views of views may be as deep as the program is long: there is no recursion."""
        stack = [id]
        while True:
            top = stack[-1]
            known = self._known(top)
            if known is None:
                node, op = self.graph[top], self.graph.op(self.graph[top])
                behind = self._behind(node)
                operands = [text for text in map(self._known, behind) if text is not None]
                if len(operands) < len(behind):
                    stack += [u for u in reversed(behind) if self._known(u) is None]
                    continue
                known = self.texts[top] = plain_text(self.context, node, op, operands)
            stack.pop()
            if not stack:
                return known

    def _known(self, id: int) -> Text | None:
        """The name of a value, or its text if it is written already."""
        if id in self.called and not self.layout.is_inside(id):
            return Text(self.called[id])
        return self.texts.get(id)

    def _behind(self, node: Node) -> Sequence[int]:
        """The operands of a node; of several changes of shape that have no names the last one counts."""
        if node.op != "reshape" or len(node.operands) > 1:
            return node.operands
        (u,) = node.operands
        while self.graph[u].op == "reshape" and len(self.graph[u].operands) == 1 and u not in self.called:
            (u,) = self.graph[u].operands
        return (u,)

    def tile(self, id: int) -> Text:
        """The tile of a value in the loop that is being written."""
        assert self.loops.current is not None
        tiles, item = self.loops.now, self.layout.items[self.loops.current]
        assert item.rows is not None
        node, op = self.graph[id], self.graph.op(self.graph[id])
        kind = self.layout.kind[id]
        if kind == "buffer" and id not in self.layout.full:
            return Text(tiles.short_of(self.called[id]))
        if kind in ("buffer", "constant"):
            return Text(tiles.rows_of(self.called[id]))
        if kind == "bound":
            return Text(tiles.argument(self.called[id]))
        found = read_by_rows(self.graph, node, item.rows) if kind == "view" else None
        if found is None:
            whole = self.whole(id)
            if "(" not in whole.text:
                tiles.needs_rows = True
                return Text(f"{whole.within(ATOM)}[{tiles.rows}]")
            made = self._made(id)
            if made is not None:
                return Text(tiles.part(f"{made.within(ATOM)}[{tiles.rows}]", f"{self._base(id)}_rows"))
            return Text(tiles.argument(self._view(id, whole.text)))
        operands = [self.tile(u) if k in found[0] else self.whole(u) for k, u in enumerate(node.operands)]
        if node.op == "reshape":
            rest = node.type.dims[1:]
            count = "-1" if all(size.value for size in rest) else f"len({operands[0]})"  # -1 beside a 0 is any number
            sizes = ", ".join(self.context.dim(size).text for size in rest)
            return Text(f"{operands[0].within(ATOM)}.reshape({count}, {sizes})")
        cut = tiles.made.get(operands[0].text) if operands else None
        if len(operands) == 1 and node.op in CUT_VIEWS and cut is not None:  # made with the array, not in every call
            text = plain_text(self.memory.context, node, op, [Text(cut)])
            return Text(tiles.part(text.text, f"{operands[0]}_{CUT_VIEWS[node.op]}"))
        return plain_text(self.context, node, op, operands)

    def _view(self, id: int, text: str) -> str:
        """The name of a whole view of that text, which it is given before the loop that cuts it first."""
        known = self.views.get(text)
        if known is None:
            known = self.views[text] = self.loops.names.fresh(f"{self._base(id)}_view")
            self.loops.now.spread.append(f"{known} = {text}")
        return known

    def _base(self, id: int) -> str:
        """The name of what a view shows."""
        return next((self.called[u] for u in self.layout.bases(id) if u in self.called), "value")

    def _made(self, id: int) -> Text | None:
        """A view as it is written where memory is made, if it shows whole arrays of the memory alone."""
        if id in self.layout.full and self.layout.kind[id] == "buffer":
            return Text(self.called[id])
        node, op = self.graph[id], self.graph.op(self.graph[id])
        behind = self._behind(node)
        if self.layout.kind[id] != "view" or not op.view:
            return None
        solid = all(self.layout.kind[u] == "buffer" and is_contiguous(self.layout, self.graph[u]) for u in behind)
        if node.op == "reshape" and not solid:
            return None  # it may be a copy, of what is there now
        operands = [self._made(u) for u in behind]
        texts = [text for text in operands if text is not None]
        return plain_text(self.memory.context, node, op, texts) if len(texts) == len(operands) else None

    def in_another_shape(self, id: int) -> tuple[int, str] | None:
        """The array that a view shows all of in its order, and the view as it is written where memory is made."""
        base = id
        while self.layout.kind[base] == "view" and self.graph[base].op in RESHAPED:
            base = self.graph[base].operands[0]
        own = base not in self.layout.part_of and base not in self.layout.pieces
        if base == id or self.layout.kind[base] != "buffer" or not own:
            return None
        made = self._made(id)
        return None if made is None else (base, made.text)

    def of(self, item: Item, node: Node) -> list[Text]:
        """The operands of a statement."""
        if item.rows is None:
            return [self.whole(u) for u in node.operands]
        found = read_by_rows(self.graph, node, item.rows)
        assert found is not None
        texts = [self.tile(u) if k in found[0] else self.whole(u) for k, u in enumerate(node.operands)]
        # Tiles of threads are so large that to spread operands does not help.
        if self.layout.kind[node.id] == "buffer" and self.memory.threads == 1:
            for k, rest in spread_operands(self.graph, node, found[0], self.filled).items():
                texts[k] = Text(self._spread(node.operands[k], rest))
        return texts

    def _spread(self, u: int, rest: tuple[Dim, ...]) -> str:
        """An array as long as a tile that repeats an operand; one that is no constant is copied before the loop."""
        assert self.loops.current is not None
        tiles, memory = self.loops.now, self.memory
        sizes = [memory.context.dim(size).text for size in rest]
        shape = f"({', '.join([tiles.step, *sizes])}{'' if rest else ','})"
        name = self.called.get(u) or describe(self.graph, u)
        kind, known = memory.context.dtype(), len(memory.constants)
        number = self.layout.spread.get((u, tiles.key, rest))
        if number is None:
            make = f"np.full({shape}, {name}, {kind})" if u in self.filled else f"np.empty({shape}, {kind})"
            spread = memory.constant(("spread", str(u), shape), f"{name}_spread", make, tiled=True)
        else:
            rows = repeated_rows(memory, tiles.count, tiles.step, rest)
            spread = memory.spread_in(("spread", str(u), shape), f"{name}_spread", number, rows, rest)
        if len(memory.constants) > known:
            if number is None or number not in self.counted:
                memory.beside.append((self.loops.current, rest, number))
            if number is not None:
                self.counted.add(number)
            if u not in self.filled:
                memory.unpacked.append(spread)
                tiles.spread.append(f"{spread}[...] = {self.whole(u)}")
        return tiles.part(f"{spread}[{tiles.own}]", f"{name}_rows")
