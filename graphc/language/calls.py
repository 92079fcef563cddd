"""Calls: arguments to operands and attributes, functions inlined, and what is wrong with a call in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from graphc.ir.types import ShapeError, Unknown
from graphc.language import tree
from graphc.language.mismatch import inside
from graphc.language.nodes import Nodes
from graphc.language.scope import Function, Scope
from graphc.language.source import Span
from graphc.language.values import Exhausted, Fault, Silent, Tensor, Value, is_number, is_size
from graphc.ops.base import REQUIRED, CallError, DynamicShape, Op
from graphc.ops.table import find

if TYPE_CHECKING:
    from graphc.language.evaluate import Evaluator

__all__ = ["Calls"]


class Calls(Nodes):
    """Evaluates calls; what an expression is, is the evaluator's."""

    def evaluate(self, expr: tree.Expr, scope: Scope) -> Value:
        """The value of an expression. Raises Fault."""
        raise NotImplementedError

    def evaluate_all(
        self, expressions: Iterable[tree.Expr], scope: Scope, before: Exception | None = None
    ) -> list[Value]:
        """The values of expressions that do not depend on each other. Raises the Fault of the first that is in error
        with those of the others; `before` is what has been raised in front of them."""
        values: list[Value] = []
        raised = [before] if before is not None else []
        for expression in expressions:
            try:
                values.append(self.evaluate(expression, scope))
            except Exhausted:
                raise
            except (Fault, Silent) as error:
                raised.append(error)
        faults = [error for error in raised if isinstance(error, Fault)]
        if faults:
            faults[0].others += faults[1:]
            raise faults[0]
        if raised:
            raise raised[0]
        return values

    def body(self, statements: Sequence[tree.Statement], scope: Scope) -> list[Value]:
        """Run a body of assignments, loops and a `return`; its results."""
        raise NotImplementedError

    def operand(self, value: Value, span: Span) -> int:
        """The node of a value that stands at a place. Raises Fault."""
        try:
            id = self.tensor(value)
        except CallError as error:
            raise Fault(error.code, error.message, span, help=error.help) from None
        if self.builder[id].op == "const" and isinstance(value, (tuple, list)) and span.text.isidentifier():
            self.builder.hint(id, span.text)
        return id

    def _call(self, expr: tree.Call, scope: Scope) -> Value:
        name = expr.function
        function = scope.environment.functions.get(name)
        if function is not None:
            return self._call_function(function, expr, scope)
        if name == "shape":
            return self._shape_call(expr, scope)
        op = scope.environment.ops.get(name) or _built_in(name, scope)
        if op is None:
            from graphc.language.calculus import OPERATORS as CALCULUS

            if name in CALCULUS:
                arguments = self.evaluate_all(expr.arguments, scope)
                if expr.keywords:
                    raise Fault("E0206", f"`{name}` has no keyword arguments", expr.keywords[0].span)
                with self.at(expr.span):
                    return CALCULUS[name](cast("Evaluator", self), arguments, expr)
            if scope.environment.incomplete or {name, "import"} & scope.environment.damaged:
                raise Silent
            keywords = [keyword.value for keyword in expr.keywords]
            fault = self._unknown_function(expr, scope)
            self.evaluate_all([*expr.arguments, *keywords], scope, fault)
            raise fault
        operands, attributes, spans, places = self._arguments(op, expr, scope)
        scores = op.operands[0] if op.family == "losses" and not op.hidden else None
        if scores and scores not in scope.values and operands[0] is not None:
            self._called(scores, Tensor(operands[0]))  # S, and the cotangent dS
        values = [Tensor(o) if isinstance(o, int) else None for o in operands]
        with self.at(expr.span, values, spans, places):
            try:
                result = self.apply(op, operands, attributes)
            except Fault as fault:
                raise inside(fault, f"in the use of `{name}` here", expr.span) from None
            if isinstance(result, tuple):
                return tuple(Tensor(r) if isinstance(r, int) and not isinstance(r, bool) else r for r in result)
            return Tensor(result)

    def _shape_call(self, expr: tree.Call, scope: Scope) -> Value:
        if len(expr.arguments) != 1 or expr.keywords:
            raise Fault("E0206", "`shape` takes one value", expr.span)
        id = self.operand(self.evaluate(expr.arguments[0], scope), expr.arguments[0].span)
        shape = self.type(id).shape
        if isinstance(shape, Unknown):
            return DynamicShape(self.add("shape_of", [id]), shape, id)
        return tuple(shape)

    def _arguments(
        self, op: Op, expr: tree.Call, scope: Scope
    ) -> tuple[list[int | None], dict[str, Value], list[Span], dict[str, Span]]:
        """The operands of a call (node ids, None where left out), its attributes, and the places of both."""
        given: dict[str, tuple[Value, Span]] = {}
        extra: list[tuple[Value, Span]] = []
        fixed = [name for name in op.operands if name[0] != "*"]
        values = self.evaluate_all(expr.arguments, scope)
        arguments = [(value, a.span) for value, a in zip(values, expr.arguments, strict=True)]
        named = expr.keywords
        if op.operands and op.operands[0][0] == "*":
            extra, rest = self._flatten(op, arguments)
            for keyword in expr.keywords:
                if op.aliases.get(keyword.name, keyword.name) == op.operands[0][1:]:
                    if extra:
                        raise Fault("E0206", f"argument `{op.operands[0][1:]}` is given twice", keyword.span)
                    extra, _ = self._flatten(op, [(self.evaluate(keyword.value, scope), keyword.value.span)])
                    named = tuple(other for other in named if other is not keyword)
            order = [*op.positional]
        else:
            rest, order = arguments, [*fixed, *op.positional]
        if len(rest) > len(order):
            raise Fault(
                "E0206",
                f"`{op.title}` takes {_count(len(order))}, not {len(arguments)}",
                rest[len(order)][1],
                help=_sizes_as_one(op, order, rest) or _usage(op),
            )
        given.update(zip(order, rest, strict=False))
        for keyword in named:
            name = op.aliases.get(keyword.name, keyword.name)
            if name not in fixed and name not in op.attributes:
                from graphc.language.diagnostics import suggest
                from graphc.language.habits import about_keyword

                known = [*fixed, *op.attributes]
                close = suggest(keyword.name, known)
                mended = f"did you mean `{close}`?" if close else about_keyword(keyword.name, known)
                raise Fault(
                    "E0206",
                    f"`{op.title}` has no argument `{keyword.name}`",
                    keyword.span,
                    help=mended or _usage(op),
                )
            if name in given:
                raise Fault("E0206", f"argument `{name}` is given twice", keyword.span)
            given[name] = (self.evaluate(keyword.value, scope), keyword.value.span)
        operands: list[int | None] = []
        spans: list[Span] = []
        for name in fixed:
            if name not in given or given[name][0] is None:
                if name in op.optional:
                    operands.append(None)
                    spans.append(expr.span)
                    continue
                raise Fault("E0206", f"`{op.title}` needs its argument `{name}`", expr.name_span, help=_usage(op))
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
                self._rank_of_sizes(value, span)
                if isinstance(value, Tensor):
                    value = self._compile_time(value, span, f"`{name}` of `{op.title}`", isinstance(default, str))
                attributes[name] = value
            elif default is REQUIRED:
                raise Fault("E0206", f"`{op.title}` needs its argument `{name}`", expr.name_span, help=_usage(op))
        keywords = {op.aliases.get(keyword.name, keyword.name): keyword.span for keyword in expr.keywords}
        places = {name: span for name, (_, span) in given.items() if name in op.attributes}
        return operands, attributes, spans, {**places, **keywords}

    def _rank_of_sizes(self, value: Value, span: Span) -> None:
        """E0210 where a size, such as `shape(X)[0]`, is that of an argument of any shape: it is to be declared."""
        if isinstance(value, (tuple, list)):
            for item in value:
                self._rank_of_sizes(item, span)
        elif isinstance(value, Tensor) and self.type(value.id).dtype == "int" and self.type(value.id).shape == ():
            stack, seen = [value.id], {value.id}
            while stack:
                node = self.builder[stack.pop()]
                if node.op == "size_of":
                    from graphc.passes.batch import rank_unknown

                    error = rank_unknown(self.builder, node.id)
                    raise Fault(error.code, str(error), span, help=error.help)
                new = {u for u in node.operands if self.type(u).dtype == "int" and self.type(u).shape == ()} - seen
                seen |= new
                stack.extend(new)

    def _compile_time(self, value: Tensor, span: Span, what: str, text: bool = False) -> Value:
        """The value of an attribute that is a constant; `text` says that it is one of several words."""
        node = self.builder[value.id]
        if node.op == "const":
            return node.attr("value")
        if node.op == "size":
            return node.attr("dim")
        help = "an argument by its name is written with one `=`" if "==" in span.text else _INSTEAD.get(what)
        if help is None and text:
            help = f'a text stands in quotes: `"{node.name or span.text}"`'
        label = "this is a tensor, known at run time only"
        raise Fault("E0211", f"{what} must be known at compile time", span, label, help=help)

    def _flatten(
        self, op: Op, arguments: list[tuple[Value, Span]]
    ) -> tuple[list[tuple[Value, Span]], list[tuple[Value, Span]]]:
        """For operations on any number of arrays: these, given one by one or as a list, and the other arguments.

        What joins arrays takes any list for one of arrays; a single array is the list of its rows to NumPy.
        """
        joins = "axis" in op.positional
        arrays: list[tuple[Value, Span]] = []
        rest: list[tuple[Value, Span]] = []
        for value, span in arguments:
            if isinstance(value, (list, tuple)) and not arrays and _of_arrays(value, joins):
                arrays.extend((item, span) for item in value)
                joins = False
            elif isinstance(value, str) or (arrays and not isinstance(value, (Tensor, list))):
                rest.append((value, span))
            else:
                arrays.append((value, span))
        if joins and len(arrays) == 1:
            ((_, span),) = arrays
            raise Fault("E0206", f"`{op.title}` takes a list of arrays", span, help=f"`{op.title}([{span.text}])`")
        return arrays, rest

    def _typed_operand(self, op: Op, name: str, value: Value, span: Span) -> int:
        try:
            if name in op.indices:
                id = self.tensor(value, "int")
                self.index(id)
                return id
            return self.tensor(value)
        except ShapeError as error:
            raise Fault(error.code, error.message, span, error.label, help=error.help) from None
        except CallError as error:
            raise Fault(error.code, f"`{name}` of `{op.title}`: {error.message}", span, help=error.help) from None

    def _called(self, name: str, value: Value) -> Value:
        """An argument of a definition; one without a name is called in the generated code as the definition calls it.

        A product keeps its own: `UWk` says more than `x`.
        """
        if isinstance(value, Tensor):
            node = self.builder[value.id]
            if node.operands and node.op != "matmul" and not node.name and not node.hint:
                self.builder.suggest(value.id, name)
        return value

    def _call_function(self, function: Function, expr: tree.Call, scope: Scope) -> Value:
        signature = function.definition.signature
        name = signature.name
        if any(n == name for n, _ in self.calls):
            way = " → ".join([*(n for n, _ in self.calls), name])
            raise Fault(
                "E0208",
                f"`{name}` calls itself",
                expr.name_span,
                label=way,
                help="functions are inlined, so recursion has no end",
            )
        formals = [*signature.operands, *signature.attributes]
        if len(expr.arguments) > len(signature.operands):
            raise Fault(
                "E0206",
                f"`{name}` takes {_count(len(signature.operands))}, not {len(expr.arguments)}",
                expr.arguments[len(signature.operands)].span,
                notes=[(f"`{name}` is defined here", signature.span)],
            )
        inner = Scope(function.environment, inside=f"`{name}`")
        for formal, argument in zip(signature.operands, expr.arguments, strict=False):
            inner.values[formal.name] = self._called(formal.name, self.evaluate(argument, scope))
        known = {f.name for f in formals}
        for keyword in expr.keywords:
            if keyword.name not in known:
                raise Fault(
                    "E0206",
                    f"`{name}` has no argument `{keyword.name}`",
                    keyword.span,
                    notes=[(f"`{name}` is defined here", signature.span)],
                )
            if keyword.name in inner.values:
                raise Fault("E0206", f"argument `{keyword.name}` is given twice", keyword.span)
            inner.values[keyword.name] = self._called(keyword.name, self.evaluate(keyword.value, scope))
        for formal in formals:
            if formal.name not in inner.values:
                if formal.default is None:
                    raise Fault(
                        "E0206",
                        f"`{name}` needs its argument `{formal.name}`",
                        expr.name_span,
                        notes=[(f"`{name}` is defined here", signature.span)],
                    )
                inner.values[formal.name] = self.evaluate(
                    formal.default, Scope(function.environment, inside=f"`{name}`")
                )
        self.budget.call(len(self.calls), expr.span)
        self.budget.ahead(self.unrolling.call(function.definition, function.environment), expr.span, "the call takes")
        self.calls.append((name, expr.span))
        try:
            values = self.body(function.definition.body, inner)
        except Fault as fault:
            raise inside(fault, f"in the call of `{name}` here", expr.span) from None
        finally:
            self.calls.pop()
        if not values:
            raise Silent  # a body without a `return` has been reported
        return values[0] if len(values) == 1 else tuple(values)

    def _unknown_function(self, expr: tree.Call, scope: Scope) -> Fault:
        from graphc.language.calculus import OPERATORS as CALCULUS
        from graphc.language.diagnostics import suggest
        from graphc.language.habits import instead_of
        from graphc.ops.table import names

        known = [*scope.environment.functions, *scope.environment.ops, *names(), *CALCULUS, "shape"]
        if isinstance(scope.values.get(expr.function), Tensor) and expr.function not in known:
            of, first = expr.function, expr.arguments[0].span.text if len(expr.arguments) == 1 else "…"
            first = first if len(first) <= 20 and "\n" not in first else "…"
            help = f"to index, write `{of}[{first}]`; to multiply, `{of} * ({first})`"
            return Fault("E0219", f"`{of}` is a value, not a function", expr.name_span, label="called here", help=help)
        other = instead_of(expr.function)
        close = suggest(expr.function, known) if other is None and self.budget.hint(len(known)) else None
        return Fault(
            "E0219",
            f"no operation or function has the name `{expr.function}`",
            expr.name_span,
            label="not known",
            help=other or (f"did you mean `{close}`?" if close else "`graphc ops` lists the operations"),
        )


# ---------------------------------------------------------------- small things


OF_NUMPY = {"ravel", "logical_not"}
"""Operations that `graphc ops` does not list, as others do the same, but that are functions of NumPy's as well."""


def _built_in(name: str, scope: Scope) -> Op | None:
    """The operation of that name. What only built-in rules and normal forms use, programs and their rules do not call:
    it takes what those have made sure of. A name of NumPy's means what it does there."""
    op = find(name)
    internal = op is not None and op.hidden and name not in OF_NUMPY
    return None if internal and scope.environment.of_program else op


_INSTEAD = {
    "`axis` of `max`": "of two values take `maximum(a, b)`", "`axis` of `min`": "of two values take `minimum(a, b)`",
    "`shape` of `zeros`": "a shape is a tuple of sizes; `zeros_like(x)` has the shape of `x`",
    "`shape` of `ones`": "a shape is a tuple of sizes; `ones_like(x)` has the shape of `x`",
    "`ord` of `norm`": "the largest entry is `max(abs(x))`, the smallest `min(abs(x))`",
    "`value` of `full`": "`broadcast_to(x, shape)` fills a shape with a tensor",
}  # fmt: skip
"""What was most likely meant by a tensor in the place of an attribute."""


def _count(number: int) -> str:
    return "one argument" if number == 1 else f"{number} arguments"


def _written(value: object) -> str:
    """A default value as a program writes it."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _of_arrays(value: Sequence[Value], joins: bool) -> bool:
    return joins or any(isinstance(v, (Tensor, list)) for v in value)


def _sizes_as_one(op: Op, order: list[str], rest: list[tuple[Value, Span]]) -> str | None:
    """The help for `reshape(x, N, D)`, where the sizes stand one by one."""
    first = next((k for k, name in enumerate(order) if name in ("shape", "axes")), None)
    if first is None or not all(is_number(value) or is_size(value) for value, _ in rest[first:]):
        return None
    before, sizes = ([span.text for _, span in part] for part in (rest[:first], rest[first:]))
    together = f"({', '.join(sizes)})"
    return f"they are one tuple: `{op.title}({', '.join([*before, together])})`"


def _usage(op: Op) -> str:
    inner = "*like" in op.operands  # for a shape that only the run knows: no program writes it
    parts = [name + ("=none" if name in op.optional else "") for name in op.operands if name != "*like"]
    attributes = {name: default for name, default in op.attributes.items() if not inner or name != "like"}
    parts += [name if default is REQUIRED else f"{name}={_written(default)}" for name, default in attributes.items()]
    return f"`{op.title}({', '.join(parts)})`"
