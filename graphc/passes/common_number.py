"""A number common to a matrix and the outer product that is added to it stands behind the sum.

    R: (n, n), u, v: (n,), c: ()
    0.5 * c * R - outer(0.5 * u, c * v)         becomes      0.5 * c * (R - outer(u, v))

where nothing else uses the two terms: as many passes over the matrix, and what is left may be symmetric. So the
gradient of a Gaussian log-likelihood is a number times what is between the brackets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphc.ir.graph import Node
from graphc.passes.place import Place

__all__ = ["number_behind_sum"]

DEEPEST = 4  # factors within factors


def number_behind_sum(place: Place) -> int | None:
    """The number times the sum or difference of what is without it."""
    if place.node(0).type != place.node(1).type or not place.type.is_float:
        return None
    for position in (0, 1):
        product, matrix = place.node(position), place.node(1 - position)
        if product.op != "outer" or matrix.op != "multiply" or not (place.alone(product.id) and place.alone(matrix.id)):
            continue
        vectors = [_without_number(place, u) for u in product.operands]
        numbers = [number for _, number in vectors if number is not None]
        for number, bare in (matrix.operands, matrix.operands[::-1]):
            if place.typed(bare) != matrix.type or place.typed(number).shape != () or not numbers:
                continue
            if _factors(place, [number]) == _factors(place, numbers):
                terms = [bare, bare]
                terms[position] = place.add("outer", [vector for vector, _ in vectors])
                return place.add("multiply", [number, place.add(place.op, terms)])
    return None


def _without_number(place: Place, id: int) -> tuple[int, int | None]:
    """A vector, and the number that it is multiplied by."""
    node = place.builder[id]
    for number, vector in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
        if place.typed(number).shape == () and place.typed(vector) == node.type:
            return vector, number
    return id, None


def _factors(place: Place, numbers: Sequence[int]) -> tuple[float, list[int], list[int]]:
    """What the product of numbers is made of: the program's own numbers taken together, what else it is multiplied by
    and what it is divided by."""
    constant, above, below = 1.0, list[int](), list[int]()
    stack = [(id, True, 0) for id in numbers]
    while stack:
        id, upper, depth = stack.pop()
        node = place.builder[id]
        value = _value(node)
        if value is not None:
            constant = constant * value if upper else constant / value
        elif node.op in ("multiply", "divide") and depth < DEEPEST:
            one, other = node.operands
            stack += [(one, upper, depth + 1), (other, upper == (node.op == "multiply"), depth + 1)]
        else:
            (above if upper else below).append(id)
    return constant, sorted(above), sorted(below)


def _value(node: Node) -> float | None:
    value = node.attr("value") if node.op == "const" else None
    return float(value) if isinstance(value, (int, float)) and value and math.isfinite(value) else None
