"""Types of values: a shape over symbolic dimensions and a kind of number.

A shape is a tuple of `Dim`, or `Unknown` where even the rank is known only at run time. Two `Unknown` with the same
key are the same shape: `relu(b)` has the shape of `b`, whatever that is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from graphc.ir.dims import Dim, broadcast_dim, dim, open_owner

__all__ = [
    "MAX_RANK", "Scalar", "Shape", "ShapeError", "Solver", "Type", "Unknown", "broadcast_shapes", "check_rank",
    "promote", "shape_text",
]  # fmt: skip

MAX_RANK = 32
"""So many dimensions the arrays of every NumPy may have."""


MOST_PARTS = 8
"""Of so many shapes one may be known to consist: so what it takes to tell does not grow with the program."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A shape that is known at run time only. The key says how it comes about: `@b` is that of the argument `b`.

    `least` dimensions it has in any case.
    """

    key: str
    least: int = field(default=0, compare=False)
    parts: frozenset[Unknown] = field(default=frozenset(), compare=False)
    """The shapes that broadcast to this one, in whatever order."""

    @property
    def leaf(self) -> str | None:
        """The argument whose very shape this is, if it is one's."""
        name = self.key[1:]
        return name if self.key.startswith("@") and "(" not in name else None

    def leaves(self) -> list[str]:
        """The arguments from whose shapes it comes about, as far as the key still says so."""
        keys = [self.key, *(part.key for part in self.parts)]
        return sorted({name for key in keys for name in re.findall(r"@(\w+)", key)})

    @staticmethod
    def of(operation: str, *parts: object, least: int = 0) -> Unknown:
        """The shape that an operation makes of others: equal operations give equal keys, of bounded length."""
        key = f"{operation}({', '.join(p.key if isinstance(p, Unknown) else str(p) for p in parts)})"
        if len(key) > 200:
            key = f"{operation}(#{hashlib.sha256(key.encode()).hexdigest()[:24]})"
        return Unknown(key, max(least, 0))

    def broadcast(self, other: Unknown) -> Unknown:
        """The shape that both broadcast to: one for `(a * b) + a` and `b * a`, unless it is one of many."""
        own, others = self.parts or frozenset([self]), other.parts or frozenset([other])
        if len(own) + len(others) > MOST_PARTS:
            own, others = frozenset([self]), frozenset([other])
        if own >= others and self.least >= other.least:
            return self
        if others >= own and other.least >= self.least:
            return other
        parts = own | others
        ordered = sorted(parts, key=lambda part: part.key)
        both = Unknown.of("broadcast", *ordered, least=max(part.least for part in ordered))
        return Unknown(both.key, both.least, parts)


Shape: TypeAlias = "tuple[Dim, ...] | Unknown"


@dataclass(slots=True, unsafe_hash=True)  # final fields: to make frozen ones takes several times as long
class Type:
    """`dtype` is `float`, `int`, `bool`, or `shape` (a tuple of sizes, made by `shape_of`)."""

    shape: Final[Shape]
    dtype: Final[str] = "float"

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The dimensions; only for types whose rank is known."""
        assert not isinstance(self.shape, Unknown), "the rank is not known"
        return self.shape

    @property
    def known_dims(self) -> tuple[Dim, ...] | None:
        """The dimensions; None where the rank is not known."""
        return None if isinstance(self.shape, Unknown) else self.shape

    @property
    def rank(self) -> int | None:
        return None if isinstance(self.shape, Unknown) else len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype == "float"

    def with_shape(self, shape: Shape) -> Type:
        return Type(shape, self.dtype)

    def __str__(self) -> str:
        kind = "" if self.dtype == "float" else f": {self.dtype}"
        return shape_text(self.shape) + kind


Scalar = Type(())


def check_rank(rank: int) -> None:
    """Raises ShapeError for an array of more dimensions than NumPy has."""
    if rank > MAX_RANK:
        raise ShapeError(
            f"an array has at most {MAX_RANK} dimensions", label=f"this one would have {rank}", code="E0213"
        )


def shape_text(shape: Shape) -> str:
    """As a user writes it: `(N, D)`, `(H,)`, `()`, `(?)`."""
    if isinstance(shape, Unknown):
        return "(?)"
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


class ShapeError(Exception):
    """Operands do not agree. `operand` is the index of the one to point at, if it is one."""

    def __init__(
        self,
        message: str,
        *,
        label: str | None = None,
        help: str | None = None,
        operand: int | None = None,
        code: str = "E0203",
    ) -> None:
        super().__init__(message)
        self.message, self.label, self.help, self.operand, self.code = message, label, help, operand, code


class Solver:
    """What a shape function may ask for while it works.

    This base answers from what is known and refuses the rest: it serves all passes after lowering. The one that
    lowering uses also learns from the questions: it fixes ranks and sizes of undeclared arguments.
    """

    def equal(self, a: Dim, b: Dim) -> bool:
        """Whether two sizes are equal; an open one may be made so."""
        return a == b

    def shape(self, type: Type, rank: int | None = None, what: str = "operand") -> tuple[Dim, ...]:
        """The dimensions of a type. An undeclared argument of unknown rank becomes one of rank `rank`.

        Raises ShapeError where the rank is not known and cannot be fixed.
        """
        if isinstance(type.shape, Unknown):
            leaf, names = type.shape.leaf, type.shape.leaves()
            shown = f"`{leaf}`" if leaf else f"this {what}"
            whose = "its shape" if leaf or not names else f"the shape of {' or '.join(f'`{name}`' for name in names)}"
            raise ShapeError(
                f"the rank of {shown} is not known here",
                code="E0210",
                help=f"declare {whose}, for example `input {names[0] if names else 'x'}[N, D]`",
            )
        return type.shape

    def bound(self, inner: Shape, outer: tuple[Dim, ...]) -> None:
        """Note that an undeclared operand must not enlarge its partner; checked at run time."""

    def meet(self, a: Unknown, b: Unknown, both: Unknown) -> None:
        """Note that two shapes which run time tells must broadcast, and what shape that makes."""

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        """Note that a size inside an operation's definition must not be smaller than this; checked at run time."""

    def agree(self, a: Dim, b: Dim) -> None:
        """Note that of two sizes, one of them only inferred, one is 1 or they are equal; checked at run time."""


def _is_leaf(shape: tuple[Dim, ...]) -> bool:
    """Whether these are the very dimensions of an undeclared argument, so that to bound them is to bound it."""
    if not shape or not shape[0].is_open:  # as most are declared
        return False
    places = [open_owner(d.symbol) if d.symbol else None for d in shape]
    first = places[0]
    return first is not None and places == [(first[0], k, len(shape)) for k in range(len(shape))]


def _made_of(shape: tuple[Dim, ...], leaf: tuple[Dim, ...]) -> bool:
    """Whether a shape is made of an argument's own sizes: then it is no partner that could bound the argument."""
    own = {name for size in leaf for name in size.names()}
    return any(name in own for size in shape for name in size.names())


def broadcast_shapes(solver: Solver, a: Shape, b: Shape) -> Shape:
    """NumPy's broadcasting over symbolic sizes.

    An undeclared operand never enlarges a partner of known rank: the result is the partner's shape, and a check
    at run time refuses what would enlarge it. Raises ShapeError where two declared sizes differ.
    """
    if a == b:
        return a
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        if isinstance(a, tuple) and not a:
            return b
        if isinstance(b, tuple) and not b:
            return a
        if isinstance(a, Unknown) and isinstance(b, Unknown):
            both = a.broadcast(b)
            solver.meet(a, b, both)
            return both
        inner, outer = (a, b) if isinstance(a, Unknown) else (b, a)
        assert isinstance(outer, tuple)
        solver.bound(inner, outer)
        return outer
    for inner, outer in ((a, b), (b, a)):
        if len(inner) <= len(outer) and _is_leaf(inner) and not _is_leaf(outer) and not _made_of(outer, inner):
            tail = outer[len(outer) - len(inner) :]
            alike = all(i == o or i.is_open or i.value == 1 for i, o in zip(inner, tail, strict=True))
            if alike and any(o.value != 1 for o in outer):  # of nothing but 1 are what sums of the argument leave
                solver.bound(inner, outer)
                return outer
    rank = max(len(a), len(b))
    result = []
    for i, (p, q) in enumerate(zip(_padded(a, rank), _padded(b, rank), strict=True)):
        try:
            size = broadcast_dim(p, q)
        except OverflowError as error:
            raise ShapeError(str(error), help="declare them, for example `input x[N, D]`", code="E0213") from None
        if size is None:
            raise ShapeError(
                f"shapes {shape_text(a)} and {shape_text(b)} do not broadcast",
                label=f"{_ordinal(i - rank)} dimensions {p} and {q} differ",
            )
        if p != q and p.value != 1 and q.value != 1:
            solver.agree(p, q)
        result.append(size)
    return tuple(result)


def _padded(shape: tuple[Dim, ...], rank: int) -> tuple[Dim, ...]:
    return (dim(1),) * (rank - len(shape)) + shape


def _ordinal(axis: int) -> str:
    return {-1: "last", -2: "second last", -3: "third last"}.get(axis, f"{-axis}th last")


_ORDER = {"bool": 0, "int": 1, "float": 2}


def promote(*dtypes: str) -> str:
    """The kind that NumPy's arithmetic on these kinds gives."""
    return max(dtypes, key=_ORDER.__getitem__)
