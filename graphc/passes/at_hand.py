"""Sums of products where a value at hand takes the place of part of the work.

    c, dy, x: (N, D), e, g: (D,)
    y = c * e; de = sum(dy * c, axis=0) * e                     becomes       de = sum(dy * y, axis=0)
    m = mean(x, axis=0); v = mean(x, axis=0, keepdims=true)     becomes       m = mean(x, axis=0); v = m[None]
    s = sum(c, axis=(0, 1))                                     becomes       s = sum(c)
    s = sum(c); t = sum(c, axis=(0, 1), keepdims=true)          becomes       s = sum(c); t = expand_dims(s, (0, 1))

With c = x - m the first is what the derivative of `(x - m) * exp(s)` with respect to s looks like.
"""

from __future__ import annotations

from graphc.ir.dims import numel
from graphc.ir.types import Unknown
from graphc.passes.place import Place

__all__ = ["factor_at_hand", "reduction_at_hand"]


def factor_at_hand(place: Place) -> int | None:
    """A sum of products times a factor, where one of the products' factors times it is at hand."""
    if place.op != "multiply":
        return None
    for total, factor in (place.operands, place.operands[::-1]):
        node = place.builder[total]
        if node.op != "sum" or not place.alone(total) or not _is_constant_behind(place, total, factor):
            continue
        product = place.builder[node.operands[0]]
        if product.op != "multiply" or not place.alone(product.id):
            continue
        pairs = [product.operands, product.operands[::-1]]
        for part, rest in sorted(pairs, key=lambda pair: place.builder[pair[0]].of_rule):  # values before gradients
            known = _product(place, part, factor)
            if known is not None and place.typed(known) == product.type:
                return place.add("sum", [place.add("multiply", [rest, known])], dict(node.attrs))
    return None


def reduction_at_hand(place: Place) -> int | None:
    """The same reduction, with or without its axes; one over all axes is written in one way."""
    axes, keepdims, rank = place.attrs["axis"], place.attrs["keepdims"], place.node(0).type.rank
    if not rank:
        return None
    every = axes is None or len(axes) == rank
    if every and axes is not None:
        return place.add(place.op, place.operands, {**place.attrs, "axis": None})
    known = place.builder.find(place.op, place.operands, {**place.attrs, "keepdims": not keepdims})
    if known is None and every and keepdims and place.op == "mean":
        known = _quotient_of_sum(place)
    if known is None:
        return None
    axes = tuple(range(rank)) if axes is None else axes
    return place.add("expand_dims" if keepdims else "squeeze", [known], {"axis": axes})


def _quotient_of_sum(place: Place) -> int | None:
    """The mean of all entries as `mean_of_sums` writes it, if it is there."""
    size = numel(place.node(0).type.dims)
    total = place.builder.find("sum", place.operands, {"axis": None, "keepdims": False})
    return None if total is None else place.builder.find("divide", [total, place.maker.tensor(size)])


def _is_constant_behind(place: Place, total: int, factor: int) -> bool:
    """Whether a sum over leading axes keeps none of them, and a factor has its shape."""
    node = place.builder[total]
    axes = node.attr("axis")
    if isinstance(node.type.shape, Unknown) or axes is None:
        return False
    leading = axes == tuple(range(len(axes))) and not node.attr("keepdims")
    return leading and bool(node.type.rank) and place.typed(factor) == node.type


def _product(place: Place, part: int, factor: int) -> int | None:
    """The product of the two, if it is there already."""
    find = place.builder.find
    found = find("multiply", [part, factor])
    return find("multiply", [factor, part]) if found is None else found
