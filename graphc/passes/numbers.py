"""What a vector is summed to stays a number, where that is what meets the vector's entries.

    z, e: (n,)
    d = z - log(sum(z, axis=0, keepdims=true))      becomes      d = z - log(sum(z))
    p = e / sum(e, axis=0, keepdims=true)           becomes      p = e / sum(e)

Definitions and rules speak of an axis among others and keep it, so that the sum meets the rows; of a vector, which has
no other axis, an array of one entry is left. It becomes a number only if all that is made of it bears that: functions
of it, sums and products with a whole vector, and what drops the axis. A value with a name keeps its shape.
"""

from __future__ import annotations

from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["sums_to_numbers"]

REDUCTIONS = {"sum", "mean", "max", "min", "prod", "largest"}
ALONE = (dim(1),)


def sums_to_numbers(graph: Graph) -> Graph:
    """The graph with these numbers; itself if there are none."""
    numbers = _numbers(graph)
    if not numbers:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.op == "squeeze" and node.operands[0] in numbers:
            return operands[0]
        if node.id not in numbers:
            return same(builder, node, operands)
        attrs = dict(node.attrs)
        if node.op in REDUCTIONS:
            attrs |= {"axis": None, "keepdims": False}
        made = builder.add(node.op, operands, attrs)
        if node.hint and not builder[made].hint:
            builder.nodes[made] = builder[made].called(builder[made].name, node.hint)
        return made

    return eliminate_dead_code(rebuild(graph, make, share=False))


def _numbers(graph: Graph) -> set[int]:
    """The arrays of one entry that may be numbers."""
    kept = {id for field in (graph.outputs, graph.values, graph.updates, graph.gradients) for id in field.values()}
    found: set[int] = set()
    for node in graph:
        alone = node.type.shape == ALONE and node.type.is_float and not node.name and node.id not in kept
        if alone and (_is_sum_of_vector(graph, node) or _is_function_of(graph, node, found)):
            found.add(node.id)
    if not found:
        return found
    users: dict[int, list[Node]] = {}
    for node in graph:
        for u in set(node.operands) & found:
            users.setdefault(u, []).append(node)
    left = list(found)
    while left:  # what is made of one that stays an array stays one, and so does what the others beside it are
        id = left.pop()
        if id in found and not _may_be_number(graph, id, users.get(id, []), found):
            found.remove(id)
            left += [*graph[id].operands, *(user.id for user in users.get(id, ()))]
    return found


def _may_be_number(graph: Graph, id: int, users: list[Node], numbers: set[int]) -> bool:
    whole = _is_sum_of_vector(graph, graph[id]) or _is_function_of(graph, graph[id], numbers)
    return whole and all(_bears(graph, node, numbers) for node in users)


def _is_sum_of_vector(graph: Graph, node: Node) -> bool:
    shape = graph[node.operands[0]].type.shape if node.op in REDUCTIONS else None
    return node.attr("keepdims") is True and not isinstance(shape, Unknown) and shape is not None and len(shape) == 1


def _is_function_of(graph: Graph, node: Node, numbers: set[int]) -> bool:
    """Whether an operation by entries is of these alone, and of other numbers."""
    if not graph.op(node).elementwise or numbers.isdisjoint(node.operands):
        return False
    return all(u in numbers or graph[u].type.shape == () for u in node.operands)


def _bears(graph: Graph, node: Node, numbers: set[int]) -> bool:
    """Whether an operation on one of them may as well be on a number."""
    if node.id in numbers:
        return True
    if node.op == "squeeze":
        return node.type.shape == ()
    wide = any(u not in numbers and graph[u].type.shape == node.type.shape for u in node.operands)
    return graph.op(node).elementwise and node.type.rank == 1 and wide
