"""The square of a length is a sum of squares, and its gradient knows no length: no root is taken and none divided by.

    x: (N,), X: (N, D), s: (), t: (N,)
    square(norm(x))                                 becomes         sum(square(x))
    square(norm(X, axis=1))                         becomes         sum(square(X), axis=1)

    n = norm(x)
    dx = s * n / (n + (n == 0)) * x                 becomes         dx = s * x

    n = norm(X, axis=1)
    dX = (t * n / (n + (n == 0)))[:, None] * X      becomes         dX = t[:, None] * X

where nothing else needs the length. At 0 the derivative of the length is 0, and that of its square is, too.
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.passes.place import Place

__all__ = ["length_cancelled", "square_of_length"]

DEEPEST = 3  # factors within factors


def square_of_length(place: Place) -> int | None:
    """The sum of the squares, in the place of the square of a length that nothing else needs."""
    length = place.node(0)
    if place.op != "square" or length.op != "norm" or length.attr("ord") != 2 or not place.alone(length.id):
        return None
    attrs = {"axis": length.attr("axis"), "keepdims": length.attr("keepdims")}
    return place.add("sum", [place.add("square", length.operands)], attrs)


def length_cancelled(place: Place) -> int | None:
    """The array times a number, in the place of its direction times that number and its length."""
    for scale, array in (place.operands, place.operands[::-1]):
        node = place.builder[scale]
        opened = node if node.op == "expand_dims" else None
        quotient = place.builder[node.operands[0]] if opened else node
        if quotient.op != "divide" or quotient.name:
            continue
        above, below = quotient.operands
        length = _length(place, below)
        if length is None or place.builder[length].operands != (array,):
            continue
        if not _meets_what_it_is_of(place.builder[length], opened):
            continue
        rest = _without(place, above, length, DEEPEST)
        if rest is None or (place.typed(rest) != quotient.type and place.typed(rest).shape != ()):
            continue
        if opened is not None and place.typed(rest).shape != ():
            rest = place.add("expand_dims", [rest], dict(opened.attrs))
        return place.add("multiply", [rest, array])
    return None


def _meets_what_it_is_of(length: Node, opened: Node | None) -> bool:
    """Whether each length multiplies the entries that it is the length of: of a square matrix those of its rows may
    meet its columns, and a row without length is not a column of zeros."""
    axes = length.attr("axis")
    if axes is None or length.attr("keepdims"):
        return opened is None or axes is None
    return bool(opened.attr("axis") == axes) if opened else axes == tuple(range(len(axes)))


def _length(place: Place, id: int) -> int | None:
    """The n of n + (n == 0), if that is a length."""
    total = place.builder[id]
    if total.op != "add":
        return None
    for n, mask in (total.operands, total.operands[::-1]):
        equal = place.builder[mask]
        if equal.op == "equal" and equal.operands[0] == n and place.builder[equal.operands[1]].attr("value") == 0:
            node = place.builder[n]
            return n if node.op == "norm" and node.attr("ord") == 2 else None
    return None


def _without(place: Place, id: int, length: int, depth: int) -> int | None:
    """A product without that factor; None if it does not have it."""
    node = place.builder[id]
    if node.op != "multiply" or not depth:
        return None
    for factor, rest in (node.operands, node.operands[::-1]):
        if factor == length:
            return rest
        inner = _without(place, factor, length, depth - 1)
        if inner is not None:
            return place.add("multiply", [inner, rest])
    return None
