"""A node's entry as an index expression over the values that have names, through the nodes between them.

    S = H@W2 + b2        S_ic = Σ_h H_ih W2_hc + b2_c        over H, W2, b2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from graphc.explain import (  # noqa: F401 (they fill DEFINITIONS)
    constant_definitions,
    entrywise_definitions,
    joined_definitions,
    moved_definitions,
    score_definitions,
    sum_definitions,
    window_definitions,
)
from graphc.explain.definitions import DEFINITIONS, Undefined
from graphc.explain.terms import ZERO, Entry, Expr, Index, Tensor, fresh
from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown
from graphc.language.expand import expand_definition

__all__ = ["Auxiliary", "Entries"]


@dataclass(frozen=True)
class Auxiliary:
    """A value that a definition gives a name, as the softmax in a cross-entropy."""

    tensor: Tensor
    indices: tuple[Index, ...]
    expression: Expr


@dataclass
class Entries:
    """Reads the entries of a graph's nodes; `tensors` are the values with names, at which reading stops.

    `rows` are the values of unknown rank that are taken to be rows; `auxiliaries` what definitions have named.
    """

    graph: Graph
    tensors: Mapping[int, Tensor]
    free_name: Callable[[str], str] = str
    rows: dict[int, tuple[Dim, ...]] = field(default_factory=dict)
    auxiliaries: dict[int, list[Auxiliary]] = field(default_factory=dict)

    def definition(self, id: int) -> tuple[tuple[Index, ...], Expr]:
        """New indices for an entry of a node, and what the entry is. Raises Undefined."""
        out = tuple(fresh(n) for n in self.shape(id))
        return out, self._through(id, out)

    def shape(self, id: int) -> tuple[Dim, ...]:
        shape = self.graph[id].type.shape
        if isinstance(shape, Unknown):
            if id in self.rows:
                return self.rows[id]
            raise Undefined("a rank that is not known")
        return shape

    def at(self, id: int, indices: Sequence[Expr]) -> Expr:
        """An entry of a node."""
        tensor = self.tensors.get(id)
        if tensor is not None:
            return Entry(tensor, tuple(indices))
        return self._through(id, indices)

    def _through(self, id: int, indices: Sequence[Expr]) -> Expr:
        node = self.graph[id]
        define = DEFINITIONS.get(node.op)
        if define is not None and self.graph.ops.get(node.op) is None:
            return define(_Operands(self, node), indices)
        op = self.graph.op(node)
        if op.definition is None:
            raise Undefined(node.op)
        return self._inlined(node, indices)

    def _inlined(self, node: Node, indices: Sequence[Expr]) -> Expr:
        """By the definition in the language, on operands whose entries are read here."""
        builder = Builder(self.graph.ops, Solver())
        ids = [
            builder.add("argument", (), {"name": str(k)}, type=Type(self.shape(u), self.graph[u].type.dtype))
            for k, u in enumerate(node.operands)
        ]
        try:
            result = expand_definition(builder, self.graph.op(node), ids, dict(node.attrs))
        except ShapeError as error:
            raise Undefined(error.message) from None
        inner = Graph(builder.nodes, ops=self.graph.ops)
        return _Inner(inner, {}, outer=self, operands=dict(zip(ids, node.operands, strict=True))).at(result, indices)


@dataclass
class _Inner(Entries):
    """The nodes of a definition; its arguments are read outside."""

    outer: Entries | None = None
    operands: dict[int, int] = field(default_factory=dict)

    def at(self, id: int, indices: Sequence[Expr]) -> Expr:
        if id in self.operands:
            assert self.outer is not None
            return self.outer.at(self.operands[id], indices)
        return super().at(id, indices)


class _Operands:
    """What a definition may ask."""

    def __init__(self, entries: Entries, node: Node) -> None:
        self.entries, self.node = entries, node

    def at(self, operand: int, indices: Sequence[Expr]) -> Expr:
        return self.entries.at(self.node.operands[operand], indices)

    def beside(self, operand: int, out: Sequence[Expr]) -> Expr:
        id = self.node.operands[operand]
        shape = self._beside_shape(id, out)
        own = out[len(out) - len(shape) :]
        return self.entries.at(id, [ZERO if n == 1 else i for n, i in zip(shape, own, strict=True)])

    def _beside_shape(self, id: int, out: Sequence[Expr]) -> tuple[Dim, ...]:
        """A value of unknown rank beside one of known rank is taken to be a row."""
        type = self.entries.graph[id].type
        if isinstance(type.shape, Unknown) and type.shape.leaf and id not in self.entries.rows:
            last = out[-1] if out else None
            self.entries.rows[id] = (last.dim,) if isinstance(last, Index) else ()
        return self.entries.shape(id)

    def shape(self, operand: int) -> tuple[Dim, ...]:
        return self.entries.shape(self.node.operands[operand])

    def own(self) -> tuple[Dim, ...]:
        return self.entries.shape(self.node.id)

    def type(self, operand: int) -> Type:
        return self.entries.graph[self.node.operands[operand]].type

    def aux(self, name: str, indices: Sequence[Expr], make: Callable[[Sequence[Index]], Expr]) -> Expr:
        known = self.entries.auxiliaries.get(self.node.id)
        if known is None:
            shape = self.shape(0)
            new = tuple(fresh(n) for n in shape)
            tensor = Tensor(f"{self.node.id}.{name}", self.entries.free_name(name))
            known = self.entries.auxiliaries[self.node.id] = [Auxiliary(tensor, new, make(new))]
        return Entry(known[0].tensor, tuple(indices))
