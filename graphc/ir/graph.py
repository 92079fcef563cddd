"""The graph: nodes in a typed dict, edges in one networkx.DiGraph.

A node's operands are the only home of operand order: `x * x` has two operands and one edge. Ids grow along edges, so
sorting by id is a topological order and every tie is broken the same way on every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from graphc.ir.dims import Dim, dim
from graphc.ir.types import ShapeError, Solver, Type, Unknown, check_rank
from graphc.language.source import Span

if TYPE_CHECKING:
    import networkx as nx

    from graphc.ops.base import Op

__all__ = ["MAX_NODES", "Argument", "Attrs", "Builder", "Graph", "Node", "Origin", "Statement", "title", "typed"]

@cache
def _of_table(name: str) -> Op:
    """The table's operation of that name. Imported late: the files of the table import this one."""
    from graphc.ops.table import lookup

    return lookup(name)


_OPERANDS = attrgetter("operands")
MAX_NODES = 1_000_000
"""So many operations a graph may have: time and memory stay bounded whatever is unrolled or derived."""

COMMUTATIVE = {"add", "multiply"}
"""Operations of which `x op y` and `y op x` are one value to the bit: maximum and minimum of 0 and -0 are not."""

Attrs = tuple[tuple[str, Any], ...]


# Each pass makes all nodes anew, and a frozen dataclass takes five times as long to make as one whose fields are final:
# that nobody changes them the type checker sees.


@dataclass(slots=True, unsafe_hash=True)
class Statement:
    """A statement of the source as the generated module quotes it: text, file and line; `steps` of the loops around it,
    the variables with their values."""

    index: Final[int]
    text: Final[str]
    file: Final[str]
    line: Final[int]
    steps: Final[tuple[tuple[str, int], ...]] = ()


@dataclass(slots=True, unsafe_hash=True)
class Origin:
    """Where a node comes from: the statement, the exact place, and if a rule made it the node it differentiates."""

    statement: Final[int]
    span: Final[Span | None] = None
    rule: Final[str | None] = None
    primal: Final[int | None] = None


@dataclass(slots=True, eq=False)
class Node:
    """One operation. `name` is the user's (or `dZ` for a gradient); `hint` a name from a definition, not binding."""

    id: Final[int]
    op: Final[str]
    operands: Final[tuple[int, ...]]
    attrs: Final[Attrs]
    type: Final[Type]
    name: Final[str | None] = None
    hint: Final[str | None] = None
    origin: Final[Origin | None] = None

    @property
    def of_rule(self) -> bool:
        """Whether a derivation rule made it."""
        return self.origin is not None and self.origin.rule is not None

    def attr(self, name: str, default: Any = None) -> Any:
        """The value of an attribute."""
        for key, value in self.attrs:
            if key == name:
                return value
        return default

    def typed(self, type: Type, attrs: Attrs) -> Node:
        """The same operation of other sizes."""
        return Node(self.id, self.op, self.operands, attrs, type, self.name, self.hint, self.origin)

    def called(self, name: str | None, hint: str | None) -> Node:
        """The same node under these names."""
        return Node(self.id, self.op, self.operands, self.attrs, self.type, name, hint, self.origin)


@dataclass(slots=True, unsafe_hash=True)
class Argument:
    """An argument of the program. `kind` is `input`, `param` or `free` (undeclared).

    `declared` is the type as written (`float`, `float32`, `float64`, `int`, `bool`).
    """

    name: Final[str]
    node: Final[int]
    kind: Final[str]
    declared: Final[str] = "float"
    span: Final[Span | None] = None

    def at(self, node: int) -> Argument:
        """The same argument, of a graph in which it is this node."""
        return Argument(self.name, node, self.kind, self.declared, self.span)


@dataclass(frozen=True, eq=False)
class Graph:
    """A program, or a program with its gradients (then `gradients` and `cotangents` are filled).

    `outputs` maps names to nodes; `loss` names the scalar among them to differentiate, if there is one. `updates` are
    the training step's new values; `bounds` the run-time checks that undeclared arguments need: (inner, outer) shapes;
    `together` are arguments that broadcast with one another, `agreeing` sizes that are equal unless one of them is 1.
    `minimums` are sizes that must not be too small, `ranks` the least ranks: (arguments, one of which must have it, and
    the rank), `limits` the ranges of integer arguments: (name, size, `label` or `index`).
    """

    nodes: Mapping[int, Node]
    arguments: tuple[Argument, ...] = ()
    outputs: Mapping[str, int] = field(default_factory=dict)
    loss: str | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    updates: Mapping[str, int] = field(default_factory=dict)
    gradients: Mapping[str, int] = field(default_factory=dict)
    cotangents: Mapping[str, int] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    bounds: tuple[tuple[Any, tuple[Dim, ...]], ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    agreeing: tuple[tuple[Dim, Dim], ...] = ()
    minimums: tuple[tuple[Dim, int | Dim, str], ...] = ()
    ranks: tuple[tuple[tuple[str, ...], int], ...] = ()
    limits: tuple[tuple[str, Dim, str], ...] = ()
    ops: Mapping[str, Op] = field(default_factory=dict)
    source: str = ""
    file: str = "<string>"

    @cached_property
    def dag(self) -> nx.DiGraph:
        """Edges u→v: u is an operand of v. Frozen."""
        import networkx as nx  # here, and not above: it takes longer to import than a small program to compile

        dag = nx.DiGraph()
        dag.add_nodes_from(self.nodes)
        dag.add_edges_from((u, node.id) for node in self.nodes.values() for u in node.operands)
        return nx.freeze(dag)

    def positive(self, size: Dim) -> bool:
        """Whether a size is certainly not 0, as the arguments have been checked: it counts the classes of labels, or
        something in the program needs so much of it."""
        known, names = self._not_empty
        return size in known or (size.substitute(names) - 1).is_nonnegative()

    @cached_property
    def _not_empty(self) -> tuple[set[Dim], dict[str, Dim]]:
        """The sizes that are checked not to be 0, and the names of such sizes, each as 1 and the rest of it."""
        checked = [(size, dim(1)) for _, size, kind in self.limits if kind == "label"]
        checked += [(size, dim(least)) for size, least, _ in self.minimums]
        known = {size for size, least in checked if (least - 1).is_nonnegative()}
        names: dict[str, Dim] = {}
        for size, least in checked:
            for name in set(size.names()):
                slope, rest = size.linear_in(name) or (dim(0), size)
                if slope.value is not None and slope.value > 0 and (least - rest - 1).is_nonnegative():
                    names[name] = dim(name) + 1
        return known, names

    @cached_property
    def read_by_rows(self) -> dict[int, tuple[Dim, Any]]:
        """What `passes/regions.py` has found out about nodes: of each for which rows it was asked last, the answer."""
        return {}

    @cached_property
    def looks(self) -> list[Any]:
        """What `passes/simplify.py` remembers of a graph that it has made, until it looks at it again."""
        return []

    @property
    def roots(self) -> list[int]:
        """Everything that must be kept: outputs, gradients, updates."""
        return [*self.outputs.values(), *self.gradients.values(), *self.updates.values()]

    def uses(self) -> Counter[int]:
        """How often each value is used: as an operand, and as something that must be kept."""
        return self._uses

    def users(self) -> dict[int, list[int]]:
        """For each value those that it is an operand of, each of them once."""
        return self._users

    # Several passes in a row ask for these of a graph that none of them changes.

    @cached_property
    def _uses(self) -> Counter[int]:
        uses = Counter(chain.from_iterable(map(_OPERANDS, self.nodes.values())))
        uses.update(self.roots)
        return uses

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        users: dict[int, list[int]] = {}
        for node in self:
            for u in dict.fromkeys(node.operands):
                users.setdefault(u, []).append(node.id)
        return users

    def __getitem__(self, id: int) -> Node:
        return self.nodes[id]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def op(self, node: Node) -> Op:
        """The operation of a node: the program's own, else the table's."""
        return self.ops.get(node.op) or _of_table(node.op)

    def _repr_svg_(self) -> str:
        from graphc.notebook import graph_svg

        return graph_svg(self)

    def _repr_html_(self) -> str:
        from graphc.notebook import graph_html

        return graph_html(self)

    def replace(self, **changes: Any) -> Graph:
        return replace(self, **changes)

    def verify(self) -> Graph:
        """The graph itself, after a check that it is sound: edges, order, types, names. AssertionError if it is not."""
        import networkx as nx

        assert nx.is_directed_acyclic_graph(self.dag)
        for id, node in self.nodes.items():
            assert node.id == id
            assert all(u in self.nodes and u < id for u in node.operands), f"node {id}: an operand does not precede it"
            assert set(self.dag.predecessors(id)) == set(node.operands), f"node {id}: edges and operands differ"
            op = self.op(node)
            if node.operands and node.type.shape != ():
                inferred = op.infer(Solver(), [self.nodes[u].type for u in node.operands], dict(node.attrs))
                assert inferred.dtype == node.type.dtype, f"node {id} {node.op}: {inferred} is not {node.type}"
                assert inferred.rank == node.type.rank or None in (inferred.rank, node.type.rank), f"node {id}: rank"
        for field_name in ("outputs", "gradients", "updates", "cotangents", "values"):
            for name, id in getattr(self, field_name).items():
                assert id in self.nodes, f"{field_name}: {name} is not a node"
        assert all(a.node in self.nodes for a in self.arguments)
        return self


class Builder:
    """Makes a graph node by node; each new node's type comes from its operation's shape function.

    With `share`, equal operations on equal operands become one node (common subexpressions).
    """

    def __init__(self, ops: Mapping[str, Op] | None = None, solver: Solver | None = None, share: bool = False) -> None:
        self.nodes: dict[int, Node] = {}
        self.ops: dict[str, Op] = {op.name: op for op in (ops or {}).values()}
        self.solver = solver or Solver()
        self.share = share
        self.origin: Origin | None = None
        self.replays: dict[Any, Any] = {}  # see `ir/replay.py`
        self.replayed = 0
        self.deriving: list[Any] = []  # whose rules are being applied, one within the other: see `language/expand.py`
        # Which numbers are plain ones, with the operands that says it of: see `language/nodes.py`.
        self.plain: dict[int, tuple[tuple[int, ...], bool]] = {}
        self.events: list[Any] | None = None  # of what is noted for it: new nodes, and names that nodes get
        self._next = 0
        self._known: dict[tuple[Any, ...], int] = {}
        self._numbered: dict[Any, int] = {(): 0}  # attributes as `typed` has them
        self._numbers: dict[int, tuple[int, Attrs]] = {}  # by their identity, with them, so that no others get their id

    def op(self, name: str) -> Op:
        return self.ops.get(name) or _of_table(name)

    def add(
        self,
        op: str,
        operands: Sequence[int] = (),
        attrs: Mapping[str, Any] | None = None,
        *,
        type: Type | None = None,
        name: str | None = None,
        hint: str | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Add a node and return its id. Raises ShapeError where the operands do not agree."""
        pairs: Attrs = tuple(sorted(attrs.items())) if attrs else ()
        return self._enter(op, tuple(operands), pairs, type, name, hint, origin or self.origin)

    def remake(self, node: Node, operands: Sequence[int], origin: Origin | None = None) -> int:
        """The node of another graph with its type and names, on operands of this one; its id."""
        return self._enter(
            node.op, tuple(operands), node.attrs, node.type, node.name, node.hint, origin or self.origin
        )

    def enter(self, node: Node, operands: tuple[int, ...], origin: Origin | None) -> int:
        """As `remake`, at this very place in the program."""
        return self._enter(node.op, operands, node.attrs, node.type, node.name, node.hint, origin)

    def _enter(
        self, op: str, operands: tuple[int, ...], attrs: Attrs, type: Type | None, name: str | None, hint: str | None,
        origin: Origin | None,
    ) -> int:  # fmt: skip
        share = self.share and op != "argument"
        if share:
            key = self._key(op, operands, attrs, name)
            known = self._known.get(key)
            if known is not None:
                node = self.nodes[known]
                if (name and not node.name) or (hint and not node.hint):
                    self.nodes[known] = node.called(node.name or name, node.hint or hint)
                return known
        if type is None:
            type = self.op(op).infer(self.solver, [self.nodes[i].type for i in operands], dict(attrs))
            check_rank(type.shape.least if isinstance(type.shape, Unknown) else len(type.shape))
        id = self._next
        if id >= MAX_NODES:
            raise ShapeError(f"the program and its gradients have more than {MAX_NODES:,} operations", code="E0213")
        self._next += 1
        self.nodes[id] = node = Node(id, op, operands, attrs, type, name, hint, origin)
        if self.events is not None:
            self.events.append(node)
        if share:
            self._known[key] = id
        return id

    def _key(self, op: str, operands: tuple[int, ...], attrs: Attrs, name: str | None) -> tuple[Any, ...]:
        """What makes two operations one. Arrays that a program makes of nothing under two names stay two:
        `c_0 = zeros(…)` beside `h_0 = zeros(…)` is a state of its own to its reader."""
        operands = _ordered(op, operands)
        own = name if not operands and op != "const" else None
        if not attrs:
            return op, operands, 0, own
        known = self._numbers.get(id(attrs))
        if known is None:
            number = self._numbered.setdefault(typed(attrs), len(self._numbered))
            known = self._numbers[id(attrs)] = (number, attrs)
        return op, operands, known[0], own

    def find(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any] | None = None) -> int | None:
        """The node of this operation on these operands, if there is one that would be shared."""
        number = self._numbered.get(typed(tuple(sorted(attrs.items())))) if attrs else 0
        return None if number is None else self._known.get((op, _ordered(op, tuple(operands)), number, None))

    def __getitem__(self, id: int) -> Node:
        return self.nodes[id]

    def type(self, id: int) -> Type:
        return self.nodes[id].type

    def forget(self, count: int) -> None:
        """Take back the nodes made since there were `count`, which nothing refers to."""
        while self._next > count:
            self._next -= 1
            node = self.nodes.pop(self._next)
            self._known.pop(self._key(node.op, node.operands, node.attrs, node.name), None)

    def withdraw(self, count: int) -> None:
        """Take back the nodes made without sharing since there were `count`."""
        while self._next > count:
            self._next -= 1
            del self.nodes[self._next]

    def rename(self, id: int, name: str) -> None:
        """Give a node its user's name."""
        if self.events is not None:
            self.events.append(("rename", id, name))
        self.nodes[id] = self.nodes[id].called(name, self.nodes[id].hint)

    def hint(self, id: int, name: str) -> None:
        """Suggest a name for a node in the generated code."""
        if self.events is not None:
            self.events.append(("hint", id, name))
        self.nodes[id] = self.nodes[id].called(self.nodes[id].name, name)

    def suggest(self, id: int, name: str) -> None:
        """Suggest a name for a node that is called nothing yet."""
        node = self.nodes[id]
        if self.events is not None:
            self.events.append(("suggest", id, name))
        if node.name is None and node.hint is None and node.op != "argument":
            self.nodes[id] = node.called(None, name)

    # ------------------------------------------------------------ what every pass writes

    def const(self, value: Any, dtype: str = "float") -> int:
        """A constant: a number, or nested tuples of numbers."""
        return self.add("const", (), {"value": value, "dtype": dtype})

    def begin_with(self, graph: Graph) -> dict[int, int]:
        """The nodes of another graph, before there are any here; from their ids to those that they have here."""
        assert not self.nodes and not self.share
        if len(graph) == max(graph.nodes, default=-1) + 1:  # numbered as they would be here
            self.nodes.update(graph.nodes)
            self._next = len(graph)
            return dict(zip(graph.nodes, graph.nodes, strict=True))
        moved: dict[int, int] = {}
        for node in graph:
            moved[node.id] = self.remake(node, [moved[u] for u in node.operands], node.origin)
        return moved


def title(op: str) -> str:
    """What the program calls the operation of a node: `pick` is both the built-in one and the program's own `pick'`."""
    return op.removesuffix("'")


def _ordered(op: str, operands: tuple[int, ...]) -> tuple[int, ...]:
    """The operands in the one order of what is the same value in both."""
    return operands[::-1] if op in COMMUTATIVE and operands[0] > operands[1] else operands


def typed(value: Any) -> Any:
    """A key in which 1, 1.0 and True differ."""
    if isinstance(value, tuple):
        return tuple([part if part is None or part.__class__ is str else typed(part) for part in value])
    if isinstance(value, slice):
        return ("slice", typed(value.start), typed(value.stop), typed(value.step))
    return (type(value).__name__, repr(value) if isinstance(value, float) else value)
