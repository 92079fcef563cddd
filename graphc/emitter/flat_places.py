"""Where the entries at an index are in a row of all entries: by these `take` picks into an array that exists.

    x[i, j]        np.right_shift(i, 63, out=places)     of an array of A by B entries; indices may count from the end:
                   np.bitwise_and(places, A, places)     -1 & A is A, and 0 & A is 0
                   np.add(places, i, out=places)
                   np.multiply(places, B, places)
                   …                                     j as `along`
                   np.add(places, along, places)         x.take(places, …)
    x[:, i, 2]     …                                     the axes with an index become one, the others stay
                   np.multiply(places, C, places)
                   np.add(places, 2, places)             x.reshape(A, B * C).take(places, axis=1, …)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.emitter.expressions import ATOM, PRODUCT, Text
from graphc.emitter.into import Place
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ops.base import NumpyContext
from graphc.ops.cuts import ARRAY, WHOLE, Index, length

__all__ = ["Picked", "flat_places", "from_start", "picked"]


@dataclass(frozen=True)
class Picked:
    """The axes of an array from the first that an index does not take whole to the last.

    `arrays` are those with an array of indices, `cuts` and `numbers` the others, with their items. A cut has with it
    how many axes of the places are behind its own; behind those that the arrays have in common there are `behind`.
    """

    axes: range
    arrays: tuple[int, ...]
    cuts: tuple[tuple[int, tuple[Any, ...], int], ...]
    numbers: tuple[tuple[int, Dim | int], ...]
    behind: int


def picked(pattern: Index, arrays: Sequence[Node]) -> Picked:
    """As NumPy picks: a number counts as an array without axes; where arrays are apart their axes come first."""
    common = max(array.type.rank or 0 for array in arrays)
    items = [item for item in pattern if item is not Ellipsis]  # of a known rank it stands for no axis
    axis_of = [sum(item is not None for item in items[:k]) for k in range(len(items) + 1)]
    partial = [k for k, item in enumerate(items) if item != WHOLE]
    placed = [k for k, item in enumerate(pattern) if not (item is None or item is Ellipsis or isinstance(item, tuple))]
    apart = placed[-1] - placed[0] != len(placed) - 1
    inside = range(0 if apart else partial[0], partial[-1] + 1)
    own = [k for k in inside if items[k] is None or isinstance(items[k], tuple)]  # each has an axis of the result
    places = [k for k in inside if items[k] == ARRAY]
    return Picked(
        axes=range(axis_of[inside.start], axis_of[inside.stop]),
        arrays=tuple(axis_of[k] for k in places),
        cuts=tuple(
            (axis_of[k], items[k], sum(j > k for j in own) + (0 if apart or k > places[0] else common))
            for k in own
            if items[k] is not None
        ),
        numbers=tuple((axis_of[k], items[k]) for k in inside if k not in own and items[k] != ARRAY),
        behind=len(own) if apart else sum(j > places[0] for j in own),
    )


def from_start(index: object, size: object, target: str) -> list[str]:
    """The lines that write indices into an array of integers, all counted from the start of an axis of that size.

    They may be from -size up to size - 1. `np.remainder` divides, which takes four times as long as all three.
    """
    return [
        f'np.right_shift({index}, 63, out={target}, dtype=int, casting="unsafe")',
        f"np.bitwise_and({target}, {size}, {target})",
        f'np.add({target}, {index}, out={target}, dtype=int, casting="unsafe")',
    ]


def flat_places(
    place: Place, part: Picked, sizes: tuple[Dim, ...], like: tuple[Dim, ...], operands: list[tuple[Node, Text]]
) -> tuple[list[str], str]:  # fmt: skip
    """The lines that find the places, and their array; `sizes` are those of all axes, `like` those of the places."""
    places = place.scratch("places", like, "int")
    terms: list[str] = []
    lines: list[str] = []

    def add(term: str) -> None:
        terms.append(term)
        if len(terms) == 2:
            lines.append(f"np.add({terms[0]}, {terms[1]}, {places})")
            terms[:] = [places]

    for axis, (node, index) in zip(part.arrays, operands, strict=True):
        size, stride = place.context.dim(sizes[axis]), numel(sizes[axis + 1 : part.axes.stop])
        if not node.type.rank:
            add(_times(place.context, f"{index.within(PRODUCT)} % {size.within(PRODUCT + 1)}", stride))
        else:
            straight = not terms and (*node.type.dims, *(dim(1),) * part.behind) == like
            other = "across" if terms and terms != [places] else "along"
            room = places if straight else place.scratch(other, node.type.dims, "int")
            turned = _before(node.type.rank, part.behind)
            at = f"{index.within(ATOM)}{turned}" if straight else str(index)
            if node.op != "arange":
                lines += from_start(at, size, room)
                at = room
            if stride != 1:
                lines.append(f"np.multiply({at}, {place.context.dim(stride)}, {room})")
                at = room
            add(at if straight else f"{at}{turned}")
    for term in _starts(place, part, sizes):
        add(term)
    if terms != [places]:
        lines.append(f"np.copyto({places}, {terms[0]})")
    return place.located(places, lines), places


def _before(rank: int, behind: int) -> str:
    """The index that puts so many axes behind those of an array."""
    return f"[{', '.join([':'] * rank + ['None'] * behind)}]" if behind else ""


def _times(ctx: NumpyContext, text: str, stride: Dim) -> str:
    return text if stride == 1 else f"{text} * {ctx.dim(stride).within(PRODUCT + 1)}"


def _starts(place: Place, part: Picked, sizes: tuple[Dim, ...]) -> list[str]:
    """What the numbers and cuts add to the places: an array that is made once, a number, or nothing."""
    number = sum((numel(sizes[axis + 1 : part.axes.stop]) * item for axis, item in part.numbers), dim(0))
    if not part.cuts:
        return [] if number == 0 else [str(place.context.dim(number))]

    def text(ctx: NumpyContext) -> str:
        terms = [] if number == 0 else [str(ctx.dim(number))]
        for axis, item, behind in part.cuts:
            stride = numel(sizes[axis + 1 : part.axes.stop])
            terms.append(_times(ctx, f"{_cut(ctx, sizes[axis], item)}{_before(1, behind)}", stride))
        return " + ".join(terms)

    return [place.made("starts", text)]


def _cut(ctx: NumpyContext, size: Dim, item: tuple[Any, ...]) -> str:
    """The places along an axis that a cut takes."""
    first, _, step = item
    step = step or 1
    start = (dim(0) if step > 0 else size - 1) if first is None else dim(first)
    stop = ctx.dim(start + length(size, item) * step)
    if start == 0 and step == 1:
        return f"np.arange({stop})"
    return f"np.arange({ctx.dim(start)}, {stop}{'' if step == 1 else f', {step}'})"
