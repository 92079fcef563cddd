"""Transposes that a product does as well without.

X, Y: (m, n), u: (m,)
mT(mT(X) * u)                becomes       X * u[:, None]
mT(mT(X) * mT(Y))            becomes       X * Y

A gradient is then an array in the order of its rows, and reads as the value does that it is the gradient of.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.place import Place

__all__ = ["turned_inside"]


def turned_inside(place: Place) -> int | None:
    """The product whose transposed operands are the transpose of this one; only in what rules made: what the program
    itself turns reads as it is written."""
    product = place.node(0)
    if not place.of_rule or product.op != "multiply" or product.type.rank != 2:
        return None
    if product.name or not place.alone(product.id):
        return None
    parts = [place.builder[u] for u in product.operands]
    if not all(_turns_freely(part) for part in parts):
        return None
    return place.add(product.op, [_turned(place, part) for part in parts])


def _turns_freely(part: Node) -> bool:
    """Whether the transpose of what broadcasting makes of this is no transpose."""
    return part.op == "mT" or part.type.rank in (0, 1) or _is_column(part)


def _is_column(part: Node) -> bool:
    return part.op == "expand_dims" and part.type.rank == 2 and part.attr("axis") == (1,)


def _turned(place: Place, part: Node) -> int:
    if part.type.rank == 0:
        return part.id
    if part.type.rank == 1:
        return place.add("expand_dims", [part.id], {"axis": (1,)})
    return part.operands[0]
