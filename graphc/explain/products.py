"""Sums and products in simple form: flat, like terms collected, of equal bases one power: `x + 2 x` is `3 x`."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from fractions import Fraction

from graphc.explain.terms import ONE, ZERO, Add, Expr, Func, Is, Mul, Num, Power, Size, children, key, size
from graphc.ir.dims import Dim, dim

__all__ = ["add", "apply", "mul", "power"]


def add(*terms: Expr) -> Expr:
    """The sum, like terms collected; sizes are one size."""
    collected: dict[str, tuple[Fraction | float, Expr]] = {}
    for term in _sizes_joined(list(_flat(terms, Add))):
        factor, rest = _coefficient(term)
        label = key(rest)
        before = collected.get(label, (Fraction(0), rest))
        collected[label] = (before[0] + factor, before[1])
    parts = [_scaled(factor, rest) for factor, rest in collected.values() if factor != 0]
    if not parts:
        return ZERO
    return parts[0] if len(parts) == 1 else Add(tuple(parts))


def _sizes_joined(terms: list[Expr]) -> list[Expr]:
    """Terms of which one at most is a size: `j + (H + 1) − H` is `j + 1`. The size stands where the first one stood."""
    sizes = {k: d for k, d in enumerate(map(_size, terms)) if d is not None}
    if len(sizes) < 2:
        return terms
    first = min(sizes)
    joined = size(sum(sizes.values(), dim(0)))
    return [joined if k == first else term for k, term in enumerate(terms) if k == first or k not in sizes]


def _size(term: Expr) -> Dim | None:
    """A size, or a whole multiple of one."""
    factor, rest = _coefficient(term)
    return rest.dim * int(factor) if isinstance(rest, Size) and factor % 1 == 0 else None


def _flat(parts: Iterable[Expr], kind: type) -> Iterator[Expr]:
    for part in parts:
        if isinstance(part, kind):
            yield from children(part)
        else:
            yield part


def _coefficient(e: Expr) -> tuple[Fraction | float, Expr]:
    if isinstance(e, Num):
        return e.value, ONE
    if isinstance(e, Mul) and isinstance(e.factors[0], Num):
        rest = e.factors[1:]
        return e.factors[0].value, rest[0] if len(rest) == 1 else Mul(rest)
    return Fraction(1), e


def _scaled(factor: Fraction | float, rest: Expr) -> Expr:
    if rest == ONE:
        return Num(factor)
    if factor == 1:
        return rest
    return Mul((Num(factor), *(rest.factors if isinstance(rest, Mul) else (rest,))))


def mul(*factors: Expr) -> Expr:
    """The product: one number in front, equal bases as one power, a condition once; `-(a + b)` is `-a - b`."""
    coefficient: Fraction | float = Fraction(1)
    powers: dict[str, tuple[Expr, list[Expr]]] = {}
    for factor in _flat(factors, Mul):
        if isinstance(factor, Num):
            coefficient = coefficient * factor.value
            continue
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, ONE)
        powers.setdefault(key(base), (base, []))[1].append(exponent)
    if coefficient == 0:
        return ZERO
    parts: list[Expr] = []
    for base, exponents in powers.values():
        made = base if isinstance(base, Is) else power(base, add(*exponents))
        if isinstance(made, Num):
            coefficient = coefficient * made.value
        else:
            parts.append(made)
    if not parts:
        return Num(coefficient)
    if coefficient == -1 and len(parts) == 1 and isinstance(parts[0], Add):
        return add(*(mul(Num(coefficient), term) for term in parts[0].terms))
    return _scaled(coefficient, parts[0] if len(parts) == 1 else Mul(tuple(parts)))


def power(base: Expr, exponent: Expr) -> Expr:
    if exponent == ZERO or base == ONE:
        return ONE
    if exponent == ONE:
        return base
    if not isinstance(exponent, Num):
        return Power(base, exponent)
    whole = isinstance(exponent.value, Fraction) and exponent.value.denominator == 1
    if isinstance(base, Num) and whole and base.value != 0:
        return Num(base.value ** int(exponent.value))
    if isinstance(base, Power) and isinstance(base.exponent, Num) and whole:
        return power(base.base, mul(base.exponent, exponent))
    if isinstance(base, Func) and base.name == "sqrt" and whole and exponent.value % 2 == 0:
        return power(base.arguments[0], Num(exponent.value / 2))
    if isinstance(base, Mul) and whole:
        return mul(*(power(factor, exponent) for factor in base.factors))
    return Power(base, exponent)


_OF_NUMBERS = {"mod": operator.mod, "floordiv": operator.floordiv}


def apply(name: str, *arguments: Expr, parameters: tuple[float, ...] = ()) -> Expr:
    """A function; a remainder of two numbers is a number, as where entries are written out."""
    known = _OF_NUMBERS.get(name)
    if known is not None and len(arguments) == 2:
        a, b = arguments
        if isinstance(a, Num) and isinstance(b, Num) and b.value > 0:
            return Num(Fraction(known(a.value, b.value)))
    return Func(name, arguments, parameters)
