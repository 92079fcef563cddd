"""Numbers move into the coefficients of polynomials: a pass over the array less for each. For -O2 only.

    x, s: (N, D)
    t = (0.8 * x) * (1 + 0.04 * s)      becomes      t = x * (0.8 + 0.032 * s)
    u = 0.8 * (1 + 0.13 * s)            becomes      u = 0.8 + 0.104 * s
    v = 0.5 * (0.3 * s - 0.1)           becomes      v = -0.05 + 0.15 * s
"""

from __future__ import annotations

import math

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["move_into_coefficients"]

SMALLEST, LARGEST = 1e-30, 1e30  # coefficients that float32 holds with all digits
SUMS = ("add", "subtract")


def move_into_coefficients(graph: Graph) -> Graph:
    """The graph with the replacements above, where nothing else uses what they take apart; itself if there is no
    product with a sum."""
    if not any(node.op == "multiply" and any(graph[u].op in SUMS for u in node.operands) for node in graph):
        return graph
    uses = graph.uses()
    shared: set[int] = set()  # what more than one node uses, in the new graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.op == "multiply" and node.type.is_float and node.type.rank:
            made = _scaled(builder, operands, shared)
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        if uses[node.id] != 1 or node.name:
            shared.add(made)
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _scaled(builder: Builder, operands: list[int], shared: set[int]) -> int | None:
    """A product with a polynomial, the number in its coefficients."""
    for one, other in (operands, operands[::-1]):
        if other in shared or builder[other].op not in SUMS:
            continue
        number = _number(builder, one)
        if number is not None:
            return _polynomial(builder, other, number, shared)
        for factor, x in _by_number(builder, one, shared):
            polynomial = _polynomial(builder, other, factor, shared)
            if polynomial is not None:
                return builder.add("multiply", [x, polynomial], {})
    return None


def _polynomial(builder: Builder, total: int, factor: float, shared: set[int]) -> int | None:
    """(c + b * y) times a number; where one of the two is subtracted, the number has a sign there."""
    first, second = builder[total].operands
    last = -factor if builder[total].op == "subtract" else factor
    for constant, factor_of_it, term, factor_of_term in ((first, factor, second, last), (second, last, first, factor)):
        start = _number(builder, constant)
        for slope, y in _by_number(builder, term, shared) if start is not None else []:
            assert start is not None
            coefficients = (start * factor_of_it, slope * factor_of_term)
            if all(SMALLEST <= abs(c) <= LARGEST for c in coefficients):
                c, b = map(builder.const, coefficients)
                return builder.add("add", [c, builder.add("multiply", [b, y], {})], {})
    return None


def _by_number(builder: Builder, id: int, shared: set[int]) -> list[tuple[float, int]]:
    """A value as a number times another one, if it is that and nothing else uses it."""
    node = builder[id]
    if node.op != "multiply" or id in shared:
        return []
    pairs = (node.operands, node.operands[::-1])
    return [(number, x) for a, x in pairs if (number := _number(builder, a)) is not None and builder.type(x).rank]


def _number(builder: Builder, id: int) -> float | None:
    node = builder[id]
    value = node.attr("value") if node.op == "const" else None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
