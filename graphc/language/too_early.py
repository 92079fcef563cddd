"""Names that are used before a statement gives them a value, and what their author may have meant.

    S = H@W; H = relu(X)               the second statement belongs before the first
    a = b; b = a                       neither can be first, which is said once
    x = x + 1                          a name has one value
    for k in 0:3 { z = z + x }         in a loop it is `z_{k}`
    for k in 0:3 { z_{k} = z_{k+1} }   a later step assigns it
    y = 2; const a = y                 constants come before all other statements
    for k in 0:0 { a = x }; y = a      a loop without a step assigns nothing
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from graphc.language import tree
from graphc.language.depth import nodes_of
from graphc.language.source import Span
from graphc.language.values import Fault, Silent

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["report_names_too_early", "too_early"]


MOST_PLACES = 5
"""So many statements of a circle are shown."""


def too_early(
    lowering: Lowering, name: str, used: Span, assigned: Span, statement: tree.Statement | None
) -> Fault | Silent:
    """What is wrong with a name without a value yet, in the statement that uses it if that is known; `Silent` if it is
    on a circle that was reported."""
    if name in lowering.idle:
        return Fault(
            "E0201", f"no value has the name `{name}`", used, "not assigned",
            notes=[("the loop that assigns it has no step", lowering.idle[name])],
        )  # fmt: skip
    notes: list[tuple[str, Span | None]] = [(f"`{name}` is assigned here", assigned)]
    if isinstance(statement, tree.Assign) and any(target.span == assigned for target in statement.targets):
        help = f"a name has one value: give the result another name, or write an update of an argument: `{name} <- …`"
        if lowering.loops:
            plain, step = re.sub(r"(_\d+)+$", "", name), lowering.loops[-1][0]
            help = f"a name has one value, in a loop one for each step: `{plain}_{{{step}+1}} = … {plain}_{{{step}}} …`"
        return Fault("E0209", f"`{name}` is used by the statement that assigns it", used, help=help)
    if isinstance(statement, tree.Const) and statement.target.id == name:
        help = "a constant has one value: give the result another name"
        return Fault("E0209", f"`{name}` is used by the statement that assigns it", used, help=help)
    help = "move that statement up"
    targets = _targets(lowering, statement) or {name}
    if (used, assigned) in lowering.circles.places or lowering.circles.is_reported(name, targets):
        return Silent()
    if circle := lowering.circles.way_round(lowering, name, targets) if _has_time(lowering) else []:
        lowering.circles.places.add((used, assigned))
        lowering.circles.reported.append(targets | {each for each, _ in circle})
        first: dict[Span, str] = {}
        for each, place in circle:
            first.setdefault(place, each)
        notes = [(f"`{each}` is assigned here", place) for place, each in list(first.items())[:MOST_PLACES]]
        help = "they are computed from one another: one of them needs another name, or must be an argument"
    elif _at_a_later_step(lowering, used, assigned):
        lowering.circles.places.add((used, assigned))
        help = "a later step of the loop assigns it: let the loop run the other way, or use what earlier ones assign"
    elif lowering.loops:
        lowering.circles.places.add((used, assigned))
    if isinstance(statement, tree.Const) and not _is_constant(lowering, name):
        help = f"constants come before other statements: `const {name} = …`, or no `const` for `{statement.target.id}`"
    return Fault("E0209", f"`{name}` is used before the statement that assigns it", used, notes=notes, help=help)


def _at_a_later_step(lowering: Lowering, used: Span, assigned: Span) -> bool:
    """Whether both places are in one loop, and what assigns the name does not stand behind its use: it comes later only
    by another step."""
    loops = (s.span for s in lowering.module.statements if isinstance(s, tree.For))
    return any(loop.start <= assigned.start <= used.start < loop.stop for loop in loops)


def _targets(lowering: Lowering, statement: tree.Statement | None) -> set[str]:
    """The names that a statement assigns, at this step of the loops around it."""
    if isinstance(statement, tree.Const):
        return {statement.target.id}
    if not isinstance(statement, tree.Assign):
        return set()
    found = set()
    for target in statement.targets:
        with contextlib.suppress(Fault, Silent):
            found.add(lowering.name(target, lowering.scope))
    return found


def _has_time(lowering: Lowering) -> bool:
    return lowering.budget.hint(len(lowering.module.statements))


def _is_constant(lowering: Lowering, name: str) -> bool:
    return any(isinstance(s, tree.Const) and s.target.id == name for s in lowering.module.statements)


def report_names_too_early(lowering: Lowering, statement: tree.Assign | tree.Update | tree.Const, said: str) -> None:
    """What else a statement in error has wrong: names that a later one assigns, but for what is said already."""
    if id(statement) in lowering.searched:  # at another step of a loop
        return
    lowering.searched.add(id(statement))
    for name, span in _names(lowering, statement.value).items():
        fault = too_early(lowering, name, span, lowering.assigned[name], statement)
        if isinstance(fault, Fault) and fault.message != said:
            lowering.report(fault)


def _names(lowering: Lowering, expr: tree.Expr) -> dict[str, Span]:
    """The names in an expression that a later statement assigns, each with its first place."""
    first: dict[str, Span] = {}
    for node in nodes_of(expr):
        if isinstance(node, tree.Name) and not node.subscripts and _is_assigned_later(lowering, node.id):
            before = first.setdefault(node.id, node.span)
            if node.span.start < before.start:
                first[node.id] = node.span
    return first


def _is_assigned_later(lowering: Lowering, name: str) -> bool:
    """Whether a name has no value because the statement that assigns it was not met yet."""
    known = name in lowering.scope.values or name in lowering.environment.constants
    return name in lowering.assigned and not known and name not in lowering.refused | lowering.environment.damaged
