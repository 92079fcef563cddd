"""What only one branch of a choice needs has a gradient only where that branch is taken.

    L = sum(where(x > 0, sqrt(x), 0))
    dx = dL * (x > 0) * 0.5 / sqrt(x)           nan where x is negative: 0 times nan
    dx = where(x > 0, dL * 0.5 / sqrt(x), 0)    the gradient

    L = sum(where(x > 0, x * log(x), exp(x) - 1))
    dx = where(x > 0, dL * log(x) + dL, dL * exp(x))

By its rule `where` masks a cotangent before all that is derived from the branch, and there 0 times an infinite
derivative is nan. Where an operation of a branch has such a derivative, the choice is made behind all of them instead:
between what the branches contribute to what is needed without them. What belongs to a branch is made entry by entry and
for it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias

from graphc.ir.graph import Builder, Node, Origin
from graphc.ir.types import Type
from graphc.ops.base import Op
from graphc.passes.steep import may_be_infinite

__all__ = ["Branches", "Cases", "masked"]

Branch: TypeAlias = "tuple[int, bool]"
"""A condition, and whether it holds."""

DEEPEST = 8
"""In so many branches a value may be, one within the other."""
WRITTEN = 3
"""So deep conditions are compared."""
ENTRYWISE = {"arithmetic", "elementwise", "activations"}
"""Families of operations that work entry by entry."""


class Branches:
    """The branches that values belong to, of those choices where it matters.

    `users` has of each value those that have a gradient; what is differentiated, of its `own`, is needed anyway.
    """

    def __init__(
        self, nodes: Mapping[int, Node], users: Mapping[int, Sequence[int]], own: Collection[int],
        op: Callable[[str], Op],
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.conditions: set[int] = set()
        """Those for whose branches it matters: an operation there may have an infinite derivative."""
        self.decided: dict[int, Branch] = {}
        self.alike: dict[Any, int] = {}
        """The first of conditions that are written in the same way."""
        self.of: dict[int, tuple[Branch, ...]] = {}
        """The branches that a value belongs to, the outermost first."""
        if any(nodes[user].op == "where" for ids in users.values() for user in ids):
            self._find(users, own, op)

    def _find(self, users: Mapping[int, Sequence[int]], own: Collection[int], op: Callable[[str], Op]) -> None:
        nodes = self.nodes
        choices = {user for ids in users.values() for user in ids if nodes[user].op == "where"}
        self.conditions.update(self._condition(choice)[0] for choice in choices)
        for id in sorted(users, reverse=True):
            node = nodes[id]
            if node.operands and id not in own and op(node.op).family in ENTRYWISE:
                self.of[id] = self._fitting(node, users[id], _shared([self.of_use(user, id) for user in users[id]]))
        signs: dict[int, int] = {}
        infinite = [
            id for id, branches in self.of.items()
            if branches and may_be_infinite(nodes, nodes[id], signs, any(nodes[c].type.rank == 0 for c, _ in branches))
        ]  # fmt: skip
        self.conditions = {condition for id in infinite for condition, _ in self.of[id]}
        kept = {id: tuple(b for b in branches if b[0] in self.conditions) for id, branches in self.of.items()}
        self.of = {id: branches for id, branches in kept.items() if branches}

    def _fitting(self, node: Node, users: Sequence[int], branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
        """Those, from the outermost on, whose conditions are known for each entry: a value that is repeated along axes
        which a condition lacks has one there as well."""
        if all(self.nodes[user].type.shape == node.type.shape for user in users):
            return branches
        return tuple(takewhile(lambda branch: self.nodes[branch[0]].type.shape == node.type.shape, branches))

    def _condition(self, choice: int) -> Branch:
        """On what a choice depends, the first of the same kind, and what that is where it takes the first operand."""
        known = self.decided.get(choice)
        if known is None:
            condition, holds = self.nodes[self.nodes[choice].operands[0]], True
            while condition.op == "logical_not" and self.nodes[condition.operands[0]].type.dtype == "bool":
                condition, holds = self.nodes[condition.operands[0]], not holds
            first = self.alike.setdefault(_written(self.nodes, condition.id), condition.id)
            known = self.decided[choice] = first, holds
        return known

    def of_use(self, user: int, id: int) -> tuple[Branch, ...]:
        """The branches that a use of a value belongs to."""
        outer = self.of.get(user, ())
        if not self.enters(user, id):
            return outer
        branch = self._branch(user, id)
        return outer if branch in outer else (*outer, branch)

    def _branch(self, user: int, id: int) -> Branch:
        condition, holds = self._condition(user)
        return condition, holds == (self.nodes[user].operands[1] == id)

    def enters(self, user: int, id: int) -> bool:
        """Whether a use of a value is the entrance of a branch: its choice is made where the branch is left."""
        node = self.nodes[user]
        chooses = node.op == "where" and id in node.operands[1:] and node.operands.count(id) == 1
        if not chooses or self._condition(user)[0] not in self.conditions:
            return False
        outer = self.of.get(user, ())
        return len(outer) < DEEPEST or self._branch(user, id) in outer

    def left_by(self, user: int, id: int) -> tuple[Branch, ...]:
        """The branches that what a use contributes to a value leaves, the outermost first."""
        return self.of_use(user, id)[len(self.of.get(id, ())) :]

    def closed(self, builder: Builder, id: int, cotangent: int) -> int:
        """The cotangent of a value by itself: 0 but where all branches are taken that it belongs to."""
        cases = Cases()
        cases.add(builder, self.of.get(id, ()), cotangent)
        return cases.chosen(builder)[0]


class Cases:
    """What the branches of choices contribute to one value."""

    def __init__(self, last: int = -1) -> None:
        self.last = last
        """The last use, in reverse order, that contributes."""
        self.values: dict[tuple[tuple[Branch, ...], Type], _Case] = {}

    def add(self, builder: Builder, branches: tuple[Branch, ...], value: int, entered: bool = False) -> None:
        """One more contribution; those of one branch are summed. One of a branch that was only just `entered` is the
        cotangent of the choice."""
        key = branches, builder.type(value)
        if key in self.values:
            value, entered = builder.add("add", [self.values[key].value, value]), False
        self.values[key] = _Case(value, entered, builder.origin)

    def chosen(self, builder: Builder) -> list[int]:
        """The choices between all contributions, those of one type in one."""
        before = builder.origin
        for depth in range(max(len(branches) for branches, _ in self.values), 0, -1):
            for branches, type in [key for key in self.values if len(key[0]) == depth]:
                case = self.values.pop((branches, type), None)
                if case is not None:  # not the other one of two
                    *outer, (condition, holds) = branches
                    other = self.values.pop(((*outer, (condition, not holds)), type), None)
                    builder.origin = case.origin
                    self.add(builder, tuple(outer), _chosen(builder, branches, case, other))
        builder.origin = before
        return [case.value for case in self.values.values()]


class _Case(NamedTuple):
    value: int
    entered: bool
    origin: Origin | None


def _chosen(builder: Builder, branches: Sequence[Branch], case: _Case, other: _Case | None) -> int:
    """What the innermost of the branches contributes, and the other one of its choice."""
    condition, holds = branches[-1]
    if other is not None:
        cases = (case.value, other.value) if holds else (other.value, case.value)
        return builder.add("where", [condition, *cases])
    if case.entered and len(branches) == 1:  # as the rule of `where` has it
        mask = condition if holds else builder.add("logical_not", [condition])
        return builder.add("multiply", [case.value, mask])
    if holds:
        return masked(builder, condition, case.value)
    return builder.add("where", [condition, builder.const(0, "int"), case.value])


def masked(builder: Builder, mask: int, value: int) -> int:
    """The value where the mask holds, else 0; of a value that is masked so already where both masks do."""
    node = builder[value]
    if node.op == "where" and builder[node.operands[2]].attr("value") == 0 and not node.name:
        mask, value = builder.add("multiply", [node.operands[0], mask]), node.operands[1]
    return builder.add("where", [mask, value, builder.const(0, "int")])


def _written(nodes: Mapping[int, Node], id: int, depth: int = WRITTEN) -> Any:
    """How a value is computed, down to some depth: values that are computed alike are equal."""
    node = nodes[id]
    if not depth or not (node.operands or node.op in ("const", "size")):
        return id
    of = tuple([_written(nodes, u, depth - 1) for u in node.operands])
    return node.op, node.type, of, tuple([(name, str(value)) for name, value in node.attrs])


def _shared(uses: Sequence[tuple[Branch, ...]]) -> tuple[Branch, ...]:
    """What all uses have in common, from the outermost on."""
    first, *others = uses
    count = 0
    while count < len(first) and all(other[: count + 1] == first[: count + 1] for other in others):
        count += 1
    return first[:count]
