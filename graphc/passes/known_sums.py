"""The sum of rows that are a one-hot row scaled and shifted by numbers is known.

    S: (N, C), y: (N,) int
    sum(one_hot(y, C), axis=-1)                       becomes       broadcast_to(1, (N,))
    sum(0.9 * one_hot(y, C) + 0.1 / C, axis=-1)       becomes       broadcast_to(1, (N,))

The second are smoothed labels: the gradient of a cross entropy multiplies by what their rows sum up to.
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["sum_of_one_hot"]

DEEPEST = 4  # sums and products within each other


def sum_of_one_hot(place: Place) -> int | None:
    """The number that each row sums up to, repeated."""
    node, axes = place.node(0), place.attrs["axis"]
    rank = node.type.rank
    if rank is None or (axes or tuple(range(rank))) != (rank - 1,) or not node.type.is_float:
        return None
    before = len(place.builder.nodes)
    number = _of_a_row(place, node.id, DEEPEST)
    if number is None:
        place.builder.forget(before)
        return None
    return place.repeat(number, place.type)


def _of_a_row(place: Place, id: int, depth: int) -> int | None:
    """What each row of a value sums up to, as a number; None if that is not known."""
    node = place.builder[id]
    if node.op == "one_hot":  # computed labels are checked where they are used, so they stay
        return None if place.builder[node.operands[0]].op == "in_range" else place.builder.const(1.0)
    if not depth or node.op not in ("add", "subtract", "multiply", "divide", "negative"):
        return None
    if node.op == "negative":
        inner = _of_a_row(place, node.operands[0], depth - 1)
        return None if inner is None else place.add("negative", [inner])
    for position in (0, 1) if node.op != "divide" else (0,):
        rows, number = node.operands[position], node.operands[1 - position]
        if place.typed(rows) != node.type or place.typed(number).shape != ():
            continue
        total = _of_a_row(place, rows, depth - 1)
        if total is None:
            continue
        if node.op in ("add", "subtract"):  # the number stands in each entry
            number = place.add("multiply", [number, place.maker.tensor(node.type.dims[-1])])
        return place.add(node.op, [total, number] if position == 0 else [number, total])
    return None
