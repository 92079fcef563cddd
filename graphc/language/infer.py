"""What is learned about undeclared arguments while a program is lowered.

Lowering runs again with what a run has learned, until nothing new comes: two runs for most undeclared programs, one for
declared ones. An open size `?X.1` (axis 1 of the undeclared `X`) is replaced where it must equal something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphc.ir.dims import Dim, broadcast_parts, dim, of_terms, open_axis
from graphc.ir.types import ShapeError, Solver, Type, Unknown, check_rank

__all__ = ["Assumptions", "LearningSolver"]

MOST_TOGETHER = 64
"""Of a value that is made of more arguments than this run time says itself what does not broadcast."""

class Assumptions:
    """What is known of undeclared arguments: ranks, which are indices, what their sizes equal.

    With ranks that are known before the first run sizes that must broadcast to one that is asked for are taken for it.
    """

    def __init__(self, ranks: Mapping[str, int] | None = None) -> None:
        self.ranks: dict[str, int] = dict(ranks or {})
        self.alike = ranks is not None
        self.indices: set[str] = set()
        self.sizes: dict[str, Dim] = {}

    def snapshot(self) -> tuple[Any, ...]:
        return (dict(self.ranks), set(self.indices), {k: str(v) for k, v in self.sizes.items()})

    def resolve(self, size: Dim) -> Dim:
        """The size with everything known put in."""
        for _ in range(len(self.sizes) + 1):
            after = size.substitute(self.sizes)
            if after is size:
                return size
            size = after
        return size

    def type(self, name: str) -> Type:
        """The type of an undeclared argument as far as it is known."""
        dtype = "int" if name in self.indices else "float"
        if name not in self.ranks:
            return Type(Unknown("@" + name), dtype)
        return Type(tuple(self.resolve(open_axis(name, k, self.ranks[name])) for k in range(self.ranks[name])), dtype)


def _broadcasts_in(difference: Dim) -> Iterator[tuple[tuple[Dim, ...], Dim]]:
    """The sizes that broadcast to a term of this difference, and what they broadcast to where it is 0."""
    for monomial, coefficient in difference.terms:
        parts = broadcast_parts(of_terms([(monomial, 1)]))
        if len(parts) > 1:
            rest = difference - of_terms([(monomial, coefficient)])
            size = (-rest).divided_by(dim(coefficient))
            if size is not None and not (size.value is not None and size.value < 0):
                yield parts, size


class LearningSolver(Solver):
    """Answers the questions of shape functions and remembers what the answers imply."""

    def __init__(self, assumptions: Assumptions, undeclared: set[str]) -> None:
        self.known = assumptions
        self.undeclared = undeclared
        self.bounds: dict[tuple[Any, tuple[Dim, ...]], None] = {}
        self.agreeing: dict[tuple[Dim, Dim], None] = {}
        self.minimums: dict[tuple[Dim, int | Dim, str], None] = {}
        self._made_of: dict[str, dict[str, None]] = {}  # shapes that arguments broadcast to: of which ones
        self._parts: set[str] = set()  # those that are part of another one

    def equal(self, a: Dim, b: Dim) -> bool:
        a, b = self.known.resolve(a), self.known.resolve(b)
        if a == b:
            return True
        if not a.is_open and not b.is_open:
            return False
        for left, right in ((a, b), (b, a)):
            name = left.symbol
            if name and name.startswith("?") and name not in set(right.names()):
                self.known.sizes[name] = right
                return True
        difference = a - b
        for name in sorted({n for n in difference.names() if n.startswith("?")}):
            parts = difference.linear_in(name)
            if parts is None:
                continue
            slope, rest = parts
            solved = (-rest).divided_by(slope) if slope.terms else None
            if solved is not None and not (solved.value is not None and solved.value < 0):
                self.known.sizes[name] = solved
                return True
        if a.value is not None and b.value is not None:
            return False
        spread = next(_broadcasts_in(difference), None) if self.known.alike else None
        if spread is not None:  # `A + A.T` times a matrix
            return all(self.equal(part, spread[1]) for part in spread[0])
        raise ShapeError(
            f"whether the sizes {a} and {b} are equal cannot be told",
            code="E0210",
            help="declare the shapes of the arguments, for example `input x[N, D]`",
        )

    def shape(self, type: Type, rank: int | None = None, what: str = "operand") -> tuple[Dim, ...]:
        if isinstance(type.shape, Unknown) and rank is not None:
            leaf = type.shape.leaf
            if leaf is not None and leaf in self.undeclared:
                check_rank(rank)
                self.known.ranks.setdefault(leaf, rank)
                known = self.known.type(leaf).shape
                assert not isinstance(known, Unknown)
                return known
        return super().shape(type, rank, what)

    def index(self, name: str, shape: tuple[Dim, ...] | None) -> None:
        """An undeclared argument is an array of indices, of this shape if one is given."""
        if name not in self.undeclared:
            return
        self.known.indices.add(name)
        if shape is not None:
            self.known.ranks.setdefault(name, len(shape))
            if self.known.ranks[name] == len(shape):
                for k, size in enumerate(shape):
                    self.equal(open_axis(name, k, len(shape)), size)

    def bound(self, inner: Any, outer: tuple[Dim, ...]) -> None:
        entry = (inner, outer)
        self.bounds.setdefault(entry)

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        self.minimums.setdefault((size, minimum, what))

    def agree(self, a: Dim, b: Dim) -> None:
        self.agreeing.setdefault((a, b))

    def meet(self, a: Unknown, b: Unknown, both: Unknown) -> None:
        parts = [{shape.leaf: None} if shape.leaf else self._made_of.get(shape.key) for shape in (a, b)]
        if both.key in self._made_of or None in parts or sum(len(part or ()) for part in parts) > MOST_TOGETHER:
            return
        self._made_of[both.key] = {name: None for part in parts for name in part or ()}
        self._parts |= {a.key, b.key}

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """The undeclared arguments that must broadcast with one another, each set of them once."""
        whole = (tuple(names) for key, names in self._made_of.items() if key not in self._parts)
        return tuple(dict.fromkeys(names for names in whole if len(names) > 1))
