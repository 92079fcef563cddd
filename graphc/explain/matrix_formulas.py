"""A gradient's entry read as matrices: `∂L/∂W_dh = Σ_i X_id ∂L/∂Z_ih` is `Xᵀ ∂L/∂Z`, as (D×N)(N×H) = D×H."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.cotangents import gradient
from graphc.explain.expansion import expanded
from graphc.explain.forms import entries_of, parts_of
from graphc.explain.matrices import matrix_form
from graphc.explain.matrix import Matrix
from graphc.explain.notation import Fence, Op, Row, Word
from graphc.explain.sheet import Sheet
from graphc.explain.slopes import LONG
from graphc.explain.steps import Formula
from graphc.explain.terms import Add, Entry, Expr, Index, Tensor
from graphc.explain.units import Unit
from graphc.explain.writing import Writer
from graphc.ir.dims import Dim

__all__ = ["matrix_formulas", "reason"]


def matrix_formulas(
    sheet: Sheet, target: Tensor, unit: Unit, e: Expr, at: Sequence[Index], writer: Writer
) -> list[Formula]:
    """The entry `e` at `at` as a product of matrices, with the reason for their order; none where it is not one."""
    made = matrix_form(e, at, writer, sheet.numerator) or matrix_form(expanded(e), at, writer, sheet.numerator)
    if made is None or len(parts_of(e)) > LONG:
        return _moved(sheet, target, unit, at)
    slices, matrix = made
    if not at and len(matrix.shapes) < 2:  # a number, as its entry says
        return []
    if matrix.rows == 1 and _is_column(unit, at) and not sheet.numerator:
        matrix = matrix.T
    left = writer.entry(target, slices)
    return [Formula(left, (matrix.layout,), reason(sheet, matrix))]


def _is_column(unit: Unit, at: Sequence[Index]) -> bool:
    """Whether a vector is added to the columns of samples that the rows are made from, as b of `X Aᵀ + bᵀ`: a matrix
    beside it has its index first. The gradient of that is `Gᵀ 1`, that of the row b of `X W + b` is `1ᵀ G`."""
    if len(at) != 1 or not isinstance(unit.expression, Add) or not unit.indices:
        return False
    alone = [term for term in unit.expression.terms if isinstance(term, Entry) and term.indices == (unit.indices[-1],)]
    others = [entry for term in unit.expression.terms if term not in alone for entry in entries_of(term)]
    places = [entry.indices.index(unit.indices[-1]) for entry in others if unit.indices[-1] in entry.indices]
    return bool(alone) and bool(places) and not any(places)


def _moved(sheet: Sheet, target: Tensor, unit: Unit, at: Sequence[Index]) -> list[Formula]:
    """A reshape is undone by another one."""
    node = sheet.graph[unit.id]
    if node.op != "reshape" or node.operands[0] not in sheet.plan.tensors or sheet.cotangent(unit) is None:
        return []
    writer = sheet.writer(())
    shape = sheet.shape(tuple(index.dim for index in at))
    inside = Row((writer.entry(gradient(unit.tensor), ()), Op(", "), Op(shape)))
    right = Row((Word("reshape"), Fence("(", inside, ")")))
    return [Formula(writer.entry(target, ()), (right,), "the same entries, read row by row")]


def reason(sheet: Sheet, matrix: Matrix) -> str:
    """Why the factors stand in this order: their shapes."""
    def shape(pair: tuple[Dim, Dim]) -> str:
        return "×".join(sheet.letters.size(size, tight=True) for size in pair)

    whole = shape((matrix.rows, matrix.columns))
    if len(matrix.shapes) < 2:
        return whole if matrix.level == 1 else f"entry by entry, {whole}"
    return "".join(f"({shape(pair)})" for pair in matrix.shapes) + f" = {whole}"
