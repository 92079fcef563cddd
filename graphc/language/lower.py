"""Lowering: a syntax tree to a graph.

Functions are inlined, loops unrolled, names resolved, shapes inferred. All errors of a file are reported: a statement
in error gives its names a poisoned value that nothing complains about again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Argument, Builder, Graph, Origin, Statement
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language import tree
from graphc.language.constants import Constants
from graphc.language.depth import room_to_recurse
from graphc.language.diagnostics import Diagnostics, slip, suggest
from graphc.language.evaluate import Evaluator
from graphc.language.imports import Importer
from graphc.language.infer import MAX_RANK, Assumptions, LearningSolver
from graphc.language.literals import arithmetic
from graphc.language.lookalikes import lookalikes
from graphc.language.scope import Environment, Scope
from graphc.language.source import Span
from graphc.language.values import POISON, Exhausted, Fault, Poison, Silent, Tensor, Value
from graphc.ops.base import CallError

__all__ = ["lower"]

TYPES = ("float", "float32", "float64", "int", "bool")
MOST_ARGUMENTS = 50_000
"""A function of more arguments is of no use to anybody; those of unknown rank take some 20 KB each."""
MOST_OUTPUTS = 100_000
"""A tuple of more results is of no use to anybody, and its module takes minutes."""
MAX_RUNS = 12


def lower(module: tree.Module, diagnostics: Diagnostics) -> Graph:
    """The graph of a program. Raises GraphcError with all errors of the file.

    Statements that did not parse are in the diagnostics already: what follows from their absence is not reported.
    """
    with room_to_recurse():
        return _lower(module, diagnostics)


def _lower(module: tree.Module, diagnostics: Diagnostics) -> Graph:
    environment = Importer(diagnostics).environment(module)
    partial = diagnostics.has_errors
    graph, found, clipped = _runs(module, environment, partial, clips=True)
    if clipped and found.has_errors:  # slices of a known length perhaps
        graph, found, _ = _runs(module, environment, partial, clips=False)
    diagnostics.extend([*found.errors, *found.warnings])
    diagnostics.sort()
    diagnostics.raise_if_errors()
    assert graph is not None
    return graph


def _runs(
    module: tree.Module, environment: Environment, partial: bool, clips: bool
) -> tuple[Graph | None, Diagnostics, bool]:  # fmt: skip
    """The graph, what was found, and whether some slice was clipped to a size with a name."""
    assumptions = Assumptions()
    for _ in range(MAX_RUNS):
        known = assumptions.snapshot()
        found = Diagnostics()  # only what the last run finds counts: it knows most
        lowering = Lowering(module, found, assumptions, environment, partial, clips)
        graph = lowering.run()
        if assumptions.snapshot() == known or any(error.code == "E0213" for error in found.errors):
            break
    return graph, found, lowering.clipped


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

    def add(self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None) -> int:
        id = super().add(op, self._bounded(op, operands), attrs)
        self.constants.enter(id)
        return id

    def may_clip(self) -> bool:
        self.clipped |= self.clips
        return self.clips

    def _bounded(self, op: str, operands: Sequence[int]) -> Sequence[int]:
        """Operands that must not enlarge their partner: a computed one of unknown rank is checked where it is used.

        Undeclared arguments themselves are checked at the top of the generated module.
        """
        shapes = [self.type(u).shape for u in operands]
        computed = [isinstance(s, Unknown) and s.leaf is None and self.type(u).dtype != "shape"
                    for u, s in zip(operands, shapes, strict=True)]
        known = [s for s in shapes if not isinstance(s, Unknown) and s]
        if not any(computed) or not known or not self.builder.op(op).elementwise:
            return operands
        outer = max(known, key=len)
        return [
            self.builder.add("fits", [u], {"shape": outer}) if c and self.node(u).op != "fits" else u
            for u, c in zip(operands, computed, strict=True)
        ]

    # ------------------------------------------------------------ the run

    def run(self) -> Graph | None:
        self._collect(self.module.statements)
        for function in self.environment.functions.values():
            function.environment.dims |= self.environment.dims
        for op in self.environment.ops.values():
            if op.environment is not None:
                op.environment.dims |= self.environment.dims
        try:
            self._statements(self.module.statements)
        except Exhausted as fault:
            self._report(fault)
            return None
        self._check_statements()
        self._check_free_names()
        self._check_lookalikes()
        self._check_sizes()
        outputs = self._outputs()
        if self.diagnostics.has_errors:
            return None
        return Graph(
            nodes=self.builder.nodes,
            arguments=tuple(self._ordered_arguments()),
            outputs=outputs,
            loss=self._loss(outputs),
            values=self.values,
            updates=self.updates,
            statements=tuple(self.statements),
            bounds=tuple(self.solver.bounds),
            together=self.solver.together,
            agreeing=tuple(self.solver.agreeing),
            minimums=tuple(self.minimums),
            ranks=tuple(self.ranks.items()),
            limits=tuple(self.limits),
            ops=self.builder.ops,
            source=self.module.source.text,
            file=self.module.source.name,
        )

    def _collect(self, statements: tuple[tree.Statement, ...]) -> None:
        """Names that are assigned without a subscript, dimension names, declarations: known before the first line."""
        for statement in statements:
            if isinstance(statement, tree.Assign):
                for target in statement.targets:
                    if not target.subscripts:
                        self.assigned.setdefault(target.id, target.span)
            elif isinstance(statement, tree.Const):
                self.assigned.setdefault(statement.target.id, statement.target.span)
            elif isinstance(statement, tree.For):
                self._collect(statement.body)
            elif isinstance(statement, tree.Declaration):
                for declared in statement.names:
                    for expr in declared.dims or ():
                        self.environment.dims |= set(_names(expr))
        self.environment.dims -= self._integer_constants(statements)

    def _integer_constants(self, statements: tuple[tree.Statement, ...]) -> set[str]:
        """Constants that are plain integers may stand for sizes in declarations."""
        return {
            s.target.id for s in statements
            if isinstance(s, tree.Const) and isinstance(s.value, tree.Number) and isinstance(s.value.value, int)
        }  # fmt: skip

    def _statements(self, statements: tuple[tree.Statement, ...]) -> None:
        # Declarations and constants come first: a program may use a name above the line that declares it.
        if not self.loops:
            for statement in statements:
                if isinstance(statement, tree.Const):
                    self._guard(self._const, statement)
            for statement in statements:
                if isinstance(statement, tree.Declaration):
                    self._declaration(statement)
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
                    self._report(
                        Fault(
                            "E0214",
                            "a program has one loss",
                            statement.span,
                            notes=[("the first is declared here", self.loss.span)],
                        )
                    )
                self.loss = statement.name

    def _guard(self, lower: Callable[..., None], statement: tree.Statement) -> None:
        """Lower a statement; report what is wrong with it and poison what it would have assigned."""
        index = len(self.statements)
        self._quote(statement)
        self.builder.origin = Origin(index, statement.span)
        try:
            lower(statement)
            return
        except Exhausted:
            raise
        except Silent:
            pass
        except Fault as fault:
            self._report(fault)
        except RecursionError:
            help = "give parts of it names in statements of their own"
            self._report(Fault("E0110", "this is nested too deeply", statement.span, help=help))
        except ShapeError as error:
            self._report(Fault(error.code, error.message, statement.span, error.label, help=error.help))
        except CallError as error:
            self._report(Fault(error.code, error.message, statement.span, help=error.help))
        finally:
            self.builder.origin = None
        if isinstance(statement, (tree.Assign, tree.Const)):
            for target in statement.targets if isinstance(statement, tree.Assign) else (statement.target,):
                with contextlib.suppress(Fault, Silent):
                    self.scope.values.setdefault(self.name(target, self.scope), POISON)

    def _report(self, fault: Fault) -> None:
        self.diagnostics.error(fault.code, fault.message, fault.span, fault.label, tuple(fault.notes), fault.help)

    def _quote(self, statement: tree.Statement) -> None:
        """The statement as the generated code quotes it; a loop's steps say which they are."""
        text = " ".join(statement.span.text.split())
        if self.loops:
            text += "   [" + ", ".join(f"{name} = {k}" for name, k in self.loops) + "]"
        self.statements.append(Statement(len(self.statements), text, statement.span.source.name, statement.span.line))

    # ------------------------------------------------------------ statements

    def _const(self, statement: tree.Const) -> None:
        name = self.name(statement.target, self.scope)
        if name in self.environment.constants:
            raise Fault("E0202", f"`{name}` is assigned twice", statement.span)
        value = self.evaluate(statement.value, self.scope)
        argument = self._argument_behind(value.id) if isinstance(value, Tensor) else None
        if argument is not None:
            message = f"a constant is known at compile time, and `{argument}` is an argument"
            help = f"without `const` it is an assignment: `{name} = …`"
            raise Fault("E0211", message, statement.value.span, help=help)
        if isinstance(value, (list, tuple)):
            count = len(self.builder.nodes)
            self.tensor(value)  # a ragged constant is an error where it is written
            self.builder.forget(count)
        self.environment.constants[name] = self.bodies.constants[name] = value

    def _argument_behind(self, id: int) -> str | None:
        """An argument that a value depends on; sizes do not count."""
        stack = [id]
        while stack:
            node = self.builder[stack.pop()]
            if node.op == "argument":
                return str(node.attr("name"))
            if node.op != "size_of":
                stack.extend(node.operands)
        return None

    def _declaration(self, statement: tree.Declaration) -> None:
        for declared in statement.names:
            try:
                for name in self._declared_names(declared):
                    self._declare(name, declared, statement.kind)
            except Exhausted:
                raise
            except Fault as fault:
                self._report(fault)
                self.scope.values.setdefault(declared.name.id, POISON)
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
        if name in self.declared:
            raise Fault(
                "E0202",
                f"`{name}` is declared twice",
                declared.span,
                notes=[("the first declaration is here", self.declared[name].span)],
            )
        if name in self.assigned:
            raise Fault(
                "E0202",
                f"`{name}` is declared an argument and assigned",
                self.assigned[name],
                notes=[(f"`{name}` is declared here", declared.span)],
                help="give the value another name",
            )
        if name in self.environment.constants:
            raise Fault("E0202", f"`{name}` is declared an argument and a constant", declared.span)
        written = declared.type or "float"
        if written not in TYPES:
            close = suggest(written, list(TYPES))
            raise Fault(
                "E0215",
                f"no type has the name `{written}`",
                declared.type_span,
                help=f"did you mean `{close}`?" if close else f"types are {', '.join(TYPES)}",
            )
        if kind == "param" and written in ("int", "bool"):
            raise Fault(
                "E0215",
                f"a parameter is floating, and `{name}` is declared `{written}`",
                declared.type_span,
                help=f"declare `input {name}` for a value that is not trained",
            )
        self.declared[name] = declared
        dtype = written if written in ("int", "bool") else "float"
        if declared.dims is None:
            self.undeclared.add(name)
            type = self.assumptions.type(name)
            type = Type(type.shape, dtype)
        else:
            if len(declared.dims) > MAX_RANK:
                raise Fault("E0213", f"an array has at most {MAX_RANK} dimensions", declared.span)
            type = Type(tuple(self._size(expr) for expr in declared.dims), dtype)
        self._argument(name, type, kind, written, declared.span)

    def _size(self, expr: tree.Expr) -> Dim:
        """A dimension in a declaration: every name in it is a dimension's."""
        chain = []
        while isinstance(expr, tree.Binary) and expr.op in ("+", "-", "*", "//", "%", "**"):
            chain.append(expr)  # `N + N + …` may be long
            expr = expr.left
        size = self._plain_size(expr)
        for binary in reversed(chain):
            right: Value = self._size(binary.right)
            right = right.value if right.value is not None and binary.op == "**" else right
            result = arithmetic(binary.op, size, right, binary.span)
            if result is NotImplemented:
                raise _no_size(binary.span)
            size = self._positive(dim(result), binary.span)
        return size

    def _plain_size(self, expr: tree.Expr) -> Dim:
        if isinstance(expr, tree.Name) and not expr.subscripts:
            constant = self.environment.constants.get(expr.id)
            return dim(constant) if isinstance(constant, int) and not isinstance(constant, bool) else dim(expr.id)
        if isinstance(expr, tree.Number) and isinstance(expr.value, int):
            return self._positive(dim(expr.value), expr.span)
        if isinstance(expr, tree.Unary):
            size = self._size(expr.operand)
            return self._positive(-size if expr.op == "-" else size, expr.span)
        raise _no_size(expr.span)

    def _positive(self, size: Dim, span: Span) -> Dim:
        if size.value is not None and size.value < 0:
            raise Fault("E0204", f"a dimension is not negative, and this is {size}", span)
        return size

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
        if name in self.assigned:
            raise Fault(
                "E0209",
                f"`{name}` is used before the statement that assigns it",
                span,
                notes=[(f"`{name}` is assigned here", self.assigned[name])],
                help="move that statement up",
            )
        if name in self.environment.dims:
            return dim(name)
        if name in self.environment.functions or name in self.environment.ops:
            raise Fault("E0220", f"`{name}` is a function, not a value", span, help=f"call it: `{name}(…)`")
        self.undeclared.add(name)
        self.first_use[name] = span
        return Tensor(self._argument(name, self.assumptions.type(name), "free", "float", span))

    def _assign(self, statement: tree.Assign) -> None:
        for name, value in self.assign(statement, self.scope):
            target = next(t for t in statement.targets)
            if name in self.environment.constants:
                help = "give this value another name"
                raise Fault("E0202", f"`{name}` is a constant and assigned", target.span, help=help)
            if name in self.first_use:
                raise Fault(
                    "E0209",
                    f"`{name}` is used before the statement that assigns it",
                    self.first_use[name],
                    notes=[(f"`{name}` is assigned here", target.span)],
                    help="move that statement up",
                )
            if isinstance(value, Tensor):
                self.values[name] = value.id
            elif isinstance(value, (int, float, Dim)):
                id = self.tensor(value)
                self.values[name] = id
                self.scope.values[name] = value
                if not isinstance(value, Dim):
                    self.builder.rename(id, name)
            elif isinstance(value, (list, tuple)) and value and not _has_tensor(value):
                self.values[name] = self.tensor(value)
            elif not isinstance(value, Poison):
                raise Fault(
                    "E0205",
                    f"`{name}` would not be a tensor",
                    statement.value.span,
                    help="one name for each result: `a, b = split(x, 2)`" if isinstance(value, tuple) else None,
                )

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
            raise Fault(
                "E0216",
                f"`<-` updates an argument, and `{name}` is "
                + ("a value of the program" if name in self.scope.values else "not one"),
                statement.target.span,
                help="write `=` to assign a value",
            )
        if name in self.updates:
            raise Fault("E0202", f"`{name}` is updated twice", statement.target.span)
        self.in_update = True
        try:
            id = self.tensor(self.evaluate(statement.value, self.scope))
        finally:
            self.in_update = False
        old, new = self.builder.type(argument.node), self.builder.type(id)
        if old.is_float != new.is_float and old.dtype != new.dtype and not (old.is_float and new.dtype == "int"):
            raise Fault(
                "E0216", f"the new value of `{name}` is {new.dtype}, the old one {old.dtype}", statement.value.span
            )
        if not self._same_shape(old, new):
            raise Fault(
                "E0203",
                f"the new value of `{name}` has another shape",
                statement.value.span,
                label=f"this is {new}, `{name}` is {old}",
            )
        self.updates[name] = id
        node = self.builder[id]
        if node.name is None and node.op != "argument":
            self.builder.hint(id, f"new_{name}")

    def _same_shape(self, old: Type, new: Type) -> bool:
        if isinstance(old.shape, Unknown) or isinstance(new.shape, Unknown):
            return True  # told at run time
        return len(old.shape) == len(new.shape) and all(map(self.solver.equal, old.shape, new.shape))

    def _for(self, statement: tree.For) -> None:
        variable = self.name(statement.variable, self.scope)
        origin = self.builder.origin
        self.statements.pop()  # its steps are quoted one by one
        for k in self.loop(statement, self.scope):
            self.loops.append((variable, k))
            self._statements(statement.body)
            self.loops.pop()
            self.builder.origin = origin

    # ------------------------------------------------------------ the ends

    def _check_statements(self) -> None:
        actions = (tree.Assign, tree.For, tree.Update, tree.Output, tree.Loss)
        idle = not any(isinstance(statement, actions) for statement in self.module.statements)
        if idle and not self.diagnostics.has_errors and not self.partial:
            start = Span(self.module.source, 0, 0)
            self._report(Fault("E0217", "the program has no statement", start, help="for example `L = sum(x * x)`"))

    def _check_free_names(self) -> None:
        """A free name is an input; one that looks like a slip of the pen for another name is said to be."""
        known = {*self.declared, *self.assigned, *self.environment.constants, *self.environment.dims}
        for name, span in self.first_use.items():
            meant = slip(name, known) if self.budget.hint(len(known)) else None
            if meant is not None:
                self.diagnostics.warning(
                    "W0201",
                    f"`{name}` is not declared or assigned, so it is taken for an input",
                    span,
                    help=f"did you mean `{meant}`? otherwise declare it: `input {name}`",
                )

    def _check_lookalikes(self) -> None:
        places = {name: declared.span for name, declared in self.declared.items()} | self.assigned | self.first_use
        for first, name in lookalikes(places):
            self.diagnostics.warning(
                "W0202",
                f"two different names look like `{name}`",
                places[name],
                label="of these letters " + " ".join(f"U+{ord(char):04X}" for char in name[:12]),
                notes=[("of these " + " ".join(f"U+{ord(char):04X}" for char in first[:12]), places[first])],
                help="letters of two alphabets are mixed; write both names alike, or choose another",
            )

    def _check_sizes(self) -> None:
        """Every name in a dimension can be found from the shapes of the arguments when the module runs."""
        pending = [
            (size, declared.span)
            for name, declared in self.declared.items()
            if declared.dims is not None and name in self.arguments
            for size in self.builder.type(self.arguments[name].node).dims
        ]
        known: set[str] = set()
        while True:
            left = [(size, span) for size, span in pending if not set(size.names()) <= known]
            found = {name for size, _ in left for name in _solvable(size, known)}
            if not found:
                break
            known |= found
        for size, span in left:
            name = min(set(size.names()) - known)
            if not name.startswith("?"):
                self._report(
                    Fault(
                        "E0204",
                        f"the size `{name}` cannot be found from `{size}` alone",
                        span,
                        help=f"give it a place of its own, as in `input x[{name}]`, or another name to the whole",
                    )
                )

    def _outputs(self) -> dict[str, int]:
        outputs: dict[str, int] = {}
        if self.outputs:
            for name in self.outputs:
                key = self._known(name)
                if key is not None:
                    if key in outputs:
                        self._report(Fault("E0202", f"`{key}` is an output twice", name.span))
                    outputs[key] = self.values[key]
            return outputs
        for value, id in self.values.items():
            if value not in self.used and value not in self.arguments:
                outputs[value] = id
        if self.loss is not None:
            key = self._known(self.loss)
            if key is not None:
                outputs.setdefault(key, self.values[key])
        if len(outputs) > MOST_OUTPUTS:
            message = f"the program has more than {MOST_OUTPUTS:,} outputs: all the values that nothing else uses"
            place = Span(self.module.source, 0, 0)
            self._report(Fault("E0213", message, place, help="name the ones you want: `output L`"))
        if not outputs and not self.diagnostics.has_errors and not self.partial:
            self._report(
                Fault("E0217", "the program has no output", Span(self.module.source, 0, 0), help="name one: `output L`")
            )
        return outputs

    def _known(self, name: tree.Name) -> str | None:
        try:
            key = self.name(name, self.scope)
        except Silent:
            return None
        except Fault as fault:
            self._report(fault)
            return None
        if key in self.values:
            return key
        if key in self.environment.constants:
            try:
                self.values[key] = self._constant(self.environment.constants[key])
            except CallError as error:
                self._report(Fault(error.code, f"`{key}` cannot be a result: {error.message}", name.span))
                return None
            return key
        if key not in self.scope.values and key not in self.environment.damaged:
            close = suggest(key, list(self.values))
            self._report(
                Fault(
                    "E0201",
                    f"no value has the name `{key}`",
                    name.span,
                    help=f"did you mean `{close}`?" if close else None,
                )
            )
        return None

    def _constant(self, value: Value) -> int:
        """The node of a constant as a result: of the program's floating type."""
        return self.tensor(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)

    def _loss(self, outputs: dict[str, int]) -> str | None:
        if self.loss is not None:
            key = self._known(self.loss)
            if key is None:
                return None
            type = self.builder.type(self.values[key])
            if type.rank != 0 or not type.is_float:
                self._report(
                    Fault(
                        "E0401",
                        f"the loss is a scalar, and `{key}` is {type}",
                        self.loss.span,
                        help=f"for example `L = sum({key})`",
                    )
                )
            return key
        types = {name: self.builder.type(id) for name, id in outputs.items() if name not in self.environment.constants}
        scalars = [name for name, type in types.items() if type.rank == 0 and type.is_float]
        return scalars[0] if len(scalars) == 1 else None

    def _ordered_arguments(self) -> Iterator[Argument]:
        """Declared ones in the order of declaration, then the others in the order of first use."""
        yield from (a for name, a in self.arguments.items() if name in self.declared)
        yield from (a for name, a in self.arguments.items() if name not in self.declared)


def _names(expr: tree.Expr) -> Iterator[str]:
    """The names in a dimension expression."""
    stack = [expr]
    while stack:
        expr = stack.pop()
        if isinstance(expr, tree.Name):
            yield expr.id
        elif isinstance(expr, tree.Binary):
            stack += [expr.left, expr.right]
        elif isinstance(expr, tree.Unary):
            stack.append(expr.operand)


def _solvable(size: Dim, known: set[str]) -> list[str]:
    """The one name in a size that is not known, if the size tells it."""
    unknown = set(size.names()) - known
    parts = size.linear_in(min(unknown)) if len(unknown) == 1 else None
    return [*unknown] if parts is not None and parts[0].terms else []


def _has_tensor(value: Value) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_tensor, value))
    return isinstance(value, Tensor) or not isinstance(value, (int, float, bool))


def _no_size(span: Span) -> Fault:
    message = "a dimension is an integer, a name, or an expression over them"
    return Fault("E0204", message, span, help="for example `[N, 2*D]`")
