"""How deep expressions nest.

The parser does not recurse, but later stages walk expressions recursively. What nests deeper than anybody writes is
refused here, so that no stage meets it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, get_args

from graphc.language.source import Span
from graphc.language.tree import Binary, Constant, Name, Number, Statement, String, Unary

__all__ = ["DEEPEST", "children", "nodes_of", "room_to_recurse", "too_deep"]

DEEPEST: Final = 100
"""So many levels of brackets, of signs, or of powers may be nested, and twice as many of `.T` and indices."""

FRAMES: Final = 6000
"""Calls of Python's that the walk over nested expressions in nested functions may take; less than its stack bears."""

_NOT_BELOW: Final = frozenset([Name, Number, String, Constant, *get_args(Statement)])
"""Leaves; and the statements of a body, which were looked at when they were read."""


def too_deep(statement: Statement) -> Span | None:
    """The place of a part that nests too deeply, if there is one. A chain `a + b + c` is flat, however long."""
    todo: list[tuple[Any, int]] = [(statement, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > 2 * DEEPEST:
            span: Span = node.span
            return span
        todo.extend((child, depth + levels) for child, levels in children(node) if type(child) not in _NOT_BELOW)
    return None


def children(node: Any) -> Iterator[tuple[Any, int]]:
    """The nodes below a node, each with the levels that the step down counts."""
    if type(node) is Binary:
        yield node.left, 0 if type(node.left) is Binary else 1  # a chain; or in brackets, which are counted
        yield node.right, 2 if node.op == "**" else 1
    elif type(node) is Unary:
        yield node.operand, 2
    else:
        for field in node.__slots__:
            value = getattr(node, field)
            if type(value) is tuple:
                yield from ((item, 1) for item in value if hasattr(item, "span"))
            elif hasattr(value, "span"):
                yield value, 1


def nodes_of(expr: Any) -> Iterator[Any]:
    """An expression and all that is below it."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack += [child for child, _ in children(node)]


@contextmanager
def room_to_recurse() -> Iterator[None]:
    """Meanwhile Python lets functions call one another as deeply as nested programs need."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
