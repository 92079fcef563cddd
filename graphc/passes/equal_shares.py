"""What a rule makes of ties with 0, times a number, is that number times half of one more than the sign.

    x: (N, D), k: ()
    d = k * (x > 0) + 0.5 * k * (x == 0)        becomes        d = 0.5 * k * (1 + sign(x))
    d = k * (x < 0) + 0.5 * k * (x == 0)        becomes        d = 0.5 * k * (1 - sign(x))

So the derivative of a sum of `maximum(0, x)`: 1, 0, and a half at 0, in three passes over the entries where there were
five. Only times a number that is made of the loss's own cotangent and sizes: an entry that is nan makes the sum nan,
too, but of one that another mask or choice leaves out the gradient is 0, and 0 times the sign of nan would not be.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.common_number import factors_of
from graphc.passes.place import Place

__all__ = ["half_of_sign"]

SIGNED = {"greater": "add", "less": "subtract"}
"""How the sign stands beside the 1, for the side of 0 on which the derivative is 1."""

NEVER_ZERO = {"seed", "size", "count_of"}
"""What the number may be made of: not of a choice that leaves the sum out."""


def half_of_sign(place: Place) -> int | None:
    """Half the number, times one more than the sign, or less."""
    if place.type.shape == () or not place.of_rule:
        return None
    for one, ties in ((place.node(0), place.node(1)), (place.node(1), place.node(0))):
        side, equal = _scaled_mask(place, one), _scaled_mask(place, ties)
        if side is None or equal is None or side[1].op not in SIGNED or equal[1].op != "equal":
            continue
        (number, mask), (half, tied) = side, equal
        x, limit = mask.operands
        if tied.operands != (x, limit) or place.builder[limit].attr("value") != 0 or not place.typed(x).is_float:
            continue
        above, below = factors_of(place, [number]), factors_of(place, [half])
        if not all(place.builder[u].op in NEVER_ZERO for u in above[1] + above[2]):
            continue
        if place.typed(x).shape != place.type.shape or above[0] != 2 * below[0] or above[1:] != below[1:]:
            continue
        sign = place.add("sign", [x])
        return place.add("multiply", [half, place.add(SIGNED[mask.op], [place.builder.const(1), sign])])
    return None


def _scaled_mask(place: Place, node: Node) -> tuple[int, Node] | None:
    """The number and the mask that this is the product of, if nothing else uses it."""
    if node.op != "multiply" or not place.alone(node.id):
        return None
    for number, mask in (node.operands, node.operands[::-1]):
        if place.typed(number).shape == () and place.typed(number).is_float and place.typed(mask).dtype == "bool":
            return number, place.builder[mask]
    return None
