"""How many steps a loop or a call will take to unroll, from its text: what is too much is refused before it is begun.

    for i in 0:3000 { for j in 0:i { z_{i,j} = x } }        more than 20 million steps

Counted are the steps that `Evaluator` counts, and never more of them than it would; an end of a range that is not known
beforehand counts as no step at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from graphc.language import tree
from graphc.language.budget import MOST_CALLS, MOST_STEPS
from graphc.language.literals import arithmetic
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault

__all__ = ["Unrolling"]

MOST_TRIED = 20_000
"""So many steps of outer loops are gone through whose inner loops differ from step to step."""

_EXPRESSIONS: Final = tuple(set(get_args(tree.Expr)) - {tree.Slice})
_PARTS: Final = (*get_args(tree.Expr), tree.Keyword)


class Unrolling:
    """Counts steps ahead; those of a function or a statement once."""

    def __init__(self) -> None:
        # The trees are held, or ids would be used again.
        self._functions: dict[int, tuple[tree.Def, int]] = {}
        self._statements: dict[int, tuple[tree.Statement, int]] = {}
        self._depth = 0
        self._tried = 0

    def loop(self, statement: tree.For, scope: Scope) -> int:
        """The steps of a loop that begins in this scope."""
        self._tried = 0
        return self._loop(statement, {**scope.environment.constants, **scope.values}, scope.environment)

    def call(self, definition: tree.Def, environment: Environment) -> int:
        """The steps of a call of a function, its arguments left aside."""
        known = self._functions.get(id(definition))
        if known is None:
            if self._depth > MOST_CALLS:  # the call itself will be refused
                return 0
            self._functions[id(definition)] = definition, 0  # what calls itself is an error, not a loop
            self._depth += 1
            own = {p.name for p in (*definition.signature.operands, *definition.signature.attributes)}
            own |= {target.id for target in _targets(definition.body)}
            constants = {name: value for name, value in environment.constants.items() if name not in own}
            known = self._functions[id(definition)] = definition, self._body(definition.body, constants, environment)
            self._depth -= 1
        return known[1]

    def _body(self, statements: Iterable[tree.Statement], known: Mapping[str, Any], environment: Environment) -> int:
        total = 0
        for statement in statements:
            if isinstance(statement, tree.For):
                total += self._loop(statement, known, environment)
            else:
                counted = self._statements.get(id(statement))
                if counted is None:
                    counted = statement, self._expressions(_evaluated(statement), environment)
                    self._statements[id(statement)] = counted
                total += counted[1]
        return total

    def _loop(self, statement: tree.For, known: Mapping[str, Any], environment: Environment) -> int:
        steps = _range(statement.range, known)
        variable = statement.variable.id
        if not steps or statement.variable.subscripts:
            return 0
        if not _varies(statement.body, variable):
            inner = {name: value for name, value in known.items() if name != variable}
            return len(steps) * (1 + self._body(statement.body, inner, environment))
        total = 0
        for k in steps:
            self._tried += 1
            total += 1 + self._body(statement.body, {**known, variable: k}, environment)
            if total > MOST_STEPS or self._tried > MOST_TRIED:
                break
        return total

    def _expressions(self, stack: list[Any], environment: Environment) -> int:
        """The steps of expressions: one for each of their parts."""
        total = 0
        while stack:
            node = stack.pop()
            if isinstance(node, tree.Call):
                function = environment.functions.get(node.function)
                if function is not None:
                    total += self.call(function.definition, function.environment)
            total += isinstance(node, _EXPRESSIONS)
            for field in node.__slots__:
                value = getattr(node, field)
                if isinstance(value, tuple):
                    stack += [item for item in value if isinstance(item, _PARTS)]
                elif isinstance(value, _PARTS):
                    stack.append(value)
        return total


def _evaluated(statement: tree.Statement) -> list[Any]:
    """The expressions of a statement."""
    if isinstance(statement, tree.Assign):
        return [statement.value, *(s for target in statement.targets for s in target.subscripts)]
    if isinstance(statement, (tree.Update, tree.Const)):
        return [statement.value, *statement.target.subscripts]
    return [*statement.values] if isinstance(statement, tree.Return) else []


def _targets(statements: Iterable[tree.Statement]) -> Iterator[tree.Name]:
    for statement in statements:
        if isinstance(statement, tree.Assign):
            yield from statement.targets
        elif isinstance(statement, tree.For):
            yield from _targets(statement.body)


def _range(bounds: tree.Slice, known: Mapping[str, Any]) -> range | None:
    """The range of a loop, if its ends are known beforehand."""
    parts = [1 if part is None else _integer(part, known) for part in (bounds.start, bounds.stop, bounds.step)]
    start, stop, step = parts
    if start is None or stop is None or not step:
        return None
    return range(start, stop, step)


def _integer(expr: tree.Expr, known: Mapping[str, Any]) -> int | None:
    value: Any = None
    if isinstance(expr, tree.Number):
        value = expr.value
    elif isinstance(expr, tree.Name) and not expr.subscripts:
        value = known.get(expr.id)
    elif isinstance(expr, tree.Unary):
        inner = _integer(expr.operand, known)
        value = inner if inner is None or expr.op == "+" else -inner
    elif isinstance(expr, tree.Binary):
        left, right = _integer(expr.left, known), _integer(expr.right, known)
        if left is not None and right is not None:
            try:
                value = arithmetic(expr.op, left, right, expr.span)
            except Fault:
                return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _varies(statements: Iterable[tree.Statement], variable: str) -> bool:
    """Whether a loop in a body has ends that depend on a variable."""
    for statement in statements:
        if isinstance(statement, tree.For):
            stack: list[Any] = [statement.range.start, statement.range.stop, statement.range.step]
            while stack:
                expr = stack.pop()
                if isinstance(expr, tree.Name) and expr.id == variable:
                    return True
                stack += [getattr(expr, f) for f in ("left", "right", "operand") if hasattr(expr, f)]
            if statement.variable.id != variable and _varies(statement.body, variable):
                return True
    return False
