"""Steps through operations that have no index definition, such as the inverse: by the rule, as matrices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphc.emitter.expressions import Text
from graphc.emitter.mathtext import DEEPEST, Mathematics, math_of
from graphc.explain.notation import Name, Op, text
from graphc.explain.steps import Formula, Part
from graphc.ir.graph import Builder, Graph
from graphc.language.expand import expand_rule

if TYPE_CHECKING:
    from graphc.explain.gradients import Gradients
    from graphc.explain.sheet import Sheet
    from graphc.explain.units import Unit

__all__ = ["opaque_parts"]

WHOLE = 40
"""So deep a rule's formula may go: it is shown as a whole."""


def opaque_parts(
    sheet: Sheet, gradients: Gradients, unit: Unit
) -> tuple[tuple[Formula, ...], tuple[Part, ...]]:
    """The value by its formula, and each operand's gradient by the operation's rule."""
    graph, tensors = sheet.graph, sheet.plan.tensors
    node = graph[unit.id]
    builder = Builder(graph.ops)
    ids: dict[int, int] = {}
    for u in node.operands:
        if u not in ids:
            ids[u] = builder.add("argument", (), {"name": str(u)}, type=graph[u].type)
    y = builder.add(node.op, [ids[u] for u in node.operands], dict(node.attrs))
    dy = builder.add("seed", (), {"name": "y"}, type=node.type)
    contributions = expand_rule(builder, builder.op(node.op), builder[y], dy)
    made = Graph(builder.nodes, ops=graph.ops)
    letter, own = sheet.plan.letter, text(Name(unit.tensor.name))
    operands = {ids[u]: _operand(sheet, u) for u in ids}
    cotangent = f"∂{letter}/∂{own}"
    given = cotangent if unit.id == sheet.plan.loss else ""  # of the loss by itself: 1
    value = _Formulas(made, operands, {}).made_of(y, WHOLE)
    formulas = _Formulas(made, operands, {y: own, dy: cotangent})
    definitions = (Formula(Name(unit.tensor.name), (Op(_spelled(str(value))),)),)
    parts = []
    for u, c in zip(node.operands, contributions, strict=True):
        if u in sheet.plan.active and c is not None:
            left = sheet.writer(()).entry(gradients.target(u), ())
            reason = f"by the rule of {graph.op(node).title}"
            formula = Formula(left, (Op(_spelled(str(formulas.text(c, WHOLE)), given)),), reason)
            code = sheet.code(u, unit) if gradients.uses.get(u, 0) <= 1 else ()
            parts.append(Part(tensors[u].name, (), (formula,), code=code))
    return definitions, tuple(parts)


class _Formulas(Mathematics):
    """Mathematics over operands that may be formulas: in `c (N + 1)` the second is a sum, and so in brackets."""

    def __init__(self, graph: Graph, operands: Mapping[int, Text], words: Mapping[int, str]) -> None:
        super().__init__(graph, {}, words.get)
        self.operands = operands

    def text(self, id: int, depth: int = DEEPEST) -> Text:
        return self.operands.get(id) or super().text(id, depth)


def _spelled(formula: str, one: str = "") -> str:
    """The formula with the signs that the others of a derivation have; comments in code have those of the code.

    A product's sign stands before it, not in brackets round its first factor; `one` is a factor that is 1.
    """
    if one:
        formula = re.sub(rf"{re.escape(one)} (?=[^ +\-⊙/])", "", formula)
        formula = formula.replace(f"{one} / ", "1 / ").replace(f"{one} ⊙ ", "")
    formula = re.sub(r"^\((-(?:(?! [+-] )[^()])*)\) (?=[^ +\-⊙/])", r"\1 ", formula)
    for written, sign in (("==", "="), ("!=", "≠"), ("<=", "≤"), (">=", "≥"), ("#1{", "Σ 1{")):
        formula = formula.replace(written, sign)
    return re.sub(r"(?<!\de)-", "−", formula)


def _operand(sheet: Sheet, u: int) -> Text:
    tensor = sheet.plan.tensors.get(u)
    if tensor is not None:
        return Text(text(Name(tensor.name)))
    return math_of(sheet.graph, u, {}, {id: tensor.name for id, tensor in sheet.plan.tensors.items()})
