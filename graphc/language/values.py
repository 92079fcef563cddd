"""What an expression of the language can be while it is lowered: a tensor of the graph, or a compile-time value.

Compile-time values are plain Python: int, float, bool, str, None, Ellipsis, `Dim`, tuples and lists of these, and
`DynamicShape` (the shape of a value whose rank is known at run time only).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphc.ir.dims import Dim
from graphc.language.source import Span

__all__ = ["POISON", "Exhausted", "Fault", "Poison", "Tensor", "Value", "is_number", "is_size"]

Value = Any


@dataclass(slots=True, unsafe_hash=True)  # final fields, as in `tree.py`
class Tensor:
    """A node of the graph."""

    id: Final[int]


class Poison:
    """The value of a statement that is in error: whatever uses it is not reported again."""


POISON = Poison()


class Fault(Exception):
    """An error in a program, at a place. Carried to the statement, which reports it and goes on with the next one.

    `others` are errors in parts of the same statement that do not depend on each other: `tahn(x) + sofmax(y)`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str | None = None,
        notes: Sequence[tuple[str, Span | None]] = (),
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.label, self.help = code, message, span, label, help
        self.notes = list(notes)
        self.others: list[Fault] = []

    def all(self) -> list[Fault]:
        """The fault and the others, each once: a name that is not known may stand in several places."""
        found = {(f.message, f.label): f for other in reversed(self.others) for f in reversed(other.all())}
        found.pop((self.message, self.label), None)
        return [self, *reversed(found.values())]


class Exhausted(Fault):
    """The program is too large: there is no use in going on with its next statement."""


class Silent(Exception):
    """An error that follows from one already reported."""


def is_number(value: Value) -> bool:
    """A compile-time number that is not symbolic."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_size(value: Value) -> bool:
    """An integer known at compile time, perhaps symbolically."""
    return isinstance(value, (int, Dim)) and not isinstance(value, bool)
