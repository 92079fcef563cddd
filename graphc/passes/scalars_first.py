"""A number stands before what it multiplies, as in a formula, and before it a number that is written out.

    dL, s: (), w, x, y: (N,)
    d = w * (dL * 0.1)                      becomes       d = 0.1 * dL * w
    d = w * s * y                           becomes       d = s * w * y
    d = x * dL * y                          becomes       d = dL * x * y
    d = x * y * 0.5                         becomes       d = 0.5 * x * y
    d = sum(x) / s * 2.0                    becomes       d = 2 * sum(x) / s

Only in what rules made: a program's own products stand as it writes them. A number that is not written out stays behind
what would need brackets there, as in `(x - y) * s` and `x @ y * s`, and the incoming cotangent where the rule has it,
if that is not within another product.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same
from graphc.passes.regions import AT_LABELS

__all__ = ["scalars_first"]

BRACKETED = {"add", "subtract", "multiply", "divide", "matmul"}
DEEPEST = 8  # products within products
LARGEST = 1024
"""A number beyond this, or its reciprocal, goes into no product: what it multiplies first could leave the range."""


def scalars_first(graph: Graph) -> Graph:
    """The graph with the factors of rules in this order; itself if they are."""
    users, roots = graph.users(), set(graph.roots)
    places = {node.id: place for node in graph if (place := _number_at(graph, node, users)) is not None}
    if not places:
        return graph
    inside = [node for node in graph if node.of_rule and not (node.name or node.hint) and node.id not in roots]
    own = {node.id: node for node in inside if len(users.get(node.id, ())) == 1}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        place = places.get(node.id)
        if place is None:
            return same(builder, node, operands)
        number, array = operands[place], operands[1 - place]
        value = builder[number].attr("value")
        if _is_whole(value) and builder.type(array).is_float:
            number = builder.const(int(value), "int")
        return _times(builder, number, array, own, graph[node.operands[1 - place]])

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _times(
    builder: Builder, number: int, array: int, own: Mapping[int, Node], before: Node, depth: int = DEEPEST
) -> int:
    """The number times an array, inside it where that is a product for this use alone, one of `own`; `before` is what
    the array was."""
    made, value = builder[array], builder[number].attr("value")
    if depth and value and before.id in own and made.op == before.op and made.op in ("multiply", "divide"):
        one, other = made.operands
        inner = own.get(before.operands[0])
        if builder.type(one) == made.type and 1 / LARGEST <= abs(value) <= LARGEST:
            if inner is None:
                one = builder.add("multiply", [number, one], {})
            else:
                one = _times(builder, number, one, own, inner, depth - 1)
            return builder.add(made.op, [one, other], {})
    return builder.add("multiply", [number, array], {})


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST


def _number_at(graph: Graph, node: Node, users: dict[int, list[int]]) -> int | None:
    """Where a rule's product has the number that should be its first factor; None where all is well."""
    if node.op != "multiply" or not node.of_rule or not node.type.is_float:
        return None
    array, number = (graph[u] for u in node.operands)
    if array.op == "const":
        return 0 if _is_whole(array.attr("value")) and number.type.is_float else None
    if number.op == "const" and number.type.shape == ():
        return 1
    open_or_number = isinstance(array.type.shape, Unknown) or array.type.shape == ()
    if number.type.shape != () or open_or_number:
        return None
    bracketed = not array.name and array.op in BRACKETED
    if number.op == "seed":
        within = [graph.nodes[u].op for u in users.get(node.id, ())]
        return None if bracketed or array.op in AT_LABELS or within != ["multiply"] else 1
    inside = len(users[array.id]) == 1 and bracketed
    return None if inside or array.op in AT_LABELS else 1
