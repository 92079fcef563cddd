"""Expressions over entries as trees: `Σ_h H_ih W_hc + b_c` is a `Sum` of a `Mul` of two `Entry`, in an `Add`.

The classes check nothing. What is made by `products.py`, `conditions.py` and `indices.py` is in simple form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import TypeAlias

from graphc.ir.dims import Dim, dim

__all__ = [
    "ONE", "ZERO", "Add", "Entry", "Expr", "Extreme", "Func", "Index", "Is", "Mul", "Num", "Power", "Size", "Sum",
    "Tensor", "children", "free", "fresh", "is_label", "key", "number", "size",
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
    """What has entries: a value of the program by its node, or a gradient. `name` is how it is written.

    Integers that are indices only are written as ones that count from 1; those that the program computes with, too,
    are the program's numbers wherever they stand: `from_zero`.
    """

    id: int | str
    name: str
    integer: bool = False
    shape: tuple[Dim, ...] = field(default=(), compare=False)
    from_zero: bool = field(default=False, compare=False)


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
    """A number; one that is an integer, a short decimal fraction, or a third or seventh is exact."""
    if isinstance(value, float) and value == value and abs(value) < 1e15:
        simple = Fraction(value).limit_denominator(12)
        short = simple if float(simple) == value else Fraction(repr(value))
        return Num(short if short.denominator <= 10**6 else value)
    return Num(Fraction(value) if isinstance(value, int) else value)


def size(value: Dim | int) -> Expr:
    value = dim(value)
    return Num(Fraction(value.value)) if value.value is not None else Size(value)


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


def is_label(e: Expr) -> bool:
    """Whether a place is one that integers of the program say: `y_i`, and `y_i + 1`."""
    if isinstance(e, Entry):
        return e.tensor.integer
    return isinstance(e, (Add, Mul, Func)) and any(map(is_label, children(e))) and not any(map(_is_index, children(e)))


def _is_index(e: Expr) -> bool:
    return isinstance(e, Index) or (not isinstance(e, Entry) and any(map(_is_index, children(e))))


def free(e: Expr) -> set[Index]:
    """The indices that are not summed over inside."""
    if isinstance(e, Index):
        return {e}
    found: set[Index] = set()
    for part in children(e):
        found |= free(part)
    return found - {e.index} if isinstance(e, (Sum, Extreme)) else found


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
