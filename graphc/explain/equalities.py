"""What the equality of an index and a label or a place tells: beside `1{j = y_i}` each j is `y_i`.

An expression that asks for a label has two cases: `P_ij − 1{j = y_i}` is `P_ij` where `j ≠ y_i`, and `P_{i,y_i} − 1`
where `j = y_i`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.conditions import when
from graphc.explain.index_ranges import decided
from graphc.explain.indices import rebuild, substitute
from graphc.explain.products import add, mul
from graphc.explain.terms import ONE, ZERO, Add, Expr, Index, Is, Mul, children, free, is_label, key, number

__all__ = ["at_labels", "at_places", "cases"]


def cases(e: Expr) -> list[tuple[Is, Expr]]:
    """The expression apart from a label and at it: `j ≠ y_i`, `j = y_i`; nothing where it does not ask for one."""
    for condition in _conditions(e):
        index, label = condition.left, condition.right
        if isinstance(label, Index):
            index, label = label, index
        outside = free(e)  # what is summed over has no case of its own: `Σ_p 1{q = j_p}`
        if isinstance(index, Index) and is_label(label) and outside >= {index, *free(label)}:
            apart, at = when(index, "≠", label), when(index, "=", label)
            assert isinstance(apart, Is) and isinstance(at, Is)
            return [(apart, _decide(e, at, False)), (at, substitute(_decide(e, at, True), {index: label}))]
    return []


def _conditions(e: Expr) -> list[Is]:
    if isinstance(e, Is):
        return [e] if e.relation in "=≠" else []
    return [condition for part in children(e) for condition in _conditions(part)]


def _decide(e: Expr, at: Is, holds: bool) -> Expr:
    if isinstance(e, Is) and e.relation in "=≠" and {key(e.left), key(e.right)} == {key(at.left), key(at.right)}:
        return ONE if (e.relation == "=") == holds else ZERO
    return rebuild(e, [_decide(part, at, holds) for part in children(e)])


def at_labels(e: Expr) -> Expr:
    """Beside `1{j = y_i}` each j is y_i: `1{j = y_i} P_ij / P_{i,y_i}` is `1{j = y_i}`."""
    e = rebuild(e, [at_labels(part) for part in children(e)])
    if not isinstance(e, Mul):
        return e
    for condition in e.factors:
        if isinstance(condition, Is) and condition.relation == "=":
            index, label = condition.left, condition.right
            if isinstance(label, Index):
                index, label = label, index
            if isinstance(index, Index) and is_label(label):
                rest = mul(*(f for f in e.factors if f is not condition))
                return mul(condition, substitute(rest, {index: label}))
    return e


def at_places(e: Expr, known: Sequence[tuple[Expr, Index]] = ()) -> Expr:
    """Beside `1{u = 2 i + j}` the place `2 i + j` is u, and so within the array that u runs through."""
    for place, index in known:
        if key(e) == key(place):
            return index
        if isinstance(e, Is) and e.relation not in "=≠":
            holds = decided(add(e.left, mul(number(-1), place), index), e.relation, e.right)
            if holds is not None:
                return ONE if holds else ZERO
    if isinstance(e, Mul):
        told = [pair for factor in e.factors for pair in _told(factor)]
        known = [*known, *told]
        return mul(*(f if any(_told(f)) else at_places(f, known) for f in e.factors))
    return rebuild(e, [at_places(part, known) for part in children(e)])


def _told(e: Expr) -> list[tuple[Expr, Index]]:
    """The place and the index that a condition says are one."""
    if not isinstance(e, Is) or e.relation != "=":
        return []
    sides = ((e.left, e.right), (e.right, e.left))
    return [(place, index) for place, index in sides if isinstance(place, Add) and isinstance(index, Index)]
