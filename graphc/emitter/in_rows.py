"""What only a loop needs is made in the rows of a whole array, where nothing is until the loop writes them.

    for rows, Z_rows, dS_rows, S, e in loop:             for rows, Z_rows, S_rows, e_rows, dS_rows in loop:
        np.add(Z_rows, b, S)                                 np.add(Z_rows, b, S_rows)
        np.exp(S, e)                        becomes          np.exp(S_rows, e_rows)
        np.multiply(e, scale, dS_rows)                       np.multiply(e_rows, scale, dS_rows)

    Z = dS = np.empty((N, C)); S = e = np.empty((step, C))   Z = S = e = dS = np.empty((N, C))

The rows are in a cache, or will have to be: arrays as long as a tile would stand there beside them. Where the loop does
not write the rows, nothing is put into them: they would have to be carried back to memory. What has one entry a row
stays apart where the loop has rows of more; in a loop over vectors it lies in them as any other.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from graphc.emitter.layout import Layout
from graphc.emitter.lives import kind_of_whole
from graphc.passes.storage import Range, share

__all__ = ["bound", "share_with_rows"]

SEEN: Final = 8
"""So many arrays are looked at for a value, so that a long program takes no longer than its length."""


def share_with_rows(layout: Layout, ranges: Sequence[Range], others: Iterable[Range] = ()) -> dict[int, int]:
    """Value -> number of its array, as `share`; enters into the layout what is whole now as it lies in a whole array.

    `others` are ranges of what is no value of the graph.
    """
    every = [*ranges, *others]
    lodgers = _lodgers(layout, ranges, share(every))
    if not lodgers:
        return share(every)
    array = share([range for range in every if range.value not in lodgers])
    layout.in_rows.update(lodgers)
    layout.full.update(lodgers)
    return array | {id: array[host] for id, host in lodgers.items()}


def _lodgers(layout: Layout, ranges: Sequence[Range], array: Mapping[int, int]) -> dict[int, int]:
    """The values as long as a tile that lie in the rows of whole arrays, each with another value in that array."""
    hosts: dict[Hashable, dict[int, None]] = {}  # kind and loop -> the arrays of that kind that it writes rows of
    owner: dict[int, int] = {}
    residents: dict[int, list[tuple[float, int]]] = {}  # array -> when its values are written, and these
    lives = {range.value: range for range in ranges}
    closed = bound(layout)
    for range in ranges:
        if range.value in layout.full:
            number = array[range.value]
            owner.setdefault(number, range.value)
            hosts.setdefault((range.kind, layout.place[range.value]), {})[number] = None
            insort(residents.setdefault(number, []), (range.first, range.value))
    wide = {
        layout.place[range.value] for range in ranges
        if range.value in layout.loop_of and any(size.value != 1 for size in layout.graph[range.value].type.dims[1:])
    }  # fmt: skip
    free = {number for number, own in residents.items() if closed.isdisjoint(id for _, id in own)}
    lodgers: dict[int, int] = {}
    for range in ranges:
        node, loop = layout.graph[range.value], layout.place[range.value]
        one = all(size.value == 1 for size in node.type.dims[1:])
        if range.value in layout.full or (one and loop in wide):
            continue
        own = hosts.get((kind_of_whole(node), loop), {})
        behind = (array.get(lodgers.get(u, u), -1) for u in range.over)  # its operands': their rows are at hand
        for number in dict.fromkeys([*(each for each in behind if each in own), *islice(own, SEEN)]):
            if number in free and _fits(layout, range, loop, residents[number], lives):
                lodgers[range.value] = owner[number]
                insort(residents[number], (range.first, range.value))
                break
    return lodgers


def bound(layout: Layout) -> set[int]:
    """Values whose arrays have other values in them than those whose lives are known."""
    long = {part.whole for part in layout.pieces.values()}
    joined = {whole for whole, *_ in layout.part_of.values()}
    return long | joined | set(layout.heirs) | set(layout.heirs.values())


def _fits(
    layout: Layout, range: Range, loop: int, residents: Sequence[tuple[float, int]], lives: Mapping[int, Range]
) -> bool:
    """Whether a value may be in an array from after what is in it before until the loop writes there."""
    at = bisect_left(residents, (range.first, range.value))
    if at == len(residents) or layout.place[residents[at][1]] != loop:
        return False
    after = lives[residents[at][1]]
    if not (range.last < after.first or (range.last == after.first and range.value in after.over)):
        return False
    if at == 0:
        return True
    before = lives[residents[at - 1][1]]
    return before.last < range.first or (before.last == range.first and before.value in range.over)
