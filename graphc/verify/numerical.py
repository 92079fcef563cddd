"""Numerical derivatives along a direction, and how much they are worth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

__all__ = ["FIRST", "OF_MANY", "TOLERANCE", "VANISHING", "Slope", "derivative", "deviation", "doubt", "grain", "kinked"]

TOLERANCE = 1e-5
"""The largest relative error of a gradient that is right."""

VANISHING = "it all but vanishes at the sampled points"

FIRST = 1e-4
"""The step that suits most functions."""
OF_MANY = 2e-5
"""One that suits a function of very many operations, some of which have a kink or bend near every point."""
SMALLER = (2e-5, 2e-6, 2e-7)
"""Steps for functions that are steep; their rounding is coarse."""
LARGER = (1e-3, 1e-2, 1e-1)
"""Steps for functions that are flat: what they differ by over smaller ones is rounding."""


class Slope(NamedTuple):
    """A numerical derivative and an estimate of its error.

    `rough`: the step sizes disagree by more than rounding explains, so that it says nothing against another value.
    `noise` is the share of the error that rounding has.
    """

    value: float
    error: float
    rough: bool
    noise: float = 0.0


def derivative(
    f: Callable[[float], float], hurried: Callable[[], bool] = lambda: False, first: float = FIRST, coarse: float = 0.0
) -> Slope:
    """The derivative of f at 0, by extrapolated central differences; mostly four values of f are enough.

    The steps become larger as long as rounding is the larger part of the error, and smaller as long as it is not, and
    no more are tried once the caller is `hurried`. They begin with the `first`. Values of f are rounded as numbers of
    their size are, or by as much as they are `coarse`.
    """
    best, flat = _slope(f, first, coarse)
    for h in LARGER if flat else [h for h in SMALLER if h < first]:
        if best.error <= max(2e-13, TOLERANCE / 10 * abs(best.value)) or hurried():
            break
        slope, still_flat = _slope(f, h, coarse)
        if flat and best.value == 0 and abs(slope.value) > 100 * best.error:
            return best._replace(error=float("inf"), rough=True)  # stairs: a larger step takes several, and sees a ramp
        if slope.error < best.error:
            best = slope
        if still_flat != flat:
            break
    return best


def kinked(f: Callable[[float], float], scale: float, h: float = FIRST) -> bool:
    """Whether f has a kink at 0, as the least of equal numbers has: its slopes ahead and behind differ by much of the
    scale, and go on to in smaller steps, where those of a smooth function come together."""
    here = f(0.0)
    wide, narrow = (abs(f(step) - 2 * here + f(-step)) / step for step in (h, h / 8))
    return narrow > 0.5 * wide and narrow > 100 * TOLERANCE * scale


def grain(f: Callable[[float], float], h: float = FIRST) -> float:
    """By how much values of f are rounded: a sum of ones that cancel is as coarse as the ones are, however small it is.

    What differences of the fourth order leave of values near 0 is rounding, unless it shrinks whenever the step does:
    that is a kink, and says nothing of rounding.
    """
    steps = (h / 4, h / 8, h / 16, h / 32)
    left = [float(np.max(np.abs(np.diff([f(k * step) for k in range(-4, 5)], 4)))) / 4 for step in steps]
    shrinks = left[0] > 4 * left[-1] and all(wide > 1.05 * narrow for wide, narrow in pairwise(left))
    return 0.0 if shrinks or not np.isfinite(left).all() else min(left)


def _slope(f: Callable[[float], float], h: float, coarse: float) -> tuple[Slope, bool]:
    """The derivative by differences over h and half of it, and where these differ over a quarter as well; and whether
    rounding is the larger part of its error."""
    ahead, behind = f(h), f(-h)
    wide, middle = (ahead - behind) / (2 * h), (f(h / 2) - f(-h / 2)) / h
    noise = max(4e-16 * (abs(ahead) + abs(behind)), 4 * coarse) / h
    value = (4 * middle - wide) / 3
    bend = abs(value - middle)
    if not bend <= TOLERANCE / 20 * abs(value) and not bend <= noise:
        narrow = 2 * (f(h / 4) - f(-h / 4)) / h
        first, value = value, (4 * narrow - middle) / 3
        bend = abs(value - first)
    if not np.isfinite(value):
        return Slope(float("nan"), float("inf"), True), False
    return Slope(value, bend + noise, bend > TOLERANCE / 3 * abs(value) + 100 * noise, noise), bend < noise


def deviation(analytic: float, slope: Slope, terms: float) -> float:
    """The relative error of a directional derivative; nan where the numerical one is not to be trusted.

    `terms` is the sum of the sizes of what adds up to the analytic one.
    """
    if terms == 0 and slope.value == 0:
        return 0.0
    scale = _scale(analytic, slope, terms)
    if max(terms, abs(slope.value)) <= TOLERANCE * scale:  # so small that any would pass
        return float("nan")
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
    if max(terms, abs(slope.value)) <= TOLERANCE * _scale(analytic, slope, terms):
        return VANISHING
    if slope.noise > TOLERANCE * _scale(analytic, slope, terms) / 6:
        return "it is so small beside the value that a numerical derivative is all rounding"
    return "two step sizes give different numerical derivatives"


def _scale(analytic: float, slope: Slope, terms: float) -> float:
    return max(abs(analytic), abs(slope.value), 1e-3 * terms, 1e-7)
