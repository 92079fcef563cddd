"""The statements of one function: what its values are called, and their text.

dP = dS @ W.T; dZ = dP * (H > 0)     becomes, where dP is not used again,
dP = dS @ W.T
dZ = np.multiply(dP, H > 0, out=dP)

An array bears the name of what it becomes, and a name is given again when nobody reads what bore it before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush

from graphc.emitter.context import BodyContext
from graphc.emitter.describe import describe
from graphc.emitter.expressions import LOOSE, Text, fill
from graphc.emitter.flow import Flow
from graphc.emitter.groups import Line, group_of
from graphc.emitter.in_place import InPlace
from graphc.emitter.inlining import inlined_values
from graphc.emitter.naming import Names
from graphc.emitter.statements import STATEMENTS
from graphc.emitter.step_names import Life, names_of_steps
from graphc.ir.graph import Graph, Node
from graphc.passes.dce import needed

__all__ = ["Body", "write_body"]

SUBSCRIPTED = re.compile(r"(.+?)_(\d+(?:_\d+)*)")
LONGEST_WORD = 30
"""What a word would be longer than this with that of its statement gets a number."""


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
    becomes: dict[int, int] = field(default_factory=dict)
    """Statement -> the last of those that take its array one after the other, whose name it bears."""


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
    flow = Flow(graph, order, arrays, roots, in_place, role)
    return _Writer(flow, names, BodyContext(graph, names, helpers, arrays, sizes)).write()


class _Writer:
    def __init__(self, flow: Flow, names: Names, context: BodyContext) -> None:
        self.flow, self.graph, self.names, self.context = flow, flow.graph, names, context
        self.full = {id for id in flow.order if self._is_full(id)}
        self.plan = InPlace(flow, inlined_values(flow), self.full)
        self.called: dict[int, str] = dict(flow.arrays)
        self.texts: dict[int, Text] = {}

    def write(self) -> Body:
        plan = self.plan
        self._name()
        lines: list[Line] = []
        holds: dict[str, int] = {}  # name -> the value that it holds
        for id in plan.statements:
            for line in self._statement(id, plan.over.get(id)):
                lines.append(line)
            name = self.called[id]
            self.context.live.pop(holds.get(name, -1), None)
            self.context.live[id] = name
            holds[name] = id
            if id in plan.over:  # the array that was overwritten is not itself any more
                self.context.live.pop(plan.over[id], None)
        lines = self._grouped(lines)
        texts = {r: self._text(r) for r in self.flow.roots}
        return Body(
            lines, dict(self.called), self.context, texts, plan.aliases, plan.fresh, plan.inlined, plan.over,
            plan.becomes,
        )  # fmt: skip

    def _is_full(self, id: int) -> bool:
        """Whether the value repeats one number and must be an array of its own: a result, which shares no memory, or a
        plain number of Python, of which a view would be float64."""
        node = self.graph[id]
        if node.op != "broadcast_to" or self.graph[node.operands[0]].type.shape != ():
            return False
        return id in self.flow.roots or (node.type.is_float and self.context.plain(node.operands[0]))

    def _grouped(self, lines: list[Line]) -> list[Line]:
        """Forward knows only statements, and the gradients that the program asks for; what backward computes again
        belongs to the gradient that it is for."""
        if self.flow.role == "step":
            return lines
        if self.flow.role == "forward":
            asked = needed(self.graph, self.graph.outputs.values())
            reverse = {line.node.id for line in lines if line.node and line.node.of_rule and line.node.id in asked}
            return [Line(x.text, x.node, (x.group[0], x.node is not None and x.node.id in reverse)) for x in lines]
        grouped: list[Line] = []
        group: tuple[int, bool] | None = None
        for line in reversed(lines):
            if line.group[1] or group is None:
                group = line.group
            grouped.append(Line(line.text, line.node, group))
        return grouped[::-1]

    # ------------------------------------------------------------ names

    def _name(self) -> None:
        """What several statements would call alike is told apart by what they assign: `P_A` and `P_B`, not `P_2`."""
        for id in self.plan.statements:
            node = self.graph[id]
            if node.name:
                self.called[id] = self.names.fresh(node.name)
        before, tried = dict(self.called), self.names.copy()
        alike = self._call(tried, {})
        if alike:
            self.called = before
            self._call(self.names, {word: self._apart(statements) for word, statements in alike.items()})
        else:
            self.names.take(tried)
        if self.flow.in_place and any(statement.steps for statement in self.graph.statements):
            self._name_alike()

    def _name_alike(self) -> None:
        """What only one step of a loop needs gets the name that it has in all of them."""
        last, steps = self._last_reads, self._steps()
        lives: dict[str, Life] = {}
        for position, id in enumerate(self.plan.statements):
            life = lives.setdefault(self.called[id], Life(position, position, set()))
            life.last = max(life.last, last[id])
            for u in {id, *self.plan.reads(id), self.plan.over.get(id, id)} & steps.keys():
                lives[self.called[u]].steps.add(steps[id])
                lives[self.called[u]].last = max(lives[self.called[u]].last, position)
        kept = {self.called[id] for id in self.plan.statements if self.graph[id].name and not self.graph[id].of_rule}
        mine = {name: life for name, life in lives.items() if name not in kept}
        shared = names_of_steps(mine, self.names.taken)
        for id in self.plan.statements:
            self.called[id] = shared.get(self.called[id], self.called[id])
        self.names.taken |= set(shared.values())

    def _steps(self) -> dict[int, tuple[tuple[str, int], ...]]:
        """Per statement the steps of the loops around the statement of the program that it stands under."""
        found: dict[int, tuple[tuple[str, int], ...]] = {}
        under: int | None = None
        for id in reversed(self.plan.statements):
            index, of_rule = group_of(self.graph[id])
            if under is None or of_rule or self.flow.role != "backward":
                under = index
            found[id] = self.graph.statements[under].steps if 0 <= under < len(self.graph.statements) else ()
        return found

    def _call(self, names: Names, apart: Mapping[str, Mapping[int, str]]) -> dict[str, set[int]]:
        """Name the values without names, words that are to be told `apart` with those of their statements; the words
        that several statements want at a time, and all statements that want them."""
        last, becomes = self._last_reads, self.plan.becomes
        free: dict[str, list[tuple[float, str]]] = {}  # what names were given for -> from where on they are free again
        wanting: dict[str, set[int]] = {}
        given: dict[str, set[int]] = {}
        for position, id in enumerate(self.plan.statements):
            if id in self.called:
                continue
            final = becomes[id]
            if final != id and final in self.called:
                self.called[id] = self.called[final]
                continue
            wanted = "terms" if self._is_added_up(final) else describe(self.graph, final, self.called)
            statement = group_of(self.graph[final])[0]
            wanting.setdefault(wanted, set()).add(statement)
            told = apart.get(wanted, {}).get(statement, "")
            if told and len(wanted) + len(told) < LONGEST_WORD and told not in wanted.split("_"):
                wanted = f"{wanted}_{told}"
            known = free.setdefault(wanted, [])
            if self.flow.in_place and known and known[0][0] < position:
                name = heappop(known)[1]
            else:
                name = names.fresh(wanted)
                given.setdefault(wanted, set()).add(statement)
            heappush(known, (last.get(final, position), name))
            self.called[id] = self.called[final] = name
        return {word: wanting[word] for word, statements in given.items() if len(statements) > 1 and word in wanting}

    def _apart(self, statements: Iterable[int]) -> dict[int, str]:
        """What tells the words of statements apart: the steps of a loop that assigns one name, or what they assign."""
        assigned = {statement: self._assigned[statement] for statement in statements if statement in self._assigned}
        steps = {name: SUBSCRIPTED.fullmatch(name) for name in assigned.values()}
        if len({step and step[1] for step in steps.values()}) == 1 and all(steps.values()):
            return {statement: step[2] for statement, name in assigned.items() if (step := steps[name])}
        return assigned

    @cached_property
    def _assigned(self) -> dict[int, str]:
        """By statement of the program what it assigns, at last."""
        values = (self.graph[id] for id in self.graph.values.values())
        return {node.origin.statement: node.name for node in values if node.origin and node.name and not node.of_rule}

    def _is_added_up(self, id: int) -> bool:
        """Whether a value without a name is what a loss is the sum of, and read by that alone."""
        node, users = self.graph[id], self.flow.consumers.get(id, [])
        if self.flow.role != "forward" or node.hint or node.of_rule or len(users) != 1 or id in self.flow.roots:
            return False
        user = self.graph[users[0]]
        return node.op in ("add", "subtract", "multiply") and user.op == "sum" and user.type.rank == 0

    @cached_property
    def _last_reads(self) -> dict[int, float]:
        """Per value the last statement that reads it. An array that nobody reads any more gives its name, and with it
        its memory, to the next one of its kind."""
        last: dict[int, float] = {}
        for position, id in enumerate(self.plan.statements):
            last[id] = position
            for u in self.plan.reads(id):
                last[u] = position
        stack = list(self.flow.roots)
        while stack:
            id = stack.pop()
            if id in self.plan.inlined:
                stack += self.graph[id].operands
            else:
                last[id] = float("inf")
        return last

    # ------------------------------------------------------------ text

    def _text(self, id: int) -> Text:
        if id in self.called:
            return Text(self.called[id])
        known = self.texts.get(id)
        if known is None:
            known = self.texts[id] = self._expression(id)
        return known

    def _expression(self, id: int) -> Text:
        node, op = self.graph.nodes[id], self.flow.ops[id]
        operands = [self._text(u) for u in node.operands]
        if id in self.full:
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

    def _written(self, node: Node) -> list[Text]:
        """The operands of an operation that is statements of its own. What is put into part of an array, or added to
        it, NumPy repeats by itself: `dx[1:] = dL`."""
        first, *others = node.operands
        if STATEMENTS[node.op].add is not None:
            while first not in self.called and self.graph[first].op == "broadcast_to":
                first = self.graph[first].operands[0]
        return [self._text(u) for u in (first, *others)]

    def _statement(self, id: int, over: int | None) -> list[Line]:
        node, op = self.graph.nodes[id], self.flow.ops[id]
        target, group = self.called[id], group_of(node)
        part = self.plan.added.get(id)
        if part is not None:
            add = STATEMENTS[self.graph[part].op].add
            assert add is not None and over is not None
            written = self._written(self.graph[part])
            lines = [add(self.context, self.graph[part], self.called[over], written)]
            lines += [f"{target} = {self.called[over]}"] if self.called[over] != target else []
            return [Line(line, node, group) for line in lines]
        special = STATEMENTS.get(node.op)
        if special is not None:
            texts = special.write(self.context, node, target, self._written(node), over is not None)
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
