"""A diagnostic drawn as text: the line it is about, the place underlined, notes and help.

The text of a program is not trusted: whatever could move the cursor, change the colour or turn the direction of a
terminal is shown as an escape, so that what is seen is what is there.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from graphc.language.diagnostics import Diagnostic
from graphc.language.source import Source, Span

__all__ = ["draw", "printable"]

TAB = "    "
WIDEST = 160
"""A line of the program longer than this is shown in part, around the place."""
LEAD = 60
"""So much of a long line is kept before the place."""

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_SEVERITY = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}


@dataclass(frozen=True)
class _Paint:
    """Wraps text in a terminal's colour codes, or does nothing."""

    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.on and text else text


def draw(diagnostic: Diagnostic, color: bool = False) -> str:
    """The lines of one diagnostic, joined by newlines."""
    paint = _Paint(color)
    strong = _SEVERITY.get(diagnostic.severity, _BOLD)
    placed = [(text, span) for text, span in diagnostic.notes if span is not None]
    loose = [text for text, span in diagnostic.notes if span is None]
    spans = [span for span in (diagnostic.span, *(span for _, span in placed)) if span is not None]
    width = max((len(str(span.line)) for span in spans), default=1)

    lines = [
        paint(strong, f"{diagnostic.severity}[{diagnostic.code}]") + paint(_BOLD, f": {printable(diagnostic.message)}")
    ]
    bar = paint(_BLUE, " " * width + " |")
    span = diagnostic.span
    if span is None:
        lines += [f"{paint(_BLUE, ' ' * width + ' =')} note: {printable(text)}" for text in loose]
    else:
        lines.append(f"{paint(_BLUE, ' ' * width + '-->')} {_place(span)}")
        lines.append(bar)
        lines += _excerpt(span, "^", diagnostic.label, loose, width, paint, strong)
    source = span.source if span else None
    for text, where in placed:
        if where.source is not source:
            lines.append(f"{paint(_BLUE, ' ' * width + ':::')} {_place(where)}")
            source = where.source
        lines.append(bar)
        lines += _excerpt(where, "-", text, [], width, paint, _BLUE)
    if diagnostic.help:
        lines.append(f"{paint(_BLUE, ' ' * width + ' =')} help: {printable(diagnostic.help)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """The text with everything that a terminal might act on written as an escape (`\\x1b`, `<U+202E>`)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _place(span: Span) -> str:
    return f"{printable(span.source.name)}:{span.line}:{span.column}"


def _excerpt(
    span: Span, mark: str, label: str | None, below: list[str], width: int, paint: _Paint, style: str
) -> list[str]:
    """The line the span begins on, the underline with its label, and further text under it."""
    text, indent, length = _cut(span.source, span)
    blank = paint(_BLUE, " " * width + " |")
    underline = paint(style, mark * length + (f" {printable(label)}" if label else ""))
    number = paint(_BLUE, f"{span.line:>{width}} |")
    lines = [f"{number} {text}".rstrip(), f"{blank} {' ' * indent}{underline}"]
    lines += [f"{blank} {' ' * indent}{printable(line)}" for line in below]
    return lines


def _cut(source: Source, span: Span) -> tuple[str, int, int]:
    """The shown text of the span's first line, and the columns at which the underline begins and how long it is."""
    number, column = source.position(span.start)
    line = source.line(number)
    start = min(column - 1, len(line))
    stop = max(start, min(len(line), start + (span.stop - span.start)))
    before = [_shown(char) for char in line[max(0, start - WIDEST) : start]]
    marked = [_shown(char) for char in line[start : min(stop, start + WIDEST)]]
    after = [_shown(char) for char in line[stop : stop + WIDEST]]
    head, middle, tail = "".join(before), "".join(marked), "".join(after)
    if start > WIDEST or _columns(line) > WIDEST:
        while before and _columns(head) > LEAD:
            before = before[1:]
            head = "…" + "".join(before)
        while after and _columns(head) + _columns(middle) + _columns(tail) > WIDEST:
            after = after[:-1]
            tail = "".join(after) + "…"
    # A combining mark joins the character before it, which has the column already.
    return head + middle + tail, _columns(head), max(1, _columns(middle))


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me")
        else 2 if unicodedata.east_asian_width(char) in ("W", "F")
        else 1
        for char in text
    )  # fmt: skip


def _shown(char: str) -> str:
    if char == "\t":
        return TAB
    code = ord(char)
    if code < 0x80:
        return char if char.isprintable() else f"\\x{code:02x}"
    # Controls, formats (the turners of direction among them), lone surrogates, separators of lines.
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"<U+{code:04X}>"
    return char
