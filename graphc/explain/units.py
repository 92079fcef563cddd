"""A program cut into the steps that a teacher would take: one a named value, more where a function is applied to a sum.

`H = relu(X@W + b)` is two steps, and what is inside gets a name: `u = X@W + b`, `H = relu(u)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from graphc.explain.definitions import LINEAR, MOVES, Undefined
from graphc.explain.entries import Auxiliary, Entries
from graphc.explain.entry_derivative import mentioned
from graphc.explain.index_uses import indexed_and_computed_with
from graphc.explain.terms import Expr, Index, Tensor
from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph
from graphc.ir.types import Unknown
from graphc.passes.differentiate import default_wrt
from graphc.passes.shifts import cancelling

__all__ = ["Plan", "Unit", "expressions", "plan", "references", "size_names"]

HEAVY = 3
"""So many operations inside a function's argument get a name of their own."""
MOST_PRODUCTS = 8
"""A chain of more matrix products is cut: its entry has a letter for each of them."""
REDUCTIONS = {
    "matmul", "sum", "mean", "outer", "convolve", "prod", "max", "largest", "min", "softmax", "norm", "logsumexp",
    "trace",
}  # fmt: skip
SOFTMAXES = {"softmax", "softmax_of", "softmax_of_masked", "softmax_or_zeros"}
VALUES = {"const", "size", "arange", "eye", "zeros", "ones", "number", "as_float", "as_int", "in_range"}


@dataclass(frozen=True)
class Unit:
    """A step: a value with a name, its entry over other named values (None: the operation has no index definition)."""

    id: int
    tensor: Tensor
    indices: tuple[Index, ...]
    expression: Expr | None
    auxiliaries: tuple[Auxiliary, ...]
    operands: tuple[int, ...]


@dataclass
class Plan:
    """The steps in order, the named values, what is differentiated and by what."""

    graph: Graph
    units: list[Unit] = field(default_factory=list)
    tensors: dict[int, Tensor] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    wrt: list[str] = field(default_factory=list)
    active: set[int] = field(default_factory=set)
    constant: set[int] = field(default_factory=set)
    """What cancels, as the largest entry does that is taken from all before a softmax."""
    invented: dict[int, str] = field(default_factory=dict)
    letter: str = "L"
    size_names: dict[str, str] = field(default_factory=dict)
    """Names for the sizes that an undeclared program leaves open."""
    open_shapes: dict[int, tuple[Dim, ...]] = field(default_factory=dict)
    """What the derivation takes the arguments of open shape to be: rows."""

    @property
    def loss(self) -> int | None:
        """The node of the scalar that is differentiated, if it is the program's own."""
        return self.graph.values[self.targets[0]] if self.targets == [self.letter] else None


def plan(graph: Graph, wrt: Sequence[str] | None, loss: str | None) -> Plan:
    """The steps between the variables and the loss, or the outputs where there is no loss."""
    loss = loss or graph.loss
    targets = [loss] if loss else [n for n, id in graph.outputs.items() if graph[id].type.is_float]
    made = Plan(graph, targets=targets, wrt=list(wrt) if wrt is not None else default_wrt(graph))
    made.letter = loss or ("ℓ" if "L" in graph.values else "L")
    roots = [graph.values[name] for name in targets]
    reached = _ancestors(graph, roots)
    variables = [graph.values[name] for name in made.wrt]
    users = {id: [u for u in each if graph[u].type.is_float and u in reached] for id, each in graph.users().items()}
    made.constant = cancelling(graph.nodes, users, roots, Builder(graph.ops).op).difference(variables)
    made.active = _active(graph, reached - made.constant, variables)
    cutter = _Cutter(graph, reached, made.active, made.constant)
    cutter.cut()
    shape = {id: () if isinstance(graph[id].type.shape, Unknown) else graph[id].type.dims for id in cutter.names}
    made.tensors = {
        id: Tensor(id, name, graph[id].type.dtype == "int", shape[id]) for id, name in cutter.names.items()
    }
    made.invented = cutter.invented
    made.size_names = size_names(graph)
    taken = set(cutter.taken)
    made.units = _units(made, cutter, roots)
    numbers = indexed_and_computed_with(e for unit in made.units for e in expressions(unit))
    if numbers:  # then their tensors say so
        made.tensors = {id: replace(t, from_zero=True) if t in numbers else t for id, t in made.tensors.items()}
        cutter.taken = taken
        made.units = _units(made, cutter, roots)
    return made


def expressions(unit: Unit) -> list[Expr]:
    """What a step says: the value's entry, and those of what its definition names."""
    return [e for e in (unit.expression, *(a.expression for a in unit.auxiliaries)) if e is not None]


def _units(made: Plan, cutter: _Cutter, roots: Sequence[int]) -> list[Unit]:
    graph = made.graph
    entries = Entries(graph, made.tensors, cutter.free_name)
    derived = {id for id in roots if _is_derivative(graph, id)}
    units: list[Unit] = []
    for id in sorted(cutter.names):
        own = id in cutter.opaque  # nothing else says what it is
        if own or (id in made.active and any(u in made.active for u in graph[id].operands)):
            units.append(_unit(entries, id, cutter.names))
        elif id in derived:  # a Jacobian without a gradient of its own, such as the identity
            unit = _unit(entries, id, cutter.names)
            units += [unit] if unit.expression is not None else []
    made.open_shapes = entries.rows
    return units


def size_names(graph: Graph) -> dict[str, str]:
    """The sizes of undeclared arguments as a reader would call them, in the order of the arguments: N, D, H, C, …"""
    shapes = [graph[a.node].type.shape for a in graph.arguments]
    found = dict.fromkeys(n for s in shapes if not isinstance(s, Unknown) for d in s for n in d.names())
    free = [letter for letter in "NDHCKMPQRTUVEFGJ" if letter not in found]  # a value may have the name of a size
    open_ = [name for name in found if name.startswith("?")]
    return dict(zip(open_, free, strict=False))


def _is_derivative(graph: Graph, id: int) -> bool:
    """Whether a value is a derivative that the program itself asks for."""
    origin = graph[id].origin
    if origin is None or not 0 <= origin.statement < len(graph.statements):
        return False
    text = graph.statements[origin.statement].text
    return origin.rule is not None or bool(re.search(r"\b(jacobian|hessian)\(", text))


def references(graph: Graph, unit: Unit, operand: int, names: Iterable[int]) -> int:
    """How often a step's statement uses an operand."""
    inside = [unit.id, *_inside(graph, unit.id, set(names))]
    return sum(graph[id].operands.count(operand) for id in inside)


def _unit(entries: Entries, id: int, names: Iterable[int]) -> Unit:
    try:
        indices, expression = entries.definition(id)
    except Undefined:
        return Unit(id, entries.tensors[id], (), None, (), entries.graph[id].operands)
    auxiliaries = [a for u in _inside(entries.graph, id, set(names)) for a in entries.auxiliaries.get(u, [])]
    auxiliaries += entries.auxiliaries.get(id, [])
    parts = [expression, *(a.expression for a in auxiliaries)]
    found = {tensor for part in parts for tensor in mentioned(part)}
    operands = [tensor.id for tensor in found if isinstance(tensor.id, int)]
    return Unit(id, entries.tensors[id], indices, expression, tuple(auxiliaries), tuple(sorted(operands)))


def _inside(graph: Graph, id: int, names: set[int]) -> list[int]:
    """The nodes without a name that a value is made of."""
    found: list[int] = []
    stack = [u for u in graph[id].operands if u not in names]
    while stack:
        u = stack.pop()
        if u not in found:
            found.append(u)
            stack += [v for v in graph[u].operands if v not in names]
    return sorted(found)


def _ancestors(graph: Graph, roots: Iterable[int]) -> set[int]:
    seen, stack = set(), list(roots)
    while stack:
        id = stack.pop()
        if id not in seen:
            seen.add(id)
            stack += graph[id].operands
    return seen


def _active(graph: Graph, reached: set[int], variables: Sequence[int]) -> set[int]:
    active = {id for id in variables if id in reached}
    for id in sorted(reached):
        if graph[id].type.is_float and any(u in active for u in graph[id].operands):
            active.add(id)
    return active


class _Cutter:
    """Chooses the values that have a name, and gives one to those that need it."""

    def __init__(self, graph: Graph, reached: set[int], active: set[int], constant: set[int]) -> None:
        self.graph, self.reached, self.active, self.constant = graph, reached, active, constant
        self.names: dict[int, str] = {}
        for name, id in graph.values.items():
            if id in reached and (graph[id].op != "const" or isinstance(graph[id].attr("value"), tuple)):
                self.names.setdefault(id, name)
        self.invented: dict[int, str] = {}
        self.opaque: set[int] = set()
        """The nodes without a gradient that have no index definition, and no name of the program's."""
        self.taken = set(graph.values) | {n for node in graph for d in _dims(graph, node.id) for n in d.names()}

    def free_name(self, wanted: str) -> str:
        """The name, or the first free variation of it."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name

    def cut(self) -> None:
        for id in sorted(self.reached):
            node = self.graph[id]
            if node.op == "const" and isinstance(node.attr("value"), tuple) and id not in self.names:
                self._name(id, "M")
            elif id in self.active and node.operands:
                self._cut_operands(id)
            elif id in self.constant and id not in self.names:
                self._name(id, "m")
            elif node.operands and node.op not in VALUES and id not in self.names and self._is_opaque(id):
                self._name(id, "u")  # no gradient flows there, but what it is part of has to speak of it
                self.opaque.add(id)

    def _cut_operands(self, id: int) -> None:
        node = self.graph[id]
        opaque = self._is_opaque(id)
        if opaque and id not in self.names:
            self._name(id, "u")
        for u in node.operands:
            if u in self.names or self.graph[u].op in VALUES:
                continue
            inert = node.op in LINEAR or node.op in MOVES
            if self.graph[u].op in SOFTMAXES and self.graph[u].type.is_float:
                self._name(u, "P")
            elif opaque or self._is_long(u) or (not inert and self.graph[u].type.is_float and self._is_heavy(u)):
                self._name(u, "u")

    def _name(self, id: int, wanted: str) -> None:
        """Give a part of a statement the name that a function's body gave it, else the one that is wanted."""
        wanted = self.graph[id].hint or wanted
        self.names[id] = self.invented[id] = self.free_name(wanted)

    def _is_opaque(self, id: int) -> bool:
        """Whether the operation has no index definition."""
        node = self.graph[id]
        names = {
            u: Tensor(u, str(u), not self.graph[u].type.is_float) for u in node.operands
            if self.graph[u].op not in VALUES or self.graph[u].op == "const"
        }  # fmt: skip
        try:
            Entries(self.graph, names).definition(id)
        except Undefined:
            return True
        return False

    def _is_long(self, id: int) -> bool:
        """Whether so many products stand in a part of a statement that the next one is a step of its own."""
        if id not in self.active or self.graph[id].op != "matmul":
            return False
        return sum(self.graph[u].op == "matmul" for u in _inside(self.graph, id, set(self.names))) + 1 >= MOST_PRODUCTS

    def _is_heavy(self, id: int) -> bool:
        inside = [id, *_inside(self.graph, id, set(self.names))] if id not in self.names else []
        ops = [self.graph[u].op for u in inside if u in self.active]
        if any(op in REDUCTIONS for op in ops):
            return True
        return sum(op not in MOVES and op not in VALUES for op in ops) >= HEAVY


def _dims(graph: Graph, id: int) -> tuple[Dim, ...]:
    shape = graph[id].type.shape
    return () if isinstance(shape, Unknown) else shape
