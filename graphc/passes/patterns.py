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

__all__ = [
    "COMMUTATIVE", "Attribute", "Bindings", "Form", "Match", "Rewrite", "candidates", "is_number", "matches",
    "rewrites",
]  # fmt: skip
COMMUTATIVE = {"add", "multiply", "maximum", "minimum"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """What the name of an attribute stands for; that of an operand stands for a node's id."""

    value: Any


Bindings: TypeAlias = "Mapping[str, int | Attribute]"
Goal: TypeAlias = "tuple[str | int | float | Form, int]"


@dataclass(frozen=True)
class Rewrite:
    """`pattern => replacement`, and the operation at the pattern's root.

    One that `cancels` a quotient forgets a division by 0, which is right for gradients and not for a program's values.
    """

    pattern: tree.Expr
    replacement: tree.Expr
    root: str

    @cached_property
    def form(self) -> Form:
        """The pattern as it is matched."""
        return _form(self.pattern)

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


@dataclass(frozen=True, slots=True)
class Form:
    """An operation of a pattern as it is matched: each part is a name, a number or another form."""

    op: str
    parts: tuple[str | int | float | Form, ...]
    keywords: tuple[tree.Keyword, ...]
    commutative: bool


def _form(pattern: tree.Expr) -> Form:
    op = _operation(pattern)
    assert op is not None, pattern.span.text
    keywords = pattern.keywords if isinstance(pattern, tree.Call) else ()
    return Form(op, tuple(map(_part, _parts(pattern))), keywords, op in COMMUTATIVE)


def _part(pattern: tree.Expr) -> str | int | float | Form:
    if isinstance(pattern, tree.Name):
        return pattern.id
    number = _number(pattern)
    return _form(pattern) if number is None else number


def matches(builder: Builder, form: Form, operands: Sequence[int], attrs: Mapping[str, Any]) -> Iterator[Match]:
    """All the ways in which a node of the form's operation, with these operands, has the form of a pattern."""
    bindings = _attributes(form, attrs, {})
    if bindings is not None:
        yield from _in_orders(builder.nodes, form, operands, (), bindings, ())


def _in_orders(
    nodes: Mapping[int, Node], form: Form, operands: Sequence[int], goals: tuple[Goal, ...],
    bindings: Bindings, inner: tuple[int, ...],
) -> Iterator[Match]:  # fmt: skip
    """The ways to match the parts of one operation and then the other goals; sums and products in both orders."""
    if len(form.parts) != len(operands):
        return
    for order in (operands, operands[::-1]) if form.commutative else (operands,):
        if all(map(_may_be, form.parts, [nodes[u] for u in order])):
            yield from _solutions(nodes, (*zip(form.parts, order, strict=True), *goals), dict(bindings), inner)


def _may_be(part: str | int | float | Form, node: Node) -> bool:
    """Whether a node is of the operation, or the number, that a part begins with: most are not."""
    if isinstance(part, str):
        return True
    return node.op == part.op if isinstance(part, Form) else is_number(node, part)


def _solutions(
    nodes: Mapping[int, Node], goals: tuple[Goal, ...], bindings: dict[str, int | Attribute], inner: tuple[int, ...]
) -> Iterator[Match]:
    """The ways to match all goals; the bindings are filled."""
    for number, (part, id) in enumerate(goals):
        if isinstance(part, str):
            if bindings.setdefault(part, id) != id:
                return
        elif isinstance(part, Form):
            node = nodes[id]
            attributes = _attributes(part, dict(node.attrs), bindings) if node.op == part.op else None
            if attributes is not None:
                yield from _in_orders(nodes, part, node.operands, goals[number + 1 :], attributes, (*inner, id))
            return
        elif not is_number(nodes[id], part):
            return
    yield Match(bindings, inner)


def _parts(pattern: tree.Expr) -> tuple[tree.Expr, ...]:
    if isinstance(pattern, tree.Binary):
        return (pattern.left, pattern.right)
    if isinstance(pattern, tree.Unary):
        return (pattern.operand,)
    assert isinstance(pattern, tree.Call)
    return pattern.arguments


def _attributes(form: Form, attrs: Mapping[str, Any], bindings: Bindings) -> Bindings | None:
    """The bindings with those of the form's keywords; None if an attribute is not what the form says."""
    if not form.keywords:
        return bindings
    from graphc.language.literals import literal

    bindings = dict(bindings)
    for keyword in form.keywords:
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
