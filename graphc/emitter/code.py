"""The emitted text as Python compiles it: once for the check of the text, the verification and whoever loads it."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType

__all__ = ["code_of", "file_of"]


def file_of(text: str, name: str) -> str:
    """The file that tracebacks name for a module without one."""
    return f"<graphc {name} {abs(hash(text)):x}>"


@lru_cache(maxsize=1)
def code_of(text: str, name: str) -> CodeType:
    """The code of a module's text. Raises SyntaxError."""
    return compile(text, file_of(text, name), "exec", dont_inherit=True)
