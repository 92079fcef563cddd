"""A reshape that NumPy cannot do without a copy is a copy, which then goes into memory made once. -O2 only.

    A: (B, h, T, d)
    U = transpose(A, axes=(0, 2, 1, 3))                         U = transpose(A, axes=(0, 2, 1, 3))
    Y = reshape(U, (B, T, h*d))                    becomes      Y = reshape(in_order(U), (B, T, h*d))

Heads of attention are joined like this. Without a word NumPy makes an array of its own in every call; and where two
values need the same one, as a value and its gradient do, it makes it twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE
from graphc.passes.partition import Split
from graphc.passes.rebuild import rebuild_tracking, same

__all__ = ["copies", "copy_in_order", "copy_parts_in_order"]


def copy_in_order(graph: Graph) -> Graph:
    """The graph with a copy before each reshape that would make one."""
    return _tracking(graph)[0]


def copy_parts_in_order(split: Split) -> tuple[Split, dict[int, int]]:
    """As `copy_in_order` of a graph in two parts, each with the copies that its reshapes need; and where values are."""
    graph, moved = _tracking(split.graph)
    forward, backward = (_with_copies(graph, [moved[id] for id in part]) for part in (split.forward, split.backward))
    return Split(graph, forward, tuple(moved[id] for id in split.saved), backward), moved


def _tracking(graph: Graph) -> tuple[Graph, dict[int, int]]:
    if not any(copies(graph, node) for node in graph):
        return graph, {id: id for id in graph.nodes}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if copies(graph, node):
            operands = [builder.add("in_order", operands), *operands[1:]]
        return same(builder, node, operands)

    return rebuild_tracking(graph, make, share=True)


def _with_copies(graph: Graph, part: Sequence[int]) -> tuple[int, ...]:
    """The part's values in their order, each copy before the first that reads it."""
    order: dict[int, None] = {}
    for id in part:
        order |= dict.fromkeys(u for u in graph[id].operands if graph[u].op == "in_order")
        order[id] = None
    return tuple(order)


def copies(graph: Graph, node: Node) -> bool:
    """Whether NumPy has to copy for a reshape: it joins axes between which the operand's array has others or gaps."""
    return _is_joining(graph, node) and _is_moved(graph, graph[node.operands[0]])


def _is_joining(graph: Graph, node: Node) -> bool:
    """Whether it is a reshape that joins axes."""
    if node.op != "reshape" or len(node.operands) != 1:
        return False
    source = graph[node.operands[0]]
    if isinstance(source.type.shape, Unknown) or isinstance(node.type.shape, Unknown) or node.type.rank == 0:
        return False
    return _joins(source.type.dims, node.type.dims)


def _is_moved(graph: Graph, node: Node) -> bool:
    """Whether a value shows an array's entries in another order, or not all that lie between them.

    What a reshape has joined has them in order, with a copy if there is need for one.
    """
    while graph.op(node).view and not _is_joining(graph, node):
        if node.op in ("mT", "transpose") or (node.op == "slice" and any(part != WHOLE for part in _later(node))):
            return True
        node = graph[node.operands[0]]
    return False


def _later(node: Node) -> tuple[object, ...]:
    """What a slice takes of the axes behind the first."""
    return tuple(node.attr("index")[1:])


def _joins(before: tuple[Dim, ...], after: tuple[Dim, ...]) -> bool:
    """Whether a reshape joins axes; one that only divides them, or moves axes of size 1, needs no copy."""
    wide = [size for size in before if size.value != 1]
    there = [size for size in after if size.value != 1]
    for size in wide:
        product = dim(1)
        while there and product != size:
            product = product * there.pop(0)
        if product != size:
            return True
    return bool(there)
