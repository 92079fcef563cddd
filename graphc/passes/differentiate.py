"""Reverse-mode differentiation of a graph by the derivation rules.

    x: (N, D), w: (D, H), dL: ()
    z = x @ w                                       dy = broadcast_to(dL, (N, H))       rule sum
    y = relu(z)                                     dz = dy * (y > 0)                   rule relu
    L = sum(y)                  becomes             dw = mT(x) @ dz                     rule matmul

Un-broadcasting happens here and nowhere else: a contribution that is wider than its operand is summed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from graphc.ir.graph import Argument, Builder, Graph, Node, Origin, title
from graphc.ir.types import Unknown, shape_text
from graphc.ir.words import by_operands
from graphc.language import tree
from graphc.language.expand import at_rule, expand_rule
from graphc.language.values import Fault
from graphc.ops.base import Op
from graphc.ops.cuts import WHOLE
from graphc.passes.branches import Branches, Cases
from graphc.passes.shifts import cancelling
from graphc.passes.steep import steep_cotangents

__all__ = ["Adjoint", "default_wrt", "differentiate", "sum_to_type", "unreached", "zeros_of"]

ARITHMETIC = {"add", "subtract", "multiply", "divide", "matmul"}

SUMMED: Final = frozenset(["matmul", "outer", "sum", "squeeze", "reshape", "mT"])
"""What makes a cotangent of a part that gets a name: a term or a factor with one would not be collected any more."""


class Adjoint:
    """The cotangents of everything that `seeds` (node -> its cotangent) depend on, made as they are asked for."""

    def __init__(self, builder: Builder, seeds: dict[int, int], name: bool = True) -> None:
        self.builder = builder
        self.given = set(seeds.values())
        self.name = name
        self.cotangents: dict[int, int | None] = {}
        self.contributions: dict[int, int] = dict(seeds)
        self.cases: dict[int, Cases] = {}
        self.ancestors = _ancestors(builder, seeds)
        self.expanded: set[int] = set()
        self.users = _users(builder, self.ancestors)
        self.constant = cancelling(builder.nodes, self.users, seeds, builder.op)
        self.branches = Branches(builder.nodes, self.users, seeds, builder.op)
        self.steep = steep_cotangents(builder.nodes, self.users, builder.op)

    def gradients(self, wrt: Sequence[int]) -> list[int | None]:
        """The cotangents of these nodes; None for one that the seeds do not depend on smoothly.

        Only what was not asked for before is worked out: all gradients of a loss together take one reverse pass.
        """
        wanted, through = self._between(wrt)
        for id in sorted(wanted, reverse=True):
            if id not in self.cotangents:
                self.cotangents[id] = self._accumulate(id)
            cotangent = self.cotangents[id]
            if id in through:
                self.expanded.add(id)
                if cotangent is not None:
                    self._expand(self.builder[id], cotangent)
        found = [self.cotangents.get(id) for id in wrt]
        closed = self.branches.closed
        return [c if c is None else closed(self.builder, id, c) for id, c in zip(wrt, found, strict=True)]

    def _between(self, wrt: Sequence[int]) -> tuple[set[int], set[int]]:
        """What lies between the variables and the seeds, as far as it is not done: nodes whose cotangent is wanted,
        and those of them whose rule must be applied."""
        wanted = {id for id in wrt if id in self.ancestors}
        through: set[int] = set()
        stack = [id for id in wanted if id not in self.cotangents]
        while stack:
            for user in self.users.get(stack.pop(), ()):
                if user not in self.expanded and user not in through and user not in self.constant:
                    through.add(user)
                    if user not in wanted:
                        wanted.add(user)
                        if user not in self.cotangents:
                            stack.append(user)
        return wanted, through

    def _accumulate(self, id: int) -> int | None:
        """The whole cotangent of a node, all of whose uses have contributed; it gets the node's name."""
        if id in self.cases:
            self._choose(id)
        total = self.contributions.pop(id, None)
        if total is None:
            return None
        node, made = self.builder[id], self.builder[total]
        given = total < id or total in self.given or made.op in ("argument", "seed", "const")
        if not given and not made.name:
            if node.name and self.name:
                self.builder.rename(total, "d" + node.name)
            elif (called := node.name or node.hint or _returned(self.builder.op(node.op))) and not made.hint:
                self.builder.hint(total, f"d{called}")
            elif self._is_of_named(node) and not made.hint and self._bears_name(made):
                self.builder.hint(total, f"d{by_operands(self.builder.nodes, node)}")
            elif made.op in SUMMED and (part := self._part(node)) and not made.hint and self._bears_name(made):
                self.builder.hint(total, f"d{part}")
        return total

    def _part(self, node: Node) -> str | None:
        """`W_2` for `W[2]` or `W[:, 2]`: a row, a column or a matrix of a value with a name."""
        if node.op != "slice":
            return None
        whole = self.builder[node.operands[0]].name
        places = [item for item in node.attr("index") if item != WHOLE]
        return f"{whole}_{places[0]}" if whole and len(places) == 1 and isinstance(places[0], int) else None

    def _is_of_named(self, node: Node) -> bool:
        """Whether a value is a product of values with names, their transposes, or parts of them; a vector is a factor
        by its row or its column, and what is left of the product is the value."""
        product = self.builder[node.operands[0]] if node.op == "squeeze" else node
        factors = (self.builder[u] for u in product.operands) if product.op == "matmul" else ()
        of = [(self.builder[f.operands[0]] if f.op in ("mT", "slice", "expand_dims") else f).name for f in factors]
        return bool(of) and all(of)

    def _bears_name(self, cotangent: Node) -> bool:
        """Whether a cotangent may be called after its value: not one that will be called after the value behind whose
        rule it stands, as `dy_tanh` is, nor an array that one number fills: products with that are sums."""
        primal = cotangent.origin.primal if cotangent.origin else None
        filled = cotangent.op == "broadcast_to" and self.builder.type(cotangent.operands[0]).rank == 0
        return not filled and (primal is None or not _is_called(self.builder[primal]))

    def _expand(self, node: Node, cotangent: int) -> None:
        builder, before = self.builder, self.builder.origin
        builder.origin = _reverse(node, node.op)
        try:
            op = builder.op(node.op)
            contributions = expand_rule(builder, op, node, cotangent, chooses=node.id in self.steep)
            here: dict[int, int] = {}
            for place, (operand, contribution) in enumerate(zip(node.operands, contributions, strict=True)):
                if contribution is None or operand not in self.ancestors or not builder.type(operand).is_float:
                    continue
                left, enters = self.branches.left_by(node.id, operand), self.branches.enters(node.id, operand)
                if enters:
                    contribution = cotangent
                try:
                    fitted = sum_to_type(builder, contribution, operand, op.title)
                except Fault as fault:
                    raise at_rule(fault, op, place, node) from None
                if left:
                    entered = enters and node.id not in self.steep
                    if operand not in self.cases:
                        leaving = [user for user in self.users[operand] if self.branches.left_by(user, operand)]
                        self.cases[operand] = Cases(min(leaving))
                    self.cases[operand].add(builder, left, contribution, entered)
                else:
                    here[operand] = builder.add("add", [here[operand], fitted]) if operand in here else fitted
            for operand, fitted in here.items():
                # Added at once, so that no contribution outlives the statement it comes from.
                self._contribute(operand, fitted)
            for operand in set(node.operands) & self.cases.keys():
                if node.id == self.cases[operand].last:
                    self._choose(operand)
        finally:
            builder.origin = before

    def _choose(self, id: int) -> None:
        """Add what the branches of choices contribute to a node."""
        called = self.builder[id].name or self.builder[id].hint
        for chosen in self.cases.pop(id).chosen(self.builder):
            if called:
                self.builder.hint(chosen, f"d{called}_where")
            self._contribute(id, sum_to_type(self.builder, chosen, id, "where"))

    def _contribute(self, id: int, fitted: int) -> None:
        earlier = self.contributions.get(id)
        self.contributions[id] = fitted if earlier is None else self.builder.add("add", [earlier, fitted])


def _is_called(node: Node) -> bool:
    """Whether a value has a name: of the program, or in the body of a function the result of an activation."""
    of_body = node.hint is not None and node.op not in ARITHMETIC and not node.hint.startswith(title(node.op))
    return node.name is not None or of_body


def _returned(op: Op) -> str | None:
    """What the definition of an operation calls its result: that of a standardisation is `xhat`."""
    last = op.definition.body[-1] if op.definition else None
    result = last.values[0] if isinstance(last, tree.Return) else None
    return result.id if isinstance(result, tree.Name) else None


def _reverse(node: Node, rule: str) -> Origin | None:
    if node.origin is None:
        return Origin(-1, None, rule, node.id)
    return Origin(node.origin.statement, node.origin.span, rule, node.id)


def _ancestors(builder: Builder, roots: Iterable[int]) -> set[int]:
    seen = set(roots)
    stack = list(seen)
    while stack:
        for u in builder[stack.pop()].operands:
            if u not in seen:
                seen.add(u)
                stack.append(u)
    return seen


def _users(builder: Builder, ids: Iterable[int]) -> dict[int, list[int]]:
    """For each node those among these nodes that use it and have a gradient."""
    users: dict[int, list[int]] = {}
    for id in sorted(ids):
        if builder[id].type.is_float:
            for u in set(builder[id].operands):
                users.setdefault(u, []).append(id)
    return users


def sum_to_type(builder: Builder, contribution: int, operand: int, op: str) -> int:
    """The contribution summed over the axes along which the operand was broadcast: then it has its type.

    Raises Fault for one that is narrower than its operand, which is the rule's mistake.
    """
    wide, narrow = builder.type(contribution).shape, builder.type(operand).shape
    if wide == narrow:
        return contribution
    if isinstance(wide, Unknown) or isinstance(narrow, Unknown):
        if narrow == ():
            return builder.add("sum", [contribution], {"axis": None, "keepdims": False})
        if isinstance(narrow, Unknown):
            like = builder.add("shape_of", [operand])
            return builder.add("sum_to", [contribution, like], {"like": narrow, "shape": None})
        return builder.add("sum_to", [contribution], {"shape": narrow, "like": None})
    extra = len(wide) - len(narrow)
    tail = wide[extra:] if extra >= 0 else ()
    if extra < 0 or any(w.value == 1 and n.value != 1 and not n.is_open for w, n in zip(tail, narrow, strict=True)):
        raise Fault(
            "E0303", f"the rule of `{op}` gives a gradient of shape {shape_text(wide)} for an operand of shape "
            f"{shape_text(narrow)}", None, help="a wider gradient is summed to its operand, a narrower one is an "
            "error: use `broadcast_to(…, shape(x))`",
        )  # fmt: skip
    certain = all(w == n or n.value == 1 for w, n in zip(tail, narrow, strict=True))
    if not certain:
        pairs = [(w, n) for w, n in zip(tail, narrow, strict=True) if w != n and n.value != 1]
        if any(not w.is_open and not n.is_open for w, n in pairs):
            raise Fault("E0303", f"the rule of `{op}` gives a gradient of shape {shape_text(wide)} for an operand of "
                        f"shape {shape_text(narrow)}", None)  # fmt: skip
        return builder.add("sum_to", [contribution], {"shape": narrow, "like": None})
    kept = tuple(i + extra for i, (w, n) in enumerate(zip(tail, narrow, strict=True)) if w != n)
    if kept:
        contribution = builder.add("sum", [contribution], {"axis": kept, "keepdims": True})
    if extra:
        contribution = builder.add("sum", [contribution], {"axis": tuple(range(extra)), "keepdims": False})
    return contribution


def default_wrt(graph: Graph) -> list[str]:
    """The variables that get a gradient if nobody says otherwise.

    The declared parameters; else the undeclared floating names; else, where all are declared inputs, those.
    """
    def floating(arguments: Iterable[Argument]) -> list[str]:
        return [a.name for a in arguments if graph[a.node].type.is_float]

    for kinds in (("param",), ("free",), ("input",)):
        chosen = floating(a for a in graph.arguments if a.kind in kinds)
        if chosen:
            return chosen
    return []


def differentiate(graph: Graph, wrt: Sequence[str] | None = None, loss: str | None = None) -> Graph:
    """The joint graph: outputs and gradients in one.

    Gradients are named in `Graph.gradients`; the incoming cotangents are the `seed` leaves in `Graph.cotangents`, one
    for the loss, else one per output. A variable that nothing smooth leads to gets zeros of its shape.
    Raises Fault where a name is not one of the program's.
    """
    names = list(wrt) if wrt is not None else default_wrt(graph)
    loss = loss or graph.loss
    builder = Builder(graph.ops)
    map = builder.begin_with(graph)
    targets = [loss] if loss else [n for n, id in graph.outputs.items() if graph[id].type.is_float]
    seeds: dict[int, int] = {}
    cotangents: dict[str, int] = {}
    for name in targets:
        id = map[graph.values[name]]
        seed = builder.add("seed", (), {"name": name}, type=builder.type(id), name=f"d{name}",
                           origin=_reverse(builder[id], "seed"))  # fmt: skip
        cotangents[name] = seed
        seeds[id] = seed if id not in seeds else builder.add("add", [seeds[id], seed])
    adjoint = Adjoint(builder, seeds)
    ids = [map[graph.values[name]] for name in names]
    gradients: dict[str, int] = {}
    for name, id, gradient in zip(names, ids, adjoint.gradients(ids), strict=True):
        gradients[name] = gradient if gradient is not None else zeros_of(builder, id)
        if gradient is None and not builder[gradients[name]].name:
            builder.rename(gradients[name], f"d{name}")
    moved = {name: map[id] for name, id in graph.values.items()}
    return graph.replace(
        nodes=builder.nodes, loss=loss, gradients=gradients, cotangents=cotangents, values=moved,
        outputs={n: map[i] for n, i in graph.outputs.items()}, updates={n: map[i] for n, i in graph.updates.items()},
        arguments=tuple(a.at(map[a.node]) for a in graph.arguments),
    )  # fmt: skip


def unreached(graph: Graph) -> list[str]:
    """The variables whose gradient is zero because nothing smooth leads from them to the loss."""
    reached = set(graph.cotangents.values())
    for node in graph:
        if not reached.isdisjoint(node.operands):
            reached.add(node.id)
    return [name for name, id in graph.gradients.items() if id not in reached]


def zeros_of(builder: Builder, id: int) -> int:
    """Zeros with the shape of a value."""
    shape = builder.type(id).shape
    zero = builder.const(0.0)
    if isinstance(shape, Unknown):
        return builder.add("broadcast_to", [zero, builder.add("shape_of", [id])], {"shape": None, "like": shape})
    return zero if shape == () else builder.add("broadcast_to", [zero], {"shape": shape, "like": None})


