"""The emitted text as Python compiles it: once for the check of the text, the verification and whoever loads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Final

__all__ = ["DEFINITION", "code_of", "file_of"]

PIECE: Final = 400_000
"""A text longer than this is compiled in pieces, each after the lines before it: what Python makes of a text on its way
to the code takes a hundred times the space of the text."""

DEFINITION = re.compile(r"^(?=def |class )", re.MULTILINE)
"""Where the definitions at the top of a module begin."""


def file_of(text: str, name: str) -> str:
    """The file that tracebacks name for a module without one."""
    return f"<graphc {name} {abs(hash(text)):x}>"


@lru_cache(maxsize=1)
def code_of(text: str, name: str) -> tuple[CodeType, ...]:
    """The code of a module's text, to be run one piece after the other. Raises SyntaxError."""
    file = file_of(text, name)
    return tuple(compile(piece, file, "exec", dont_inherit=True) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """Definitions that follow each other, with as many empty lines before them as the text has lines there."""
    if len(text) <= PIECE:
        yield text
        return
    line, piece = 0, ""
    for definition in DEFINITION.split(text):
        if piece and len(piece) + len(definition) > PIECE:
            yield "\n" * line + piece
            line += piece.count("\n")
            piece = ""
        piece += definition
    yield "\n" * line + piece
