"""The derivative of a sigmoid that the program writes out, from its value: the exponential need not be kept.

e, dY: (N, D)
s = 1 / (1 + e); dx = dY * s / (1 + e) * e         becomes       s = 1 / (1 + e); dx = dY * s * (1 - s)

Where e is infinite this is 0, and not 0 times infinity.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.patterns import is_number
from graphc.passes.place import Place

__all__ = ["slope_of_sigmoid"]


def slope_of_sigmoid(place: Place) -> int | None:
    """The product from the value of the sigmoid alone; only in what rules made."""
    origin = place.builder.origin
    if place.op != "multiply" or origin is None or origin.rule is None:
        return None
    for k in range(2):
        quotient, e = place.node(k), place.operands[1 - k]
        signed = quotient.op == "negative" and place.alone(quotient.id)
        if signed:
            quotient = place.builder[quotient.operands[0]]
        if quotient.op != "divide" or not place.alone(quotient.id) or not _is_one_and(place, quotient.operands[1], e):
            continue
        product = place.builder[quotient.operands[0]]
        factors = [place.builder[u] for u in product.operands] if product.op == "multiply" else []
        for sigmoid in factors:
            if _is_reciprocal(place, sigmoid, quotient.operands[1]):
                other = place.add("subtract", [sigmoid.operands[0], sigmoid.id])
                made = place.add("multiply", [product.id, other])
                return place.add("negative", [made]) if signed else made
    return None


def _is_one_and(place: Place, id: int, e: int) -> bool:
    """Whether a value is 1 + e."""
    node = place.builder[id]
    return node.op == "add" and any(
        is_number(place.builder[one], 1) and other == e for one, other in (node.operands, node.operands[::-1])
    )


def _is_reciprocal(place: Place, node: Node, divisor: int) -> bool:
    return node.op == "divide" and node.operands[1] == divisor and is_number(place.builder[node.operands[0]], 1)
