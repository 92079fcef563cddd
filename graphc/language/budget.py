"""Bounds on the work of lowering: no program makes the compiler run, or its memory grow, without end.

Operations are counted by the builder of the graph. What makes none is counted here: steps of loops, calls and
expressions, and the items of tuples and lists, which a short program can double with every line.
"""

from __future__ import annotations

from typing import Any

from graphc.language.source import Span
from graphc.language.spelling import LONGEST_NAME
from graphc.language.values import Exhausted

__all__ = ["LONGEST_NAME", "MOST_CALLS", "Budget"]

MOST_STEPS = 5_000_000
MOST_ITEMS = 1_000_000
MOST_HINTS = 20_000
"""So many pairs of names are compared to say what was meant by an unknown one."""
MOST_CALLS = 100
"""So deep calls of functions nest."""
MOST_LOOPS = 50
"""So deep loops nest."""


class Budget:
    """What one run of lowering has used up."""

    def __init__(self) -> None:
        self.steps = 0
        self.hints = 0
        self.items: dict[int, tuple[Any, int]] = {}
        """Of tuples and lists: their items, those inside them included. The values are held, or ids would be reused."""

    def step(self, count: int, span: Span | None) -> None:
        """Some work. Raises Exhausted where it has become too much."""
        self.steps += count
        if self.steps > MOST_STEPS:
            raise Exhausted("E0213", f"the program takes more than {MOST_STEPS:,} steps to unroll", span)

    def ahead(self, count: int, span: Span | None, what: str) -> None:
        """Work that is about to be done. Raises Exhausted where it would be too much."""
        if self.steps + count > MOST_STEPS:
            message = f"the program takes more than {MOST_STEPS:,} steps to unroll"
            help = "compute with whole arrays, or take fewer steps"
            raise Exhausted("E0213", message, span, f"{what} at least {count:,}", help=help)

    def hold(self, value: Any, span: Span | None) -> Any:
        """A new tuple or list. Raises Exhausted for one with too many items."""
        count = 1 + sum(self.items[id(item)][1] if id(item) in self.items else 1 for item in value)
        if count > MOST_ITEMS:
            raise Exhausted("E0213", f"a tuple or list has more than {MOST_ITEMS:,} items", span)
        self.items[id(value)] = value, count
        return value

    def hint(self, known: int) -> bool:
        """Whether there is still time to look among so many names for what a user may have meant."""
        self.hints += known
        return self.hints <= MOST_HINTS or self.hints == known

    def nest(self, depth: int, span: Span | None) -> None:
        """A loop inside others. Raises Exhausted where they nest too deeply."""
        if depth > MOST_LOOPS:
            raise Exhausted("E0213", f"loops nest more than {MOST_LOOPS} deep", span)

    def call(self, depth: int, span: Span | None) -> None:
        """A call inside others. Raises Exhausted where they nest too deeply."""
        if depth > MOST_CALLS:
            raise Exhausted("E0213", f"calls of functions nest more than {MOST_CALLS} deep", span)
