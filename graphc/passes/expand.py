"""Composite operations replaced by their definitions, after differentiation has used their rules.

    S: (N, C)
    P = softmax(S)      becomes     shifted = S - largest(S, axis=1, keepdims=true); e = exp(shifted)
                                    P = e / sum(e, axis=1, keepdims=true)

Value and gradient are written with the same subexpressions, so that sharing them leaves one of each.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.replay import replayed
from graphc.ir.words import of_multiple
from graphc.language.evaluate import Evaluator
from graphc.ops.base import Op
from graphc.passes.rebuild import rebuild_tracking, same

__all__ = ["expand", "expand_node", "expand_tracking"]


class _Expander(Evaluator):
    """An evaluator that leaves no composite operation standing."""

    def apply(self, op: Op, operands: Any, attributes: Any) -> Any:
        if op.call is None and op.definition is not None:
            filled = {**dict(op.attributes.items()), **attributes}
            results = self.inline(op, list(operands), filled)
            return results[0] if len(results) == 1 else tuple(results)
        return super().apply(op, operands, attributes)


def expand_node(builder: Builder, node: Node, operands: list[int]) -> int:
    """The primitive nodes that a composite operation's node stands for, on these operands."""
    op = builder.op(node.op)
    made = replayed(builder, "definition", node.op, node.attrs, operands,
                    lambda: _Expander(builder).inline(op, operands, dict(node.attrs)))  # fmt: skip
    assert made[0] is not None
    return made[0]


def expand(graph: Graph, share: bool) -> Graph:
    """The graph of primitive operations only."""
    return expand_tracking(graph, share)[0]


def expand_tracking(graph: Graph, share: bool = False) -> tuple[Graph, dict[int, int]]:
    """The graph of primitive operations, and where each node of the old one went."""

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if builder.op(node.op).definition is None:
            return same(builder, node, operands)
        made = expand_node(builder, node, operands)
        if not node.name and not node.hint and not builder[made].name and not builder[made].hint:
            _name(builder, node, operands, made)
        return made

    return rebuild_tracking(graph, make, share)


def _name(builder: Builder, node: Node, operands: list[int], made: int) -> None:
    """An unnamed result is called after its operation: `sigmoid_scores`, not the `ratio` that it is in the end."""
    if builder.op(node.op).hidden or builder[made].op in ("argument", "const"):
        return
    named = (builder[u].name or builder[u].hint or of_multiple(builder.nodes, builder[u]) for u in operands)
    of = next((name for name in named if name), None)
    called = builder.op(node.op).title
    builder.hint(made, f"{called}_{of}" if of else called)
