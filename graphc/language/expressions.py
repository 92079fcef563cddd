"""The syntax tree of names and expressions: one method a rule of the grammar, named after it.

A method gets the children of its rule and returns a node. What the grammar does not say is checked here: the spelling
of names and literals, and the order of a call's arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from graphc.language import spelling
from graphc.language.complaints import BAD_ARGUMENTS, BAD_CHARACTER, BAD_NUMBER, RESERVED_NAME, UNKNOWN_ATTRIBUTE, Flaw
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source, Span
from graphc.language.tree import (
    Binary,
    Call,
    Constant,
    Expr,
    Index,
    Keyword,
    Name,
    Number,
    Sequence,
    Slice,
    String,
    Transpose,
    Unary,
)

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Children", "ExpressionBuilder"]

Children: TypeAlias = "list[Any]"


class ExpressionBuilder:
    """Makes the nodes of expressions for the program that `source` is."""

    source: Source
    diagnostics: Diagnostics
    broken: bool
    """Whether something was wrong in the present statement, which the parser could read all the same."""
    misread: bool
    """Whether that was a character or a number which the user surely meant for something else."""
    _brackets: dict[int, tuple[Expr, int, int]]
    """Expressions in brackets and where the brackets are: `(a+b)*c` begins at the bracket, `a+b` does not."""

    # ------------------------------------------------------------------------------------------------ places

    def forget(self) -> None:
        """The present statement is done with."""
        self.broken = self.misread = False
        self._brackets.clear()

    def error(self, code: str, message: str, span: Span, label: str | None = None, help: str | None = None) -> None:
        self.broken = True
        self.misread |= code in (BAD_CHARACTER, BAD_NUMBER)
        self.diagnostics.error(code, message, span, label, help=help)

    def _span(self, first: Token, last: Token) -> Span:
        return Span(self.source, first.start_pos, last.end_pos)  # type: ignore[arg-type]

    def _start(self, node: Expr) -> int:
        if self._brackets and id(node) in self._brackets:
            return self._brackets[id(node)][1]
        return node.span.start

    def _stop(self, node: Expr) -> int:
        if self._brackets and id(node) in self._brackets:
            return self._brackets[id(node)][2]
        return node.span.stop

    def _outer(self, node: Expr) -> Span:
        return Span(self.source, self._start(node), self._stop(node))

    def _read(self, reader: Callable[[str], Any], token: Token, instead: Any, text: str | None = None) -> Any:
        """What `reader` makes of the token; if it finds a flaw, that is reported and `instead` used."""
        try:
            return reader(token.value if text is None else text)
        except Flaw as flaw:
            complaint = flaw.complaint
            at: int = token.start_pos  # type: ignore[assignment]
            span = Span(self.source, at + complaint.start, at + complaint.stop)
            self.error(complaint.code, complaint.message, span, complaint.label, complaint.help)
            return instead

    # ------------------------------------------------------------------------------------------------ names

    def targets(self, children: Children) -> list[Name]:
        self._not_constant(children)
        return children

    def plain(self, children: Children) -> Name:
        """A name that is not (yet) read as a value: it may be `true`, which its user complains about."""
        token = children[0]
        text = token.value
        if not text.isascii() or len(text) > spelling.LONGEST_NAME:
            text = self._read(spelling.name, token, "_")
        return Name(text, (), Span(self.source, token.start_pos, token.end_pos))

    def subscripted(self, children: Children) -> Name:
        opener, *subscripts, closer = children
        return Name(self._stem(opener), tuple(subscripts), self._span(opener, closer))

    def _stem(self, opener: Token) -> str:
        text = opener.value[:-2]
        if not text:
            self.error(BAD_CHARACTER, "a name is missing before `_{`", self._span(opener, opener))
        return str(self._read(spelling.name, opener, "_", text))

    def _not_constant(self, names: list[Name]) -> None:
        for name in names:
            if name.id in spelling.CONSTANTS and not name.subscripts:
                try:
                    spelling.target(name.id)
                except Flaw as flaw:
                    complaint = flaw.complaint
                    self.error(complaint.code, complaint.message, name.span, complaint.label, complaint.help)

    # ------------------------------------------------------------------------------------------------ expressions

    def binary(self, children: Children) -> Binary:
        left, sign, right = children
        source = self.source
        start, stop = left.span.start, right.span.stop
        if self._brackets:
            start, stop = self._start(left), self._stop(right)
        return Binary(sign.value, left, right, Span(source, sign.start_pos, sign.end_pos), Span(source, start, stop))

    def unary(self, children: Children) -> Unary:
        sign, operand = children
        return Unary(sign.value, operand, Span(self.source, sign.start_pos, self._stop(operand)))

    def number(self, children: Children) -> Number:
        token = children[0]
        return Number(self._read(spelling.number, token, 0), self._span(token, token))

    def string(self, children: Children) -> String:
        token = children[0]
        return String(self._read(spelling.string, token, ""), self._span(token, token))

    def name(self, children: Children) -> Name | Constant:
        token = children[0]
        text = token.value
        if not text.isascii() or len(text) > spelling.LONGEST_NAME:
            text = self._read(spelling.name, token, "_")
        span = Span(self.source, token.start_pos, token.end_pos)
        if text in spelling.CONSTANTS:
            return Constant(spelling.CONSTANTS[text], span)
        return Name(text, (), span)

    def ellipsis(self, children: Children) -> Constant:
        return Constant(..., self._span(children[0], children[0]))

    def parenthesised(self, children: Children) -> Expr:
        opener, inner, closer = children
        self._brackets[id(inner)] = (inner, opener.start_pos, closer.end_pos)
        return inner  # type: ignore[no-any-return]

    def sequence(self, children: Children) -> Sequence:
        opener, *items, closer = children
        if items == [None]:
            items = []
        return Sequence(tuple(items), opener.type == "LSQB", self._span(opener, closer))

    def transpose(self, children: Children) -> Transpose:
        operand, token = children
        self._no_postfix(operand, "`.T`")
        return Transpose(operand, Span(self.source, self._start(operand), token.end_pos))

    def index(self, children: Children) -> Index:
        operand, _, *items, closer = children
        self._no_postfix(operand, "index")
        return Index(operand, tuple(items), Span(self.source, self._start(operand), closer.end_pos))

    def _no_postfix(self, operand: Expr, what: str) -> None:
        if type(operand) is Constant:
            self.error(UNKNOWN_ATTRIBUTE, f"`{operand.span.text}` has no {what}", operand.span)

    def slice(self, children: Children) -> Slice:
        start, colon, stop, second, step = children
        first = colon.start_pos if start is None else self._start(start)
        last = colon.end_pos
        if second is not None:
            last = second.end_pos
        for part in (stop, step):
            if part is not None:
                last = max(last, self._stop(part))
        return Slice(start, stop, step, Span(self.source, first, last))

    def call(self, children: Children) -> Call:
        name, _, *items, closer = children
        arguments: list[Expr] = []
        keywords: list[Keyword] = []
        for item in items:
            if type(item) is Keyword:
                if any(item.name == other.name for other in keywords):
                    message = f"the argument `{item.name}` is given twice"
                    self.error(BAD_ARGUMENTS, message, item.span)
                keywords.append(item)
            elif item is not None:
                if keywords:
                    message = "a positional argument follows a keyword argument"
                    self.error(BAD_ARGUMENTS, message, self._outer(item), f"`{keywords[-1].name}=` stands before it")
                arguments.append(item)
        function = name.value
        if function in spelling.CONSTANTS:
            message = f"`{function}` is reserved"
            self.error(RESERVED_NAME, message, self._span(name, name), "this name always means the constant")
        elif not function.isascii() or len(function) > spelling.LONGEST_NAME:
            function = self._read(spelling.name, name, "_")
        return Call(function, tuple(arguments), tuple(keywords), self._span(name, name), self._span(name, closer))

    def keyword(self, children: Children) -> Keyword:
        name, value = children
        span = Span(self.source, name.start_pos, self._stop(value))
        return Keyword(self._read(spelling.target, name, "_"), value, span)
