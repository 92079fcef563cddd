"""The derivation of a program's gradients, step by step from the loss to each variable, as formulas and remarks.

Each step takes the entry of a value by its definition, differentiates it, contracts the deltas, reads the result as
matrices, and shows the generated lines that compute it. How it looks on a page is up to `explain/derivation_text.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.emitter.body import Body
from graphc.explain.forms import common
from graphc.explain.gradients import Gradients
from graphc.explain.index_uses import has_computed_index
from graphc.explain.quotes import remarks_on, statement_of
from graphc.explain.sheet import Sheet
from graphc.explain.steps import Derivation, Formula, Step
from graphc.explain.units import Plan, Unit, expressions, plan
from graphc.ir.dims import shown
from graphc.ir.graph import Graph
from graphc.language.source import lines_of

__all__ = ["derive"]


def derive(
    graph: Graph, module: str = "", backward: Body | None = None, *, wrt: Sequence[str] | None = None,
    loss: str | None = None, numerator: bool = False, expand: Mapping[str, int] | tuple[int, int] | None = None,
) -> Derivation:
    """The derivation of a lowered program; `module` is its generated source, and `backward` what the compiler's
    observer saw as `backward-body`: lines are quoted where both are given. Names must be the program's."""
    return _Deriver(plan(graph, wrt, loss), module, backward, numerator, expand).derivation()


class _Deriver:
    def __init__(
        self, plan: Plan, module: str, backward: Body | None, numerator: bool,
        expand: Mapping[str, int] | tuple[int, int] | None,
    ) -> None:  # fmt: skip
        self.plan, self.graph = plan, plan.graph
        self.sheet = Sheet(plan, module, numerator, backward)
        self.gradients = Gradients(self.sheet, expand)

    def derivation(self) -> Derivation:
        plan, graph = self.plan, self.graph
        steps = tuple(self._step(unit) for unit in reversed(plan.units))
        variables = [graph.values[name] for name in plan.wrt]
        uses = self.gradients.uses
        ends = [id for id in variables if uses.get(id, 0) > 1 and not any(u.id == id for u in plan.units)]
        sums = tuple(self.gradients.sum_of(id) for id in ends)
        return Derivation(
            f"The derivation of {graph.file}" if graph.file != "<string>" else "The derivation", _program(graph.source),
            self._question(), tuple(self._conventions()), tuple(self._shapes()), steps, sums, tuple(self._results()),
            self.sheet.numerator, graph,
        )  # fmt: skip

    def _question(self) -> str:
        plan = self.plan
        if not plan.wrt or not plan.targets:
            return "There is nothing to differentiate: no value of floating type depends on one."
        wanted = ", ".join(plan.wrt)
        if plan.loss is not None:
            return f"Wanted: the gradients of {plan.letter} with respect to {wanted}."
        outputs = ", ".join(plan.targets)
        given = ", ".join(f"∂{plan.letter}/∂{name}" for name in plan.targets)
        return (
            f"{plan.letter} is a number that depends on {outputs}; {given} is given. Wanted: the gradients of {wanted}."
        )

    def _conventions(self) -> list[str]:
        letter = self.plan.letter
        if self.sheet.numerator:
            lines = [
                f"Numerator layout: ∂{letter}/∂x of a column x is a row; ∂{letter}/∂X of an m×n matrix X is n×m, the "
                "transpose of X's own shape. The chain rule goes from left to right: ∂z/∂x = (∂z/∂y)(∂y/∂x). The "
                "generated lines keep each gradient in its variable's shape."
            ]
        else:
            lines = [
                f"Denominator layout: ∂{letter}/∂X has the shape of X, and a vector's gradient is a column, that of a "
                "vector added to each row a row. The chain rule goes from right to left: ∂z/∂x = (∂y/∂x)(∂z/∂y)."
            ]
        numbers = [tensor.name for tensor in self.plan.tensors.values() if tensor.from_zero]
        apart = f", but {', '.join(numbers)} from 0, as in the program" if numbers else ""
        lines.append(f"Indices, and integers that are used as indices, count from 1{apart}; δ_ij is 1 for i = j, else "
                     "0, and 1{…} is 1 where … holds, else 0.")  # fmt: skip
        if self._counts_on():
            lines.append("A computed index below 1 counts on from the end: 0 is the last entry.")
        if any(node.op == "binary_entropy" for node in self.graph):
            lines.append("The logarithms of bce are at least −100 in the program.")
        lines.append("⊙, quotients, functions and powers of arrays act entry by entry; 1 as a matrix is a column of "
                     "ones; diag(v) M scales the rows of M by v, M diag(v) its columns; diag(M) is a "
                     "diagonal.")  # fmt: skip
        if self.plan.size_names:
            named = ", ".join(f"{name} is {shown(size)}" for size, name in self.plan.size_names.items())
            lines.append(f"Sizes that the program leaves open have names here: {named}.")
        if self.plan.open_shapes:
            taken = ", ".join(f"{self.plan.tensors[id].name} {self.sheet.shape(shape)}"
                              for id, shape in sorted(self.plan.open_shapes.items()))  # fmt: skip
            lines.append(f"Shapes that the program leaves open may be others at run time; assumed here: {taken}.")
        return lines

    def _counts_on(self) -> bool:
        """Whether an index is computed from integers, and may so be negative in the program: `E[-y]`."""
        negative = any(node.op in ("gather", "gather_entry", "take_along_axis") for node in self.graph)
        return negative and any(has_computed_index(e) for unit in self.plan.units for e in expressions(unit))

    def _shapes(self) -> list[str]:
        lines = []
        for argument in self.graph.arguments:
            node = self.graph[argument.node]
            kind = "" if node.type.is_float else f", {node.type.dtype}"
            lines.append(f"{argument.name} {self.sheet.shape(node.type.shape)}{kind}")
        lines += [f"{unit.tensor.name} {self.sheet.shape(self.graph[unit.id].type.shape)}" for unit in self.plan.units]
        return lines

    def _results(self) -> list[str]:
        unreached = [name for name in self.plan.wrt if self.graph.values[name] not in self.plan.active]
        return [f"{self.plan.letter} does not depend on {name} smoothly: its gradient is 0." for name in unreached]

    def _step(self, unit: Unit) -> Step:
        text, place = statement_of(self.plan, unit)
        self.sheet.begin(unit)
        sums = (self.gradients.sum_of(unit.id),) if self.gradients.uses.get(unit.id, 0) > 1 else ()
        remarks = tuple(remarks_on(self.plan, unit))
        if unit.expression is None:
            from graphc.explain.opaque import opaque_parts

            definitions, parts = opaque_parts(self.sheet, self.gradients, unit)
        else:
            definitions, parts = self._definitions(unit), tuple(self.gradients.parts(unit))
        return Step(unit.tensor.name, text, place, definitions, parts, sums, remarks)

    def _definitions(self, unit: Unit) -> tuple[Formula, ...]:
        assert unit.expression is not None
        writer = self.sheet.writer(unit.indices, unit.expression)
        formulas = [Formula(writer.entry(unit.tensor, unit.indices), (writer.write(common(unit.expression)),))]
        for auxiliary in unit.auxiliaries:
            writer = self.sheet.writer(auxiliary.indices, auxiliary.expression)
            left = writer.entry(auxiliary.tensor, auxiliary.indices)
            formulas.append(Formula(left, (writer.write(auxiliary.expression),)))
        return tuple(formulas)


def _program(source: str) -> str:
    """The statements without the lines that are only comments: they may say what is derived here."""
    lines = [line for line in lines_of(source) if not line.lstrip().startswith("#")]
    return "\n".join(lines).strip("\n")
