"""A part of an expression that is some value's definition goes by the name of the value.

With `P_ij = exp(S_ij) / Σ_k exp(S_ik)` the derivative `∂L/∂S_ij = exp(S_ij) / Σ_k exp(S_ik) − 1{j = y_i}` is
`P_ij − 1{j = y_i}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.indices import rebuild, substitute, total
from graphc.explain.products import mul, power
from graphc.explain.terms import (
    ONE,
    Entry,
    Expr,
    Extreme,
    Func,
    Index,
    Is,
    Mul,
    Num,
    Power,
    Size,
    Sum,
    Tensor,
    children,
    free,
    key,
    number,
)

__all__ = ["fold"]


def fold(e: Expr, definition: Expr, indices: Sequence[Index], tensor: Tensor) -> Expr:
    """The expression with the tensor's name where its definition stands: `exp(S_ij) / Σ_k exp(S_ik)` is `P_ij`."""
    if not isinstance(definition, (Mul, Func, Power, Extreme)):
        return e
    if isinstance(e, Entry) or not children(e):
        return e
    e = rebuild(e, [fold(part, definition, indices, tensor) for part in children(e)])
    if isinstance(definition, Mul):
        return _fold_product(e, definition, indices, tensor)
    found: dict[Index, Expr] = {}
    if _match(definition, e, set(indices), found) and set(found) == set(indices):
        return Entry(tensor, tuple(found[i] for i in indices))
    return e


def _fold_product(e: Expr, definition: Mul, indices: Sequence[Index], tensor: Tensor) -> Expr:
    if not isinstance(e, Mul):
        return e
    lead = next((f for f in definition.factors if free(f) >= set(indices)), None)
    if lead is None:
        return e
    for factor in e.factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, ONE)
        found: dict[Index, Expr] = {}
        if not _match(lead, base, set(indices), found) or set(found) != set(indices):
            continue
        if not (isinstance(exponent, Num) and exponent.value >= 1):
            continue
        here = substitute(definition, found)
        rest = mul(e, power(here, number(-1)))
        if _size(rest) < _size(e) and _divisors(rest) <= _divisors(e):  # `a` is not better as `a x / x`
            entry = Entry(tensor, tuple(found[i] for i in indices))
            masks = {key(f) for f in (here.factors if isinstance(here, Mul) else ()) if isinstance(f, Is)}
            if masks and isinstance(rest, Mul):  # where a condition does not hold the value itself is 0
                rest = mul(*(f for f in rest.factors if key(f) not in masks))
            return _fold_product(mul(entry, rest), definition, indices, tensor)
    return _fold_sums(e, definition, indices, tensor)


def _divisors(e: Expr) -> set[str]:
    """What a product is divided by."""
    factors = e.factors if isinstance(e, Mul) else (e,)
    powers = [(f.base, f.exponent) for f in factors if isinstance(f, Power)]
    return {key(base) for base, exponent in powers if isinstance(exponent, Num) and exponent.value < 0}


def _fold_sums(e: Mul, definition: Mul, indices: Sequence[Index], tensor: Tensor) -> Expr:
    """`Σ_k a_k exp(S_ik) / Σ_l exp(S_il)`: what is divided by may belong to what is summed."""
    divisors = [f for f in e.factors if isinstance(f, Power) and isinstance(f.exponent, Num) and f.exponent.value < 0]
    for factor in e.factors:
        if isinstance(factor, Sum) and divisors:
            inner = mul(factor.body, *divisors)
            folded = _fold_product(inner, definition, indices, tensor)
            if _size(folded) < _size(inner):
                rest = (f for f in e.factors if f is not factor and f not in divisors)
                return mul(*rest, total(factor.index, folded))
    return e


def _size(e: Expr) -> int:
    return 1 + sum(_size(part) for part in children(e))


def _match(pattern: Expr, e: Expr, variables: set[Index], found: dict[Index, Expr]) -> bool:
    """Whether the expression is the pattern with values for its variables, which are then in `found`."""
    if isinstance(pattern, Index):
        if pattern in variables:
            known = found.setdefault(pattern, e)
            return key(known) == key(e)
        return pattern == e
    if type(pattern) is not type(e):
        return False
    if isinstance(pattern, (Sum, Extreme)) and isinstance(e, (Sum, Extreme)):
        if pattern.index.dim != e.index.dim:
            return False
        return _match(pattern.body, substitute(e.body, {e.index: pattern.index}), variables, found)
    mine, theirs = children(pattern), children(e)
    if len(mine) != len(theirs) or _head(pattern) != _head(e):
        return False
    return all(_match(a, b, variables, found) for a, b in zip(mine, theirs, strict=True))


def _head(e: Expr) -> object:
    match e:
        case Num() | Size():
            return key(e)
        case Entry():
            return e.tensor
        case Func():
            return (e.name, e.parameters)
        case Is():
            return e.relation
        case _:
            return type(e).__name__
