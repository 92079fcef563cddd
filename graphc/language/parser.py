"""Tokens to the LALR parser, one at a time: ends of statements, and going on after an error.

Lark's contextual lexer gives the tokens. Whether a newline ends a statement is decided here, by the brackets that are
open. When the parser cannot use a token, the complaint is recorded, the parser goes back to the state in which it
awaits a statement, and the lexer to where the next statement begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from graphc.language.builder import Builder
from graphc.language.complaints import CLOSER, TOO_DEEP, TOO_LARGE, UNCLOSED, UNMATCHED, Complaint, Situation, complain
from graphc.language.depth import DEEPEST
from graphc.language.diagnostics import Diagnostics, Note
from graphc.language.source import Source, Span
from graphc.language.spelling import stray, unreadable
from graphc.language.tree import Module

if TYPE_CHECKING:
    from graphc.language.recovery import Extent

__all__ = ["Parser", "PassThrough", "awaiting_states"]

_LAYOUT: Final = frozenset(["NEWLINE", "SEMICOLON", "LPAR", "LSQB", "LBRACE", "SUBSCRIPTED", "RPAR", "RSQB", "RBRACE"])
_OPENING: Final = frozenset(["LPAR", "LSQB", "LBRACE", "SUBSCRIPTED"])
_FIRST_WORD: Final = re.compile(r"\w*")

MOST_ERRORS: Final = 10_000
"""After so many statements that do not parse, the rest of a text is not read: it is no program."""

# A heading that did not parse is replaced by one of these, so that the errors of its body are found, too. The empty
# name cannot be written in a program.
_HEADINGS: Final[dict[str, list[tuple[str, str]]]] = {
    "def": [("DEF", "def"), ("NAME", ""), ("LPAR", "("), ("RPAR", ")")],
    "op": [("OP", "op"), ("NAME", ""), ("LPAR", "("), ("RPAR", ")")],
    "rule": [("RULE", "rule"), ("NAME", ""), ("LPAR", "("), ("RPAR", ")"), ("ARROW", "->"), ("NAME", "")],
    "for": [("FOR", "for"), ("NAME", ""), ("IN", "in"), ("NUMBER", "0"), ("COLON", ":"), ("NUMBER", "0")],
}


class PassThrough:
    """What Lark calls a post-lexer: it changes nothing, but has these tokens recognised wherever they stand."""

    always_accept = ("NEWLINE", "SEMICOLON", "RBRACE", "ATTRIBUTE")

    def process(self, stream: Any) -> Any:
        return stream


class _TooDeep(Exception):
    def __init__(self, token: Token) -> None:
        super().__init__()
        self.token = token


def awaiting_states(lark: Lark) -> frozenset[Any]:
    """The states of the parser in which a statement may begin."""
    table = lark.parser.parser._parse_table.states
    beginnings = {"statement", "statements", "rule_statements"}
    return frozenset(state for state, actions in table.items() if not beginnings.isdisjoint(actions))


class Parser:
    """Parses one program."""

    def __init__(
        self, lark: Lark, awaiting: frozenset[Any], builder: Builder, start: str, source: Source, found: Diagnostics
    ) -> None:
        self._awaiting = awaiting
        self._builder = builder
        self._source = source
        self._found = found
        self._parser: InteractiveParser = lark.parse_interactive(source.text, start=start)
        self._open: list[Token] = []
        self._errors = 0
        self._fresh = True
        """Whether no token of the present statement has been read."""
        self._statement_start = 0
        self._last: Token = Token("_END", "", 0, end_pos=0)
        self._end_of_body: Token | None = None
        """The `}` that closed a body last: with it a statement is complete."""

    def run(self) -> Module:
        state = self._parser.parser_state
        thread: Any = self._parser.lexer_thread
        while True:
            try:
                feed = state.feed_token
                for token in thread.lex(state):
                    if token.type in _LAYOUT:
                        self._layout(token)
                    else:
                        self._fresh = False
                        feed(token)
                        self._last = token
                if self._finish():
                    break
            except UnexpectedToken as error:
                assert isinstance(error.token, Token)
                self._go_on(error.token)
            except UnexpectedCharacters as error:
                self._go_on(_character(self._source.text, error.pos_in_stream or 0))
            except _TooDeep as error:
                self._go_on(error.token, too_deep=True)
        module: Module = self._parser.feed_token(Token("$END", "", len(self._source.text)))
        return module

    # ------------------------------------------------------------------------------------------------ layout

    def _layout(self, token: Token) -> None:
        """Newlines, `;` and brackets."""
        kind = token.type
        inside = bool(self._open) and self._open[-1].type != "LBRACE"
        if kind == "NEWLINE" or (kind == "SEMICOLON" and not inside):
            if inside:
                return
            if not self._fresh:
                self._end(token, "\n" if kind == "NEWLINE" else ";")
            self._statement_start = token.end_pos or 0
            return
        if kind == "RBRACE" and not inside and not self._fresh:
            self._end(token, "}")
        if kind in _OPENING and len(self._open) >= DEEPEST:
            raise _TooDeep(token)
        self._parser.parser_state.feed_token(token)
        self._last = token
        self._fresh = False
        if kind in _OPENING:
            self._open.append(token)
            if kind == "LBRACE":
                self._fresh = True
                self._statement_start = token.end_pos or 0
        elif kind != "SEMICOLON" and self._open.pop().type == "LBRACE":
            self._end_of_body = token
            self._statement_start = token.end_pos or 0

    def _end(self, token: Token, text: str) -> None:
        self._parser.parser_state.feed_token(Token("_END", text, token.start_pos, end_pos=token.end_pos))
        self._fresh = True
        self._statement_start = token.start_pos or 0

    def _finish(self) -> bool:
        """At the end of the program: whether nothing was left open."""
        size = len(self._source.text)
        inside = bool(self._open) and self._open[-1].type != "LBRACE"
        if inside or not self._fresh:
            end = Token("_END", "", size, end_pos=size)
            if inside:
                self._go_on(end)
                return False
            self._end(end, "")
        if self._open:
            self._builder.bodies.unclosed = True
        while self._open:
            brace = self._open.pop()
            self._report(Complaint(UNCLOSED, "this `{` is never closed", *_range(brace), "expected a `}` for it"))
            self._parser.parser_state.feed_token(Token("RBRACE", "", size, end_pos=size))
            self._end(Token("_END", "", size, end_pos=size), "")
        return True

    # ------------------------------------------------------------------------------------------------ after an error

    def _go_on(self, token: Token, too_deep: bool = False) -> None:
        """Report what is wrong with the token, and make ready for the next statement."""
        from graphc.language.recovery import extent  # here: most programs have no such token

        in_block = any(opened.type == "LBRACE" for opened in self._open)
        # What is nested too deeply is skipped from there: to begin again with each of its lines could take for ever.
        start = _range(token)[0] if too_deep else self._statement_start
        reach = extent(self._source.text, start, max(start, _range(token)[0]), in_block)
        if too_deep:
            message = f"more than {DEEPEST} brackets inside one another"
            self._report(Complaint(TOO_DEEP, message, *_range(token), "this is nested too deeply"))
        else:
            self._complain(token, reach)
        self._errors += 1
        self._recover(token, reach, start)
        if self._errors == MOST_ERRORS:
            self._stop(reach.stop)

    def _stop(self, at: int) -> None:
        """Leave out the rest of the text."""
        size = len(self._source.text)
        message = f"more than {MOST_ERRORS:,} statements do not parse"
        self._report(Complaint(TOO_LARGE, message, min(at, size), size, "from here on nothing is read"))
        self._builder.damaged.append((at, size))
        lexer: Any = self._parser.lexer_thread.state
        lexer.line_ctr.char_pos = size

    def _recover(self, token: Token, reach: Extent, start: int) -> None:
        """Parser and lexer to where the next statement begins."""
        self._builder.damaged.append((start, max(reach.stop, _range(token)[1])))
        state = self._parser.parser_state
        values, states = state.value_stack, state.state_stack
        # A statement may be read, but not put away yet, for which the parser waits for one token more.
        end = Token("_END", "", start, end_pos=start)
        if values and values[-1] is self._end_of_body:
            state.feed_token(end)
        if values and getattr(values[-1], "type", "") == "_END":
            state.feed_token(end)
        while states[-1] not in self._awaiting:
            states.pop()
            values.pop()
        while self._open and self._open[-1].type != "LBRACE":
            self._open.pop()
        self._builder.forget()
        if reach.head:
            for kind, text in _HEADINGS[reach.head]:
                state.feed_token(Token(kind, text, reach.stop, end_pos=reach.stop))
        self._fresh = not reach.head
        self._statement_start = reach.stop
        lexer: Any = self._parser.lexer_thread.state
        lexer.line_ctr.char_pos = reach.stop if reach.stop > start or reach.head else _range(token)[1]

    def _complain(self, token: Token, reach: Extent) -> None:
        at, _ = _range(token)
        swallowed = not token.type and self._source.text[at] in "\"'"
        if reach.unclosed and not swallowed:  # an open string may have swallowed what closes the brackets
            self._unclosed(reach)
            closes = token.type in ("RPAR", "RSQB", "RBRACE", "_END", "SEMICOLON", "EQUAL")
            if closes or at >= reach.stop:
                return  # that is the same mistake, noticed
        elif reach.unmatched and at in reach.unmatched:
            char = self._source.text[at]
            self._report(
                Complaint(UNMATCHED, f"unmatched `{char}`", at, at + 1, "nothing is open that this could close")
            )
            return
        if not self._builder.misread:  # else the present trouble is likely to come from there
            self._report(self._complaint(token))

    def _unclosed(self, reach: Extent) -> None:
        text = self._source.text
        *outer, at = reach.unclosed
        notes: list[Note] = [
            (f"this `{text[other]}` is not closed either", Span(self._source, other, other + 1)) for other in outer
        ]
        notes += [
            (f"this `{text[other]}` closes nothing", Span(self._source, other, other + 1)) for other in reach.unmatched
        ]
        label = f"expected a `{CLOSER[text[at]]}` for it"
        self._report(Complaint(UNCLOSED, f"this `{text[at]}` is never closed", at, at + 1, label), notes[:4])

    def _complaint(self, token: Token) -> Complaint:
        start, stop = _range(token)
        if not token.type:
            return unreadable(self._source.text, start)
        last, last_stop = self._last, _range(self._last)[1]
        values = self._parser.parser_state.value_stack
        # A word just before, which nobody has read yet, may be the reason: `2x y`, `a⊙ b`.
        for word in (last, token) if values and values[-1] is last else (token,):
            flaw = stray(word.type, str(word.value))
            if flaw is not None:
                found, at = flaw.complaint, _range(word)[0]
                return Complaint(found.code, found.message, at + found.start, at + found.stop, found.label, found.help)
        if token.type == "_END" and token.value != "}" and token.value != ";":
            # An end that comes too early is seen where something is missing.
            start = stop = max(last_stop, self._statement_start)
        first_start = self._first_of_statement()
        first = _FIRST_WORD.match(self._source.text, first_start)
        line = re.compile(r"[^\r\n]{0,100}").match(self._source.text, stop)
        opened = next((opened for opened in reversed(self._open) if opened.type != "LBRACE"), None)
        return complain(
            Situation(
                kind=token.type,
                text=str(token.value),
                start=start,
                stop=stop,
                accepted=self._parser.accepts(),  # type: ignore[no-untyped-call]
                previous_kind=last.type,
                previous_text=self._source.text[first_start:last_stop] if last.type == "RBRACE" else str(last.value),
                previous_stop=last_stop,
                head=first[0] if first else "",
                bracket=None if opened is None else str(opened.value)[-1],
                opened_at="" if opened is None else "{}:{}".format(*self._source.position(_range(opened)[1] - 1)),
                before=self._source.text[max(first_start, start - 500) : start],
                after=line[0] if line else "",
            )
        )

    def _first_of_statement(self) -> int:
        text, at = self._source.text, self._statement_start
        while at < len(text) and text[at] in " \t\f\r\n;":
            at += 1
        return at

    def _report(self, complaint: Complaint, notes: Sequence[Note] = ()) -> None:
        span = Span(self._source, complaint.start, complaint.stop)
        self._found.error(complaint.code, complaint.message, span, complaint.label, notes, complaint.help)


def _character(text: str, at: int) -> Token:
    """A character with which no token begins."""
    return Token("", text[at], at, end_pos=at + 1)


def _range(token: Token) -> tuple[int, int]:
    start = token.start_pos or 0
    return start, start + len(token.value) if token.end_pos is None else token.end_pos
