"""One room for arrays as long as tiles of different widths, where loops need them one after the other.

    Z = np.empty((step, H))                   room = np.empty(max(step * H, step_2 * C))
    S = np.empty((step_2, C))      becomes    Z = tile_in(room, step, H)
                                              S = tile_in(room, step_2, C)

Tiles have about as many bytes, whatever their widths, and what a loop has worked in is in a cache for the next one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from graphc.ir.dims import Dim, numel
from graphc.passes.storage import Range

__all__ = ["find_rooms", "is_needed", "joined_times"]

SEEN: Final = 8
"""So many rooms are looked at for an array, so that a long program takes no longer than its length."""
Key: TypeAlias = "tuple[Dim, tuple[Dim, ...]]"
"""The rows of loops and the widths of their tiles."""


@dataclass
class _Room:
    """Arrays of loops of different tiles, and when they are needed."""

    arrays: list[int] = field(default_factory=list)
    keys: set[Key] = field(default_factory=set)
    needed: list[tuple[float, float]] = field(default_factory=list)

    def fits(self, key: Key, needed: Iterable[tuple[float, float]]) -> bool:
        return key not in self.keys and not any(is_needed(self.needed, first, last) for first, last in needed)

    def take(self, array: int, key: Key, needed: Iterable[tuple[float, float]]) -> None:
        self.arrays.append(array)
        self.keys.add(key)
        for each in needed:
            insort(self.needed, each)


def find_rooms(ranges: Iterable[Range], array: Mapping[int, int], whole: Collection[int]) -> dict[int, int]:
    """The number of an array -> that of its room, of arrays as long as a tile that share one.

    `ranges` are the lives of values and of what is spread, `array` the numbers of their arrays; values in `whole` have
    arrays of their whole length.
    """
    lives: dict[int, list[tuple[float, float]]] = {}
    kinds: dict[int, tuple[Key, tuple[Dim, ...]]] = {}
    for range in ranges:
        key, rest, dtype = cast("tuple[Key, tuple[Dim, ...], str]", range.kind)  # as lives.py and spreads.py make it
        if range.value not in whole and dtype == "float" and any(size.value != 1 for size in rest):
            lives.setdefault(array[range.value], []).append((range.first, range.last))
            kinds[array[range.value]] = key, rest
    rooms: list[_Room] = []
    if len({key for key, _ in kinds.values()}) < 2:
        return {}
    for number in sorted(kinds, key=lambda number: (numel(kinds[number][1]) not in kinds[number][0][1], number)):
        key, needed = kinds[number][0], joined_times(lives[number])
        room = next((room for room in rooms[:SEEN] if room.fits(key, needed)), None)
        if room is None:
            room = _Room()
            rooms.append(room)
        room.take(number, key, needed)
    return {number: k for k, room in enumerate(rooms) if len(room.arrays) > 1 for number in room.arrays}


def is_needed(times: Sequence[tuple[float, float]], first: float, last: float) -> bool:
    """Whether something is needed between these two, of which `times`, one after the other, are all it is needed in."""
    at = bisect_left(times, (first, last))
    before = at > 0 and times[at - 1][1] >= first
    return before or (at < len(times) and times[at][0] <= last)


def joined_times(lives: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The times in which an array is needed, those that meet as one."""
    joined: list[tuple[float, float]] = []
    for first, last in sorted(lives):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined
