"""What is wrong with a program, and how it is shown.

```
error[E0203]: operands of `@` do not agree
 --> mlp.g:4:5
  |
4 | S = H @ W2 + b2
  |     ^^^^^^ inner dimensions H and K differ
  = help: declare `param W2[H, C]`, or transpose it: `W2.T`
```

Stages report to a `Diagnostics`, which collects; nothing is raised until `raise_if_errors`, so that all errors of a
file are seen and not the first alone. The drawing of a diagnostic is in `excerpt.py`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphc.language.source import Span

if TYPE_CHECKING:
    from graphc.language.values import Fault

__all__ = [
    "Diagnostic", "Diagnostics", "GraphcError", "GraphcWarning", "brief", "render", "render_all", "slip", "suggest",
]  # fmt: skip

MOST_SHOWN = 20
"""So many errors are shown; of the others only the number. More than that nobody reads."""
LONGEST_QUOTE = 120
LONGEST_TEXT = 400
"""In what is said, quotations and texts of more characters lose their middle: programs may be written to be long."""
MOST_NOTES = 8

_LONG_QUOTE = re.compile(rf"`[^`]{{{LONGEST_QUOTE + 1},}}`|\"[^\"]{{{LONGEST_QUOTE + 1},}}\"")

Note = tuple[str, "Span | None"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. `label` stands after the underline; a note with a place is shown with that place.

    Its texts are short, whatever they quote.
    """

    code: str
    severity: str
    message: str
    span: Span | None = None
    label: str | None = None
    notes: tuple[Note, ...] = ()
    help: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", brief(self.message))
        object.__setattr__(self, "label", self.label and brief(self.label))
        object.__setattr__(self, "help", self.help and brief(self.help))
        notes = [(brief(text), span) for text, span in self.notes[:MOST_NOTES]]
        rest = len(self.notes) - MOST_NOTES
        if rest > 0:
            notes.append((f"… and {rest} more {'place' if rest == 1 else 'places'}", None))
        object.__setattr__(self, "notes", tuple(notes))

    @property
    def file(self) -> str | None:
        return self.span.source.name if self.span else None

    @property
    def line(self) -> int | None:
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        return self.span.column if self.span else None


class Diagnostics:
    """Collects what the stages report, in the order of reporting; the same report twice is kept once."""

    def __init__(self) -> None:
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._seen: set[tuple[object, ...]] = set()

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str | None = None,
        notes: Sequence[Note] = (),
        help: str | None = None,
    ) -> None:
        """Report something that keeps the program from being compiled."""
        self.add(Diagnostic(code, "error", message, span, label, tuple(notes), help))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str | None = None,
        notes: Sequence[Note] = (),
        help: str | None = None,
    ) -> None:
        """Report something the user should know although the program compiles."""
        self.add(Diagnostic(code, "warning", message, span, label, tuple(notes), help))

    def report(self, fault: Fault) -> None:
        """Report a fault, and the others of its statement."""
        for each in fault.all():
            self.error(each.code, each.message, each.span, each.label, each.notes, each.help)

    def add(self, diagnostic: Diagnostic) -> None:
        span = diagnostic.span
        place = (id(span.source), span.start, span.stop) if span else None
        key = (diagnostic.severity, diagnostic.message, place)
        if key not in self._seen:
            self._seen.add(key)
            (self._errors if diagnostic.severity == "error" else self._warnings).append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def sort(self) -> None:
        """Put the errors of each file in the order of their places, as they are read."""
        files: dict[int, int] = {}
        for error in self._errors:
            files.setdefault(id(error.span.source) if error.span else 0, len(files))
        self._errors.sort(key=lambda e: (files[id(e.span.source)], e.span.start) if e.span else (files[0], 0))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(self._errors)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(self._warnings)

    @property
    def has_errors(self) -> bool:
        return bool(self._errors)

    def raise_if_errors(self) -> None:
        """Raise a `GraphcError` with all errors so far, if there are any."""
        if self._errors:
            raise GraphcError(self._errors)

    def warn(self, stacklevel: int) -> None:
        """Hand the warnings to Python's own, as of the caller so many calls up."""
        for diagnostic in self._warnings:
            warnings.warn(GraphcWarning(diagnostic), stacklevel=stacklevel + 1)


class GraphcError(Exception):
    """A program is wrong. Place and message are those of the first error; `errors` has all of them.

    `file`, `line` and `column` are None for an error that has no place in a text; line and column count from 1.
    """

    file: str | None
    line: int | None
    column: int | None
    message: str
    errors: list[Diagnostic]

    def __init__(self, errors: Sequence[Diagnostic]) -> None:
        if not errors:
            raise ValueError("a GraphcError needs an error")
        super().__init__(errors)
        self.errors = list(errors)
        first = self.errors[0]
        self.message = first.message
        self.file, self.line, self.column = None, None, None
        if first.span is not None:
            self.file = first.span.source.name
            self.line, self.column = first.span.line, first.span.column

    def __str__(self) -> str:
        return render_all(self.errors)


class GraphcWarning(UserWarning):
    """What a compile from Python has to say about a program that it accepts; the text is that of the command line."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic

    def __str__(self) -> str:
        return render(self.diagnostic)


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The diagnostic as lines of text (no newline at the end), with terminal colours if asked for."""
    from graphc.language.excerpt import draw  # errors are rare: nobody else pays for the drawing's import

    return draw(diagnostic, color)


def render_all(diagnostics: Sequence[Diagnostic], color: bool = False) -> str:
    """Several diagnostics with an empty line between them; of very many only the first, and the number of the rest."""
    shown = [render(diagnostic, color) for diagnostic in diagnostics[:MOST_SHOWN]]
    rest = len(diagnostics) - MOST_SHOWN
    if rest > 0:
        shown.append(f"… and {rest} more {'error' if rest == 1 else 'errors'}")
    return "\n\n".join(shown)


def brief(text: str) -> str:
    """The text at a length that is read: long quotations, and then what is still too long, lose their middle."""
    if len(text) <= LONGEST_QUOTE:
        return text
    return _cut(_LONG_QUOTE.sub(lambda quote: _cut(quote[0], LONGEST_QUOTE), text), LONGEST_TEXT)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate a user who wrote `name` most likely meant, or None. The order of the candidates plays no part."""
    from difflib import SequenceMatcher  # 5 ms, and needed for errors only

    folded = name.casefold()
    best, best_ratio = None, 0.0
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(folded)
    # One letter wrong in a name of three is the least that still counts as a slip; single letters are never alike.
    needed = 0.65 if len(name) > 3 else 0.6
    known_letter = frozenset(folded).__contains__
    for candidate in sorted(candidates):
        other = candidate.casefold()
        if candidate == name or (len(name) < 2 and other != folded):
            continue
        # No more letters are alike than there are of its letters in the name: of most names that is enough to know.
        bound = 2.0 * sum(map(known_letter, other)) / (len(folded) + len(other))
        if bound < needed or bound <= best_ratio:
            continue
        matcher.set_seq1(other)
        bound = min(matcher.real_quick_ratio(), matcher.quick_ratio())
        if bound < needed or bound <= best_ratio:
            continue
        ratio = 0.99 if _swapped(folded, other) else matcher.ratio()
        if ratio >= needed and ratio > best_ratio:
            best, best_ratio = candidate, ratio
    return best


def _swapped(a: str, b: str) -> bool:
    """Whether two neighbouring letters have changed places: `tahn` is `tanh`, though `tan` has its letters in order."""
    if len(a) != len(b):
        return False
    first = next((k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))
    return first < len(a) - 1 and a[:first] + a[first + 1] + a[first] + a[first + 2 :] == b


def slip(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` is surely a misspelling of. Names that differ in their numbers alone are a series."""
    close = suggest(name, candidates) if len(name) > 1 else None
    if close is None or _without_digits(close) == _without_digits(name):
        return None
    if close.casefold() == name.casefold():
        return close if len(_without_digits(name)) > 1 else None
    from difflib import SequenceMatcher

    alike = SequenceMatcher(None, name.casefold(), close.casefold(), autojunk=False).ratio() >= 0.85
    return close if alike and min(len(name), len(close)) >= 5 else None


def _without_digits(name: str) -> str:
    return "".join(char for char in name if not char.isdigit())
