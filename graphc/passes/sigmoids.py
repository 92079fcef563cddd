"""Sigmoids of which nothing else uses the exponential take four passes over their argument in the place of seven.

    x: (N, D)
    e = exp(-abs(x))                                    e = exp(minimum(x, 80))
    y = maximum(x >= 0, e) / (1 + e)     becomes        y = e / (1 + e)

    e = exp(-abs(x))                                    e = exp(minimum(-x, 80))
    y = maximum(x <= 0, e) / (1 + e)     becomes        y = e / (1 + e)                 that of -x

The form on the left is that of the rules: `softplus(x)` and its derivative share its exponential. The one on the right
is as exact, far below 0 too, and at the other end 1 + e is e: from 37 on in float64, from 79 on in every type of
NumPy; and e^80 is a float32.
"""

from __future__ import annotations

from collections import Counter

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.patterns import is_number
from graphc.passes.rebuild import rebuild, same

__all__ = ["shorten_sigmoids"]

NO_MORE = 80


def shorten_sigmoids(graph: Graph) -> Graph:
    """The graph with these sigmoids in their shorter form; itself if it has none."""
    uses = graph.uses()
    quotients = (node for node in graph if node.op == "divide")
    arguments = {node.id: x for node in quotients if (x := _argument(graph, node, uses)) is not None}
    if not arguments:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in arguments:
            return same(builder, node, operands)
        numerator, one_and_e = (builder[u] for u in operands)
        mask, e = (builder[u] for u in numerator.operands)
        x = mask.operands[0]
        argument = builder.add("negative", [x], {}) if mask.op == "less_equal" else x
        at_most = builder.add("minimum", [argument, builder.const(NO_MORE)], {})
        below = builder.add("exp", [at_most], {})
        builder.hint(below, e.hint or "e")
        return builder.add("divide", [below, builder.add("add", [one_and_e.operands[0], below], {})], {})

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _argument(graph: Graph, node: Node, uses: Counter[int]) -> int | None:
    """Of what x, or -x, a quotient is the sigmoid in its longer form; None if it is none, or a part of it is needed."""
    numerator, one_and_e = (graph[u] for u in node.operands)
    if (numerator.op, one_and_e.op) != ("maximum", "add"):
        return None
    mask, e = (graph[u] for u in numerator.operands)
    if mask.op not in ("greater_equal", "less_equal") or e.op != "exp" or one_and_e.operands[1] != e.id:
        return None
    minus = graph[e.operands[0]]
    size = graph[minus.operands[0]]
    if (minus.op, size.op) != ("negative", "abs") or size.operands[0] != mask.operands[0]:
        return None
    if not (is_number(graph[mask.operands[1]], 0) and is_number(graph[one_and_e.operands[0]], 1)):
        return None
    alone = [uses[part.id] for part in (numerator, one_and_e, mask, e)] == [1, 1, 1, 2]
    return mask.operands[0] if alone and not any(n.name for n in (numerator, one_and_e, mask, e)) else None
