"""Borders made of an array's own entries, as `np.pad` has them: parts of it, joined before and behind it.

    x = (a b c d), width 2
    edge         a a | a b c d | d d            symmetric    b a | a b c d | d c
    reflect      c b | a b c d | c b            wrap         c d | a b c d | a b
"""

from __future__ import annotations

from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ops.base import Lowering
from graphc.ops.cuts import WHOLE, Bound, Cut, bounded, normal_cut

__all__ = ["BORDERS", "bordered"]

BORDERS = {"edge": (1, 0), "reflect": (1, 1), "symmetric": (0, 1), "wrap": (0, 1)}
"""Mode -> how many entries an axis needs: so many, and so many times the width more."""


def bordered(lowering: Lowering, x: int, widths: tuple[tuple[Any, Any], ...], mode: str) -> int:
    """The array with a border on each side of each axis. Raises ShapeError where an axis is certainly too short."""
    for axis, pair in enumerate(widths):
        if pair == (0, 0):
            continue
        count = lowering.shape(x)[axis]
        fixed, times = BORDERS[mode]
        for width in pair:
            if width != 0:
                bounded(lowering, count, fixed + dim(width) * times, f'pad with mode="{mode}"')
        parts = [_border(lowering, x, axis, pair[0], mode, True), x, _border(lowering, x, axis, pair[1], mode, False)]
        x = lowering.call("concatenate", *(part for part in parts if part is not None), axis=axis)
    return x


def _border(lowering: Lowering, x: int, axis: int, width: Any, mode: str, before: bool) -> int | None:
    """What stands before or behind the array along an axis."""
    if width == 0:
        return None
    shape = lowering.shape(x)
    skipped = 1 if mode == "reflect" else 0  # the first entry, or the last one, is the mirror
    length = dim(1 if mode == "edge" else width)
    start = dim(skipped) if before != (mode == "wrap") else shape[axis] - skipped - length
    index: list[tuple[Bound, Bound, int | None]] = [WHOLE] * len(shape)
    index[axis] = normal_cut(_LongEnough(), shape[axis], Cut(start, start + length))
    part = lowering.add("slice", [x], {"index": tuple(index)})
    if mode == "edge":
        border: int = lowering.call("repeat", part, repeats=width, axis=axis)
        return border
    return part if mode == "wrap" else lowering.add("flip", [part], {"axis": (axis,)})


class _LongEnough:
    """Of the axes it is known that they have the entries which a border needs."""

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        pass

    def may_clip(self) -> bool:
        return False
