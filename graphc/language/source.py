"""Program text and places in it.

A `Source` is the text of one file (or string); a `Span` is a half-open range of character offsets in it.
Line and column are computed only when a diagnostic asks for them, so that spans stay cheap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

__all__ = ["Source", "Span", "lines_of"]

_END_OF_LINE = re.compile(r"\r\n?|\n")


def lines_of(text: str) -> list[str]:
    """The lines of a program. `str.splitlines` knows other ends, which may stand within a comment or a string."""
    return _END_OF_LINE.split(text)


@dataclass(frozen=True, eq=False)
class Source:
    """The text of a program. `name` is what diagnostics call it; `path` is the file it came from, if any."""

    text: str
    name: str = "<string>"
    path: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"a program is text, not {type(self.text).__name__}")

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(end.end() for end in _END_OF_LINE.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        start = self._line_starts[number - 1]
        stop = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:stop].rstrip("\r\n")


@dataclass(slots=True, unsafe_hash=True)  # final fields, as in `tree.py`
class Span:
    """Characters `start` up to `stop` of `source`."""

    source: Final[Source] = field(repr=False, compare=False)
    start: Final[int]
    stop: Final[int]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.stop]

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of the other."""
        return Span(self.source, self.start, other.stop)
