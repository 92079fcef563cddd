"""Entries read as matrices: `Σ_i G_ic H_ih` is `Hᵀ G`, and the shapes say why.

A product of entries summed over indices is a walk: each index is a place, each matrix a step between two of them, and
the walk from the row's index to the column's is the product. What has one index stands on a place: a diagonal matrix
in between, a vector at the end. A tensor with more axes is taken slice by slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from graphc.explain.indices import substitute
from graphc.explain.notation import Big, Fence, Frac, Layout, Name, Op, Partial, Row, Script, Word, space, text
from graphc.explain.products import mul, power
from graphc.explain.terms import ONE, Add, Entry, Expr, Extreme, Index, Is, Mul, Num, Power, Size, Sum, children, free
from graphc.explain.writing import Writer, is_gradient, joined
from graphc.ir.dims import Dim, dim

__all__ = ["Matrix", "matrix_form"]

SUM_LEVEL, PRODUCT, ATOM = 1, 2, 3
TRANSPOSED = Op("T")


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


class _Failed(Exception):
    """The entries are no product of matrices."""


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
    except _Failed:
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
            return made[0][1] if not made[0][0] else _signed(made[0][1])
        if any((m.rows, m.columns) != (made[0][1].rows, made[0][1].columns) for _, m in made):
            raise _Failed
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
        return Frac(top, self.writer.write(mul(*(power(f, Num(Fraction(-1))) for f in below)), PRODUCT))

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
                raise _Failed
            if len(places) == 1:
                on.setdefault(next(iter(places)), []).append(factor)
            elif len(places) == 2:
                steps.setdefault(frozenset(places), []).append(factor)
            else:
                raise _Failed
        whole = steps.pop(frozenset((row, column)), []) if row and column and len(steps) > 1 else []
        walk = _Walk(self, on, steps)
        made = walk.product(row, column)
        if whole and row and column:  # a product of matrices, and entries beside it
            beside = self.entrywise(whole, row, column)
            sign = Op("⊙", spaced=True)
            pairs = ((made, beside), (made.T, beside.T))
            sides = [Row((product.within(ATOM), sign, entries.within(ATOM))) for product, entries in pairs]
            made = Matrix(sides[0], sides[1], made.rows, made.columns, PRODUCT, made.chain, made.scales)
        if not walk.done():
            raise _Failed
        return made, scalars

    def _diagonal(self, factors: list[Expr], row: Index | None, column: Index | None) -> Matrix:
        assert row is not None and column is not None
        body = substitute(mul(*factors), {column: row})
        if free(body) - set(self.slices) - {row}:
            raise _Failed
        if body == ONE:
            return _plain(Name("I"), row.dim, row.dim)
        if not self._elementwise(body):
            raise _Failed
        return _diag(self._entrywise(body, row, None))

    # ------------------------------------------------------------ entry by entry

    def _elementwise(self, e: Expr) -> bool:
        """Whether the expression is a function of entries at the same place."""
        if isinstance(e, (Sum, Extreme)):
            return False
        if isinstance(e, Entry):
            places = [i for i in e.indices if isinstance(i, Index) and i not in self.slices]
            if len(places) > len(set(places)) > 1:  # a diagonal of slices
                return False
            return all(isinstance(i, (Index, Num)) for i in e.indices)
        if isinstance(e, Is) and e.relation in "=≠" and any(isinstance(s, Index) for s in (e.left, e.right)):
            return any(isinstance(s, Entry) and s.tensor.integer for s in (e.left, e.right))
        if isinstance(e, Index):
            return False
        return all(map(self._elementwise, children(e)))

    def entrywise(self, factors: Sequence[Expr], row: Index, column: Index | None) -> Matrix:
        """The product of arrays entry by entry."""
        made = [self._entrywise(f, row, column) for f in factors]
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
            writer = _Dropping(self, row, column, transposed)
            layout, level = writer._written(e)
            sides.append(layout)
        columns = column.dim if column is not None else dim(1)
        return Matrix(sides[0], sides[1], row.dim, columns, min(level, ATOM))


class _Dropping(Writer):
    """Writes an expression over the entries of one place as one over arrays: `1 − Y_ij²` is `1 − Y²`."""

    def __init__(self, reader: _Reader, row: Index, column: Index | None, transposed: bool) -> None:
        outer = reader.writer
        super().__init__(outer.letters, outer.loss, outer.env, outer.doubled)
        self.reader, self.row, self.column, self.transposed = reader, row, column, transposed
        self.special = self._array

    def _array(self, e: Entry) -> Layout:
        slices = [i for i in e.indices if i in self.reader.slices]
        places = [i for i in e.indices if isinstance(i, Index) and i not in slices and i.dim != 1]
        flipped = self.transposed
        if len(places) == 2 and places[0] == places[1]:  # the diagonal of a matrix, which is a vector
            diagonal = Row((Word("diag"), Fence("(", self.entry(e.tensor, slices), ")")))
            lying = self.column is not None and places[0] != self.row
            return Script(diagonal, sup=TRANSPOSED) if flipped != lying else diagonal
        lies = len(places) == 1 and self.column is not None and places != [self.row]  # along the columns
        if lies or places == [self.column, self.row]:
            flipped = not flipped
        shape = e.tensor.shape
        thin = [k for k, i in enumerate(e.indices) if len(shape) > k and shape[k] == 1]
        if len(places) == 1 and len(e.indices) == 2 and thin == [0]:
            flipped = not flipped  # a matrix of one row
        kept = [i for k, i in enumerate(e.indices) if i in slices or (isinstance(i, Num) and k not in thin)]
        if len(places) == 1 and len(kept) == 1 and isinstance(kept[0], Num) and len(e.indices) == 2:
            # A column or a row of a matrix, which is a vector.
            whole = [Op("·") if i in places else self.place(i) for i in e.indices]
            name = self.entry(e.tensor, [])
            base: Layout = Script(name, Row(tuple(whole)))
        else:
            base = self.entry(e.tensor, kept)
        if is_gradient(e.tensor) and self.reader.numerator:
            flipped = not flipped
        return Script(base, sup=TRANSPOSED) if flipped and places else base

    def _factors(self, factors: list[Expr]) -> Layout:
        """Arrays are multiplied entry by entry, numbers stand in front."""
        arrays = [f for f in factors if free(f) - set(self.reader.slices)]
        if len(arrays) == len(factors) == 1 or not arrays:
            return super()._factors(factors)
        numbers = [self.write(f, ATOM) for f in factors if f not in arrays]
        product = joined([self.write(f, ATOM) for f in arrays], Op("⊙", spaced=True))
        return joined([*numbers, product], space)

    def _condition(self, e: Is) -> Layout:
        sides = (e.left, e.right)
        for index, label in (sides, sides[::-1]):
            if isinstance(index, Index) and isinstance(label, Entry) and label.tensor.integer:
                hot = Row((Word("onehot"), Fence("(", Name(label.tensor.name), ")")))
                layout: Layout = Script(hot, sup=TRANSPOSED) if self.transposed else hot
                return layout if e.relation == "=" else Row((Op("("), Op("1"), Op("−", True), layout, Op(")")))
        return super()._condition(e)


class _Walk:
    """The places of a product, the steps between them, and what stands on them; each is used once."""

    def __init__(self, reader: _Reader, on: dict[Index, list[Expr]], steps: dict[frozenset[Index], list[Expr]]) -> None:
        self.reader, self.on, self.steps = reader, dict(on), dict(steps)

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
            return _multiplied(start)
        left = self._vector_from(row, start)
        right = self._vector(column)
        return _multiplied([left, right.T])

    @staticmethod
    def _turned(vector: Matrix) -> Matrix:
        """A sum over rows is a row: `1ᵀ G` and not `Gᵀ 1`."""
        turns = text(vector.layout).count("ᵀ") >= text(vector.flipped).count("ᵀ") - 1
        return vector.T if vector.ends_in_ones and vector.rows != 1 and turns else vector

    def _places(self) -> set[Index]:
        return set(self.on) | {index for step in self.steps for index in step}

    def _path(self, row: Index, column: Index) -> tuple[list[Matrix], Index | None]:
        """The factors of the walk from row to column; None as its end if it does not get there."""
        factors: list[Matrix] = []
        here = row
        while True:
            if here in self.on and here != column:
                factors.append(_diag(self._standing(here)))
            if here == column:
                if here in self.on:
                    factors.append(_diag(self._standing(here)))
                if not factors:
                    raise _Failed
                return factors, here
            following = [step for step in self.steps if here in step]
            if len(following) != 1:
                if not following:
                    self._end = here
                    return factors, None
                raise _Failed
            (there,) = following[0] - {here}
            factors.append(self.reader.entrywise(self.steps.pop(following[0]), here, there))
            here = there

    def _vector_from(self, start: Index, factors: list[Matrix]) -> Matrix:
        """The walk that ended nowhere, applied to what stands at its end."""
        if factors and factors[-1].scales:
            last = _undiagonal(factors[-1])
            return _multiplied([*factors[:-1], last]) if factors[:-1] else last
        ones = _ones(self._end.dim)
        return _multiplied([*factors, ones]) if factors else ones

    def _vector(self, start: Index) -> Matrix:
        factors, _ = self._path(start, Index(-1, start.dim))
        return self._vector_from(start, factors)

    def _number(self) -> Matrix:
        if self.done():
            return _plain(Op("1"), dim(1), dim(1))
        ends = [i for i in sorted(self._places(), key=lambda i: i.mark) if sum(i in s for s in self.steps) <= 1]
        if not ends:
            raise _Failed
        start = ends[0]
        if not any(start in step for step in self.steps):  # a product of vectors
            made = self.on.pop(start)
            if len(made) == 1:
                return _multiplied([_ones(start.dim).T, self.reader.entrywise(made, start, None)])
            left = self.reader.entrywise(made[:1], start, None)
            return _multiplied([left.T, self.reader.entrywise(made[1:], start, None)])
        left = self._standing(start) if start in self.on else _ones(start.dim)
        return _multiplied([left.T, self._vector(start)])

    def _standing(self, place: Index) -> Matrix:
        return self.reader.entrywise(self.on.pop(place), place, None)


# ---------------------------------------------------------------- matrices of matrices

def _plain(layout: Layout, rows: Dim, columns: Dim) -> Matrix:
    return Matrix(layout, layout, rows, columns)


def _ones(size: Dim) -> Matrix:
    return Matrix(Op("1"), Script(Op("1"), sup=TRANSPOSED), size, dim(1), ends_in_ones=True)


@dataclass(frozen=True)
class _Diagonal(Matrix):
    vector: Matrix | None = None


def _diag(vector: Matrix) -> Matrix:
    plain = vector.flipped if _is_transposed(vector.layout) else vector.layout
    layout = Row((Word("diag"), Fence("(", plain, ")")))
    return _Diagonal(layout, layout, vector.rows, vector.rows, ATOM, (), True, False, vector)


def _is_transposed(e: Layout) -> bool:
    return isinstance(e, Script) and e.sup == TRANSPOSED


def _undiagonal(matrix: Matrix) -> Matrix:
    assert isinstance(matrix, _Diagonal) and matrix.vector is not None
    return matrix.vector


def _multiplied(factors: Sequence[Matrix]) -> Matrix:
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


def _signed(matrix: Matrix) -> Matrix:
    sides = [Row((Op("−"), side)) for side in (matrix.within(PRODUCT), matrix.T.within(PRODUCT))]
    return Matrix(sides[0], sides[1], matrix.rows, matrix.columns, SUM_LEVEL, matrix.chain, matrix.scales)


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
