"""A sum times what divides some of its terms: these are not divided, and the others are multiplied.

    m, p, u, v, y: (N,), k: ()
    d = (u - v / m) * m                                     becomes     d = u * m - v
    d = k * ((1 - y) / (1 - p) - y / p) * p * (1 - p)       becomes     d = k * (p - y)

where nothing else uses the sum, and no more terms are multiplied than were divided. Only in what rules made: so a loss
that is written out with the logarithms of an exponential, or of a sigmoid, has the derivative that one knows, also
where the sigmoid is 0 or 1 to the last bit.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.place import Place

__all__ = ["divisor_cancelled", "mean_of_complements"]

DEEPEST = 5  # sums within products within sums


def divisor_cancelled(place: Place) -> int | None:
    """The product with what is left of the sum."""
    if not place.of_rule or not place.type.is_float or not place.type.rank:
        return None
    for product, divisor in (place.operands, place.operands[::-1]):
        if _is_reciprocal(place, divisor) or _is_reciprocal(place, _complement(place, divisor)):
            continue  # a sigmoid that is written out, whose slope is found of what is behind it
        if place.typed(divisor) == place.type and _divides_term(place, product, divisor, DEEPEST) > 0:
            return _without(place, product, divisor, DEEPEST)
    return None


def _is_reciprocal(place: Place, id: int | None) -> bool:
    node = None if id is None else place.builder[id]
    return node is not None and node.op == "divide" and place.builder[node.operands[0]].attr("value") == 1


def _divides_term(place: Place, id: int, divisor: int, depth: int) -> int:
    """How many operations are saved where a product with the divisor is made of what is in a factor; 0: none."""
    node = place.builder[id]
    if not _may_go(place, node) or not depth:
        return 0
    if node.op == "multiply":
        return max(_divides_term(place, u, divisor, depth - 1) for u in node.operands)
    if node.op not in ("add", "subtract"):
        return 0
    divided, others = _counted(place, node, divisor, depth)
    return 1 + divided - others if divided else 0


def _counted(place: Place, node: Node, divisor: int, depth: int) -> tuple[int, int]:
    """How many terms of a sum have the divisor, and how many have not."""
    divided = others = 0
    for u in node.operands:
        term = place.builder[u]
        if term.op in ("add", "subtract") and _may_go(place, term) and depth > 1:
            inside = _counted(place, term, divisor, depth - 1)
            divided, others = divided + inside[0], others + inside[1]
        elif _is_divided(place, u, divisor, depth):
            divided += 1
        else:
            others += 1
    return divided, others


def _is_divided(place: Place, id: int, divisor: int, depth: int) -> bool:
    node = place.builder[id]
    if node.op not in ("multiply", "divide", "negative") or not _may_go(place, node) or not depth:
        return False
    if node.op == "divide" and node.operands[1] == divisor:
        return place.typed(node.operands[0]) == place.type
    factors = node.operands[:1] if node.op == "divide" else node.operands
    return any(_is_divided(place, u, divisor, depth - 1) for u in factors)


def _may_go(place: Place, node: Node) -> bool:
    return node.of_rule and node.type == place.type and place.alone(node.id)


def _without(place: Place, id: int, divisor: int, depth: int) -> int:
    """A value times the divisor, which goes into its sum and is not divided by in its terms."""
    node = place.builder[id]
    if not _may_go(place, node) or not depth or node.op not in ("add", "subtract", "multiply", "divide", "negative"):
        return place.add("multiply", [id, divisor])
    if node.op in ("add", "subtract"):
        return place.add(node.op, [_without(place, u, divisor, depth - 1) for u in node.operands])
    if node.op == "divide" and node.operands[1] == divisor:
        return node.operands[0]
    for position, u in enumerate(node.operands[:1] if node.op == "divide" else node.operands):
        if _is_divided(place, u, divisor, depth - 1) or _divides_term(place, u, divisor, depth - 1) > 0:
            operands = list(node.operands)
            operands[position] = _without(place, u, divisor, depth - 1)
            return place.add(node.op, operands)
    return place.add("multiply", [id, divisor])


def mean_of_complements(place: Place) -> int | None:
    """(1 - y) p - y (1 - p) is p - y."""
    terms = [place.node(0), place.node(1)]
    if not place.of_rule or any(t.op != "multiply" or not place.alone(t.id) or t.name for t in terms):
        return None
    for p, rest in (terms[0].operands, terms[0].operands[::-1]):
        y = _complement(place, rest)
        pair = [(u, _complement(place, v)) for u, v in (terms[1].operands, terms[1].operands[::-1])]
        if y is not None and (y, p) in pair and place.typed(p) == place.typed(y) == place.type:
            return place.add("subtract", [p, y])
    return None


def _complement(place: Place, id: int) -> int | None:
    """What 1 less it is the value."""
    node = place.builder[id]
    one = node.op == "subtract" and place.builder[node.operands[0]].attr("value") == 1
    return node.operands[1] if one else None
