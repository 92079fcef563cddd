"""Indices that are summed over or replaced, the expression in simple form again.

    Σ_j 1{i = j} a_j      is a_i                  a delta in a sum is used
    Σ_j b_i a_j           is b_i Σ_j a_j          what does not depend on the index stands before the sum
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphc.explain.conditions import when
from graphc.explain.deltas import has_delta, solved, tells, within
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import (
    ZERO,
    Add,
    Entry,
    Expr,
    Extreme,
    Func,
    Index,
    Is,
    Mul,
    Power,
    Sum,
    children,
    free,
    fresh,
    number,
    size,
)  # fmt: skip

__all__ = ["counted_from_zero", "rebuild", "renewed", "substitute", "total"]


def total(index: Index, body: Expr) -> Expr:
    """The sum over an index: a delta in it is used, what does not depend on the index stands before it."""
    if isinstance(body, Add):
        return add(*(total(index, term) for term in body.terms))
    if index.dim == 1:
        return substitute(body, {index: ZERO})
    if index not in free(body):
        return mul(size(index.dim), body)
    factors = body.factors if isinstance(body, Mul) else (body,)
    for place, factor in enumerate(factors):
        rest = factors[:place] + factors[place + 1 :]
        value = solved(factor, index)
        if value is not None:
            return mul(within(value, index.dim), substitute(mul(*rest), {index: value}))
        if isinstance(factor, Add) and any(has_delta(term, index) for term in factor.terms):
            return add(*(total(index, mul(renewed(term), *rest)) for term in factor.terms))
    outside = [factor for factor in factors if index not in free(factor)]
    inside = mul(*(factor for factor in factors if index in free(factor)))
    told = next((f for f in factors if isinstance(f, Sum) and tells(f, index)), None)
    if told is not None:  # Σ_p a_p Σ_ij 1{n i + j = p} b_ij is Σ_ij a_{n i + j} b_ij
        others = mul(*(f for f in factors if f is not told))
        told = _apart(told, others)
        return total(told.index, total(index, mul(others, told.body)))
    sums = [f for f in (inside.factors if isinstance(inside, Mul) else ()) if isinstance(f, Sum)]
    if len(sums) == 1 and isinstance(inside, Mul):  # Σ_i a_i Σ_j b_ij is Σ_i Σ_j a_i b_ij, in the order of the program
        one = _apart(sums[0], mul(*(f for f in inside.factors if f is not sums[0])))
        inside = Sum(one.index, mul(*(one.body if f is sums[0] else f for f in inside.factors)))
    if isinstance(inside, Sum):  # the order of sums is that of the indices' making: then equal sums look equal
        inner = inside.index
        if inner.mark < index.mark:
            return mul(*outside, Sum(inner, Sum(index, inside.body)))
    return mul(*outside, Sum(index, inside))


def _apart(e: Sum, others: Expr) -> Sum:
    """The sum, with an index that no sum in the others has, so that these may stand in it: `(Σ_i a_i)² Σ_i b_i` is
    `Σ_j (Σ_i a_i)² b_j`."""
    if not _sums_over(others, e.index):
        return e
    index = fresh(e.index.dim)
    return Sum(index, substitute(e.body, {e.index: index}))


def _sums_over(e: Expr, index: Index) -> bool:
    own = isinstance(e, (Sum, Extreme)) and e.index == index
    return own or any(_sums_over(part, index) for part in children(e))


def rebuild(e: Expr, parts: Iterable[Expr]) -> Expr:
    """The same expression of other parts, in simple form."""
    new = tuple(parts)
    if new == children(e):
        return e
    match e:
        case Entry():
            return Entry(e.tensor, new)
        case Add():
            return add(*new)
        case Mul():
            return mul(*new)
        case Power():
            return power(new[0], new[1])
        case Func():
            return apply(e.name, *new, parameters=e.parameters)
        case Sum():
            return total(e.index, new[0])
        case Extreme():
            return Extreme(e.kind, e.index, new[0])
        case Is():
            return when(new[0], e.relation, new[1])
        case _:
            return e


def substitute(e: Expr, values: Mapping[Index, Expr]) -> Expr:
    """The expression with indices replaced. Marks are unique, so nothing is captured."""
    if isinstance(e, Index):
        return values.get(e, e)
    return rebuild(e, [substitute(part, values) for part in children(e)])


def renewed(e: Expr) -> Expr:
    """The expression with new indices in its sums, so that it may stand a second time in another one."""
    if isinstance(e, (Sum, Extreme)):
        index = fresh(e.index.dim)
        body = substitute(renewed(e.body), {e.index: index})
        return Sum(index, body) if isinstance(e, Sum) else Extreme(e.kind, index, body)
    return rebuild(e, [renewed(part) for part in children(e)])


def counted_from_zero(e: Expr, indices: bool) -> Expr:
    """What is counted from 0, of integers that are counted from 1, and of `indices` if they are: `2 i` is `2 (i − 1)`,
    and so is `2 y_i`.

    The places of an entry and the sides of a condition are counted where they are written.
    """
    if isinstance(e, Entry):
        return add(e, number(-1)) if e.tensor.integer and not e.tensor.from_zero else e
    if isinstance(e, Index):
        return add(e, number(-1)) if indices else e
    return e if isinstance(e, Is) else rebuild(e, [counted_from_zero(part, indices) for part in children(e)])
