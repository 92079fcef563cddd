"""A product of matrices as a walk: each index is a place, each matrix a step between two of them.

`Σ_h X_nh W_hc` goes from n by `X` to h and from there by `W` to c: the product is `X W`. What has one index stands on a
place: `d_h` in between makes it `X diag(d) W`; where the walk ends at `d_h`, it is the vector `X d`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.explain.matrix import Matrix, NoMatrix, column_of_ones, diag, multiplied, symmetric, undiagonal
from graphc.explain.notation import Op, text
from graphc.explain.terms import Expr, Index
from graphc.ir.dims import dim

__all__ = ["Walk"]

Entrywise = Callable[[Sequence[Expr], Index, Index | None], Matrix]
"""How a product of entries at two places, or at one, is a matrix or a vector."""


class Walk:
    """The places of a product, the steps between them, and what stands on them; each is used once."""

    def __init__(
        self, entrywise: Entrywise, on: dict[Index, list[Expr]], steps: dict[frozenset[Index], list[Expr]]
    ) -> None:
        self.entrywise, self.on, self.steps = entrywise, dict(on), dict(steps)

    def done(self) -> bool:
        return not self.on and not self.steps

    def product(self, row: Index | None, column: Index | None) -> Matrix:
        if row is None and column is None:
            return self._number()
        if row is None or (row.dim == 1 and row not in self._places()):
            assert column is not None or row is not None
            return self._vector(column).T if column is not None else self._turned(self._vector(row))  # type: ignore[arg-type]
        if column is None:
            return self._turned(self._vector(row))
        if column.dim == 1 and column not in self._places():
            return self._vector(row)
        start, end = self._path(row, column)
        if end is not None:
            return multiplied(start)
        left = self._vector_from(row, start)
        right = self._vector(column)
        return multiplied([left, right.T])

    @staticmethod
    def _turned(vector: Matrix) -> Matrix:
        """A sum over rows is a row: `1ᵀ G` and not `Gᵀ 1`; ones alone are a column, as any vector."""
        turns = text(vector.layout).count("ᵀ") >= text(vector.flipped).count("ᵀ") - 1
        return vector.T if vector.ends_in_ones and vector.chain and vector.rows != 1 and turns else vector

    def _places(self) -> set[Index]:
        return set(self.on) | {index for step in self.steps for index in step}

    def _path(self, row: Index, column: Index) -> tuple[list[Matrix], Index | None]:
        """The factors of the walk from row to column; None as its end if it does not get there."""
        factors: list[Matrix] = []
        here = row
        while True:
            if here in self.on and here != column:
                factors.append(diag(self._standing(here)))
            if here == column:
                if here in self.on:
                    factors.append(diag(self._standing(here)))
                if not factors:
                    raise NoMatrix
                return factors, here
            following = [step for step in self.steps if here in step]
            if len(following) != 1:
                if not following:
                    self._end = here
                    return factors, None
                raise NoMatrix
            (there,) = following[0] - {here}
            factors.append(self.entrywise(self.steps.pop(following[0]), here, there))
            here = there

    def _vector_from(self, start: Index, factors: list[Matrix]) -> Matrix:
        """The walk that ended nowhere, applied to what stands at its end."""
        if factors and factors[-1].scales:
            last = undiagonal(factors[-1])
            return multiplied([*factors[:-1], last]) if factors[:-1] else last
        ones = column_of_ones(self._end.dim)
        return multiplied([*factors, ones]) if factors else ones

    def _vector(self, start: Index) -> Matrix:
        factors, _ = self._path(start, Index(-1, start.dim))
        return self._vector_from(start, factors)

    def _number(self) -> Matrix:
        if self.done():
            return symmetric(Op("1"), dim(1))
        ends = [i for i in sorted(self._places(), key=lambda i: i.mark) if sum(i in s for s in self.steps) <= 1]
        if not ends:
            raise NoMatrix
        start = ends[0]
        if not any(start in step for step in self.steps):  # a product of vectors
            made = self.on.pop(start)
            if len(made) == 1:
                return multiplied([column_of_ones(start.dim).T, self.entrywise(made, start, None)])
            left = self.entrywise(made[:1], start, None)
            return multiplied([left.T, self.entrywise(made[1:], start, None)])
        left = self._standing(start) if start in self.on else column_of_ones(start.dim)
        return multiplied([left.T, self._vector(start)])

    def _standing(self, place: Index) -> Matrix:
        return self.entrywise(self.on.pop(place), place, None)
