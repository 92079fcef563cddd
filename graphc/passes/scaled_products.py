"""Numbers go from arrays with a row for each sample into the matrices that they are multiplied with. For -O2 only.

    X, M: (64, 8), Y: (64, 4), W: (8, 4)
    A = 1.5 * X
    S = A @ W                           S = X @ (1.5 * W)
    G = mT(-A) @ Y        becomes       G = -1.5 * (mT(X) @ Y)
    s = sum(A, axis=0)                  s = 1.5 * sum(X, axis=0)
    B = ((Y @ mT(W)) * M) * 2.5         B = M * (Y @ mT(2.5 * W))

where nothing else uses A or the product. The number of samples is the one that is large: it is the size of the first
axis of inputs. Sizes that are numbers are compared as such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same
from graphc.passes.scalars import is_moderate

__all__ = ["scale_products"]

DEEPEST = 4  # products within products
SMALL = 65536  # entries of a matrix that may be kept a second time


def scale_products(graph: Graph) -> Graph:
    """The graph with the replacements above."""
    plan = _Plan(graph)
    return eliminate_dead_code(_Maker(graph, plan).made()) if plan.bare or plan.products else graph


@dataclass
class _Plan:
    """What is to be replaced: `products` are products of matrices that a number goes into, with the position of the
    operand that it goes to, and `gone` the arrays times this number, with the position of the array; `bare` are arrays
    whose number goes; `on` tells of a product with such arrays to which operands the numbers go, or, as -1, behind it.
    """

    graph: Graph
    products: dict[int, tuple[int, float]] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)
    bare: set[int] = field(default_factory=set)
    on: dict[int, list[tuple[int, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.graph
        scaled = [node for node in graph if node.op == "multiply" and self._is_matrix(node.id)]
        if not any(_number(graph, u) is not None for node in scaled for u in node.operands):
            return
        self.users, self.uses, self.roots = graph.users(), graph.uses(), set(graph.roots)
        inputs = [graph[a.node].type.shape for a in graph.arguments if a.kind == "input"]
        first = [shape[0] for shape in inputs if not isinstance(shape, Unknown) and shape]
        self.samples = {name for size in first for name in size.names()}
        for node in scaled:
            self._enter_product(node)
        for node in scaled:
            self._enter(node)

    def _is_matrix(self, id: int) -> bool:
        type = self.graph[id].type
        return type.is_float and not isinstance(type.shape, Unknown) and len(type.shape) == 2

    def _is_larger(self, one: Dim, other: Dim) -> bool:
        if one.value is not None and other.value is not None:
            return one.value > other.value
        return not self.samples.isdisjoint(one.names()) and self.samples.isdisjoint(other.names())

    def _is_small(self, rows: Dim, columns: Dim) -> bool:
        """Whether a matrix times a number may be an array more: it has no row or column for each sample."""
        if rows.value is not None and columns.value is not None:
            return rows.value * columns.value <= SMALL
        return self.samples.isdisjoint([*rows.names(), *columns.names()])

    def _enter_product(self, node: Node) -> None:
        """Plan to take a number into a product of matrices that is a factor of what it scales."""
        for position, id in enumerate(node.operands):
            number = _number(self.graph, node.operands[1 - position])
            found = self._product_in(id, DEEPEST) if number is not None and id not in self.gone else None
            if found is not None and number is not None and found[0] not in self.products:
                self.products[found[0]] = found[1], number
                self.gone[node.id] = position
                return

    def _product_in(self, id: int, depth: int) -> tuple[int, int] | None:
        """A product of matrices in a product of arrays that nothing else uses, and which operand of it is smaller."""
        node = self.graph[id]
        if not depth or not self._is_alone(id) or not self._is_matrix(id):
            return None
        if node.op == "multiply":
            found = (self._product_in(u, depth - 1) for u in node.operands if self.graph[u].type == node.type)
            return next((each for each in found if each is not None), None)
        if node.op != "matmul" or not all(map(self._is_matrix, node.operands)):
            return None
        (rows, columns), between = node.type.dims, self.graph[node.operands[1]].type.dims[0]
        if self._is_larger(rows, between) and self._is_small(between, columns):
            return id, 1
        return (id, 0) if self._is_larger(columns, between) and self._is_small(rows, between) else None

    def _is_alone(self, id: int) -> bool:
        """Whether a value is used once, and is none that the program names."""
        return self.uses[id] == 1 and (self.graph[id].of_rule or not self.graph[id].name)

    def _enter(self, node: Node) -> None:
        """Plan to take the number out of an array if that is all that uses it."""
        number = self._number_in(node, DEEPEST)
        if number is None or node.id in self.roots:
            return
        ways: list[tuple[int, int, float]] = []  # the product, or the sum, and to which operand of it the number goes
        stack = [(node.id, user, number) for user in self.users.get(node.id, ())]
        while stack:
            source, id, factor = stack.pop()
            user = self.graph[id]
            if user.op in ("mT", "negative") and id not in self.roots:
                factor = -factor if user.op == "negative" else factor
                stack += [(id, other, factor) for other in self.users.get(id, ())]
                continue
            way = self._way(user, source)
            if way is None:
                return
            ways.append((id, way, factor))
        if ways:
            self.bare.add(node.id)
            for id, way, factor in ways:
                self.on.setdefault(id, []).append((way, factor))

    def _number_in(self, node: Node, depth: int) -> float | None:
        """The number that an array is multiplied by, perhaps in a product that nothing else uses."""
        if node.op != "multiply" or not depth or node.id in self.gone or not self._is_matrix(node.id):
            return None
        for number, other in (node.operands, node.operands[::-1]):
            value = _number(self.graph, number)
            if value is not None and self.graph[other].type == node.type:
                return value
        for u in node.operands:
            value = self._number_in(self.graph[u], depth - 1) if self._is_alone(u) else None
            if value is not None:
                return value
        return None

    def has_number(self, id: int) -> bool:
        """Whether a number may be taken out of a factor."""
        return self._is_alone(id) and self._number_in(self.graph[id], DEEPEST - 1) is not None

    def _way(self, user: Node, source: int) -> int | None:
        """Where the number goes in a product or a sum over samples; None if that would take as many multiplications."""
        dims = self.graph[source].type.dims
        if user.op == "sum":
            return -1
        if user.op != "matmul" or user.operands.count(source) != 1 or not all(map(self._is_matrix, user.operands)):
            return None
        position = user.operands.index(source)
        kept, between = dims if position == 0 else dims[::-1]
        free = user.type.dims[1 - position]
        behind = self._is_larger(between, free)
        if self._is_larger(kept, free) and self._is_small(between, free) and not (
            behind and self._is_larger(between, kept)
        ):
            return 1 - position
        return -1 if behind else None


def _number(graph: Graph | Builder, id: int) -> float | None:
    node = graph[id]
    value = node.attr("value") if node.op == "const" and node.type.dtype != "bool" else None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value) if is_moderate(node) else None


class _Maker:
    """Makes the graph anew; `without` are the arrays without their numbers."""

    def __init__(self, graph: Graph, plan: _Plan) -> None:
        self.graph, self.plan = graph, plan
        self.without: dict[int, int] = {}
        self.moved: dict[int, int] = {}

    def made(self) -> Graph:
        return rebuild(self.graph, self._make, share=True)

    def _make(self, builder: Builder, node: Node, operands: list[int]) -> int:
        made = self._of_node(builder, node, operands)
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        self.moved[node.id] = made
        if node.id in self.plan.bare:
            bare = self.without[node.id] = self._taken_out(builder, node)
            if node.name and not builder[bare].name and not builder[bare].hint:
                builder.hint(bare, f"{node.name}_unscaled")
        elif node.op == "negative" and node.operands[0] in self.without:  # the sign is in the numbers of its users
            self.without[node.id] = self.without[node.operands[0]]
        elif node.op == "mT" and node.operands[0] in self.without:
            self.without[node.id] = builder.add("mT", [self.without[node.operands[0]]], {})
        return made

    def _of_node(self, builder: Builder, node: Node, operands: list[int]) -> int | None:
        if node.id in self.plan.gone:
            return operands[self.plan.gone[node.id]]
        on = self.plan.on.get(node.id)
        if on is not None:
            operands[:] = [self.without.get(u, made) for u, made in zip(node.operands, operands, strict=True)]
        if node.id in self.plan.products:  # the operand may be one without its number
            position, number = self.plan.products[node.id]
            operands[position] = _scaled(builder, operands[position], number)
        if on is not None:
            return self._of_bare(builder, node, operands, on)
        return self._common(builder, node, operands) if node.op == "add" else None

    def _of_bare(
        self, builder: Builder, node: Node, operands: list[int], on: Sequence[tuple[int, float]]
    ) -> int:
        """A product or a sum of arrays without their numbers."""
        bare = list(operands)
        behind = 1.0
        for way, number in on:
            if way < 0:
                behind *= number
            else:
                bare[way] = _scaled(builder, bare[way], number)
        made = builder.add(node.op, bare, dict(node.attrs))
        return made if behind == 1 else builder.add("multiply", [builder.const(behind), made], {})

    def _taken_out(self, builder: Builder, node: Node) -> int:
        """The array without its number."""
        for position, u in enumerate(node.operands):
            other = node.operands[1 - position]
            if _number(self.graph, u) is not None and self.graph[other].type == node.type:
                return self.moved[other]
        position = next(k for k, u in enumerate(node.operands) if self.plan.has_number(u))
        operands = [self.moved[u] for u in node.operands]
        operands[position] = self._taken_out(builder, self.graph[node.operands[position]])
        return builder.add("multiply", operands, {})

    def _common(self, builder: Builder, node: Node, operands: Sequence[int]) -> int | None:
        """The sum of two arrays times the same number, which such a product left, with the number behind it."""
        terms = [builder[u] for u in operands]
        if any(term.op != "multiply" or self.plan.uses[u] != 1 for u, term in zip(node.operands, terms, strict=True)):
            return None
        numbers = [_number(builder, term.operands[0]) for term in terms]
        if numbers[0] is None or numbers[0] != numbers[1] or terms[0].type != terms[1].type:
            return None
        if not all(builder[term.operands[1]].op in ("matmul", "sum", "add") for term in terms):
            return None
        total = builder.add("add", [term.operands[1] for term in terms], {})
        return builder.add("multiply", [terms[0].operands[0], total], {})


def _scaled(builder: Builder, id: int, number: float) -> int:
    """A matrix times a number; of a transposed one it is that of which the transpose is taken, which others may use."""
    node = builder[id]
    if node.op == "mT":
        return builder.add("mT", [_scaled(builder, node.operands[0], number)], {})
    return builder.add("multiply", [builder.const(number), id], {})
