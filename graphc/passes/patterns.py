"""Rewrites as data: patterns and replacements of `rewrites.g`, matched against nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphc.ir.graph import Builder
from graphc.language import tree
from graphc.language.evaluate import OPERATORS
from graphc.language.source import Source

__all__ = ["COMMUTATIVE", "Bindings", "match", "rewrites"]

Bindings = dict[str, Any]
COMMUTATIVE = {"add", "multiply", "maximum", "minimum"}


@dataclass(frozen=True)
class Rewrite:
    """`pattern => replacement`, and the operation at the pattern's root."""

    pattern: tree.Expr
    replacement: tree.Expr
    root: str


@lru_cache(maxsize=1)
def rewrites() -> dict[str, list[Rewrite]]:
    """The rewrites by the operation at their root."""
    from graphc.language.diagnostics import Diagnostics
    from graphc.language.syntax import parse_rules

    path = Path(__file__).parent / "rewrites.g"
    diagnostics = Diagnostics()
    module = parse_rules(Source(path.read_text(encoding="utf-8"), path.name), diagnostics)
    diagnostics.raise_if_errors()
    found: dict[str, list[Rewrite]] = {}
    for statement in module.statements:
        assert isinstance(statement, tree.Rewrite)
        root = _operation(statement.pattern)
        assert root is not None, statement.span.text
        found.setdefault(root, []).append(Rewrite(statement.pattern, statement.replacement, root))
    return found


def _operation(pattern: tree.Expr) -> str | None:
    if isinstance(pattern, tree.Binary):
        return OPERATORS[pattern.op]
    if isinstance(pattern, tree.Unary):
        return "negative"
    return pattern.function if isinstance(pattern, tree.Call) else None


def match(builder: Builder, pattern: tree.Expr, op: str, operands: list[int], attrs: dict[str, Any]) -> Bindings | None:
    """What the names of a pattern stand for if a node with these parts has its form."""
    for order in _orders(op, operands):
        bindings: Bindings = {}
        if _match_parts(builder, pattern, order, attrs, bindings):
            return bindings
    return None


def _orders(op: str, operands: list[int]) -> list[list[int]]:
    return [operands, operands[::-1]] if op in COMMUTATIVE else [operands]


def _match_parts(builder: Builder, pattern: tree.Expr, operands: list[int], attrs: dict[str, Any], bindings: Bindings) -> bool:
    if isinstance(pattern, tree.Binary):
        parts: tuple[tree.Expr, ...] = (pattern.left, pattern.right)
    elif isinstance(pattern, tree.Unary):
        parts = (pattern.operand,)
    else:
        assert isinstance(pattern, tree.Call)
        parts = pattern.arguments
        for keyword in pattern.keywords:
            if keyword.name not in attrs or not _match_attribute(keyword.value, attrs[keyword.name], bindings):
                return False
    return len(parts) == len(operands) and all(
        _match_value(builder, part, id, bindings) for part, id in zip(parts, operands, strict=True)
    )


def _match_attribute(pattern: tree.Expr, value: Any, bindings: Bindings) -> bool:
    if isinstance(pattern, tree.Name):
        return bool(bindings.setdefault(pattern.id, ("attribute", value)) == ("attribute", value))
    from graphc.language.literals import literal

    wanted = literal(pattern)
    return bool(wanted == value) and type(wanted) is type(value)


def _match_value(builder: Builder, pattern: tree.Expr, id: int, bindings: Bindings) -> bool:
    if isinstance(pattern, tree.Name):
        return bool(bindings.setdefault(pattern.id, ("node", id)) == ("node", id))
    node = builder[id]
    number = _number(pattern)
    if number is not None:
        value = node.attr("value")
        return node.op == "const" and not isinstance(value, tuple) and not isinstance(value, bool) and bool(value == number)
    op = _operation(pattern)
    if node.op != op:
        return False
    for order in _orders(node.op, list(node.operands)):
        trial = dict(bindings)
        if _match_parts(builder, pattern, order, dict(node.attrs), trial):
            bindings.update(trial)
            return True
    return False


def _number(pattern: tree.Expr) -> int | float | None:
    if isinstance(pattern, tree.Number):
        return pattern.value
    if isinstance(pattern, tree.Unary) and isinstance(pattern.operand, tree.Number):
        return -pattern.operand.value
    return None
