"""Which values share an array: buffers by live ranges.

    0: Z = X @ W      Z lives 0…1        A gets Z's array: it is written entry by entry, as Z is read for the last time
    1: A = Z + b      A lives 1…2
    2: S = A @ V      S lives 2…         S cannot: a product reads all of A
    3: U = exp(T)     …                  U may have the array that Z and A had

A value gets an array that nothing alive is in, of its own kind (shape and type): the one of an operand that it may
overwrite, else the one that was free last, since it is the most likely to be in a cache.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

__all__ = ["Range", "share"]


@dataclass(slots=True)  # final fields: to make frozen ones takes several times as long
class Range:
    """The life of a value: written from `first` on, read for the last time at `last`; `over` are the values that its
    statement may overwrite, because it reads and writes entry by entry."""

    value: Final[int]
    kind: Final[Hashable]
    first: Final[float]
    last: Final[float]
    over: Final[tuple[int, ...]] = ()


def share(ranges: Iterable[Range]) -> dict[int, int]:
    """Value -> number of its array; arrays are numbered in the order in which they are needed."""
    array: dict[int, int] = {}
    free: dict[Hashable, list[int]] = {}
    alive: dict[int, Range] = {}
    ends: list[tuple[float, int]] = []
    count = 0
    for range in sorted(ranges, key=lambda r: (r.first, r.value)):
        while ends and ends[0][0] < range.first:
            ended = alive.pop(heappop(ends)[1], None)
            if ended is not None:
                free.setdefault(ended.kind, []).append(array[ended.value])
        taken = next((u for u in range.over if _may_give(alive.get(u), range)), None)
        if taken is not None:
            del alive[taken]
            array[range.value] = array[taken]
        elif free.get(range.kind):
            array[range.value] = free[range.kind].pop()
        else:
            array[range.value] = count
            count += 1
        alive[range.value] = range
        heappush(ends, (range.last, range.value))
    return array


def _may_give(operand: Range | None, range: Range) -> bool:
    return operand is not None and operand.last == range.first and operand.kind == range.kind
