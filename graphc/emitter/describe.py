"""Names for values that the program does not name, from what they are.

S - S.max(…)            shifted                 a definition says so
y = tanh(x @ W)         dy_tanh                 the cotangent behind the tanh
A[:, None]              column_A
x @ A @ y               xA
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from graphc.ir.graph import Graph, Node
from graphc.ir.words import VIEWS, WORDS, by_operands

__all__ = ["behind_cotangents", "describe"]

# Rules whose result is the cotangent of their operand alone: the rule is what sets it apart from that of the result.
SEVERAL = {"add", "subtract", "multiply", "divide", "matmul", "outer", *VIEWS}


CALLED = {"gelu_exact": "gelu", "gelu_tanh": "gelu"}
"""Operations that the program calls by another name."""


def describe(graph: Graph, id: int) -> str:
    """A name for a value: from a definition, else from what it is."""
    node = graph[id]
    if node.hint:
        return node.hint
    word = WORDS.get(node.op, node.op)
    rule = _rule(graph, node)
    if rule is not None:
        name, by = rule
        return f"d{name}_{word if by in SEVERAL else by}"
    return by_operands(graph.nodes, node)


def _rule(graph: Graph, node: Node) -> tuple[str, str] | None:
    """The user's name for the value that this node is a cotangent behind, and the rule."""
    origin = node.origin
    if origin is None or origin.rule is None or origin.primal is None or not node.type.is_float:
        return None
    if graph.cotangents and node.id not in behind_cotangents(graph):
        return None  # what a rule computes of values alone, the 1 - x² of an arcsine, is no cotangent
    primal = graph.nodes.get(origin.primal)
    name = primal.name if primal is not None else None
    return (name, CALLED.get(origin.rule, origin.rule)) if name and node.op not in VIEWS else None


_behind: WeakKeyDictionary[Graph, frozenset[int]] = WeakKeyDictionary()


def behind_cotangents(graph: Graph) -> frozenset[int]:
    """The cotangents of the outputs, and all that is computed of them."""
    found = _behind.get(graph)
    if found is None:
        reached = set(graph.cotangents.values())
        for node in graph:  # operands before what is computed of them
            if not reached.isdisjoint(node.operands):
                reached.add(node.id)
        found = _behind[graph] = frozenset(reached)
    return found
