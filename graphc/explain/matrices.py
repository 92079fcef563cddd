"""Entries read as matrices: `Σ_i G_ic H_ih` is `Hᵀ G`, and the shapes say why.

What is a product of entries summed over indices is a walk from the row's index to the column's; the rest are entries at
one place. A tensor with more axes is taken slice by slice: the sum over its other axes stands before the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from graphc.explain.array_writing import ArrayWriter, is_part
from graphc.explain.cotangents import is_gradient
from graphc.explain.index_ranges import decided
from graphc.explain.indices import substitute
from graphc.explain.matrix import Matrix, NoMatrix, diag, negated, symmetric
from graphc.explain.notation import Big, Frac, Layout, Name, Op, Partial, Row, space
from graphc.explain.places import ranges
from graphc.explain.products import mul, power
from graphc.explain.terms import (
    ONE,
    Add,
    Entry,
    Expr,
    Extreme,
    Index,
    Is,
    Mul,
    Num,
    Power,
    Size,
    Sum,
    children,
    free,
    size,
)
from graphc.explain.walk import Walk
from graphc.explain.writing import ATOM, PRODUCT, SUM_LEVEL, Writer, joined
from graphc.ir.dims import dim

__all__ = ["matrix_form"]


def matrix_form(
    e: Expr, at: Sequence[Index], writer: Writer, numerator: bool = False
) -> tuple[list[Index], Matrix] | None:
    """The matrix whose entries these are, and the indices that stand for the slice; None if it is not one.

    With `numerator` a gradient has the transposed shape of its variable.
    """
    outer = list(at[:-2])
    row, column = (*at[-2:], None, None)[:2]
    if row is None and not any(isinstance(part, Sum) for part in _parts(e)):
        return None  # numbers
    try:
        reader = _Reader(writer.with_indices(outer), outer, numerator)
        made = reader.matrix(e, row, column)
    except NoMatrix:
        return None
    if numerator:
        made = made.T
    return outer, made


class _Reader:
    def __init__(self, writer: Writer, slices: Sequence[Index], numerator: bool) -> None:
        self.writer, self.slices, self.numerator = writer, list(slices), numerator

    def matrix(self, e: Expr, row: Index | None, column: Index | None) -> Matrix:
        terms = e.terms if isinstance(e, Add) else (e,)
        made = [self._term(term, row, column) for term in terms]
        if len(made) == 1:
            return made[0][1] if not made[0][0] else negated(made[0][1])
        if any((m.rows, m.columns) != (made[0][1].rows, made[0][1].columns) for _, m in made):
            raise NoMatrix
        made.sort(key=lambda item: item[0])
        layouts = [[m.within(SUM_LEVEL + 1) for _, m in made], [m.T.within(SUM_LEVEL + 1) for _, m in made]]
        rows = [_with_signs([negative for negative, _ in made], side) for side in layouts]
        return Matrix(rows[0], rows[1], made[0][1].rows, made[0][1].columns, SUM_LEVEL,
                      scales=any(m.scales for _, m in made))  # fmt: skip

    # ------------------------------------------------------------ one product

    def _term(self, term: Expr, row: Index | None, column: Index | None) -> tuple[bool, Matrix]:
        summed: list[Index] = []
        factors: list[Expr] = []
        _open(term, summed, factors)
        negative = False
        numbers: list[Expr] = []
        others: list[Expr] = []
        for factor in factors:
            if isinstance(factor, Num) and factor.value < 0:
                negative, factor = not negative, Num(-factor.value)
            if isinstance(factor, (Num, Size)):
                numbers += [factor] if factor != ONE else []
            else:
                others.append(factor)
        inner = [index for index in summed if self._is_slice(index, others, row, column)]
        reader = _Reader(self.writer.with_indices(inner), [*self.slices, *inner], self.numerator)
        if not summed and row is not None and all(reader._elementwise(f) for f in others):
            whole = reader._whole(mul(*numbers, *others), row, column)
            if whole is not None:
                return negative, whole
        made, scalars = reader._product(others, summed, row, column)
        front = [*numbers, *scalars]
        if front:
            sides = [reader._scaled(mul(*front), side) for side in (made.within(PRODUCT), made.T.within(PRODUCT))]
            made = Matrix(sides[0], sides[1], made.rows, made.columns, PRODUCT, made.chain, made.scales)
        if inner:
            index = joined([Name(reader.writer.env[i]) for i in inner], Op(""))
            sides = [Row((Big("Σ", index), side)) for side in (made.within(PRODUCT), made.T.within(PRODUCT))]
            made = Matrix(sides[0], sides[1], made.rows, made.columns, PRODUCT, made.chain, made.scales)
        return negative, made

    def _scaled(self, coefficient: Expr, side: Layout) -> Layout:
        """A number times a matrix; what the number is divided by stands below both."""
        factors = coefficient.factors if isinstance(coefficient, Mul) else (coefficient,)
        below = [f for f in factors if isinstance(f, Power) and isinstance(f.exponent, Num) and f.exponent.value < 0]
        if not below:
            return Row((self.writer.write(coefficient, PRODUCT), space, side))
        above = mul(*(f for f in factors if f not in below))
        top = side if above == ONE else Row((self.writer.write(above, PRODUCT), space, side))
        return Frac(top, self.writer.write(mul(*(power(f, Num(Fraction(-1))) for f in below))))

    def _is_slice(self, index: Index, factors: Sequence[Expr], row: Index | None, column: Index | None) -> bool:
        """Whether an index is the first of a tensor with more axes than a matrix has."""
        for factor in factors:
            for entry in _entries(factor):
                places = [i for i in entry.indices if isinstance(i, Index) and i not in self.slices]
                if len(places) > 2 and index in places[: len(places) - 2]:
                    return True
        return False

    def _whole(self, e: Expr, row: Index, column: Index | None) -> Matrix | None:
        """Entries that only need to lose their indices: `2 (Y − T)`."""
        found = free(e) - set(self.slices)
        if found != {row, column} - {None}:
            return None
        factors = e.factors if isinstance(e, Mul) else (e,)
        if sum(1 for f in factors if free(f) - set(self.slices)) != 1:
            return None
        return self._entrywise(e, row, column)

    def _product(
        self, factors: Sequence[Expr], summed: Sequence[Index], row: Index | None, column: Index | None
    ) -> tuple[Matrix, list[Expr]]:
        scalars: list[Expr] = []
        on: dict[Index, list[Expr]] = {}
        steps: dict[frozenset[Index], list[Expr]] = {}
        for factor in factors:
            places = free(factor) - set(self.slices)
            if not places:
                scalars.append(factor)
                continue
            if isinstance(factor, Is) and factor.relation == "=" and {factor.left, factor.right} == {row, column}:
                on.setdefault(row, [])  # type: ignore[arg-type]  # Kronecker's delta: a diagonal
                rest = [f for f in factors if f is not factor]
                return self._diagonal(rest, row, column), []
            if not self._elementwise(factor):
                raise NoMatrix
            if len(places) == 1:
                on.setdefault(next(iter(places)), []).append(factor)
            elif len(places) == 2:
                steps.setdefault(frozenset(places), []).append(factor)
            else:
                raise NoMatrix
        whole = steps.pop(frozenset((row, column)), []) if row and column and len(steps) > 1 else []
        walk = Walk(self.entrywise, on, steps)
        made = walk.product(row, column)
        if whole and row and column:  # a product of matrices, and entries beside it
            beside = self.entrywise(whole, row, column)
            sign = Op("⊙", spaced=True)
            pairs = ((made, beside), (made.T, beside.T))
            sides = [Row((product.within(ATOM), sign, entries.within(ATOM))) for product, entries in pairs]
            made = Matrix(sides[0], sides[1], made.rows, made.columns, PRODUCT, made.chain, made.scales)
        if not walk.done():
            raise NoMatrix
        return made, scalars

    def _diagonal(self, factors: list[Expr], row: Index | None, column: Index | None) -> Matrix:
        assert row is not None and column is not None
        if row.dim != column.dim:  # 1 for equal places of two sizes: the Jacobian of `x[:2]` is no square matrix
            raise NoMatrix
        body = substitute(mul(*factors), {column: row})
        if free(body) - set(self.slices) - {row}:
            raise NoMatrix
        if body == ONE:
            return symmetric(Name("I"), row.dim)
        if not self._elementwise(body):
            raise NoMatrix
        return diag(self._entrywise(body, row, None))

    # ------------------------------------------------------------ entry by entry

    def _elementwise(self, e: Expr) -> bool:
        """Whether the expression is a function of entries at the same place."""
        if isinstance(e, (Sum, Extreme)):
            return False
        if isinstance(e, Entry):
            places = [i for i in e.indices if isinstance(i, Index) and i not in self.slices]
            if len(places) > len(set(places)) > 1:  # a diagonal of slices
                return False
            if is_part(e, self.slices):  # written as far as the index runs, `X_{1:2}`
                return len(places) == len(set(places)) == len(e.indices) <= 2 and all(
                    decided(size(i.dim), "≤", size(n)) for i, n in zip(places, e.tensor.shape, strict=True)
                )
            return all(isinstance(i, (Index, Num)) for i in e.indices)
        if isinstance(e, Is) and e.relation in "=≠" and any(isinstance(s, Index) for s in (e.left, e.right)):
            return any(isinstance(s, Entry) and s.tensor.integer for s in (e.left, e.right))
        if isinstance(e, Index):
            return False
        if isinstance(e, Add) and len({frozenset(p) for t in e.terms if (p := free(t) - set(self.slices))}) > 1:
            return False  # a column and a row are no matrix together
        return all(map(self._elementwise, children(e)))

    def entrywise(self, factors: Sequence[Expr], row: Index, column: Index | None) -> Matrix:
        """The product of arrays entry by entry; what some are divided by stands below the others."""
        if len(factors) > 1 and any(isinstance(f, Power) and _is_negative(f.exponent) for f in factors):
            order = sorted(factors, key=lambda f: not (isinstance(f, Entry) and is_gradient(f.tensor)))
            return self._entrywise(mul(*order), row, column)
        bounded = ranges(factors)
        pairs = [mul(low, high) for low, high in dict.fromkeys(bounded.values())]
        made = [self._entrywise(f, row, column) for f in [*(f for f in factors if f not in bounded), *pairs]]
        if len(made) == 1:
            return made[0]
        made.sort(key=lambda m: not isinstance(m.layout, Partial))
        sign = Op("⊙", spaced=True)
        return Matrix(joined([m.within(ATOM) for m in made], sign), joined([m.T.within(ATOM) for m in made], sign),
                      made[0].rows, made[0].columns, PRODUCT)  # fmt: skip

    def _entrywise(self, e: Expr, row: Index, column: Index | None) -> Matrix:
        sides = []
        level = ATOM
        for transposed in (False, True):
            writer = ArrayWriter(self.writer, self.slices, self.numerator, row, column, transposed)
            layout, level = writer.written(e)
            sides.append(layout)
        columns = column.dim if column is not None else dim(1)
        return Matrix(sides[0], sides[1], row.dim, columns, min(level, ATOM))


def _is_negative(e: Expr) -> bool:
    return isinstance(e, Num) and e.value < 0


def _with_signs(negative: Sequence[bool], layouts: Sequence[Layout]) -> Layout:
    row: list[Layout] = []
    for k, (minus, layout) in enumerate(zip(negative, layouts, strict=True)):
        if k or minus:
            row.append(Op("−" if minus else "+", spaced=bool(k)))
        row.append(layout)
    return Row(tuple(row))


def _open(e: Expr, summed: list[Index], factors: list[Expr]) -> None:
    """The sums and factors of a product, those of inner sums too."""
    if isinstance(e, Sum):
        summed.append(e.index)
        _open(e.body, summed, factors)
    elif isinstance(e, Mul):
        for factor in e.factors:
            _open(factor, summed, factors)
    elif isinstance(e, Power) and isinstance(e.exponent, Num) and e.exponent.value == 2 and isinstance(e.base, Entry):
        factors.append(e)
    else:
        factors.append(e)


def _parts(e: Expr) -> list[Expr]:
    return [e, *(inner for part in children(e) for inner in _parts(part))]


def _entries(e: Expr) -> list[Entry]:
    found = [e] if isinstance(e, Entry) else []
    return found + [entry for part in children(e) for entry in _entries(part)]
