"""Expressions over entries: `Σ_h H_ih W_hc + b_c` as a tree, in a form that is simple by construction.

Everything is made by the constructors below (`add`, `mul`, `power`, `total`, `when`, …): they flatten, collect like
terms, cancel powers, and where a sum meets `1{i = j}` they put `j` in the place of `i`. Two expressions that differ in
the names of summed indices only have the same `key`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import TypeAlias

from graphc.ir.dims import Atom, Dim, dim

__all__ = [
    "ONE", "ZERO", "Add", "Entry", "Expr", "Extreme", "Func", "Index", "Is", "Mul", "Num", "Power", "Size", "Sum",
    "Tensor", "add", "apply", "children", "free", "fresh", "key", "mul", "number", "power", "rebuild", "renewed",
    "size", "substitute", "total", "when",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Num:
    """A number: exact where it can be."""

    value: Fraction | float


@dataclass(frozen=True, slots=True)
class Size:
    """A dimension as a number."""

    dim: Dim


@dataclass(frozen=True, slots=True)
class Index:
    """A running index from 0 to its size, excluded. `mark` tells indices of one size apart."""

    mark: int
    dim: Dim


@dataclass(frozen=True, slots=True)
class Tensor:
    """What has entries: a value of the program by its node, or a gradient. `name` is how it is written."""

    id: int | str
    name: str
    integer: bool = False
    shape: tuple[Dim, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a tensor; an index is an expression: `P[i, y[i]]`."""

    tensor: Tensor
    indices: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Add:
    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """Factors; a number, if there is one, stands first."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Power:
    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Func:
    """A function of numbers, entry by entry; `functions.py` knows its derivative."""

    name: str
    arguments: tuple[Expr, ...]
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    index: Index
    body: Expr


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest (`max`) or smallest (`min`) of what stands for each value of the index; `prod` is their product.

    `first` is the largest, of several equal ones the first: that one alone has the derivative.
    """

    kind: str
    index: Index
    body: Expr


@dataclass(frozen=True, slots=True)
class Is:
    """1 where the relation holds, else 0; `=` between indices is Kronecker's delta."""

    relation: str
    left: Expr
    right: Expr


Expr: TypeAlias = "Num | Size | Index | Entry | Add | Mul | Power | Func | Sum | Extreme | Is"

ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))
_marks = count(1)


def fresh(size: Dim | int) -> Index:
    """An index that nothing else uses."""
    return Index(next(_marks), dim(size))


def number(value: float | Fraction) -> Num:
    """A number; one that is an integer or a short decimal fraction is exact."""
    if isinstance(value, float) and value == value and abs(value) < 1e15:
        short = Fraction(repr(value))
        return Num(short if short.denominator <= 10**6 else value)
    return Num(Fraction(value) if isinstance(value, int) else value)


def size(value: Dim | int) -> Expr:
    value = dim(value)
    return Num(Fraction(value.value)) if value.value is not None else Size(value)


# ---------------------------------------------------------------- structure

def children(e: Expr) -> tuple[Expr, ...]:
    """The direct parts."""
    match e:
        case Entry():
            return e.indices
        case Add():
            return e.terms
        case Mul():
            return e.factors
        case Power():
            return (e.base, e.exponent)
        case Func():
            return e.arguments
        case Sum() | Extreme():
            return (e.body,)
        case Is():
            return (e.left, e.right)
        case _:
            return ()


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


def free(e: Expr) -> set[Index]:
    """The indices that are not summed over inside."""
    if isinstance(e, Index):
        return {e}
    found: set[Index] = set()
    for part in children(e):
        found |= free(part)
    return found - {e.index} if isinstance(e, (Sum, Extreme)) else found


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


def key(e: Expr, bound: Mapping[Index, str] | None = None) -> str:
    """A text that is the same for equal expressions: order of terms and names of summed indices do not count."""
    bound = bound or {}
    match e:
        case Num():
            return str(float(e.value)) if isinstance(e.value, float) else str(e.value)
        case Size():
            return f"|{e.dim}|"
        case Index():
            return bound.get(e, f"i{e.mark}")
        case Entry():
            return f"{e.tensor.id}[{','.join(key(i, bound) for i in e.indices)}]"
        case Add() | Mul():
            sign = "+" if isinstance(e, Add) else "*"
            return f"({sign.join(sorted(key(part, bound) for part in children(e)))})"
        case Power():
            return f"({key(e.base, bound)}^{key(e.exponent, bound)})"
        case Func():
            return f"{e.name}{e.parameters or ''}({','.join(key(a, bound) for a in e.arguments)})"
        case Sum() | Extreme():
            kind = "sum" if isinstance(e, Sum) else e.kind
            inner = {**bound, e.index: f"b{len(bound)}"}
            return f"{kind}<{e.index.dim}>({key(e.body, inner)})"
        case Is():
            parts = [key(e.left, bound), key(e.right, bound)]
            return f"{{{e.relation.join(sorted(parts) if e.relation in '=≠' else parts)}}}"


# ---------------------------------------------------------------- sums and products

def add(*terms: Expr) -> Expr:
    """The sum, like terms collected."""
    collected: dict[str, tuple[Fraction | float, Expr]] = {}
    for term in _flat(terms, Add):
        factor, rest = _coefficient(term)
        label = key(rest)
        before = collected.get(label, (Fraction(0), rest))
        collected[label] = (before[0] + factor, before[1])
    parts = [_scaled(factor, rest) for factor, rest in collected.values() if factor != 0]
    if not parts:
        return ZERO
    return parts[0] if len(parts) == 1 else Add(tuple(parts))


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
    if isinstance(base, Power) and isinstance(base.exponent, Num) and exponent.value == -1:
        return power(base.base, mul(base.exponent, exponent))
    if isinstance(base, Mul) and whole:
        return mul(*(power(factor, exponent) for factor in base.factors))
    return Power(base, exponent)


def apply(name: str, *arguments: Expr, parameters: tuple[float, ...] = ()) -> Expr:
    return Func(name, arguments, parameters)


# ---------------------------------------------------------------- conditions and sums over indices

_MEANING = {
    "=": lambda a, b: a == b, "≠": lambda a, b: a != b, "<": lambda a, b: a < b, "≤": lambda a, b: a <= b,
    ">": lambda a, b: a > b, "≥": lambda a, b: a >= b,
}  # fmt: skip


_OPPOSITE = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}


def _is_condition(e: Expr) -> bool:
    return isinstance(e, Is) or (isinstance(e, Mul) and all(isinstance(f, Is) for f in e.factors))


def when(left: Expr, relation: str, right: Expr) -> Expr:
    """1 where the relation holds, else 0."""
    if right == ZERO and relation in "≠=" and _is_condition(left):
        if relation == "≠":
            return left
        if isinstance(left, Is):
            return Is(_OPPOSITE[left.relation], left.left, left.right)
    if isinstance(left, Num) and isinstance(right, Num):
        return ONE if _MEANING[relation](left.value, right.value) else ZERO
    if key(left) == key(right):
        return ONE if relation in "=≤≥" else ZERO
    places = [i for i in (left, right) if isinstance(i, (Index, Num))]
    if relation == "=" and len(places) == 2 and any(isinstance(i, Index) and i.dim == 1 for i in places):
        return ONE  # an axis of size 1 has one place
    if relation == "=" and isinstance(left, Add) and isinstance(right, Add):
        pairs = _same_steps(left, right)
        if pairs is not None:
            return mul(*(when(a, "=", b) for a, b in pairs))
    return Is(relation, left, right)


def _same_steps(left: Add, right: Add) -> list[tuple[Expr, Expr]] | None:
    """Two places that are counted by the same steps are equal where their indices are: `n i + j = n k + l`."""
    sides: list[dict[str, Index]] = []
    for side in (left, right):
        steps: dict[str, Index] = {}
        for term in side.terms:
            factors = term.factors if isinstance(term, Mul) else (term,)
            if not isinstance(factors[-1], Index) or not all(isinstance(f, (Num, Size)) for f in factors[:-1]):
                return None
            steps[key(mul(*factors[:-1]))] = factors[-1]
        sides.append(steps)
    if set(sides[0]) != set(sides[1]) or any(sides[0][step].dim != sides[1][step].dim for step in sides[0]):
        return None
    return [(sides[0][step], sides[1][step]) for step in sides[0]]


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
        value = _solved(factor, index)
        if value is not None:
            return mul(_within(value, index.dim), substitute(mul(*rest), {index: value}))
        if isinstance(factor, Add) and any(_has_delta(term, index) for term in factor.terms):
            return add(*(total(index, mul(renewed(term), *rest)) for term in factor.terms))
    outside = [factor for factor in factors if index not in free(factor)]
    inside = mul(*(factor for factor in factors if index in free(factor)))
    told = next((f for f in factors if isinstance(f, Sum) and _tells(f, index)), None)
    if told is not None:  # Σ_p a_p Σ_ij 1{n i + j = p} b_ij is Σ_ij a_{n i + j} b_ij
        others = mul(*(f for f in factors if f is not told))
        return total(told.index, total(index, mul(others, told.body)))
    sums = [f for f in (inside.factors if isinstance(inside, Mul) else ()) if isinstance(f, Sum)]
    if len(sums) == 1 and isinstance(inside, Mul):  # Σ_i a_i Σ_j b_ij is Σ_i Σ_j a_i b_ij
        inside = Sum(sums[0].index, mul(*(f for f in inside.factors if f is not sums[0]), sums[0].body))
    if isinstance(inside, Sum):  # the order of sums is that of the indices' making: then equal sums look equal
        inner = inside.index
        if inner.mark < index.mark:
            return mul(*outside, Sum(inner, Sum(index, inside.body)))
    return mul(*outside, Sum(index, inside))


def _tells(e: Expr, index: Index) -> bool:
    """Whether a sum of products says by a delta what the index is."""
    if isinstance(e, Sum):
        return _tells(e.body, index)
    return isinstance(e, Mul) and any(_solved(f, index) is not None for f in e.factors)


def _has_delta(e: Expr, index: Index) -> bool:
    if isinstance(e, (Add, Mul)):
        return any(_has_delta(part, index) for part in children(e))
    return _solved(e, index) is not None


def _solved(e: Expr, index: Index) -> Expr | None:
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


def _within(value: Expr, size_: Dim) -> Expr:
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
