"""Rewrites as data: patterns and replacements of `rewrites.g`, matched against nodes.

    rewrite (-x) * y => -(x * y)         a node `multiply(negative(dS), W)` matches with x = dS and y = W

Sums and products match in both orders: a pattern is read once into what stands where in each `Order`, and a node is
held against each of these as it is. Matching changes nothing: `simplify.py` asks for the matches of each node and
decides which replacement is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from graphc.ir.graph import Node
from graphc.language import tree
from graphc.language.evaluate import OPERATORS
from graphc.language.source import Source

__all__ = [
    "COMMUTATIVE", "Attribute", "Bindings", "Form", "Match", "Order", "Part", "Rewrite", "candidates", "is_number",
    "rewrites",
]  # fmt: skip
COMMUTATIVE = {"add", "multiply", "maximum", "minimum"}


class Attribute(NamedTuple):
    """What the name of an attribute stands for; that of an operand stands for a node's id."""

    value: Any


Bindings: TypeAlias = "Mapping[str, int | Attribute]"


@dataclass(frozen=True, eq=False)
class Rewrite:
    """`pattern => replacement`, and the operation at the pattern's root.

    One that `cancels` a quotient forgets a division by 0, or a quotient of numbers that are as small as one another and
    the array too large for one of them: right for gradients and not for a program's values.
    """

    pattern: tree.Expr
    replacement: tree.Expr
    root: str

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        """The pattern as it is matched; `x + x` is the same in both orders."""
        return tuple(dict.fromkeys(map(_order, _forms(self.pattern))))

    @cached_property
    def operators(self) -> Part | None:
        """The replacement, if it consists of operators on names and numbers: nodes are made of it one by one."""
        return _operators(self.replacement)

    @cached_property
    def adds(self) -> bool:
        """Whether the replacement has a sum or a difference in it."""
        return not {"+", "-"}.isdisjoint(self.replacement.span.text)

    @cached_property
    def cancels(self) -> bool:
        """Whether its pattern has a quotient that its replacement lacks, or divides by less, or another array."""
        pattern, replacement = self.pattern.span.text, self.replacement.span.text
        changed = isinstance(self.replacement, tree.Name) or "square" in pattern or "one_hot" in pattern
        return changed and "/" in pattern and "1" not in pattern and "square" not in replacement


class Match(NamedTuple):
    """What the names of a pattern stand for, and the operations between its root and them."""

    bindings: Bindings
    inner: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A pattern with the operands of each sum and product in one order: what stands at each of its places.

    The first places are the root's operands; the operands of an operation inside of the pattern, which stands at a
    place itself, come at the next ones. What is expected of a place is looked at as soon as there is something at it:
    nearly every node of the root's operation is none of the pattern's, and mostly one look says so.
    """

    needs: tuple[str | None, ...]
    """For each operand of the root the operation that must have made it, where the pattern says."""
    keywords: tuple[tree.Keyword, ...]
    equal: tuple[tuple[int, int], ...]
    """Places of the root's operands that are one value."""
    numbers: tuple[tuple[int, int | float], ...]
    """Places of the root's operands that are a number."""
    inner: tuple[tuple[int, str, int, tuple[tuple[int, int], ...], tuple[tuple[int, int | float], ...]], ...]
    """The operations inside: at which place, of what name and how many operands, and as above of these operands."""
    inner_keywords: tuple[tuple[int, tuple[tree.Keyword, ...]], ...]
    names: tuple[tuple[str, int], ...]

    def suits(self, made_by: Sequence[str]) -> bool:
        """Whether a node of the root's operation, whose operands these operations have made, may have the form."""
        return len(self.needs) == len(made_by) and all(
            need is None or need == made for need, made in zip(self.needs, made_by, strict=True)
        )

    def match(self, nodes: Mapping[int, Node], operands: Sequence[int], attrs: Mapping[str, Any]) -> Match | None:
        """What makes a node of the root's operation, with these operands, one of this form; None if it is not."""
        ids = [*operands]
        if len(ids) != len(self.needs):
            return None
        for first, second in self.equal:
            if ids[first] != ids[second]:
                return None
        for place, number in self.numbers:
            if not is_number(nodes[ids[place]], number):
                return None
        for place, op, arity, equal, numbers in self.inner:
            node = nodes[ids[place]]
            if node.op != op or len(node.operands) != arity:
                return None
            ids += node.operands
            for first, second in equal:
                if ids[first] != ids[second]:
                    return None
            for place, number in numbers:
                if not is_number(nodes[ids[place]], number):
                    return None
        bindings: dict[str, int | Attribute] = {name: ids[place] for name, place in self.names}
        if not _attributes(self.keywords, attrs, bindings):
            return None
        for place, keywords in self.inner_keywords:
            if not _attributes(keywords, dict(nodes[ids[place]].attrs), bindings):
                return None
        return Match(bindings, tuple([ids[place] for place, *_ in self.inner]))


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
def candidates(op: str, made_by: tuple[str, ...]) -> tuple[tuple[Rewrite, Order], ...]:
    """The rewrites for a node of an operation, whose operands these operations have made, each in the orders that suit.

    Most nodes have the form of no pattern, and the same few pairs come again and again.
    """
    every = ((rewrite, order) for rewrite in rewrites().get(op, ()) for order in rewrite.orders)
    return tuple((rewrite, order) for rewrite, order in every if order.suits(made_by))


def _operation(pattern: tree.Expr) -> str | None:
    if isinstance(pattern, tree.Binary):
        return OPERATORS[pattern.op]
    if isinstance(pattern, tree.Unary):
        return "negative"
    return pattern.function if isinstance(pattern, tree.Call) else None


@dataclass(frozen=True, slots=True)
class Form:
    """An operation of a pattern: each part is a name, a number or another form, at the place of an operand."""

    op: str
    parts: tuple[Part, ...]
    keywords: tuple[tree.Keyword, ...]


Part: TypeAlias = "str | int | float | Form"


def _operators(expr: tree.Expr) -> Part | None:
    if isinstance(expr, tree.Name):
        return expr.id
    number, op = _number(expr), _operation(expr)
    if number is not None or op is None or isinstance(expr, tree.Call):
        return number
    parts = [part for each in _parts(expr) if (part := _operators(each)) is not None]
    return Form(op, tuple(parts), ()) if len(parts) == len(_parts(expr)) else None


def _forms(pattern: tree.Expr) -> Iterator[Form]:
    """The pattern in all orders."""
    op = _operation(pattern)
    assert op is not None, pattern.span.text
    keywords = pattern.keywords if isinstance(pattern, tree.Call) else ()
    parts = [list(_choices(part)) for part in _parts(pattern)]
    for turned in (False, True) if op in COMMUTATIVE else (False,):
        for chosen in product(*parts):
            yield Form(op, chosen[::-1] if turned else chosen, keywords)


def _choices(pattern: tree.Expr) -> Iterator[Part]:
    if isinstance(pattern, tree.Name):
        yield pattern.id
        return
    number = _number(pattern)
    if number is None:
        yield from _forms(pattern)
    else:
        yield number


def _order(form: Form) -> Order:
    """What stands at the places of a form."""
    places: list[Part] = list(form.parts)
    names: dict[str, int] = {}
    equal, numbers = _expected(places, 0, names)
    inner = []
    keywords = []
    for place, part in enumerate(places):  # which grow meanwhile
        if isinstance(part, Form):
            first = len(places)
            places += part.parts
            inner.append((place, part.op, len(part.parts), *_expected(places, first, names)))
            if part.keywords:
                keywords.append((place, part.keywords))
    needs = (part.op if isinstance(part, Form) else None if isinstance(part, str) else "const" for part in form.parts)
    return Order(tuple(needs), form.keywords, equal, numbers, tuple(inner), tuple(keywords), tuple(names.items()))


def _expected(
    places: Sequence[Part], start: int, names: dict[str, int]
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int | float], ...]]:
    """Which places from there on are a value that stood before, and which a number; the names get their places."""
    parts = list(enumerate(places))[start:]
    equal = [(names[part], k) for k, part in parts if isinstance(part, str) and names.setdefault(part, k) != k]
    return tuple(equal), tuple((k, part) for k, part in parts if isinstance(part, (int, float)))


def _parts(pattern: tree.Expr) -> tuple[tree.Expr, ...]:
    if isinstance(pattern, tree.Binary):
        return (pattern.left, pattern.right)
    if isinstance(pattern, tree.Unary):
        return (pattern.operand,)
    assert isinstance(pattern, tree.Call)
    return pattern.arguments


def _attributes(
    keywords: Sequence[tree.Keyword], attrs: Mapping[str, Any], bindings: dict[str, int | Attribute]
) -> bool:
    """Whether attributes are what a form's keywords say; the bindings get what these name."""
    from graphc.language.literals import literal

    for keyword in keywords:
        if keyword.name not in attrs:
            return False
        value = attrs[keyword.name]
        wanted: Any
        if isinstance(keyword.value, tree.Name):
            wanted = bindings.setdefault(keyword.value.id, Attribute(value))
            value = Attribute(value)
        else:
            wanted = literal(keyword.value)
        if wanted != value or type(wanted) is not type(value):
            return False
    return True


def is_number(node: Node, number: int | float) -> bool:
    """Whether a node is this number."""
    if node.op != "const":
        return False
    value = node.attr("value")
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == number


def _number(pattern: tree.Expr) -> int | float | None:
    if isinstance(pattern, tree.Number):
        return pattern.value
    if isinstance(pattern, tree.Unary) and isinstance(pattern.operand, tree.Number):
        return -pattern.operand.value
    return None
