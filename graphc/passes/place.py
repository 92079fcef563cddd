"""A node about to be made, as simplifications see it.

    sum(A * s)      op: sum, operands: [the node A * s], type: ()

`node(0)` is the product; `alone` says of it whether it goes when the sum does without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphc.ir.graph import Builder, Node
from graphc.ir.types import Type, Unknown
from graphc.ops.base import Lowering

__all__ = ["Maker", "Place"]


class Maker(Lowering, Protocol):
    """Who adds the nodes, in their simplest form."""

    @property
    def builder(self) -> Builder: ...
    def simpler(
        self, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type | None
    ) -> int | None: ...


class Place:
    """An operation on operands that exist already, and its type; the maker adds nodes in their simplest form.

    `uses` counts how often a value is used: a value that nothing else uses goes when its only user does without it.
    """

    __slots__ = ("attrs", "builder", "maker", "op", "operands", "type", "uses")

    def __init__(
        self, maker: Maker, op: str, operands: Sequence[int], attrs: Mapping[str, Any], type: Type,
        uses: Mapping[int, int],
    ) -> None:  # fmt: skip
        self.maker, self.builder = maker, maker.builder
        self.op, self.operands, self.attrs, self.type, self.uses = op, operands, attrs, type, uses

    @property
    def of_rule(self) -> bool:
        """Whether it is what a derivation rule made, and nothing that the program says itself."""
        origin = self.builder.origin
        return origin is not None and origin.rule is not None

    def node(self, position: int) -> Node:
        return self.builder.nodes[self.operands[position]]

    def typed(self, id: int) -> Type:
        return self.builder.nodes[id].type

    def add(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any] | None = None) -> int:
        return self.maker.add(op, operands, attrs)

    def inferred(self, operands: Sequence[int]) -> Type:
        """The type that the operation has on these operands. Raises ShapeError."""
        return self.builder.op(self.op).infer(self.builder.solver, [self.typed(u) for u in operands], dict(self.attrs))

    def simpler(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any]) -> int | None:
        """The node in a simpler form, if there is one."""
        return self.maker.simpler(op, operands, attrs, None)

    def repeat(self, id: int, type: Type) -> int:
        """The value broadcast to a type of known shape."""
        assert not isinstance(type.shape, Unknown)
        if self.typed(id) == type:
            return id
        return self.add("broadcast_to", [id], {"shape": type.shape, "like": None})

    def alone(self, id: int) -> bool:
        """Whether a value is used here only, and the user's own name for it, if it has one, may go."""
        node = self.builder[id]
        return self.uses.get(id, 1) == 1 and (node.of_rule or not node.name)
