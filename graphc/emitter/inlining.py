"""Which values stand inside others, and so are no statements of their own.

    E = exp(S - m); P = E / s         becomes, where E is not used again,        P = np.exp(S - m) / s

What is read once, is not named by the program and does not make a line too long stands where it is read; sizes, numbers
and transposes always do.
"""

from __future__ import annotations

from functools import cached_property

from graphc.emitter.flow import Flow
from graphc.emitter.groups import group_of
from graphc.emitter.statements import STATEMENTS
from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ops.base import Op
from graphc.ops.cuts import WHOLE

__all__ = ["ALWAYS_INLINE", "inlined_values"]

WIDEST = 75  # an expression longer than this is not put into another one
OF_FUNCTION = 8  # unless by so little and into a function: `tanh = np.tanh(…)` says more than `product = …`
LONG = 48  # nor one longer than this where NumPy would make another array of it: dZ = …; dZ /= deviation
WIDEST_NUMBER = 96  # a number takes no memory, wherever it stands, and a sign before an array NumPy sets in place
FULL = 100  # nor is one that would make the other one longer than this
APART = {"columns", "add_columns"}  # nor is what a reader should see as a step
JOINING = {"concatenate", "stack"}
PARTS = {name for name, special in STATEMENTS.items() if special.add is not None}
ALWAYS_INLINE = {"size", "size_of", "transpose", "mT", "stop_gradient"}


def inlined_values(flow: Flow) -> set[int]:
    """The values that stand inside others."""
    return _Inlining(flow).choose()


class _Inlining:
    def __init__(self, flow: Flow) -> None:
        self.flow, self.graph, self.consumers = flow, flow.graph, flow.consumers
        self.inlined: set[int] = set()

    def choose(self) -> set[int]:
        width: dict[int, int] = {}
        room: dict[int, int] = {}
        nodes, roots, inlined = self.graph.nodes, self.flow.roots, self.inlined
        for id in self.flow.order:
            node = nodes[id]
            wide = _overhead(node, self.flow.ops[id])
            for u in node.operands:
                if u in inlined:
                    wide += width[u]
                else:
                    read = nodes[u]
                    wide += len(read.name or read.hint or "temp")
            width[id] = wide
            if self._always(node) and (id not in roots or node.op in ("const", "size")):
                inlined.add(id)
                continue
            consumers = self.consumers.get(id, ())
            if id in roots or node.name or len(consumers) != 1 or node.op in STATEMENTS or node.op in APART:
                continue
            if node.op == "const" and node.hint:  # an array that the program gave a name
                continue
            consumer = nodes[consumers[0]]
            if node.hint and consumer.op in JOINING:  # a gate of a cell: each has its line
                continue
            if (
                consumer.operands.count(id) > 1
                or _repeats(self.graph.op(consumer), consumer, id)
                or (consumer.op in STATEMENTS and not self._is_put(node, consumer, width[id]))
                or (self._always(consumer) and self.places[consumer.id] > 1)  # it would be computed at each of them
            ):
                continue
            if self.flow.in_place and node.op == "add" and any(nodes[u].op in PARTS for u in node.operands):
                continue  # a statement that adds to part of an array
            if self._goes_on(node, consumer) or self._is_scaled_result(node):
                continue
            if group_of(node) != group_of(consumer) and not self._may_cross(node, consumer):
                continue
            taken = room.get(consumer.id, 0) + width[id]
            if width[id] > self._widest(node, consumer):
                continue
            if width[id] > LONG and self._scaled_in_place(node, consumer):
                continue
            if taken > FULL:
                first = consumer.operands[0]
                is_result = consumer.op == "add" and not consumer.type.rank and bool(consumer.name)
                if not is_result or id == first or not self._starts(first):
                    continue
                self.inlined.discard(first)  # L = first; L += second
                taken = width[id]
            room[consumer.id] = taken
            self.inlined.add(id)
        return self.inlined

    def _widest(self, node: Node, consumer: Node) -> int:
        """How long an expression may be that stands inside this one."""
        if not node.type.rank or consumer.op == "negative":  # a sign is short
            return WIDEST_NUMBER
        text = self.flow.ops[consumer.id].numpy if len(consumer.operands) == 1 and not consumer.name else None
        of_function = isinstance(text, str) and text.startswith("np.")
        unnamed = node.op in ("add", "subtract", "multiply", "divide") and not node.hint
        return WIDEST + OF_FUNCTION * (of_function and unnamed)

    def _scaled_in_place(self, node: Node, consumer: Node) -> bool:
        """Whether an array is multiplied or divided by one that broadcasting repeats: NumPy takes the memory of what it
        has just computed only for operands of one shape, a statement of its own takes it always."""
        if not self.flow.in_place or consumer.op not in ("multiply", "divide") or node.type != consumer.type:
            return False
        users = self.consumers.get(consumer.id, ())
        if len(users) == 1 and group_of(self.graph[users[0]]) == group_of(consumer) and not consumer.name:
            return False  # it may stand inside another one itself
        first, other = (self.graph[u] for u in consumer.operands)
        return first.id == node.id and bool(other.type.rank) and other.type != node.type

    def _is_scaled_result(self, node: Node) -> bool:
        """Whether a number scales an array that statements of its own have filled: `dS[i, y] -= 1; dS *= dL`."""
        if not self.flow.in_place or node.op not in ("multiply", "divide"):
            return False
        first, number = (self.graph[u] for u in node.operands)
        filled = first.op in STATEMENTS and first.id not in self.flow.arrays and len(self.consumers[first.id]) == 1
        return filled and first.type == node.type and number.type.rank == 0

    def _goes_on(self, node: Node, consumer: Node) -> bool:
        """Whether what earlier statements began to add up goes on with two terms: `dW += …; dW += …` takes no new
        array, `total = dW + … + …` would."""
        if self.flow.role != "backward" or not self.flow.in_place or not node.type.rank:
            return False
        first = self.graph[node.operands[0]] if node.op == consumer.op == "add" else None
        if first is None or consumer.operands[0] != node.id or node.type != consumer.type or first.type != node.type:
            return False
        begun = first.op in ("add", "subtract") and first.of_rule and first.id not in self.inlined
        return begun and first.id not in self.flow.arrays and group_of(first) != group_of(node)

    def _is_put(self, node: Node, consumer: Node, width: int) -> bool:
        """Whether this is what is put into an array, or added to part of one: `np.add.at(dx, j, -dd)`. What is repeated
        there needs no text for that."""
        if consumer.op not in PARTS or consumer.operands[0] != node.id:
            return False
        return width <= LONG or node.op == "broadcast_to"

    def _starts(self, id: int) -> bool:
        """Whether what a sum begins with stands inside it, and might as well be a statement of its own."""
        node = self.graph[id]
        return self.flow.in_place and id in self.inlined and not self._always(node) and not node.name

    @cached_property
    def places(self) -> dict[int, int]:
        """How many expressions each value stands in, through views that are written out wherever they are used."""
        places: dict[int, int] = {}
        for id in reversed(self.flow.order):
            consumers = self.consumers.get(id, ())
            places[id] = sum(places[c] if self._always(self.graph[c]) else 1 for c in consumers)
        return places

    def _may_cross(self, node: Node, consumer: Node) -> bool:
        """Whether a value may stand inside one of another statement: a new axis, a part of an array, the sign of a
        number, and a value of forward inside a gradient: in `backward` there is no forward to read it beside, in `step`
        only where both are of one statement.
        """
        if node.op in ("expand_dims", "slice") or (node.op == "negative" and not node.type.rank):
            return True
        (index, reverse), (other, _) = group_of(node), group_of(consumer)
        return not reverse and (self.flow.role == "backward" or (self.flow.role == "step" and index == other))

    def _always(self, node: Node) -> bool:
        if node.op == "const":
            return not isinstance(node.attr("value"), tuple) or (
                len(repr(node.attr("value"))) < 40 and len(self.consumers.get(node.id, [])) < 2 and not node.hint
            )
        if node.op == "arange":  # each row's own number beside its label, or as that
            users = {self.graph[u].op for u in self.consumers.get(node.id, ())}
            return not node.name and users <= {"subtract_one_hot", "scatter", "gather"}
        if node.op == "shape_of":
            return node.operands[0] in self.flow.arrays or node.operands[0] not in self.inlined
        if node.op == "transpose" and node.hint and len(self.consumers.get(node.id, [])) > 1:
            return False  # its reader knows it by this name
        if node.op == "expand_dims":  # `de[:, None]`, wherever it stands
            return not node.name and node.type.rank is not None
        if node.op == "slice":  # `A[0]`, `X[:, 1]`: says more than a name for it would
            base = self.graph[node.operands[0]]
            return not node.name and _is_part(node) and (base.id not in self.inlined or base.op == "slice")
        return node.op in ALWAYS_INLINE and not node.name


def _is_part(node: Node) -> bool:
    """Whether this is an entry, a row or a column, by place: `X[0, 1]`, `A[2]`, `X[:, -1]`."""
    index = node.attr("index")
    return any(isinstance(item, int | Dim) for item in index) and all(
        isinstance(item, int | Dim) or item == WHOLE for item in index
    )


def _overhead(node: Node, op: Op) -> int:
    """About how long an operation's text is without its operands: for numbers as it is, for arrays rather more."""
    if not node.type.rank and node.type.is_float and not node.attr("keepdims"):
        if node.op == "sum":
            return len("().sum()")
        if op.augmented:
            return len(" + ")
    template = op.numpy if isinstance(op.numpy, str) else "-{x}" if node.op == "negative" else ""
    return max(3, len(template) - 3 * len(node.operands)) if template else 6 if op.elementwise else 14


def _repeats(op: Op, node: Node, operand: int) -> bool:
    """Whether the operation's text writes this operand more than once: then it must be a name."""
    if not isinstance(op.numpy, str):
        return node.op in ("power_const", "finite")
    name = op.operands[node.operands.index(operand)] if node.operands.index(operand) < len(op.operands) else ""
    return op.numpy.count("{" + name + "}") > 1
