"""Windows are put side by side again for the gradient of a kernel, where other ones stood in between. For -O2 only.

    a = im2col(x); u = F @ a                         a = im2col(x); u = F @ a
    b = im2col(y); v = G @ b                         b = im2col(y); v = G @ b
    dG = v @ b.T                                     dG = v @ b.T
    dF = u @ a.T                        becomes      c = im2col(x); dF = u @ c.T

The columns of 3 by 3 windows have nine times the entries of the image: each layer of a network keeps its image, and all
layers with as many channels put their columns into one array, one after the other. To copy them again takes a small
part of the time of the product that reads them.
"""

from __future__ import annotations

import math

from graphc.ir.dims import dim, numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.rebuild import rebuild, same

__all__ = ["take_windows_again"]

LEAST = 4
"""So many times the entries of the image columns must have at least, to be worth the copy."""


def take_windows_again(graph: Graph) -> Graph:
    """The graph with these columns twice; itself if there are none."""
    columns = [node for node in graph if node.op == "columns" and _times(node) >= LEAST]
    if len(columns) < 2:
        return graph
    users, roots = graph.users(), set(graph.roots)
    again: dict[int, Node] = {}  # what shows columns, or reads them, and stands behind other ones -> the columns
    for node in columns:
        if node.id in roots:
            continue
        first = min(users.get(node.id, [node.id]))
        between = next((other.id for other in columns if other.id > first and _alike(other, node)), None)
        if between is not None:
            again.update((user, node) for user in users[node.id] if user > between)
    if not again:
        return graph
    moved: dict[int, int] = {}
    made: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        source = again.get(node.id)
        if source is not None:
            if source.id not in made:
                made[source.id] = builder.add("columns", [moved[source.operands[0]]], dict(source.attrs))
            operands = [made[source.id] if u == source.id else moved[u] for u in node.operands]
        moved[node.id] = same(builder, node, operands)
        return moved[node.id]

    return rebuild(graph, make, share=False)


def _alike(node: Node, other: Node) -> bool:
    """Whether two values may have one array after each other."""
    return node.type.dtype == other.type.dtype and numel(node.type.dims) == numel(other.type.dims)


def _times(node: Node) -> float:
    """How many times the entries of the image columns have; of windows of unknown size it is not said."""
    size, stride = numel(tuple(map(dim, node.attr("size")))), numel(tuple(map(dim, node.attr("stride") or (1,))))
    return (size.value or 1) / (stride.value or math.inf)
