"""Factors that broadcasting repeats meet each other before they meet the array: a pass over it less. For -O2 only.

    X: (N, D), g, r: (D,), n: (N, 1)
    Y = (X * g) * r               becomes      Y = X * (g * r)
    Y = ((g * X) * n) * r         becomes      Y = (X * (g * r)) * n          g * n would be as large as X

where nothing else uses X * g, and it is no value that the program names.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["gather_small_factors"]


def gather_small_factors(graph: Graph) -> Graph:
    """The graph with the replacements above; itself if no product is a factor of another one."""
    if not any(node.op == "multiply" and any(graph[u].op == "multiply" for u in node.operands) for node in graph):
        return graph
    uses = graph.uses()
    shared: set[int] = set()  # what more than one node uses, in the new graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.op == "multiply" and node.type.is_float and not isinstance(node.type.shape, Unknown):
            made = _gathered(builder, node, operands, shared)
        if made is None:
            made = same(builder, node, operands)
        if uses[node.id] != 1 or (node.name and not node.of_rule):
            shared.add(made)
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _gathered(builder: Builder, node: Node, operands: list[int], shared: set[int]) -> int | None:
    """The product with its small factor in that of another product, if that is in the way of nothing."""
    for product, factor in (operands, operands[::-1]):
        if product in shared or not _is_small(builder, factor, node):
            continue
        array, small = _parts(builder, product, node)
        if array is None or small is None:
            continue
        both = _together(builder, small, factor, node)
        if both is not None:
            return builder.add("multiply", [array, both], {})
        inner, first = _parts(builder, array, node) if array not in shared else (None, None)
        both = _together(builder, first, factor, node) if first is not None else None
        if inner is not None and both is not None:
            return builder.add("multiply", [builder.add("multiply", [inner, both], {}), small], {})
    return None


def _parts(builder: Builder, product: int, node: Node) -> tuple[int | None, int | None]:
    """The array and the small factor that a product is of; none if it is not that."""
    known = builder[product]
    if known.op == "multiply" and known.type == node.type:
        for array, small in (known.operands, known.operands[::-1]):
            if builder.type(array) == node.type and _is_small(builder, small, node):
                return array, small
    return None, None


def _is_small(builder: Builder, id: int, node: Node) -> bool:
    """Whether a factor is an array that broadcasting repeats."""
    type = builder.type(id)
    return type.is_float and not isinstance(type.shape, Unknown) and bool(type.rank) and type.shape != node.type.shape


def _together(builder: Builder, one: int, other: int, node: Node) -> int | None:
    """The product of two small factors, if it is small and both are repeated along the same axes."""
    dims = [builder.type(id).dims for id in (one, other)]
    rank = node.type.rank or 0
    repeated = [
        {k for k in range(rank) if k < rank - len(sizes) or sizes[k - rank + len(sizes)].value == 1} for sizes in dims
    ]
    return builder.add("multiply", [one, other], {}) if repeated[0] == repeated[1] else None
