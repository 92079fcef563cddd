"""What conditions say of an index: `1{i + 2 = j}` that `i` is `j − 2`, and where that is an index at all."""

from __future__ import annotations

from graphc.explain.conditions import when
from graphc.explain.products import add, mul
from graphc.explain.terms import (
    ONE,
    ZERO,
    Add,
    Entry,
    Expr,
    Index,
    Is,
    Mul,
    Num,
    Size,
    Sum,
    children,
    free,
    number,
    size,
)
from graphc.ir.dims import Atom, Dim, dim

__all__ = ["has_delta", "solved", "tells", "within"]


def tells(e: Expr, index: Index) -> bool:
    """Whether a sum of products says by a delta what the index is."""
    if isinstance(e, Sum):
        return tells(e.body, index)
    return isinstance(e, Mul) and any(solved(f, index) is not None for f in e.factors)


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
    """The condition that a value is an index of this size; 1 where that is certain."""
    if isinstance(value, Entry) or (isinstance(value, Index) and value.dim == size_):
        return ONE
    if isinstance(value, Index):
        return when(value, "<", size(size_))
    last = _last_place(value) if isinstance(value, Add) else None
    if last is not None:  # no index is negative, so neither is the place
        return ONE if _certainly(size_ - 1 - last) else when(value, "<", size(size_))
    return mul(when(value, "≥", ZERO), when(value, "<", size(size_)))


def _certainly(difference: Dim) -> bool:
    """Whether a difference of sizes is certainly not negative: `D − 2 (D//2)` is not."""
    if difference.is_nonnegative():
        return True
    bound = dim(0)
    for monomial, coefficient in difference.terms:
        term = Dim(((monomial, coefficient),))
        atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
        if coefficient < 0 and isinstance(atom, Atom) and atom.kind == "floordiv":
            whole, by = atom.args
            exact = (whole * coefficient).divided_by(by)
            if exact is None:
                return False
            term = exact  # a//b is at most a/b
        bound = bound + term
    return bound.is_nonnegative()


def _last_place(value: Add) -> Dim | None:
    """The largest value of a place that is counted by indices and steps, none of them negative."""
    last = dim(0)
    for term in value.terms:
        step = dim(1)
        factors: tuple[Expr, ...] = term.factors if isinstance(term, Mul) else (term,)
        for factor in factors:
            if isinstance(factor, Index):
                step = step * (factor.dim - 1)
            elif isinstance(factor, Size):
                step = step * factor.dim
            elif isinstance(factor, Num) and factor.value == int(factor.value) and factor.value >= 0:
                step = step * int(factor.value)
            else:
                return None
        last = last + step
    return last
