"""Factors that are the same for all terms of a sum stand behind it: fewer of them are multiplied.

    dy, x, y: (N, D), g, r: (D,), n: (N, 1)
    db = sum(dy, axis=0); dm = mean(dy * g, axis=0)             becomes    dm = db * g / N
    dg = sum(dy * x, axis=0); da = mean(dy * g * x, axis=0)     becomes    da = dg * g / N
    db = sum(dy, axis=0); dm = sum(dy * g / r, axis=0)          becomes    dm = db * g / r
    dn = sum(dy * y / n, axis=1)                                becomes    dn = sum(dy * y, axis=1) / squeeze(n, axis=1)
    dv = r + sum((x - mean(x, axis=0)) * g, axis=0)             becomes    dv = r

The sum that is left is one at hand, or the product was made for the sum alone. The first are in the derivative of a
batch normalisation, the next ones in those of norms and of rows divided by them. A value of the program stays whole:
only what rules made is taken apart.
"""

from __future__ import annotations

from typing import NamedTuple

from graphc.ir.dims import numel
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.passes.no_terms import leaves_zero
from graphc.passes.place import Place

__all__ = ["factors_out_of_sum", "parts_of_sum"]

DEEPEST = 4  # products within products


class _Parted(NamedTuple):
    """A product or quotient as constant factors, each with what is done by it, and the rest."""

    factors: tuple[tuple[str, int], ...]
    rest: int


def factors_out_of_sum(place: Place) -> int | None:
    """The sum or mean without the factors, times these."""
    axes = place.attrs.get("axis")
    node = place.node(0)
    if place.op not in ("sum", "mean") or axes is None or isinstance(node.type.shape, Unknown):
        return None
    if node.op not in ("multiply", "divide") or not node.type.is_float:
        return None
    found = _parted(place, node.id, axes, DEEPEST, make=False, always=True)
    if found is not None and found.factors and place.typed(found.rest) == node.type:
        if place.op == "sum" and _is_centred(place, found.rest, axes) and node.of_rule:
            return place.repeat(place.builder.const(0.0), place.type)  # as is a sum of no terms, whatever scales it
        found = _parted(place, node.id, axes, DEEPEST, make=False)
    if found is not None and found.factors and place.typed(found.rest) == node.type:
        total = _sum_at_hand(place, found.rest, axes)
        if total is not None:
            return _scaled(place, total, found.factors, axes)
    if found is not None and not found.factors:
        return None  # to make what is left would find none either
    if not node.of_rule or not place.alone(node.id):
        return None
    before = len(place.builder.nodes)
    found = _parted(place, node.id, axes, DEEPEST, make=True)
    if found is None or not found.factors or place.typed(found.rest) != node.type:
        place.builder.forget(before)
        return None
    total = place.add("sum", [found.rest], {"axis": axes, "keepdims": place.attrs["keepdims"]})
    return _scaled(place, total, found.factors, axes)


def parts_of_sum(place: Place, node: Node) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """A sum that keeps its axes as one of fewer factors, and these, each with what is done by it.

    Also those that are not finite where there are no terms: whoever asks has no use for such a sum.
    """
    axes = node.attr("axis")
    inside = Place(place.maker, "sum", node.operands, dict(node.attrs), node.type, place.uses)
    product = inside.node(0)
    if product.op not in ("multiply", "divide") or not product.of_rule or not place.alone(product.id):
        return None
    found = _parted(inside, product.id, axes, DEEPEST, make=True, always=True)
    if found is None or not found.factors or place.typed(found.rest) != product.type:
        return None
    return place.add("sum", [found.rest], dict(node.attrs)), found.factors


def _parted(
    place: Place, id: int, axes: tuple[int, ...], depth: int, make: bool, always: bool = False
) -> _Parted | None:
    """What is constant along the axes taken out of products and quotients; None if what is left is not at hand.

    With `make` it is made, of what nothing else uses. With `always` also what does not leave a sum without terms 0.
    """
    node = place.builder[id]
    of_rule = node.of_rule and depth < DEEPEST
    whole = not (depth == DEEPEST or (of_rule and (not make or place.alone(id))))
    rank = place.node(0).type.rank
    if node.op not in ("multiply", "divide") or whole or not depth or node.type.rank != rank:
        return _Parted((), id)
    one, other = node.operands
    if _may_stand_behind(place, node.op, other, axes, always):
        inner = _parted(place, one, axes, depth - 1, make, always)
        return inner and _Parted((*inner.factors, (node.op, other)), inner.rest)
    if node.op == "multiply" and _may_stand_behind(place, node.op, one, axes, always):
        inner = _parted(place, other, axes, depth - 1, make, always)
        return inner and _Parted((*inner.factors, (node.op, one)), inner.rest)
    first = _parted(place, one, axes, depth - 1, make, always)
    second = _parted(place, other, axes, depth - 1, make, always) if node.op == "multiply" else _Parted((), other)
    if first is None or second is None:
        return None
    factors = (*first.factors, *second.factors)
    if not factors:
        return _Parted((), id)
    found = place.builder.find(node.op, [first.rest, second.rest])
    if found is None and node.op == "multiply":
        found = place.builder.find(node.op, [second.rest, first.rest])
    if found is None and make:
        found = place.builder.add(node.op, [first.rest, second.rest])
    return None if found is None else _Parted(factors, found)


def _is_constant_along(place: Place, factor: int, axes: tuple[int, ...]) -> bool:
    """Whether broadcasting repeats a factor along all these axes of what is summed."""
    type = place.typed(factor)
    if isinstance(type.shape, Unknown) or not type.is_float or not type.rank:
        return False
    missing = (place.node(0).type.rank or 0) - type.rank
    return all(axis < missing or type.dims[axis - missing].value == 1 for axis in axes)


def _may_stand_behind(place: Place, op: str, factor: int, axes: tuple[int, ...], always: bool) -> bool:
    """Whether a factor or divisor is the same for all terms, and, unless `always`, leaves a sum without terms 0."""
    if not _is_constant_along(place, factor, axes):
        return False
    if always:
        return True
    counts = [place.node(0).type.dims[axis] for axis in axes]
    return leaves_zero(place.builder, op, factor, counts)


def _is_centred(place: Place, id: int, axes: tuple[int, ...]) -> bool:
    """Whether a value is another less the mean of that along the axes, or this scaled by what is the same along it."""
    node = place.builder[id]
    for _ in range(DEEPEST):
        if node.op not in ("multiply", "divide") or node.type.rank != place.node(0).type.rank:
            break
        one, other = node.operands
        if _is_constant_along(place, other, axes):
            node = place.builder[one]
        elif node.op == "multiply" and _is_constant_along(place, one, axes):
            node = place.builder[other]
        else:
            break
    if node.op != "subtract" or node.type.rank != place.node(0).type.rank:  # of another rank the axes are others
        return False
    mean = place.builder[node.operands[1]]
    along = axes == tuple(range(len(axes))) or bool(mean.attr("keepdims"))  # or it repeats along other axes
    if mean.op == "expand_dims" and mean.attr("axis") == axes:
        mean, along = place.builder[mean.operands[0]], True
    return along and mean.op == "mean" and mean.operands == (node.operands[0],) and mean.attr("axis") == axes


def _sum_at_hand(place: Place, rest: int, axes: tuple[int, ...]) -> int | None:
    """The sum as the place wants it, with or without its axes, if it is there in one of the two ways."""
    kept = bool(place.attrs["keepdims"])
    for keepdims in (kept, not kept):
        found = place.builder.find("sum", [rest], {"axis": axes, "keepdims": keepdims})
        if found is not None and keepdims == kept:
            return found
        if found is not None:
            return place.add("expand_dims" if kept else "squeeze", [found], {"axis": axes})
    return None


def _scaled(place: Place, total: int, factors: tuple[tuple[str, int], ...], axes: tuple[int, ...]) -> int:
    """The sum times its factors, and for a mean by the number of the terms."""
    rank = place.node(0).type.rank or 0
    for op, factor in factors:
        missing = rank - (place.typed(factor).rank or 0)
        own = tuple(axis - missing for axis in axes if axis >= missing)
        if own and not place.attrs["keepdims"]:
            factor = place.add("squeeze", [factor], {"axis": own})
        total = place.builder.add(op, [total, factor])  # as it is: `factor_at_hand` would turn it back
    if place.op == "sum":
        return total
    count = numel(tuple(place.node(0).type.dims[axis] for axis in axes))
    return place.add("divide", [total, place.maker.tensor(count)])
