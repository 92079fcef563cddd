"""The codes of syntax errors, and what is said about a text that does not parse.

The parser knows a token it cannot use and the kinds it could have used; here that becomes a sentence about the program.
Lark's names of terminals never reach the user.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from graphc.language.augmented import about_augmented
from graphc.language.diagnostics import suggest
from graphc.language.habits import FOREIGN, about_attribute, about_beginning, about_place, about_target, is_operation

__all__ = ["UNEXPECTED", "Complaint", "Flaw", "Situation", "complain"]

UNEXPECTED: Final = "E0101"
UNCLOSED: Final = "E0102"
UNMATCHED: Final = "E0103"
BAD_CHARACTER: Final = "E0104"
BAD_NUMBER: Final = "E0105"
BAD_STRING: Final = "E0106"
RESERVED_NAME: Final = "E0107"
CHAINED_COMPARISON: Final = "E0108"
UNKNOWN_ATTRIBUTE: Final = "E0109"
TOO_DEEP: Final = "E0110"
MISPLACED: Final = "E0111"
NO_RETURN: Final = "E0112"
BAD_ARGUMENTS: Final = "E0113"
NO_CONTINUATION: Final = "E0114"
NOT_A_TARGET: Final = "E0115"
TOO_LARGE: Final = "E0213"

WORDS: Final = ("input", "param", "const", "output", "loss", "import", "def", "op", "rule", "for", "return")
CLOSER: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error: `start` and `stop` are offsets in the program, or in a token where a `Flaw` carries it."""

    code: str
    message: str
    start: int
    stop: int
    label: str | None = None
    help: str | None = None


class Flaw(Exception):
    """A token that has the right kind but not the right spelling."""

    def __init__(
        self, code: str, message: str, start: int, stop: int, label: str | None = None, help: str | None = None
    ) -> None:
        super().__init__(message)
        self.complaint = Complaint(code, message, start, stop, label, help)


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the parser stood when it met a token it could not use."""

    kind: str
    """The token's kind in the grammar; `_END` for the end of a statement."""
    text: str
    start: int
    stop: int
    accepted: Set[str]
    """The kinds it could have used."""
    previous_kind: str
    previous_text: str
    previous_stop: int
    head: str
    """The first word of the statement."""
    bracket: str | None
    """The innermost open bracket of the statement, and where it was opened, as `line:column`."""
    opened_at: str
    before: str
    """The statement up to the token."""
    after: str
    """What follows the token on its line."""


# Signs that may follow a complete expression; to list them all would help nobody.
_OPERATORS = frozenset(["SIGN", "STAR", "FACTOR", "POWER", "COMPARISON"])
_ALWAYS = frozenset(["SEMICOLON", "NEWLINE", "ATTRIBUTE"])  # what the lexer recognises wherever it stands
_AFTER_EXPRESSION = _OPERATORS | _ALWAYS | {"TRANSPOSE", "LSQB", "LPAR", "BECOMES"}
_SPELT = {
    "_END": "the end of the statement",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "UPDATE": "`<-`",
    "ARROW": "`->`",
    "BECOMES": "`=>`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "STAR": "`*`",
    "IN": "`in`",
    "STRING": "a string",
    "NAME": "a name",
    "_OPERATOR": "an operator",
}
_ORDER = {kind: number for number, kind in enumerate(["NAME", "COMMA", "EQUAL", "COLON", "LBRACE", "_OPERATOR"])}

def complain(at: Situation) -> Complaint:
    """What to say about a token that cannot stand where it stands."""
    return _about_the_token(at) or _about_the_statement(at) or _about_the_place(at)


def _about_the_token(at: Situation) -> Complaint | None:
    """Tokens that are wrong in a way of their own, wherever they stand after an expression."""
    after_expression = bool(at.accepted & _OPERATORS) and "NUMBER" not in at.accepted
    if at.kind in ("ATTRIBUTE", "TRANSPOSE") and not (at.text == ".T" and "EQUAL" in at.accepted):
        return _attribute(at)
    if at.kind == "COMPARISON" and after_expression:
        help = "compare twice and multiply: `(a < b) * (b < c)`"
        return Complaint(CHAINED_COMPARISON, "comparisons do not chain", at.start, at.stop, help=help)
    if at.kind == "LPAR" and after_expression:
        called = at.previous_kind == "TRANSPOSE"
        help = "`.T` is not called: write it without the `()`" if called else "to multiply, write `*`"
        return Complaint(UNEXPECTED, "only a name can be called", at.start, at.stop, "a call follows a name", help)
    if at.kind == "LBRACE" and "NUMBER" in at.accepted:
        return Complaint(
            UNEXPECTED,
            "expected an expression, found `{`",
            at.start,
            at.stop,
            help="a subscript follows the name's `_` without a space: `z_{k}`; lists are written `[a, b]`",
        )
    return None


def _attribute(at: Situation) -> Complaint:
    if at.text == ".T":
        message, help = "`.T` follows a name or a closing bracket", "put the expression in brackets: `(…).T`"
        return Complaint(UNKNOWN_ATTRIBUTE, message, at.start, at.stop, help=help)
    what = _short(at.text[1:])
    owner = _short(at.previous_text) if at.previous_kind == "NAME" else None
    message, help = f"there is no `.{what}`", about_attribute(owner, what, at.after)
    return Complaint(UNKNOWN_ATTRIBUTE, message, at.start, at.stop, "the only attribute is `.T`", help)


def _about_the_statement(at: Situation) -> Complaint | None:
    """The beginning of a statement: what stands there is not a target, or nothing is done with it."""
    if {"INPUT", "NAME"} <= at.accepted:
        if at.kind in ("NAME", "SUBSCRIPTED"):
            return None
        usual = "a statement is `name = expression`, or begins with a word such as `input` or `def`"
        help = about_beginning(at) or usual
        return Complaint(NOT_A_TARGET, "a statement begins with a name", at.start, at.stop, f"found {_found(at)}", help)
    if at.kind == at.previous_kind == "EQUAL" and at.start == at.previous_stop:
        help = "to assign, write `=`; to use the comparison, give it a name: `c = a == b`"
        return Complaint(NOT_A_TARGET, "a comparison alone does nothing", at.start - 1, at.stop, help=help)
    if "EQUAL" not in at.accepted or at.accepted - {"EQUAL", "COMMA", "UPDATE", *_ALWAYS}:
        return None
    name = _short(at.previous_text)
    first = at.previous_text == at.head
    if first and at.head in FOREIGN:
        message = f"there is no `{name}` in this language"
        start = at.previous_stop - len(name)
        return Complaint(UNEXPECTED, message, start, at.previous_stop, help=FOREIGN[at.head])
    if at.kind == "LPAR" and at.previous_kind == "NAME":
        defined = re.match(r"([^()]*)\)\s*:?=(?!=)", at.after)
        help = f"give the result a name: `y = {name}(…)`"
        if defined is not None and not is_operation(name):
            help = f"a function is written `def {name}({defined[1]}) = …`"
        return Complaint(
            NOT_A_TARGET, f"expected `=` after `{name}`", at.start, at.stop, "a call alone does nothing", help
        )
    declared = re.match(r"([^\[\]]*\])\s*(:\s*\w+\s*)?([#;]|$)", at.after) if at.kind == "LSQB" else None
    if declared is not None and first:
        message, help = "nothing is done with this part", f"to declare an argument: `input {name}[{declared[1]}`"
        return Complaint(NOT_A_TARGET, message, at.start, at.stop, f"this is a part of `{name}`", help)
    if at.kind in ("LSQB", "TRANSPOSE", "ATTRIBUTE") and at.head != "const":
        help = f"values do not change: build the whole, or give each part a name, as `{name}_{{k}}` in a loop"
        return Complaint(
            NOT_A_TARGET, "only a name can be assigned", at.start, at.stop, f"this is a part of `{name}`", help
        )
    if at.kind in ("SIGN", "STAR", "FACTOR", "POWER"):
        assigned = re.search(r"(?<![=<>!])=(?!=)[^=]*$", at.after) if not at.after.startswith("=") else None
        if assigned is not None:
            help = "the left side is one name: solve the equation for it"
            return Complaint(NOT_A_TARGET, "only a name can be assigned", at.start, at.stop, help=help)
        if not at.after.startswith("="):
            message, help = "an expression alone does nothing", f"give the result a name: `y = {name} {at.text} …`"
            return Complaint(NOT_A_TARGET, message, at.start, at.stop, help=help)
        help = about_augmented(at.before, at.text, at.after)
        return Complaint(NOT_A_TARGET, "only a name can be assigned", at.start, at.stop, help=help)
    if at.kind == "UPDATE":
        help = "write a statement for each: `a <- …; b <- …`"
        return Complaint(NOT_A_TARGET, "an update has one name before `<-`", at.start, at.stop, help=help)
    word = suggest(name, WORDS) if first and at.kind in ("NAME", "STRING") else None
    meant = f"did you mean `{word}`?" if word else about_target(at, first)
    return Complaint(UNEXPECTED, f"expected `=` after `{name}`", at.start, at.stop, _label(at), meant)


def _about_the_place(at: Situation) -> Complaint:
    """What could have stood here instead."""
    return Complaint(UNEXPECTED, f"expected {_expected(at)}", at.start, at.stop, _label(at), about_place(at))


def _label(at: Situation) -> str:
    if at.kind == "_END" and at.text in ("", "\n"):
        return "the line ends here" if at.text else "the program ends here"
    return f"found {_found(at)}"


def _expected(at: Situation) -> str:
    if "NUMBER" in at.accepted:
        return "an expression"
    accepted = set(at.accepted - _ALWAYS)
    if at.head in ("input", "param") and at.previous_kind == "COLON":
        return "a type"
    if at.previous_text == at.head and at.head in WORDS:
        accepted -= {"COMMA", "EQUAL", "UPDATE"}  # `loss` could be a target, too, but a declaration is likelier
    if {"NAME", "SUBSCRIPTED"} <= accepted:
        accepted.discard("SUBSCRIPTED")
    if "RPAR" in accepted:
        accepted.discard("EQUAL")  # `f(a` could go on with `=`, but nobody meant that
    if accepted & _OPERATORS and accepted - _AFTER_EXPRESSION:
        operand = at.kind in ("NAME", "NUMBER", "STRING", "SUBSCRIPTED") and "_END" in accepted
        accepted = (accepted - _AFTER_EXPRESSION) | ({"_OPERATOR"} if operand else set())
    elif accepted & _OPERATORS and not accepted <= {"STAR"}:
        accepted = {"_OPERATOR"}
    kinds = sorted(accepted & _SPELT.keys(), key=lambda kind: (_ORDER.get(kind, 9), kind))
    if not kinds:
        return "something else"
    words = [_SPELT[kind] for kind in kinds]
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    if at.bracket and words[-1] == f"`{CLOSER[at.bracket]}`":
        text += f" to close the `{at.bracket}` opened at {at.opened_at}"
    return text


def _found(at: Situation) -> str:
    if at.kind == "_END":
        return {"": "the end of the program", "\n": "the end of the line"}.get(at.text, f"`{at.text}`")
    return f"`{_short(at.text)}`"


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
