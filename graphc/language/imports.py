"""The functions, operations and rules that a program sees: its own and those of the files it imports."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISDIR, S_ISREG

from graphc.language import tree
from graphc.language.cycles import cycles
from graphc.language.diagnostics import Diagnostics
from graphc.language.evaluate import Evaluator
from graphc.language.expand import composite_op
from graphc.language.scope import Environment, Function, Scope
from graphc.language.source import Source, Span
from graphc.language.values import Fault, Silent
from graphc.ops.table import find

__all__ = ["Importer"]

MAX_FILE = 16 * 1024 * 1024


class Importer:
    """Collects definitions, following imports once each; paths are relative to the importing file."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.loaded: dict[Path, Environment] = {}
        self.way: list[Path] = []

    def environment(self, module: tree.Module) -> Environment:
        """What the bodies of this file's functions see. Errors go to the diagnostics."""
        environment = Environment(damaged=module.damaged, of_program=True)
        places: dict[str, Span] = {}
        base = Path(module.source.path) if module.source.path else None
        if base is not None:
            self.way.append(base.resolve())
        for statement in module.statements:
            try:
                if isinstance(statement, tree.Import):
                    self._import(statement, base, environment, places)
                elif isinstance(statement, tree.Def):
                    self._new(statement.signature, places)
                    environment.functions[statement.signature.name] = Function(statement, environment)
                elif isinstance(statement, tree.Const) and base is not None and len(self.way) > 1:
                    self._constant(statement, environment)
            except Fault as error:
                environment.incomplete |= isinstance(statement, tree.Import)
                self._report(error)
        self._operations(module, environment, places)
        for names, fault in list(cycles(environment)):
            self._report(fault)
            environment.damaged |= set(names)  # what uses them is not reported again
            for name in names:
                environment.functions.pop(name, None)
                environment.ops.pop(name, None)
        if base is not None:
            self.way.pop()
        return environment

    def _report(self, fault: Fault) -> None:
        self.diagnostics.report(fault)

    def _new(self, signature: tree.Signature, places: dict[str, Span]) -> None:
        name = signature.name
        if name in places:
            raise Fault(
                "E0202",
                f"`{name}` is defined twice",
                signature.name_span,
                notes=[("the first definition is here", places[name])],
            )
        places[name] = signature.name_span
        seen: set[str] = set()
        for parameter in (*signature.operands, *signature.attributes):
            if parameter.name in seen:
                raise Fault("E0202", f"`{name}` has two arguments `{parameter.name}`", parameter.span)
            seen.add(parameter.name)

    def _constant(self, statement: tree.Const, environment: Environment) -> None:
        """A constant of an imported file, for that file's functions."""
        from graphc.ir.graph import Builder

        evaluator = Evaluator(Builder())
        try:
            value = evaluator.evaluate(statement.value, Scope(environment))
        except Silent:
            return
        environment.constants[statement.target.id] = value

    def constants(self, module: tree.Module, environment: Environment) -> None:
        """Add a file's constants to what its bodies see."""
        for statement in module.statements:
            if isinstance(statement, tree.Const):
                self._constant(statement, environment)

    def _operations(self, module: tree.Module, environment: Environment, places: dict[str, Span]) -> None:
        from graphc.language.diagnostics import suggest

        rules: dict[str, tree.RuleDef] = {}
        ops = [s for s in module.statements if isinstance(s, tree.OpDef)]
        own = {s.signature.name for s in ops}
        for statement in module.statements:
            if isinstance(statement, tree.RuleDef):
                name = statement.signature.name
                if name in rules:
                    self._report(
                        Fault(
                            "E0301",
                            f"`{name}` has two rules",
                            statement.signature.name_span,
                            notes=[("the first is here", rules[name].signature.name_span)],
                        )
                    )
                elif name in own:
                    rules[name] = statement
                elif find(name) is not None:
                    self._report(
                        Fault(
                            "E0301",
                            f"`{name}` is a built-in operation and has its rule",
                            statement.signature.name_span,
                            help=f"define an operation of your own: `op my_{name}(…) = …`",
                        )
                    )
                elif name not in module.damaged and not environment.incomplete:
                    close = suggest(name, own)
                    self._report(
                        Fault(
                            "E0301",
                            f"no operation has the name `{name}`",
                            statement.signature.name_span,
                            help=f"did you mean `{close}`?" if close else f"define it first: `op {name}(…) = …`",
                        )
                    )
        for definition in ops:
            try:
                self._new(definition.signature, places)
                rule = rules.get(definition.signature.name)
                if rule is not None:
                    _check_rule(definition, rule)
                name = _internal(definition.signature.name)
                op = composite_op(definition, rule, family="program", environment=environment, name=name)
                environment.ops[op.title] = op
            except Fault as error:
                environment.damaged |= {definition.signature.name}
                self._report(error)

    def _import(
        self, statement: tree.Import, base: Path | None, environment: Environment, places: dict[str, Span]
    ) -> None:
        path = Path(statement.path)
        if not path.is_absolute():
            path = (base.parent if base is not None else Path()) / path
        try:
            path = path.resolve()
        except (OSError, ValueError, RuntimeError):  # a NUL in the name, a circle of links
            message = f"`{statement.path}` cannot be the name of a file"
            raise Fault("E0218", message, statement.path_span) from None
        if path in self.way:
            way = " → ".join(p.name for p in [*self.way[self.way.index(path) :], path])
            raise Fault("E0218", "files import each other in a circle", statement.path_span, label=way)
        if path not in self.loaded:
            self.loaded[path] = self._load(path, statement)
        inner = self.loaded[path]
        for name, function in inner.functions.items():
            self._take(name, function.definition.signature, statement, places)
            environment.functions[name] = function
        for name, op in inner.ops.items():
            assert op.definition is not None
            self._take(name, op.definition.signature, statement, places)
            environment.ops[name] = op

    def _take(self, name: str, signature: tree.Signature, statement: tree.Import, places: dict[str, Span]) -> None:
        first = places.get(name)
        if first is not None and first != signature.name_span:
            raise Fault(
                "E0202",
                f"`{name}` is defined twice",
                statement.path_span,
                notes=[("one definition is here", first), ("the other is here", signature.name_span)],
            )
        places[name] = signature.name_span

    def _load(self, path: Path, statement: tree.Import) -> Environment:
        from graphc.language.syntax import parse

        try:
            status = path.stat()
            if not S_ISREG(status.st_mode):  # a pipe would be waited for, a device has no end
                what = "a folder" if S_ISDIR(status.st_mode) else "no file"
                raise Fault("E0218", f"`{statement.path}` is {what}", statement.path_span)
            if status.st_size > MAX_FILE:
                raise Fault("E0218", f"`{statement.path}` is larger than 16 MiB", statement.path_span)
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise Fault("E0218", f"`{statement.path}` is not UTF-8 text", statement.path_span) from None
        except FileNotFoundError:
            help = _neighbour(path, statement.path) or "paths are relative to the importing file"
            raise Fault("E0218", f"there is no file `{statement.path}`", statement.path_span, help=help) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Fault("E0218", f"cannot read `{statement.path}`: {reason}", statement.path_span) from None
        module = parse(Source(text, statement.path, str(path)), self.diagnostics)
        return self.environment(module)


def _neighbour(path: Path, written: str) -> str | None:
    """The file that was meant, if one of a similar name is there."""
    from graphc.language.diagnostics import suggest

    try:
        files = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix == ".g")
    except OSError:
        return None
    close = f"{path.name}.g" if f"{path.name}.g" in files else suggest(path.name, files)
    return f"did you mean `{written[: len(written) - len(path.name)]}{close}`?" if close else None


def _check_rule(definition: tree.OpDef, rule: tree.RuleDef) -> None:
    """The rule has the operands and attributes of its operation, one result, and a line for each operand."""
    signature, own = rule.signature, definition.signature
    if len(signature.operands) != len(own.operands):
        raise Fault(
            "E0301",
            f"the rule of `{own.name}` has {_operands(len(signature.operands))}, the operation {len(own.operands)}",
            signature.span,
            notes=[("the operation is defined here", own.span)],
        )
    if {p.name for p in signature.attributes} - {p.name for p in own.attributes}:
        raise Fault(
            "E0301",
            f"the rule of `{own.name}` has other attributes than the operation",
            signature.span,
            notes=[("the operation is defined here", own.span)],
        )
    if len(rule.results) != 1:
        raise Fault(
            "E0301",
            f"the rule of `{own.name}` names {len(rule.results)} results, the operation has one",
            rule.results[0].span if rule.results else rule.span,
        )
    assigned = {t.id for s in rule.body if isinstance(s, tree.Assign) for t in s.targets}
    for operand in signature.operands:
        if f"d{operand.name}" not in assigned:
            raise Fault(
                "E0302",
                f"the rule of `{own.name}` has no line for `d{operand.name}`",
                rule.span,
                help=_missing_line(operand.name, assigned - {f"d{each.name}" for each in signature.operands}),
            )


def _missing_line(name: str, others: set[str]) -> str:
    """What to write for an operand without a line; another name of its kind in the body may have been meant by it."""
    from graphc.language.diagnostics import suggest

    alike = [other for other in others if other.startswith("d")]
    near = suggest(f"d{name}", alike) or next((o for o in alike if len(alike) == 1 and len(o) == len(name) + 1), None)
    if near:
        return f"did you mean it by `{near}`?"
    return f"write `d{name} = none` if `{name}` has no gradient"


def _operands(count: int) -> str:
    return "one operand" if count == 1 else f"{count} operands"


def _internal(name: str) -> str:
    """What nodes of a program's operation are called: its name, with a prime if a built-in one has that. Rules,
    definitions and normal forms of graphc's own find operations by it, and mean theirs. No name of a program has a
    prime; `title` takes it away."""
    return name + "'" if find(name) is not None else name
