"""The values that a module's `forward` returns, held against those of the program as it is written.

Its gradients are held against numerical derivatives of `forward`: they may agree with a value that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.ir.interpret import Rounded
from graphc.language.plain import COMPARING

__all__ = ["differing"]

TOLERANCE = 1e-6  # of the largest entry: what another order of sums may make of float64
ROUGH = 1e-13
"""So coarsely values are rounded to see what an output makes of rounding, which is a hundredth of that."""
NEAR = 1e-10  # what differs by less may compare as equal or not, by rounding alone
RUNS = 16
SLACK = 10
"""So many times as far as in these runs an output may be off: rounding may do anything to a singular matrix."""

Evaluate = Callable[[Rounded | None], Mapping[str, Any]]
"""The outputs of a program, with what each of its operations makes of a value when it is rounded."""


def differing(evaluate: Evaluate, outputs: Mapping[str, Any]) -> str | None:
    """The first output that differs from what the program evaluates to, by more than rounding makes of it.

    Of what is not finite nothing is checked.
    """
    wanted = evaluate(None)
    wrong = [name for name, value in outputs.items() if _off(value, wanted[name]) > 0]
    if not wrong:
        return None
    rounded = _rounding()
    others = [evaluate(rounded) for _ in range(RUNS)]
    for name in wrong:
        moved = max(_off(each[name], wanted[name], 0.0) for each in others)
        if not _off(outputs[name], wanted[name]) <= SLACK * moved:
            return name
    return None


def _rounding() -> Rounded:
    """What rounds values at random; of what is equal but for rounding it is open whether it compares as equal."""
    rng = np.random.default_rng(0)

    def rounded(op: str, operands: Sequence[Any], value: Any) -> Any:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            return array * (1 + ROUGH * rng.uniform(-1, 1, array.shape))
        if op not in COMPARING or all(np.asarray(each).dtype.kind != "f" for each in operands):
            return value
        one, other = (np.asarray(each, dtype=float) for each in operands)
        near = np.abs(one - other) < NEAR * np.maximum(np.abs(one), np.abs(other))
        return np.where(near, rng.random(array.shape) < 0.5, array)

    return rounded


def _off(have: Any, want: Any, tolerance: float = TOLERANCE) -> float:
    """By how much two values differ beyond what is tolerated; infinite for what is not finite, or of another shape."""
    have, want = np.asarray(have, dtype=float), np.asarray(want, dtype=float)
    if not np.isfinite(want).all() or not want.size:
        return 0.0
    if have.shape != want.shape or not np.isfinite(have).all():
        return float("inf")
    return max(0.0, float(np.abs(have - want).max()) - tolerance * max(1e-3, float(np.abs(want).max())))
