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
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeAlias

from graphc.ir.graph import Builder, Node, Origin
from graphc.ir.types import Type
from graphc.ops.base import Op
from graphc.passes.steep import may_be_infinite

__all__ = ["Branches", "Cases", "masked"]

Branch: TypeAlias = "tuple[int, bool]"
"""A condition, and whether it holds."""

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
        infinite = [id for id, branches in self.of.items() if branches and may_be_infinite(nodes, nodes[id], signs)]
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
        """On what a choice depends, and what that is where it takes the first."""
        condition, holds = self.nodes[self.nodes[choice].operands[0]], True
        while condition.op == "logical_not" and self.nodes[condition.operands[0]].type.dtype == "bool":
            condition, holds = self.nodes[condition.operands[0]], not holds
        return condition.id, holds

    def of_use(self, user: int, id: int) -> tuple[Branch, ...]:
        """The branches that a use of a value belongs to."""
        outer = self.of.get(user, ())
        if not self.enters(user, id):
            return outer
        condition, holds = self._condition(user)
        branch = condition, holds == (self.nodes[user].operands[1] == id)
        return outer if branch in outer else (*outer, branch)

    def enters(self, user: int, id: int) -> bool:
        """Whether a use of a value is the entrance of a branch: its choice is made where the branch is left."""
        node = self.nodes[user]
        chooses = node.op == "where" and id in node.operands[1:] and node.operands.count(id) == 1
        return chooses and self._condition(user)[0] in self.conditions

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

    def __init__(self) -> None:
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
        before, found = builder.origin, []
        while self.values:
            branches, type = max(self.values, key=lambda key: len(key[0]))
            case = self.values.pop((branches, type))
            value, builder.origin = case.value, case.origin
            if not branches:
                found.append(value)
                continue
            *outer, (condition, holds) = branches
            other = self.values.pop(((*outer, (condition, not holds)), type), None)
            if other is not None:
                cases = (value, other.value) if holds else (other.value, value)
                value = builder.add("where", [condition, *cases])
            elif case.entered and not outer:  # as the rule of `where` has it
                mask = condition if holds else builder.add("logical_not", [condition])
                value = builder.add("multiply", [value, mask])
            elif holds:
                value = masked(builder, condition, value)
            else:
                value = builder.add("where", [condition, builder.const(0, "int"), value])
            self.add(builder, tuple(outer), value)
        builder.origin = before
        return found


@dataclass(frozen=True)
class _Case:
    value: int
    entered: bool
    origin: Origin | None


def masked(builder: Builder, mask: int, value: int) -> int:
    """The value where the mask holds, else 0; of a value that is masked so already where both masks do."""
    node = builder[value]
    if node.op == "where" and builder[node.operands[2]].attr("value") == 0 and not node.name:
        mask, value = builder.add("multiply", [node.operands[0], mask]), node.operands[1]
    return builder.add("where", [mask, value, builder.const(0, "int")])


def _shared(uses: Sequence[tuple[Branch, ...]]) -> tuple[Branch, ...]:
    """What all uses have in common, from the outermost on."""
    first, *others = uses
    count = 0
    while count < len(first) and all(other[: count + 1] == first[: count + 1] for other in others):
        count += 1
    return first[:count]
