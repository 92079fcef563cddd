"""Which statements may stand in which body: a file, a function, a rule, a loop."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.language.complaints import MISPLACED, NO_RETURN
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Span
from graphc.language.tree import (
    Assign,
    Const,
    Declaration,
    Def,
    For,
    Import,
    Loss,
    OpDef,
    Output,
    Return,
    Rewrite,
    RuleDef,
    Signature,
    Statement,
    Update,
)

__all__ = ["Bodies"]


class Bodies:
    """Checks bodies as they are completed. `only_rules`: the file is one of the compiler's own."""

    def __init__(self, diagnostics: Diagnostics, only_rules: bool) -> None:
        self._diagnostics = diagnostics
        self._only_rules = only_rules
        self.unclosed = False
        """The parser sets this when it closes the bodies that a program leaves open: all that follows such a brace
        is in the wrong place, and the brace is what the user should hear of."""

    def check_file(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            kind = type(statement)
            if kind is Return:
                self._misplaced(statement, "a function's body", "`output` names the results of a program")
            elif self._only_rules and kind not in _OWN:
                self._misplaced(statement, "a program", "this file holds operations and rules")

    def check_function(self, word: str, signature: Signature, statements: Sequence[Statement], span: Span) -> None:
        """The body of a `def` or `op`: assignments and loops, and one `return` at the end."""
        self._check(statements, (Assign, For, Return), f"the body of `{word}`")
        for statement in statements:
            if type(statement) is For:
                self._check_inside(statement, f"the body of `{word}`")
        returns = [statement for statement in statements if type(statement) is Return]
        if returns and returns[0] is not statements[-1] and not self.unclosed:
            self._diagnostics.error(
                NO_RETURN,
                "`return` ends a body: nothing may follow it",
                returns[0].span,
                "this is not the last statement",
            )
        elif not returns and signature.name and not self._damaged(span):
            message = f"`{signature.name}` returns nothing"
            help = "end the body with `return` and the result"
            self._diagnostics.error(NO_RETURN, message, signature.name_span, help=help)

    def check_rule(self, statements: Sequence[Statement]) -> None:
        self._check(statements, (Assign,), "the body of a rule")

    def check_loop(self, statements: Sequence[Statement]) -> None:
        self._check(statements, (Assign, Update, For), "a loop")

    def _check_inside(self, loop: For, where: str) -> None:
        """Updates are for programs: a loop inside a function has none."""
        for statement in loop.body:
            if type(statement) is Update:
                self._misplaced(statement, "a program", f"{where} computes values")
            elif type(statement) is For:
                self._check_inside(statement, where)

    def _check(self, statements: Sequence[Statement], allowed: tuple[type, ...], where: str) -> None:
        for statement in statements:
            if type(statement) not in allowed:
                home = "a function's body" if type(statement) is Return else "a program"
                self._misplaced(statement, home, f"it cannot stand in {where}")

    def _misplaced(self, statement: Statement, home: str, label: str) -> None:
        if self.unclosed:
            return
        what = _WHAT[type(statement)]
        start = statement.span.start
        word = Span(statement.span.source, start, min(statement.span.stop, start + _length(statement)))
        message = f"{what} belongs directly in {home}"
        self._diagnostics.error(MISPLACED, message, word, label)

    def _damaged(self, span: Span) -> bool:
        """Whether something in this body was already complained about, the missing `return` perhaps."""
        return self.unclosed or any(
            error.span is not None and span.start <= error.span.start <= span.stop for error in self._diagnostics.errors
        )


def _length(statement: Statement) -> int:
    """Of the word that makes the statement what it is; of an assignment, all."""
    if isinstance(statement, Assign | Update):
        return statement.span.stop - statement.span.start
    text = statement.span.text
    return next((i for i, char in enumerate(text) if not char.isalpha()), len(text))


_OWN = frozenset([Def, OpDef, RuleDef, Rewrite])
"""What the compiler's own files are made of."""

_WHAT: dict[type, str] = {
    Assign: "an assignment",
    Update: "an update",
    Declaration: "a declaration",
    Const: "a constant",
    Output: "`output`",
    Loss: "`loss`",
    Import: "an import",
    Return: "`return`",
    Def: "a function",
    OpDef: "an operation",
    RuleDef: "a rule",
    For: "a loop",
    Rewrite: "a rewrite",
}
