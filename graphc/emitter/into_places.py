"""Statements that pick entries by arrays of indices, or add at them, in arrays that exist; see into.py.

    picked = E[i]                       E.take(i, axis=0, out=picked, mode="wrap")
    dE = np.zeros(E.shape)              dE.fill(0)
    np.add.at(dE, i, du)                add_rows(dE, i, du, columns, places)
    a = x[i, 3:9]                       where these are in a row of all entries; x.take(places, out=a, mode="clip")
"""

from __future__ import annotations

from graphc.emitter.expressions import ATOM, PRODUCT, Text
from graphc.emitter.flat_places import flat_places, from_start, picked
from graphc.emitter.into import Place, form
from graphc.emitter.rows import is_by_entries, is_by_rows, picked_axis
from graphc.ir.dims import Dim, numel
from graphc.ir.graph import Node
from graphc.ops.base import NumpyContext
from graphc.ops.cuts import index_texts

__all__: list[str] = []

BLOCK = 8192
"""So many places of entries are worked out at a time where rows are added: with twice as many it takes a tenth less
time, and of a small net they would be a tenth of its memory."""


@form("gather")
def _picked(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """An index that the module has checked may wrap: into an array NumPy takes that without another one."""
    x, *indices = operands
    arrays = [place.operand(node, k) for k in range(1, len(operands))]
    if not all(map(place.is_checked, arrays)):
        return [f"np.copyto({target}, {place.text(node)})"]
    axis = picked_axis(node)
    if axis is not None:
        return [f'{x.within(ATOM)}.take({indices[0]}, axis={axis}, out={target}, mode="wrap")']
    sizes, part = place.operand(node, 0).type.dims, picked(node.attr("pattern"), arrays)
    before, behind = sizes[: part.axes.start], sizes[part.axes.stop :]
    like = node.type.dims[len(before) : len(node.type.dims) - len(behind)]
    lines, places = flat_places(place, part, sizes, like, list(zip(arrays, indices, strict=True)))
    if not (before or behind):
        return [*lines, f'{x.within(ATOM)}.take({places}, out={target}, mode="clip")']
    joined = (*before, numel(sizes[part.axes.start : part.axes.stop]), *behind)
    turned = f".reshape({', '.join(str(place.context.dim(size)) for size in joined)})" if joined != sizes else ""
    return [*lines, f'{x.within(ATOM)}{turned}.take({places}, axis={len(before)}, out={target}, mode="clip")']


def _all_known(place: Place, node: Node) -> bool:
    """Whether all operands have a known rank: indices without a declaration may have any."""
    return all(place.operand(node, k).type.rank is not None for k in range(len(node.operands)))


@form("scatter")
def _added(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    from graphc.ops.gathering import scatter_texts

    clear = f"{target}.fill(0)"
    _, inside, index = scatter_texts(place.context, node, operands)
    if node.attr("distinct"):  # indices that are all different need no adding up
        return [clear, f"{target}[{inside}] = {operands[0]}"]
    if not _all_known(place, node):
        return [clear, f"np.add.at({target}, {index}, {operands[0]})"]
    indices = place.operand(node, 1).type
    if is_by_rows(node) and indices.rank and place.contiguous(node) and (node.type.rank or 0) > 1:
        return [clear, _add_rows(place, node, target, index, operands[0])]
    arrays = [place.operand(node, k) for k in range(1, len(operands))]
    like, given = place.operand(node, 0).type.dims, list(zip(arrays, operands[1:], strict=True))
    if like and node.type.rank == 1 and is_by_entries(node) and arrays[0].type.dims == like:
        flat = "" if len(like) == 1 else ".reshape(-1)"  # NumPy itself counts from the end where an index says so
        u, at = (x.within(ATOM) if flat else x for x in operands)
        return [clear, f"np.add.at({target}, {at}{flat}, {u}{flat})"]
    if like and is_by_entries(node) and place.contiguous(node) and all(map(place.is_checked, arrays)):
        lines, places = flat_places(place, picked(node.attr("pattern"), arrays), node.type.dims, like, given)
        u = operands[0].within(ATOM)
        return [clear, *lines, f"np.add.at({target}.reshape(-1), {places}.reshape(-1), {u}.reshape(-1))"]
    return [clear, f"np.add.at({target}, {index}, {operands[0]})"]


def _add_rows(place: Place, node: Node, target: str, i: str, u: Text) -> str:
    width = numel(node.type.dims[1:])
    count = numel((*place.operand(node, 1).type.dims, *node.type.dims[1:]))
    columns = place.made("columns", lambda ctx: f"np.arange({ctx.dim(width)})")
    places = place.made(
        "places", lambda ctx: f"np.empty(max({ctx.dim(width)}, min({BLOCK}, {ctx.dim(count)})), int)"
    )
    return f"{place.context.helper('add_rows')}({target}, {i}, {u}, {columns}, {places})"


@form("scatter_add")
def _added_to(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if not _all_known(place, node):
        return [f"np.copyto({target}, {place.text(node)})"]
    x, i, u = operands
    shape, indices = (*place.operand(node, 1).type.dims, *node.type.dims[1:]), place.operand(node, 1).type
    spread: list[str] = []
    if place.operand(node, 2).type.dims != shape:  # NumPy mistakes a u that is narrower
        room = place.scratch("added", shape, "float")
        spread, u = [f"{room}[...] = {u}"], Text(room)
    by_rows = indices.rank and place.contiguous(node) and (node.type.rank or 0) > 1
    add = _add_rows(place, node, target, i.within(ATOM), u) if by_rows else f"np.add.at({target}, {i}, {u})"
    return [f"np.copyto({target}, {x})", *spread, add]


@form("add_part")
def _part_added(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """At arrays of indices NumPy would pick entries and put them back: it adds in half the time where they are in a row
    of all entries."""
    x, u, *given = operands
    first = f"np.copyto({target}, {x})"
    arrays = [place.operand(node, k) for k in range(2, len(operands))]
    like, minus = place.operand(node, 1).type.dims, node.attr("minus")
    one_each = bool(given) and is_by_entries(node) and len(like) == 1 and like in [each.type.dims for each in arrays]
    if one_each and place.contiguous(node) and all(map(place.is_checked, arrays)):
        pairs = list(zip(arrays, given, strict=True))
        lines, places = flat_places(place, picked(node.attr("pattern"), arrays), node.type.dims, like, pairs)
        add = "np.subtract.at" if minus else "np.add.at"
        return [first, *lines, f"{add}({target}.reshape(-1), {places}, {u})"]
    index = ", ".join(index_texts(place.context, node.type.dims, node.attr("pattern"), [str(i) for i in given]))
    return [first, f"{target}[{index}] {'-' if minus else '+'}= {u}"]


# ---------------------------------------------------------------- along an axis

def _along(place: Place, node: Node, like: Node, sizes: tuple[Dim, ...], index: Text) -> tuple[list[str], str]:
    """Where the entries at indices along an axis are in a row of all entries: the lines, and the array, as `like`."""
    axis = node.attr("axis")

    def first(ctx: NumpyContext) -> str:
        return f"{place.context.helper('lines')}({ctx.shape(sizes)}, {axis})"

    starts, places = place.made("starts", first), place.scratch("places", like.type.dims, "int")
    step = numel(sizes[axis + 1 :])
    lines = from_start(index, place.context.dim(sizes[axis]), places)
    if step != 1:
        lines.append(f"np.multiply({places}, {place.context.dim(step).within(PRODUCT)}, {places})")
    return place.located(places, [*lines, f"np.add({places}, {starts}, {places})"]), places


@form("take_along_axis")
def _taken(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    x, index = operands
    if not place.is_checked(place.operand(node, 1)):
        return [f"np.copyto({target}, {place.text(node)})"]
    lines, places = _along(place, node, node, place.operand(node, 0).type.dims, index)
    return [*lines, f'{x.within(ATOM)}.take({places}, out={target}, mode="clip")']


@form("scatter_along_axis")
def _put(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    x, index = operands[:2]
    if not (_all_known(place, node) and place.contiguous(node) and place.is_checked(place.operand(node, 1))):
        return [f"np.copyto({target}, {place.text(node)})"]
    lines, places = _along(place, node, place.operand(node, 0), node.type.dims, index)
    flat = f"{x.within(ATOM)}.reshape(-1)"
    return [f"{target}.fill(0)", *lines, f"np.add.at({target}.reshape(-1), {places}.reshape(-1), {flat})"]
