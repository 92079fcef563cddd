"""Numerical derivatives along a direction, and how much they are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["TOLERANCE", "Slope", "derivative", "deviation", "doubt"]

TOLERANCE = 1e-5
"""The largest relative error of a gradient that is right."""

STEPS = (1e-3, 1e-4, 2e-5, 2e-6, 2e-7)
"""The last ones serve functions that are steep; their rounding is coarse."""


class Slope(NamedTuple):
    """A numerical derivative and an estimate of its error.

    `rough`: the step sizes disagree by more than rounding explains, so that it says nothing against another value.
    `noise` is the share of the error that rounding has.
    """

    value: float
    error: float
    rough: bool
    noise: float = 0.0


def derivative(f: Callable[[float], float]) -> Slope:
    """The derivative of f at 0, by extrapolated central differences."""
    best = Slope(float("nan"), float("inf"), True)
    for h in STEPS:
        wide, middle, narrow = ((f(s) - f(-s)) / (2 * s) for s in (h, h / 2, h / 4))
        first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
        noise = 4e-16 * (abs(f(h)) + abs(f(-h))) / h
        error = abs(first - second) + noise
        if np.isfinite(second) and error < best.error:
            best = Slope(second, error, abs(first - second) > TOLERANCE / 3 * abs(second) + 100 * noise, noise)
        if best.error <= max(1e-12, TOLERANCE / 10 * abs(best.value)):
            break
    return best


def deviation(analytic: float, slope: Slope, terms: float) -> float:
    """The relative error of a directional derivative; nan where the numerical one is not to be trusted.

    `terms` is the sum of the sizes of what adds up to the analytic one.
    """
    scale = _scale(analytic, slope, terms)
    if not (np.isfinite(slope.value) and np.isfinite(analytic)) or slope.error > TOLERANCE * scale / 3:
        return float("nan")
    off = abs(analytic - slope.value) / scale
    return float("nan") if off > TOLERANCE and slope.rough else off


def doubt(analytic: float, slope: Slope, terms: float) -> str:
    """Why a deviation is nan, as the end of a sentence."""
    if not np.isfinite(analytic):
        return "it is not finite at the sampled points"
    if not np.isfinite(slope.value):
        return "no difference of two values near the sampled points is finite"
    if slope.noise > TOLERANCE * _scale(analytic, slope, terms) / 6:
        return "it is so small beside the value that a numerical derivative is all rounding"
    return "two step sizes give different numerical derivatives"


def _scale(analytic: float, slope: Slope, terms: float) -> float:
    return max(abs(analytic), abs(slope.value), 1e-3 * terms, 1e-7)
