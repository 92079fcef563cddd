"""Values that are computed from one another: no order of their statements would do.

    a = b; b = c; c = a                              the way round is b, c, a
    h_0 = x + h_3; for k in 0:3 { h_{k+1} = tanh(h_{k}) }       it is h_3, h_2, h_1, h_0

Names are followed from statement to statement, those of loops at each step; what functions do with them is no matter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphc.language import tree
from graphc.language.depth import nodes_of
from graphc.language.scope import Scope
from graphc.language.source import Span
from graphc.language.values import Fault, Silent

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["Circles"]

MOST_NAMES = 20_000
"""So many names are followed: in a longer program some circles are not seen to be any."""


class Circles:
    """Who is computed from whom in a program, found out at the first error that asks."""

    def __init__(self) -> None:
        self._uses: dict[str, list[str]] | None = None
        self._places: dict[str, Span] = {}
        self._met = 0
        self.reported: list[set[str]] = []
        self.places: set[tuple[Span, Span]] = set()
        """Where an error was reported that each step of a loop would be, too: the use, and the assignment."""

    def way_round(self, lowering: Lowering, name: str, targets: set[str]) -> list[tuple[str, Span]]:
        """The names, and where they are assigned, from one to one of those that are computed from it; [] for none."""
        if self._uses is None:
            self._uses = {}
            self._collect(lowering, lowering.module.statements, Scope(lowering.bodies))
        before: dict[str, str | None] = {name: None}
        pending = [name]
        for current in pending:
            for used in self._uses.get(current, ()):
                if used in targets:
                    way = [current]
                    while (last := before[way[-1]]) is not None:
                        way.append(last)
                    return [(each, self._places[each]) for each in way[::-1]]
                if used not in before:
                    before[used] = current
                    pending.append(used)
        return []

    def is_reported(self, name: str, targets: set[str]) -> bool:
        """Whether a name and one that is computed from it are on a circle that was reported."""
        return any(name in circle and targets & circle for circle in self.reported)

    def _collect(self, lowering: Lowering, statements: Iterable[tree.Statement], scope: Scope) -> None:
        for statement in statements:
            if self._met > MOST_NAMES:
                return
            if isinstance(statement, tree.For):
                with contextlib.suppress(Fault, Silent):
                    for k in _steps(lowering, statement, scope):
                        scope.values[statement.variable.id] = k
                        self._collect(lowering, statement.body, scope)
                scope.values.pop(statement.variable.id, None)
            elif isinstance(statement, (tree.Assign, tree.Const)):
                used = [name for node in nodes_of(statement.value) for name in self._name(lowering, node, scope)]
                for target in statement.targets if isinstance(statement, tree.Assign) else [statement.target]:
                    for name in self._name(lowering, target, scope):
                        assert self._uses is not None
                        self._uses.setdefault(name, used)
                        self._places.setdefault(name, target.span)

    def _name(self, lowering: Lowering, node: object, scope: Scope) -> Iterator[str]:
        """The name at this step of the loops, if it is one."""
        if isinstance(node, tree.Name):
            self._met += 1
            with contextlib.suppress(Fault, Silent):
                yield lowering.name(node, scope)


def _steps(lowering: Lowering, statement: tree.For, scope: Scope) -> range:
    ends = statement.range
    start, stop, step = (1 if e is None else lowering.integer(e, scope, "") for e in (ends.start, ends.stop, ends.step))
    return range(start, stop, step or 1)[:MOST_NAMES]
