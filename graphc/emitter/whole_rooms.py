"""One room for whole arrays of different shapes, where they are needed one after the other.

    S = np.empty((N, C), X.dtype)                     room = np.empty(max(N*C, H*K), X.dtype)
    dV_term = np.empty((H, K), X.dtype)    becomes    S = room[:N*C].reshape(N, C)
                                                      dV_term = room[:H*K].reshape(H, K)

Whichever is longer: only the memory knows the sizes. What is about as long where all sizes are alike shares a room
first. Results stay apart, as a small one would keep a large room alive, and so do vectors: they are short, or there are
others of the same length.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Final

from graphc.emitter.in_rows import bound
from graphc.emitter.layout import Layout
from graphc.emitter.lives import FOREVER, extents
from graphc.emitter.rooms import is_needed, joined_times
from graphc.ir.dims import Dim, numel
from graphc.passes.cost import typical
from graphc.passes.storage import Range

__all__ = ["find_whole_rooms"]

SEEN: Final = 8
"""So many rooms are looked at for an array, so that a long program takes no longer than its length."""


def find_whole_rooms(layout: Layout, ranges: Sequence[Range], first: int) -> dict[int, int]:
    """The number of a whole array -> that of its room, of those that share one; rooms are counted from `first`.

    `ranges` are the lives of values, `layout` tells which arrays they have.
    """
    extent = extents(layout)
    lives: dict[int, list[tuple[float, float]]] = {}
    length: dict[int, Dim] = {}
    apart: set[int] = set()
    closed = bound(layout)
    for range in ranges:
        if range.value in layout.full:
            number, type = layout.array[range.value], layout.graph[range.value].type
            lives.setdefault(number, []).append(extent(range.first, range.last))
            length[number] = numel(type.dims)
            several = sum(size.value != 1 for size in type.dims) > 1
            if range.value in closed or not type.is_float or not several or range.last == FOREVER:
                apart.add(number)
    rooms: list[tuple[list[int], list[tuple[float, float]]]] = []  # arrays, and when one of them is needed
    for number in sorted(length.keys() - apart, key=lambda number: (-typical(length[number]), number)):
        times = joined_times(lives[number])
        for members, needed in rooms[:SEEN]:
            if not any(is_needed(needed, *time) for time in times):
                members.append(number)
                break
        else:
            members, needed = [number], []
            rooms.append((members, needed))
        for time in times:
            insort(needed, time)
    several_in = [members for members, _ in rooms if len(members) > 1]
    return {number: first + k for k, members in enumerate(several_in) for number in members}
