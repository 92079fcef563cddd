"""The largest and smallest number of each row of a tile, where the memory knows how many rows there are and how wide.

    np.maximum.reduceat(S_rows_flat, starts, 0, None, m)      becomes
    maximum_of_rows = reduction_of_rows(np.maximum, starts, C)      where memory is made, and
    maximum_of_rows(S_rows_flat, starts, 0, None, m)

`reduceat` takes a row of ten entries in the time that it needs to begin one. `argmax` begins sooner: of many narrow
rows it finds where the largest numbers are, and `take` takes them, in a third of the time where rows are narrowest.
Both say nan where a row has one. Of zeros of both signs, which are equal, they may name different ones.
"""

from __future__ import annotations

from typing import Final

from graphc.emitter.check_helpers import CHECK_HELPERS

__all__ = ["is_narrow"]

NARROW: Final = 16


def is_narrow(width: int | None) -> bool:
    """Whether rows of that width, if it is known, may be reduced by places; rows of one entry are not worth it."""
    return width is None or 1 < width <= NARROW


CHECK_HELPERS["reduction_of_rows"] = f'''\
def reduction_of_rows(ufunc, starts, width):
    """As ufunc.reduceat of rows that begin at these entries, but for a zero's sign: the largest or smallest numbers, of
    many narrow rows by their places."""
    if starts.size < 64 or not 1 < width <= {NARROW}:
        return ufunc.reduceat
    find = np.ndarray.argmax if ufunc is np.maximum else np.ndarray.argmin
    room = np.empty(starts.size, int)

    def reduced(flat, starts, axis, dtype, out):
        places = room[: starts.size]
        find(flat.reshape(-1, width), 1, places)
        np.add(places, starts, places)
        return flat.take(places, axis, out, "clip")

    return reduced
'''
