"""What all formulas of a derivation have in common: names, the letters of indices, the layout, the code."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.emitter.body import Body
from graphc.emitter.written_lines import written_lines
from graphc.explain.codelines import CodeLines
from graphc.explain.cotangents import gradient
from graphc.explain.letters import Letters, doubled_sizes
from graphc.explain.made_gradients import MadeGradients
from graphc.explain.terms import Expr, Index, Tensor
from graphc.explain.units import Plan, Unit
from graphc.explain.writing import Writer
from graphc.ir.dims import Dim
from graphc.ir.types import Shape, Unknown, shape_text

__all__ = ["Sheet"]


class Sheet:
    """How the formulas of a derivation are written; `module` is the generated source that it quotes, `backward` what
    its function of that name was written from."""

    def __init__(self, plan: Plan, module: str, numerator: bool, backward: Body | None = None) -> None:
        self.plan, self.graph, self.numerator = plan, plan.graph, numerator
        written = written_lines(backward) if backward is not None else []
        self.generated = CodeLines(module, written)
        self.made = MadeGradients(plan, backward.context.graph, written) if backward is not None else None
        sizes = [d for a in self.graph.arguments for d in self.dims(a.node)]
        sizes += [d for u in plan.units for d in self.dims(u.id)]
        self.letters = Letters((d for d in sizes if d != 1), plan.size_names, (t.name for t in plan.tensors.values()))
        self.doubled: frozenset[Dim] = frozenset()

    def begin(self, unit: Unit) -> None:
        """The letters of a step are the same in all its formulas."""
        self.doubled = frozenset()
        if unit.expression is not None:
            self.doubled = doubled_sizes(unit.expression, unit.indices).union(
                *(doubled_sizes(a.expression, a.indices) for a in unit.auxiliaries)
            )

    def writer(self, indices: Sequence[Index], *expressions: Expr) -> Writer:
        doubled = self.doubled | frozenset(d for e in expressions for d in doubled_sizes(e, indices))
        return Writer(self.letters, self.plan.letter, doubled=doubled).with_indices(indices)

    def dims(self, id: int) -> tuple[Dim, ...]:
        shape = self.graph[id].type.shape
        return () if isinstance(shape, Unknown) else shape

    def shape(self, shape: Shape) -> str:
        if isinstance(shape, Unknown):
            return shape_text(shape)
        return "(" + ", ".join(map(self.letters.size, shape)) + ("," if len(shape) == 1 else "") + ")"

    def cotangent(self, unit: Unit) -> Tensor | None:
        """The gradient that comes into a step; None for the loss, where it is 1."""
        return None if unit.id == self.plan.loss else gradient(unit.tensor)

    def code(self, u: int, unit: Unit | None = None) -> tuple[str, ...]:
        """The generated lines of a gradient, as they stand under the step `unit`, or under that of the value itself."""
        name = self.plan.tensors[u].name
        origin = self.graph[u if unit is None else unit.id].origin
        place = self.graph.statements[origin.statement] if origin is not None and origin.statement >= 0 else None
        step = ", ".join(f"{variable} = {k}" for variable, k in place.steps) if place else ""
        gradient = self.made.of(u, unit) if self.made is not None else None
        return tuple(self.generated.lines(gradient, name, name in self.plan.wrt, step))
