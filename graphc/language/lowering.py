"""One run over a program: its statements to nodes, with what is assumed of its undeclared arguments.

A statement in error gives its names a poisoned value that nothing complains about again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Argument, Builder, Graph, Origin, Statement
from graphc.ir.types import MAX_RANK, ShapeError, Type
from graphc.language import tree
from graphc.language.circles import Circles
from graphc.language.constant_order import of_shapes
from graphc.language.constants import Constants
from graphc.language.crossed import check_crossed
from graphc.language.declarations import announced, check_declaration
from graphc.language.declared_sizes import declared_size, hidden_sizes
from graphc.language.diagnostics import Diagnostics
from graphc.language.evaluate import Evaluator
from graphc.language.infer import Assumptions, LearningSolver
from graphc.language.joined import joined
from graphc.language.nested import describe
from graphc.language.no_constants import no_constant
from graphc.language.open_loss import check_open_loss
from graphc.language.results import loss_of, outputs_of
from graphc.language.scope import Environment, Scope
from graphc.language.slips import check_free_names, check_gradients, check_lookalikes, check_statements
from graphc.language.source import Span
from graphc.language.too_early import report_names_too_early, too_early
from graphc.language.unwanted import UNWANTED
from graphc.language.updates import check_update, no_argument
from graphc.language.values import POISON, Exhausted, Fault, Poison, Silent, Tensor, Value
from graphc.ops.base import CallError

__all__ = ["Lowering"]

MOST_ARGUMENTS = 100_000
"""A program of 100,000 operations has 67,000 where each layer has parameters of its own. Of unknown rank they take some
20 KB each."""


class Lowering(Evaluator):
    """One run over a program with what is assumed of its undeclared arguments.

    `partial`: something that belongs to the program is missing, and its errors are reported already.
    """

    def __init__(
        self,
        module: tree.Module,
        diagnostics: Diagnostics,
        assumptions: Assumptions,
        environment: Environment,
        partial: bool,
        clips: bool,
    ) -> None:
        self.clips, self.clipped = clips, False
        self.module = module
        self.partial = partial
        self.diagnostics = diagnostics
        self.assumptions = assumptions
        self.bodies = environment  # what the bodies of this file's functions see
        self.environment = replace(environment, constants={}, dims=set())
        self.undeclared: set[str] = set()
        self.refused: set[str] = set()
        """The names that are declared arguments and assigned as well."""
        self.searched: set[int] = set()
        """The statements in error that were searched for names used too early."""
        self.circles = Circles()
        self.idle: dict[str, Span] = {}
        """The names that loops without a step would have assigned, with the ranges of those loops."""
        self.statement: tree.Statement | None = None
        self.first_here: set[str] = set()
        """The free names that this statement is the first to use."""
        self.solver = LearningSolver(assumptions, self.undeclared)
        super().__init__(Builder(environment.ops, self.solver))
        self.scope = Scope(self.environment, missing=self._missing)
        self.declared: dict[str, tree.Declared] = {}
        self.assigned: dict[str, Span] = {}
        self.used: set[str] = set()
        self.first_use: dict[str, Span] = {}
        self.values: dict[str, int] = {}
        self.updates: dict[str, int] = {}
        self.statements: list[Statement] = []
        self.outputs: list[tree.Name] = []
        self.loss: tree.Name | None = None
        self.loops: list[tuple[str, int]] = []
        self.in_update = False
        self.constants = Constants(self.builder)

    def add(
        self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None, type: Type | None = None
    ) -> int:
        id = super().add(op, operands, attrs, type)
        self.constants.enter(id)
        return id

    def may_clip(self) -> bool:
        self.clipped |= self.clips
        return self.clips

    # ------------------------------------------------------------ the run

    def run(self) -> Graph | None:
        found = announced(self.module.statements)
        self.assigned, self.once, self.scope.body = found.assigned, found.once, self.module.statements
        self.environment.dims |= found.dims
        for function in self.environment.functions.values():
            function.environment.dims |= self.environment.dims
        for op in self.environment.ops.values():
            if op.environment is not None:
                op.environment.dims |= self.environment.dims
        try:
            self._statements(self.module.statements)
        except Exhausted as fault:
            self.report(fault)
            return None
        if isinstance(self.scope.values.get(UNWANTED), Poison):  # of several
            self.values.pop(UNWANTED, None)
        check_statements(self)
        check_gradients(self)
        check_lookalikes(self)
        check_crossed(self)
        self._check_sizes()
        outputs = outputs_of(self)
        loss = loss_of(self, outputs)
        check_free_names(self, loss)
        check_open_loss(self, outputs)
        if self.diagnostics.has_errors:
            return None
        return Graph(
            nodes=self.builder.nodes,
            arguments=tuple(self._ordered_arguments()),
            outputs=outputs,
            loss=loss,
            values=self.values,
            updates=self.updates,
            statements=tuple(self.statements),
            bounds=tuple(self.solver.bounds),
            together=self.solver.together,
            agreeing=tuple(self.solver.agreeing),
            minimums=(*self.minimums, *self.solver.minimums),
            ranks=tuple(self.ranks.items()),
            limits=tuple(self.limits),
            ops=self.builder.ops,
            source=self.module.source.text,
            file=self.module.source.name,
        )

    def _statements(self, statements: tuple[tree.Statement, ...]) -> None:
        # Declarations and constants come first: a program may use a name above the line that declares it.
        if not self.loops:
            later = of_shapes(statements)
            waiting = set(map(id, later))
            for statement in statements:
                if isinstance(statement, tree.Const) and id(statement) not in waiting:
                    self._guard(self._const, statement)
            for statement in statements:
                if isinstance(statement, tree.Declaration):
                    self._declaration(statement)
            for statement in later:
                self._guard(self._const_of_shapes, statement)
        for statement in statements:
            if isinstance(statement, tree.Assign):
                self._guard(self._assign, statement)
            elif isinstance(statement, tree.Update):
                self._guard(self._update, statement)
            elif isinstance(statement, tree.For):
                self._guard(self._for, statement)
            elif isinstance(statement, tree.Output):
                self.outputs.extend(statement.names)
            elif isinstance(statement, tree.Loss):
                if self.loss is not None:
                    self.report(
                        Fault(
                            "E0214",
                            "a program has one loss",
                            statement.span,
                            notes=[("the first is declared here", self.loss.span)],
                            help="`output a, b` names several results",
                        )
                    )
                self.loss = statement.name

    def _guard(self, lower: Callable[..., None], statement: tree.Statement) -> None:
        """Lower a statement; report what is wrong with it and poison what it would have assigned."""
        index, said = len(self.statements), ""
        if not isinstance(statement, tree.For):  # its steps are quoted one by one
            self._quote(statement)
        self.builder.origin = Origin(index, statement.span)
        self.statement = statement
        self.first_here.clear()
        try:
            lower(statement)
            return
        except Exhausted:
            raise
        except Silent:
            pass
        except Fault as fault:
            self.report(fault)
            said = fault.message
        except RecursionError:
            help = "give parts of it names in statements of their own"
            self.report(Fault("E0110", "this is nested too deeply", statement.span, help=help))
        except ShapeError as error:
            self.report(Fault(error.code, error.message, statement.span, error.label, help=error.help))
        except CallError as error:
            self.report(Fault(error.code, error.message, statement.span, help=error.help))
        finally:
            self.builder.origin = None
        if isinstance(statement, (tree.Assign, tree.Update, tree.Const)):
            report_names_too_early(self, statement, said)
        if isinstance(statement, tree.Const):
            self.scope.values.setdefault(statement.target.id, POISON)
            self.scope.places.setdefault(statement.target.id, statement.target.span)
        elif isinstance(statement, tree.Assign):
            for target in statement.targets:
                if target.id == UNWANTED and len(statement.targets) > 1 and self.scope.has_unwanted:
                    continue
                with contextlib.suppress(Fault, Silent):
                    self._poison(self.name(target, self.scope), target.span)
        elif isinstance(statement, tree.For):  # its range is in error: no step was made
            for name in announced(statement.body).assigned:
                self.scope.values.setdefault(name, POISON)

    def _poison(self, name: str, span: Span) -> None:
        """Give a name the value of a statement in error, and say so where the name has a meaning already."""
        if self.scope.places.get(name) == span:  # the statement gave it its value, or did so at another step of a loop
            return
        try:
            self.define(name, POISON, span, self.scope)
        except Fault as fault:
            self.report(fault)
            self.scope.values.setdefault(name, POISON)

    def report(self, fault: Fault) -> None:
        self.diagnostics.report(fault)

    def _quote(self, statement: tree.Statement) -> None:
        """The statement as the generated code quotes it; a loop's steps say which they are."""
        text = " ".join(statement.span.text.split())
        if self.loops:
            text += "   [" + ", ".join(f"{name} = {k}" for name, k in self.loops) + "]"
        at = statement.span
        self.statements.append(Statement(len(self.statements), text, at.source.name, at.line, tuple(self.loops)))

    # ------------------------------------------------------------ statements

    def _const(self, statement: tree.Const) -> None:
        name = self.name(statement.target, self.scope)
        again = name in self.environment.constants or name in self.scope.places
        if again:
            self.report(Fault("E0202", f"`{name}` is assigned twice", statement.span))
        value = self.evaluate(statement.value, self.scope)
        no_constant(self, name, statement, value)
        if isinstance(value, (list, tuple)):
            count = len(self.builder.nodes)
            self.operand(value, statement.value.span)  # a ragged constant is an error where it is written
            self.builder.forget(count)
        if not again:
            self.environment.constants[name] = self.bodies.constants[name] = value

    def _const_of_shapes(self, statement: tree.Const) -> None:
        self._const(statement)
        name = statement.target.id
        if name in self.environment.dims:
            message = f"`{name}` is a size in a declaration, and its value depends on an argument's shape"
            help = "give the constant another name, or write its value as a number"
            raise Fault("E0211", message, statement.value.span, help=help)

    def _declaration(self, statement: tree.Declaration) -> None:
        for declared in statement.names:
            names = [declared.name.id]
            try:
                names = list(self._declared_names(declared))
                for name in names:
                    self._declare(name, declared, statement.kind)
            except Exhausted:
                raise
            except Fault as fault:
                self.report(fault)
                for name in names:
                    if name in self.assigned:  # the assignment gives it a value
                        self.refused.add(name)
                    else:
                        self.scope.values.setdefault(name, POISON)
            except Silent:
                pass

    def _declared_names(self, declared: tree.Declared) -> Iterator[str]:
        if declared.range is None:
            yield self.name(declared.name, self.scope)
            return
        loop = tree.For(tree.Name("", (), declared.span), declared.range, (), declared.span)
        if declared.range.start is None or declared.range.stop is None:
            raise Fault("E0204", "a range of names needs both ends, as in `W_{0:3}`", declared.range.span)
        for k in self.loop(loop, self.scope):
            yield f"{declared.name.id}_{k}"

    def _declare(self, name: str, declared: tree.Declared, kind: str) -> None:
        constants = self.environment.constants
        written = check_declaration(name, declared, kind, self.declared, self.assigned, self.once, constants)
        self.declared[name] = declared
        dtype = written if written in ("int", "bool") else "float"
        if declared.dims is None:
            self.undeclared.add(name)
            type = self.assumptions.type(name)
            type = Type(type.shape, dtype)
        else:
            if len(declared.dims) > MAX_RANK:
                raise Fault("E0213", f"an array has at most {MAX_RANK} dimensions", declared.span,
                            f"this one has {len(declared.dims)}")  # fmt: skip
            type = Type(tuple(declared_size(expr, constants) for expr in declared.dims), dtype)
            self.not_zero(divisor for size in type.dims for divisor in size.divisors())
        self._argument(name, type, kind, written, declared.span)

    def _argument(self, name: str, type: Type, kind: str, written: str, span: Span) -> int:
        if len(self.arguments) >= MOST_ARGUMENTS:
            raise Exhausted("E0213", f"the program has more than {MOST_ARGUMENTS:,} arguments", span)
        origin, self.builder.origin = self.builder.origin, Origin(-1, span)
        id = self.builder.add("argument", (), {"name": name}, type=type, name=name)
        self.builder.origin = origin
        self.arguments[name] = Argument(name, id, kind, written, span)
        self.scope.values[name] = Tensor(id)
        self.values[name] = id
        return id

    def _missing(self, name: str, span: Span) -> Value:
        """A name without a value: a dimension's, or a free name, which is an input."""
        if name in self.refused:  # of which it is said already that it is no argument
            raise Silent
        if name in self.assigned:
            raise too_early(self, name, span, self.assigned[name], self.statement)
        if name in self.environment.dims:
            return dim(name)
        if name in self.environment.functions or name in self.environment.ops:
            raise Fault("E0220", f"`{name}` is a function, not a value", span, help=f"call it: `{name}(…)`")
        self.undeclared.add(name)
        self.first_use[name] = span
        self.first_here.add(name)
        return Tensor(self._argument(name, self.assumptions.type(name), "free", "float", span))

    def _assign(self, statement: tree.Assign) -> None:
        for name, value in self.assign(statement, self.scope):
            if isinstance(value, Tensor):
                self.values[name] = value.id
            elif isinstance(value, (int, float, Dim)):
                id = self.tensor(value)
                self.values[name] = id
                self.scope.values[name] = value
                if not isinstance(value, Dim):
                    self.builder.rename(id, name)
            elif isinstance(value, (list, tuple)) and value and not _has_tensor(value):
                self.values[name] = self.operand(value, statement.value.span)
            elif not isinstance(value, Poison):
                self.scope.values[name] = POISON  # what uses it is not in error for that
                raise Fault(
                    "E0205",
                    f"`{name}` would not be a tensor, but {describe(value)}",
                    statement.value.span,
                    help=_results(value)
                    if isinstance(value, tuple)
                    else joined(self.builder, value, statement.value.span),
                )

    def define(self, name: str, value: Value, span: Span, scope: Scope) -> None:
        if scope is self.scope:
            if name in self.environment.constants:
                help = "give this value another name"
                raise Fault("E0202", f"`{name}` is a constant and assigned", span, help=help)
            if name in self.first_use:
                user = self.statement if name in self.first_here else None  # or it was an earlier one
                raise too_early(self, name, self.first_use[name], span, user)
        super().define(name, value, span, scope)

    def named(self, id: int, name: str, scope: Scope) -> None:
        node = self.builder[id]
        if scope is self.scope and node.name is None and node.op != "argument":
            self.builder.rename(id, name)
        else:
            super().named(id, name, scope)

    def _leaf(self, expr: tree.Expr, scope: Scope) -> Value:
        if scope is self.scope and isinstance(expr, tree.Name) and not self.in_update:
            self.used.add(self.name(expr, scope))
        return super()._leaf(expr, scope)

    def _update(self, statement: tree.Update) -> None:
        name = self.name(statement.target, self.scope)
        argument = self.arguments.get(name)
        if argument is None:
            raise no_argument(self, name, statement.target.span)
        if name in self.updates:
            raise Fault("E0202", f"`{name}` is updated twice", statement.target.span)
        self.in_update = True
        try:
            id = self.tensor(self.evaluate(statement.value, self.scope))
        finally:
            self.in_update = False
        old, new = self.builder.type(argument.node), self.builder.type(id)
        check_update(name, old, new, self.solver, statement.value.span)
        self.updates[name] = id
        node = self.builder[id]
        if node.name is None and node.op != "argument":
            self.builder.hint(id, f"new_{name}")

    def _for(self, statement: tree.For) -> None:
        variable = self.name(statement.variable, self.scope)
        origin = self.builder.origin
        self.budget.nest(len(self.loops) + 1, statement.span)
        idle = True
        for k in self.loop(statement, self.scope):
            idle = False
            self.loops.append((variable, k))
            self._statements(statement.body)
            self.loops.pop()
            self.builder.origin = origin
        if idle:
            self.idle.update(dict.fromkeys(announced(statement.body).assigned, statement.range.span))

    # ------------------------------------------------------------ the end

    def _check_sizes(self) -> None:
        sizes = (
            (size, declared.span)
            for name, declared in self.declared.items()
            if declared.dims is not None and name in self.arguments
            for size in self.builder.type(self.arguments[name].node).dims
        )
        for fault in hidden_sizes(sizes):
            self.report(fault)

    def _ordered_arguments(self) -> Iterator[Argument]:
        """Declared ones in the order of declaration, then the others in the order of first use."""
        yield from (a for name, a in self.arguments.items() if name in self.declared)
        yield from (a for name, a in self.arguments.items() if name not in self.declared)


def _results(value: tuple[Value, ...]) -> str:
    if len(value) == 1:
        return "without the comma it is the value itself"
    return "one name for each result: `a, b = split(x, 2)`"


def _has_tensor(value: Value) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_tensor, value))
    return isinstance(value, Tensor) or not isinstance(value, (int, float, bool))
