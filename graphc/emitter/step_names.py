"""What each step of a loop makes for itself bears one name in all of them, as in a loop of Python.

    # h_{t+1} = z_{t} * h_{t} + …   [t = 7]        [t = 6]
    dn_7 = dh_8 * one_minus_z_7                    dn_6 = dh_7 * one_minus_z_6           becomes
    dn = dh_8 * one_minus_z                        dn = dh_7 * one_minus_z

A name for each step would hold its array until the function returns: an array a step, which the memory of the process
has to be enlarged by and given back at each call. That takes longer than to compute it. What one step hands to another
keeps its number, and so does what a reader needs it for: where one step makes two that only their numbers tell apart.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Life", "names_of_steps", "without_numbers"]

FEWEST: Final = 3
"""Of two steps a reader tells the arrays apart by their numbers."""
_NUMBERS = re.compile(r"(?<=[^\W_])(?:_\d+)+(?=_|$)")

Steps = tuple[tuple[str, int], ...]
"""The variables of the loops around a statement, with their values."""


@dataclass(slots=True)
class Life:
    """From where to where an array's name is read, by positions of statements, and in which `steps`."""

    first: int
    last: float
    steps: set[Steps]


def without_numbers(name: str) -> str:
    """A name without the numbers that are subscripts: `dz_4_tanh` -> `dz_tanh`."""
    return _NUMBERS.sub("", name)


def names_of_steps(lives: Mapping[str, Life], taken: Iterable[str]) -> dict[str, str]:
    """Name -> the one that it shares with those of other steps.

    `lives` tells of each name that may be given up how long it is needed, in order; `taken` are all that have a meaning
    in the function.
    """
    alike: dict[str, list[str]] = {}
    for name, life in lives.items():
        if len(life.steps) == 1 and () not in life.steps:
            alike.setdefault(without_numbers(name), []).append(name)
    meant = set(taken)
    shared: dict[str, str] = {}
    for common, names in alike.items():
        free = common in names or common not in meant
        if free and len(names) >= FEWEST and _follow_each_other([lives[name] for name in names]):
            shared.update(dict.fromkeys(names, common))
    return shared


def _follow_each_other(lives: Sequence[Life]) -> bool:
    """Whether each is of a step of its own, and over before the next begins."""
    steps = {step for life in lives for step in life.steps}
    ordered = sorted(lives, key=lambda life: life.first)
    return len(steps) == len(lives) and all(a.last < b.first for a, b in itertools.pairwise(ordered))
