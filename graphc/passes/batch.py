"""A piece of the graph for a whole batch of inputs at once: the derivative along many directions in one go.

    pulled = probe @ W.T          probe: (N, H)          becomes          pulled = I @ W.T          I: (K, N, H)

Every value that depends on a batched input gets an axis in front, of size K; what does not depend on one stays as it
is and is broadcast. So a Jacobian is the product with a vector made once and run for all rows of the identity, with
no loop. What an operation does with the new axis stands in `batch_rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Node
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.language.evaluate import Evaluator
from graphc.ops.integers import counting
from graphc.passes.expand import expand_node

__all__ = ["Batch", "batch", "rank_unknown"]


def batch(builder: Builder, outputs: Sequence[int], inputs: Mapping[int, int], size: Dim) -> list[int]:
    """The outputs for a batch of inputs: each with an axis of `size` in front.

    `inputs` takes nodes to what replaces them, which has the axis already. Raises ShapeError where a value that
    depends on them has a rank known at run time only.
    """
    return Batch(builder, inputs, size).run(outputs)


class Batch:
    """The batched values made so far, and what the rules of the table need to make more."""

    def __init__(self, builder: Builder, inputs: Mapping[int, int], size: Dim) -> None:
        self.builder = builder
        self.size = size
        self.batched = dict(inputs)
        self.lowering = Evaluator(builder)

    def run(self, outputs: Sequence[int]) -> list[int]:
        """The outputs with the axis in front; one that depends on no input is repeated along it."""
        for id in self._pending(outputs):  # in order of ids, which grow along edges
            if any(u in self.batched for u in self.builder[id].operands):
                self._make(self.builder[id])
        return [self.full(id, self.batched.get(id)) for id in outputs]

    def _pending(self, outputs: Iterable[int]) -> list[int]:
        """What the outputs are computed from down to what is batched, operands first."""
        seen: set[int] = set()
        stack = list(outputs)
        while stack:
            id = stack.pop()
            if id not in seen and id not in self.batched:
                seen.add(id)
                stack.extend(self.builder[id].operands)
        return sorted(seen)

    def _make(self, node: Node) -> None:
        for id in (node.id, *(u for u in node.operands if u in self.batched)):
            if self.builder.type(id).rank is None:
                raise rank_unknown(self.builder, id)
        from graphc.passes.batch_table import rule_of

        before = self.builder.origin
        self.builder.origin = node.origin or before
        try:
            rule = rule_of(self.builder.op(node.op))
            if rule is not None:
                made = rule(self, node, [self.batched.get(u) for u in node.operands])
            else:
                made = self._composite(node)
        finally:
            self.builder.origin = before
        assert self.builder.type(made).rank == len(node.type.dims) + 1, node.op
        self.batched[node.id] = made

    def _composite(self, node: Node) -> int:
        """An operation that is written in the language: its definition, batched.

        One by entries stays what it is, and with it keeps its derivation rule.
        """
        from graphc.passes.batch_rules import elementwise

        before = set(self.builder.nodes)
        result = expand_node(self.builder, node, list(node.operands))
        made = [self.builder[id] for id in self.builder.nodes if id not in before]
        if all(n.op == "const" or self.builder.op(n.op).elementwise for n in made):
            return elementwise(self, node, [self.batched.get(u) for u in node.operands])
        return self.run([result])[0]

    # ------------------------------------------------------------ what rules are written with

    def type(self, node: Node) -> Type:
        """The type of a node's batched value."""
        return Type((self.size, *node.type.dims), node.type.dtype)

    def rank(self, node: Node, operand: int = 0) -> int:
        """The rank of an operand without the new axis."""
        rank = self.builder.type(node.operands[operand]).rank
        assert rank is not None
        return rank

    def add(self, op: str, operands: Sequence[int], attrs: Mapping[str, Any] | None = None) -> int:
        return self.builder.add(op, operands, attrs)

    def call(self, name: str, *operands: Any, **attributes: Any) -> int:
        result: int = self.lowering.call(name, *operands, **attributes)
        return result

    def same(self, node: Node, operands: Sequence[int], **attributes: Any) -> int:
        """The node's operation on other operands, some attributes changed."""
        return self.builder.add(node.op, operands, {**dict(node.attrs), **attributes}, type=self.type(node))

    def aligned(self, value: int, rank: int) -> int:
        """A batched value with axes of size 1 after the first, so that it broadcasts against values of this rank."""
        missing = rank + 1 - len(self.builder.type(value).dims)
        return self.call("expand_dims", value, axis=tuple(range(1, missing + 1))) if missing > 0 else value

    def full(self, id: int, value: int | None) -> int:
        """The batched value of a node, or its value repeated along the new axis."""
        if value is not None:
            return value
        shape = self.builder.type(id).shape
        if isinstance(shape, Unknown):
            raise rank_unknown(self.builder, id)
        return self.add("broadcast_to", [id], {"shape": (self.size, *shape), "like": None})

    def beside(self, id: int, value: int | None) -> int:
        """The batched value of a node, or its value with an axis of size 1 in front."""
        return self.call("expand_dims", id, axis=0) if value is None else value

    def counter(self, size: Dim) -> int:
        """The numbers 0 … size-1 as indices."""
        return self.add("arange", [], counting(size))


def rank_unknown(builder: Builder, id: int) -> ShapeError:
    """The error for a value whose rank only run time knows: it names the argument to declare."""
    stack, seen = [id], {id}
    while stack:
        node = builder[stack.pop()]
        if node.op == "argument" and node.type.rank is None:
            name = node.attr("name")
            return ShapeError(f"the rank of `{name}` is not known here", code="E0210",
                              help=f"declare its shape, for example `input {name}[N, D]`")  # fmt: skip
        new = [u for u in node.operands if u not in seen]
        seen.update(new)
        stack.extend(new)
    raise AssertionError("an unknown rank comes from an argument")
