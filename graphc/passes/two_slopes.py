"""The larger, or the smaller, of two multiples of one array is differentiated as that array times a slope.

    r, x: (N,)
    maximum(0.9 * r, -0.1 * r)      becomes      r * (0.5 * (r > 0) + 0.5 * (r >= 0) - 0.1)
    minimum(x, 0.1 * x)             becomes      x * (0.45 * (x < 0) + 0.45 * (x <= 0) + 0.1)
    maximum(-1.5 * x, x)            becomes      x * (-1.25 * (x < 0) + -1.25 * (x <= 0) + 1)

The slope is the lesser one, and half of what the other one has more on its side and once again at 0: the derivative is
that of equal shares there. Three masks, each times a gradient, are more than twice the work. The value itself stays
what it was, to the last bit: `with_choices` puts it back where the graph has been differentiated; but for one that is
only summed up, of which at -O2 the sum is that of the products, as the slope is at hand. The sign is one of
comparisons: `sign` is nan where x is, and a gradient of 0, of what a mask leaves out, would be nan there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["by_slope", "with_choices"]

CHOICES = ("maximum", "minimum")


def by_slope(graph: Graph, kept: Collection[str] = ()) -> tuple[Graph, dict[int, int]]:
    """The graph, not yet differentiated, with the replacements above, and for each of these products the choice that it
    stands for, which nothing uses any more; the graph itself if there are none.

    What depends on values of the names in `kept` still does, and on each in its own right: equal ones stay apart.
    """
    if not any(node.op in CHOICES for node in graph):
        return graph, {}
    seen = {graph.values[name] for name in kept if name in graph.values}
    share = all(graph[id].op == "argument" for id in seen)
    shared = rebuild(graph, same, share=True) if share else graph  # the array may be written out twice
    slopes = {
        node.id: found
        for node in shared
        if (share or seen.isdisjoint(node.operands)) and (found := _slopes(shared, node)) is not None
    }
    if not slopes:
        return graph, {}
    choices: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in slopes:
            return same(builder, node, operands)
        x, up, down = slopes[node.id]
        of = next((u for u, v in zip(operands, node.operands, strict=True) if v == x), None)
        if of is None:  # both are multiples
            multiple = builder[operands[0]]
            of = next(multiple.operands[k] for k, v in enumerate(shared[node.operands[0]].operands) if v == x)
        choice = same(builder, node, operands)
        greater = abs(up) > abs(down)  # on which side the slope is the greater one
        least, more = (down, (up - down) / 2) if greater else (up, (down - up) / 2)
        signs = ("greater", "greater_equal") if greater else ("less", "less_equal")
        masks = [builder.add("as_float", [builder.add(sign, [of, builder.const(0)])]) for sign in signs]
        parts = [builder.add("multiply", [builder.const(more), mask]) for mask in masks]
        signed = "add" if least > 0 else "subtract"  # … - 0.1, and not … + -0.1
        slope = builder.add(signed, [builder.add("add", parts), builder.const(abs(least))])
        builder.hint(slope, "slope")
        made = builder.add("multiply", [of, slope])
        choices[made] = choice
        return made

    return rebuild(shared, make, share=share), choices


def with_choices(graph: Graph, choices: Mapping[int, int], all_of_them: bool = True) -> Graph:
    """The graph, differentiated, with these choices in the place of the products; or, if not with all of them, without
    those of which only sums are needed."""
    moved: dict[int, int] = {}
    summed: set[int] = set()
    if choices and not all_of_them:
        users, roots = graph.users(), set(graph.roots)
        summed = {
            id for id in choices
            if id not in roots and all(graph[user].op in ("sum", "mean") for user in users.get(id, ()))
        }  # fmt: skip

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        put_back = node.id in choices and node.id not in summed
        made = moved[choices[node.id]] if put_back else same(builder, node, operands)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _slopes(graph: Graph, node: Node) -> tuple[int, float, float] | None:
    """Of what a value is the larger or the smaller of two multiples, and its slopes above 0 and below."""
    if node.op not in CHOICES or not node.type.is_float:
        return None
    for x in (*node.operands, *(u for v in node.operands for u in graph[v].operands)):
        factors = [_factor(graph, u, x) for u in node.operands]
        if graph[x].type != node.type or factors[0] is None or factors[1] is None or factors[0] == factors[1]:
            continue
        down, up = sorted((factors[0], factors[1]), reverse=node.op == "minimum")
        if up and down:
            return x, up, down
    return None


def _factor(graph: Graph, id: int, x: int) -> float | None:
    """By which number x is multiplied in a value."""
    node = graph[id]
    if id == x:
        return 1.0
    if node.op == "negative" and node.operands[0] == x:
        return -1.0
    if node.op == "multiply" and x in node.operands:
        return _number(graph, node.operands[node.operands[0] == x])
    return None


def _number(graph: Graph, id: int) -> float | None:
    """The number that a value is, if it is computed of constants."""
    node = graph[id]
    if node.type.rank != 0:
        return None
    if node.op == "const":
        return float(node.attr("value"))
    parts = [_number(graph, u) for u in node.operands]
    if node.op == "negative" and parts[0] is not None:
        return -parts[0]
    if node.op in ("add", "subtract") and parts[0] is not None and parts[1] is not None:
        return parts[0] + (parts[1] if node.op == "add" else -parts[1])
    return None
