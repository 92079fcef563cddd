"""Numbers gathered, so that as few arrays as possible are multiplied by one.

(A * s) / t         becomes       A * (s / t)
sum(A * s)          becomes       sum(A) * s          where A * s is used nowhere else, or sum(A) is simple
"""

from __future__ import annotations

import math

from graphc.passes.place import Place

__all__ = ["scalar_out_of_sum", "scalars_gathered"]

LARGEST_EXPONENT = 30  # float32 ends at 1e38


def _parts(place: Place, op: str, operands: tuple[int, ...]) -> tuple[int, int] | None:
    """The array and the number that a product or quotient is of; both floating, so that no other kind of arithmetic
    takes their place."""
    if op not in ("multiply", "divide"):
        return None
    array, scalar = operands
    if op == "multiply" and place.typed(array).shape == ():
        array, scalar = scalar, array
    plain = place.builder[scalar].op in ("const", "size")
    if place.typed(scalar).shape != () or place.typed(array).shape == () or not place.typed(array).is_float:
        return None
    return (array, scalar) if plain or place.typed(scalar).is_float else None


def scalars_gathered(place: Place) -> int | None:
    """One pass over the array less."""
    outer = _parts(place, place.op, tuple(place.operands))
    if outer is None or place.builder[outer[0]].name:
        return None
    node = place.builder[outer[0]]
    inner = _parts(place, node.op, node.operands)
    if inner is None:
        return None
    (array, first), second = inner, outer[1]
    if _leaves_the_range(place, node.op, first, second):
        return None
    if node.op == "divide" and place.op == "divide":
        return place.add("divide", [array, place.add("multiply", [first, second])])
    if node.op == "divide":
        first, second = second, first
        return place.add("multiply", [array, place.add("divide", [first, second])])
    if place.op == "divide" and _is_number(place, first) and not place.builder[second].attr("value"):
        return None  # 2 / N is an error of Python's where N is 0, x * 2 / N is not
    return place.add("multiply", [array, place.add(place.op, [first, second])])


def _leaves_the_range(place: Place, op: str, first: int, second: int) -> bool:
    """Whether two numbers of the program, taken together, are one that float32 does not hold, as 1e30 * 1e30 is."""
    a, b = (place.builder[id].attr("value") for id in (first, second))
    if not a or not b:
        return False
    magnitude = math.log10(abs(a)) + (1 if op == place.op else -1) * math.log10(abs(b))
    return abs(magnitude) > LARGEST_EXPONENT


def _is_number(place: Place, id: int) -> bool:
    return place.builder[id].op in ("const", "size", "number")


def scalar_out_of_sum(place: Place) -> int | None:
    """The sum first, then its multiple."""
    if place.op != "sum":
        return None
    node = place.node(0)
    parts = _parts(place, node.op, node.operands)
    if parts is None:
        return None
    array, scalar = parts
    total = place.simpler("sum", [array], place.attrs)
    if total is None and place.alone(node.id):
        total = place.add("sum", [array], place.attrs)
    return None if total is None else place.add(node.op, [total, scalar])
