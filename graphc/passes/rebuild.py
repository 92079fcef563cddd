"""What passes share that make a graph anew, node by node.

    rebuild(graph, make, share=True)      make(builder, node, operands) adds what takes the place of a node

    Y = X / 2; Z = X / 2; H = exp(Y)      with a `make` that writes divisions by numbers as products, and `same` else:
    Y = X * 0.5; H = exp(Y)               Z is Y, as equal nodes are shared; names, outputs and arguments go along
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from graphc.ir.graph import Builder, Graph, Node, Origin

__all__ = ["rebuild", "rebuild_tracking", "same"]

Make = Callable[[Builder, Node, list[int]], int]


def rebuild(graph: Graph, make: Make, share: bool, apart: Collection[int] = ()) -> Graph:
    """As `rebuild_tracking`, without the map."""
    return rebuild_tracking(graph, make, share, apart)[0]


def rebuild_tracking(
    graph: Graph, make: Make, share: bool, apart: Collection[int] = ()
) -> tuple[Graph, dict[int, int]]:
    """The graph with every node made again by `make(builder, node, new operands)`, in order.

    With `share` equal nodes become one, but for those of `apart`: of a value that a gradient is asked of, nothing
    depends on another one that is equal to it.
    A user's name goes with the value: the node that stands for a named one gets the name, unless it has one.
    """
    builder = Builder(graph.ops, share=share)
    moved: dict[int, int] = {}
    at, nodes = moved.__getitem__, builder.nodes
    before: Origin | None = None  # what a rule makes of a node has one origin
    for node in graph.nodes.values():
        origin = node.origin
        if origin is not before or origin is None:
            before = origin
            builder.origin = origin if origin is None or origin.primal is None else _moved(origin, moved)
        if node.id in apart:
            builder.share = False
        moved[node.id] = made = make(builder, node, list(map(at, node.operands)))
        builder.share = share
        if not node.name and not node.hint:
            continue
        new = nodes[made]
        unnamed = (node.name and not new.name) or (node.hint and not new.hint and not new.name)
        if unnamed and new.op not in ("argument", "seed") and new.type == node.type:
            nodes[made] = new.called(new.name or node.name, new.hint or node.hint)
    rebuilt = graph.replace(
        nodes=builder.nodes,
        arguments=tuple(a.at(moved[a.node]) for a in graph.arguments),
        **{
            field: {name: moved[id] for name, id in getattr(graph, field).items() if id in moved}
            for field in ("outputs", "values", "updates", "gradients", "cotangents")
        },
    )
    return rebuilt, moved


def _moved(origin: Origin, moved: dict[int, int]) -> Origin:
    """The origin of what a rule has made, the node that it differentiates being where it is now."""
    assert origin.primal is not None
    primal = moved.get(origin.primal)
    if primal == origin.primal:
        return origin
    return Origin(origin.statement, origin.span, origin.rule, primal)


def same(builder: Builder, node: Node, operands: list[int]) -> int:
    """The node as it is, on its new operands."""
    return builder.remake(node, operands)
