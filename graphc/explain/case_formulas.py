"""An entry case by case: `∂L/∂S_ij = P_ij − δ_jy` is `P_ij − 1` for `j = y`, and `P_ij` for `j ≠ y`."""

from __future__ import annotations

from graphc.explain.equalities import cases
from graphc.explain.forms import entries_of, factors_of, tidy
from graphc.explain.notation import Layout, Op, Row, Word, text
from graphc.explain.products import mul
from graphc.explain.steps import Formula
from graphc.explain.terms import ZERO, Expr, Is
from graphc.explain.writing import Writer

__all__ = ["case_formulas"]


def case_formulas(left: Layout, e: Expr, writer: Writer) -> list[Formula]:
    formulas = []
    found = cases(e)
    for condition, value in found if all(tidy(value) != ZERO for _, value in found) else []:
        written = Row((Word("for "), *_condition_items(writer, condition)))
        formulas.append(Formula(left, (writer.write(tidy(value)),), text(written), written))
    if formulas:
        return formulas
    factors = () if found else factors_of(e)
    masks = [f for f in factors if isinstance(f, Is) and f.relation in "<>≤≥" and entries_of(f)]
    if len(masks) == 1 and len(factors) <= 3 and not isinstance(e, Is):
        rest = mul(*(f for f in factors if f is not masks[0]))
        mask = masks[0]
        inside = Row((Word("for "), writer.write(mask.left), Op(mask.relation, True), writer.write(mask.right)))
        formulas.append(Formula(left, (writer.write(rest),), text(inside), inside))
        formulas.append(Formula(left, (Op("0"),), "otherwise"))
    return formulas


def _condition_items(writer: Writer, condition: Is) -> tuple[Layout, ...]:
    return (writer.place(condition.left), Op(condition.relation, True), writer.place(condition.right))
