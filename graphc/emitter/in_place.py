"""What is done in place: which statement writes over the array of an operand that nothing reads any more.

    dP = dS @ W.T; dZ = dP * (H > 0)     becomes, where dP is not used again,     dZ = np.multiply(dP, H > 0, out=dP)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import cached_property
from itertools import chain

from graphc.emitter.describe import behind_cotangents
from graphc.emitter.flow import Flow
from graphc.emitter.groups import group_of
from graphc.emitter.statements import STATEMENTS
from graphc.emitter.steps import StepGradients
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.base import Op

__all__ = ["InPlace"]

READ_ONLY = {"broadcast_to", "diagonal"}


class InPlace:
    """The plan of a function's arrays.

    `statements` are the values with a statement of their own, in order; `over` tells of a statement the operand whose
    array it takes; `added` of a sum the operand that is added to a part of the other one; `aliases` of a value those
    whose memory it may share. `inlined` are the values without a statement, to which the plan adds what is only added
    to a part; `full` those that repeat one number and yet are arrays of their own.
    """

    def __init__(self, flow: Flow, inlined: set[int], full: Collection[int]) -> None:
        self.flow, self.graph, self.inlined, self.full = flow, flow.graph, inlined, full
        self.added: dict[int, int] = {}
        self._read: dict[int, set[int]] = {}  # per statement what it reads, as far as it was asked
        self.aliases = self._aliases()
        self.statements, self.over = self._planned()

    def _aliases(self) -> dict[int, frozenset[int]]:
        """Per value the values whose memory it may share: itself, or for a view those of its operands."""
        aliases: dict[int, frozenset[int]] = {i: frozenset((i,)) for i in self.flow.arrays}
        nodes, ops = self.graph.nodes, self.flow.ops
        for id in self.flow.order:
            if _may_be_view(ops[id]) and id not in self.full and id not in self._reshaped_at_once:
                node = nodes[id]
                shared: frozenset[int] = frozenset()
                for u in node.operands:
                    shared |= aliases[u]
                # NumPy's views of these are not writable: -1 stands for memory that nobody may hand out.
                closed = frozenset((-1,)) if node.op in READ_ONLY else frozenset()
                aliases[id] = (shared or frozenset((id,))) | closed
            else:
                aliases[id] = frozenset((id,))
        return aliases

    @cached_property
    def fresh(self) -> set[int]:
        """The statements that make a new array, which nothing else refers to."""
        new = {id for id, op in self.flow.ops.items() if _is_made(op)}
        return new.union(self.full, self._reshaped_at_once)

    @cached_property
    def _reshaped_at_once(self) -> set[int]:
        """Arrays that are made in another shape, `np.outer(dz, x).reshape(l, m, n)`: what is reshaped has no name."""
        nodes, ops = self.graph.nodes, self.flow.ops
        return {
            id for id in self.flow.order
            if nodes[id].op == "reshape" and (u := nodes[id].operands[0]) in self.inlined
            and _is_made(ops[u]) and self.flow.consumers[u] == [id]
        }  # fmt: skip

    def _is_quantity(self, id: int) -> bool:
        """Whether a value has a name of its own: the program's, or that of a gradient of one of the program's."""
        node = self.graph[id]
        return node.name is not None or (node.hint is not None and node.hint[1:] in self.graph.values)

    def reads(self, id: int) -> set[int]:
        """The values a statement reads, through what stands inside it."""
        found = self._read.get(id)
        if found is None:
            found = self._read[id] = set()
            nodes, inlined = self.graph.nodes, self.inlined
            operands = nodes[id].operands
            if inlined.isdisjoint(operands):
                found.update(operands)
                return found
            stack = list(operands)
            while stack:
                u = stack.pop()
                if u in inlined:
                    stack.extend(nodes[u].operands)
                else:
                    found.add(u)
        return found

    def _planned(self) -> tuple[list[int], dict[int, int]]:
        """The statements, and what is done in place: what is zero but for a part is not made to be added."""
        statements = [i for i in self.flow.order if i not in self.inlined]
        if not self.flow.in_place:
            return statements, {}
        reuse = self._choose_in_place(statements)
        added = {id: x for id, a in reuse.items() if (x := self._part_added(id, a)) is not None}
        while added:
            self.inlined |= set(added.values())
            self._read = {}
            statements = [i for i in self.flow.order if i not in self.inlined]
            reuse = self._choose_in_place(statements)
            self.added = {id: x for id, x in added.items() if reuse.get(id, x) != x}
            if self.added == added:
                break
            self._read = {}
            self.inlined -= set(added.values())  # one of them stands where its array is still needed
            added = self.added
        if self.flow.role == "backward":
            return self._step_by_step(statements, reuse)
        return statements, reuse

    def _step_by_step(self, statements: list[int], reuse: dict[int, int]) -> tuple[list[int], dict[int, int]]:
        """The gradients of a loop's steps in the arrays of those before them, as far as these are not read any more."""
        steps = StepGradients(self.graph, statements, self.reads, self._becomes(statements, reuse))
        if not steps.stem:
            return statements, reuse
        moved = steps.behind_readers(lambda id, other: group_of(self.graph[id]) == group_of(self.graph[other]))
        if moved != statements:
            statements, reuse = moved, self._choose_in_place(moved)
            steps = StepGradients(self.graph, statements, self.reads, self._becomes(statements, reuse))
        dead = steps.dead_before(reuse, self._last_uses(statements))
        known = {u for u in dead.values() if u in self.fresh and not isinstance(self.graph[u].type.shape, Unknown)}
        return statements, {id: u for id, u in dead.items() if u in known} | reuse

    def _part_added(self, id: int, a: int) -> int | None:
        """The operand of a sum that is zero but for a part, if nothing else needs it and it is made of other arrays."""
        node = self.graph[id]
        if node.op != "add" or not (self.flow.role == "backward" or node.of_rule):
            return None
        x = node.operands[1 - node.operands.index(a)]
        special = STATEMENTS.get(self.graph[x].op)
        if special is None or special.add is None or x in self.flow.roots or x in self.flow.arrays:
            return None  # what is kept of forward is at hand, and its operands are not
        if self.graph[x].type != node.type:
            return None
        if self.graph[x].name or self.flow.consumers[x] != [id]:
            return None
        computed = {u for u in self.graph[x].operands if u in self.inlined and u in self.fresh}  # before it is added
        read = [r for u in self.graph[x].operands if u not in computed for r in self._seen(u)]
        return x if all(self.aliases[r].isdisjoint(self.aliases[a]) for r in read) else None

    def _seen(self, id: int) -> set[int]:
        """The value itself, or those that it is a view of where it stands inside a statement."""
        return self.reads(id) if id in self.inlined else {id}

    def _last_uses(self, statements: list[int]) -> dict[int, float]:
        """Per array the last statement that reads it or a view of it; results are read to the end."""
        last: dict[int, float] = {}
        aliases = self.aliases
        for position, id in enumerate(statements):
            for u in self.reads(id):
                for base in aliases[u]:
                    last[base] = position
        for root in self.flow.roots:
            for base in self.aliases[root]:
                last[base] = float("inf")
        return last

    def _choose_in_place(self, statements: list[int]) -> dict[int, int]:
        """Statement -> the operand whose array it overwrites: its own, of the same type, and not used again."""
        last = self._last_uses(statements)
        reuse: dict[int, int] = {}
        for position, id in enumerate(statements):
            node, op = self.graph.nodes[id], self.flow.ops[id]
            if not ((op.ufunc and op.elementwise) or (node.op in STATEMENTS and STATEMENTS[node.op].in_place)):
                continue
            if not node.type.rank and node.op != "add":  # a number cannot be written into, `+=` makes another
                continue
            if not node.type.is_float:
                continue
            candidates = node.operands if op.ufunc else node.operands[:1]
            for u in candidates:
                if last.get(u) != position:
                    continue
                if self.flow.role != "backward" and self._is_quantity(u):
                    continue
                if not node.type.rank and self.graph[u].name:
                    continue
                own = u in self.fresh and u not in self.inlined
                same = own and self.graph[u].type == node.type and not isinstance(node.type.shape, Unknown)
                if same and node.operands.count(u) == 1:
                    reuse[id] = u
                    last.setdefault(id, position)
                    break
        return reuse

    @cached_property
    def becomes(self) -> dict[int, int]:
        """Per value the last of the chain of statements that overwrite its array, whose name it bears: an unnamed array
        bears the name of what it becomes, unless a reader looks for it by itself."""
        return self._becomes(self.statements, self.over)

    def _becomes(self, statements: list[int], reuse: dict[int, int]) -> dict[int, int]:
        overwritten_by = {old: new for new, old in reuse.items()}
        readers = Counter(chain.from_iterable(map(self.reads, statements)))
        final: dict[int, int] = {}
        for id in reversed(statements):  # who overwrites comes later
            new = overwritten_by.get(id)
            is_read = readers[id] > 1 and new not in self.added  # else: dS[i] += ds, where dS is a gradient already
            ends = new is None or self.graph[id].name or is_read or self._is_step(id, new) or self._is_taken(id, new)
            final[id] = id if ends or new is None else final[new]
        return final

    def _is_taken(self, old: int, new: int) -> bool:
        """Whether a value is subtracted from what takes its array, or divides it: of that it is no part."""
        node = self.graph[new]
        return node.op in ("subtract", "divide") and node.operands[1] == old != node.operands[0]

    def _is_step(self, old: int, new: int) -> bool:
        """Whether what the one statement that overwrites it reads more than once would get a wrong name: a product of
        matrices, what becomes a gradient and is none, or what a rule names and becomes what it does not."""
        if len(self.flow.consumers.get(old, ())) < 2:
            return False
        node, reached = self.graph[old], behind_cotangents(self.graph)
        if _is_product(node) or (node.op == "add" and any(_is_product(self.graph[u]) for u in node.operands)):
            return True
        becomes = self.graph[new]
        unlike = old not in reached or (node.hint and not (becomes.name or becomes.hint))
        return new in reached and bool(unlike)


def _is_made(op: Op) -> bool:
    return op.cost != "free" and not _may_be_view(op)


def _may_be_view(op: Op) -> bool:
    return op.view or op.empty_view


def _is_product(node: Node) -> bool:
    return node.op == "matmul" or node.op.startswith("convolve")
