"""What operations are, entry by entry: `matmul` is `Σ_k A_ik B_kj`. The table, and what definitions have in common.

The definitions stand in the files `…_definitions.py`, which enter them here. A definition gets its operands and the
indices of one entry of the result, and answers with an expression. Derivatives are nowhere written down: they follow
from these (`entry_derivative.derivative`), and a test holds them against the rules. A composite operation without a
definition is taken by its definition in the language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from graphc.explain.index_ranges import bounds_of
from graphc.explain.indices import total
from graphc.explain.products import add, mul
from graphc.explain.terms import Expr, Index, number, size
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import Type
from graphc.ops.cuts import ARRAY

__all__ = [
    "DEFINITIONS", "LINEAR", "MINUS", "MOVES", "Definition", "Operands", "Out", "Undefined", "axes_of", "define",
    "minus", "places_of", "summed",
]  # fmt: skip


class Undefined(Exception):
    """An operation has no index definition, or a rank is not known."""


class Operands(Protocol):
    """The node whose entry is wanted, and the entries of its operands."""

    node: Node

    def at(self, operand: int, indices: Sequence[Expr]) -> Expr: ...
    def beside(self, operand: int, out: Sequence[Expr]) -> Expr:
        """The operand's entry that broadcasting puts at `out`."""

    def shape(self, operand: int) -> tuple[Dim, ...]: ...
    def own(self) -> tuple[Dim, ...]: ...
    def type(self, operand: int) -> Type: ...
    def aux(self, name: str, indices: Sequence[Expr], make: Callable[[Sequence[Index]], Expr]) -> Expr:
        """A value that gets a name and a step of its own: the entry at `indices` of what `make` defines."""


Out = Sequence[Expr]
Definition = Callable[[Operands, Out], Expr]
DEFINITIONS: dict[str, Definition] = {}
MOVES: set[str] = set()
"""Operations that only say which entry of an operand an entry is."""
LINEAR = {
    "add", "subtract", "multiply", "matmul", "sum", "mean", "negative", "outer", "trace", "number",
    "shift_along", "scale_along",
}  # fmt: skip
"""Operations after which a sum of products is still a sum of products."""

MINUS = number(-1)


def define(*names: str, moves: bool = False) -> Callable[[Definition], Definition]:
    def keep(definition: Definition) -> Definition:
        for name in names:
            DEFINITIONS[name] = definition
        if moves:
            MOVES.update(names)
        return definition

    return keep


def minus(x: Expr) -> Expr:
    return mul(MINUS, x)


def summed(indices: Sequence[Index], body: Expr) -> Expr:
    """The sum over several indices."""
    for index in reversed(indices):
        body = total(index, body)
    return body


def axes_of(r: Operands) -> tuple[int, ...]:
    """The axes of the operand that the operation works along."""
    rank, axis = len(r.shape(0)), r.node.attr("axis")
    if axis is None:
        return tuple(range(rank))
    return tuple(sorted(a % rank for a in (axis if isinstance(axis, tuple) else (axis,))))


def _where_not_empty(first: Dim, count: Dim) -> Dim:
    """Where a slice begins that has entries: that of `x[3:]` at 3, which else is `min(n, 3)`."""
    bounds = bounds_of(first, "min")
    others = [size for size in bounds if size != count]
    return others[0] if count in bounds and len(others) == 1 else first


def places_of(items: Any, shape: Sequence[Dim], out: list[Expr], arrays: Sequence[Expr] = ()) -> list[Expr]:
    """The operand's indices for an index in normal form; `out` are those that slices give, in order."""
    rest, picked = iter(out), iter(arrays)
    places: list[Expr] = []
    for item in items:
        if item is None:
            next(rest)
            continue
        if item is Ellipsis:
            continue
        count = shape[len(places)]
        if item == ARRAY:
            places.append(next(picked))
        elif isinstance(item, tuple):
            start, _, step = item
            step = 1 if step is None else step
            first = start if start is not None else (0 if step > 0 else count - 1)
            begin, running = size(_where_not_empty(dim(first), count)), mul(number(step), next(rest))
            places.append(add(running, begin) if step > 0 else add(begin, running))
        else:
            places.append(size(dim(item)))
    places += list(rest)
    return places
