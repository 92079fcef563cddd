"""Results that nobody wants: among several names `_` is one, unless something in its program or body names it.

    _, l = slogdet(A)                 `_` is no output, and another statement may have a `_`, too
    a, _ = split(x, 2); y = a * _     an ordinary name
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.language import tree
from graphc.language.depth import nodes_of

__all__ = ["UNWANTED", "is_wanted"]

UNWANTED = "_"
_ELSEWHERE = (tree.Def, tree.OpDef, tree.RuleDef, tree.Import)
"""Statements that see none of the values around them."""


def is_wanted(statements: Iterable[tree.Statement]) -> bool:
    """Whether these name `_` otherwise than as one of several results: read it, give it back, assign it alone."""
    for statement in statements:
        if isinstance(statement, tree.For):
            parts: list[object] = [statement.range]
            if is_wanted(statement.body):
                return True
        elif isinstance(statement, tree.Assign) and len(statement.targets) > 1:
            parts = [statement.value, *(part for target in statement.targets for part in target.subscripts)]
        elif isinstance(statement, tree.Declaration):  # a dimension is another thing
            parts = [declared.name for declared in statement.names]
        else:
            parts = [] if isinstance(statement, _ELSEWHERE) else [statement]
        if any(_is_it(node) for part in parts for node in nodes_of(part)):
            return True
    return False


def _is_it(node: object) -> bool:
    return isinstance(node, tree.Name) and node.id == UNWANTED and not node.subscripts
