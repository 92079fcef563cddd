"""Functions recognised in the operations that compute them, for comments: mathematics and not how it is computed.

    max(1{z >= 0}, e) / (1 + e), where e = exp(-|z|)      is      σ(z)
    max(1{z <= 0}, e) / (1 + e), where e = exp(-|z|)      is      σ(-z)
    e / (1 + e), where e = exp(min(z, 80))                is      σ(z)
    max(z, 0) + log(1 + e), where e = exp(-|z|)           is      log(1 + exp(z))
    min(z, 0) - log(1 + e), where e = exp(-|z|)           is      log σ(z)
"""

from __future__ import annotations

from graphc.ir.graph import Graph, Node
from graphc.passes.patterns import is_number

__all__ = ["is_exponential", "recognised"]


def recognised(graph: Graph, node: Node) -> tuple[str, int] | None:
    """The function that a value is of another one, as a template of mathematics, and that other value."""
    if node.op == "divide":
        return _sigmoid(graph, node)
    if node.op in ("add", "subtract"):
        largest, logarithm = (graph[u] for u in node.operands)
        wanted, template = {"add": ("maximum", "log(1 + exp({x}))"), "subtract": ("minimum", "log σ({x})")}[node.op]
        if (largest.op, logarithm.op) != (wanted, "log1p") or not _is(graph, largest.operands[1], 0):
            return None
        x = _of_exponential(graph, graph[logarithm.operands[0]])
        return None if x is None or x != largest.operands[0] else (template, x)
    return None


def is_exponential(graph: Graph, node: Node) -> bool:
    """Whether this is an exponential that these functions are made of, and no value that the program names."""
    known = (_of_exponential(graph, node), _of_limited(graph, node)) if node.op == "exp" and not node.name else ()
    return any(x is not None for x in known)


def _sigmoid(graph: Graph, node: Node) -> tuple[str, int] | None:
    numerator, one_and_e = (graph[u] for u in node.operands)
    if one_and_e.op != "add" or not _is(graph, one_and_e.operands[0], 1):
        return None
    e = graph[one_and_e.operands[1]]
    if numerator.id == e.id and e.op == "exp":
        z = _of_limited(graph, e)
        return None if z is None else ("σ({x})", z)
    x = _of_exponential(graph, e)
    if x is None or numerator.op != "maximum" or numerator.operands[1] != e.id:
        return None
    mask = graph[numerator.operands[0]]
    template = {"greater_equal": "σ({x})", "less_equal": "σ(-{x})"}.get(mask.op)
    return (template, x) if template and mask.operands[0] == x and _is(graph, mask.operands[1], 0) else None


def _of_exponential(graph: Graph, e: Node) -> int | None:
    """The x of exp(-|x|)."""
    for op in ("exp", "negative", "abs"):
        if e.op != op:
            return None
        e = graph[e.operands[0]]
    return e.id


def _of_limited(graph: Graph, e: Node) -> int | None:
    """The z of exp(min(z, 80))."""
    limited = graph[e.operands[0]]
    return limited.operands[0] if limited.op == "minimum" and _is(graph, limited.operands[1], 80) else None


def _is(graph: Graph, id: int, number: int) -> bool:
    return is_number(graph[id], number)
