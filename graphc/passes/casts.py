"""Booleans that meet nothing but plain numbers are cast: NumPy would make float64 of them, whatever the program's type.

    d = dL * (x > 0)        with dL = 1       d = 1.0 * (x > 0).astype(x.dtype)

A program as it is written has these casts already; here they are made good where a rewrite has put a plain number in
the place of an array, as that of an incoming gradient or of a gradient that is zero.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.language.nodes import PLAIN, is_plain
from graphc.passes.rebuild import rebuild, same

__all__ = ["cast_booleans"]


def cast_booleans(graph: Graph) -> Graph:
    """The graph with these casts; itself if it needs none."""
    plain: set[int] = set()
    lonely: set[int] = set()
    for node in graph:
        if is_plain(node, plain.__contains__):
            plain.add(node.id)
        elif node.op in PLAIN and node.type.is_float and _meets_no_float(graph, node, plain):
            lonely.add(node.id)
    if not lonely:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id in lonely:
            pairs = zip(node.operands, operands, strict=True)
            operands = [builder.add("as_float", [v], {}) if graph[u].type.dtype == "bool" else v for u, v in pairs]
        return same(builder, node, operands)

    return rebuild(graph, make, share=False)


def _meets_no_float(graph: Graph, node: Node, plain: set[int]) -> bool:
    kinds = [graph[u].type.dtype for u in node.operands if u not in plain]
    return "bool" in kinds and "float" not in kinds
