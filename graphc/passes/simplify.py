"""Simplification while the graph is made anew, node by node, with shared subexpressions.

P: (N, C), y: (N,) int, dL: ()
dS = (P - one_hot(y, C)) * broadcast_to(dL, (N, C))      becomes      dS = subtract_one_hot(P, y) * dL

Constants are folded, numbers and broadcasts moved to where they cost least, and the rewrites of `rewrites.g` applied,
each only where the type stays and no work is added. Node by node from the operands up, so one pass is enough.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, shape_text
from graphc.language.budget import Budget
from graphc.language.evaluate import Evaluator
from graphc.language.nodes import PLAIN
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.passes.at_hand import factor_at_hand, reduction_at_hand
from graphc.passes.broadcasts import broadcast_dropped, leading_axes_dropped, repeats
from graphc.passes.constant_factors import factors_out_of_sum
from graphc.passes.cost import TYPICAL, typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.diagonals import without_diagonal
from graphc.passes.entries import entries_only
from graphc.passes.leaks import larger_of_lines
from graphc.passes.patterns import Attribute, Match, Rewrite, candidates, matches
from graphc.passes.place import Place
from graphc.passes.products import arranged
from graphc.passes.rebuild import rebuild, same
from graphc.passes.scalars import mean_of_sums, scalar_out_of_sum, scalars_gathered
from graphc.passes.signs import sign_into_number

__all__ = ["simplify"]

LEAVES = {"argument", "seed", "const", "size"}


def simplify(graph: Graph) -> Graph:
    """The graph with shared subexpressions and local rewrites."""
    before = Counter(u for node in graph for u in node.operands)
    before.update(graph.roots)
    uses: Counter[int] = Counter()
    simplifiers: list[_Simplifier] = []
    met = _Met()

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if not simplifiers:
            builder.solver = met
            simplifiers.append(_Simplifier(builder, uses))
        if builder.op(node.op).elementwise:
            met.note(node.type.shape, [builder.type(u).shape for u in operands])
        found = simplifiers[0].simpler(node.op, operands, dict(node.attrs), node.type)
        made = found if found is not None else same(builder, node, operands)
        uses[made] += before[node.id]
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


class _Met(Solver):
    """What the undeclared operands have met so far: none enlarges its partner there, but a smaller one it may."""

    def __init__(self) -> None:
        self.partners: dict[Shape, set[tuple[Dim, ...]]] = {}

    def note(self, shape: Shape, operands: Iterable[Shape]) -> None:
        """An elementwise operation of this shape has operands of those."""
        for inner in operands:
            if inner != shape and not isinstance(shape, Unknown) and _is_open(inner):
                self.partners.setdefault(inner, set()).add(shape)

    def bound(self, inner: Shape, outer: tuple[Dim, ...]) -> None:
        """Raises ShapeError for a partner that is smaller than every one before."""
        if not any(repeats(Type(partner), Type(outer)) for partner in self.partners.get(inner, ())):
            raise ShapeError(f"an array of shape {shape_text(outer)} may be enlarged here")


def _is_open(shape: Shape) -> bool:
    return isinstance(shape, Unknown) or any(size.is_open for size in shape)


class _Simplifier(Evaluator):
    """Adds nodes in their simplest form."""

    def __init__(self, builder: Builder, uses: Mapping[int, int]) -> None:
        super().__init__(builder)
        self.uses = uses

    def add(self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None) -> int:
        found = self.simpler(op, operands, dict(attrs or {}), None)
        return found if found is not None else super().add(op, operands, attrs)

    def simpler(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type | None) -> int | None:
        """A simpler node for this one, or None. `type` is the type it must have; None: what the operation infers."""
        if op in LEAVES:
            return None
        nodes = self.builder.nodes
        try:
            if type is None:
                type = self.builder.op(op).infer(self.builder.solver, [nodes[u].type for u in operands], dict(attrs))
            made_by = tuple([nodes[u].op for u in operands])
            number = type.shape == ()
            simplifications = _that_may_apply(op, "broadcast_to" in made_by, "expand_dims" in made_by, number)
            rewrites = candidates(op, made_by)
            if not simplifications and not rewrites:
                return None
            place = Place(self, op, tuple(operands), attrs, type, self.uses)
            for simplification in simplifications:
                found = simplification(place)
                if found is not None and nodes[found].type == type:
                    return found
            return self._rewritten(place, rewrites)
        except ShapeError:  # sizes that were only inferred do not bear another form
            return None

    # ------------------------------------------------------------ rewrites

    def _rewritten(self, place: Place, rewrites: Sequence[Rewrite]) -> int | None:
        origin = self.builder.origin
        for rewrite in rewrites:
            if rewrite.cancels and (origin is None or origin.rule is None):
                continue
            for found in matches(self.builder, rewrite.form, place.operands, place.attrs):
                before = len(self.builder.nodes)
                made = self._replaced(place, rewrite, found)
                if made is not None and self._work(range(before, len(self.builder.nodes))) <= self._saved(place, found):
                    return made
                self.builder.forget(before)
        return None

    def _replaced(self, place: Place, rewrite: Rewrite, found: Match) -> int | None:
        """The rewrite's replacement, broadcast if need be; None where it has another type."""
        self.budget = Budget()  # that of a program is not for its rewrites, of which a large one has many
        scope = Scope(Environment())
        for name, bound in found.bindings.items():
            scope.values[name] = bound.value if isinstance(bound, Attribute) else Tensor(bound)
        try:
            made = self.tensor(self.evaluate(rewrite.replacement, scope))
        except (ShapeError, Fault):
            return None
        if self.type(made) == place.type:
            return made
        return place.repeat(made, place.type) if repeats(self.type(made), place.type) else None

    def _work(self, ids: Iterable[int]) -> int:
        """The entries that these operations go through; numbers and views are free."""
        nodes = (self.builder[id] for id in ids)
        busy = (node for node in nodes if self.builder.op(node.op).cost != "free")
        return sum(_entries([node.type, *map(self.type, node.operands)]) for node in busy)

    def _saved(self, place: Place, found: Match) -> int:
        """The entries that the old form goes through: its root, and what nothing else uses."""
        busy = self.builder.op(place.op).cost != "free"
        root = _entries([place.type, *map(self.type, place.operands)]) if busy else 0
        return root + self._work(id for id in found.inner if self.uses.get(id, 1) == 1)


def _entries(types: Iterable[Type]) -> int:
    """The size of the largest array, sizes with names being typical; a number counts nothing."""
    largest = 0
    for type in types:
        sizes = [TYPICAL, TYPICAL] if isinstance(type.shape, Unknown) else [typical(n) for n in type.shape]
        largest = max(largest, math.prod(sizes) if sizes else 0)
    return largest


def _folded(place: Place) -> int | None:
    """An operation on numbers is a number, if it is one that Python writes."""
    nodes = [place.builder[u] for u in place.operands]
    if not nodes or place.type.shape != () or place.type.dtype == "bool":
        return None
    if any(n.op != "const" or isinstance(n.attr("value"), tuple) for n in nodes):
        return None
    operation = place.builder.op(place.op)
    if not operation.elementwise or operation.evaluate is None:
        return None
    numbers = [n.attr("value") for n in nodes]
    if place.op in PLAIN:  # Python's arithmetic on truth values is that of 0 and 1, NumPy's is not
        numbers = [number * 1 for number in numbers]
    with np.errstate(all="ignore"):
        value = operation.evaluate(*numbers, **place.attrs)
    number = int(value) if place.type.dtype == "int" else float(value)
    return place.builder.const(number, place.type.dtype) if math.isfinite(number) else None


SIMPLIFICATIONS: tuple[tuple[Callable[[Place], int | None], frozenset[str] | None], ...] = (
    (_folded, None),
    (broadcast_dropped, None),
    (leading_axes_dropped, frozenset(["add", "subtract", "multiply", "divide"])),
    (scalars_gathered, frozenset(["multiply", "divide"])),
    (scalar_out_of_sum, frozenset(["sum"])),
    (mean_of_sums, frozenset(["mean"])),
    (entries_only, frozenset(["multiply", "scatter", "sum", "gather", "gather_entry"])),
    (arranged, frozenset(["squeeze", "sum", "matmul", "add"])),
    (without_diagonal, frozenset(["matmul", "multiply", "add", "mT", "sum", "diagonal", "trace"])),
    (factor_at_hand, frozenset(["multiply"])),
    (factors_out_of_sum, frozenset(["sum", "mean"])),
    (reduction_at_hand, frozenset(["sum", "mean", "max", "min", "prod"])),
    (sign_into_number, frozenset(["negative", "multiply"])),
    (larger_of_lines, frozenset(["add"])),
)
"""What is tried at a node, in this order, and at the nodes of which operations; None: of any."""


@cache
def _that_may_apply(
    op: str, of_broadcast: bool, of_column: bool, number: bool
) -> tuple[Callable[[Place], int | None], ...]:
    """What is worth trying at a node: most operations have the form of none of these.

    `of_broadcast`: one of its operands is a broadcast, `of_column`: has new axes of 1; `number`: it is one.
    """
    found = [function for function, ops in SIMPLIFICATIONS if ops is None or op in ops]
    if not number:
        found.remove(_folded)
    if not of_broadcast and op not in ("broadcast_to", "expand_dims"):
        found.remove(broadcast_dropped)
    if not of_column and leading_axes_dropped in found:
        found.remove(leading_axes_dropped)
    return tuple(found)
