"""What a program says of its names before a statement is lowered: which it assigns, which are dimensions, what the
declared arguments are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphc.language import tree
from graphc.language.declared_sizes import size_names
from graphc.language.diagnostics import suggest
from graphc.language.source import Span
from graphc.language.values import Fault, Value

__all__ = ["Announced", "announced", "check_declaration"]

LONGEST = 80
"""A value as a help repeats it."""
TYPES = ("float", "float32", "float64", "int", "bool")
_OTHER_TYPES = {
    "double": "float64", "single": "float32", "real": "float", "number": "float", "half": "float32",
    "float16": "float32", "bfloat16": "float32",
    **dict.fromkeys(("integer", "long", "int32", "int64", "uint8", "index", "label"), "int"),
    **dict.fromkeys(("boolean", "mask", "logical"), "bool"),
}  # fmt: skip
"""Types of other houses."""


@dataclass
class Announced:
    """The names that are assigned without a subscript, each with the first place, and those of dimensions."""

    assigned: dict[str, Span] = field(default_factory=dict)
    dims: set[str] = field(default_factory=set)
    once: dict[str, tree.Assign] = field(default_factory=dict)
    """What assigns a name that is assigned once, for itself and in no loop."""
    again: set[str] = field(default_factory=set)


def announced(statements: Iterable[tree.Statement]) -> Announced:
    """What a program's statements say, those of its loops included, before any of them is lowered."""
    found = Announced()
    _collect(statements, found)
    for statement in statements:
        if isinstance(statement, tree.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if not (target.subscripts or target.id in found.again):
                found.once[target.id] = statement
    return found


def _collect(statements: Iterable[tree.Statement], found: Announced) -> None:
    for statement in statements:
        if isinstance(statement, tree.Assign):
            for target in statement.targets:
                if not target.subscripts:
                    if target.id in found.assigned:
                        found.again.add(target.id)
                    found.assigned.setdefault(target.id, target.span)
        elif isinstance(statement, tree.Const):
            found.assigned.setdefault(statement.target.id, statement.target.span)
        elif isinstance(statement, tree.For):
            _collect(statement.body, found)
        elif isinstance(statement, tree.Declaration):
            for declared in statement.names:
                for expr in declared.dims or ():
                    found.dims |= set(size_names(expr))
    found.dims -= _integer_constants(statements)


def _integer_constants(statements: Iterable[tree.Statement]) -> set[str]:
    """Constants that are plain integers may stand for sizes in declarations."""
    return {
        s.target.id for s in statements
        if isinstance(s, tree.Const) and isinstance(s.value, tree.Number) and isinstance(s.value.value, int)
    }  # fmt: skip


def _instead_of_assigning(name: str, statement: tree.Assign | None) -> str:
    """The help for an assignment to an argument; with its gradient, and in no loop, it is a training step."""
    new = statement.value.span.text if statement is not None else ""
    own = re.escape(name)
    if re.match(rf"{own}\s*-", new) and re.search(rf"\bgrad\(|\bd{own}\b", new):
        short = len(new) < LONGEST and "\n" not in new
        return f"a training step is written with an arrow: `{name} <- {new if short else '…'}`"
    return "give the value another name"


def check_declaration(
    name: str, declared: tree.Declared, kind: str, before: Mapping[str, tree.Declared], assigned: Mapping[str, Span],
    once: Mapping[str, tree.Assign], constants: Mapping[str, Value],
) -> str:  # fmt: skip
    """The type that a declaration gives an argument. Raises Fault where it fits none, or the name has a meaning."""
    if name in before:
        raise Fault(
            "E0202",
            f"`{name}` is declared twice",
            declared.span,
            notes=[("the first declaration is here", before[name].span)],
        )
    if name in assigned:
        raise Fault(
            "E0202",
            f"`{name}` is declared an argument and assigned",
            assigned[name],
            notes=[(f"`{name}` is declared here", declared.span)],
            help=_instead_of_assigning(name, once.get(name)),
        )
    if name in constants:
        raise Fault("E0202", f"`{name}` is declared an argument and a constant", declared.span)
    written = declared.type or "float"
    if written not in TYPES:
        close = _OTHER_TYPES.get(written.lower()) or suggest(written, list(TYPES))
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
    return written
