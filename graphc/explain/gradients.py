"""The gradients as they come about step by step: what each use of a value contributes, and what the uses add up to.

    Z = X@W; L = sum(Z*Z)      of Z: ∂L/∂Z_ih = 2 Z_ih; of W: ∂L/∂W_dh = Σ_i X_id ∂L/∂Z_ih = Xᵀ ∂L/∂Z
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.explain.case_formulas import case_formulas
from graphc.explain.chain_rule import through
from graphc.explain.cotangents import gradient
from graphc.explain.entry_derivative import contribution
from graphc.explain.forms import entries_of, insert, is_contraction, is_interesting, parts_of, sizes_of, tidy
from graphc.explain.indices import substitute
from graphc.explain.matrices import matrix_form
from graphc.explain.matrix_formulas import matrix_formulas, reason
from graphc.explain.notation import Layout, Op, Row, Word
from graphc.explain.products import add
from graphc.explain.sheet import Sheet
from graphc.explain.steps import Formula, Part
from graphc.explain.terms import Add, Expr, Func, Index, Num, Sum, Tensor, fresh, key
from graphc.explain.units import Unit, references
from graphc.ir.dims import Dim

__all__ = ["Gradients"]

SHOWN = 60
"""A sum of contributions with no more parts than this is shown as a whole."""
INSERT = 12
"""A gradient with no more parts than this is put into the sum that follows it."""


class Gradients:
    """What is known of the gradients while the steps are gone through from the loss on; `expand` are sizes for which
    entries are written out."""

    def __init__(self, sheet: Sheet, expand: Mapping[str, int] | tuple[int, int] | None) -> None:
        self.sheet, self.plan, self.expand = sheet, sheet.plan, expand
        self.count: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        for unit in self.plan.units:
            for u in unit.operands if unit.id in self.plan.active else ():  # nothing comes back through an argmax
                if u in self.plan.active:
                    self.uses[u] = self.uses.get(u, 0) + 1
        for name in self.plan.targets if self.plan.loss is None else []:
            id = self.plan.graph.values[name]
            if id in self.uses:
                self.uses[id] += 1
        self.known: dict[int, tuple[tuple[Index, ...], Expr]] = {}
        self.contributions: dict[int, list[tuple[tuple[Index, ...], Expr]]] = {}

    def parts(self, unit: Unit) -> list[Part]:
        """What a step contributes to the gradients of its operands, and of what its definition names."""
        parts: list[Part] = []
        assert unit.expression is not None
        for auxiliary in unit.auxiliaries:
            parts.append(self._auxiliary(unit, auxiliary.tensor, auxiliary.indices))
        for u in unit.operands:
            if u in self.plan.active:
                parts.append(self._to_operand(unit, u))
        return parts

    def _auxiliary(self, unit: Unit, tensor: Tensor, indices: Sequence[Index]) -> Part:
        """The gradient of a value that only the definition names."""
        assert unit.expression is not None
        at = tuple(fresh(i.dim) for i in indices)
        entry = contribution(unit.expression, unit.indices, self.sheet.cotangent(unit), tensor, at)
        writer = self.sheet.writer(at, entry)
        return Part(tensor.name, (Formula(writer.entry(gradient(tensor), at), (writer.write(entry),)),))

    def _to_operand(self, unit: Unit, u: int) -> Part:
        assert unit.expression is not None
        sheet, tensor = self.sheet, self.plan.tensors[u]
        at = tuple(fresh(n) for n in tensor.shape or _row_shape(unit, tensor))
        each, formulas = through(sheet, unit, tensor, at)
        target = self.target(u)
        entry = tidy(each)
        writer = sheet.writer(at, entry)
        left = writer.entry(target, at)
        rights = [writer.write(entry)]
        uses = references(self.plan.graph, unit, u, self.plan.tensors)
        adds_up = isinstance(each, Add) and len(each.terms) == uses > 1 and not unit.auxiliaries
        if unit.id == self.plan.loss and isinstance(unit.expression, Func):
            plain = contribution(unit.expression, unit.indices, None, tensor, at)
            rights[:0] = [writer.write(tidy(plain))] if key(plain) != key(each) else []
        remark = f"{uses} uses add up" if adds_up else ""
        if adds_up and key(each) != key(entry):
            rights.insert(0, writer.write(each))
        inserted = self._inserted(unit, entry)
        if inserted is not None:
            rights.append(writer.write(inserted))
            entry = inserted
        elif isinstance(self.known.get(unit.id, ((), None))[1], Num):
            indices, value = self.known[unit.id]
            rights.append(writer.write(tidy(insert(entry, gradient(unit.tensor), indices, value))))
        matrices = matrix_formulas(sheet, target, unit, entry, at, writer)
        if matrices and is_contraction(entry, at):  # of tensors with more axes than a matrix has
            remark = remark or "as one contraction"
            matrices = [replace(m, remark=f"slice by slice, {m.remark}") for m in matrices]
        formulas.append(Formula(left, tuple(rights), remark))
        formulas += case_formulas(left, entry, writer)
        self.contributions.setdefault(u, []).append((at, entry))
        if self.uses.get(u, 0) <= 1:
            self.known[u] = (at, entry)
        code = sheet.code(u, unit) if self.uses.get(u, 0) <= 1 else ()
        return Part(tensor.name, tuple(formulas), tuple(matrices), self._expanded(target, entry, at), code)

    def target(self, u: int) -> Tensor:
        """What a contribution is called: the gradient itself, of several uses the next one's share of it."""
        tensor = self.plan.tensors[u]
        if self.uses.get(u, 0) <= 1:
            return gradient(tensor)
        self.count[u] = self.count.get(u, 0) + 1
        return gradient(tensor, self.count[u])

    def _inserted(self, unit: Unit, entry: Expr) -> Expr | None:
        """With the gradient before it put in, where that is short and the sum becomes simpler by it."""
        known = self.known.get(unit.id)
        if known is None or not any(isinstance(part, Sum) for part in parts_of(entry)) or _is_linear(unit):
            return None
        indices, value = known
        if len(parts_of(value)) > INSERT or any(isinstance(part, Sum) for part in parts_of(value)):
            return None
        made = tidy(insert(entry, gradient(unit.tensor), indices, value))
        return made if len(parts_of(made)) < len(parts_of(entry)) else None

    def sum_of(self, id: int) -> Part:
        """The contributions of all uses of a value."""
        tensor = self.plan.tensors[id]
        known = self.contributions.get(id, [])
        at = known[0][0] if known else tuple(fresh(n) for n in tensor.shape)
        whole = add(*(substitute(e, dict(zip(indices, at, strict=True))) for indices, e in reversed(known)))
        writer = self.sheet.writer(at, whole)
        given = self.plan.loss is None and tensor.name in self.plan.targets
        uses = range(1, self.uses[id] + (0 if given else 1))
        row: list[Layout] = [Word("given")] if given else []
        for k in reversed(uses):
            row += [Op("+", spaced=True)] if row else []
            row.append(writer.entry(gradient(tensor, k), at))
        left = writer.entry(gradient(tensor), at)
        remark = f"{self.uses[id]} uses add up"
        if given or len(known) != len(uses) or len(parts_of(whole)) > SHOWN:
            return Part(tensor.name, (Formula(left, (Row(tuple(row)),), remark),), code=self.sheet.code(id))
        whole = tidy(whole)
        self.known[id] = (at, whole)
        made = matrix_form(whole, at, writer, self.sheet.numerator)
        matrices = []
        if made is not None:
            left_matrix = writer.entry(gradient(tensor), made[0])
            matrices = [Formula(left_matrix, (made[1].layout,), reason(self.sheet, made[1]))]
        formula = Formula(left, (Row(tuple(row)), writer.write(whole)), remark)
        return Part(tensor.name, (formula,), tuple(matrices), code=self.sheet.code(id))

    def _expanded(self, target: Tensor, e: Expr, at: Sequence[Index]) -> tuple[Formula, ...]:
        if self.expand is None:
            return ()
        from graphc.explain.written_out import written_out

        sizes = self._sizes(e, at)
        writer = self.sheet.writer(())
        return tuple(
            Formula(writer.entry(target, places), (writer.write(entry),))
            for places, entry in written_out(e, at, sizes)
        )

    def _sizes(self, e: Expr, at: Sequence[Index]) -> Mapping[str, int]:
        """The numbers that sizes stand for: rows and columns of the last value that has them, rows for the others."""
        assert self.expand is not None
        names = {n for d in [i.dim for i in at] + sizes_of(e) for n in d.names()}
        if not isinstance(self.expand, tuple):
            return {**dict.fromkeys(names, 2), **self.expand}
        rows, columns = self.expand
        sizes: dict[str, int] = {}
        for unit in reversed(self.plan.units):
            shape = self.sheet.dims(unit.id)
            if len(shape) >= 2:
                for size, count in zip(shape[-2:], (rows, columns), strict=True):
                    if size.symbol:
                        sizes.setdefault(size.symbol, count)
        return {**dict.fromkeys(names, rows), **sizes}


def _row_shape(unit: Unit, tensor: Tensor) -> tuple[Dim, ...]:
    """The shape of a variable that is not declared: that of the row it is used as."""
    for entry in entries_of(unit.expression) if unit.expression is not None else []:
        if entry.tensor == tensor:
            return tuple(i.dim for i in entry.indices if isinstance(i, Index))
    return ()


def _is_linear(unit: Unit) -> bool:
    return unit.expression is not None and not is_interesting(unit.expression)
