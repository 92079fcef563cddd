"""What is added to some entries of an array is added there: no array that is zero but for these. For -O2 only.

    X, D: (N, K), u: (N - 1, K), v: (N,), y: (N,) int
    Y = vjp(X[1:], X, u) + D                          Y = D;  Y[1:] += u
    Z = vjp(X[:-1], X, -u) + Y          becomes       Z = Y;  Z[:-1] -= u
    S = D - vjp(X[arange(N), y], X, v)                S = D;  S[arange(N), y] -= v

Zeros are written, and read again where they are added, for each part anew; an array that nothing else reads changes
where it is. Of a sum that has parts alone before it has an array, the array comes first, and there are no zeros at all.
So are gradients of differences along the axes of an image, of shifted series, and of picked scores.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphc.ir.graph import Builder, Graph, Node
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["add_parts"]

MOST = 64
"""Of more parts the array that they are added to stays where it is: to put it first takes a look at all of them."""


def add_parts(graph: Graph) -> Graph:
    """The graph with the replacements above; itself if there is nothing to replace."""
    if not any(_is_part(node) for node in graph):
        return graph
    sums = _Sums(graph.uses())

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.op in ("add", "subtract") and node.type.is_float and node.type.known_dims:
            made = sums.made(builder, node, operands)
        result = same(builder, node, operands) if made is None else made
        if sums.uses[node.id] == 1 and not node.name:
            sums.once[result] = node
        return result

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _is_part(node: Node) -> bool:
    """Whether an array is zero but for entries that are each written once."""
    placed = node.op == "unslice" or (node.op == "scatter" and node.attr("distinct"))
    return bool(placed and node.attr("shape") is not None and node.type.is_float)


@dataclass
class _Sums:
    """The sums of a graph that is made again: which new values are used once, and stand for which nodes."""

    uses: Counter[int]
    once: dict[int, Node] = field(default_factory=dict)

    def made(self, builder: Builder, node: Node, operands: list[int]) -> int | None:
        """The sum with its parts added where they belong, if it has any."""
        for part, base in (operands[::-1], operands):
            minus = node.op == "subtract" and part == operands[1]
            if part not in self.once or any(builder.type(u) != node.type for u in operands):
                continue
            if node.op == "subtract" and not minus:  # all of the other operand changes its sign
                continue
            if _is_part(builder[part]):
                return self._added(builder, base, part, minus)
            if not minus and builder[part].op == "add_part":
                return self._on(builder, base, part)
        return None

    def _added(self, builder: Builder, base: int, part: int, minus: bool) -> int:
        """A part added to an array."""
        placed = builder[part]
        u, *indices = placed.operands
        if builder[u].op == "negative" and u in self.once and builder.type(u) == builder.type(builder[u].operands[0]):
            u, minus = builder[u].operands[0], not minus
        pattern = placed.attr("index" if placed.op == "unslice" else "pattern")
        return builder.add("add_part", [base, u, *indices], {"pattern": pattern, "minus": minus})

    def _on(self, builder: Builder, base: int, total: int) -> int | None:
        """A sum of parts alone with an array, which comes first."""
        parts: list[Node] = []
        while builder[total].op == "add_part" and total in self.once and len(parts) < MOST:
            parts.append(builder[total])
            total = builder[total].operands[0]
        if total not in self.once or not _is_part(builder[total]):
            return None
        made = self._added(builder, base, total, False)
        for part in reversed(parts):
            made = builder.add("add_part", [made, *part.operands[1:]], dict(part.attrs))
        return made
