"""A square that goes on in its tangent is a product with what is limited. For -O2 only.

    r: (N,)
    where(abs(r) < 2, r**2, 4 * abs(r) - 4)                  becomes    2.0 * huber(r, 0, delta=2, reduction="none")
    where(abs(r) > 1, abs(r) - 0.5, 0.5 * r * r)             becomes    huber(r, 0, delta=1, reduction="none")
    where(2 >= abs(r), r**2 / 2, 2 * (abs(r) - 0.5 * 2))     becomes    huber(r, 0, delta=2, reduction="none")

The Huber loss, as it is written by cases: r limited to -2 … 2 has the derivative at hand, and there are no branches to
compute and to choose from. It is done before differentiation.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["limit_squares"]

INSIDE = {"less": 0, "less_equal": 0, "greater": 1, "greater_equal": 1}
"""Which operand of a comparison is the smaller one."""

MOST = 12  # operations; a longer branch is none of these

Polynomial: TypeAlias = "dict[tuple[bool, int], float]"
"""Of r and |r|: whether the sign of r is a factor, and the power of |r|, -> the coefficient."""


@dataclass
class _Square:
    """Of what a choice is the square, up to where, and by how much it is more than half of it."""

    of: int
    delta: float
    factor: float


def limit_squares(graph: Graph, kept: Collection[str] = ()) -> Graph:
    """The graph, not yet differentiated, with the replacements above, itself if there are none.

    What depends on values of the names in `kept` still does.
    """
    if not any(node.op == "where" for node in graph) or not any(node.op == "abs" for node in graph):
        return graph
    seen = {graph.values[name] for name in kept if name in graph.values}
    share = all(graph[id].op == "argument" for id in seen)
    shared = rebuild(graph, same, share=True) if share else graph
    seen = {shared.values[name] for name in kept if name in shared.values}
    squares = {node.id: found for node in shared if (found := _square(shared, node, seen)) is not None}
    if not squares:
        return graph
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        square = squares.get(node.id)
        if square is None:
            made = same(builder, node, operands)
        else:
            made = builder.add("huber_error", [moved[square.of], builder.const(0)], {"delta": square.delta})
            if square.factor != 1:
                made = builder.add("multiply", [builder.const(square.factor), made])
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(shared, make, share=share))


def _square(graph: Graph, node: Node, seen: Collection[int]) -> _Square | None:
    if node.op != "where" or not node.type.is_float:
        return None
    condition, *branches = (graph[u] for u in node.operands)
    if condition.op not in INSIDE or condition.id in seen:
        return None
    for at in (0, 1):
        of, limit = graph[condition.operands[at]], graph[condition.operands[1 - at]]
        delta = _number(limit)
        if of.op != "abs" or delta is None or not 0 < delta < math.inf:
            continue
        x = graph[of.operands[0]]
        if x.type != node.type or of.id in seen:
            return None
        inside, outside = branches if INSIDE[condition.op] == at else reversed(branches)
        square, line = (_Branch(graph, x.id, seen).polynomial(branch.id) for branch in (inside, outside))
        return _joined(x.id, delta, square, line)
    return None


def _joined(of: int, delta: float, square: Polynomial | None, line: Polynomial | None) -> _Square | None:
    """What a square and a line are together where they meet in value and slope."""
    if square is None or line is None or square.keys() != {(False, 2)} or line.keys() != {(False, 1), (False, 0)}:
        return None
    half = square[False, 2]
    slope, offset = 2 * half * delta, -half * delta * delta
    meets = math.isclose(line[False, 1], slope, rel_tol=1e-12) and math.isclose(line[False, 0], offset, rel_tol=1e-12)
    return _Square(of, delta, 2 * half) if meets and math.isfinite(offset) else None


def _number(node: Node) -> float | None:
    """A constant; an integer stays one."""
    is_number = node.op == "const" and node.type.rank == 0 and node.type.dtype != "bool"
    value: float | None = node.attr("value") if is_number else None
    return value


@dataclass
class _Branch:
    """A branch as a polynomial of r and |r|."""

    graph: Graph
    x: int
    seen: Collection[int]
    known: dict[int, Polynomial | None] = field(default_factory=dict)

    def polynomial(self, id: int) -> Polynomial | None:
        """The coefficients that are not 0; None if it is none, or one of a higher power than 2."""
        if id not in self.known:
            if len(self.known) == MOST:
                return None
            self.known[id] = None
            self.known[id] = self._found(self.graph[id])
        return self.known[id]

    def _found(self, node: Node) -> Polynomial | None:
        if node.id == self.x:
            return {(True, 1): 1.0}
        number = _number(node)
        if number is not None:
            return {(False, 0): number} if number else {}
        if node.op == "abs" and node.operands == (self.x,) and node.id not in self.seen:
            return {(False, 1): 1.0}
        if node.op not in ("add", "subtract", "multiply", "divide", "negative", "square") or node.id in self.seen:
            return None
        parts = [self.polynomial(u) for u in node.operands]
        first, last = parts[0], parts[-1]
        if first is None or last is None:
            return None
        match node.op:
            case "negative":
                return _times(first, {(False, 0): -1.0})
            case "add":
                return _plus(first, last)
            case "subtract":
                return _plus(first, _times(last, {(False, 0): -1.0}) or {})
            case "divide":
                if last.keys() != {(False, 0)}:
                    return None
                return {key: value / last[False, 0] for key, value in first.items()}
        return _times(first, last)  # also a square, whose one operand is both


def _plus(a: Mapping[tuple[bool, int], float], b: Mapping[tuple[bool, int], float]) -> Polynomial:
    total = {key: a.get(key, 0.0) + b.get(key, 0.0) for key in {**a, **b}}
    return {key: value for key, value in total.items() if value}


def _times(a: Mapping[tuple[bool, int], float], b: Mapping[tuple[bool, int], float]) -> Polynomial | None:
    product: Polynomial = {}
    for (odd, power), value in a.items():
        for (other_odd, other_power), other in b.items():
            key = odd != other_odd, power + other_power
            if key[1] > 2:
                return None
            product[key] = product.get(key, 0.0) + value * other
    return product
