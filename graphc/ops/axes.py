"""Axis attributes in normal form: counted from the front where the rank is known, tuples sorted.

Where the rank is known only at run time an axis stays as it was given: NumPy resolves it then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.types import check_rank
from graphc.ops.base import CallError, described

__all__ = ["least_rank", "normal_axes", "normal_axis"]


def normal_axis(axis: Any, rank: int | None, name: str = "axis") -> int:
    """One axis as a non-negative number; a negative one counts from the end. Raises CallError.

    `name` is the attribute that the message speaks of. With an unknown rank the number is kept as it is.
    """
    if isinstance(axis, Dim):  # a dimension that is a number, as in `axis=D` for a D that is
        axis = axis.value if axis.value is not None else axis
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise CallError(f"`{name}` is {described(axis)}; an axis is an integer known at compile time", argument=name)
    if rank is None:
        check_rank(least_rank([axis]))
        return axis
    if not -rank <= axis < rank:
        what = "axis" if name == "axes" else name
        raise CallError(f"{what} {axis} is out of range for {_array(rank)}", argument=name, help=_range(rank))
    return axis % rank


def least_rank(axes: Iterable[int]) -> int:
    """The least number of axes of an array that has these, some of them counted from its end: of a vector 0 and -1 are
    one axis, which a tuple may not name twice."""
    different = set(axes)
    least = max((a + 1 if a >= 0 else -a for a in different), default=0)
    while least and len({a % least for a in different}) < len(different):
        least += 1
    return least


def normal_axes(axis: Any, rank: int | None, name: str = "axis") -> tuple[int, ...] | None:
    """Several axes: None (all of them), one, or a tuple; sorted. Raises CallError for a repeated one.

    With an unknown rank, axes of different signs cannot be compared and stay in the order given.
    """
    if axis is None:
        return None
    if not isinstance(axis, (tuple, list)):
        return (normal_axis(axis, rank, name),)
    axes = tuple(normal_axis(a, rank, name) for a in axis)
    repeated = _repeated(axes)
    if repeated is not None:
        raise CallError(f"axis {repeated} is given twice", argument=name)
    if rank is None and len({a < 0 for a in axes}) > 1:
        return axes
    return tuple(sorted(axes))


def _repeated(axes: Iterable[int]) -> int | None:
    seen: set[int] = set()
    for axis in axes:
        if axis in seen:
            return axis
        seen.add(axis)
    return None


def _array(rank: int) -> str:
    return "a scalar, which has no axis" if rank == 0 else f"an array of {rank} dimension{'s' if rank > 1 else ''}"


def _range(rank: int) -> str | None:
    if rank == 0:
        return None
    return "the only axis is 0" if rank == 1 else f"axes run from 0 to {rank - 1}, or from -{rank} to -1"
