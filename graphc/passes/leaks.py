"""What is steeper on one side of 0 is the larger of two lines: two passes over the array in the place of four.

    x: (N, D)
    maximum(x, 0) + 0.01 * minimum(x, 0)        becomes        maximum(x, 0.01 * x)

where the number lies between 0 and 1: there the line that is steeper is the larger one of positive x alone.
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["larger_of_lines"]


def larger_of_lines(place: Place) -> int | None:
    """A leaky relu as the larger of two lines."""
    if place.op != "add":
        return None
    for above, scaled in (place.operands, place.operands[::-1]):
        x, node = _limited(place, above, "maximum"), place.builder[scaled]
        if x is None or node.op != "multiply" or not (place.alone(above) and place.alone(scaled)):
            continue
        for number, below in (node.operands, node.operands[::-1]):
            slope = place.builder[number].attr("value")
            if isinstance(slope, float) and 0 < slope <= 1 and _limited(place, below, "minimum") == x:
                return place.add("maximum", [x, place.add("multiply", [number, x])]) if place.alone(below) else None
    return None


def _limited(place: Place, id: int, op: str) -> int | None:
    """What this is the maximum, or the minimum, of and 0."""
    node = place.builder[id]
    if node.op != op:
        return None
    pairs = (node.operands, node.operands[::-1])
    return next((x for x, limit in pairs if place.builder[limit].attr("value") == 0), None)
