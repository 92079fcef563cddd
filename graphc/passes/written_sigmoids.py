"""The derivative of a sigmoid that the program writes out, from its value: the exponential need not be kept.

z, dY: (N, D)
e = exp(-z); s = 1 / (1 + e); dz = dY * s / (1 + e) * e         becomes         s = 1 / (1 + e); dz = dY * s * (1 - s)

Where e is infinite this is 0, and not 0 times infinity. It costs what it does in the derivative of `sigmoid` itself:
where s is close to 1 the difference 1 - s has few digits left, and is 0 where e is less than the spacing of numbers
at 1; the slope is as exact as s is there, but not in proportion to itself.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.patterns import is_number
from graphc.passes.place import Place

__all__ = ["slope_of_sigmoid"]


def slope_of_sigmoid(place: Place) -> int | None:
    """The product from the value of the sigmoid alone; only in what rules made."""
    if not place.of_rule:
        return None
    for k in range(2):
        quotient, e = place.node(k), place.operands[1 - k]
        signed = quotient.op == "negative" and place.alone(quotient.id)
        if signed:
            quotient = place.builder[quotient.operands[0]]
        if place.builder[e].op != "exp" or quotient.op != "divide" or not place.alone(quotient.id):
            continue
        if not _is_one_and(place, quotient.operands[1], e):
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
