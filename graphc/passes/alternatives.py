"""What one term has where a mask is true, and the other one where it is not, is a choice between the two.

    dY, p, q: (N,), y: (N, 1), dL: ()
    m = y > 0; d = dY * m - dY * ~m                     becomes      m = y > 0; d = where(m, dY, -dY)
    m = p > 0; d = dY * m + dY * ~m * q                 becomes      m = p > 0; d = where(m, dY, dY * q)
    m = p > 0; d = dL * ~m * q + dL * m * p             becomes      m = p > 0; d = dL * where(m, p, q)

The rule of `where` masks the gradient of each branch by a product; where both branches are made of one value, the sum
of the two is the derivative as one writes it by cases: one pass over the entries where there were four.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.graph import Node
from graphc.passes.place import Place

__all__ = ["chosen_term"]

DEEPEST = 6  # factors within factors


def chosen_term(place: Place) -> int | None:
    """The choice between the other factors of the two terms, times what both have in common."""
    first, second = (_factors(place, place.node(k)) for k in range(2))
    for mask in first:
        inverse = place.builder[mask]
        if inverse.type.dtype != "bool" or (inverse.op == "logical_not" and not _is_of_truths(place, inverse)):
            continue
        for k, other in ((0, inverse.operands[0]), (1, mask)) if inverse.op == "logical_not" else ((1, mask),):
            found = other if k == 0 else next((u for u in second if _is_not(place, u, mask)), None)
            if found is not None and found in second:
                return _choice(place, mask, first, found, second)
    return None


def _is_of_truths(place: Place, inverse: Node) -> bool:
    """Whether what is negated is a mask itself: `not x` of a number is true where that is 0."""
    return place.typed(inverse.operands[0]).dtype == "bool"


def _is_not(place: Place, id: int, mask: int) -> bool:
    return place.builder[id].op == "logical_not" and place.builder[id].operands == (mask,)


def _choice(place: Place, mask: int, first: Sequence[int], other: int, second: Sequence[int]) -> int | None:
    """`mask` is a factor of the first term, and its opposite, `other`, one of the second."""
    one, two = list(first), list(second)
    one.remove(mask)
    two.remove(other)
    if one == two and one and place.op == "add":
        return _product(place, one)
    common: list[int] = []
    for u in list(one):
        if u in two and len(one) > 1 and len(two) > 1:
            common.append(u)
            one.remove(u)
            two.remove(u)
    if not one or not two or all(place.typed(u).rank == 0 for u in (*one, *two)):
        return None  # of two numbers the array is made of the masks
    cases = [_product(place, one), _product(place, two)]
    if place.op == "subtract":
        cases[1] = place.add("negative", [cases[1]])
    negated = place.builder[mask].op == "logical_not"
    condition = place.builder[mask].operands[0] if negated else mask
    chosen = place.add("where", [condition, *(cases[::-1] if negated else cases)])
    return _product(place, [*common, chosen])


def _product(place: Place, factors: Sequence[int]) -> int:
    result = factors[0]
    for u in factors[1:]:
        result = place.add("multiply", [result, u])
    return result


def _factors(place: Place, node: Node, depth: int = DEEPEST) -> list[int]:
    """The factors of a product that is for this use alone, from left to right; else the value itself."""
    if node.op != "multiply" or node.name or not place.alone(node.id) or not depth:
        return [node.id]
    return [x for u in node.operands for x in _factors(place, place.builder[u], depth - 1)]
