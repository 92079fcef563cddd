"""Numerical derivatives along a direction, and how much they are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["TOLERANCE", "Slope", "derivative", "deviation"]

TOLERANCE = 1e-5
"""The largest relative error of a gradient that is right."""

STEPS = (1e-3, 1e-4, 2e-5, 2e-6, 2e-7)
"""The last ones serve functions that are steep; their rounding is coarse."""


class Slope(NamedTuple):
    """A numerical derivative and an estimate of its error.

    `rough`: the step sizes disagree by more than rounding explains, so that it says nothing against another value.
    """

    value: float
    error: float
    rough: bool


def derivative(f: Callable[[float], float]) -> Slope:
    """The derivative of f at 0, by extrapolated central differences."""
    best = Slope(float("nan"), float("inf"), True)
    for h in STEPS:
        wide, middle, narrow = ((f(s) - f(-s)) / (2 * s) for s in (h, h / 2, h / 4))
        first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
        noise = 4e-16 * (abs(f(h)) + abs(f(-h))) / h
        error = abs(first - second) + noise
        if np.isfinite(second) and error < best.error:
            best = Slope(second, error, abs(first - second) > TOLERANCE / 3 * abs(second) + 100 * noise)
        if best.error <= max(1e-12, TOLERANCE / 10 * abs(best.value)):
            break
    return best


def deviation(analytic: float, slope: Slope, terms: float) -> float:
    """The relative error of a directional derivative; nan where the numerical one is not to be trusted.

    `terms` is the sum of the sizes of what adds up to the analytic one.
    """
    scale = max(abs(analytic), abs(slope.value), 1e-3 * terms, 1e-7)
    if not (np.isfinite(slope.value) and np.isfinite(analytic)) or slope.error > TOLERANCE * scale / 3:
        return float("nan")
    off = abs(analytic - slope.value) / scale
    return float("nan") if off > TOLERANCE and slope.rough else off
