"""What is 0 where a mask is 0 anyway needs no mask, and is nothing where it alone is not 0.

    z, w: (N, D)
    d = w * maximum(z, 0) * (z > 0)            becomes        d = w * maximum(z, 0)
    d = w * minimum(0, z) * (z < 0)            becomes        d = w * minimum(0, z)
    d = w + w * maximum(z, 0) * (z == 0)       becomes        d = w

and also with the mask `maximum(z, 0) > 0`. So the derivative of a squared hinge has no mask. Only in what rules made:
there ties come beside a side, whose product stays, and in it what is nan.
"""

from __future__ import annotations

from graphc.ir.types import Unknown
from graphc.passes.place import Place

__all__ = ["without_mask"]

DEEPEST = 6  # factors within factors
SIDES = {"maximum": "greater", "minimum": "less"}
"""Of which side of 0 the entries stay."""
MASKS = {*SIDES.values(), "equal"}


def without_mask(place: Place) -> int | None:
    """The product without the mask; 0 where the mask leaves ties alone."""
    if not place.of_rule:
        return None
    for product, id in (place.operands, place.operands[::-1]):
        mask = place.builder[id]
        if mask.op not in MASKS or place.builder[mask.operands[1]].attr("value") != 0:
            continue
        side = _side(place, product, mask.operands[0], DEEPEST)
        if side is None or place.typed(product) != place.type:
            continue
        if side == mask.op:
            return product
        if mask.op == "equal" and not isinstance(place.type.shape, Unknown):
            return place.repeat(place.builder.const(0.0), place.type)
    return None


def _side(place: Place, id: int, z: int, depth: int) -> str | None:
    """On which side of 0 z is where a product is not 0."""
    node = place.builder[id]
    if node.op in SIDES and (id == z or z in node.operands):
        return SIDES[node.op] if 0 in [place.builder[u].attr("value") for u in node.operands] else None
    if node.op not in ("multiply", "divide", "negative") or not depth:
        return None
    factors = node.operands[:1] if node.op == "divide" else node.operands
    sides = (_side(place, u, z, depth - 1) for u in factors)
    return next((side for side in sides if side is not None), None)
