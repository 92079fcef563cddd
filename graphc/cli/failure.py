"""What goes wrong around a program rather than in it: files, data, the command line."""

from __future__ import annotations

from graphc.language.diagnostics import Diagnostic, GraphcError
from graphc.language.source import Span

__all__ = ["DATA", "NOT_OURS", "READ", "WRITE", "UsageError", "failure"]

NOT_OURS = "E0501"
"""A file that graphc did not write stands where it should write."""
READ = "E0502"
"""A file cannot be read."""
WRITE = "E0504"
"""A file cannot be written."""
DATA = "E0505"
"""Arrays do not fit the program."""


class UsageError(Exception):
    """The command line is wrong in a way that its parser does not see."""


def failure(
    code: str, message: str, span: Span | None = None, label: str | None = None, help: str | None = None
) -> GraphcError:
    """An error to raise."""
    return GraphcError([Diagnostic(code, "error", message, span, label, (), help)])
