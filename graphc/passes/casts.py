"""Booleans that meet nothing but plain numbers, and what is made of plain numbers: of the program's floating type.

    expand_dims(1.0, 0)      becomes      broadcast_to(1.0, (1,))        np.full(1, 1.0, x.dtype)

    d = dL * (x > 0)         with dL = 1, is (x > 0).astype(x.dtype)
    d = log(p) * x           with p = 0.3, is float(np.log(0.3)) * x

NumPy would make float64 of them, whatever the program's type.
A program as it is written has these casts already; here they are made good where a rewrite has put a plain number in
the place of an array, as that of an incoming gradient or of a gradient that is zero.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Type
from graphc.language.plain import PLAIN, is_plain
from graphc.passes.rebuild import rebuild, same

__all__ = ["cast_to_type"]

SHAPING = {"expand_dims", "reshape", "tile", "repeat"}
"""What makes an array of a number."""
SCALAR = Type((), "float")
JOINING = {"stack"}
"""What makes an array of numbers."""


def cast_to_type(graph: Graph) -> Graph:
    """The graph with these casts; itself if it needs none."""
    plain: set[int] = set()
    lonely: set[int] = set()
    shaped: set[int] = set()
    joined: set[int] = set()
    numbers: set[int] = set()
    used = {u for node in graph if node.op != "number" for u in node.operands}
    for node in graph:
        if is_plain(node, plain.__contains__):
            plain.add(node.id)
        elif node.op in PLAIN and node.type.is_float and _meets_no_float(graph, node, plain):
            lonely.add(node.id)
        elif node.op in SHAPING and node.type.is_float and node.operands[0] in plain:
            shaped.add(node.id)
        elif node.op in JOINING and node.type.is_float and plain.issuperset(node.operands):
            joined.add(node.id)
        elif node.id in used and node.type == SCALAR and graph.op(node).elementwise and plain.issuperset(node.operands):
            numbers.add(node.id)
            plain.add(node.id)
    if not (lonely or shaped or joined or numbers):
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.op == "number" and node.operands[0] in numbers:
            return operands[0]
        if node.id in shaped:
            return builder.add("broadcast_to", operands[:1], {"shape": node.type.dims, "like": None})
        if node.id in lonely:
            pairs = zip(node.operands, operands, strict=True)
            operands = [builder.add("as_float", [v], {}) if graph[u].type.dtype == "bool" else v for u, v in pairs]
            once = [v for v in operands if builder[v].op != "const" or builder[v].attr("value") != 1]
            if node.op == "multiply" and len(once) == 1 and builder.type(once[0]) == node.type:
                return once[0]
        id = same(builder, node, operands)
        if node.id in numbers:
            return builder.add("number", [id], {})
        return builder.add("as_float", [id], {}) if node.id in joined else id

    return rebuild(graph, make, share=False)


def _meets_no_float(graph: Graph, node: Node, plain: set[int]) -> bool:
    kinds = [graph[u].type.dtype for u in node.operands if u not in plain]
    return "bool" in kinds and "float" not in kinds
