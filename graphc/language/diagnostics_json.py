"""Diagnostics for tools: one JSON object a line, ASCII only, every error and not the first twenty alone.

Lines and columns count from 1, in characters; `end_column` is the one behind the last character. What is not known is
null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from graphc.language.diagnostics import Diagnostic
from graphc.language.source import Span

__all__ = ["as_json"]


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """The lines, joined by newlines."""
    return "\n".join(json.dumps(_object(each)) for each in diagnostics)


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "notes": [{"message": text, **_place(span)} for text, span in diagnostic.notes],
        "help": diagnostic.help,
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.stop)
    return {
        "file": span.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column,
    }  # fmt: skip
