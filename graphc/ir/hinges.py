"""Bounds along one size: functions of it that are linear between kinks have one form.

    max(max(N - 1, 0) - 1, 0)          is       max(N - 2, 0)
    max(2*max(N - 1, 0) - N, 0)        is       max(N - 2, 0)         for no size is negative

A function of t with kinks at z₁ < z₂ < … is `slope*t + start + Σ rise_i*max(q_i*t - p_i, 0)`, z_i = p_i/q_i in lowest
terms, and no other sum of that form is the same function. Where t is a size, what happens below 0 is of no interest:
kinks there are none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Hinge", "Hinged", "highest"]


@dataclass(frozen=True, slots=True)
class Hinge:
    """`rise * max(steep*t - late, 0)`, `steep` > 0 and without a divisor in common with `late`."""

    steep: int
    late: int
    rise: int

    @property
    def kink(self) -> Fraction:
        return Fraction(self.late, self.steep)


@dataclass(frozen=True, slots=True)
class Hinged:
    """`slope*t + start + Σ hinges`, as a function of an integer t."""

    slope: int
    start: int
    hinges: tuple[Hinge, ...] = ()

    def at(self, t: Fraction | int) -> Fraction:
        bent = sum((h.rise * max(h.steep * t - h.late, Fraction(0)) for h in self.hinges), start=Fraction(0))
        return Fraction(self.slope * t + self.start) + bent

    def slope_behind(self, t: Fraction | int) -> int:
        """The slope on the right of t."""
        return self.slope + sum(h.rise * h.steep for h in self.hinges if h.kink <= t)

    def slope_before(self, t: Fraction | int) -> int:
        """The slope on the left of t."""
        return self.slope + sum(h.rise * h.steep for h in self.hinges if h.kink < t)

    def is_nonnegative(self, from_zero: bool) -> bool:
        """Whether no value is negative, of any t or of those from 0 on."""
        kinks = [h.kink for h in self.hinges if not from_zero or h.kink > 0]
        places = [Fraction(0), *kinks]
        if any(self.at(place) < 0 for place in places) or self.slope_behind(max(places)) < 0:
            return False
        return from_zero or self.slope_before(min(places)) <= 0


def highest(functions: Iterable[Hinged], from_zero: bool) -> Hinged:
    """The largest of some functions of t, everywhere or from 0 on, in its one form."""
    best, *others = functions
    for other in others:
        best = _higher(best, other, from_zero)
    return best if others else _higher(best, best, from_zero)


def _higher(a: Hinged, b: Hinged, from_zero: bool) -> Hinged:
    kinks = sorted({h.kink for h in (*a.hinges, *b.hinges)})
    places = [Fraction(0), *(k for k in kinks if k > 0)] if from_zero else kinks
    kinks = sorted({*places, *_crossings(a, b, places, from_zero)})
    if not kinks:  # two lines that do not meet
        return max(a, b, key=lambda line: line.start)
    first = kinks[0]
    if from_zero:  # `first` is 0
        upper = max(a, b, key=lambda f: (f.at(0), f.slope_behind(0)))
        slope = upper.slope_behind(0)
        kinks = kinks[1:]
    else:
        upper = max(a, b, key=lambda f: (f.at(first), -f.slope_before(first)))
        slope = upper.slope_before(first)
    start = upper.at(first) - slope * first
    hinges = []
    before = slope
    for kink in kinks:
        behind = max((f.at(kink), f.slope_behind(kink)) for f in (a, b))[1]
        if behind != before:
            hinges.append(Hinge(kink.denominator, kink.numerator, (behind - before) // kink.denominator))
        before = behind
    return Hinged(slope, int(start), tuple(hinges))


def _crossings(a: Hinged, b: Hinged, places: list[Fraction], from_zero: bool) -> list[Fraction]:
    """Where one function becomes larger than the other: between two of these places, or outside all of them."""
    found = []
    pieces: list[tuple[Fraction, int, int, Fraction | None, Fraction | None]] = []
    for place, following in zip(places, [*places[1:], None], strict=False):
        pieces.append((place, a.slope_behind(place), b.slope_behind(place), place, following))
    if not from_zero:
        end = places[0] if places else Fraction(0)
        pieces.append((end, a.slope_before(end), b.slope_before(end), None, places[0] if places else None))
    for at, rising, other, left, right in pieces:
        if rising != other:
            meeting = at + (b.at(at) - a.at(at)) / (rising - other)
            if (left is None or meeting > left) and (right is None or meeting < right):
                found.append(meeting)
    return found
