"""What conditions say of an index: `1{i + 2 = j}` that `i` is `j − 2`, and where that is an index at all."""

from __future__ import annotations

from graphc.explain.conditions import when
from graphc.explain.index_ranges import bounds_of, filled
from graphc.explain.products import add, mul
from graphc.explain.terms import (
    ONE,
    ZERO,
    Add,
    Expr,
    Index,
    Is,
    Mul,
    Sum,
    children,
    free,
    is_label,
    number,
    size,
)
from graphc.ir.dims import Dim

__all__ = ["has_delta", "solved", "tells", "within"]


def tells(e: Expr, index: Index) -> bool:
    """Whether a sum of products says by a delta what the index is."""
    if isinstance(e, Sum):
        return tells(e.body, index)
    return isinstance(e, Mul) and any(has_delta(f, index) for f in e.factors)


def has_delta(e: Expr, index: Index) -> bool:
    if isinstance(e, (Add, Mul)):
        return any(has_delta(part, index) for part in children(e))
    return solved(e, index) is not None


def solved(e: Expr, index: Index) -> Expr | None:
    """What the index is by a delta: `j` by `1{i = j}`, `j − 2` by `1{i + 2 = j}`; None if `e` does not say."""
    if not isinstance(e, Is) or e.relation != "=" or index not in free(e):
        return None
    for side, other in ((e.left, e.right), (e.right, e.left)):
        if index in free(other):
            continue
        if side == index:
            return other
        if isinstance(side, Add):
            of_index = [t for t in side.terms if index in free(t)]
            rest = add(*(t for t in side.terms if index not in free(t)))
            if any(isinstance(part, Index) for t in side.terms for part in (t, *children(t)) if part != index):
                continue  # a place counted by several indices: one of them does not follow
            if of_index == [index]:
                return add(other, mul(number(-1), rest))
            if len(of_index) == 1 and of_index[0] == mul(number(-1), index):
                return add(rest, mul(number(-1), other))
    return None


def within(value: Expr, size_: Dim) -> Expr:
    """The condition that a value is an index of this size; 1 where that is certain, and for labels, which are checked
    when the program runs."""
    if is_label(value) or (isinstance(value, Index) and value.dim == size_):
        return ONE
    return mul(when(value, "≥", ZERO), *(when(value, "<", size(bound)) for bound in _bounds(size_)))


def _bounds(size_: Dim) -> tuple[Dim, ...]:
    """What a place from 0 on has to lie below: the smaller of two sizes are both; `max(n − 1, 0)` is `n − 1`."""
    size_ = filled(size_)
    smaller = bounds_of(size_, "min")
    return tuple(bound for part in smaller for bound in _bounds(part)) if smaller else (size_,)
