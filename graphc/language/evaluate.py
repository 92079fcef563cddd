"""Expressions to graph nodes: the evaluator that programs, function bodies, definitions and rules share.

Left-nested chains (`a + b + c + …`) are walked iteratively; other nesting is bounded by the parser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import MAX_NODES
from graphc.language import tree
from graphc.language.budget import LONGEST_NAME
from graphc.language.calls import Calls
from graphc.language.literals import arithmetic, check_number, negate
from graphc.language.nested import describe
from graphc.language.scope import Environment, Scope
from graphc.language.source import Span
from graphc.language.unwanted import UNWANTED
from graphc.language.values import POISON, Exhausted, Fault, Poison, Silent, Tensor, Value, is_number, is_size
from graphc.ops.base import CallError, DynamicShape, Op
from graphc.ops.table import find

__all__ = ["OPERATORS", "Evaluator"]

OPERATORS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder",
    "@": "matmul", "**": "power", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
    "==": "equal", "!=": "not_equal",
}  # fmt: skip


class Evaluator(Calls):
    """Evaluates expressions and bodies and adds what they compute to a builder."""

    def evaluate(self, expr: tree.Expr, scope: Scope) -> Value:
        """The value of an expression. Raises Fault."""
        spine: list[tree.Binary | tree.Index | tree.Transpose] = []
        while isinstance(expr, (tree.Binary, tree.Index, tree.Transpose)):
            spine.append(expr)
            expr = expr.left if isinstance(expr, tree.Binary) else expr.operand
        self.budget.step(1 + len(spine), expr.span)
        try:
            value = self._leaf(expr, scope)
            while spine:
                step = spine.pop()
                if isinstance(value, Poison):
                    raise Silent
                if isinstance(step, tree.Binary):
                    value = self._binary(step, value, self.evaluate(step.right, scope))
                elif isinstance(step, tree.Transpose):
                    value = self._transpose(step, value)
                else:
                    value = self._index(step, value, scope)
        except Exhausted:
            raise
        except (Fault, Silent) as error:
            if spine:  # what stands further right may be in error, too
                rest = [step.right for step in reversed(spine) if isinstance(step, tree.Binary)]
                self.evaluate_all(rest, scope, error)
            raise
        return value

    def _leaf(self, expr: tree.Expr, scope: Scope) -> Value:
        if isinstance(expr, tree.Name):
            value = scope.lookup(self.name(expr, scope), expr.span)
            if isinstance(value, Poison):
                raise Silent
            return value
        if isinstance(expr, tree.Number):
            return check_number(expr.value, expr.span)
        if isinstance(expr, (tree.String, tree.Constant)):
            return expr.value
        if isinstance(expr, tree.Unary):
            return self._unary(expr, self.evaluate(expr.operand, scope))
        if isinstance(expr, tree.Sequence):
            items = self.evaluate_all(expr.items, scope)
            return self.budget.hold(items if expr.is_list else tuple(items), expr.span)
        if isinstance(expr, tree.Call):
            return self._call(expr, scope)
        raise Fault("E0207", "a slice stands in an index only", expr.span)

    def name(self, name: tree.Name, scope: Scope) -> str:
        """The plain name of a subscripted one: `h_{l,t}` is `h_1_2`."""
        if not name.subscripts:
            return name.id
        parts = [name.id]
        for subscript in name.subscripts:
            value = self.evaluate(subscript, scope)
            if isinstance(value, Dim) and value.value is not None:
                value = value.value
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                shown = f" and this is {value}" if isinstance(value, (int, float, Dim)) else ""
                message = f"a subscript is a non-negative integer known at compile time{shown}"
                help = "the variable of a loop is known in its body alone" if isinstance(value, Tensor) else None
                raise Fault("E0211", message, subscript.span, help=help)
            parts.append(str(value))
        joined = "_".join(parts)
        if len(joined) > LONGEST_NAME:
            raise Fault("E0213", f"a name has at most {LONGEST_NAME} characters", name.span)
        return joined

    def integer(self, expr: tree.Expr, scope: Scope, what: str) -> int:
        """An integer known at compile time. Raises Fault."""
        return self._known(self.evaluate(expr, scope), expr, what)

    def _known(self, value: Value, expr: tree.Expr, what: str) -> int:
        if isinstance(value, Dim) and value.value is not None:
            return value.value
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        shown = f"; `{value}` is a dimension known at run time only" if isinstance(value, Dim) else ""
        named = (isinstance(value, Dim) and str(value).isidentifier()) or isinstance(expr, tree.Name)
        other = isinstance(value, Dim) and str(value) != expr.span.text  # a constant is what is not known
        help = f"give it a number: `const {expr.span.text} = 4`" if named and not is_number(value) else None
        if other:
            help = f"use a number in the place of `{expr.span.text}`"
        raise Fault("E0211", f"{what} is an integer known at compile time{shown}", expr.span, help=help)

    def _unary(self, expr: tree.Unary, value: Value) -> Value:
        if isinstance(value, (int, float, Dim)) and not isinstance(value, bool):
            return negate(value) if expr.op == "-" else value
        with self.at(expr.span):
            id = self.operand(value, expr.operand.span)
            return Tensor(self.call("negative", id)) if expr.op == "-" else value

    def _binary(self, expr: tree.Binary, left: Value, right: Value) -> Value:
        if isinstance(right, Poison):
            raise Silent
        if not isinstance(left, Tensor) and not isinstance(right, Tensor):
            result = arithmetic(expr.op, left, right, expr.span)
            if isinstance(result, Dim):
                self.not_zero(result.divisors())
            if result is not NotImplemented:
                return result
            if isinstance(left, str) or isinstance(right, str):
                raise Fault("E0220", f"`{expr.op}` works on numbers and tensors, not on text", expr.span)
        spans = (expr.left.span, expr.right.span)
        with self.at(expr.span, (left, right), spans, operator=expr.op):
            ids = [self.operand(left, spans[0]), self.operand(right, spans[1])]
            op = self.builder.ops.get(OPERATORS[expr.op]) or find(OPERATORS[expr.op])
            assert op is not None
            return Tensor(self.apply(op, ids, {}))

    def _transpose(self, expr: tree.Transpose, value: Value) -> Value:
        with self.at(expr.span, (value,), (expr.operand.span,)):
            id = self.operand(value, expr.operand.span)
            self.shape(id, 2)
            return Tensor(self.call("transpose", id))

    # ------------------------------------------------------------ indexing

    def _index(self, expr: tree.Index, value: Value, scope: Scope) -> Value:
        from graphc.ops.indexing import Cut, Picked, lower_index

        if isinstance(value, (tuple, list)) and len(expr.items) == 1 and not isinstance(expr.items[0], tree.Slice):
            part = self.evaluate(expr.items[0], scope)
            if not (part is None or part is Ellipsis or isinstance(part, (Tensor, list, tuple))):
                k = self._known(part, expr.items[0], "an index of a tuple")
                if not -len(value) <= k < len(value):
                    raise Fault("E0207", f"index {k} is out of range for {len(value)} items", expr.items[0].span)
                return value[k]
        if isinstance(value, DynamicShape):
            k = self.integer(expr.items[0], scope, "an index of a shape")
            return Tensor(self.add("size_of", [value.of], {"axis": k}))
        items: list[Any] = []
        given = expr.items
        if len(given) == 1 and isinstance(given[0], tree.Sequence) and not given[0].is_list:
            given = given[0].items
        for item in given:
            if isinstance(item, tree.Slice):
                parts = [None if p is None else self._bound(p, scope) for p in (item.start, item.stop, item.step)]
                if item.step is not None:
                    self._check_step(parts[2], item.step.span)
                minus = [isinstance(p, tree.Unary) and p.op == "-" for p in (item.start, item.stop)]
                items.append(Cut(parts[0], parts[1], parts[2], (minus[0], minus[1])))
                continue
            part = self.evaluate(item, scope)
            if part is None or part is Ellipsis or is_size(part):
                items.append(part)
            elif isinstance(part, Tensor):
                if self.builder[part.id].op == "argument":
                    self.index(part.id)
                items.append(Picked(part.id))
            elif isinstance(part, list):
                try:
                    kind = "bool" if part and all(isinstance(x, bool) for x in part) else "int"
                    items.append(Picked(self.tensor(part, kind)))
                except CallError as error:
                    raise Fault(error.code, error.message, item.span, help=error.help) from None
            else:
                raise Fault("E0207", f"{describe(part)} cannot be an index", item.span)
        with self.at(expr.span, (value,), (expr.operand.span,)):
            try:
                return Tensor(lower_index(self, self.operand(value, expr.operand.span), tuple(items)))
            except CallError as error:
                if isinstance(expr.operand, tree.Name) and find(expr.operand.id):  # `sum[x]`
                    error.help = error.help or f"to call `{expr.operand.id}`, write `{expr.operand.id}(…)`"
                raise

    @staticmethod
    def _check_step(step: Value, span: Span) -> None:
        if isinstance(step, Dim) and step.value is None:
            message = f"the step of a slice is a number, and the size {step} is known at run time only"
            raise Fault("E0207", message, span)
        if step is not None and step == 0:
            raise Fault("E0207", "the step of a slice is zero", span)

    def _bound(self, expr: tree.Expr, scope: Scope) -> Value:
        value = self.evaluate(expr, scope)
        if value is None or is_size(value):
            return value
        raise Fault("E0207", "the ends of a slice are integers or sizes known at compile time", expr.span)

    # ------------------------------------------------------------ bodies

    def inline(self, op: Op, operands: Sequence[int | None], attributes: Mapping[str, Value]) -> list[int]:
        """The nodes of a composite operation's definition."""
        definition = op.definition
        assert definition is not None
        scope = Scope(op.environment or Environment(), inside=f"`{op.title}`")
        for name, operand in zip(op.operands, operands, strict=True):
            scope.values[name] = None if operand is None else Tensor(operand)
        scope.values.update(attributes)
        values = self.body(definition.body, scope)
        if not values:
            raise Silent  # a body without a `return` has been reported
        return [self.tensor(value) for value in values]

    def body(self, statements: Sequence[tree.Statement], scope: Scope) -> list[Value]:
        """Run a body of assignments, loops and a `return`; its results."""
        scope.body = statements if scope.body is None else scope.body
        for statement in statements:
            if isinstance(statement, tree.Return):
                return [self.evaluate(value, scope) for value in statement.values]
            if isinstance(statement, tree.Assign):
                self.assign(statement, scope)
            elif isinstance(statement, tree.For):
                for _ in self.loop(statement, scope):
                    self.body(statement.body, scope)
            elif isinstance(statement, tree.Const):
                scope.define(self.name(statement.target, scope), self.evaluate(statement.value, scope), statement.span)
            else:
                raise Silent  # `bodies.py` has reported a statement that does not belong here
        return []

    def loop(self, statement: tree.For, scope: Scope) -> Iterator[int]:
        """The values of a loop's variable, which is defined in the scope meanwhile."""
        bounds = statement.range
        assert bounds.start is not None and bounds.stop is not None
        start = self.integer(bounds.start, scope, "the end of a range")
        stop = self.integer(bounds.stop, scope, "the end of a range")
        step = 1 if bounds.step is None else self.integer(bounds.step, scope, "the step of a range")
        if step == 0:
            raise Fault("E0211", "the step of a range is not zero", bounds.span)
        if len(range(start, stop, step)) > MAX_NODES:
            raise Exhausted("E0213", f"the loop runs more than {MAX_NODES:,} times", bounds.span,
                            help="compute with whole arrays, or take fewer steps")  # fmt: skip
        self.budget.ahead(self.unrolling.loop(statement, scope), bounds.span, "the loop takes")
        variable = self.name(statement.variable, scope)
        shadowed = scope.values.get(variable), variable in scope.values
        scope.running.append(statement)
        try:
            for k in range(start, stop, step):
                self.budget.step(1, statement.span)
                scope.values[variable] = k
                yield k
        finally:
            scope.running.pop()
            if shadowed[1]:
                scope.values[variable] = shadowed[0]
            else:
                scope.values.pop(variable, None)

    def assign(self, statement: tree.Assign, scope: Scope) -> list[tuple[str, Value]]:
        """Evaluate an assignment and define its names; what was defined."""
        value = self.evaluate(statement.value, scope)
        names = [self.name(target, scope) for target in statement.targets]
        if len(names) == 1:
            values: Sequence[Value] = [value]
        elif isinstance(value, (tuple, list)) and len(value) == len(names):
            values = value
        else:
            got = f"{len(value)} results" if isinstance(value, (tuple, list)) else "one result"
            span = statement.targets[0].span.to(statement.targets[-1].span)
            help = None
            if isinstance(value, Tensor):
                named = isinstance(statement.value, tree.Name)
                taken = statement.value.span.text if named else "x"
                first = names[0]
                ways = f"`{first} = {taken}[0]`" if named else f"`x = …`, and then `{first} = x[0]`"
                help = f"take its entries one by one: {ways}"
            raise Fault("E0205", f"{len(names)} names for {got}", span, help=help)
        defined = []
        for name, target, item in zip(names, statement.targets, values, strict=True):
            unwanted = name == UNWANTED and scope.has_unwanted
            if unwanted and name in scope.values:
                scope.values[name] = POISON  # which of them `_` is, nobody can say
                continue
            self.define(name, item, target.span, scope)
            if isinstance(item, Tensor) and not unwanted:
                self.named(item.id, name, scope)
            defined.append((name, item))
        return defined

    def define(self, name: str, value: Value, span: Span, scope: Scope) -> None:
        """Give a name its value. Raises Fault where it has a meaning already."""
        scope.define(name, value, span)

    def named(self, id: int, name: str, scope: Scope) -> None:
        """A value got a name: in a body it is only a hint for the generated code."""
        self.builder.suggest(id, name)
