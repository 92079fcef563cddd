"""Reading a program: a file's bytes, or standard input's, to a `Source`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.cli.failure import READ, failure
from graphc.language.decoding import decoded
from graphc.language.diagnostics import Diagnostic
from graphc.language.source import Source, Span

__all__ = ["MAX_BYTES", "STDIN", "Program", "read_program"]

MAX_BYTES = 16 * 1024 * 1024
STDIN = "<stdin>"


@dataclass(frozen=True)
class Program:
    """A program that was read. `path` is as the user wrote it; None for standard input.

    The source is called by the file's name alone: that is what the generated module quotes, and it must be the same
    wherever the compiler was started. Diagnostics call it as the user did, so that terminals and editors find it.
    """

    source: Source
    path: str | None

    def located(self, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
        """The diagnostics with paths in their places, those of imported files too."""
        sources: dict[int, Source] = {}

        def moved(span: Span | None) -> Span | None:
            if span is None:
                return None
            shown = sources.setdefault(id(span.source), replace(span.source, name=self._path_of(span.source)))
            return Span(shown, span.start, span.stop)

        return [
            replace(each, span=moved(each.span), notes=tuple((text, moved(span)) for text, span in each.notes))
            for each in diagnostics
        ]

    def _path_of(self, source: Source) -> str:
        """What the user's shell calls a file: an imported one is called as the import says, from wherever that is."""
        if source is self.source:
            return self.path or source.name
        if source.path is None or (self.path is not None and os.path.isabs(self.path)):
            return source.path or source.name
        try:
            return os.path.relpath(source.path)
        except ValueError:  # on another drive
            return source.path


def read_program(name: str) -> Program:
    """The program in a file, or on standard input for `-`. Raises GraphcError."""
    if name == "-":
        return Program(decoded(_standard_input(), STDIN, None), None)
    return Program(decoded(_content(name), os.path.basename(name), name), name)


def _content(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return _limited(file.read(MAX_BYTES + 1), name)
    except IsADirectoryError:
        raise failure(READ, f"`{name}` is a folder, not a program") from None
    except FileNotFoundError:
        raise failure(READ, f"there is no file `{name}`", help=_neighbour(name)) from None
    except OSError as error:
        if os.path.isdir(name):  # Windows says that permission is denied
            raise failure(READ, f"`{name}` is a folder, not a program") from None
        raise failure(READ, f"cannot read `{name}`: {_reason(error)}") from None
    except ValueError:  # a NUL in the name
        raise failure(READ, f"`{name}` cannot be the name of a file") from None


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise failure(READ, "cannot read standard input: it is closed")
    try:
        buffer = getattr(sys.stdin, "buffer", None)
        data = sys.stdin.read(MAX_BYTES + 1).encode("utf-8") if buffer is None else buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise failure(READ, f"cannot read standard input: {_reason(error)}") from None
    return _limited(data, STDIN)


def _limited(data: bytes, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise failure(READ, f"`{name}` is larger than {MAX_BYTES >> 20} MiB", help="is it a program?")
    return data


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _neighbour(name: str) -> str | None:
    """The file that was meant, if one of a similar name is there."""
    from graphc.language.diagnostics import suggest

    folder, base = os.path.split(name)
    try:
        files = [entry for entry in os.listdir(folder or ".") if entry.endswith(".g")]
    except OSError:
        return f"there is no folder `{folder}` either" if folder and not os.path.exists(folder) else None
    if f"{base}.g" in files:
        return f"did you mean `{os.path.join(folder, base)}.g`?"
    close = suggest(base, files)
    return f"did you mean `{os.path.join(folder, close)}`?" if close else None
