"""What a step contributes to the gradient of an operand, by the chain rule through what the definition names.

    Z_ih = Σ_d X_id W_dh      to W      Σ_i ∂L/∂Z_ih X_id
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.entry_derivative import contribution, derivative
from graphc.explain.folding import fold
from graphc.explain.forms import is_interesting
from graphc.explain.indices import substitute, total
from graphc.explain.products import add, mul
from graphc.explain.sheet import Sheet
from graphc.explain.slopes import chain_formula, jacobian_formulas, slope_formula
from graphc.explain.steps import Formula
from graphc.explain.terms import ZERO, Expr, Func, Index, Tensor, fresh
from graphc.explain.units import Unit

__all__ = ["through"]


def through(sheet: Sheet, unit: Unit, tensor: Tensor, at: Sequence[Index]) -> tuple[Expr, list[Formula]]:
    """The contribution of a step to an operand, and what is shown on the way to it."""
    assert unit.expression is not None
    cotangent = sheet.cotangent(unit)
    made = contribution(unit.expression, unit.indices, cotangent, tensor, at)
    made = fold(made, unit.expression, unit.indices, unit.tensor)
    formulas: list[Formula] = []
    for auxiliary in unit.auxiliaries:
        inner = tuple(fresh(i.dim) for i in auxiliary.indices)
        of_auxiliary = contribution(unit.expression, unit.indices, cotangent, auxiliary.tensor, inner)
        slope = substitute(
            derivative(auxiliary.expression, tensor, at), dict(zip(auxiliary.indices, inner, strict=True))
        )
        slope = fold(slope, auxiliary.expression, auxiliary.indices, auxiliary.tensor)
        if slope == ZERO:
            continue
        formulas.append(slope_formula(sheet, auxiliary.tensor, inner, tensor, at, slope))
        formulas.append(chain_formula(sheet, auxiliary.tensor, inner, tensor, at, of_auxiliary, slope))
        body = mul(of_auxiliary, slope)
        for index in inner:
            body = total(index, body)
        made = add(made, body)
    if unit.id == sheet.plan.loss:
        return made, formulas
    if not unit.auxiliaries and is_interesting(unit.expression):
        inner = tuple(fresh(i.dim) for i in unit.indices)
        slope = substitute(derivative(unit.expression, tensor, at), dict(zip(unit.indices, inner, strict=True)))
        if len(inner) > 1 and not (is_interesting(slope) or isinstance(unit.expression, Func)):
            return made, formulas  # nothing but factors: the line that follows says as much
        plain = slope if isinstance(unit.expression, Func) else None
        slope = fold(slope, unit.expression, unit.indices, unit.tensor)
        formulas += jacobian_formulas(sheet, unit, inner, tensor, at, slope, plain)
    elif not unit.auxiliaries and len(unit.indices) == 1 and len(at) == 1:
        slope = derivative(unit.expression, tensor, at)
        formulas += jacobian_formulas(sheet, unit, unit.indices, tensor, at, slope)
    return made, formulas
