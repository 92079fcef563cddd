"""Updates of arguments, `W <- W - eta * grad(L, W)`: the new value must be able to take the old one's place."""

from __future__ import annotations

from graphc.ir.types import Solver, Type, Unknown
from graphc.language.source import Span
from graphc.language.values import Fault

__all__ = ["check_update"]


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
