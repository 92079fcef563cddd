"""The derivation of a program's gradients, step by step from the loss to each variable, as formulas and remarks.

Each step takes the entry of a value by its definition, differentiates it, contracts the deltas, reads the result as
matrices, and shows the generated lines that compute it. How it looks on a page is up to `explain/derivation_text.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.explain.codelines import CodeLines
from graphc.explain.forms import (
    common,
    entries_of,
    factors_of,
    insert,
    is_contraction,
    is_diagonal,
    is_interesting,
    parts_of,
    same_indices,
    sizes_of,
    tidy,
)  # fmt: skip
from graphc.explain.index_calculus import cases, contribution, derivative, expanded, fold
from graphc.explain.indices import (
    ZERO,
    Add,
    Expr,
    Func,
    Index,
    Is,
    Mul,
    Num,
    Sum,
    Tensor,
    add,
    fresh,
    key,
    mul,
    number,
    substitute,
    total,
)  # fmt: skip
from graphc.explain.matrices import Matrix, matrix_form
from graphc.explain.notation import Big, Fence, Layout, Name, Op, Partial, Row, Word, space
from graphc.explain.steps import Derivation, Formula, Part, Step
from graphc.explain.units import Plan, Unit, plan, references
from graphc.explain.writing import Letters, Writer, doubled_sizes, gradient
from graphc.ir.dims import Dim, shown
from graphc.ir.graph import Graph
from graphc.ir.types import Shape, Unknown, shape_text

__all__ = ["derive"]

SHOWN = 60
"""A sum of contributions with no more parts than this is shown as a whole."""
LONG = 60
"""A derivative, or a matrix, with more parts than this is no help."""
SLOPE = 24
"""A derivative with no more parts than this is also shown as it is before the value is recognised in it."""
INSERT = 12
"""A gradient with no more parts than this is put into the sum that follows it."""


def derive(
    graph: Graph, module: str, *, wrt: Sequence[str] | None = None, loss: str | None = None, numerator: bool = False,
    expand: Mapping[str, int] | tuple[int, int] | None = None,
) -> Derivation:
    """The derivation of a lowered program; `module` is its generated source. Names must be the program's."""
    return _Deriver(plan(graph, wrt, loss), module, numerator, expand).derivation()


class _Deriver:
    def __init__(
        self, plan: Plan, module: str, numerator: bool, expand: Mapping[str, int] | tuple[int, int] | None
    ) -> None:
        self.plan, self.graph, self.numerator, self.expand = plan, plan.graph, numerator, expand
        self.code = CodeLines(module)
        sizes = [d for a in self.graph.arguments for d in self._dims(a.node)]
        sizes += [d for u in plan.units for d in self._dims(u.id)]
        self.letters = Letters((d for d in sizes if d != 1), plan.size_names)
        self.count: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        for unit in plan.units:
            for u in unit.operands:
                if u in plan.active:
                    self.uses[u] = self.uses.get(u, 0) + 1
        for name in plan.targets if plan.loss is None else []:
            id = self.graph.values[name]
            if id in self.uses:
                self.uses[id] += 1
        self.known: dict[int, tuple[tuple[Index, ...], Expr]] = {}
        self.contributions: dict[int, list[tuple[tuple[Index, ...], Expr]]] = {}
        self.doubled: frozenset[Dim] = frozenset()

    def _dims(self, id: int) -> tuple[Dim, ...]:
        shape = self.graph[id].type.shape
        return () if isinstance(shape, Unknown) else shape

    # ------------------------------------------------------------ the whole

    def derivation(self) -> Derivation:
        plan, graph = self.plan, self.graph
        steps = tuple(self._step(unit) for unit in reversed(plan.units))
        variables = [graph.values[name] for name in plan.wrt]
        ends = [id for id in variables if self.uses.get(id, 0) > 1 and not any(u.id == id for u in plan.units)]
        sums = tuple(self._sum(id) for id in ends)
        return Derivation(
            f"The derivation of {graph.file}" if graph.file != "<string>" else "The derivation", _program(graph.source),
            self._question(), tuple(self._conventions()), tuple(self._shapes()), steps, sums, tuple(self._results()),
            self.numerator, graph,
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
        if self.numerator:
            lines = [
                f"Numerator layout: ∂{letter}/∂x of a column x is a row; ∂{letter}/∂X of an m×n matrix X is n×m, the "
                "transpose of X's own shape. The chain rule goes from left to right: ∂z/∂x = (∂z/∂y)(∂y/∂x). The "
                "generated lines keep each gradient in its variable's shape."
            ]
        else:
            lines = [
                f"Denominator layout: ∂{letter}/∂X has the shape of X, and a vector's gradient is a column. The chain "
                "rule goes from right to left: ∂z/∂x = (∂y/∂x)(∂z/∂y)."
            ]
        lines.append("Indices, and integers that are used as indices, count from 1; δ_ij is 1 for i = j, else 0, and "
                     "1{…} is 1 where … holds, else 0.")  # fmt: skip
        lines.append("⊙, functions and powers of arrays act entry by entry; 1 as a matrix is a column of ones; "
                     "diag(v) M scales the rows of M by v, M diag(v) its columns; diag(M) is a diagonal.")  # fmt: skip
        if self.plan.size_names:
            named = ", ".join(f"{name} is {shown(size)}" for size, name in self.plan.size_names.items())
            lines.append(f"Sizes that the program leaves open have names here: {named}.")
        return lines

    def _shapes(self) -> list[str]:
        lines = []
        for argument in self.graph.arguments:
            node = self.graph[argument.node]
            kind = "" if node.type.is_float else f", {node.type.dtype}"
            lines.append(f"{argument.name} {self._shape(node.type.shape)}{kind}")
        lines += [f"{unit.tensor.name} {self._shape(self.graph[unit.id].type.shape)}" for unit in self.plan.units]
        return lines

    def _shape(self, shape: Shape) -> str:
        if isinstance(shape, Unknown):
            return shape_text(shape)
        return "(" + ", ".join(map(self.letters.size, shape)) + ("," if len(shape) == 1 else "") + ")"

    def _results(self) -> list[str]:
        unreached = [name for name in self.plan.wrt if self.graph.values[name] not in self.plan.active]
        return [f"{self.plan.letter} does not depend on {name} smoothly: its gradient is 0." for name in unreached]

    # ------------------------------------------------------------ one step

    def _step(self, unit: Unit) -> Step:
        text, place = self._statement(unit)
        self.doubled = frozenset()
        if unit.expression is not None:  # the letters of a step are the same in all its formulas
            self.doubled = doubled_sizes(unit.expression, unit.indices).union(
                *(doubled_sizes(a.expression, a.indices) for a in unit.auxiliaries)
            )
        sums = (self._sum(unit.id),) if self.uses.get(unit.id, 0) > 1 else ()
        remarks = self._remarks(unit)
        if unit.expression is None:
            from graphc.explain.opaque import opaque_parts

            definitions, parts = opaque_parts(self, unit)
            return Step(unit.tensor.name, text, place, definitions, parts, sums, tuple(remarks))
        return Step(
            unit.tensor.name, text, place, self._definitions(unit), tuple(self._parts(unit)), sums, tuple(remarks)
        )

    def _statement(self, unit: Unit) -> tuple[str, str]:
        """The statement that makes a value, and its place; of a part of one the part, by the name that it has here."""
        node, name = self.graph[unit.id], unit.tensor.name
        origin = node.origin
        if origin is None or not 0 <= origin.statement < len(self.graph.statements):
            return "", ""
        statement = self.graph.statements[origin.statement]
        if origin.rule is not None:  # a gradient that the program has given a name: what assigns it is of interest
            starts = f"{name} =", f"{name},"
            own = [each for each in self.graph.statements if each.text.startswith(starts)]
            statement = own[0] if own else statement
        text = statement.text
        if unit.id in self.plan.invented:
            part = self._part_text(unit.id)
            text = f"{name} = {part}" if part else f"{name}, in {text}"
        return text, f"{statement.file}:{statement.line}"

    def _part_text(self, id: int) -> str:
        """The part of a statement that makes a value, where the program itself has it."""
        origin = self.graph[id].origin
        if origin is None or origin.span is None or origin.span.source.text != self.graph.source:
            return ""
        part, whole = " ".join(origin.span.text.split()), self.graph.statements[origin.statement].text
        place = whole.rfind("   [")  # the step of a loop stands behind its statement
        statement, step = (whole[:place], whole[place:]) if place >= 0 else (whole, "")
        return part + step if part in statement and part != statement else ""

    def _remarks(self, unit: Unit) -> list[str]:
        """What the names that are given here stand for: of the value itself, of parts that it is made of."""
        invented, remarks = self.plan.invented, []
        if unit.id in invented:
            statement = self.graph.statements[self.graph[unit.id].origin.statement]  # type: ignore[union-attr]
            remarks.append(f"This is a part of {statement.text}.")
        entries = entries_of(unit.expression) if unit.expression is not None else []
        for u in sorted({e.tensor.id for e in entries if isinstance(e.tensor.id, int)} | set(unit.operands)):
            node = self.graph[u]
            if u in invented and node.op == "const":
                remarks.append(f"{invented[u]} stands for {_numbers(node.attr('value'))}.")
            elif u in invented:
                part = self._part_text(u) or "a part of the statement, which is a step of its own"
                remarks.append(f"{invented[u]} stands for {part}.")
        return remarks

    def _writer(self, indices: Sequence[Index], *expressions: Expr) -> Writer:
        doubled = self.doubled | frozenset(d for e in expressions for d in doubled_sizes(e, indices))
        return Writer(self.letters, self.plan.letter, doubled=doubled).with_indices(indices)

    def _definitions(self, unit: Unit) -> tuple[Formula, ...]:
        assert unit.expression is not None
        writer = self._writer(unit.indices, unit.expression)
        formulas = [Formula(writer.entry(unit.tensor, unit.indices), (writer.write(common(unit.expression)),))]
        for auxiliary in unit.auxiliaries:
            writer = self._writer(auxiliary.indices, auxiliary.expression)
            left = writer.entry(auxiliary.tensor, auxiliary.indices)
            formulas.append(Formula(left, (writer.write(auxiliary.expression),)))
        return tuple(formulas)

    def _cotangent(self, unit: Unit) -> Tensor | None:
        return None if unit.id == self.plan.loss else gradient(unit.tensor)

    def _parts(self, unit: Unit) -> list[Part]:
        parts: list[Part] = []
        assert unit.expression is not None
        for auxiliary in unit.auxiliaries:
            parts.append(self._auxiliary(unit, auxiliary.tensor, auxiliary.indices))
        for u in unit.operands:
            if u in self.plan.active:
                parts.append(self._part(unit, u))
        return parts

    def _auxiliary(self, unit: Unit, tensor: Tensor, indices: Sequence[Index]) -> Part:
        """The gradient of a value that only the definition names."""
        assert unit.expression is not None
        at = tuple(fresh(i.dim) for i in indices)
        entry = contribution(unit.expression, unit.indices, self._cotangent(unit), tensor, at)
        writer = self._writer(at, entry)
        return Part(tensor.name, (Formula(writer.entry(gradient(tensor), at), (writer.write(entry),)),))

    def _part(self, unit: Unit, u: int) -> Part:
        assert unit.expression is not None
        tensor = self.plan.tensors[u]
        at = tuple(fresh(n) for n in tensor.shape or self._rows(unit, tensor))
        formulas: list[Formula] = []
        through, jacobians = self._through(unit, tensor, at)
        formulas += jacobians
        target = self._target(u)
        each = through
        through = tidy(through)
        writer = self._writer(at, through)
        left = writer.entry(target, at)
        rights = [writer.write(through)]
        uses = references(self.graph, unit, u, self.plan.tensors)
        adds_up = isinstance(each, Add) and len(each.terms) == uses > 1 and not unit.auxiliaries
        if unit.id == self.plan.loss and isinstance(unit.expression, Func):
            plain = contribution(unit.expression, unit.indices, None, tensor, at)
            rights[:0] = [writer.write(tidy(plain))] if key(plain) != key(each) else []
        remark = f"{uses} uses add up" if adds_up else ""
        if adds_up and key(each) != key(through):
            rights.insert(0, writer.write(each))
        inserted = self._inserted(unit, through)
        if inserted is not None:
            rights.append(writer.write(inserted))
            through = inserted
        elif isinstance(self.known.get(unit.id, ((), None))[1], Num):
            indices, value = self.known[unit.id]
            rights.append(writer.write(tidy(insert(through, gradient(unit.tensor), indices, value))))
        matrices = self._matrices(target, unit, through, at, writer)
        if matrices and is_contraction(through, at):  # of tensors with more axes than a matrix has
            remark = remark or "as one contraction"
            matrices = [replace(m, remark=f"slice by slice, {m.remark}") for m in matrices]
        formulas.append(Formula(left, tuple(rights), remark))
        formulas += self._cases(left, through, writer)
        self.contributions.setdefault(u, []).append((at, through))
        if self.uses.get(u, 0) <= 1:
            self.known[u] = (at, through)
        code = self._code(u, unit) if self.uses.get(u, 0) <= 1 else ()
        return Part(tensor.name, tuple(formulas), tuple(matrices), self._expanded(target, through, at), code)

    def _rows(self, unit: Unit, tensor: Tensor) -> tuple[Dim, ...]:
        """The shape of a variable that is not declared: that of the row it is used as."""
        for entry in entries_of(unit.expression) if unit.expression is not None else []:
            if entry.tensor == tensor:
                return tuple(i.dim for i in entry.indices if isinstance(i, Index))
        return ()

    def _target(self, u: int) -> Tensor:
        tensor = self.plan.tensors[u]
        if self.uses.get(u, 0) <= 1:
            return gradient(tensor)
        self.count[u] = self.count.get(u, 0) + 1
        return gradient(tensor, self.count[u])

    def _through(self, unit: Unit, tensor: Tensor, at: Sequence[Index]) -> tuple[Expr, list[Formula]]:
        """The contribution of a step to an operand, and what is shown on the way to it."""
        assert unit.expression is not None
        cotangent = self._cotangent(unit)
        through = contribution(unit.expression, unit.indices, cotangent, tensor, at)
        through = fold(through, unit.expression, unit.indices, unit.tensor)
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
            formulas.append(self._slope(auxiliary.tensor, inner, tensor, at, slope))
            formulas.append(self._chain(auxiliary.tensor, inner, tensor, at, of_auxiliary, slope))
            body = mul(of_auxiliary, slope)
            for index in inner:
                body = total(index, body)
            through = add(through, body)
        if unit.id == self.plan.loss:
            return through, formulas
        if not unit.auxiliaries and is_interesting(unit.expression):
            inner = tuple(fresh(i.dim) for i in unit.indices)
            slope = substitute(derivative(unit.expression, tensor, at), dict(zip(unit.indices, inner, strict=True)))
            if len(inner) > 1 and not (is_interesting(slope) or isinstance(unit.expression, Func)):
                return through, formulas  # nothing but factors: the line that follows says as much
            plain = slope if isinstance(unit.expression, Func) else None
            slope = fold(slope, unit.expression, unit.indices, unit.tensor)
            formulas += self._jacobian(unit, inner, tensor, at, slope, plain)
        elif not unit.auxiliaries and len(unit.indices) == 1 and len(at) == 1:
            slope = derivative(unit.expression, tensor, at)
            formulas += self._jacobian(unit, unit.indices, tensor, at, slope)
        return through, formulas

    def _slope(
        self, value: Tensor, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], slope: Expr,
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
        writer = self._writer(indices, slope)
        left = Partial(writer.entry(value, first), writer.entry(tensor, second))
        rights = [writer.write(slope)]
        if plain is not None:
            before = tidy(substitute(plain, same))
            if key(before) != key(slope) and len(parts_of(before)) <= SLOPE:
                rights.insert(0, writer.write(before))
        return Formula(left, tuple(rights))

    def _chain(
        self, value: Tensor, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], outer: Expr, slope: Expr
    ) -> Formula:
        """∂L/∂S_ik = Σ_j ∂L/∂P_ij ∂P_ij/∂S_ik, and what that is."""
        same = same_indices(slope, inner)
        first = [same.get(i, i) for i in inner]
        second = [same.get(i, i) for i in at]
        slope, outer = tidy(substitute(slope, same)), substitute(outer, same)
        indices = [i for i in dict.fromkeys([*first, *second]) if isinstance(i, Index)]
        writer = self._writer(indices, slope)
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
        written = self._writer([i for i in indices if i not in over], body)
        written.env.update(writer.env)
        return Formula(writer.entry(gradient(tensor), second), (Row(tuple(row)), written.write(body)), "the chain rule")

    def _jacobian(
        self, unit: Unit, inner: Sequence[Index], tensor: Tensor, at: Sequence[Index], slope: Expr,
        plain: Expr | None = None,
    ) -> list[Formula]:
        """The derivative of one entry by another, and for vectors the matrix of them in the layout asked for."""
        if slope == ZERO:
            return []
        if len(parts_of(slope)) > LONG:
            return []
        formulas = [self._slope(unit.tensor, inner, tensor, at, slope, plain)]
        if len(inner) != 1 or len(at) != 1:
            return formulas
        writer = self._writer([*inner, *at], slope)
        places = (*inner, *at) if self.numerator else (*at, *inner)
        made = matrix_form(slope, places, writer, False)
        if made is not None:
            y, x = Name(unit.tensor.name), Name(tensor.name)
            jacobian = Partial(y, x)
            diagonal = " is diagonal" if is_diagonal(slope, inner[0], at[0]) else ""
            formulas.append(Formula(jacobian, (made[1].layout,), f"the Jacobian{diagonal}"))
            outer = Partial(Name(self.plan.letter), y)
            chain = (outer, jacobian) if self.numerator else (jacobian, outer)
            whole = Partial(Name(self.plan.letter), x)
            formulas.append(Formula(whole, (Row((chain[0], Op(" "), chain[1])),), "the chain rule"))
        return formulas

    def _inserted(self, unit: Unit, through: Expr) -> Expr | None:
        """With the gradient before it put in, where that is short and the sum becomes simpler by it."""
        known = self.known.get(unit.id)
        if known is None or not any(isinstance(part, Sum) for part in parts_of(through)) or _is_linear(unit):
            return None
        indices, value = known
        if len(parts_of(value)) > INSERT or any(isinstance(part, Sum) for part in parts_of(value)):
            return None
        made = tidy(insert(through, gradient(unit.tensor), indices, value))
        return made if len(parts_of(made)) < len(parts_of(through)) else None

    def _cases(self, left: Layout, e: Expr, writer: Writer) -> list[Formula]:
        formulas = []
        found = cases(e)
        for condition, value in found if all(tidy(value) != ZERO for _, value in found) else []:
            written = Row((Word("for "), *_condition_items(writer, condition)))
            formulas.append(Formula(left, (writer.write(tidy(value)),), _plain(written), written))
        if formulas:
            return formulas
        factors = () if found else factors_of(e)
        masks = [f for f in factors if isinstance(f, Is) and f.relation in "<>≤≥" and entries_of(f)]
        if len(masks) == 1 and len(factors) <= 3 and not isinstance(e, Is):
            rest = mul(*(f for f in factors if f is not masks[0]))
            mask = masks[0]
            inside = Row((Word("for "), writer.write(mask.left), Op(mask.relation, True), writer.write(mask.right)))
            formulas.append(Formula(left, (writer.write(rest),), _plain(inside), inside))
            formulas.append(Formula(left, (Op("0"),), "otherwise"))
        return formulas

    # ------------------------------------------------------------ matrices, entries, code

    def _moved(self, target: Tensor, unit: Unit, at: Sequence[Index]) -> list[Formula]:
        """A reshape is undone by another one."""
        node = self.graph[unit.id]
        if node.op != "reshape" or node.operands[0] not in self.plan.tensors or self._cotangent(unit) is None:
            return []
        writer = self._writer(())
        shape = self._shape(tuple(index.dim for index in at))
        inside = Row((writer.entry(gradient(unit.tensor), ()), Op(", "), Op(shape)))
        right = Row((Word("reshape"), Fence("(", inside, ")")))
        return [Formula(writer.entry(target, ()), (right,), "the same entries, read row by row")]

    def _matrices(
        self, target: Tensor, unit: Unit, e: Expr, at: Sequence[Index], writer: Writer
    ) -> list[Formula]:
        made = matrix_form(e, at, writer, self.numerator) or matrix_form(expanded(e), at, writer, self.numerator)
        if made is None or len(parts_of(e)) > LONG:
            return self._moved(target, unit, at)
        slices, matrix = made
        left = writer.entry(target, slices)
        return [Formula(left, (matrix.layout,), self._reason(matrix))]

    def _reason(self, matrix: Matrix) -> str:
        """Why the factors stand in this order: their shapes."""
        def shape(pair: tuple[Dim, Dim]) -> str:
            return "×".join(map(self.letters.size, pair))

        whole = shape((matrix.rows, matrix.columns))
        if len(matrix.shapes) < 2:
            return whole if matrix.level == 1 else f"entry by entry, {whole}"
        return "".join(f"({shape(pair)})" for pair in matrix.shapes) + f" = {whole}"

    def _code(self, u: int, unit: Unit | None = None) -> tuple[str, ...]:
        """The generated lines; what has a name here alone the code calls after the function that is differentiated."""
        name = self.plan.tensors[u].name
        lines = self.code.lines(name, wanted=name in self.plan.wrt)
        if not lines and u in self.plan.invented and unit is not None:
            lines = self.code.lines(f"{unit.tensor.name}_{self.graph[unit.id].op}", wanted=False)
        return tuple(lines)

    def _sum(self, id: int) -> Part:
        """The contributions of all uses of a value."""
        tensor = self.plan.tensors[id]
        known = self.contributions.get(id, [])
        at = known[0][0] if known else tuple(fresh(n) for n in tensor.shape)
        whole = add(*(substitute(e, dict(zip(indices, at, strict=True))) for indices, e in reversed(known)))
        writer = self._writer(at, whole)
        given = self.plan.loss is None and tensor.name in self.plan.targets
        uses = range(1, self.uses[id] + (0 if given else 1))
        row: list[Layout] = [Word("given")] if given else []
        for k in reversed(uses):
            row += [Op("+", spaced=True)] if row else []
            row.append(writer.entry(gradient(tensor, k), at))
        left = writer.entry(gradient(tensor), at)
        remark = f"{self.uses[id]} uses add up"
        if given or len(known) != len(uses) or len(parts_of(whole)) > SHOWN:
            return Part(tensor.name, (Formula(left, (Row(tuple(row)),), remark),), code=self._code(id))
        whole = tidy(whole)
        self.known[id] = (at, whole)
        made = matrix_form(whole, at, writer, self.numerator)
        matrices = []
        if made is not None:
            matrices = [Formula(writer.entry(gradient(tensor), made[0]), (made[1].layout,), self._reason(made[1]))]
        formula = Formula(left, (Row(tuple(row)), writer.write(whole)), remark)
        return Part(tensor.name, (formula,), tuple(matrices), code=self._code(id))

    def _expanded(self, target: Tensor, e: Expr, at: Sequence[Index]) -> tuple[Formula, ...]:
        if self.expand is None:
            return ()
        from graphc.explain.written_out import written_out

        sizes = self._sizes(e, at)
        writer = self._writer(())
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
            shape = self._dims(unit.id)
            if len(shape) >= 2:
                for size, count in zip(shape[-2:], (rows, columns), strict=True):
                    if size.symbol:
                        sizes.setdefault(size.symbol, count)
        return {**dict.fromkeys(names, rows), **sizes}


def _program(source: str) -> str:
    """The statements without the lines that are only comments: they may say what is derived here."""
    lines = [line for line in source.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).strip("\n")


def _is_linear(unit: Unit) -> bool:
    return unit.expression is not None and not is_interesting(unit.expression)


def _condition_items(writer: Writer, condition: Is) -> tuple[Layout, ...]:
    return (writer.place(condition.left), Op(condition.relation, True), writer.place(condition.right))


def _numbers(value: object) -> str:
    """An array of numbers as a program writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_numbers, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(e: Layout) -> str:
    from graphc.explain.notation import text

    return text(e)
