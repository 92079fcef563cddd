"""The larger and the smaller of sizes, in one form: a sum of sizes and of `max(e, 0)`.

    max(a, b) = b + max(a - b, 0)               min(a, b) = a - max(a - b, 0)

The argument e has no divisor and no size in common (`max(2*N*D - 2*D, 0) = 2*D*max(N - 1, 0)`) and its first term is
positive (`max(K - N, 0) = K - N + max(N - K, 0)`), so the parts of a cut axis add up to it: `max(N - 3, 0) + min(N, 3)`
is N. Bounds of bounds are the larger of several polynomials, `max(a, b, 0)`; along one size they are a sum of hinges
again (`hinges.py`). Equal forms are equal sizes; equal sizes have equal forms where all bounds of one bound are along
one size, and otherwise mostly. `dim_text.py` writes `min(N, 3)` for `N - max(N - 3, 0)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cmp_to_key, lru_cache, reduce
from itertools import product
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from graphc.ir.dims import Atom, Dim, Monomial, Symbol, dim, of_symbol, of_terms

if TYPE_CHECKING:
    from graphc.ir.hinges import Hinged

__all__ = ["is_nonnegative", "maximum", "minimum", "sides"]

MOST_PIECES = 24
"""Of so many polynomials a bound may be the largest before it is left as it is."""

LARGEST_BOUND = 2000
"""So many names a bound may hold: one of bounds of bounds that nothing simplifies doubles with each."""


def maximum(*sizes: Dim) -> Dim:
    """The largest of sizes. Raises OverflowError."""
    return reduce(_larger, sizes)


def minimum(*sizes: Dim) -> Dim:
    """The smallest of sizes. Raises OverflowError."""
    return -maximum(*(-size for size in sizes))


def _larger(a: Dim, b: Dim) -> Dim:
    return b + _positive(a - b)


@lru_cache(maxsize=4096)
def _positive(e: Dim) -> Dim:
    """`max(e, 0)`. Raises OverflowError."""
    if is_nonnegative(e):
        return e
    if is_nonnegative(-e):
        return dim(0)
    shared, count, rest = _taken_out(e)
    return Dim(((shared, count),)) * _bound(rest)


def is_nonnegative(e: Dim) -> bool:
    """Whether a size is certainly not negative, names never being so."""
    if _adds_up(e):
        return True
    if not any(_bound_in(monomial) for monomial, _ in e.terms):
        return False
    along = _along_one([e])
    if along is not None:
        return along[1][0].is_nonnegative(_adds_up(along[0]))
    parts = _parted(e)
    if parts is None:
        return False
    high, low, _ = parts
    return all(any(_adds_up(a - b) for a in high) for b in low)


def sides(e: Dim) -> tuple[str, list[Dim]] | None:
    """`("max", sizes)` or `("min", sizes)` of a sum with one bound, which is that of sizes without any."""
    bounds = [(symbol, c) for m, c in e.terms for symbol, _ in m if isinstance(symbol, Atom) and symbol.kind == "max"]
    if len(bounds) != 1:
        return None
    ((atom, coefficient),) = bounds
    rest = e - coefficient * of_symbol(atom)
    if any(symbol == atom for monomial, _ in rest.terms for symbol, _ in monomial):
        return None
    return "max" if coefficient > 0 else "min", [rest + coefficient * argument for argument in atom.args]


# ---------------------------------------------------------------- signs

def _adds_up(e: Dim) -> bool:
    """Whether no term is negative."""
    return all(
        (not monomial and coefficient >= 0) or _sign(monomial) * coefficient > 0 for monomial, coefficient in e.terms
    )


def _sign(monomial: Monomial) -> int:
    """1 of what is not negative, -1 of what is not positive, 0 where that is not known."""
    sign = 1
    for symbol, power in monomial:
        if isinstance(symbol, Atom) and power % 2:
            sign *= _sign_of(symbol)
    return sign


def _sign_of(atom: Atom) -> int:
    if atom.kind == "max":  # one of them is 0
        return 1
    if atom.kind == "bcast":
        return int(all(map(is_nonnegative, atom.args)))
    a, b = atom.args
    if not is_nonnegative(b):
        return 0
    if atom.kind == "mod":
        return 1
    return 1 if is_nonnegative(a) else -1 if is_nonnegative(-a) else 0


# ---------------------------------------------------------------- the form

def _taken_out(e: Dim) -> tuple[Monomial, int, Dim]:
    """`(m, c, e/(c*m))`: the number, and the sizes and bounds, that all terms have in common."""
    count = gcd(*(coefficient for _, coefficient in e.terms))
    shared = {s: p for s, p in e.terms[0][0] if _sign(((s, 1),)) > 0}
    for monomial, _ in e.terms[1:]:
        powers = dict(monomial)
        shared = {s: min(p, powers[s]) for s, p in shared.items() if s in powers}
    common = tuple((s, p) for s, p in e.terms[0][0] if s in shared for p in (shared[s],))
    rest = e.divided_by(Dim(((common, count),)))
    assert rest is not None
    return common, count, rest


def _bound(e: Dim) -> Dim:
    """`max(e, 0)` of what has nothing in common."""
    along = _along_one([e, dim(0)])
    if along is not None:
        return _hinged(*along)
    parts = _parted(e)
    if parts is None:
        return _opaque(e)
    high, low, less = parts
    return _largest({*high, *low}) - less


def _largest(pieces: Iterable[Dim]) -> Dim:
    """The largest of polynomials without bounds."""
    kept: list[Dim] = []
    for piece in sorted(pieces, key=cmp_to_key(_compared)):
        if not any(_adds_up(other - piece) for other in kept):
            kept = [other for other in kept if not _adds_up(piece - other)] + [piece]
    base = kept[0]
    rest = [piece - base for piece in kept[1:]]
    if not rest:
        return base
    along = _along_one([*rest, dim(0)])
    if along is not None:
        return base + _hinged(*along)
    shared, count, _ = _taken_out(of_terms(_apart(rest)))
    factor = Dim(((shared, count),))
    divided = [piece.divided_by(factor) for piece in rest]
    return base + factor * _symbol([piece for piece in divided if piece is not None])


def _apart(sizes: Sequence[Dim]) -> list[tuple[Monomial, int]]:
    """The terms of some sizes so that none cancels another."""
    counts: dict[Monomial, int] = {}
    for size in sizes:
        for monomial, coefficient in size.terms:
            counts[monomial] = gcd(counts.get(monomial, 0), coefficient)
    return list(counts.items())


def _compared(p: Dim, q: Dim) -> int:
    """An order that adding the same to both does not change: the one with less of the first size comes first."""
    difference = p - q
    return 0 if not difference.terms else 1 if difference.terms[0][1] > 0 else -1


def _opaque(e: Dim) -> Dim:
    """Of bounds that are too many to be taken apart."""
    return e + _symbol([-e]) if e.terms[0][1] < 0 else _symbol([e])


def _symbol(sizes: Sequence[Dim]) -> Dim:
    atom = Atom("max", (*sizes, dim(0)))
    if sum(1 for size in sizes for _ in size.names()) > LARGEST_BOUND:
        raise OverflowError("the expression for a size is too large")
    return of_symbol(atom)


# ---------------------------------------------------------------- bounds inside bounds

def _bound_in(monomial: Monomial) -> Atom | None:
    """The one bound that is a factor of a product of what is not negative."""
    bounds = [symbol for symbol, _ in monomial if isinstance(symbol, Atom) and symbol.kind == "max"]
    if len(bounds) != 1 or dict(monomial)[bounds[0]] != 1:
        return None
    return bounds[0] if _sign(monomial) > 0 else None


def _parted(e: Dim) -> tuple[list[Dim], list[Dim], Dim] | None:
    """`(high, low, less)`: e is the largest of `high` without the largest of `low`, which is `less`."""
    plain: list[tuple[Monomial, int]] = []
    rising: list[list[Dim]] = []
    falling: list[list[Dim]] = []
    less = dim(0)
    for monomial, coefficient in e.terms:
        atom = _bound_in(monomial)
        if atom is None:
            plain.append((monomial, coefficient))
            continue
        others = tuple((symbol, power) for symbol, power in monomial if symbol != atom)
        factor = Dim(((others, abs(coefficient)),))
        if any(_bound_in(m) for argument in atom.args for m, _ in argument.terms):
            return None
        (rising if coefficient > 0 else falling).append([factor * argument for argument in atom.args])
        if coefficient < 0:
            less = less + Dim(((monomial, -coefficient),))
    counts = [reduce(lambda n, choice: n * len(choice), choices, 1) for choices in (rising, falling)]
    if sum(counts) > MOST_PIECES:
        return None
    high = [sum(choice, of_terms(plain)) for choice in product(*rising)]
    low = [sum(choice, dim(0)) for choice in product(*falling)]
    return high, low, less


class _Line(NamedTuple):
    """`steep*t - late` of a size t."""

    steep: int
    late: int


def _along_one(sizes: Sequence[Dim]) -> tuple[Dim, list[Hinged]] | None:
    """The size t along which all of these are, and each as a function of it; None if there is none."""
    from graphc.ir.hinges import Hinge, Hinged  # here, as below: few programs have such sizes

    direction: Dim | None = None
    functions = []

    def line(size: Dim) -> _Line | None:
        nonlocal direction
        terms = [(monomial, coefficient) for monomial, coefficient in size.terms if monomial]
        late = -sum(coefficient for monomial, coefficient in size.terms if not monomial)
        if not terms:
            return _Line(0, late)
        steep = gcd(*(coefficient for _, coefficient in terms))
        steep = -steep if terms[0][1] < 0 else steep
        along = Dim(tuple((monomial, coefficient // steep) for monomial, coefficient in terms))
        direction = along if direction is None else direction
        return _Line(steep, late) if along == direction else None

    for size in sizes:
        plain: list[tuple[Monomial, int]] = []
        hinges = []
        for monomial, coefficient in size.terms:
            bound = _hinge_in(monomial)
            if bound is None:
                if _bound_in(monomial):
                    return None
                plain.append((monomial, coefficient))
                continue
            bent = line(bound)
            if bent is None or bent.steep <= 0:
                return None
            hinges.append(Hinge(bent.steep, bent.late, coefficient))
        straight = line(Dim(tuple(plain)))
        if straight is None:
            return None
        functions.append(Hinged(straight.steep, -straight.late, tuple(hinges)))
    return None if direction is None else (direction, functions)


def _hinge_in(monomial: Monomial) -> Dim | None:
    """e of `max(e, 0)`, where that is the only factor."""
    if len(monomial) != 1 or monomial[0][1] != 1:
        return None
    symbol: Symbol = monomial[0][0]
    return symbol.args[0] if isinstance(symbol, Atom) and symbol.kind == "max" and len(symbol.args) == 2 else None


def _hinged(t: Dim, functions: Sequence[Hinged]) -> Dim:
    """The largest of functions of t as a size."""
    from graphc.ir.hinges import highest

    best = highest(functions, _adds_up(t))
    total = best.slope * t + best.start
    for hinge in best.hinges:
        total = total + hinge.rise * _symbol([hinge.steep * t - hinge.late])
    return total
