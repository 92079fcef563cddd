"""Columns of text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["table"]


def table(rows: Sequence[Sequence[str]], indent: str = "", limits: Sequence[int] | None = None) -> str:
    """The rows with their cells one under another; no spaces at the end of a line.

    A cell that is wider than its column's limit (0: there is none) goes on below.
    """
    if limits is not None:
        rows = [line for row in rows for line in _wrapped(row, limits)]
    widths = [max(len(row[k]) for row in rows if k < len(row)) for k in range(max(map(len, rows), default=0))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) for row in rows)
    return "".join((indent + line).rstrip() + "\n" for line in lines)


def _wrapped(row: Sequence[str], limits: Sequence[int]) -> list[list[str]]:
    cells = [
        textwrap.wrap(cell, limit, subsequent_indent="  ") or [""] if limit and len(cell) > limit else [cell]
        for cell, limit in zip(row, limits, strict=False)
    ]
    return [[cell[k] if k < len(cell) else "" for cell in cells] for k in range(max(map(len, cells), default=0))]
