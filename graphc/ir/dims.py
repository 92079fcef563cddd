"""Symbolic dimensions: polynomials with integer coefficients over names.

Two dimensions are equal exactly when their normal forms are. What no polynomial can say (`d//2`, `d % 2`, the
result of broadcasting two sizes of which neither is known, the larger of two) is an opaque `Atom` that takes part like
a name; `bounds.py` keeps the larger and the smaller of sizes in one form, `dim_text.py` writes sizes.

A name that starts with `?` is *open*: it was not declared but inferred for an undeclared argument, so nothing
promises that it differs from 1. Declared names promise that they broadcast only where they are equal. `?X.1:2` is
axis 1 of the argument `X`, which has rank 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import TypeAlias

__all__ = [
    "Atom", "Dim", "DimLike", "Monomial", "Symbol", "applied", "broadcast_dim", "broadcast_parts", "dim", "numel",
    "of_symbol", "of_terms", "open_axis", "open_owner", "shown",
]  # fmt: skip


LARGEST_PRODUCT = 4096
"""So many terms a product of sizes may have before equal ones are collected."""

MOST_SPREAD = 100
"""So many sizes that are only inferred may broadcast with each other: the module says of each sum of them its size."""


@dataclass(frozen=True, slots=True)
class Atom:
    """An opaque size: `floordiv`, `mod`, `bcast` (what sizes broadcast to: the first but 1) or `max`; the last two are
    of any number of sizes.

    `min` is a way to write a size and takes no part in one.
    """

    kind: str
    args: tuple[Dim, ...]

    def evaluate(self, values: list[int]) -> int:
        if self.kind == "max":
            return max(values)
        if self.kind == "bcast":
            return next((value for value in values if value != 1), 1)
        a, b = values
        return a // b if self.kind == "floordiv" else a % b

    def text(self, name: Callable[[str], str] = str) -> str:
        if self.kind in ("max", "min"):
            return f"{self.kind}({', '.join(argument.text(name) for argument in self.args)})"
        if self.kind == "bcast":
            *others, last = [argument.text(name) for argument in self.args]
            if len(others) == 1:
                return f"({last} if {others[0]} == 1 else {others[0]})"
            return f"({''.join(f'{other} if {other} != 1 else ' for other in others)}{last})"
        a, b = self.args
        sign = "//" if self.kind == "floordiv" else "%"
        return f"{a.text(name, tight=True)}{sign}{b.text(name, tight=True)}"


Symbol: TypeAlias = "str | Atom"
Monomial: TypeAlias = "tuple[tuple[Symbol, int], ...]"
Term: TypeAlias = "tuple[Monomial, int]"
DimLike: TypeAlias = "Dim | int"


def _key(symbol: Symbol) -> tuple[int, str]:
    return (0, symbol) if isinstance(symbol, str) else (1, _letters(symbol))


@lru_cache(maxsize=4096)
def _letters(atom: Atom) -> str:
    """The text, by which atoms are in order, and what tells those apart that are written alike."""
    parts = [[([(*_key(s), p) for s, p in m], c) for m, c in argument.terms] for argument in atom.args]
    return f"{atom.text()} {atom.kind} {parts}"


@dataclass(frozen=True, eq=False)
class Dim:
    """A polynomial in normal form: monomials in a fixed order, no zero coefficient, the constant last."""

    terms: tuple[tuple[Monomial, int], ...]

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Dim):
            return self._hash == other._hash and self.terms == other.terms
        if isinstance(other, int):
            return self.value == other
        return NotImplemented

    @cached_property
    def value(self) -> int | None:
        """The number, where this is one."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    @cached_property
    def symbol(self) -> str | None:
        """The name, where this is a single name."""
        if len(self.terms) == 1:
            monomial, coefficient = self.terms[0]
            if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], str):
                return monomial[0][0]
        return None

    @cached_property
    def is_open(self) -> bool:
        """Whether a size that was only inferred takes part in this one."""
        return any(name.startswith("?") for name in self.names())

    def names(self) -> Iterator[str]:
        """All names in this dimension, those inside atoms too; with repetitions."""
        for monomial, _ in self.terms:
            for symbol, _ in monomial:
                if isinstance(symbol, str):
                    yield symbol
                else:
                    for argument in symbol.args:
                        yield from argument.names()

    def divisors(self) -> Iterator[Dim]:
        """The sizes with names that quotients and remainders in this one divide by: nothing says they are not 0."""
        for monomial, _ in self.terms:
            for symbol, _ in monomial:
                if isinstance(symbol, Atom):
                    if symbol.kind in ("floordiv", "mod") and symbol.args[1].value is None:
                        yield symbol.args[1]
                    for argument in symbol.args:
                        yield from argument.divisors()

    # ------------------------------------------------------------ arithmetic

    def __add__(self, other: DimLike) -> Dim:
        return of_terms([*self.terms, *dim(other).terms])

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return Dim(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: DimLike) -> Dim:
        return self + (-dim(other))

    def __rsub__(self, other: DimLike) -> Dim:
        return dim(other) - self

    def __mul__(self, other: DimLike) -> Dim:
        return _product(self, dim(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: DimLike) -> Dim:
        divisor = dim(other)
        if divisor.value == 0:
            raise ZeroDivisionError("division of a dimension by zero")
        exact = self.divided_by(divisor)
        if exact is not None:
            return exact
        whole, rest = self._split(divisor)
        if rest.value is not None and divisor.value is not None:
            return whole + rest.value // divisor.value
        if divisor.value is not None and divisor.value > 0:
            from graphc.ir.bounds import sides

            parts = sides(rest)
            if parts is not None:  # max(a, b)//2 is max(a//2, b//2)
                kind, sizes = parts
                return whole + applied(kind, *(size // divisor for size in sizes))
        return whole + of_symbol(Atom("floordiv", (rest, divisor)))

    def __rfloordiv__(self, other: DimLike) -> Dim:
        return dim(other) // self

    def __mod__(self, other: DimLike) -> Dim:
        divisor = dim(other)
        if divisor.value == 0:
            raise ZeroDivisionError("division of a dimension by zero")
        if self.divided_by(divisor) is not None:
            return dim(0)
        _, rest = self._split(divisor)
        if rest.value is not None and divisor.value is not None:
            return dim(rest.value % divisor.value)
        return of_symbol(Atom("mod", (rest, divisor)))

    def __rmod__(self, other: DimLike) -> Dim:
        return dim(other) % self

    def __pow__(self, exponent: int) -> Dim:
        result = dim(1)
        for _ in range(exponent):
            result = result * self
        return result

    def _split(self, divisor: Dim) -> tuple[Dim, Dim]:
        """`(q, r)` with self = q*divisor + r, so that `(H - 4)//2` and `H//2 - 2` are one size.

        What divides goes into q; of the constant, what leaves it in 0…divisor-1.
        """
        number = divisor.value
        if number is None:
            return dim(0), self
        whole, rest = [], []
        for monomial, coefficient in self.terms:
            if coefficient % number == 0 or not monomial:
                whole.append((monomial, coefficient // number))
                rest.append((monomial, coefficient % number))
            else:
                rest.append((monomial, coefficient))
        return of_terms(whole), of_terms(rest)

    def divided_by(self, divisor: Dim) -> Dim | None:
        """The exact quotient, or None if there is none."""
        if divisor == self and self.terms:
            return dim(1)
        if len(divisor.terms) != 1:
            return _exact_quotient(self, divisor)
        quotient = [_quotient(term, divisor.terms[0]) for term in self.terms]
        kept = [term for term in quotient if term is not None]
        return of_terms(kept) if len(kept) == len(quotient) else None

    # ------------------------------------------------------------ use

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number for given sizes of the names."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for symbol, power in monomial:
                if isinstance(symbol, str):
                    product *= sizes[symbol] ** power
                else:
                    product *= symbol.evaluate([a.evaluate(sizes) for a in symbol.args]) ** power
            total += product
        return total

    def substitute(self, bindings: Mapping[str, Dim]) -> Dim:
        """This dimension with names replaced; names without a binding stay."""
        if not any(name in bindings for name in self.names()):
            return self
        total = dim(0)
        for monomial, coefficient in self.terms:
            product = dim(coefficient)
            for symbol, power in monomial:
                if isinstance(symbol, str):
                    factor = bindings.get(symbol) or dim(symbol)
                else:
                    factor = applied(symbol.kind, *(argument.substitute(bindings) for argument in symbol.args))
                product = product * factor**power
            total = total + product
        return total

    def linear_in(self, name: str) -> tuple[Dim, Dim] | None:
        """`(a, b)` with self = a*name + b where neither holds the name, or None."""
        slope, rest = dim(0), dim(0)
        for monomial, coefficient in self.terms:
            term = Dim(((monomial, coefficient),))
            if name not in set(term.names()):
                rest = rest + term
                continue
            quotient = term.divided_by(dim(name))
            if quotient is None or name in set(quotient.names()):
                return None
            slope = slope + quotient
        return slope, rest

    def is_nonnegative(self) -> bool:
        """Whether this is certainly not negative, sizes themselves never being so."""
        from graphc.ir.bounds import is_nonnegative

        return is_nonnegative(self)

    @cached_property
    def displayed(self) -> Dim:
        """The terms as they are written: what is `N - max(N - 3, 0)` in normal form is `min(N, 3)` here."""
        from graphc.ir.dim_text import displayed

        return displayed(self)

    def text(self, name: Callable[[str], str] = str, tight: bool = False) -> str:
        """As a Python expression; `name` says how a symbol is written; `tight` adds parentheses round a sum."""
        from graphc.ir.dim_text import written

        return written(self, name, tight)

    def __str__(self) -> str:
        return self.text(shown)

    __repr__ = __str__


def open_axis(argument: str, axis: int, rank: int) -> Dim:
    """The size of an axis of an undeclared argument of that rank."""
    return dim(f"?{argument}.{axis}:{rank}")


@lru_cache(maxsize=4096)
def open_owner(name: str) -> tuple[str, int, int] | None:
    """The argument, axis and rank of an open size; None for a declared one."""
    if not name.startswith("?"):
        return None
    owner, _, place = name[1:].rpartition(".")
    axis, _, rank = place.partition(":")
    return owner, int(axis), int(rank)


def shown(name: str) -> str:
    """A size as a user reads it: `N`, or `X.shape[1]` for an inferred one."""
    place = open_owner(name)
    return f"{place[0]}.shape[{place[1]}]" if place else name


def dim(value: Dim | int | str) -> Dim:
    """A dimension from a number or a name."""
    if isinstance(value, Dim):
        return value
    return of_symbol(value) if isinstance(value, str) else _number(int(value))


# The sizes that a program is full of are objects of which there is one: to compare them takes no look at their terms.


@lru_cache(maxsize=4096)
def of_symbol(symbol: Symbol) -> Dim:
    """The size that a name or an atom alone is."""
    return Dim(((((symbol, 1),), 1),))


@lru_cache(maxsize=1024)
def _number(value: int) -> Dim:
    return Dim((((), value),)) if value else Dim(())


@lru_cache(maxsize=1024)
def _product(a: Dim, b: Dim) -> Dim:
    if len(a.terms) * len(b.terms) > LARGEST_PRODUCT:
        raise OverflowError("the expression for a size is too large")
    return of_terms([(_multiply(m, n), c * d) for m, c in a.terms for n, d in b.terms])


def applied(kind: str, *sizes: Dim) -> Dim:
    """What an atom of a kind is of these sizes."""
    from graphc.ir.bounds import maximum, minimum

    if kind in ("max", "min"):
        return maximum(*sizes) if kind == "max" else minimum(*sizes)
    if kind == "bcast":
        return reduce(lambda a, b: broadcast_dim(a, b) or _spread(a, b), sizes)
    a, b = sizes
    return a // b if kind == "floordiv" else a % b


def _ordered(powers: Mapping[Symbol, int]) -> Monomial:
    return tuple(sorted(powers.items(), key=lambda item: _key(item[0])))


def _multiply(m: Monomial, n: Monomial) -> Monomial:
    if not m:
        return n
    if not n:
        return m
    powers = dict(m)
    for symbol, power in n:
        powers[symbol] = powers.get(symbol, 0) + power
    return _ordered(powers)


def _quotient(term: Term, divisor: Term) -> Term | None:
    powers = dict(term[0])
    for symbol, power in divisor[0]:
        left = powers.get(symbol, 0) - power
        if left < 0:
            return None
        powers[symbol] = left
    if term[1] % divisor[1]:
        return None
    return _ordered({s: p for s, p in powers.items() if p}), term[1] // divisor[1]


def _exact_quotient(whole: Dim, divisor: Dim) -> Dim | None:
    """By long division; the leading term of a product is that of its factors in the order of powers name by name."""
    symbols = sorted({s for d in (whole, divisor) for m, _ in d.terms for s, _ in m}, key=_key)

    def leading(size: Dim) -> Term:
        return max(size.terms, key=lambda term: [dict(term[0]).get(symbol, 0) for symbol in symbols])

    if not divisor.terms:
        return None
    first, found = leading(divisor), dim(0)
    while whole.terms:
        quotient = _quotient(leading(whole), first)
        if quotient is None:
            return None
        term = Dim((quotient,))
        found, whole = found + term, whole - term * divisor
    return found


def _place(monomial: Monomial) -> tuple[int, list[tuple[int, str]], list[int]]:
    """Where a monomial stands among others: by its degree, its names, and then their powers."""
    return (-sum(p for _, p in monomial), [_key(s) for s, _ in monomial], [-p for _, p in monomial])


def of_terms(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    """The sum of some terms, in normal form."""
    totals: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        totals[monomial] = totals.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in totals.items() if c]
    kept.sort(key=lambda term: _place(term[0]))
    return Dim(tuple(kept))


def broadcast_dim(a: Dim, b: Dim) -> Dim | None:
    """What two sizes broadcast to, or None if they certainly differ.

    Declared sizes must be equal or one of them 1. Where an open size takes part the answer may be left to run time.
    """
    if a == b or b.value == 1:
        return a
    if a.value == 1:
        return b
    if not a.is_open and not b.is_open:
        return None
    if a.value is not None and not b.is_open:
        return None
    # A number other than 1 decides: the open partner is that number or 1.
    if a.value is not None:
        return a
    if b.value is not None:
        return b
    return _spread(a, b)


def _spread(*sizes: Dim) -> Dim:
    """What open sizes broadcast to, each of them named once. Raises OverflowError."""
    parts = [part for size in sizes for part in broadcast_parts(size)]
    distinct = tuple(dict.fromkeys(parts))
    if len(distinct) > MOST_SPREAD:
        raise OverflowError(f"more than {MOST_SPREAD} sizes broadcast here of which none is declared")
    return distinct[0] if len(distinct) == 1 else of_symbol(Atom("bcast", distinct))


def broadcast_parts(size: Dim) -> tuple[Dim, ...]:
    """The sizes that broadcast to this one."""
    if len(size.terms) == 1 and size.terms[0][1] == 1 and len(size.terms[0][0]) == 1:
        ((symbol, power),) = size.terms[0][0]
        if power == 1 and isinstance(symbol, Atom) and symbol.kind == "bcast":
            return symbol.args
    return (size,)


@lru_cache(maxsize=4096)
def numel(shape: tuple[Dim, ...]) -> Dim:
    """The number of entries of an array of this shape; of the thousands of values in a program most have the same few
    shapes."""
    total = dim(1)
    for size in shape:
        total = total * size
    return total
