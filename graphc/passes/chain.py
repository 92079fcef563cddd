"""Products of several matrices in the order that costs least, through the sums between them.

    X: (N, 784), W0: (784, 1000), b0: (1000,), W1: (1000, 10), b1: (10,)
    Z = X @ W0 + b0                                             W0W1 = W0 @ W1
    Y = Z @ W1 + b1                 becomes                     Y = X @ W0W1 + (b0 @ W1 + b1)

with N*784*1000 + N*1000*10 multiplications before, 784*1000*10 + N*784*10 + 1000*10 after (derivations D7). Samples as
columns are treated in the same way: W1 @ (W0 @ X + b0) becomes (W1 @ W0) @ X + W1 @ b0.

Costs are compared with typical sizes (`cost.py`); what does not cost less stays as it was written. A product that has
another use, or is a result, is needed anyway: it is never taken apart, so a layer whose value backward reads stays.
Of a long chain `LONGEST` factors are looked at together, so the time is linear in the size of the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphc.ir.dims import numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import ShapeError, Unknown
from graphc.passes.cost import multiplications, typical
from graphc.passes.rebuild import rebuild, same

__all__ = ["LONGEST", "reassociate"]

LONGEST = 8


def reassociate(graph: Graph) -> Graph:
    """The graph with every chain of products in its cheapest order. What that leaves unused is dead code."""
    uses = graph.uses()
    if not any(_may_be_longer(graph, node, uses) for node in graph):
        return graph  # as most are: then no cost need be counted
    plan = _Planner(graph, uses)
    if not plan.chosen:
        return graph
    moved: dict[int, int] = {}
    apart: dict[int, tuple[int, int]] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        chosen = plan.chosen.get(node.id)
        made = None
        if chosen is not None:
            made = _build(builder, chosen, moved, apart)
        elif node.op == "add":
            made = _with_correction(builder, operands, apart)
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        moved[node.id] = made
        return made

    return rebuild(graph, make, share=False)


def _may_be_longer(graph: Graph, node: Node, uses: Mapping[int, int]) -> bool:
    """Whether a product has an operand that is a product as well, or a sum, of no other use."""
    inside = ("matmul", "outer", "add")
    return node.op == "matmul" and any(uses[u] == 1 and graph[u].op in inside for u in node.operands)


# ---------------------------------------------------------------- factors


class _Factor(NamedTuple):
    """A matrix in a chain: its sizes as they are compared. A vector lacks an axis: it is a row or a column."""

    id: int
    rows: int
    columns: int
    stack: int = 1
    is_row: bool = False
    is_column: bool = False


class _Bias(NamedTuple):
    """What is added to the product of the factors before (after) a place: a row (column) of one of these."""

    id: int
    place: int
    size: int


class _Plan(NamedTuple):
    """Factors, the order of their products, and the sums that were multiplied out, innermost first."""

    cost: int
    factors: tuple[_Factor, ...]
    splits: Mapping[tuple[int, int], int]
    biases: tuple[_Bias, ...]
    on_left: bool


class _Planner:
    """Decides for every product from the operands up; `best` is what a value costs that nothing else needs."""

    def __init__(self, graph: Graph, uses: Mapping[int, int]) -> None:
        self.graph = graph
        self.uses = uses
        self.best: dict[int, int] = {}
        self.chosen: dict[int, _Plan] = {}
        self.factors: dict[int, tuple[_Factor, ...]] = {}
        for node in graph:
            if node.op in ("matmul", "outer"):
                self._decide(node)
            elif node.op == "add" and (product := self._summed(node)) is not None:
                self.best[node.id] = self._inside(product)

    def _decide(self, node: Node) -> None:
        own = multiplications(self.graph, node)
        if own is None:
            return
        factors = self._factors(node)
        if factors is not None:
            self.factors[node.id] = factors
        as_it_is = typical(own) + sum(map(self._inside, node.operands))
        self.best[node.id] = as_it_is
        if node.op == "outer" or not node.type.is_float:
            return
        for plan in self._plans(node):
            if plan.cost < self.best[node.id]:
                self.best[node.id] = plan.cost
                self.chosen[node.id] = plan

    def _inside(self, id: int) -> int:
        """What an operand costs, if it is computed for this one use."""
        return self.best.get(id, 0) if self.uses[id] == 1 else 0

    # ------------------------------------------------------------ chains

    def _plans(self, node: Node) -> list[_Plan]:
        """The chain as it stands, and with more and more sums at its left or right end multiplied out."""
        factors = self.factors.get(node.id)
        if factors is None:
            return []
        plans = [self._plan(factors, [], True)] if len(factors) > 2 else []
        for on_left in (True, False):
            longer, biases = factors, list[_Bias]()
            while (peeled := self._peeled(longer, biases, on_left)) is not None:
                longer, biases = peeled
                plans.append(self._plan(longer, biases, on_left))
        return plans

    def _plan(self, factors: Sequence[_Factor], biases: Sequence[_Bias], on_left: bool) -> _Plan:
        cost, splits = _cheapest_order(factors)
        cost += sum(self._inside(factor.id) for factor in factors)
        cost += _correction_cost(factors, biases, on_left)
        return _Plan(cost, tuple(factors), splits, tuple(biases), on_left)

    def _factors(self, node: Node) -> tuple[_Factor, ...] | None:
        """The factors of a product, through products that have no other use; None for one of unknown rank."""
        if any(self.graph[u].type.rank is None for u in node.operands):
            return None
        left, right = (self.graph[u] for u in node.operands)
        if node.op == "outer":
            return (_factor(left, on_left=False), _factor(right, on_left=True))
        factors = (*self._through(left, True), *self._through(right, False))
        if len(factors) > LONGEST or not _regular(factors):
            return (_factor(left, True), _factor(right, False))
        return factors

    def _through(self, node: Node, on_left: bool) -> tuple[_Factor, ...]:
        """An operand's own factors, if it is a product that has no other use."""
        own = _factor(node, on_left)
        inner = self.factors.get(node.id) if self.uses[node.id] == 1 else None
        return inner if inner is not None and _alike(inner, own) else (own,)

    # ------------------------------------------------------------ sums

    def _summed(self, node: Node) -> int | None:
        """The product that a sum adds something to, if it has no other use; not one that the sum enlarges."""
        for id in node.operands:
            inner = self.graph[id]
            is_product = inner.op == "matmul" or (inner.op == "add" and id in self.best)
            if is_product and self.uses[id] == 1 and inner.type == node.type:
                return id
        return None

    def _peeled(
        self, factors: Sequence[_Factor], biases: Sequence[_Bias], on_left: bool
    ) -> tuple[tuple[_Factor, ...], list[_Bias]] | None:
        """The factors and biases with the sum at one end multiplied out; None if there is none, or it is too long."""
        end = factors[0 if on_left else -1]
        added: list[int] = []
        node = self.graph[end.id]
        while node.op == "add" and self.uses[node.id] == 1 and (product := self._summed(node)) is not None:
            added.append(node.operands[1] if node.operands[0] == product else node.operands[0])
            node = self.graph[product]
        if not added or node.op != "matmul":
            return None
        inner = self._through(node, on_left)
        if len(factors) - 1 + len(inner) > LONGEST or not _alike(inner, end):
            return None
        sizes = [self._bias_size(id, node, on_left) for id in added]
        if any(size is None for size in sizes):
            return None
        moved = len(inner) - 1
        new = [_Bias(id, len(inner), size) for id, size in zip(added, sizes, strict=True) if size is not None]
        kept = [_Bias(b.id, b.place + moved, b.size) for b in biases]
        longer = (*inner, *factors[1:]) if on_left else (*factors[:-1], *inner)
        return (longer, [*new, *kept]) if _regular(longer) else None

    def _bias_size(self, id: int, product: Node, on_left: bool) -> int | None:
        """How many rows (columns) a bias has; None for one that cannot stand in the place of the product."""
        shape, whole = self.graph[id].type.shape, product.type.dims
        if isinstance(shape, Unknown) or not shape:
            return None
        if on_left:
            return typical(numel(shape[:-1])) if shape[-1] == whole[-1] else None
        axis = -2 if len(whole) > 1 else -1
        if len(shape) < -axis or shape[axis] != whole[axis]:
            return None
        return typical(numel(shape)) // max(1, typical(shape[axis]))


def _factor(node: Node, on_left: bool) -> _Factor:
    shape = node.type.dims
    if len(shape) == 1:
        size = typical(shape[0])
        if on_left:
            return _Factor(node.id, 1, size, is_row=True)
        return _Factor(node.id, size, 1, is_column=True)
    return _Factor(node.id, typical(shape[-2]), typical(shape[-1]), typical(numel(shape[:-2])))


def _alike(factors: Sequence[_Factor], whole: _Factor) -> bool:
    """Whether a product of these factors is a vector of the same kind, or a matrix, as the operand it stands for."""
    return (factors[0].is_row, factors[-1].is_column) == (whole.is_row, whole.is_column)


def _regular(factors: Sequence[_Factor]) -> bool:
    """Whether a chain can be taken in any order: one factor at most is a stack, and none then an outer product's."""
    stacks = sum(factor.stack > 1 for factor in factors)
    return stacks == 0 or (stacks == 1 and not any(factor.is_column for factor in factors[:-1]))


def _cheapest_order(factors: Sequence[_Factor]) -> tuple[int, dict[tuple[int, int], int]]:
    """The fewest multiplications for a chain, and where each part of it is split; of equal ones from the left."""
    n = len(factors)
    cost = {(i, i): 0 for i in range(n)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            stack = max(factor.stack for factor in factors[i : j + 1])
            outside = stack * factors[i].rows * factors[j].columns
            options = [
                (cost[i, k] + cost[k + 1, j] + outside * factors[k].columns, -k) for k in range(i, j)
            ]
            cost[i, j], split = min(options)
            splits[i, j] = -split
    return cost[0, n - 1], splits


def _correction_cost(factors: Sequence[_Factor], biases: Sequence[_Bias], on_left: bool) -> int:
    """The multiplications that carry the biases through the factors that stand outside of their sums."""
    if not biases:
        return 0
    outside = factors if on_left else factors[::-1]
    total, size, waiting = 0, 0, list(biases)
    for place in range(waiting[0].place, len(outside)):
        size = max([size, *(b.size for b in waiting if b.place == place)])
        total += size * outside[place].rows * outside[place].columns * outside[place].stack
    return total


# ---------------------------------------------------------------- making it


def _build(
    builder: Builder, plan: _Plan, moved: Mapping[int, int], apart: dict[int, tuple[int, int]]
) -> int | None:
    """The nodes of a plan; `apart` takes a sum that was multiplied out to its product and its correction."""
    factors = [moved[factor.id] for factor in plan.factors]
    try:
        product = _product(builder, plan, factors, 0, len(factors) - 1).id
        if not plan.biases:
            return product
        correction = _correction(builder, factors, plan, moved)
        total = builder.add("add", [product, correction])
    except ShapeError:
        return None
    apart[total] = (product, correction)
    return total


class _Part(NamedTuple):
    """The product of some neighbours. A row has no first axis, a column no second one, a number neither."""

    id: int
    is_row: bool
    is_column: bool


def _product(builder: Builder, plan: _Plan, factors: Sequence[int], i: int, j: int) -> _Part:
    if i == j:
        return _Part(factors[i], plan.factors[i].is_row, plan.factors[i].is_column)
    k = plan.splits[i, j]
    left, right = _product(builder, plan, factors, i, k), _product(builder, plan, factors, k + 1, j)
    if (left.is_row and left.is_column) or (right.is_row and right.is_column):
        op = "multiply"
    else:
        op = "outer" if left.is_column else "matmul"
    return _Part(builder.add(op, [left.id, right.id]), left.is_row, right.is_column)


def _correction(builder: Builder, factors: list[int], plan: _Plan, moved: Mapping[int, int]) -> int:
    """The biases carried through the factors outside of them, and added up on the way."""
    outside = factors if plan.on_left else factors[::-1]
    total: int | None = None
    for place in range(plan.biases[0].place, len(outside)):
        for bias in (b for b in plan.biases if b.place == place):
            id = moved[bias.id]
            total = id if total is None else builder.add("add", [total, id])
        assert total is not None
        pair = [total, outside[place]] if plan.on_left else [outside[place], total]
        total = builder.add("matmul", pair)
    assert total is not None
    return total


def _with_correction(builder: Builder, operands: list[int], apart: dict[int, tuple[int, int]]) -> int | None:
    """A sum with one that was multiplied out: the smaller parts are added up first."""
    for id, other in (operands, operands[::-1]):
        if id not in apart:
            continue
        product, correction = apart[id]
        shape, wide = builder.type(other).shape, builder.type(product).shape
        if isinstance(shape, Unknown) or isinstance(wide, Unknown) or typical(numel(shape)) >= typical(numel(wide)):
            continue
        both = builder.add("add", [correction, other])
        total = builder.add("add", [product, both])
        apart[total] = (product, both)
        return total
    return None
