"""Simplification while the graph is made anew, node by node, with shared subexpressions.

P: (N, C), y: (N,) int, dL: ()
dS = (P - one_hot(y, C)) * broadcast_to(dL, (N, C))      becomes      dS = subtract_one_hot(P, y) * dL

Constants are folded, numbers and broadcasts moved to where they cost least, and the rewrites of `rewrites.g` applied,
each only where the type stays and no work is added. Node by node from the operands up, so one pass is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, check_rank, shape_text
from graphc.language import tree
from graphc.language.budget import Budget
from graphc.language.evaluate import Evaluator
from graphc.language.literals import product
from graphc.language.plain import PLAIN
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.passes.at_hand import factor_at_hand, reduction_at_hand
from graphc.passes.broadcasts import broadcast_dropped, filled, leading_axes_dropped, repeats, shape_of_operand
from graphc.passes.common_number import number_behind_sum
from graphc.passes.constant_factors import factors_out_of_sum
from graphc.passes.cost import TYPICAL, typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.diagonals import without_diagonal
from graphc.passes.entries import entries_only
from graphc.passes.known_sums import sum_of_one_hot
from graphc.passes.leaks import larger_of_lines
from graphc.passes.lengths import length_cancelled, square_of_length
from graphc.passes.log_shares import entries_of_difference, share_at_hand
from graphc.passes.patterns import Attribute, Bindings, Form, Match, Order, Part, Rewrite, candidates
from graphc.passes.place import Place
from graphc.passes.products import arranged
from graphc.passes.quotients import product_of_quotient, quotient_at_hand
from graphc.passes.rebuild import rebuild, same
from graphc.passes.scalars import mean_of_sums, scalar_out_of_dot, scalar_out_of_sum, scalars_gathered
from graphc.passes.signs import LINEAR, product_subtracted, sign_into_number, sign_out_of_sum
from graphc.passes.sums import sums_joined
from graphc.passes.symmetric import sum_at_hand, transpose_dropped

__all__ = ["simplify"]

LEAVES = {"argument", "seed", "const", "size"}
DEEPEST = 4
"""A replacement is made before it is weighed, and another one may be made for it: of sums of sums a whole chain."""


def simplify(graph: Graph) -> Graph:
    """The graph with shared subexpressions and local rewrites."""
    before = graph.uses()
    uses: dict[int, int] = {}
    simplifiers: list[_Simplifier] = []
    met = _Met()
    undeclared = any(_is_open(graph[argument.node].type.shape) for argument in graph.arguments)

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if not simplifiers:
            builder.solver = met
            simplifiers.append(_Simplifier(builder, uses))
        if undeclared and builder.op(node.op).elementwise:
            met.note(node.type.shape, [builder.type(u).shape for u in operands])
        found = simplifiers[0].simpler_node(node, operands)
        made = found if found is not None else same(builder, node, operands)
        uses[made] = uses.get(made, 0) + before.get(node.id, 0)
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


class _TooDear(Exception):
    """A replacement adds more work than it saves, whatever becomes of the rest of it."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A replacement while it is made: the work it may add, and the nodes and the replacements taken before it."""

    most: float
    before: int
    taken: int


class _Simplifier(Evaluator):
    """Adds nodes in their simplest form."""

    def __init__(self, builder: Builder, uses: Mapping[int, int]) -> None:
        super().__init__(builder)
        self.uses = uses
        self.depth = 0  # how many replacements are being made, each for another one
        self.attempt: _Attempt | None = None  # the innermost of them
        self.taken = 0  # how many replacements have been made and taken

    def add(
        self, op: str, operands: Sequence[int] = (), attrs: Mapping[str, Any] | None = None, type: Type | None = None
    ) -> int:
        type = type or self._inferred(op, operands, attrs or {})
        found = None if type is None else self.simpler(op, operands, dict(attrs or {}), type)
        return found if found is not None else super().add(op, operands, attrs, type)

    def _inferred(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any]) -> Type | None:
        """The type that an operation has on these operands; None if it has none, or is a leaf."""
        if op in LEAVES:
            return None
        try:
            type = self.builder.op(op).infer(self.builder.solver, [self.type(u) for u in operands], dict(attrs))
            check_rank(type.rank or 0)
        except ShapeError:
            return None
        return type

    def simpler_node(self, node: Node, operands: Sequence[int]) -> int | None:
        """A simpler node for this one of another graph, on operands of this one, or None."""
        if node.op in LEAVES:
            return None
        worth = self._worth_trying(node.op, operands, node.type)
        return self._simpler(worth, node.op, operands, dict(node.attrs), node.type) if worth else None

    def simpler(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type | None) -> int | None:
        """A simpler node for this one, or None. `type` is the type it must have; None: what the operation infers."""
        type = type or self._inferred(op, operands, attrs)
        if type is None or op in LEAVES:
            return None
        worth = self._worth_trying(op, operands, type)
        return self._simpler(worth, op, operands, attrs, type) if worth else None

    def _worth_trying(self, op: str, operands: Sequence[int], type: Type) -> Worth | None:
        nodes = self.builder.nodes
        return worth_trying(op, tuple([nodes[u].op for u in operands]), type.shape == ())

    def _simpler(
        self, worth: Worth, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type
    ) -> int | None:
        simplifications, rewrites = worth
        place = Place(self, op, tuple(operands), attrs, type, self.uses)
        try:
            for simplification in simplifications:
                found = simplification(place)
                if found is not None and self.type(found) == type:
                    return found
            return self._rewritten(place, rewrites) if rewrites else None
        except ShapeError:  # sizes that were only inferred do not bear another form
            return None

    # ------------------------------------------------------------ rewrites

    def _rewritten(self, place: Place, rewrites: Sequence[tuple[Rewrite, Order]]) -> int | None:
        if self.depth == DEEPEST:
            return None
        origin = self.builder.origin
        for rewrite, order in rewrites:
            if rewrite.cancels and (origin is None or origin.rule is None):
                continue
            found = order.match(self.builder.nodes, place.operands, place.attrs)
            if found is None:
                continue
            if any(self._is_at_hand(place, id) for id in found.inner):
                continue
            if rewrite.adds and self._are_booleans(found):
                continue
            made = self._cheaper(place, rewrite, found)
            if made is not None:
                self.taken += 1
                return made
        return None

    def _are_booleans(self, found: Match) -> bool:
        """Whether several of the values are truth values: of these NumPy's sum is no sum, and beside it stood one."""
        kinds = [self.type(id).dtype for id in found.bindings.values() if isinstance(id, int)]
        return kinds.count("bool") > 1

    def _is_at_hand(self, place: Place, id: int) -> bool:
        """Whether a value that a rewrite takes apart costs nothing to have, so that what is made of it says so: the
        negative of another value or a product of matrices, which the program names and uses elsewhere; a difference
        that is used elsewhere, of which the sign is turned, and which may leave the sign to what is made of it."""
        node, used = self.builder[id], self.uses.get(id, 1) > 1
        if place.op == "negative" and node.op == "subtract":
            return used and node.type.shape != ()
        if not node.name or node.of_rule:
            return False
        return (node.op == "negative" and (used or node.type.shape == ())) or (node.op == "matmul" and used)

    def _cheaper(self, place: Place, rewrite: Rewrite, found: Match) -> int | None:
        """The replacement, further rewritten if that adds no work either; None if it adds some."""
        outside = self.depth, self.attempt
        most: float = self._saved(place, found)
        if self.attempt is not None:
            most = min(most, self.attempt.most - self._added(self.attempt))
        try:
            for depth in (self.depth + 1, DEEPEST):
                self.depth, self.attempt = depth, _Attempt(most, len(self.builder.nodes), self.taken)
                made = self._replaced(place, rewrite, found)
                if made is None or self._added(self.attempt) <= most:
                    return made
                wanted = rewrite.operators.op if isinstance(rewrite.operators, Form) else None
                further = wanted is not None and self.builder[made].op != wanted
                self.builder.forget(self.attempt.before)
                if not further or self.taken == self.attempt.taken:
                    return None
        except _TooDear:
            self.builder.forget(self.attempt.before)
        finally:
            self.depth, self.attempt = outside
        return None

    def _replaced(self, place: Place, rewrite: Rewrite, found: Match) -> int | None:
        """The rewrite's replacement, broadcast if need be; None where it has another type. Raises _TooDear."""
        try:
            if rewrite.operators is None:
                made = self._evaluated(rewrite.replacement, found.bindings)
            else:
                made = self._made(rewrite.operators, found.bindings)
        except (ShapeError, Fault):
            return None
        if self.type(made) == place.type:
            return made
        return place.repeat(made, place.type) if repeats(self.type(made), place.type) else None

    def _made(self, part: Part, bindings: Bindings) -> int:
        """What stands at a part of a replacement, which is of operators. Raises ShapeError, and _TooDear as soon as
        what has been made adds too much work: a long sum would be rewritten over and over for nothing."""
        if isinstance(part, Form):
            parts = [self._made(each, bindings) for each in part.parts]
            assert self.attempt is not None
            if self.attempt.taken == self.taken and self._added(self.attempt) > self.attempt.most:
                raise _TooDear
            return self.add(part.op, parts)  # as it stands there: a product of vectors where `fold` has been before
        if isinstance(part, str):
            bound = bindings[part]
            assert isinstance(bound, int)
            return bound
        return self.tensor(part)

    def _evaluated(self, replacement: tree.Expr, bindings: Bindings) -> int:
        """As `_made`, of any expression of the language. Raises Fault."""
        self.budget = Budget()  # that of a program is not for its rewrites, of which a large one has many
        scope = Scope(Environment())
        for name, bound in bindings.items():
            scope.values[name] = bound.value if isinstance(bound, Attribute) else Tensor(bound)
        return self.tensor(self.evaluate(replacement, scope))

    def _added(self, attempt: _Attempt) -> int:
        """The work that a replacement being made adds so far."""
        return self._work(range(attempt.before, len(self.builder.nodes)))

    def _work(self, ids: Iterable[int]) -> int:
        """The entries that these operations go through; numbers and views are free."""
        nodes = (self.builder[id] for id in ids)
        busy = (node for node in nodes if self.builder.op(node.op).cost != "free")
        return sum(_entries([node.type, *map(self.type, node.operands)]) for node in busy)

    def _saved(self, place: Place, found: Match) -> int:
        """The entries that the old form goes through: its root, and what is of use for that alone."""
        busy = self.builder.op(place.op).cost != "free"
        root = _entries([place.type, *map(self.type, place.operands)]) if busy else 0
        gone: set[int] = set()
        for id in sorted(found.inner, reverse=True):  # what uses a value stands behind it
            used = [*place.operands, *(u for other in gone for u in self.builder[other].operands)]
            if id in used and self.uses.get(id, 1) == 1:
                gone.add(id)
        return root + self._work(gone)


def _entries(types: Iterable[Type]) -> int:
    """The size of the largest array, sizes with names being typical; a number counts nothing."""
    return max(map(_count, types), default=0)


@lru_cache(maxsize=4096)
def _count(type: Type) -> int:
    sizes = [TYPICAL, TYPICAL] if isinstance(type.shape, Unknown) else [typical(n) for n in type.shape]
    return math.prod(sizes) if sizes else 0


def _folded(place: Place) -> int | None:
    """An operation on numbers is a number, if it is one that Python writes."""
    nodes = [place.builder[u] for u in place.operands]
    if not nodes or place.type.shape != () or place.type.dtype == "bool":
        return None
    if any(n.op != "const" or isinstance(n.attr("value"), tuple) for n in nodes):
        return None
    if place.op == "number":  # of a logarithm, say, that is one of Python's now
        return place.operands[0]
    operation = place.builder.op(place.op)
    if not operation.elementwise or operation.evaluate is None:
        return None
    numbers = [n.attr("value") for n in nodes]
    if place.op in PLAIN:  # Python's arithmetic on truth values is that of 0 and 1, NumPy's is not
        numbers = [number * 1 for number in numbers]
    with np.errstate(all="ignore"):
        value = operation.evaluate(*numbers, **place.attrs)
    if place.op == "multiply" and math.isfinite(value):
        value = product(*numbers)
    number = int(value) if place.type.dtype == "int" else float(value)
    return place.builder.const(number, place.type.dtype) if math.isfinite(number) else None


ANY: frozenset[str] = frozenset()
"""Operands of whatever operation."""
BROADCASTS = frozenset(["broadcast_to"])
DIAGONAL = frozenset(["from_diagonal"])
PRODUCTS = frozenset(["multiply", "divide"])

Simplification: TypeAlias = "Callable[[Place], int | None]"

SIMPLIFICATIONS: tuple[tuple[Simplification, Mapping[str, frozenset[str]]], ...] = (
    (leading_axes_dropped, dict.fromkeys(["add", "subtract", "multiply", "divide"], frozenset(["expand_dims"]))),
    (scalars_gathered, dict.fromkeys(["multiply", "divide"], PRODUCTS | {"expand_dims"})),
    (scalar_out_of_sum, {"sum": PRODUCTS | {"negative"}}),
    (scalar_out_of_dot, {"matmul": PRODUCTS}),
    (mean_of_sums, {"mean": ANY}),
    (sum_of_one_hot, {"sum": frozenset(["one_hot", "add", "subtract", "multiply", "divide", "negative"])}),
    (share_at_hand, {"exp": frozenset(["subtract"])}),
    (entries_of_difference, dict.fromkeys(["pick", "gather", "diagonal"], frozenset(["subtract"]))),
    (entries_only, {"multiply": frozenset(["scatter", "multiply", "one_hot"]), "scatter": ANY,
                    "sum": frozenset(["multiply", "scatter"]), "gather": ANY, "gather_entry": ANY}),
    (arranged, {"squeeze": frozenset(["matmul"]), "sum": frozenset(["multiply"]),
                "matmul": frozenset(["eye", "multiply"]), "add": frozenset(["expand_dims"]),
                "subtract": frozenset(["expand_dims"])}),
    (without_diagonal, {"matmul": DIAGONAL, "multiply": DIAGONAL | {"eye"}, "add": DIAGONAL,
                        "subtract": DIAGONAL, "mT": DIAGONAL | {"eye", "multiply"},
                        "sum": DIAGONAL | {"multiply"}, "diagonal": ANY, "trace": ANY}),
    (factor_at_hand, {"multiply": frozenset(["sum"])}),
    (transpose_dropped, {"mT": ANY}),
    (quotient_at_hand, {"multiply": frozenset(["divide", "multiply", "negative"])}),
    (product_of_quotient, {"divide": frozenset(["multiply"])}),
    (factors_out_of_sum, dict.fromkeys(["sum", "mean"], PRODUCTS)),
    (sum_at_hand, {"sum": ANY}),
    (reduction_at_hand, dict.fromkeys(["sum", "mean", "max", "min", "prod"], ANY)),
    (sign_into_number, {"negative": PRODUCTS | LINEAR, "multiply": frozenset(["negative"])}),
    (sign_out_of_sum, {"sum": frozenset(["multiply"])}),
    (product_subtracted, {"add": PRODUCTS, "subtract": PRODUCTS}),
    (sums_joined, {"sum": frozenset(["sum"])}),
    (filled, dict.fromkeys(["add", "subtract", "multiply", "divide"], frozenset(["zeros", "ones", "full"]))),
    (shape_of_operand, dict.fromkeys(["shape_of", "count_of"], ANY)),
    (square_of_length, {"square": frozenset(["norm"])}),
    (length_cancelled, {"multiply": frozenset(["divide", "expand_dims"])}),
    (larger_of_lines, {"add": frozenset(["maximum"])}),
    (number_behind_sum, dict.fromkeys(["add", "subtract"], frozenset(["outer"]))),
)  # fmt: skip
"""What is tried at a node, in this order: at the nodes of which operations, if one of which operations has made one of
their operands. Most nodes are of the form of none of these, and to see that takes no more than a look at a table."""

Worth: TypeAlias = "tuple[tuple[Simplification, ...], tuple[tuple[Rewrite, Order], ...]]"


@cache
def worth_trying(op: str, made_by: tuple[str, ...], number: bool) -> Worth | None:
    """What may apply to a node whose operands these operations have made; `number`: whether it is one. None: nothing.
    """
    makers = set(made_by)
    found: list[Simplification] = []
    if number and makers == {"const"}:
        found.append(_folded)
    if makers & BROADCASTS or op == "broadcast_to" or (op == "expand_dims" and "const" in makers):
        found.append(broadcast_dropped)
    for simplification, places in SIMPLIFICATIONS:
        needed = places.get(op)
        if needed is not None and (not needed or needed & makers):
            found.append(simplification)
    rewrites = candidates(op, made_by)
    return (tuple(found), rewrites) if found or rewrites else None
