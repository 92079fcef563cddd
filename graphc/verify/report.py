"""What a verification finds out: a row for each variable, and what is said of those that could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.ir.graph import Graph
from graphc.ir.types import Type
from graphc.language.diagnostics import Diagnostics
from graphc.verify.numerical import TOLERANCE

__all__ = ["NEGLIGIBLE", "Report", "Row", "enter", "say_what_was_not_checked"]

NEGLIGIBLE = 1e-10
"""The size of a gradient below which all are alike: no numerical derivative sees them."""
MOST_WARNINGS = 10
"""Of more variables that were not checked for the same reason one warning speaks."""


@dataclass
class Row:
    """One variable: the worst relative error over the directions tried; what kept it from being checked, how often."""

    name: str
    type: Type
    error: float = 0.0
    directions: int = 0
    ok: bool = True
    doubts: Counter[str] = field(default_factory=Counter)

    @property
    def shape(self) -> str:
        """The type as a user writes it."""
        return str(self.type)


@dataclass
class Report:
    """The outcome of a verification; `worst` is the largest relative error of all directions."""

    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def directions(self) -> int:
        return sum(row.directions for row in self.rows)

    @property
    def worst(self) -> float:
        return max((row.error for row in self.rows), default=0.0)

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)


def enter(row: Row, off: float, why: str) -> bool:
    """Put a deviation into its row, or why there is none; whether the sample served."""
    if np.isnan(off):
        row.doubts[why] += 1
        return False
    row.directions += 1
    row.error = max(row.error, off)
    row.ok &= off <= TOLERANCE
    return True


def say_what_was_not_checked(joint: Graph, rows: Sequence[Row], diagnostics: Diagnostics) -> None:
    """Warnings for the variables without a direction, one for each of few, one for all that have the same reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if not row.directions and row.doubts:  # without a doubt it had no entries
            reasons.setdefault(row.doubts.most_common(1)[0][0], []).append(row.name)
    for why, names in reasons.items():
        for name in names if len(names) <= MOST_WARNINGS else names[:1]:
            origin = joint[joint.values[name]].origin
            which = f"the gradient of `{name}` was"
            if len(names) > MOST_WARNINGS:
                listed = ", ".join(f"`{other}`" for other in names[:3])
                which = f"the gradients of {listed} and {len(names) - 3} others were"
            diagnostics.warning("W0402", f"{which} not checked: {why}", origin.span if origin else None)
