"""Simplification while the graph is made anew, node by node, with shared subexpressions.

P: (N, C), y: (N,) int, dL: ()
dS = (P - one_hot(y, C)) * broadcast_to(dL, (N, C))      becomes      dS = subtract_one_hot(P, y) * dL

Constants are folded, numbers and broadcasts moved to where they cost least, and the rewrites of `rewrites.g` applied,
each only where the type stays and no work is added. Node by node from the operands up, so one pass is enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, check_rank, shape_text
from graphc.language import tree
from graphc.language.budget import Budget
from graphc.language.evaluate import Evaluator
from graphc.language.scope import Environment, Scope
from graphc.language.values import Fault, Tensor
from graphc.passes.broadcasts import repeats
from graphc.passes.cost import TYPICAL, typical
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.patterns import Attribute, Bindings, Form, Match, Order, Part, Rewrite
from graphc.passes.place import Place
from graphc.passes.rebuild import rebuild, same
from graphc.passes.second_look import near_changes
from graphc.passes.tried import Worth, may_be_free, worth_trying

__all__ = ["simplify"]

LEAVES = {"argument", "seed", "const", "size"}
NEW, UNCERTAIN = -1, -2
"""In the place of a node's id: there is none yet, or it is not certain whether there is one."""
DEEPEST = 4
"""A replacement is made before it is weighed, and another one may be made for it: of sums of sums a whole chain."""
FARTHEST = 120
"""So many simplifications are tried inside one another: of a product of a thousand numbers with an array each asks for
a simpler form of what is left. Each takes five or six of the thousand calls that Python lets stand open; the rest is
left to those who compile, in a thread or a test."""


def simplify(graph: Graph) -> Graph:
    """The graph with shared subexpressions and local rewrites; a graph of this pass in which no more fits, itself."""
    before = graph.uses()
    if graph.looks and not graph.looks.pop().finds_more(graph, before):
        return graph
    uses: dict[int, int] = {}
    simplifiers: list[_Simplifier] = []
    met, merged, untried = _Met(), set[int](), set[int]()
    undeclared = any(_is_open(graph[argument.node].type.shape) for argument in graph.arguments)

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if not simplifiers:
            builder.solver = met
            simplifiers.append(_Simplifier(builder, uses))
        if undeclared and builder.op(node.op).elementwise:
            met.note(node.type.shape, [builder.type(u).shape for u in operands])
        first = len(builder.nodes)
        found = simplifiers[0].simpler_node(node, operands)
        untried.update(range(first, len(builder.nodes)))
        made = found if found is not None else same(builder, node, operands)
        if made in uses:
            merged.add(made)
        uses[made] = uses.get(made, 0) + before.get(node.id, 0)
        return made

    simplified = eliminate_dead_code(rebuild(graph, make, share=True))
    if simplifiers and simplified.nodes is simplifiers[0].builder.nodes:
        # to which the next look adds the nodes that it tries
        simplified = simplified.replace(nodes=dict(simplified.nodes))
    simplified.looks.extend(_Look(simplifier, uses, merged, untried) for simplifier in simplifiers)
    return simplified


class _Look:
    """A look at the whole of a graph, remembered until the next one."""

    def __init__(
        self, simplifier: _Simplifier, uses: Mapping[int, int], merged: set[int], untried: set[int]
    ) -> None:  # fmt: skip
        self.simplifier, self.uses, self.merged, self.untried = simplifier, uses, merged, untried

    def finds_more(self, graph: Graph, uses: Mapping[int, int]) -> bool:
        """Whether anything fits in the graph that has come of it, as its values are used now."""
        self.simplifier.uses = uses
        for node in near_changes(graph, self.uses, uses, self.merged, self.untried):
            self.simplifier.builder.origin = node.origin
            if self.simplifier.simpler_node(node, node.operands) is not None:
                return True
        return False


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
        self.depth = 0  # how many replacements are being made, each for another one
        self.nested = 0  # how many simplifications are being tried, each inside another one

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
        op, nodes = node.op, self.builder.nodes
        worth = worth_trying(op, tuple([nodes[u].op for u in operands]), node.type.shape == ())
        if worth is None or op in LEAVES:  # as most have none
            return None
        return self._simpler(worth, op, operands, dict(node.attrs), node.type)

    def simpler(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type | None) -> int | None:
        """A simpler node for this one, or None. `type` is the type it must have; None: what the operation infers."""
        type = type or self._inferred(op, operands, attrs)
        if type is None or op in LEAVES or self.nested == FARTHEST:
            return None
        nodes = self.builder.nodes
        worth = worth_trying(op, tuple([nodes[u].op for u in operands]), type.shape == ())
        if worth is None:
            return None
        self.nested += 1
        try:
            return self._simpler(worth, op, operands, attrs, type)
        finally:
            self.nested -= 1

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
        for rewrite, order in rewrites:
            if rewrite.cancels and not place.of_rule:
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
        """The replacement, further rewritten if that adds no work either; None if it adds some. Of most replacements
        that is seen before a node of them is made: a long sum of products would be tried term by term."""
        saved, form = self._saved(place, found), rewrite.operators
        if isinstance(form, Form) and self._least(form, found.bindings, _count(place.type.shape))[1] > saved:
            return None
        before = len(self.builder.nodes)
        made = self._replaced(place, rewrite, found)
        if made is None or self._work(range(before, len(self.builder.nodes))) <= saved:
            return made
        further = not isinstance(form, Form) or self.builder[made].op != form.op
        self.builder.forget(before)
        if not further:
            return None
        made = self._replaced(place, rewrite, found, depth=DEEPEST)
        if made is None or self._work(range(before, len(self.builder.nodes))) <= saved:
            return made
        self.builder.forget(before)
        return None

    def _replaced(self, place: Place, rewrite: Rewrite, found: Match, depth: int = 0) -> int | None:
        """The rewrite's replacement, broadcast if need be; None where it has another type.

        At the greatest `depth` it is not rewritten in its turn.
        """
        outside, self.depth = self.depth, depth or self.depth + 1
        try:
            if rewrite.operators is None:
                made = self._evaluated(rewrite.replacement, found.bindings)
            else:
                made = self._made(rewrite.operators, found.bindings)
        except (ShapeError, Fault):
            return None
        finally:
            self.depth = outside
        if self.type(made) == place.type:
            return made
        return place.repeat(made, place.type) if repeats(self.type(made), place.type) else None

    def _made(self, part: Part, bindings: Bindings) -> int:
        """What stands at a part of a replacement, which is of operators. Raises ShapeError."""
        if isinstance(part, Form):
            parts = [self._made(each, bindings) for each in part.parts]
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

    def _least(self, form: Form, bindings: Bindings, result: int = 0) -> tuple[int, int]:
        """The node that a replacement's form is, as far as that is certain, and the work that it adds at least.

        An operator goes through no fewer entries than its `result` has and its operands that are at hand. Nothing is
        said of one that may take a form that is free, nor of what is computed of that.
        """
        nodes, added = self.builder.nodes, 0
        ids: list[int] = []
        made_by: list[str] = []
        for part in form.parts:
            if isinstance(part, Form):
                id, least = self._least(part, bindings)
                added += least
                made_by.append(part.op)
            elif isinstance(part, str):
                bound = bindings[part]
                assert isinstance(bound, int)
                id = bound
                made_by.append(nodes[id].op)
            else:
                dtype = "int" if isinstance(part, int) else "float"
                known = self.builder.find("const", (), {"value": part, "dtype": dtype})
                id = NEW if known is None else known
                made_by.append("const")
            ids.append(id)
        if UNCERTAIN in ids:
            return UNCERTAIN, added
        there = [id for id in ids if id != NEW]
        if len(there) == len(ids):
            known = self.builder.find(form.op, ids)
            if known is not None:
                return known, added
            worth = worth_trying(form.op, tuple(made_by), number=True)
            if worth is not None and any(order.match(nodes, ids, {}) for _, order in worth[1]):
                return UNCERTAIN, added
        if may_be_free(form.op, tuple(made_by)):
            return UNCERTAIN, added
        return NEW, added + max([result, *[_count(nodes[id].type.shape) for id in there]])

    def _work(self, ids: Iterable[int]) -> int:
        """The entries that these operations go through; numbers and views are free."""
        nodes = self.builder.nodes
        return sum([self._entries(nodes[id].op, nodes[id].type, nodes[id].operands) for id in ids])

    def _entries(self, op: str, type: Type, operands: Iterable[int]) -> int:
        """The size of the largest array of an operation, sizes with names being typical; a number counts nothing."""
        if self.builder.op(op).cost == "free":
            return 0
        nodes = self.builder.nodes
        return max([_count(type.shape), *[_count(nodes[u].type.shape) for u in operands]])

    def _saved(self, place: Place, found: Match) -> int:
        """The entries that the old form goes through: its root, and what is of use for that alone."""
        gone: set[int] = set()
        used = set(place.operands)
        for id in sorted(found.inner, reverse=True):  # what uses a value stands behind it
            if id in used and self.uses.get(id, 1) == 1:
                gone.add(id)
                used.update(self.builder.nodes[id].operands)
        return self._entries(place.op, place.type, place.operands) + self._work(gone)


@lru_cache(maxsize=4096)
def _count(shape: Shape) -> int:
    sizes = [TYPICAL, TYPICAL] if isinstance(shape, Unknown) else [typical(n) for n in shape]
    return math.prod(sizes) if sizes else 0
