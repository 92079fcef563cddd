"""What is joined to a long array is made in its place there.

    np.tanh(X, A)                              np.tanh(X, A)         where A = C[:, 0:H] is made with the memory
    np.exp(Y, B)                     becomes   np.exp(Y, B)          and B = C[:, H:2*H]
    np.concatenate((A, B), 1, C)
"""

from __future__ import annotations

from collections import Counter

from graphc.emitter.context import BodyContext
from graphc.emitter.expressions import Text
from graphc.emitter.layout import Layout
from graphc.emitter.lives import Lives
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.passes.regions import Item

__all__ = ["cut", "is_contiguous", "other_parts", "place_parts"]


def place_parts(layout: Layout, lives: Lives) -> None:
    """Enter the parts into the layout where nothing stands against it; the whole lives from the first part on.

    Where all parts of what a loop joins are made in their places, nothing is left for a loop to do.
    """
    graph, first, last = layout.graph, lives.first, lives.last
    longest = max((len(item.nodes) for item in layout.items), default=0) + 1
    begins: dict[int, int] = {}  # where the item of a value does
    position = 0
    for item in layout.items:
        begins.update((id, position) for id in item.nodes)
        position += len(item.nodes) + 1
    kept = set(layout.kept_bases())
    for item in layout.items:
        for id in item.nodes:
            node = graph[id]
            if node.op != "concatenate" or layout.kind[id] != "buffer" or id in item.collected:
                continue
            offset, axis, counts = dim(0), node.attr("axis"), Counter(node.operands)
            for u in node.operands:
                size = graph[u].type.dims[axis]
                apart = u in layout.part_of or u in kept or u not in begins or counts[u] > 1
                if not apart and layout.kind[u] == "buffer" and _fits_into(layout, u, id):
                    layout.part_of[u] = (id, axis, offset, offset + size)
                    if id in layout.full:
                        _make_full(layout, u)
                    first[id] = min(first[id], first[u], begins[u])
                    last[id] = max(last[id], last[u] + longest)  # to the end of the loop that reads it
                offset = offset + size
    layout.rearrange([item if _is_left(layout, item) else Item(item.nodes) for item in layout.items])


def _is_left(layout: Layout, item: Item) -> bool:
    """Whether a loop does more than to join what is in its place; what is no loop may stay as it is."""
    if item.rows is None:
        return True
    return any(
        layout.graph[id].op != "concatenate" or not all(layout.is_part(u, id) for u in layout.graph[id].operands)
        for id in item.nodes
    )


def _make_full(layout: Layout, id: int) -> None:
    """Note that an array is as long as the one that it has come to be a part of, and with it the parts of its own."""
    stack = [id]
    while stack:
        id = stack.pop()
        layout.full.add(id)
        stack += [u for u in layout.graph[id].operands if u in layout.part_of and layout.is_part(u, id)]


def _fits_into(layout: Layout, u: int, id: int) -> bool:
    """Whether a value may be a part of a joined one: of its type, in the same loop if that is as long as a tile."""
    part, whole = layout.graph[u], layout.graph[id]
    if part.type.dtype != whole.type.dtype or part.type.rank != whole.type.rank:
        return False
    if u in layout.items[layout.place[u]].collected:
        return False
    return id in layout.full or (u not in layout.full and layout.loop_of.get(u) == layout.loop_of.get(id))


def is_contiguous(layout: Layout, node: Node) -> bool:
    """Whether the array of a node's value has no gaps."""
    while node.id in layout.part_of:
        whole, axis, *_ = layout.part_of[node.id]
        if axis:
            return False
        node = layout.graph[whole]
    return True


def other_parts(layout: Layout, context: BodyContext, node: Node, target: str, operands: list[Text]) -> list[str]:
    """The statements that copy the parts of a joined array that were not made in their places."""
    lines, offset, axis = [], dim(0), node.attr("axis")
    for u, text in zip(node.operands, operands, strict=True):
        end = offset + layout.graph[u].type.dims[axis]
        if not layout.is_part(u, node.id):
            lines.append(f"np.copyto({target}[{cut(context, axis, offset, end)}], {text})")
        offset = end
    return lines


def cut(context: BodyContext, axis: int, start: Dim, end: Dim) -> str:
    """An index of part of an axis."""
    return ":, " * axis + f"{context.dim(start).text}:{context.dim(end).text}"
