"""What NumPy copies before it can begin is copied by a statement, into memory made once. -O2 only.

    A: (B, h, T, d)
    U = transpose(A, axes=(0, 2, 1, 3))                         U = transpose(A, axes=(0, 2, 1, 3))
    Y = reshape(U, (B, T, h*d))                    becomes      Y = reshape(in_order(U), (B, T, h*d))

    X: (N, D)    W: (D, H)
    Z = flip(X, axis=(0,)) @ W                     becomes      Z = in_order(flip(X, axis=(0,))) @ W

Heads of attention are joined like this. Without a word NumPy makes an array of its own in every call; and where two
values need the same one, as a value and its gradient do, it makes it twice. So it does for a product with what shows
an array backwards, which BLAS does not read; for the sum of all products of what shows an array in another order; and
for entries picked from such a one.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE
from graphc.passes.partition import Split
from graphc.passes.rebuild import rebuild_tracking, same

__all__ = ["copies", "copy_in_order", "copy_parts_in_order", "is_backwards"]


def copy_in_order(graph: Graph) -> Graph:
    """The graph with a copy of each operand of which NumPy would make one."""
    return _tracking(graph)[0]


def copy_parts_in_order(split: Split) -> tuple[Split, dict[int, int]]:
    """As `copy_in_order` of a graph in two parts, each with the copies that it needs; and where values are."""
    graph, moved = _tracking(split.graph)
    forward, backward = (_with_copies(graph, [moved[id] for id in part]) for part in (split.forward, split.backward))
    return Split(graph, forward, tuple(moved[id] for id in split.saved), backward), moved


def _tracking(graph: Graph) -> tuple[Graph, dict[int, int]]:
    copied = {node.id: places for node in graph if (places := _copied(graph, node))}
    if not copied:
        return graph, {id: id for id in graph.nodes}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        for place in copied.get(node.id, ()):
            operands[place] = builder.add("in_order", [operands[place]])
        return same(builder, node, operands)

    return rebuild_tracking(graph, make, share=True)


def _with_copies(graph: Graph, part: Sequence[int]) -> tuple[int, ...]:
    """The part's values in their order, each copy before the first that reads it."""
    order: dict[int, None] = {}
    for id in part:
        order |= dict.fromkeys(u for u in graph[id].operands if graph[u].op == "in_order")
        order[id] = None
    return tuple(order)


def _copied(graph: Graph, node: Node) -> tuple[int, ...]:
    """The operands that NumPy copies, by their places."""
    if node.op in READ_IN_ORDER:
        moved = READ_IN_ORDER[node.op]
        return tuple(k for k, u in enumerate(node.operands) if _is_array(graph[u]) and moved(graph, graph[u]))
    if node.op == "gather":
        source = graph[node.operands[0]]
        return (0,) if node.type.is_float and _is_array(source) and _is_moved(graph, source) else ()
    return (0,) if copies(graph, node) else ()


def _is_array(node: Node) -> bool:
    return node.type.is_float and not isinstance(node.type.shape, Unknown) and bool(node.type.rank)


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
        if node.op in MOVING or (node.op == "slice" and _leaves_gaps(node)):
            return True
        if node.op == "broadcast_to" and not _is_one_entry(graph[node.operands[0]]):
            return True
        node = graph[node.operands[0]]
    return False


def _leaves_gaps(node: Node) -> bool:
    """Whether a slice takes more than a piece of the first axis."""
    first, *later = node.attr("index")
    return any(part != WHOLE for part in later) or (isinstance(first, tuple) and first[2] not in (None, 1))


def is_backwards(graph: Graph, node: Node) -> bool:
    """Whether a value shows an array backwards along an axis, or not all that lies beside each other in it."""
    while graph.op(node).view and not _is_joining(graph, node):
        if node.op == "flip" or (node.op == "slice" and _steps(graph, node)):
            return True
        node = graph[node.operands[0]]
    return False


def _steps(graph: Graph, node: Node) -> bool:
    """Whether a slice goes backwards, or takes every second entry of what lies beside each other, every third, …"""
    index, source = node.attr("index"), graph[node.operands[0]]
    steps = [part[2] or 1 if isinstance(part, tuple) else 1 for part in index]
    along = steps[-1] if len(steps) == source.type.rank and not graph.op(source).view else 1
    return along != 1 or any(step < 0 for step in steps)


def _is_one_entry(node: Node) -> bool:
    """Whether it has one entry: again and again, that is in order in any shape."""
    return not isinstance(node.type.shape, Unknown) and all(size.value == 1 for size in node.type.dims)


MOVING = ("diagonal", "flip", "mT", "transpose")
READ_IN_ORDER = {"matmul": is_backwards, "vdot": _is_moved}
"""What reads an array as it lies in memory -> of which operands NumPy makes a copy for that."""


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
