"""Formulas for the derivative of one value by another: one entry by another, the chain rule, the matrix of a Jacobian.

    ∂P_ij/∂S_ik = P_ij (δ_jk − P_ik)
    ∂L/∂S_ik = Σ_j ∂L/∂P_ij ∂P_ij/∂S_ik = …
    ∂y/∂x = diag(1 − y²)
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.cotangents import gradient
from graphc.explain.forms import is_diagonal, parts_of, same_indices, tidy
from graphc.explain.indices import substitute
from graphc.explain.matrices import matrix_form
from graphc.explain.notation import Big, Layout, Name, Op, Partial, Row, space
from graphc.explain.products import mul
from graphc.explain.sheet import Sheet
from graphc.explain.steps import Formula
from graphc.explain.terms import ZERO, Expr, Index, Mul, Sum, Tensor, key, number
from graphc.explain.units import Unit

__all__ = ["LONG", "chain_formula", "jacobian_formulas", "slope_formula"]

LONG = 60
"""A derivative, or a matrix, with more parts than this is no help."""
SLOPE = 24
"""A derivative with no more parts than this is also shown as it is before the value is recognised in it."""


def slope_formula(
    sheet: Sheet, value: Tensor, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], slope: Expr,
    plain: Expr | None = None,
) -> Formula:
    """∂P_ij/∂S_ik = P_ij (δ_jk − P_ik): what the samples have in common is one index.

    `plain` is the slope before the value is recognised in it: σ(z) (1 − σ(z)) is y (1 − y).
    """
    same = same_indices(slope, inner)
    slope = tidy(substitute(slope, same))
    first = [same.get(i, i) for i in inner]
    second = [same.get(i, i) for i in at]
    indices = [i for i in dict.fromkeys([*first, *second]) if isinstance(i, Index)]
    writer = sheet.writer(indices, slope)
    left = Partial(writer.entry(value, first), writer.entry(tensor, second))
    rights = [writer.write(slope)]
    if plain is not None:
        before = tidy(substitute(plain, same))
        if key(before) != key(slope) and len(parts_of(before)) <= SLOPE:
            rights.insert(0, writer.write(before))
    return Formula(left, tuple(rights))


def chain_formula(
    sheet: Sheet, value: Tensor, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], outer: Expr, slope: Expr
) -> Formula:
    """∂L/∂S_ik = Σ_j ∂L/∂P_ij ∂P_ij/∂S_ik, and what that is."""
    same = same_indices(slope, inner)
    first = [same.get(i, i) for i in inner]
    second = [same.get(i, i) for i in at]
    slope, outer = tidy(substitute(slope, same)), substitute(outer, same)
    indices = [i for i in dict.fromkeys([*first, *second]) if isinstance(i, Index)]
    writer = sheet.writer(indices, slope)
    entry, of = writer.entry(value, first), writer.entry(tensor, second)
    row: list[Layout] = [writer.entry(gradient(value), first), space, Partial(entry, of)]
    over = [i for i in first if isinstance(i, Index) and i not in second]
    body: Expr = mul(outer, slope)
    negative = isinstance(body, Mul) and body.factors[0] == number(-1)
    body = mul(number(-1), body) if negative else body
    for index in reversed(over):
        body = Sum(index, body)
    body = mul(number(-1), body) if negative else body
    if over:
        row.insert(0, Big("Σ", Row(tuple(Name(writer.env[i]) for i in over))))
    written = sheet.writer([i for i in indices if i not in over], body)
    written.env.update(writer.env)
    return Formula(writer.entry(gradient(tensor), second), (Row(tuple(row)), written.write(body)), "the chain rule")


def jacobian_formulas(
    sheet: Sheet, unit: Unit, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], slope: Expr,
    plain: Expr | None = None,
) -> list[Formula]:
    """The derivative of one entry by another, and for vectors the matrix of them in the layout asked for."""
    if slope == ZERO:
        return []
    if len(parts_of(slope)) > LONG:
        return []
    formulas = [slope_formula(sheet, unit.tensor, inner, tensor, at, slope, plain)]
    if len(inner) != 1 or len(at) != 1:
        return formulas
    writer = sheet.writer([*inner, *at], slope)
    places = (*inner, *at) if sheet.numerator else (*at, *inner)
    made = matrix_form(slope, places, writer, False)
    if made is not None:
        y, x = Name(unit.tensor.name), Name(tensor.name)
        jacobian = Partial(y, x)
        diagonal = " is diagonal" if is_diagonal(slope, inner[0], at[0]) else ""
        formulas.append(Formula(jacobian, (made[1].layout,), f"the Jacobian{diagonal}"))
        outer = Partial(Name(sheet.plan.letter), y)
        chain = (outer, jacobian) if sheet.numerator else (jacobian, outer)
        whole = Partial(Name(sheet.plan.letter), x)
        formulas.append(Formula(whole, (Row((chain[0], Op(" "), chain[1])),), "the chain rule"))
    return formulas
