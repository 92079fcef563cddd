"""The statements of a function that works in memory made once, each as the lines that write its value.

    A = X + b            np.add(X, b, A)                a buffer
    s = sum(v)           s = v.dot(ones)                a number
    U = unique(A)        U = np.unique(A)               a fresh array
    g = sum(Z, axis=0)   ones.dot(Z_rows, part)         collected in a loop over tiles
                         np.add(g, part, g)
"""

from __future__ import annotations

from graphc.emitter.expressions import ATOM, LOOSE, Text
from graphc.emitter.groups import Line, group_of
from graphc.emitter.into import COPIED_FIRST, write_into
from graphc.emitter.operands import Operands, plain_text
from graphc.emitter.parts import other_parts
from graphc.emitter.place import PlaceOf, Shared
from graphc.emitter.statements import STATEMENTS
from graphc.emitter.wide_columns import widen_columns
from graphc.ir.graph import Node
from graphc.ops.base import Op
from graphc.passes.regions import Item

__all__ = ["write_statement"]


def write_statement(operands: Operands, shared: Shared, item: Item, id: int) -> list[Line]:
    """The lines for a value of an item; none for what stands inside other statements or is made with the memory."""
    return _Statement(operands, shared, item, operands.graph[id]).lines()


class _Statement:
    def __init__(self, operands: Operands, shared: Shared, item: Item, node: Node) -> None:
        self.graph, self.layout, self.node, self.item = operands.graph, operands.layout, node, item
        self.operands, self.place = operands, PlaceOf(operands, shared, item)

    def lines(self) -> list[Line]:
        node, kind = self.node, self.layout.kind[self.node.id]
        if kind in ("inline", "view", "constant"):
            return []
        return [Line(text, node, group_of(node)) for text in self._texts(kind)]

    def _texts(self, kind: str) -> list[str]:
        node, op = self.node, self.graph.op(self.node)
        target = self.operands.called[node.id]
        operands = self.operands.of(self.item, node)
        if node.id in self.item.collected:
            return self._collected(op, target, operands)
        if kind == "buffer":
            return self._into_buffer(op, target, operands)
        special = STATEMENTS.get(node.op)
        if special is not None:
            return list(special.write(self.operands.context, node, target, operands, False))
        return [f"{target} = {self._number(op, operands)}"]

    def _into_buffer(self, op: Op, target: str, operands: list[Text]) -> list[str]:
        node = self.node
        if self.item.rows is not None:
            target = self.operands.tile(node.id).text
        if node.op == "concatenate" and any(self.layout.is_part(u, node.id) for u in node.operands):
            return other_parts(self.layout, self.operands.context, node, target, operands)
        wide = widen_columns(self.place, node, operands)
        texts = write_into(self.place, op, node, target, operands)
        return [*wide, *(texts[1:] if self._is_in_its_place() else texts)]

    def _is_in_its_place(self) -> bool:
        """Whether the operand that is first copied to where the result goes is there already."""
        node, array = self.node, self.layout.array
        position = COPIED_FIRST.get(node.op)
        if position is None:
            return False
        return node.id in array and array.get(node.operands[position]) == array[node.id]

    def _number(self, op: Op, operands: list[Text]) -> Text:
        """The text of a value that is a number, or has no other form."""
        node = self.node
        if node.op == "sum" and self.graph[node.operands[0]].type.rank == 1 and node.type.rank == 0:
            source = self.graph[node.operands[0]]
            if source.type.is_float and self.layout.kind[source.id] == "buffer":
                ones = self.place.ones(source.type.dims[0], self.item.rows is not None, "flat")
                return Text(f"{operands[0].within(ATOM)}.dot({ones})")
        return plain_text(self.operands.context, node, op, operands)

    def _collected(self, op: Op, target: str, operands: list[Text]) -> list[str]:
        """A sum over the tiles."""
        node, memory, tiles = self.node, self.operands.memory, self.operands.loops.now
        if node.type.rank == 0:
            return [f"{target} += {self._number(op, operands).within(LOOSE)}"]
        key = ("part", str(node.type.dims))
        if tiles.thread is not None:
            sums = memory.sums(node, target)
            target = tiles.part(f"{sums}[{tiles.thread}]", f"{target}_sum")
            parts = memory.constant(key, "parts", f"np.empty_like({sums})", tiled=True)
            part = tiles.part(f"{parts}[{tiles.thread}]", "part")
        else:
            part = memory.constant(key, "part", f"np.empty({memory.shape(node)}, {memory.dtype(node)})")
        return [*write_into(self.place, op, node, part, operands), f"np.add({target}, {part}, {target})"]
