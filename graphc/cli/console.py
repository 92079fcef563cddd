"""Standard output and standard error, and what is done when they are closed, full, or not a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TextIO

from graphc.language.diagnostics import Diagnostic, brief, render_all

__all__ = ["OutputLost", "complain", "finish", "note", "print_bytes", "print_text", "report", "reporting"]

_format: ContextVar[str] = ContextVar("format", default="text")


class OutputLost(Exception):
    """Standard output cannot be written: the reason, or None where its reader has just gone away."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


def print_text(text: str) -> None:
    """Write text to standard output. What its encoding lacks is written as an escape."""
    if sys.stdout is not None:
        with _losing():
            _write(sys.stdout, text)


def print_bytes(data: bytes) -> None:
    """Write exactly these bytes to standard output, whatever the terminal's encoding or the system's ends of lines."""
    stream = sys.stdout
    if stream is None:  # closed by whoever started us, and it is what was asked for
        raise OutputLost("it is closed")
    with _losing():
        stream.flush()
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            stream.write(data.decode("utf-8"))
        else:
            buffer.write(data)
            buffer.flush()


def note(text: str) -> None:
    """Say something on standard error; nobody is listening if that is closed."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            _write(sys.stderr, text + "\n")
            sys.stderr.flush()


def complain(text: str, usage: str = "") -> None:
    """Say what is wrong with a command line, whose words may hold anything."""
    from graphc.language.excerpt import printable

    note(usage + printable(brief(text)))


def report(diagnostics: Sequence[Diagnostic]) -> None:
    """Show errors or warnings on standard error: in colour on a terminal, or as JSON if that was asked for."""
    if diagnostics and _format.get() == "json":
        from graphc.language.diagnostics_json import as_json

        note(as_json(diagnostics))
    elif diagnostics:
        note(render_all(diagnostics, color=_colored(sys.stderr)))


@contextlib.contextmanager
def reporting(format: str) -> Iterator[None]:
    """Meanwhile diagnostics are reported in this format: `text` or `json`."""
    before = _format.set(format)
    try:
        yield
    finally:
        _format.reset(before)


def finish() -> None:
    """Flush standard output now, while a failure can still be told; Python would do it too late."""
    if sys.stdout is not None:
        with _losing():
            sys.stdout.flush()


@contextlib.contextmanager
def _losing() -> Iterator[None]:
    """Turn the ways in which standard output fails into OutputLost, and keep Python from flushing it again at exit."""
    try:
        yield
    except BrokenPipeError:
        _abandon()
        raise OutputLost(None) from None
    except OSError as error:
        _abandon()
        raise OutputLost(error.strerror or str(error)) from None
    except ValueError as error:  # a stream that was closed from within Python
        raise OutputLost(str(error)) from None


def _abandon() -> None:
    """Lead what is still in the buffer to nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write(stream: TextIO, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)


def _colored(stream: TextIO | None) -> bool:
    """Colour is for terminals, and not for those who said no: https://no-color.org."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:
        return False
