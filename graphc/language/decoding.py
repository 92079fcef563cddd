"""The bytes of a file as the text of a program."""

from __future__ import annotations

from pathlib import Path

from graphc.language.diagnostics import Diagnostic, GraphcError
from graphc.language.source import Source, Span

__all__ = ["decoded", "source_of_file"]

NOT_TEXT = "E0503"
"""A program is not UTF-8 text."""


def source_of_file(path: Path) -> Source:
    """The program in a file. Raises GraphcError where it is no text, OSError where it cannot be read."""
    return decoded(path.read_bytes(), path.name, str(path))


def decoded(data: bytes, name: str, path: str | None) -> Source:
    """The text, without a byte-order mark; ends of lines stay as they are, the lexer knows them all.

    Raises GraphcError where it is no UTF-8, and for a byte 0.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error, name, path) from None
    nul = text.find("\0")
    if nul >= 0:
        source = Source(text, path or name, path)
        raise _error("the program is not text", Span(source, nul, nul + 1), "a byte 0")
    return Source(text, name, path)


def _not_utf8(data: bytes, error: UnicodeDecodeError, name: str, path: str | None) -> GraphcError:
    help = "save it as UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        source = Source(data.decode("utf-16", "replace"), path or name, path)
        message = "the program is UTF-16 text, and must be UTF-8"
        return _error(message, Span(source, 0, 1), "bytes in pairs from here", help)
    # `utf-8-sig` counts from behind the mark.
    body = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    at = len(body[: error.start].decode("utf-8"))
    source = Source(body.decode("utf-8", "replace"), path or name, path)
    return _error("the program is not UTF-8 text", Span(source, at, at + 1), f"byte 0x{body[error.start]:02x}", help)


def _error(message: str, span: Span, label: str, help: str | None = None) -> GraphcError:
    return GraphcError([Diagnostic(NOT_TEXT, "error", message, span, label, (), help)])
