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
    """The condition that a value is an index of this size; 1 where that is certain."""
    if isinstance(value, Entry) or (isinstance(value, Index) and value.dim == size_):
        return ONE
    if isinstance(value, Index):
        return when(value, "<", size(size_))
    ends = _ends(value) if isinstance(value, Add) else None
    starts = ends is not None and _certainly(ends[0])
    stops = ends is not None and _certainly(size_ - 1 - ends[1])
    return mul(
        ONE if starts else when(value, "≥", ZERO),
        ONE if stops else when(value, "<", size(size_)),
    )


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


def _ends(value: Add) -> tuple[Dim, Dim] | None:
    """The least and the largest value of a place that is counted by indices and steps: `N − 1 − i` is 0 … N − 1."""
    least = largest = dim(0)
    for term in value.terms:
        step, index = dim(1), None
        for factor in term.factors if isinstance(term, Mul) else (term,):
            if isinstance(factor, Index) and index is None:
                index = factor
            elif isinstance(factor, Size):
                step = step * factor.dim
            elif isinstance(factor, Num) and factor.value == int(factor.value):
                step = step * int(factor.value)
            else:
                return None
        if index is None:
            least, largest = least + step, largest + step
        elif _certainly(step):
            largest = largest + step * (index.dim - 1)
        elif _certainly(-step):
            least = least + step * (index.dim - 1)
        else:
            return None
    return least, largest
