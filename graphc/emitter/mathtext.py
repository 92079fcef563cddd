"""Gradients as mathematics, for the comments of `backward`: `dW2 = Hᵀ dS`, `db2 = 1ᵀ dS`, `dZ = dH ⊙ 1{H > 0}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.emitter.expressions import ATOM, COMPARE, PRODUCT, SUM, UNARY, Text
from graphc.emitter.text import comment_text
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["group_comment", "math_of"]

LONGEST = 64

_PRECEDENCE = {
    "add": SUM, "subtract": SUM, "multiply": PRODUCT, "divide": PRODUCT, "matmul": PRODUCT, "negative": UNARY,
    "less": COMPARE, "less_equal": COMPARE, "greater": COMPARE, "greater_equal": COMPARE, "equal": COMPARE,
    "not_equal": COMPARE, "subtract_one_hot": SUM,
}  # fmt: skip
_COMPARISONS = {op for op, level in _PRECEDENCE.items() if level == COMPARE}


def math_of(graph: Graph, id: int, named: Mapping[int, str], depth: int = 6, own: str | None = None) -> Text:
    """A value as mathematics over the values that have names; `own` is a name that does not count."""
    if id in named and named[id] != own:
        return Text(named[id])
    node = graph[id]
    if depth == 0:
        return Text("…")
    operands = [math_of(graph, u, named, depth - 1, own) for u in node.operands]
    op = graph.op(node)
    if node.op == "const":
        value = node.attr("value")
        return Text("M" if isinstance(value, tuple) else f"{value:g}", UNARY if not isinstance(value, tuple) and value < 0 else ATOM)
    if node.op == "size":
        return Text(str(node.attr("dim")), ATOM if node.attr("dim").symbol else SUM)
    if node.op in ("transpose", "mT"):
        return Text(operands[0].within(ATOM) + "ᵀ")
    if node.op in ("broadcast_to", "stop_gradient", "expand_dims", "squeeze", "fits"):
        return operands[0]
    if node.op == "matmul":
        return Text(f"{operands[0].within(PRODUCT)} {operands[1].within(UNARY)}", PRODUCT)
    if node.op in ("sum", "sum_to"):
        return _sum(graph, node, operands[0])
    if node.op in ("multiply", "divide"):
        scalar = any(graph[u].type.rank == 0 for u in node.operands)
        if node.op == "multiply" and graph[node.operands[1]].op in ("const", "size", "number"):  # numbers stand in front
            return Text(f"{operands[1].within(UNARY)} {operands[0].within(PRODUCT)}", PRODUCT)
        sign = " / " if node.op == "divide" else " " if scalar and node.op == "multiply" else " ⊙ "
        parts = [f"1{{{t}}}" if graph[u].op in _COMPARISONS and u not in named else t.within(PRODUCT if k == 0 else UNARY)
                 for k, (u, t) in enumerate(zip(node.operands, operands, strict=True))]  # fmt: skip
        return Text(sign.join(parts), PRODUCT)
    if not op.math or node.op == "shape_of":
        return Text(f"{node.op}({', '.join(t.text for t in operands if t.text)})")
    precedence = _PRECEDENCE.get(node.op, ATOM)
    text = op.math
    for k, (name, operand) in enumerate(zip(op.operands, operands, strict=False)):
        tight = precedence + (1 if k else 0) if precedence != ATOM else 0
        text = text.replace("{" + name + "}", operand.within(min(tight, ATOM)))
    for name, value in node.attrs:
        text = text.replace("{" + name + "}", str(value))
    return Text(text, precedence)


def _sum(graph: Graph, node: Node, operand: Text) -> Text:
    axis = node.attr("axis")
    source = graph[node.operands[0]].type.shape
    if not isinstance(source, Unknown) and len(source) == 2 and axis == (0,):
        return Text(f"1ᵀ {operand.within(UNARY)}", PRODUCT)
    if not isinstance(source, Unknown) and len(source) == 2 and axis == (1,):
        return Text(f"{operand.within(UNARY)} 1", PRODUCT)
    return Text(f"Σ {operand.within(PRODUCT)}", PRODUCT)


def group_comment(graph: Graph, nodes: Sequence[Node], named: Mapping[int, str]) -> str:
    """The mathematics of the named gradients of one statement; `named` are the names in the function's code."""
    parts = []
    for node in nodes:
        if node.name:
            own = named.get(node.id)  # what it overwrites bears its name: that is not what it is made of
            text = f"{node.name} = {math_of(graph, node.id, named, own=own)}"
            if len(text) <= LONGEST:
                parts.append(comment_text(text))
    return "    ".join(parts)
