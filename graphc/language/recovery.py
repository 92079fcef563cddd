"""Where a statement that does not parse ends, and where the next one begins.

The text is scanned for brackets, strings, comments and ends of lines alone, from the beginning of the bad statement. A
bracket that stays open would swallow the rest of the file; so a line which looks like a statement, and is not indented
more than the bad one, ends it. A line that ends too early, or in `:`, goes on in the lines that are indented more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from graphc.language.complaints import CLOSER, WORDS

__all__ = ["Extent", "extent"]

_PATIENCE: Final = 100
"""After so many places that may be a new statement an open bracket is given up; else bad text takes quadratic time."""

_NAMED = r"[^\W\d]\w*(?:\{[^{}\n]*\})?"
_STATEMENT: Final = re.compile(
    rf"(?:{'|'.join(WORDS)})[ \t]+[^\W\d]|(?:import|return)[ \t]*[\"'(]"
    rf"|{_NAMED}[ \t]*(?:,[ \t]*{_NAMED}[ \t]*)*(?:=(?!=)|<-)"
)
_BLOCK_HEAD: Final = re.compile(r"(def|op|rule|for)[ \t]+[^\W\d]")
_LANDMARK: Final = re.compile(
    r"""(?P<string>"(?:[^"\\\r\n]|\\[^\r\n])*"?|'(?:[^'\\\r\n]|\\[^\r\n])*'?)"""
    r"""|(?P<comment>\#[^\r\n]*)|(?P<joined>\\[ \t]*(?:\r\n?|\n))"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<line>[\r\n]+[ \t\f]*)|(?P<semicolon>;)"""
)
_BLANK: Final = re.compile(r"[\s;]*(?:#[^\r\n]*[\s;]*)*")


@dataclass(frozen=True, slots=True)
class Extent:
    """Of a statement that does not parse."""

    stop: int
    """Where to read on: at a newline, a `;`, a `}` or the first character of the next statement."""
    head: str | None
    """The word of a `def`, `op`, `rule` or `for` whose body opens at `stop`: its statements can still be read."""
    unclosed: tuple[int, ...]
    """The brackets that stay open, outermost first."""
    unmatched: tuple[int, ...]
    """The closing brackets with no opening one. If there are unclosed ones, these may have been meant for them."""


@dataclass
class _Scan:
    text: str
    start: int
    open: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    """Opening brackets that an outer bracket's closing left open."""
    wrong: list[int] = field(default_factory=list)
    next_statement: int | None = None
    """The first place inside open brackets that may well be a new statement."""

    goes_on: bool = False
    """Whether lines that are indented more belong to it: its line ends too early, or it is a heading of Python's."""
    seen: int = 0
    """How many such places there were."""

    def may_begin(self, at: int) -> bool:
        """Note a place inside open brackets where a statement may begin; whether there have been too many."""
        if self.next_statement is None:
            self.next_statement = at
        self.seen += 1
        return self.seen > _PATIENCE

    def end(self, stop: int, head: str | None = None) -> Extent:
        if self.open and self.next_statement is not None:
            stop = min(stop, self.next_statement)
        unclosed = sorted(at for at in self.lost + self.open if at < stop)
        return Extent(stop, head, tuple(unclosed), tuple(at for at in self.wrong if at < stop))


def extent(text: str, start: int, fault: int, in_block: bool) -> Extent:
    """The extent of the bad statement that begins at `start` and goes wrong at `fault`.

    `in_block`: a `}` may end the body it stands in.
    """
    blank = _BLANK.match(text, start)
    if blank and blank.end() <= fault:
        start = blank.end()
    else:  # the fault is in a comment before the statement
        start = max(start, text.rfind("#", start, fault))
    scan = _Scan(text, start)
    indent = _indentation(text, start)
    head = _BLOCK_HEAD.match(text, start)
    for mark in _LANDMARK.finditer(text, start):
        at = mark.start()
        if mark.lastgroup == "open":
            subscript = text[at] == "{" and at > 0 and text[at - 1] == "_"
            if text[at] == "{" and head and not subscript:
                return scan.end(at, head[1])
            scan.open.append(at)
        elif mark.lastgroup == "close":
            if text[at] == "}" and in_block and not any(text[other] == "{" for other in scan.open):
                return scan.end(at)
            _close(scan, text[at], at)
        elif mark.lastgroup == "semicolon":
            if not scan.open:
                return scan.end(at)
            if scan.may_begin(at):
                return scan.end(at)
        elif mark.lastgroup == "line":
            after = mark.end()
            if not scan.open:
                if head and text[after : after + 1] == "{":
                    return scan.end(after, head[1])
                scan.goes_on |= at <= fault or text[start:at].rstrip().endswith(":")
                if scan.goes_on and _column(text, after) > indent:
                    continue
                return scan.end(at)
            if _STATEMENT.match(text, after):
                line_start = max(text.rfind("\n", at, after), text.rfind("\r", at, after)) + 1
                if scan.may_begin(after) or after - line_start <= indent:
                    return scan.end(after)
    return scan.end(len(text))


def _indentation(text: str, at: int) -> int:
    """How far a statement is indented: behind a `;` as far as its line, in a block that begins in this line as far as
    it stands there, for the lines below may be those of the block."""
    before = text[at - max(_column(text, at), 0) : at]
    return len(before) if "{" in before else len(before) - len(before.lstrip(" \t\f"))


def _column(text: str, at: int) -> int:
    """How far a place is from the beginning of its line; nowhere at the end of the text."""
    return -1 if at >= len(text) else at - max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) - 1


def _close(scan: _Scan, char: str, at: int) -> None:
    """Close the innermost bracket of the right kind; those inside it stay open for good."""
    for depth in range(len(scan.open) - 1, -1, -1):
        if CLOSER[scan.text[scan.open[depth]]] == char:
            scan.lost += scan.open[depth + 1 :]
            del scan.open[depth:]
            if not scan.open:
                scan.next_statement = None
            return
    scan.wrong.append(at)
