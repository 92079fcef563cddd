"""Matrices as formulas, and what is made of them: a product, a diagonal, a sum.

Each is kept with its transpose as a formula, and both are made together: that of `X W` is `Wᵀ Xᵀ`. Vectors are matrices
of one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.explain.notation import Fence, Layout, Op, Row, Script, Word, space
from graphc.explain.writing import ATOM, PRODUCT, SUM_LEVEL, joined
from graphc.ir.dims import Dim, dim

__all__ = [
    "TRANSPOSED", "Matrix", "NoMatrix", "column_of_ones", "diag", "multiplied", "negated", "symmetric", "undiagonal",
]  # fmt: skip

TRANSPOSED = Op("T")


class NoMatrix(Exception):
    """The entries are no product of matrices."""


@dataclass(frozen=True)
class Matrix:
    """A matrix as a formula and its transpose as one. `chain` are the shapes of the factors of a product."""

    layout: Layout
    flipped: Layout
    rows: Dim
    columns: Dim
    level: int = ATOM
    chain: tuple[tuple[Dim, Dim], ...] = ()
    scales: bool = False
    ends_in_ones: bool = False

    @property
    def T(self) -> Matrix:
        chain = tuple((c, r) for r, c in reversed(self.chain))
        return Matrix(self.flipped, self.layout, self.columns, self.rows, self.level, chain, self.scales)

    def within(self, level: int) -> Layout:
        return self.layout if self.level >= level else Fence("(", self.layout, ")")

    @property
    def shapes(self) -> tuple[tuple[Dim, Dim], ...]:
        return self.chain or ((self.rows, self.columns),)


def symmetric(layout: Layout, size: Dim) -> Matrix:
    """A matrix that is its own transpose."""
    return Matrix(layout, layout, size, size)


def column_of_ones(size: Dim) -> Matrix:
    """The vector that sums over rows: `1ᵀ G`."""
    return Matrix(Op("1"), Script(Op("1"), sup=TRANSPOSED), size, dim(1), ends_in_ones=True)


@dataclass(frozen=True)
class _Diagonal(Matrix):
    vector: Matrix | None = None


def diag(vector: Matrix) -> Matrix:
    """The diagonal matrix of a vector."""
    plain = vector.flipped if _is_transposed(vector.layout) else vector.layout
    layout = Row((Word("diag"), Fence("(", plain, ")")))
    return _Diagonal(layout, layout, vector.rows, vector.rows, ATOM, (), True, False, vector)


def _is_transposed(e: Layout) -> bool:
    return isinstance(e, Script) and e.sup == TRANSPOSED


def undiagonal(matrix: Matrix) -> Matrix:
    """The vector that `diag` has made a matrix of."""
    assert isinstance(matrix, _Diagonal) and matrix.vector is not None
    return matrix.vector


def multiplied(factors: Sequence[Matrix]) -> Matrix:
    """The product, and its transpose: that of the transposed factors from the last to the first."""
    if len(factors) == 1:
        return factors[0]
    layout = joined([f.within(PRODUCT if k == 0 else ATOM) if f.level != PRODUCT or f.chain else f.within(ATOM)
                     for k, f in enumerate(factors)], space)  # fmt: skip
    flipped = joined([f.T.within(PRODUCT if k == 0 else ATOM) if f.level != PRODUCT or f.chain else f.T.within(ATOM)
                      for k, f in enumerate(reversed(factors))], space)  # fmt: skip
    chain = tuple(shape for f in factors for shape in f.shapes)
    scales = any(f.scales for f in factors)
    ends_in_ones = factors[-1].layout == Op("1")
    return Matrix(layout, flipped, factors[0].rows, factors[-1].columns, PRODUCT, chain, scales, ends_in_ones)


def negated(matrix: Matrix) -> Matrix:
    sides = [Row((Op("−"), side)) for side in (matrix.within(PRODUCT), matrix.T.within(PRODUCT))]
    return Matrix(sides[0], sides[1], matrix.rows, matrix.columns, SUM_LEVEL, matrix.chain, matrix.scales)
