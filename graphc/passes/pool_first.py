"""Maps that are monotone, and bias, behind a max-pool or an extreme: they run over what that leaves. For -O2 only.

    Z: (N, C, 6, 6), b: (C, 1, 1)
    P = max_pool2d(relu(Z + b), 2)      becomes      P = relu(max_pool2d(Z, 2) + b)
    h = max(relu(Z + b), axis=3)        becomes      h = squeeze(relu(max(Z, axis=3, keepdims=true) + b), axis=3)
    h = min(tanh(Z), axis=0)            becomes      h = squeeze(tanh(min(Z, axis=0, keepdims=true)), axis=0)

A border of -inf, which no maximum takes, may lie between them.

Where x ≤ y, f(x) ≤ f(y), so that the values are the same; for relu and bias to the last bit. The gradient goes to the
first entry that is the largest, that of `max` to all that are, and f may make different entries equal. Where relu and
the like do, their derivative is 0, and nothing goes to any of them. Only rounding can make entries equal where the
derivative is not 0, those that differ in the last digits; then the gradient goes to the larger one alone.

It is done before differentiation, and only to values that nothing else sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["pool_first"]

EXTREMES = {"max", "min"}

MONOTONE = {
    "relu", "sigmoid", "tanh", "exp", "expm1", "arctan", "arcsinh", "softplus", "log_sigmoid", "selu", "relu6",
    "hardtanh", "hardsigmoid",
}  # fmt: skip
"""Maps that never fall, and whose derivative is 0, or 0 up to rounding, wherever they make different numbers equal."""
STEEP = {"exp", "expm1"}
"""Those of them whose derivative may be inf: `max` and `min` would spread that to entries of which it is no share."""
WITH_SLOPE = {"leaky_relu": "slope", "elu": "alpha", "celu": "alpha"}
"""Maps that never fall if this attribute is positive."""


def pool_first(graph: Graph, kept: Collection[str] = ()) -> Graph:
    """The graph, not yet differentiated, with the replacements above; values of the names in `kept` stay."""
    if not any(node.op == "max_windows" or node.op in EXTREMES for node in graph):
        return graph
    uses = Counter(u for node in graph for u in node.operands)
    seen = {*graph.roots, *(graph.values[name] for name in kept if name in graph.values)}

    moved: list[Node] = []

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.op != "max_windows" and (node.op not in EXTREMES or isinstance(node.type.shape, Unknown)):
            return same(builder, node, operands)
        behind: list[Node] = []
        inner, source = node.operands[0], operands[0]
        border = builder[source] if _is_border(graph, inner, node) and uses[inner] == 1 else None
        if border is not None:
            inner, source = graph[inner].operands[0], border.operands[0]
        while uses[inner] == 1 and inner not in seen and _commutes(graph, graph[inner], node):
            behind.append(builder[source])
            inner, source = graph[inner].operands[0], builder[source].operands[0]
        if not behind:
            return same(builder, node, operands)
        if border is not None:
            source = builder.add(border.op, [source], dict(border.attrs), origin=border.origin)
        extreme = node.op in EXTREMES
        made = builder.add(node.op, [source], {**dict(node.attrs), **({"keepdims": True} if extreme else {})})
        moved.extend(behind)
        for step in reversed(behind):
            made = builder.add(step.op, [made, *step.operands[1:]], dict(step.attrs), origin=step.origin)
        if extreme and not node.attr("keepdims"):
            made = builder.add("squeeze", [made], {"axis": _axes(graph, node)})
        return made

    rebuilt = rebuild(graph, make, share=False)
    return eliminate_dead_code(rebuilt) if moved else graph


def _is_border(graph: Graph, id: int, pool: Node) -> bool:
    """Whether a value has a border of -inf, and no window of the pool sees nothing but border."""
    if graph[id].op != "lowest_border" or pool.op in EXTREMES:
        return False
    # then the border is known to be at most half as wide
    return all(isinstance(k, int) for k in pool.attr("size")) and all(d == 1 for d in pool.attr("dilation"))


def _axes(graph: Graph, pool: Node) -> tuple[int, ...]:
    """The axes that a pool or an extreme goes through."""
    rank = len(graph[pool.operands[0]].type.dims)
    if pool.op in EXTREMES:
        return tuple(range(rank)) if pool.attr("axis") is None else tuple(pool.attr("axis"))
    return tuple(range(rank - len(pool.attr("size")), rank))


def _commutes(graph: Graph, node: Node, pool: Node) -> bool:
    """Whether a map may as well follow the pool."""
    if not node.operands or not node.type.is_float or isinstance(node.type.shape, Unknown):
        return False
    if graph[node.operands[0]].type != node.type:
        return False
    if node.op in WITH_SLOPE:
        value = node.attr(WITH_SLOPE[node.op])
        return isinstance(value, (int, float)) and value > 0
    rank = len(node.type.dims)
    windowed = _axes(graph, pool)
    if node.op == "shift_along":  # a vector along an axis that no window runs over
        return all(axis in node.attr("axes") for axis in windowed)
    if node.op == "add":
        other = graph[node.operands[1]].type.shape
        if isinstance(other, Unknown) or len(other) > rank:
            return False
        return all(k < rank - len(other) or other[k - rank].value == 1 for k in windowed)
    return node.op in MONOTONE and not (pool.op in EXTREMES and node.op in STEEP)
