"""Sizes as formulas: `u / (2*N)` is a quotient by the product `2 N`, and `(N − 1) − i + 2` the sum `N − i + 1`."""

from __future__ import annotations

from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import Add, Expr, Mul, Num, Power, Size, number, size
from graphc.ir.dims import Atom, Monomial, of_symbol

__all__ = ["spelled", "summands"]


def spelled(e: Expr) -> Expr:
    """The expression with the sizes it is made of as sums and products; only its own level, as it is written."""
    match e:
        case Size():
            return add(*(mul(number(count), _product(monomial)) for monomial, count in e.dim.displayed.terms))
        case Add() if any(_term(part) != part for part in e.terms):
            return add(*map(_term, e.terms))
        case Mul() if any(_is_product(part) for part in e.factors):
            return mul(*map(_plain, e.factors))
        case Power() if isinstance(e.base, Size) and isinstance(e.exponent, Num):
            return power(_plain(e.base), e.exponent)
    return e


def summands(e: Add) -> list[Expr]:
    """The terms of a sum, those of the sizes in it as terms of their own: `j − (M + N)` has j, −M and −N."""
    return [part for term in e.terms for part in _summands_of(term)]


def _summands_of(term: Expr) -> list[Expr]:
    *numbers, last = term.factors if isinstance(term, Mul) else (term,)
    if not isinstance(last, Size) or not all(isinstance(f, Num) for f in numbers):
        return [term]
    parts = sorted(last.dim.displayed.terms, key=lambda part: part[1] < 0)
    return [mul(*numbers, number(count), _product(monomial)) for monomial, count in parts]


def _product(monomial: Monomial) -> Expr:
    factors: list[Expr] = []
    for symbol, exponent in monomial:
        whole: Expr = Size(of_symbol(symbol)) if isinstance(symbol, str) else _atom(symbol)
        factors.append(power(whole, number(exponent)))
    return mul(*factors)


def _atom(atom: Atom) -> Expr:
    if atom.kind in ("floordiv", "mod", "min", "max"):
        return apply(atom.kind, *map(size, atom.args))
    return Size(of_symbol(atom))


def _term(e: Expr) -> Expr:
    """A term of a sum: `−(N − 1)` is `−N + 1`."""
    if isinstance(e, Mul) and all(isinstance(f, (Num, Size)) for f in e.factors):
        return mul(*map(_plain, e.factors))
    return spelled(e) if isinstance(e, Size) else e


def _is_product(e: Expr) -> bool:
    base = e.base if isinstance(e, Power) else e
    return isinstance(base, Size) and len(base.dim.displayed.terms) == 1 and spelled(base) != base


def _plain(e: Expr) -> Expr:
    return spelled(e) if isinstance(e, (Size, Power)) else e
