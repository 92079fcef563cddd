"""Basic indices in normal form: what NumPy's slices mean over symbolic sizes.

An index is a tuple with an item per axis, hashable so that it can be an attribute:
- a size: that one entry, the axis is dropped;
- `(start, stop, step)`: a cut. An end at the border of the array is None, others are counted from the front; a step
  of 1 is None. `(None, None, None)` is the whole axis;
- None: a new axis of size 1;
- `Ellipsis`: where the rank is not known, or between arrays of indices, which it keeps apart;
- `ARRAY`: the place of an array of indices.

A slice is clipped as in NumPy: of an axis of size N `x[:10]` has `min(N, 10)` entries. Where a program must know their
number (`x[:, 1:3] @ W`), and backwards (`x[3::-1]`), a size with a name is taken to be large enough instead, which the
generated module checks. So it does of an end that may be of either sign: `x[H - K:]` is counted from the front, and
`x[-(K - 1):]`, which is written with a minus, from the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from graphc.ir.bounds import maximum, minimum
from graphc.ir.dims import Atom, Dim, dim, of_symbol
from graphc.ir.types import ShapeError
from graphc.ops.base import NumpyContext

__all__ = [
    "ARRAY", "WHOLE", "Cut", "Index", "axes_of", "backwards", "bounded", "index_texts", "length", "normal_cut",
    "normal_place", "plain", "written_end",
]  # fmt: skip

ARRAY = "index"
WHOLE = (None, None, None)

Index: TypeAlias = "tuple[Any, ...]"
Bound: TypeAlias = "Dim | int | None"


@dataclass(frozen=True, slots=True)
class Cut:
    """`start:stop:step` as a program writes it; absent parts are None. `minus`: which ends stand there with a minus."""

    start: Bound = None
    stop: Bound = None
    step: Bound = None
    minus: tuple[bool, bool] = (False, False)


class Bounding(Protocol):
    """Who keeps the requirements on sizes: the lowering."""

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None: ...

    def may_clip(self) -> bool:
        """Whether the number of entries of a slice may depend on how large a size with a name is."""


def plain(size: Dim | int) -> Dim | int:
    """A size as attributes hold it: a number where it is one."""
    return size if isinstance(size, int) or size.value is None else size.value


def bounded(lowering: Bounding, size: Dim, minimum: Dim | int, what: str) -> None:
    """Require that a size is not smaller than this. Raises ShapeError where it certainly is."""
    rest = size - minimum
    if rest.value is not None and rest.value < 0:
        raise ShapeError(f"{what} reaches beyond an axis of size {size}")
    if not rest.is_nonnegative():
        lowering.at_least(size, minimum, what)


# ---------------------------------------------------------------- normal forms

def normal_place(lowering: Bounding, size: Dim, place: Dim | int, axis: int) -> Dim | int:
    """The place of one entry, counted from the front. Raises ShapeError where it is out of range."""
    at = dim(place)
    if size.value is not None and at.value is not None and not -size.value <= at.value < size.value:
        first = 0 if at.value >= 0 else -size.value
        help = f"indices run from {first} to {size.value - 1}" if size.value else None
        raise ShapeError(f"index {at} is out of range for axis {axis} of size {size}", code="E0207", help=help)
    what = f"index {at}"
    if _from_the_end(at):
        bounded(lowering, size, -at, what)
        return plain(size + at)
    bounded(lowering, size, at + 1, what)
    return plain(at)


def _from_the_end(bound: Dim) -> bool:
    return bool(bound.terms) and (-bound).is_nonnegative()


def normal_cut(lowering: Bounding, size: Dim, cut: Cut) -> tuple[Bound, Bound, int | None]:
    """A cut of an axis in normal form. Raises ShapeError."""
    step = 1 if cut.step is None else plain(cut.step)
    assert isinstance(step, int) and step != 0
    ends = [None if end is None else plain(end) for end in (cut.start, cut.stop)]
    if size.value is not None and all(end is None or isinstance(end, int) for end in ends):
        return _clipped(size.value, slice(ends[0], ends[1], step))
    if step > 0:
        clipped = _clipped_by_name(lowering, size, ends, step)
        if clipped is not None:
            return clipped
    what = f"slice {_shown(cut)}"
    start, stop = (
        None if end is None else _from_the_front(lowering, size, dim(end), what, minus)
        for end, minus in zip(ends, cut.minus, strict=True)
    )  # fmt: skip
    if step > 0:
        first, last = start or dim(0), size if stop is None else stop
        reach = last if start is None or stop is not None else start
    else:
        first, last = size - 1 if start is None else start, stop if stop is not None else dim(-1)
        reach = first + 1
    bounded(lowering, size, reach, what)
    if step < 0:
        first, last = last, first
    rest = last - first
    if rest.value is not None and rest.value <= 0:
        return (0, 0, None)  # empty
    if stop is not None and (start is not None or step < 0) and not rest.is_nonnegative():
        bounded(lowering, last, first, what)
    if start is not None and start == (0 if step > 0 else size - 1):
        start = None
    if step > 0 and stop is not None and stop == size:
        stop = None
    return (
        None if start is None else plain(start), None if stop is None else plain(stop), None if step == 1 else step
    )  # fmt: skip


def _clipped(size: int, cut: slice) -> tuple[Bound, Bound, int | None]:
    """A cut of numbers, ends as NumPy takes them."""
    start, stop, step = cut.indices(size)
    count = len(range(start, stop, step))
    if count == 0:
        return WHOLE if size == 0 and step == 1 else (0, 0, None)
    if step > 0:
        return (start or None, None if stop >= size else stop, None if step == 1 else step)
    return (None if start == size - 1 else start, None if stop == -1 else stop, step)


def _clipped_by_name(
    lowering: Bounding, size: Dim, ends: Sequence[Bound], step: int
) -> tuple[Bound, Bound, int | None] | None:  # fmt: skip
    """A cut that may reach beyond a size with a name; None for one that does not, or of which this cannot be said."""
    start, stop = (None if end is None else dim(end) for end in ends)
    given = [end for end in (start, stop) if end is not None]
    if not all(end.is_nonnegative() or _from_the_end(end) for end in given):
        return None
    alike = start is not None and stop is not None and start.is_nonnegative() == stop.is_nonnegative()
    if alike and start is not None and stop is not None and not (stop - start).is_nonnegative():
        return (0, 0, None) if (start - stop).is_nonnegative() else None
    places = [_clipped_place(size, end) for end in given]
    if places == [end if end.is_nonnegative() else size + end for end in given] or not lowering.may_clip():
        return None
    first = None if start is None else plain(places[0])
    last = None if stop is None or places[-1] == size else plain(places[-1])
    return (first or None, last, None if step == 1 else step)


def _clipped_place(size: Dim, end: Dim) -> Dim:
    return minimum(size, end) if end.is_nonnegative() else maximum(size + end, dim(0))


def _from_the_front(lowering: Bounding, size: Dim, bound: Dim, what: str, minus: bool) -> Dim:
    if _from_the_end(bound):
        bounded(lowering, size, -bound, what)
        return size + bound
    if minus and bound.value is None and not bound.is_nonnegative():  # `-(K - 1)`: `-0` would be the front
        bounded(lowering, size, -bound, what)
        bounded(lowering, -bound, 1, what)
        return size + bound
    if not bound.is_nonnegative():  # `H - K`: taken to be counted from the front, so it must not be negative
        bounded(lowering, bound, 0, what)
    return bound


def _shown(cut: Cut) -> str:
    text = f"{'' if cut.start is None else cut.start}:{'' if cut.stop is None else cut.stop}"
    return text if cut.step is None else f"{text}:{cut.step}"


def length(size: Dim, item: tuple[Bound, Bound, int | None]) -> Dim:
    """The number of entries that a cut in normal form takes."""
    start, stop, step = item
    if step is None or step > 0:
        if start == size or stop == 0:  # clipped to where nothing is left
            return dim(0)
        span = (size if stop is None else dim(stop)) - (0 if start is None else start)
        if start is not None and stop is not None and any(written_end(dim(end), size) for end in (start, stop)):
            span = maximum(span, dim(0))  # a clipped end may lie before the other
    else:
        span = (size - 1 if start is None else dim(start)) - (-1 if stop is None else stop)
    count = abs(step or 1)
    return span if count == 1 else (span + (count - 1)) // count


@lru_cache(maxsize=4096)
def written_end(bound: Dim, size: Dim) -> Dim | None:
    """What a program writes for a place that may be clipped: `min(N, 10)` is 10, `max(N - 3, 0)` is -3."""
    for of_bound, of_size in zip(_extremes(bound), _extremes(size), strict=True):
        for end in (of_bound, of_bound - of_size):
            front = end.is_nonnegative()
            if (front or _from_the_end(end)) and _clipped_place(size, end) == bound != (end if front else size + end):
                return end
    return None


def _extremes(size: Dim) -> tuple[Dim, Dim]:
    """A size with each bound in it as large as it can be, `max(e, 0)` being e, and as small, 0."""
    large, small = size, size
    for monomial, coefficient in size.terms:
        for symbol, power in monomial:
            if isinstance(symbol, Atom) and symbol.kind == "max" and power == 1:
                rest = tuple(pair for pair in monomial if pair[0] != symbol)
                small = small - Dim(((monomial, coefficient),))
                large = large + Dim(((rest, coefficient),)) * (symbol.args[0] - of_symbol(symbol))
    return large, small


# ---------------------------------------------------------------- text

def index_texts(ctx: NumpyContext, sizes: Sequence[Dim] | None, index: Index, arrays: Sequence[str] = ()) -> list[str]:
    """The items of an index as Python writes them between brackets; `sizes` are those of the axes, if known."""
    texts: list[str] = []
    rest = iter(arrays)
    axis = 0
    for item in index:
        size = sizes[axis] if sizes is not None and axis < len(sizes) else None
        axis += item is not None and item is not Ellipsis
        if item is None or item is Ellipsis:
            texts.append("None" if item is None else "...")
        elif item == ARRAY:
            texts.append(next(rest))
        elif isinstance(item, tuple):
            *ends, step = item
            end_text = _place if backwards(item) else _bound
            text = ":".join("" if end is None else end_text(ctx, size, end) for end in ends)
            texts.append(text if step is None else f"{text}:{step}")
        else:
            texts.append(_place(ctx, size, item))
    while len(texts) > 1 and texts[-1] == ":" and "..." not in texts:
        texts.pop()
    whole = next((i for i, text in enumerate(texts) if text != ":"), 0)
    if whole > 2 and sizes is not None and axis == len(sizes) and "..." not in texts and len(texts) == len(index):
        texts[:whole] = ["..."]
    return texts


def backwards(item: tuple[Bound, Bound, int | None]) -> bool:
    """Whether a cut counts down: of those the normal form has no end that may lie beyond the array."""
    step = item[2]
    return step is not None and step < 0


def _bound(ctx: NumpyContext, size: Dim | None, bound: Dim | int) -> str:
    """An end of a cut, as the program writes it where NumPy clips it."""
    written = None if size is None or size.value is not None else written_end(dim(bound), size)
    return _place(ctx, size, bound) if written is None else str(ctx.dim(written))


def _place(ctx: NumpyContext, size: Dim | None, place: Dim | int) -> str:
    """The place of one entry, which NumPy does not clip; `N - 1` on an axis of size N is `-1`."""
    behind = None if size is None or size.value is not None else (dim(place) - size).value
    if behind is not None and behind < 0:
        return str(behind)
    return str(place) if isinstance(place, int) else str(ctx.dim(place))


def axes_of(index: Index) -> list[tuple[int, Any]]:
    """The axis that each item takes, counted from the end behind `...`."""
    items = [item for item in index if item is not None]
    behind = items.index(Ellipsis) if Ellipsis in items else len(items)
    front = list(enumerate(items[:behind]))
    return front + [(k - len(items), items[k]) for k in range(behind + 1, len(items))]


def selector(index: Index, arrays: Sequence[Any] = ()) -> tuple[Any, ...]:
    """An index of numbers as NumPy takes it."""
    rest = iter(arrays)
    take: Callable[[Any], Any] = lambda item: (  # noqa: E731
        next(rest) if isinstance(item, str) else slice(*item) if isinstance(item, tuple) else item
    )
    return tuple(take(item) for item in index)
