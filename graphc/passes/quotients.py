"""An array times a factor with fewer entries, where a quotient of that array is at hand: the array need not be kept.

    x, y: (N, D), r, k, t: (N, 1)
    q = x / r; dx = (k / r / t) * x       becomes      q = x / r; dx = (k / t) * q
    dx = 2 * ((-0.5 * k) / t) * x         becomes      dx = -(k / t) * x

    q = x / r                                                      q = x / r
    dx = sum(y / r, axis=1, keepdims=true) / t * x    becomes      dx = sum(y, axis=1, keepdims=true) / t * q

    c: (D,)
    q = x / c; dc = x * y / c                         becomes      q = x / c; dc = q * y

    q = x / r; dx = y / r * x                         becomes      q = x / r; dx = y * q

    dx = y / (x / c) / c                              becomes      dx = y / x

Such products are in the derivatives of rows that are divided by their lengths, the last but two where columns are, the
last but one of a softmax that is written out as exponentials, divided by their sums, and the last of the logarithm of a
quotient. What divides within a sum stands behind it even where it may be 0 because there are no terms: then x has no
entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.passes.constant_factors import parts_of_sum
from graphc.passes.place import Place

__all__ = ["product_of_quotient", "product_with_quotient", "quotient_at_hand", "quotient_cancelled"]

DEEPEST = 8  # quotients of quotients


def quotient_cancelled(place: Place) -> int | None:
    """What is divided by a quotient and by its divisor, divided by its dividend alone. Only in what rules made: where a
    program itself divides by 0, it gets what NumPy gives. A dividend that is repeated stays: summed over no rows the
    quotient is 0, and the dividend's times the number of rows is not, where it is 0."""
    first, divisor = place.node(0), place.operands[1]
    if first.op != "divide" or not place.of_rule or not place.alone(first.id) or first.name:
        return None
    quotient = place.builder[first.operands[1]]
    if quotient.op != "divide" or quotient.operands[1] != divisor:
        return None
    left = [first.operands[0], quotient.operands[0]]
    return place.add("divide", left) if place.inferred(left) == place.type else None


def product_of_quotient(place: Place) -> int | None:
    """A product with a quotient that is at hand, in the place of the quotient of a product."""
    product, divisor = place.node(0), place.operands[1]
    if product.op != "multiply" or not product.of_rule or product.name or not place.alone(product.id):
        return None
    if not place.typed(divisor).rank or not place.type.is_float or isinstance(place.type.shape, Unknown):
        return None
    for above, other in (product.operands, product.operands[::-1]):
        known = place.builder.find("divide", [above, divisor])
        if known is not None and place.typed(known) == place.type and place.typed(other).is_float:
            return place.builder.add("multiply", [known, other], {})
    return None


def product_with_quotient(place: Place) -> int | None:
    """A product with a quotient that is at hand, in the place of a quotient times what is divided there."""
    if not place.type.is_float or isinstance(place.type.shape, Unknown):
        return None
    for share, array in (place.operands, place.operands[::-1]):
        node = place.builder[share]
        if node.op != "divide" or node.name or not _may_go(place, node) or not place.typed(node.operands[1]).rank:
            continue
        above, divisor = node.operands
        known = place.builder.find("divide", [array, divisor])
        if known is not None and place.typed(known) == place.type and place.typed(above).is_float:
            return place.builder.add("multiply", [above, known], {})
    return None


@dataclass
class _Factor:
    """A number times what is multiplied, divided by the divisors."""

    coefficient: float = 1.0
    numbers: int = 0
    """How many numbers and signs make the coefficient."""
    factors: list[int] = field(default_factory=list)
    divisors: list[int] = field(default_factory=list)


def quotient_at_hand(place: Place) -> int | None:
    """The product of fewer numbers, or with a divisor less, in the place of an array times a factor."""
    if place.op != "multiply" or isinstance(place.type.shape, Unknown) or not place.type.is_float:
        return None
    for array, factor in (place.operands, place.operands[::-1]):
        type = place.typed(factor)
        if not type.rank or type.shape == place.type.shape or not _may_go(place, place.builder[factor]):
            continue
        if place.typed(array) != place.type:
            continue
        before = len(place.builder.nodes)
        found = _Factor()
        _take_apart(place, factor, found, DEEPEST)
        quotient = _quotient(place, array, found)
        if found.factors and (quotient is not None or found.numbers > 1):
            return _product(place, array if quotient is None else quotient, found)
        place.builder.forget(before)
    return None


def _may_go(place: Place, node: Node) -> bool:
    return node.of_rule and node.type.is_float and place.alone(node.id)


def _take_apart(place: Place, id: int, found: _Factor, depth: int) -> None:
    """Add to what was found what a factor is made of."""
    node = place.builder[id]
    if node.op == "const" and node.type.shape == () and node.attr("value") is not None:
        found.coefficient *= node.attr("value")
        found.numbers += 1
    elif not depth or not _may_go(place, node):
        found.factors.append(id)
    elif node.op == "negative":
        found.coefficient = -found.coefficient
        found.numbers += 1
        _take_apart(place, node.operands[0], found, depth - 1)
    elif node.op == "multiply":
        for u in node.operands:
            _take_apart(place, u, found, depth - 1)
    elif node.op == "divide":
        _take_apart(place, node.operands[0], found, depth - 1)
        found.divisors.append(node.operands[1])
    elif node.op == "sum":
        _take_sum_apart(place, node, found)
    else:
        found.factors.append(id)


def _take_sum_apart(place: Place, node: Node, found: _Factor) -> None:
    """What is the same for all terms stands behind a sum over axes of the array that is multiplied."""
    source, axes = place.builder[node.operands[0]], node.attr("axis")
    known = not isinstance(source.type.shape, Unknown) and source.type.rank == place.type.rank and axes is not None
    if known and node.attr("keepdims") and all(source.type.dims[k] == place.type.dims[k] for k in axes):
        parts = parts_of_sum(place, node)
        if parts is not None:
            total, factors = parts
            found.factors.append(total)
            for op, factor in factors:
                (found.factors if op == "multiply" else found.divisors).append(factor)
            return
    found.factors.append(node.id)


def _quotient(place: Place, array: int, found: _Factor) -> int | None:
    """The array divided by one of the divisors, which is taken away, if it is at hand, and this by the next one: a
    chain of quotients is not gone through by a product inside the other each."""
    found.divisors = [_length(place, divisor, found.divisors) for divisor in found.divisors]
    quotient: int | None = None
    while True:
        for divisor in found.divisors:
            known = place.builder.find("divide", [array, divisor])
            if known is not None and place.typed(known) == place.type:
                found.divisors.remove(divisor)
                array = quotient = known
                break
        else:
            return quotient


def _length(place: Place, divisor: int, divisors: list[int]) -> int:
    """A length, for one that is taken to be 1 where it is 0, if something else is divided by the length itself: that
    is not finite there, whatever else divides it."""
    node = place.builder[divisor]
    if node.op != "add":
        return divisor
    for length, zero in (node.operands, node.operands[::-1]):
        test = place.builder[zero]
        compared = [place.builder[u].attr("value") for u in test.operands if u != length]
        is_length = place.builder[length].op == "norm" and length in divisors
        if is_length and test.op == "equal" and length in test.operands and compared == [0]:
            return length
    return divisor


def _product(place: Place, array: int, found: _Factor) -> int:
    """The factor made anew, times the array; a sign outside."""
    factor, *others = found.factors
    for other in others:
        factor = place.builder.add("multiply", [factor, other])  # as it is: `factor_at_hand` would put it into a sum
    if abs(found.coefficient) != 1:
        factor = place.add("multiply", [place.builder.const(found.coefficient), factor])
    for divisor in found.divisors:
        factor = place.add("divide", [factor, divisor])
    product = place.add("multiply", [factor, array])
    return place.add("negative", [product]) if found.coefficient == -1 else product
