"""Updates of arguments, `W <- W - eta * grad(L, W)`: the new value must be able to take the old one's place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphc.ir.types import Solver, Type, Unknown
from graphc.language import tree
from graphc.language.depth import nodes_of
from graphc.language.diagnostics import suggest
from graphc.language.source import Span
from graphc.language.values import Fault

if TYPE_CHECKING:
    from graphc.language.lowering import Lowering

__all__ = ["check_update", "no_argument"]


def no_argument(lowering: Lowering, name: str, span: Span) -> Fault:
    """What is wrong with an update of something that is no argument, or none yet."""
    if name in lowering.scope.values:
        message, help = f"`{name}` is a value of the program", "write `=` to assign a value"
        return Fault("E0216", f"`<-` updates an argument, and {message}", span, help=help)
    later = _use(lowering.module.statements, name)
    if later is not None:
        return Fault(
            "E0216", f"`{name}` is updated before the statement that uses it", span,
            notes=[(f"`{name}` is used here", later)], help=f"declare `param {name}`, or write the update below",
        )  # fmt: skip
    close = suggest(name, lowering.arguments)
    help = f"use it in the program, declare `param {name}`, or write `=` to assign a value"
    message = f"`<-` updates an argument, and nothing else uses `{name}`"
    return Fault("E0216", message, span, help=f"did you mean `{close}`?" if close else help)


def _use(statements: Iterable[tree.Statement], name: str) -> Span | None:
    """Where a name is used in an assignment."""
    for statement in statements:
        if isinstance(statement, tree.For):
            inside = _use(statement.body, name)
            if inside is not None:
                return inside
        for node in nodes_of(statement.value) if isinstance(statement, tree.Assign) else ():
            if isinstance(node, tree.Name) and node.id == name and not node.subscripts:
                return node.span
    return None


def check_update(name: str, old: Type, new: Type, solver: Solver, span: Span) -> None:
    """Raises Fault where the new value of an argument has another type or shape than the old one."""
    if old.is_float != new.is_float and old.dtype != new.dtype and not (old.is_float and new.dtype == "int"):
        raise Fault("E0216", f"the new value of `{name}` is {new.dtype}, the old one {old.dtype}", span)
    if not _same_shape(old, new, solver):
        raise Fault(
            "E0203",
            f"the new value of `{name}` has another shape",
            span,
            label=f"this is {new}, `{name}` is {old}",
        )


def _same_shape(old: Type, new: Type, solver: Solver) -> bool:
    if isinstance(old.shape, Unknown) or isinstance(new.shape, Unknown):
        return True  # told at run time
    return len(old.shape) == len(new.shape) and all(map(solver.equal, old.shape, new.shape))
