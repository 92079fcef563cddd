"""Rewrites as data: patterns and replacements of `rewrites.g`, matched against nodes.

    rewrite (-x) * y => -(x * y)         a node `multiply(negative(dS), W)` matches with x = dS and y = W

Matching changes nothing: `simplify.py` asks for the matches of each node and decides which replacement is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias

from graphc.ir.graph import Builder, Node
from graphc.language import tree
from graphc.language.evaluate import OPERATORS
from graphc.language.source import Source

__all__ = ["COMMUTATIVE", "Attribute", "Bindings", "Match", "Rewrite", "candidates", "is_number", "matches", "rewrites"]
COMMUTATIVE = {"add", "multiply", "maximum", "minimum"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """What the name of an attribute stands for; that of an operand stands for a node's id."""

    value: Any


Bindings: TypeAlias = "Mapping[str, int | Attribute]"
Goal: TypeAlias = "tuple[tree.Expr, int]"


@dataclass(frozen=True)
class Rewrite:
    """`pattern => replacement`, and the operation at the pattern's root.

    One that `cancels` a quotient forgets a division by 0, which is right for gradients and not for a program's values.
    """

    pattern: tree.Expr
    replacement: tree.Expr
    root: str

    @cached_property
    def cancels(self) -> bool:
        return (
            isinstance(self.replacement, tree.Name)
            and "/" in self.pattern.span.text
            and "1" not in self.pattern.span.text
        )

    @property
    def needs(self) -> tuple[str | None, ...]:
        """For each operand of the root the operation that must have made it, where the pattern says."""
        return tuple("const" if _number(p) is not None else _operation(p) for p in _parts(self.pattern))

    def may_match(self, made_by: Sequence[str]) -> bool:
        """Whether a node of the root's operation, whose operands these operations have made, may have the form."""
        return self._suit(made_by) or (self.root in COMMUTATIVE and self._suit(made_by[::-1]))

    def _suit(self, made_by: Sequence[str]) -> bool:
        needs = self.needs
        return len(needs) == len(made_by) and all(
            need is None or need == made for need, made in zip(needs, made_by, strict=True)
        )


@dataclass(frozen=True)
class Match:
    """What the names of a pattern stand for, and the operations between its root and them."""

    bindings: Bindings
    inner: tuple[int, ...]


@cache
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


@cache
def candidates(op: str, made_by: tuple[str, ...]) -> tuple[Rewrite, ...]:
    """The rewrites for a node of an operation, whose operands these operations have made.

    Most nodes have the form of no pattern, and the same few pairs come again and again.
    """
    return tuple(rewrite for rewrite in rewrites().get(op, ()) if rewrite.may_match(made_by))


def _operation(pattern: tree.Expr) -> str | None:
    if isinstance(pattern, tree.Binary):
        return OPERATORS[pattern.op]
    if isinstance(pattern, tree.Unary):
        return "negative"
    return pattern.function if isinstance(pattern, tree.Call) else None


def matches(
    builder: Builder, pattern: tree.Expr, op: str, operands: Sequence[int], attrs: Mapping[str, Any]
) -> Iterator[Match]:
    """All the ways in which a node with these parts has the form of a pattern."""
    return _rooted(builder, pattern, op, operands, attrs, Match({}, ()), ())


def _rooted(
    builder: Builder,
    pattern: tree.Expr,
    op: str,
    operands: Sequence[int],
    attrs: Mapping[str, Any],
    so_far: Match,
    goals: tuple[Goal, ...],
) -> Iterator[Match]:
    """The ways to match one operation and then the other goals; sums and products in both orders."""
    parts, bindings = _parts(pattern), _attributes(pattern, attrs, so_far.bindings)
    if bindings is None or len(parts) != len(operands):
        return
    both = (operands, operands[::-1]) if op in COMMUTATIVE else (operands,)
    for order in both:
        if all(map(_may_be, parts, [builder.nodes[u] for u in order])):
            found = (*zip(parts, order, strict=True), *goals)
            yield from _solutions(builder, found, Match(bindings, so_far.inner))


def _may_be(pattern: tree.Expr, node: Node) -> bool:
    """Whether a node is of the operation, or the number, that a pattern begins with: most are not."""
    if isinstance(pattern, tree.Name):
        return True
    number = _number(pattern)
    return node.op == _operation(pattern) if number is None else is_number(node, number)


def _solutions(builder: Builder, goals: tuple[Goal, ...], so_far: Match) -> Iterator[Match]:
    if not goals:
        yield so_far
        return
    (pattern, id), rest = goals[0], goals[1:]
    node = builder.nodes[id]
    if isinstance(pattern, tree.Name):
        if so_far.bindings.get(pattern.id, id) == id:
            yield from _solutions(builder, rest, Match({**so_far.bindings, pattern.id: id}, so_far.inner))
    elif (number := _number(pattern)) is not None:
        if is_number(node, number):
            yield from _solutions(builder, rest, so_far)
    elif node.op == _operation(pattern):
        inside = Match(so_far.bindings, (*so_far.inner, id))
        yield from _rooted(builder, pattern, node.op, node.operands, dict(node.attrs), inside, rest)


def _parts(pattern: tree.Expr) -> tuple[tree.Expr, ...]:
    if isinstance(pattern, tree.Binary):
        return (pattern.left, pattern.right)
    if isinstance(pattern, tree.Unary):
        return (pattern.operand,)
    assert isinstance(pattern, tree.Call)
    return pattern.arguments


def _attributes(pattern: tree.Expr, attrs: Mapping[str, Any], bindings: Bindings) -> Bindings | None:
    """The bindings with those of the pattern's keywords; None if an attribute is not what the pattern says."""
    if not isinstance(pattern, tree.Call):
        return bindings
    from graphc.language.literals import literal

    bindings = dict(bindings)
    for keyword in pattern.keywords:
        if keyword.name not in attrs:
            return None
        value = attrs[keyword.name]
        if isinstance(keyword.value, tree.Name):
            wanted = bindings.setdefault(keyword.value.id, Attribute(value))
            value = Attribute(value)
        else:
            wanted = literal(keyword.value)
        if wanted != value or type(wanted) is not type(value):
            return None
    return bindings


def is_number(node: Node, number: int | float) -> bool:
    """Whether a node is this number."""
    value = node.attr("value")
    return node.op == "const" and isinstance(value, (int, float)) and not isinstance(value, bool) and value == number


def _number(pattern: tree.Expr) -> int | float | None:
    if isinstance(pattern, tree.Number):
        return pattern.value
    if isinstance(pattern, tree.Unary) and isinstance(pattern.operand, tree.Number):
        return -pattern.operand.value
    return None
