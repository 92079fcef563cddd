"""Expressions to graph nodes: the evaluator that programs, function bodies, definitions and rules share.

Left-nested chains (`a + b + c + …`) are walked iteratively; other nesting is bounded by the parser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Node, Origin
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language import tree
from graphc.language.literals import arithmetic, check_number, negate
from graphc.language.scope import Environment, Function, Scope
from graphc.language.source import Span
from graphc.language.values import Fault, Poison, Silent, Tensor, Value, is_size
from graphc.ops.base import REQUIRED, CallError, DynamicShape, Op
from graphc.ops.table import find

__all__ = ["Evaluator"]

OPERATORS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder",
    "@": "matmul", "**": "power", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
    "==": "equal", "!=": "not_equal",
}  # fmt: skip

# Operators that give plain numbers of plain numbers; operations that are not elementwise but cast integers likewise.
PLAIN = {"add", "subtract", "multiply", "divide", "floor_divide", "remainder", "negative"}
CASTING = {"matmul", "mean", "var", "std", "logsumexp", "norm", "cumprod"}

MAX_NODES = 1_000_000


class Evaluator:
    """Evaluates expressions and adds what they compute to a builder.

    It is also what an operation's `call` works with (`graphc.ops.base.Lowering`).
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.calls: list[tuple[str, Span]] = []
        self.minimums: list[tuple[Dim, int | Dim, str]] = []
        self.limits: list[tuple[str, Dim, str]] = []

    # ------------------------------------------------------------ the Lowering protocol

    def add(self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None) -> int:
        if len(self.builder.nodes) >= MAX_NODES:
            raise Fault("E0213", f"the program has more than {MAX_NODES:,} operations", self._place())
        if all(self.builder.type(u).dtype == "float" for u in operands) and operands:
            if not all(map(self._is_plain, operands)):
                return self.builder.add(op, operands, attrs)
        return self._mixed(op, operands, attrs)

    def _mixed(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any] | None) -> int:
        """An operation on integers, booleans or plain numbers, such that a float32 program stays one.

        NumPy makes float64 of integer arrays and of functions of plain numbers: the former are cast to the program's
        floating type, the latter made plain numbers of Python again, which adapt to the arrays they meet.
        """
        operation = self.builder.op(op)
        if not operands or not (operation.elementwise or op in CASTING):
            return self.builder.add(op, operands, attrs)
        if all(map(self._is_plain, operands)):
            if op == "number":
                return operands[0]
            id = self.builder.add(op, operands, attrs)
            return id if op in PLAIN or self.type(id).dtype == "bool" else self.builder.add("number", [id])
        types = [self.type(u) for u in operands]
        result = operation.infer(self.builder.solver, types, dict(attrs or {}))
        some_float = any(t.is_float for t in types)
        cast = list(operands)
        for k, (u, type) in enumerate(zip(operands, types, strict=True)):
            if self._is_plain(u):
                continue
            if result.is_float and (type.dtype == "int" or (type.dtype == "bool" and not some_float)):
                cast[k] = self.builder.add("as_float", [u])
            elif result.dtype == "int" and type.dtype == "bool" and op in ("negative", "subtract"):
                cast[k] = self.builder.add("as_int", [u])
        return self.builder.add(op, cast, attrs)

    def _is_plain(self, id: int) -> bool:
        """Whether a value is a plain number of Python in the generated code."""
        node = self.builder[id]
        if node.op == "const":
            return not isinstance(node.attr("value"), tuple)
        if node.op in ("size", "size_of", "number"):
            return True
        return node.op in PLAIN and node.type.shape == () and all(map(self._is_plain, node.operands))

    def type(self, id: int) -> Type:
        return self.builder.type(id)

    def node(self, id: int) -> Node:
        return self.builder[id]

    def tensor(self, value: Value, dtype: str | None = None) -> int:
        """The node of a value: a constant's for a number or a list of numbers, a size's for a dimension."""
        if isinstance(value, Tensor):
            return value.id
        if isinstance(value, Dim):
            return self.builder.const(value.value, "int") if value.value is not None else self.add("size", (), {"dim": value})
        if isinstance(value, bool):
            return self.builder.const(value, "bool")
        if isinstance(value, int):
            return self.builder.const(value, dtype or "int")
        if isinstance(value, float):
            return self.builder.const(value, "float")
        if isinstance(value, (tuple, list)):
            return self._array(value, dtype)
        if isinstance(value, Poison):
            raise Silent
        raise CallError(f"{_describe(value)} is not a tensor")

    def _array(self, value: Sequence[Value], dtype: str | None) -> int:
        if any(isinstance(item, Tensor) for item in value):
            ids = [self.tensor(item) for item in value]
            return self.call("stack", *ids, axis=0)  # type: ignore[no-any-return]
        frozen = _frozen(value)
        shape = _nested_shape(frozen)
        if shape is None:
            raise CallError("the rows of a constant have different lengths")
        kinds = {type(x) for x in _leaves(frozen)}
        if bool in kinds and len(kinds) == 1:
            return self.add("const", (), {"value": frozen, "dtype": "bool"})
        if not kinds <= {int, float, bool}:
            raise CallError("a constant array holds numbers only")
        if dtype == "int":
            if float in kinds:
                raise CallError("indices are integers")
            return self.add("const", (), {"value": frozen, "dtype": "int"})
        return self.add("const", (), {"value": _floats(frozen), "dtype": "float"})

    def shape(self, id: int, rank: int | None = None) -> tuple[Dim, ...]:
        return self.builder.solver.shape(self.type(id), rank)

    def index(self, id: int, shape: tuple[Dim, ...] | None = None) -> None:
        """Make an undeclared argument an array of indices; the solver of lowering knows how."""
        node = self.builder[id]
        if node.op == "argument":
            hook = getattr(self.builder.solver, "index", None)
            if hook is not None:
                hook(node.attr("name"), shape)

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        if not (size - minimum).is_nonnegative():
            self.minimums.append((size, minimum, what))

    def limit(self, id: int, size: Dim, kind: str = "index") -> int:
        """Integers that must lie in 0…size-1 (`label`) or -size…size-1 (`index`): checked when the module runs.

        Returns the node to use: an argument itself, whose check stands at the top; else one that checks its value.
        """
        node = self.builder[id]
        if node.op == "argument":
            entry = (node.attr("name"), size, kind)
            if entry not in self.limits:
                self.limits.append(entry)
            return id
        if node.op == "const" or kind == "index":
            return id
        return self.add("in_range", [id], {"size": size})

    def call(self, name: str, *operands: Value, **attributes: Value) -> Any:
        """Another operation by name, through its own normal form. Operands are node ids or None."""
        op = self.builder.ops.get(name) or find(name)
        assert op is not None, f"no operation {name}"
        return self.apply(op, list(operands), attributes)

    # ------------------------------------------------------------ expressions

    def evaluate(self, expr: tree.Expr, scope: Scope) -> Value:
        """The value of an expression. Raises Fault."""
        spine: list[tree.Binary | tree.Index | tree.Transpose] = []
        while isinstance(expr, (tree.Binary, tree.Index, tree.Transpose)):
            spine.append(expr)
            expr = expr.left if isinstance(expr, tree.Binary) else expr.operand
        value = self._leaf(expr, scope)
        for step in reversed(spine):
            if isinstance(value, Poison):
                raise Silent
            if isinstance(step, tree.Binary):
                value = self._binary(step, value, self.evaluate(step.right, scope))
            elif isinstance(step, tree.Transpose):
                value = self._transpose(step, value)
            else:
                value = self._index(step, value, scope)
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
            items = [self.evaluate(item, scope) for item in expr.items]
            return items if expr.is_list else tuple(items)
        if isinstance(expr, tree.Call):
            return self._call(expr, scope)
        raise Fault("E0105", "a slice stands in an index only", expr.span)

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
                raise Fault("E0204", f"a subscript is a non-negative integer known at compile time{shown}", subscript.span)
            parts.append(str(value))
        return "_".join(parts)

    def integer(self, expr: tree.Expr, scope: Scope, what: str) -> int:
        """An integer known at compile time. Raises Fault."""
        value = self.evaluate(expr, scope)
        if isinstance(value, Dim) and value.value is not None:
            return value.value
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        shown = f"; `{value}` is a dimension known at run time only" if isinstance(value, Dim) else ""
        raise Fault("E0204", f"{what} is an integer known at compile time{shown}", expr.span)

    def _unary(self, expr: tree.Unary, value: Value) -> Value:
        if isinstance(value, (int, float, Dim)) and not isinstance(value, bool):
            return negate(value) if expr.op == "-" else value
        with self.at(expr.span):
            id = self._operand(value, expr.operand.span)
            return Tensor(self.call("negative", id)) if expr.op == "-" else value

    def _binary(self, expr: tree.Binary, left: Value, right: Value) -> Value:
        if isinstance(right, Poison):
            raise Silent
        if not isinstance(left, Tensor) and not isinstance(right, Tensor):
            result = arithmetic(expr.op, left, right, expr.span)
            if result is not NotImplemented:
                return result
            if isinstance(left, str) or isinstance(right, str):
                raise Fault("E0206", f"`{expr.op}` works on numbers and tensors, not on text", expr.span)
        spans = (expr.left.span, expr.right.span)
        with self.at(expr.span, (left, right), spans):
            ids = [self._operand(left, spans[0]), self._operand(right, spans[1])]
            op = self.builder.ops.get(OPERATORS[expr.op]) or find(OPERATORS[expr.op])
            assert op is not None
            return Tensor(self.apply(op, ids, {}))

    def _transpose(self, expr: tree.Transpose, value: Value) -> Value:
        with self.at(expr.span, (value,), (expr.operand.span,)):
            id = self._operand(value, expr.operand.span)
            self.shape(id, 2)
            return Tensor(self.call("transpose", id))

    def _operand(self, value: Value, span: Span) -> int:
        try:
            return self.tensor(value)
        except CallError as error:
            raise Fault(error.code, error.message, span, help=error.help) from None

    # ------------------------------------------------------------ indexing

    def _index(self, expr: tree.Index, value: Value, scope: Scope) -> Value:
        from graphc.ops.indexing import Cut, Picked, lower_index

        if isinstance(value, (tuple, list)) and not any(isinstance(i, tree.Slice) for i in expr.items):
            if len(expr.items) == 1:
                k = self.integer(expr.items[0], scope, "an index of a tuple")
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
                items.append(Cut(*parts))
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
                raise Fault("E0207", f"{_describe(part)} cannot be an index", item.span)
        with self.at(expr.span, (value,), (expr.operand.span,)):
            return Tensor(lower_index(self, self._operand(value, expr.operand.span), tuple(items)))

    def _bound(self, expr: tree.Expr, scope: Scope) -> Value:
        value = self.evaluate(expr, scope)
        if value is None or is_size(value):
            return value
        raise Fault("E0207", "the ends of a slice are integers or sizes known at compile time", expr.span)

    # ------------------------------------------------------------ calls

    def _call(self, expr: tree.Call, scope: Scope) -> Value:
        name = expr.function
        function = scope.environment.functions.get(name)
        if function is not None:
            return self._call_function(function, expr, scope)
        if name == "shape":
            return self._shape_call(expr, scope)
        op = scope.environment.ops.get(name) or find(name)
        if op is None:
            from graphc.language.calculus import OPERATORS as CALCULUS

            if name in CALCULUS:
                arguments = [self.evaluate(a, scope) for a in expr.arguments]
                if expr.keywords:
                    raise Fault("E0206", f"`{name}` has no keyword arguments", expr.keywords[0].span)
                with self.at(expr.span):
                    return CALCULUS[name](self, arguments, expr)
            raise self._unknown_function(expr, scope)
        operands, attributes, spans = self._arguments(op, expr, scope)
        values = [Tensor(o) if isinstance(o, int) else None for o in operands]
        with self.at(expr.span, values, spans, expr):
            result = self.apply(op, operands, attributes)
            if isinstance(result, tuple):
                return tuple(Tensor(r) if isinstance(r, int) and not isinstance(r, bool) else r for r in result)
            return Tensor(result)

    def _shape_call(self, expr: tree.Call, scope: Scope) -> Value:
        if len(expr.arguments) != 1 or expr.keywords:
            raise Fault("E0206", "`shape` takes one value", expr.span)
        id = self._operand(self.evaluate(expr.arguments[0], scope), expr.arguments[0].span)
        shape = self.type(id).shape
        if isinstance(shape, Unknown):
            return DynamicShape(self.add("shape_of", [id]), shape, id)
        return tuple(shape)

    def _arguments(self, op: Op, expr: tree.Call, scope: Scope) -> tuple[list[int | None], dict[str, Value], list[Span]]:
        """The operands (node ids, None where left out), attributes and the operands' places of a call."""
        given: dict[str, tuple[Value, Span]] = {}
        extra: list[tuple[Value, Span]] = []
        fixed = [name for name in op.operands if not name.startswith("*")]
        arguments = [(self.evaluate(a, scope), a.span) for a in expr.arguments]
        if op.operands[:1] and op.operands[0].startswith("*"):
            extra, rest = self._flatten(arguments)
            order = [*op.positional]
        else:
            rest, order = arguments, [*fixed, *op.positional]
        if len(rest) > len(order):
            raise Fault("E0206", f"`{op.name}` takes {_count(len(order))}, not {len(arguments)}",
                        rest[len(order)][1], help=_usage(op))  # fmt: skip
        given.update(zip(order, rest, strict=False))
        for keyword in expr.keywords:
            if keyword.name not in fixed and keyword.name not in op.attributes:
                from graphc.language.diagnostics import suggest

                close = suggest(keyword.name, [*fixed, *op.attributes])
                raise Fault("E0206", f"`{op.name}` has no argument `{keyword.name}`", keyword.span,
                            help=f"did you mean `{close}`?" if close else _usage(op))  # fmt: skip
            if keyword.name in given:
                raise Fault("E0206", f"argument `{keyword.name}` is given twice", keyword.span)
            given[keyword.name] = (self.evaluate(keyword.value, scope), keyword.value.span)
        operands: list[int | None] = []
        spans: list[Span] = []
        for name in fixed:
            if name not in given or given[name][0] is None:
                if name in op.optional:
                    operands.append(None)
                    spans.append(expr.span)
                    continue
                raise Fault("E0206", f"`{op.name}` needs its argument `{name}`", expr.name_span, help=_usage(op))
            value, span = given[name]
            operands.append(self._typed_operand(op, name, value, span))
            spans.append(span)
        for value, span in extra:
            operands.append(self._typed_operand(op, op.operands[-1].lstrip("*"), value, span))
            spans.append(span)
        attributes: dict[str, Value] = {}
        for name, default in op.attributes.items():
            if name in given:
                value, span = given[name]
                if isinstance(value, Tensor):
                    value = self._compile_time(value, span, f"`{name}` of `{op.name}`")
                attributes[name] = value
            elif default is REQUIRED:
                raise Fault("E0206", f"`{op.name}` needs its argument `{name}`", expr.name_span, help=_usage(op))
        return operands, attributes, spans

    def _compile_time(self, value: Tensor, span: Span, what: str) -> Value:
        node = self.builder[value.id]
        if node.op == "const":
            return node.attr("value")
        if node.op == "size":
            return node.attr("dim")
        raise Fault("E0211", f"{what} must be known at compile time", span,
                    label="this is a tensor, known at run time only")  # fmt: skip

    def _flatten(self, arguments: list[tuple[Value, Span]]) -> tuple[list[tuple[Value, Span]], list[tuple[Value, Span]]]:
        """For operations on any number of arrays: these, given one by one or as a list, and the other arguments."""
        arrays: list[tuple[Value, Span]] = []
        rest: list[tuple[Value, Span]] = []
        for value, span in arguments:
            if isinstance(value, (list, tuple)) and not arrays and any(isinstance(v, (Tensor, list)) for v in value):
                arrays.extend((item, span) for item in value)
            elif isinstance(value, str) or (arrays and not isinstance(value, (Tensor, list))):
                rest.append((value, span))
            else:
                arrays.append((value, span))
        return arrays, rest

    def _typed_operand(self, op: Op, name: str, value: Value, span: Span) -> int:
        try:
            if name in op.indices:
                id = self.tensor(value, "int")
                self.index(id)
                return id
            return self.tensor(value)
        except CallError as error:
            raise Fault(error.code, f"`{name}` of `{op.name}`: {error.message}", span, help=error.help) from None

    def apply(self, op: Op, operands: Sequence[Any], attributes: Mapping[str, Value]) -> Any:
        """An operation on nodes: its normal form, its definition if it has no rule, else a node."""
        filled = {name: default for name, default in op.attributes.items() if default is not REQUIRED}
        filled.update({name: _normal(value) for name, value in attributes.items()})
        if op.call is not None:
            return op.call(self, *operands, **filled)
        ids = [o if isinstance(o, int) and not isinstance(o, bool) else None if o is None else self.tensor(o) for o in operands]
        if op.definition is not None and op.rule is None:
            results = self.inline(op, ids, filled)
            return results[0] if len(results) == 1 else tuple(results)
        assert all(i is not None for i in ids), f"{op.name}: an operand is missing"
        return self.add(op.name, [i for i in ids if i is not None], filled)

    def inline(self, op: Op, operands: Sequence[int | None], attributes: Mapping[str, Value]) -> list[int]:
        """The nodes of a composite operation's definition."""
        definition = op.definition
        assert definition is not None
        scope = Scope(op.environment or Environment(), inside=f"`{op.name}`")
        for name, operand in zip(op.operands, operands, strict=True):
            scope.values[name] = None if operand is None else Tensor(operand)
        scope.values.update(attributes)
        values = self.body(definition.body, scope)
        return [self.tensor(value) for value in values]

    def _call_function(self, function: Function, expr: tree.Call, scope: Scope) -> Value:
        signature = function.definition.signature
        name = signature.name
        if any(n == name for n, _ in self.calls):
            way = " → ".join([*(n for n, _ in self.calls), name])
            raise Fault("E0208", f"`{name}` calls itself", expr.name_span, label=way, help="functions are inlined, so recursion has no end")
        formals = [*signature.operands, *signature.attributes]
        if len(expr.arguments) > len(signature.operands):
            raise Fault("E0206", f"`{name}` takes {_count(len(signature.operands))}, not {len(expr.arguments)}",
                        expr.arguments[len(signature.operands)].span,
                        notes=[(f"`{name}` is defined here", signature.span)])  # fmt: skip
        inner = Scope(function.environment, inside=f"`{name}`")
        for formal, argument in zip(signature.operands, expr.arguments, strict=False):
            inner.values[formal.name] = self.evaluate(argument, scope)
        known = {f.name for f in formals}
        for keyword in expr.keywords:
            if keyword.name not in known:
                raise Fault("E0206", f"`{name}` has no argument `{keyword.name}`", keyword.span,
                            notes=[(f"`{name}` is defined here", signature.span)])  # fmt: skip
            if keyword.name in inner.values:
                raise Fault("E0206", f"argument `{keyword.name}` is given twice", keyword.span)
            inner.values[keyword.name] = self.evaluate(keyword.value, scope)
        for formal in formals:
            if formal.name not in inner.values:
                if formal.default is None:
                    raise Fault("E0206", f"`{name}` needs its argument `{formal.name}`", expr.name_span,
                                notes=[(f"`{name}` is defined here", signature.span)])  # fmt: skip
                inner.values[formal.name] = self.evaluate(formal.default, Scope(function.environment, inside=f"`{name}`"))
        self.calls.append((name, expr.span))
        try:
            values = self.body(function.definition.body, inner)
        except Fault as fault:
            if not any(span is expr.span for _, span in fault.notes):
                fault.notes.append((f"in the call of `{name}` here", expr.span))
            raise
        finally:
            self.calls.pop()
        return values[0] if len(values) == 1 else tuple(values)

    def body(self, statements: Sequence[tree.Statement], scope: Scope) -> list[Value]:
        """Run a body of assignments, loops and a `return`; its results."""
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
                raise Fault("E0209", "a body holds assignments, loops and a `return` only", statement.span)
        return []

    def loop(self, statement: tree.For, scope: Scope) -> Iterator[int]:
        """The values of a loop's variable, which is defined in the scope meanwhile."""
        bounds = statement.range
        assert bounds.start is not None and bounds.stop is not None
        start = self.integer(bounds.start, scope, "the end of a range")
        stop = self.integer(bounds.stop, scope, "the end of a range")
        step = 1 if bounds.step is None else self.integer(bounds.step, scope, "the step of a range")
        if step == 0:
            raise Fault("E0204", "the step of a range is not zero", bounds.span)
        if len(range(start, stop, step)) > MAX_NODES:
            raise Fault("E0213", f"the loop runs more than {MAX_NODES:,} times", bounds.span)
        variable = self.name(statement.variable, scope)
        shadowed = scope.values.get(variable), variable in scope.values
        try:
            for k in range(start, stop, step):
                scope.values[variable] = k
                yield k
        finally:
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
            raise Fault("E0205", f"{len(names)} names for {got}", statement.targets[0].span.to(statement.targets[-1].span))
        defined = []
        for name, target, item in zip(names, statement.targets, values, strict=True):
            scope.define(name, item, target.span)
            if isinstance(item, Tensor):
                self.named(item.id, name, scope)
            defined.append((name, item))
        return defined

    def named(self, id: int, name: str, scope: Scope) -> None:
        """A value got a name: in a body it is only a hint for the generated code."""
        node = self.builder[id]
        if node.name is None and node.hint is None and node.op != "argument":
            self.builder.hint(id, name)

    # ------------------------------------------------------------ errors

    def _place(self) -> Span | None:
        return self.builder.origin.span if self.builder.origin else None

    @contextmanager
    def at(self, span: Span, values: Sequence[Value] = (), spans: Sequence[Span] = (),
           call: tree.Call | None = None) -> Iterator[None]:  # fmt: skip
        """While nodes are added for an expression: its place for them, and for what goes wrong."""
        before = self.builder.origin
        if before is not None and not self.calls:
            self.builder.origin = Origin(before.statement, span, before.rule, before.primal)
        try:
            yield
        except ShapeError as error:
            place = spans[error.operand] if error.operand is not None and error.operand < len(spans) else span
            notes: list[tuple[str, Span | None]] = [
                (f"`{s.text}` is {self.type(v.id)}" + self._provenance(v.id), None)
                for v, s in zip(values, spans, strict=False)
                if isinstance(v, Tensor) and len(s.text) <= 60 and "\n" not in s.text
            ]
            raise Fault(error.code, error.message, place, error.label, notes, error.help) from None
        except CallError as error:
            place = span
            if call is not None:
                if isinstance(error.argument, int) and error.argument < len(spans):
                    place = spans[error.argument]
                for keyword in call.keywords:
                    if keyword.name == error.argument:
                        place = keyword.span
            raise Fault(error.code, error.message, place, help=error.help) from None
        finally:
            self.builder.origin = before

    def _provenance(self, id: int) -> str:
        node = self.builder[id]
        place = node.origin.span if node.origin else None
        if place is None:
            return ""
        if node.op == "argument":
            return f", declared on line {place.line}"
        return f", from line {place.line}"

    def _unknown_function(self, expr: tree.Call, scope: Scope) -> Fault:
        from graphc.language.calculus import OPERATORS as CALCULUS
        from graphc.language.diagnostics import suggest
        from graphc.ops.table import names

        close = suggest(expr.function, [*scope.environment.functions, *scope.environment.ops, *names(), *CALCULUS, "shape"])
        return Fault("E0201", f"no operation or function has the name `{expr.function}`", expr.name_span,
                     label="not known",
                     help=f"did you mean `{close}`?" if close else "`graphc ops` lists the operations")  # fmt: skip


# ---------------------------------------------------------------- small things


def _normal(value: Value) -> Value:
    """An attribute in hashable form: lists become tuples, sizes that are numbers become numbers."""
    if isinstance(value, (list, tuple)):
        return tuple(_normal(item) for item in value)
    if isinstance(value, Dim) and value.value is not None:
        return value.value
    return value


def _frozen(value: Value) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, Dim):
        if value.value is None:
            raise CallError(f"the size {value} is known at run time only and cannot stand in a constant array")
        return value.value
    return value


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _floats(value: Any) -> Any:
    return tuple(map(_floats, value)) if isinstance(value, tuple) else float(value)


def _nested_shape(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, tuple):
        return ()
    shapes = {_nested_shape(item) for item in value} or {()}
    if len(shapes) != 1 or None in shapes:
        return None
    inner = shapes.pop()
    assert inner is not None
    return (len(value), *inner)


def _describe(value: Value) -> str:
    if isinstance(value, str):
        return f'the text "{value}"'
    if value is None:
        return "`none`"
    if value is Ellipsis:
        return "`...`"
    if isinstance(value, DynamicShape):
        return "a shape that is known at run time only"
    return f"`{value}`"


def _count(number: int) -> str:
    return "one argument" if number == 1 else f"{number} arguments"


def _usage(op: Op) -> str:
    parts = [name + ("=none" if name in op.optional else "") for name in op.operands]
    parts += [name if default is REQUIRED else f"{name}={default!r}" for name, default in op.attributes.items()]
    return f"`{op.name}({', '.join(parts)})`"
