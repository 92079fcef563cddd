"""A sum of products times a factor, where one of the products' factors times it is a value at hand.

    d = (X - M) * e                             d = (X - M) * e
    de = sum(dd * (X - M), axis=0) * e          de = sum(dd * d, axis=0)

That is what the derivative of `(x - m) * exp(s)` with respect to s looks like: X - M need be neither saved nor computed
again.
"""

from __future__ import annotations

from graphc.ir.types import Unknown
from graphc.passes.place import Place

__all__ = ["factor_at_hand"]


def factor_at_hand(place: Place) -> int | None:
    """The sum of products with the value at hand, for a product of a sum and a factor."""
    if place.op != "multiply":
        return None
    for total, factor in (place.operands, place.operands[::-1]):
        node = place.builder[total]
        if node.op != "sum" or not place.alone(total) or not _is_constant_along(place, total, factor):
            continue
        product = place.builder[node.operands[0]]
        if product.op != "multiply" or not place.alone(product.id):
            continue
        pairs = [product.operands, product.operands[::-1]]
        for part, rest in sorted(pairs, key=lambda pair: _is_of_rule(place, pair[0])):  # values before gradients
            known = _known(place, part, factor)
            if known is not None and place.typed(known) == product.type:
                return place.add("sum", [place.add("multiply", [rest, known])], dict(node.attrs))
    return None


def _is_of_rule(place: Place, id: int) -> bool:
    origin = place.builder[id].origin
    return origin is not None and origin.rule is not None


def _is_constant_along(place: Place, total: int, factor: int) -> bool:
    """Whether the factor is the same for all that is summed: the sum is over leading axes, and keeps none."""
    node = place.builder[total]
    source = place.typed(node.operands[0])
    axes = node.attr("axis")
    if isinstance(source.shape, Unknown) or isinstance(node.type.shape, Unknown) or axes is None:
        return False
    leading = axes == tuple(range(len(axes))) and not node.attr("keepdims")
    return leading and bool(node.type.rank) and place.typed(factor) == node.type


def _known(place: Place, part: int, factor: int) -> int | None:
    """The product of the two, if it is there already."""
    for operands in ([part, factor], [factor, part]):
        before = len(place.builder.nodes)
        made = place.add("multiply", operands)
        if len(place.builder.nodes) == before:
            return made
        place.builder.forget(before)
    return None
