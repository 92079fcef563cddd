"""What is as long as a tile stands in a whole array in which nothing is while loops need it.

    total_e = np.empty((step, H))               dW1 = np.empty((D, H))
    dW1 = np.empty((D, H))          becomes     total_e = tile_in(room_in(step * H, X.dtype, dW1), step, H)

where `dW1` is written behind the last loop that works in `total_e`. Its first entries are in a cache for that loop as
those of an array of their own would be; and of what a small net needs arrays that are hardly longer than its tiles are
half. How long an array is the memory knows: of several that nothing is in it takes the first that is long enough, or a
new one. What is needed longest has the choice first. While a loop runs all of an array that it reads or writes is in
use, whichever rows it is at.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, TypeAlias, cast

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.in_rows import bound
from graphc.emitter.layout import Layout
from graphc.emitter.rooms import is_needed, joined_times
from graphc.ir.dims import Dim, numel
from graphc.passes.cost import typical
from graphc.passes.storage import Range

__all__ = ["find_idle"]

SEEN: Final = 12
"""So many whole arrays are looked at for a tile, so that a long program takes no longer than its length."""
OFFERED: Final = 2
"""Of so many arrays the memory takes one that is long enough."""
Time: TypeAlias = "tuple[float, float]"


def find_idle(layout: Layout, ranges: Sequence[Range], others: Iterable[Range] = ()) -> dict[int, list[int]]:
    """The number of an array as long as a tile, or of its room -> those of whole arrays that it may stand in.

    `ranges` are the lives of values, `others` those of what is no value of the graph; `layout` tells which arrays and
    rooms they have. Rooms are told from arrays by numbers below 0: -1 - room.
    """
    extent = _extents(layout)
    short: dict[int, list[Time]] = {}
    sizes: dict[int, list[tuple[Dim, Dim]]] = {}  # rows and entries of a row
    whole: dict[int, list[Time]] = {}
    length: dict[int, tuple[Dim, Dim]] = {}  # entries, and rows
    excluded = bound(layout)
    for range in (*ranges, *others):
        number = layout.array[range.value]
        time = extent(range.first, range.last)
        if range.value in layout.full:
            dims = layout.graph[range.value].type.dims
            whole.setdefault(number, []).append(time)
            length.setdefault(number, (numel(dims), dims[0]))
            if range.value in excluded or not layout.graph[range.value].type.is_float:
                whole[number].append((0, float("inf")))
            continue
        (rows, widths), rest, dtype = cast("tuple[tuple[Dim, tuple[Dim, ...]], tuple[Dim, ...], str]", range.kind)
        long = any(size.value != 1 for size in rest) and numel(rest) in widths  # what has few entries needs no room
        if dtype == "float" and (long or number in layout.rooms):
            unit = -1 - layout.rooms[number] if number in layout.rooms else number
            short.setdefault(unit, []).append(time)
            sizes.setdefault(unit, []).append((rows, numel(rest)))
    hosts = sorted(length, key=lambda number: -typical(length[number][0]))
    found: dict[int, list[int]] = {}
    needed = {number: joined_times(times) for number, times in whole.items()}
    worked = {unit: joined_times(times) for unit, times in short.items()}
    for unit, times in sorted(worked.items(), key=lambda each: -sum(last - first for first, last in each[1])):
        least = max(typical(count * each) for count, each in sizes[unit])
        fitting = [
            number for number in islice(hosts, SEEN)
            if typical(length[number][0]) >= least and not any(is_needed(needed[number], *time) for time in times)
        ]  # fmt: skip
        enough = [n for n in fitting if all(_is_enough(*length[n], *size) for size in sizes[unit])]
        offered = enough[:1] or fitting[:OFFERED]
        for number in offered:
            for time in times:  # none of them meets another, nor what was there
                insort(needed[number], time)
        if offered:
            found[unit] = offered
    return found


def _extents(layout: Layout) -> Callable[[float, float], Time]:
    """What makes of the time in which a value is needed that in which its loops run, as `lives.py` counts."""
    begins: list[int] = []
    ends: list[int] = []
    loops: list[bool] = []
    position = 0
    for item in layout.items:
        begins.append(position)
        ends.append(position + len(item.nodes))
        loops.append(item.rows is not None)
        position = ends[-1] + 1

    def extent(first: float, last: float) -> Time:
        at = max(0, bisect_right(begins, first) - 1)
        to = max(0, bisect_right(begins, last) - 1)
        within = loops[at] and first <= ends[at]  # what is spread is written between a statement and a loop
        return begins[at] if within else first, max(last, ends[to]) if loops[to] else last

    return extent


def _is_enough(entries: Dim, rows: Dim, count: Dim, each: Dim) -> bool:
    """Whether a whole array is as long as a tile of so many rows at most, whatever the sizes are."""
    return rows == count and (entries - rows * each).is_nonnegative()


CHECK_HELPERS["room_in"] = '''\
def room_in(count, dtype, *arrays):
    """Room for so many entries: the first of these arrays, in which nothing is then, that has as many, or a new one."""
    for array in arrays:
        if array.size >= count:
            return array.reshape(-1)
    return np.empty(count, dtype)
'''
