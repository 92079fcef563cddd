"""The statements of one function: which values are named, which stand inside others, what is done in place.

dP = dS @ W.T; dZ = dP * (H > 0)     becomes, where dP is not used again,
dP = dS @ W.T
dZ = np.multiply(dP, H > 0, out=dP)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush

from graphc.emitter.context import BodyContext
from graphc.emitter.describe import behind_cotangents, describe
from graphc.emitter.expressions import LOOSE, Text, fill
from graphc.emitter.naming import Names
from graphc.emitter.statements import STATEMENTS
from graphc.emitter.steps import StepGradients
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.base import Op

__all__ = ["Body", "Line", "under_comments", "write_body"]

WIDEST = 72  # an expression longer than this is not put into another one
LONG = 48  # nor one longer than this where NumPy would make another array of it: dZ = …; dZ /= deviation
WIDEST_NUMBER = 96  # a number takes no memory, wherever it stands
FULL = 100  # nor is one that would make the other one longer than this
APART = {"columns", "add_columns"}  # nor is what a reader should see as a step
PARTS = {name for name, special in STATEMENTS.items() if special.add is not None}
ALWAYS_INLINE = {"size", "size_of", "transpose", "mT", "stop_gradient"}


@dataclass(frozen=True)
class Line:
    """A line of code, the node it computes, and the statement of the program it belongs to."""

    text: str
    node: Node | None = None
    group: tuple[int, bool] = (-1, False)


@dataclass
class Body:
    """A written body: its lines, the names of the roots, the context with the sizes and helpers it uses."""

    lines: list[Line]
    names: dict[int, str]
    context: BodyContext
    texts: dict[int, Text] = field(default_factory=dict)
    aliases: dict[int, frozenset[int]] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    inlined: set[int] = field(default_factory=set)
    over: dict[int, int] = field(default_factory=dict)
    """Statement -> the operand whose array it takes."""


def group_of(node: Node) -> tuple[int, bool]:
    """The statement a node belongs to, and whether it is of the reverse pass."""
    if node.origin is None:
        return (-1, False)
    return (node.origin.statement, node.origin.rule is not None)


def under_comments(groups: Sequence[tuple[int, bool]], from_reverse: bool = False) -> list[tuple[int, bool]]:
    """For each line the group whose comment it stands under: lines of one statement that follow each other stand under
    one comment, that of the reverse pass if any of them is of it. With `from_reverse`, those before it stay apart."""
    under: list[tuple[int, bool]] = []
    for start, (index, reverse) in enumerate(groups):
        follows = start > 0 and groups[start - 1][0] == index
        under.append((index, reverse or (follows and under[-1][1])))
    if not from_reverse:
        for at in range(len(under) - 2, -1, -1):
            if under[at][0] == under[at + 1][0]:
                under[at] = under[at + 1]
    return under


def write_body(
    graph: Graph,
    order: Sequence[int],
    arrays: dict[int, str],
    roots: Iterable[int],
    names: Names,
    helpers: set[str],
    sizes: dict[str, str],
    in_place: bool,
    role: str,
) -> Body:
    """The body of a function that computes `roots` from `arrays` (node -> the name it is bound to).

    `role` is `forward`, `backward` or `step`. Only in backward may a value that the program names be overwritten.
    """
    return _Writer(graph, order, arrays, roots, names, helpers, sizes, in_place, role).write()


class _Writer:
    def __init__(
        self,
        graph: Graph,
        order: Sequence[int],
        arrays: dict[int, str],
        roots: Iterable[int],
        names: Names,
        helpers: set[str],
        sizes: dict[str, str],
        in_place: bool,
        role: str,
    ) -> None:
        self.graph = graph
        self.order = [i for i in order if i not in arrays]
        self.ops = {id: graph.op(graph.nodes[id]) for id in self.order}
        self.roots = dict.fromkeys(roots)
        self.names = names
        self.context = BodyContext(graph, names, helpers, arrays, sizes)
        self.arrays = arrays
        self.in_place = in_place
        self.role = role
        self.consumers: dict[int, list[int]] = {}
        for id in self.order:
            for u in dict.fromkeys(graph[id].operands):
                self.consumers.setdefault(u, []).append(id)
        self.inlined: set[int] = set()
        self.read: dict[int, set[int]] = {}
        """Per statement what it reads, as far as it was asked; it depends on what is inlined."""
        self.called: dict[int, str] = dict(arrays)
        self.texts: dict[int, Text] = {}
        self.added: dict[int, int] = {}  # sum -> the operand that is added to a part of the other one

    def write(self) -> Body:
        self._choose_inlined()
        aliases = self._aliases()
        statements, reuse = self._planned(aliases)
        self._name(statements, reuse)
        lines: list[Line] = []
        holds: dict[str, int] = {}  # name -> the value that it holds
        for id in statements:
            for line in self._statement(id, reuse.get(id)):
                lines.append(line)
            name = self.called[id]
            self.context.live.pop(holds.get(name, -1), None)
            self.context.live[id] = name
            holds[name] = id
            if id in reuse:  # the array that was overwritten is not itself any more
                self.context.live.pop(reuse[id], None)
        lines = self._grouped(lines)
        texts = {r: self._text(r) for r in self.roots}
        return Body(lines, dict(self.called), self.context, texts, aliases, self.fresh, self.inlined, reuse)

    def _grouped(self, lines: list[Line]) -> list[Line]:
        """Forward knows only statements; what backward computes again belongs to the gradient that it is for."""
        if self.role == "step":
            return lines
        if self.role == "forward":
            return [Line(line.text, line.node, (line.group[0], False)) for line in lines]
        grouped: list[Line] = []
        group: tuple[int, bool] | None = None
        for line in reversed(lines):
            if line.group[1] or group is None:
                group = line.group
            grouped.append(Line(line.text, line.node, group))
        return grouped[::-1]

    # ------------------------------------------------------------ what stands inside what

    def _choose_inlined(self) -> None:
        width: dict[int, int] = {}
        room: dict[int, int] = {}
        nodes, roots = self.graph.nodes, self.roots
        places = self._places()
        for id in self.order:
            node = nodes[id]
            op = self.ops[id]
            width[id] = _overhead(node, op) + sum(
                width[u] if u in self.inlined else len(nodes[u].name or nodes[u].hint or "temp")
                for u in node.operands
            )
            if self._always(node) and (id not in roots or node.op in ("const", "size")):
                self.inlined.add(id)
                continue
            consumers = self.consumers.get(id, [])
            if id in roots or node.name or len(consumers) != 1 or node.op in STATEMENTS or node.op in APART:
                continue
            if node.op == "const" and node.hint:  # an array that the program gave a name
                continue
            consumer = nodes[consumers[0]]
            if (
                consumer.operands.count(id) > 1
                or _repeats(self.graph.op(consumer), consumer, id)
                or consumer.op in STATEMENTS
                or (self._always(consumer) and places[consumer.id] > 1)  # it would be computed at each of them
            ):
                continue
            if self.in_place and node.op == "add" and any(nodes[u].op in PARTS for u in node.operands):
                continue  # a statement that adds to part of an array
            if group_of(node) != group_of(consumer) and not self._may_cross(node, consumer):
                continue
            taken = room.get(consumer.id, 0) + width[id]
            if width[id] > (WIDEST if node.type.rank else WIDEST_NUMBER):
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

    def _scaled_in_place(self, node: Node, consumer: Node) -> bool:
        """Whether an array is multiplied or divided by one that broadcasting repeats: NumPy takes the memory of what it
        has just computed only for operands of one shape, a statement of its own takes it always."""
        if not self.in_place or consumer.op not in ("multiply", "divide") or node.type != consumer.type:
            return False
        users = self.consumers.get(consumer.id, ())
        if len(users) == 1 and group_of(self.graph[users[0]]) == group_of(consumer) and not consumer.name:
            return False  # it may stand inside another one itself
        first, other = (self.graph[u] for u in consumer.operands)
        return first.id == node.id and bool(other.type.rank) and other.type != node.type

    def _starts(self, id: int) -> bool:
        """Whether what a sum begins with stands inside it, and might as well be a statement of its own."""
        return self.in_place and id in self.inlined and not self._always(self.graph[id]) and not self.graph[id].name

    def _places(self) -> dict[int, int]:
        """How many expressions each value stands in, through views that are written out wherever they are used."""
        places: dict[int, int] = {}
        for id in reversed(self.order):
            consumers = self.consumers.get(id, ())
            places[id] = sum(places[c] if self._always(self.graph[c]) else 1 for c in consumers)
        return places

    def _may_cross(self, node: Node, consumer: Node) -> bool:
        """Whether a value of forward may stand inside a gradient: in `backward` there is no forward to read it beside,
        in `step` only where both are of one statement."""
        (index, reverse), (other, _) = group_of(node), group_of(consumer)
        return not reverse and (self.role == "backward" or (self.role == "step" and index == other))

    def _always(self, node: Node) -> bool:
        if node.op == "const":
            return not isinstance(node.attr("value"), tuple) or (
                len(repr(node.attr("value"))) < 40 and len(self.consumers.get(node.id, [])) < 2 and not node.hint
            )
        if node.op == "shape_of":
            return node.operands[0] in self.arrays or node.operands[0] not in self.inlined
        return node.op in ALWAYS_INLINE and not node.name

    # ------------------------------------------------------------ memory

    def _aliases(self) -> dict[int, frozenset[int]]:
        """Per value the values whose memory it may share: itself, or for a view those of its operands."""
        aliases: dict[int, frozenset[int]] = {i: frozenset((i,)) for i in self.arrays}
        for id in self.order:
            node = self.graph[id]
            if _may_be_view(self.ops[id]) and not self._is_full(id):
                shared: frozenset[int] = frozenset()
                for u in node.operands:
                    shared |= aliases[u]
                # What broadcasting repeats is not writable: -1 stands for memory that nobody may hand out.
                repeated = frozenset((-1,)) if node.op == "broadcast_to" else frozenset()
                aliases[id] = (shared or frozenset((id,))) | repeated
            else:
                aliases[id] = frozenset((id,))
        return aliases

    @cached_property
    def fresh(self) -> set[int]:
        """The statements that make a new array, which nothing else refers to."""
        return {id for id, op in self.ops.items() if self._is_full(id) or (op.cost != "free" and not _may_be_view(op))}

    def _is_quantity(self, id: int) -> bool:
        """Whether a value has a name of its own: the program's, or that of a gradient of one of the program's."""
        node = self.graph[id]
        return node.name is not None or (node.hint is not None and node.hint[1:] in self.graph.values)

    def _is_full(self, id: int) -> bool:
        """Whether the value repeats one number and must be an array of its own: a result, which shares no memory, or a
        plain number of Python, of which a view would be float64."""
        node = self.graph[id]
        if node.op != "broadcast_to" or self.graph[node.operands[0]].type.shape != ():
            return False
        return id in self.roots or (node.type.is_float and self.context.plain(node.operands[0]))

    def _reads(self, id: int) -> set[int]:
        """The values a statement reads, through what stands inside it."""
        found = self.read.get(id)
        if found is None:
            found = self.read[id] = set()
            stack = list(self.graph[id].operands)
            while stack:
                u = stack.pop()
                if u in self.inlined:
                    stack.extend(self.graph[u].operands)
                else:
                    found.add(u)
        return found

    def _planned(self, aliases: dict[int, frozenset[int]]) -> tuple[list[int], dict[int, int]]:
        """The statements, and what is done in place: what is zero but for a part is not made to be added."""
        statements = [i for i in self.order if i not in self.inlined]
        if not self.in_place:
            return statements, {}
        reuse = self._choose_in_place(statements, aliases)
        added = {id: x for id, a in reuse.items() if (x := self._part_added(id, a, aliases)) is not None}
        while added:
            self.inlined |= set(added.values())
            self.read = {}
            statements = [i for i in self.order if i not in self.inlined]
            reuse = self._choose_in_place(statements, aliases)
            self.added = {id: x for id, x in added.items() if reuse.get(id, x) != x}
            if self.added == added:
                break
            self.read = {}
            self.inlined -= set(added.values())  # one of them stands where its array is still needed
            added = self.added
        if self.role == "backward":
            return self._step_by_step(statements, reuse, aliases)
        return statements, reuse

    def _step_by_step(
        self, statements: list[int], reuse: dict[int, int], aliases: dict[int, frozenset[int]]
    ) -> tuple[list[int], dict[int, int]]:
        """The gradients of a loop's steps in the arrays of those before them, as far as these are not read any more."""
        steps = StepGradients(self.graph, statements, self._reads, self._becomes(statements, reuse))
        if not steps.stem:
            return statements, reuse
        moved = steps.behind_readers(lambda id, other: group_of(self.graph[id]) == group_of(self.graph[other]))
        if moved != statements:
            statements, reuse = moved, self._choose_in_place(moved, aliases)
            steps = StepGradients(self.graph, statements, self._reads, self._becomes(statements, reuse))
        dead = steps.dead_before(reuse, self._last_uses(statements, aliases))
        known = {u for u in dead.values() if u in self.fresh and not isinstance(self.graph[u].type.shape, Unknown)}
        return statements, {id: u for id, u in dead.items() if u in known} | reuse

    def _part_added(self, id: int, a: int, aliases: dict[int, frozenset[int]]) -> int | None:
        """The operand of a sum that is zero but for a part, if nothing else needs it and it is made of other arrays."""
        node = self.graph[id]
        if node.op != "add" or self.role != "backward":
            return None
        x = node.operands[1 - node.operands.index(a)]
        special = STATEMENTS.get(self.graph[x].op)
        if special is None or special.add is None or x in self.roots or self.graph[x].type != node.type:
            return None
        if self.graph[x].name or self.consumers[x] != [id]:
            return None
        apart = all(aliases[r].isdisjoint(aliases[a]) for r in self._reads(x))
        return x if apart else None

    def _last_uses(self, statements: list[int], aliases: dict[int, frozenset[int]]) -> dict[int, float]:
        """Per array the last statement that reads it or a view of it; results are read to the end."""
        last: dict[int, float] = {}
        for position, id in enumerate(statements):
            for u in self._reads(id):
                for base in aliases[u]:
                    last[base] = position
        for root in self.roots:
            for base in aliases[root]:
                last[base] = float("inf")
        return last

    def _choose_in_place(self, statements: list[int], aliases: dict[int, frozenset[int]]) -> dict[int, int]:
        """Statement -> the operand whose array it overwrites: its own, of the same type, and not used again."""
        last = self._last_uses(statements, aliases)
        reuse: dict[int, int] = {}
        for position, id in enumerate(statements):
            node, op = self.graph.nodes[id], self.ops[id]
            if not ((op.ufunc and op.elementwise) or (node.op in STATEMENTS and STATEMENTS[node.op].in_place)):
                continue
            if not node.type.rank and node.op != "add":  # a number cannot be written into, `+=` makes another
                continue
            if not node.type.is_float:
                continue
            candidates = node.operands if op.ufunc else node.operands[:1]
            for u in candidates:
                if (self.role != "backward" and self._is_quantity(u)) or (not node.type.rank and self.graph[u].name):
                    continue
                own = u in self.fresh and u not in self.inlined
                same = own and self.graph[u].type == node.type and not isinstance(node.type.shape, Unknown)
                if same and last.get(u) == position and node.operands.count(u) == 1:
                    reuse[id] = u
                    last.setdefault(id, position)
                    break
        return reuse

    # ------------------------------------------------------------ names

    def _name(self, statements: list[int], reuse: dict[int, int]) -> None:
        for id in statements:
            node = self.graph[id]
            if node.name:
                self.called[id] = self.names.fresh(node.name)
        last = self._last_reads(statements)
        free: dict[str, list[tuple[float, str]]] = {}  # what names were given for -> from where on they are free again
        becomes = self._becomes(statements, reuse)
        for position, id in enumerate(statements):
            if id in self.called:
                continue
            final = becomes[id]
            if final != id and final in self.called:
                self.called[id] = self.called[final]
                continue
            wanted = describe(self.graph, final)
            known = free.setdefault(wanted, [])
            if self.in_place and known and known[0][0] < position:
                name = heappop(known)[1]
            else:
                name = self.names.fresh(wanted)
            heappush(known, (last.get(final, position), name))
            self.called[id] = self.called[final] = name

    def _becomes(self, statements: list[int], reuse: dict[int, int]) -> dict[int, int]:
        """Per value the last of the chain of statements that overwrite its array, whose name it bears: an unnamed array
        bears the name of what it becomes, unless a reader looks for it by itself."""
        overwritten_by = {old: new for new, old in reuse.items()}
        readers = Counter(u for id in statements for u in self._reads(id))
        final: dict[int, int] = {}
        for id in reversed(statements):  # who overwrites comes later
            new = overwritten_by.get(id)
            is_read = readers[id] > 1 and new not in self.added  # else: dS[i] += ds, where dS is a gradient already
            ends = new is None or self.graph[id].name or is_read or self._is_step(id, new)
            final[id] = id if ends or new is None else final[new]
        return final

    def _last_reads(self, statements: list[int]) -> dict[int, float]:
        """Per value the last statement that reads it. An array that nobody reads any more gives its name, and with it
        its memory, to the next one of its kind."""
        last: dict[int, float] = {}
        for position, id in enumerate(statements):
            last[id] = position
            for u in self._reads(id):
                last[u] = position
        stack = list(self.roots)
        while stack:
            id = stack.pop()
            if id in self.inlined:
                stack += self.graph[id].operands
            else:
                last[id] = float("inf")
        return last

    def _is_product(self, node: Node) -> bool:
        return node.op == "matmul" or node.op.startswith("convolve")

    def _is_step(self, old: int, new: int) -> bool:
        """Whether what the one statement that overwrites it reads more than once would get a wrong name: a product of
        matrices, what becomes a gradient and is none, or what a rule names and becomes what it does not."""
        if len(self.consumers.get(old, ())) < 2:
            return False
        node, reached = self.graph[old], behind_cotangents(self.graph)
        if self._is_product(node) or (node.op == "add" and any(self._is_product(self.graph[u]) for u in node.operands)):
            return True
        becomes = self.graph[new]
        unlike = old not in reached or (node.hint and not (becomes.name or becomes.hint))
        return new in reached and bool(unlike)

    # ------------------------------------------------------------ text

    def _text(self, id: int) -> Text:
        if id in self.called:
            return Text(self.called[id])
        known = self.texts.get(id)
        if known is None:
            known = self.texts[id] = self._expression(id)
        return known

    def _expression(self, id: int) -> Text:
        node, op = self.graph.nodes[id], self.ops[id]
        operands = [self._text(u) for u in node.operands]
        if self._is_full(id):
            shape = str(operands[1]) if len(operands) > 1 else self.context.shape(node.type.shape)
            dtype = self.context.dtype() if node.type.is_float else node.type.dtype
            filled = {"0": "zeros", "1": "ones"}.get(str(operands[0]).removesuffix(".0"))
            if filled:
                return Text(f"np.{filled}({shape}, {dtype})")
            return Text(f"np.full({shape}, {operands[0]}, {dtype})")
        if callable(op.numpy):
            return op.numpy(self.context, node, operands)
        named = dict(zip(op.operands, operands, strict=False))
        for key, value in node.attrs:
            named[key] = Text(repr(value))
        return fill(op.numpy, named, op.precedence)

    def _statement(self, id: int, over: int | None) -> list[Line]:
        node, op = self.graph.nodes[id], self.ops[id]
        target, group = self.called[id], group_of(node)
        part = self.added.get(id)
        if part is not None:
            add = STATEMENTS[self.graph[part].op].add
            assert add is not None and over is not None
            written = [self._text(u) for u in self.graph[part].operands]
            lines = [add(self.context, self.graph[part], self.called[over], written)]
            lines += [f"{target} = {self.called[over]}"] if self.called[over] != target else []
            return [Line(line, node, group) for line in lines]
        special = STATEMENTS.get(node.op)
        if special is not None:
            texts = special.write(self.context, node, target, [self._text(u) for u in node.operands], over is not None)
            return [Line(text, node, group) for text in texts]
        if over is None or (not node.type.rank and self.called[over] != target):  # a number is not written into
            return [Line(f"{target} = {self._expression(id)}", node, group)]
        operands = [self._text(u) for u in node.operands]
        if over not in node.operands:
            arguments = ", ".join(t.within(LOOSE) for t in operands)
            return [Line(f"{target} = np.{node.op}({arguments}, out={self.called[over]})", node, group)]
        position = node.operands.index(over)
        if self.called[over] == target and op.augmented:
            commutes = node.op in ("add", "multiply")
            if position == 0 or commutes:
                return [Line(f"{target} {op.augmented} {operands[1 - position]}", node, group)]
        arguments = ", ".join(t.within(LOOSE) for t in operands)
        return [Line(f"{target} = {op.ufunc}({arguments}, out={self.called[over]})", node, group)]


def _may_be_view(op: Op) -> bool:
    return op.view or op.empty_view


def _overhead(node: Node, op: Op) -> int:
    """About how long an operation's text is without its operands: for numbers as it is, for arrays rather more."""
    if not node.type.rank and node.type.is_float and not node.attr("keepdims"):
        if node.op == "sum":
            return len("().sum()")
        if op.augmented:
            return len(" + ")
    template = op.numpy if isinstance(op.numpy, str) else ""
    return max(3, len(template) - 3 * len(node.operands)) if template else 6 if op.elementwise else 14


def _repeats(op: Op, node: Node, operand: int) -> bool:
    """Whether the operation's text writes this operand more than once: then it must be a name."""
    if not isinstance(op.numpy, str):
        return node.op in ("power_const",)
    name = op.operands[node.operands.index(operand)] if node.operands.index(operand) < len(op.operands) else ""
    return op.numpy.count("{" + name + "}") > 1
