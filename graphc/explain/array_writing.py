"""Entries at one place written as arrays: `1 − Y_ij²` is `1 − Y²`, and `a_i b_i` is `a ⊙ b`."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.cotangents import is_gradient
from graphc.explain.matrix import TRANSPOSED, NoMatrix
from graphc.explain.notation import Fence, Layout, Op, Row, Script, Word, space
from graphc.explain.places import ranges
from graphc.explain.terms import Entry, Expr, Index, Is, Num, free, size
from graphc.explain.writing import ATOM, Writer, joined

__all__ = ["ArrayWriter", "is_part"]


def is_part(e: Entry, slices: Sequence[Index]) -> bool:
    """Whether the indices run through a part of the array alone, as those of `X[:2]` do; a slice says its own."""
    places = zip(e.indices, e.tensor.shape, strict=False)
    return any(isinstance(i, Index) and i not in slices and i.dim != n for i, n in places)


class ArrayWriter(Writer):
    """Writes an expression over the entries of one place as one over arrays: `1 − Y_ij²` is `1 − Y²`."""

    def __init__(
        self, outer: Writer, slices: Sequence[Index], numerator: bool, row: Index, column: Index | None,
        transposed: bool,
    ) -> None:
        super().__init__(outer.letters, outer.loss, outer.env, outer.doubled)
        self.slices, self.numerator = slices, numerator
        self.row, self.column, self.transposed = row, column, transposed
        self.special = self._array

    def _array(self, e: Entry) -> Layout:
        slices = [i for i in e.indices if i in self.slices]
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
        above = len(e.indices) - 2  # the last two axes are the matrix's, those before them say which it is
        if len(places) == 1 and places[0] == e.indices[-1] and above in thin and e.indices[above] not in slices:
            flipped = not flipped  # a matrix of one row
        kept = [
            k for k, i in enumerate(e.indices) if i in slices or (isinstance(i, Num) and (k not in thin or k < above))
        ]
        base = self._part(e) if is_part(e, self.slices) else self._kept(e, kept)
        if is_gradient(e.tensor) and self.numerator:
            flipped = not flipped
        return Script(base, sup=TRANSPOSED) if flipped and places else base

    def _kept(self, e: Entry, axes: Sequence[int]) -> Layout:
        """An array that keeps the indices of these axes: `X_b`; `X_{·2}` is a column of a matrix, which is a vector."""
        kept = [e.indices[k] for k in axes]
        others = [i for i in e.indices if isinstance(i, Index) and i not in self.slices and i.dim != 1]
        if len(others) == len(kept) == 1 and isinstance(kept[0], Num) and len(e.indices) == 2:
            whole = [self.place(i) if k in axes else Op("·") for k, i in enumerate(e.indices)]
            return self.subscripted(e.tensor, Row(tuple(whole)))
        return self.entry(e.tensor, kept)

    def _part(self, e: Entry) -> Layout:
        """An array up to where the indices run: `X_{1:2}` are rows, `X_{·,1:2}` columns."""
        ranges_: list[Layout] = []
        for i, n in zip(e.indices, e.tensor.shape, strict=True):
            assert isinstance(i, Index)
            ranges_.append(Op("·") if i.dim == n else Row((Op("1"), Op(":"), self.write(size(i.dim)))))
        while ranges_[-1] == Op("·"):
            ranges_.pop()
        return self.subscripted(e.tensor, joined(ranges_, Op(",")))

    def factors(self, factors: list[Expr]) -> Layout:
        """Arrays are multiplied entry by entry, numbers stand in front."""
        arrays = [f for f in factors if free(f) - set(self.slices)]
        if len(arrays) == len(factors) == 1 or not arrays:
            return super().factors(factors)
        numbers = [self.write(f, ATOM) for f in factors if f not in arrays]
        bounded = ranges(arrays)
        items = [self.write(f, ATOM) for f in arrays if f not in bounded]
        items += [self.within(low, high) for low, high in dict.fromkeys(bounded.values())]
        product = joined(items, Op("⊙", spaced=True))
        return joined([*numbers, product], space)

    def condition(self, e: Is) -> Layout:
        sides = (e.left, e.right)
        for index, label in (sides, sides[::-1]):
            if isinstance(index, Index) and isinstance(label, Entry) and label.tensor.integer:
                hot = Row((Word("onehot"), Fence("(", self._labels(label, index), ")")))
                columns = index == self.row and self.column is not None  # onehot(y) has a row for each label
                layout: Layout = Script(hot, sup=TRANSPOSED) if self.transposed != columns else hot
                return layout if e.relation == "=" else Row((Op("("), Op("1"), Op("−", True), layout, Op(")")))
        return super().condition(e)

    def _labels(self, e: Entry, index: Index) -> Layout:
        """The labels that `onehot` is of: all along the row or the column, or one; the axes before are fixed.

        Raises `NoMatrix` for labels in another order and for a part of them: `y[::-1]`, `y[1:]`.
        """
        if len(e.tensor.shape) != len(e.indices):
            raise NoMatrix
        thin = [k for k, n in enumerate(e.tensor.shape) if n == 1]
        fixed = [k for k, i in enumerate(e.indices) if k not in thin and (i in self.slices or isinstance(i, Num))]
        along = [k for k in range(len(e.indices)) if k not in thin and k not in fixed]
        whole = all(
            isinstance(i, Index) and i in (self.row, self.column) and i != index and i.dim == e.tensor.shape[k]
            for k, i in enumerate(e.indices) if k in along
        )  # fmt: skip
        if not whole or len(along) > 1 or (len(e.indices) > 2 and along and fixed and along[0] < fixed[-1]):
            raise NoMatrix
        return self._kept(e, fixed)
