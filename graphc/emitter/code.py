"""The emitted text as Python compiles it: once for the check of the text, the verification and whoever loads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from types import CodeType
from typing import Final

__all__ = ["code_of", "definitions", "file_of"]

PIECE: Final = 400_000
"""A text longer than this is compiled in pieces, each after the lines before it: what Python makes of a text on its way
to the code takes a hundred times the space of the text."""

_DEFINITION = re.compile(r"\n(?=def |class )")


def file_of(text: str, name: str) -> str:
    """The file that tracebacks name for a module without one."""
    return f"<graphc {name} {abs(hash(text)):x}>"


@lru_cache(maxsize=1)
def code_of(text: str, name: str) -> tuple[CodeType, ...]:
    """The code of a module's text, to be run one piece after the other. Raises SyntaxError."""
    file = file_of(text, name)
    return tuple(compile(piece, file, "exec", dont_inherit=True) for piece in _pieces(text))


def definitions(text: str) -> list[str]:
    """A module's text in pieces: what stands before the definitions at its top, and each of them."""
    starts = [0, *(match.end() for match in _DEFINITION.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(starts)]


def _pieces(text: str) -> Iterator[str]:
    """Definitions that follow each other, with as many empty lines before them as the text has lines there."""
    if len(text) <= PIECE:
        yield text
        return
    line, piece = 0, ""
    for definition in definitions(text):
        if piece and len(piece) + len(definition) > PIECE:
            yield "\n" * line + piece
            line += piece.count("\n")
            piece = ""
        piece += definition
    yield "\n" * line + piece
