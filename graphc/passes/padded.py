"""What a padded copy has in order is read there, and not where it lies in another order. For -O2 only.

    X: (N, C, 8), B: (C, 8, N)
    U = transpose(X, axes=(1, 2, 0))                            U = transpose(X, axes=(1, 2, 0))
    P = pad(U, width=((0, 0), (1, 1), (0, 0)))                  P = pad(U, width=((0, 0), (1, 1), (0, 0)))
    A = U + B; Q = exp(P)                          becomes      A = P[:, 1:9] + B; Q = exp(P)

where the copy is needed later anyway: so a shortcut past convolutions has its samples last as the images on the way
have. NumPy takes ten times as long to add arrays of which one is read across.
"""

from __future__ import annotations

from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ops.cuts import WHOLE, plain
from graphc.passes.rebuild import rebuild, same

__all__ = ["read_padded"]


def read_padded(graph: Graph) -> Graph:
    """The graph with the replacements above; itself if there is nothing to replace."""
    pads = {node.operands[0]: node for node in graph if node.op == "pad" and _is_across(graph, graph[node.operands[0]])}
    if not pads:
        return graph
    users = graph.users()
    read: dict[int, int] = {}  # what is computed entry by entry -> the operand that it reads across
    for u, pad in pads.items():
        until = _last(graph, users, pad.id)
        for id in users[u]:
            if graph.op(graph[id]).elementwise and pad.id < id < until and graph[id].operands.count(u) == 1:
                read[id] = u
    if not read:
        return graph
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id in read:
            pad = pads[read[node.id]]
            inside = builder.add("slice", [moved[pad.id]], {"index": _inside(graph, pad)})
            operands = [inside if u == read[node.id] else moved[u] for u in node.operands]
        moved[node.id] = same(builder, node, operands)
        return moved[node.id]

    return rebuild(graph, make, share=False)


def _is_across(graph: Graph, node: Node) -> bool:
    """Whether a value shows an array's entries in an order in which the last axis is not the array's."""
    if node.op != "transpose" or not node.type.is_float or (node.type.rank or 0) < 2:
        return False
    axes = node.attr("axes")
    return axes is None or axes[-1] != len(axes) - 1


def _last(graph: Graph, users: dict[int, list[int]], id: int) -> int:
    """The last value that reads one, through views as well."""
    last, stack = id, [id]
    while stack:
        for user in users.get(stack.pop(), ()):
            last = max(last, user)
            if graph.op(graph[user]).view:
                stack.append(user)
    return last


def _inside(graph: Graph, pad: Node) -> tuple[object, ...]:
    """The index of what a padded array has inside."""
    sizes = graph[pad.operands[0]].type.dims
    starts = [dim(before) for before, _ in pad.attr("width")]
    whole = [(before, after) == (0, 0) for before, after in pad.attr("width")]
    return tuple(
        WHOLE if all_ else (plain(start), plain(start + size), None)
        for all_, start, size in zip(whole, starts, sizes, strict=True)
    )
