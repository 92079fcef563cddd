"""Strength reduction: the same numbers, up to rounding, by cheaper operations. For -O2 only.

    a, b, e: (N, n), x: (n,), z: (m,), total: (N, 1)
    s = sum(a * b)                becomes      s = vdot(a, b)                       no array of products
    r = sum(a * b, axis=-1)       becomes      r = vecdot(a, b)
    m = mean(a, axis=1)           becomes      m = sum(a, axis=1) / n               a sum is a product with ones
    P = e / total                 becomes      P = e * (1 / total)                  total has fewer entries than e
    y = x / 8.0                   becomes      y = x * 0.125
    O = outer(x, z)               becomes      O = expand_dims(x, axis=1) * z       entry by entry, with what reads it

    E: (V, n), i: (K,) int, u: (K, n), F: (V, n)
    dE = vjp(E[i], E, u) + F      becomes      dE = scatter_add(F, i, u)            no array that is zero but for u
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Set
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import ARRAY, WHOLE
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["reduce_strength"]


def reduce_strength(graph: Graph) -> Graph:
    """The graph with the replacements above."""
    uses = graph.uses()
    ties = {node.operands[0] for node in graph if node.op == "ties"}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.type.is_float and not isinstance(node.type.shape, Unknown):
            place = _Place(builder, graph, node, operands, uses, ties)
            if node.op in ("sum", "mean"):
                made = place.total()
            elif node.op == "divide":
                made = place.quotient()
            elif node.op == "multiply":
                made = place.scaled_labels() or place.counted()
            elif node.op == "ties":
                made = place.number_of_ties()
            elif node.op == "outer":
                made = place.columns_and_rows()
            elif node.op == "add":
                made = place.rows_added()
        if made is not None and builder.type(made) == node.type:
            return made
        return same(builder, node, operands)

    return eliminate_dead_code(rebuild(graph, make, share=True))


class _Place:
    """A node that is made again, with its new operands."""

    def __init__(
        self, builder: Builder, graph: Graph, node: Node, operands: list[int], uses: Counter[int], ties: Set[int]
    ) -> None:
        self.builder, self.graph, self.node, self.operands = builder, graph, node, operands
        self.uses, self.ties = uses, ties

    def add(self, op: str, operands: list[int], **attrs: Any) -> int:
        return self.builder.add(op, operands, attrs)

    def _dims(self, id: int) -> tuple[Dim, ...] | None:
        return self.builder.type(id).known_dims

    def total(self) -> int | None:
        """A sum or a mean."""
        (x,) = self.operands
        shape = self._dims(x)
        if not shape or not self.builder.type(x).is_float:
            return None
        axes, keepdims = self.node.attr("axis"), self.node.attr("keepdims")
        made = self._of_products(x, shape, axes, keepdims)
        if made is None:
            if self.node.op == "sum":
                return None
            made = self.add("sum", [x], axis=axes, keepdims=keepdims)
        if self.node.op == "mean":
            count = dim(1)
            for k in range(len(shape)) if axes is None else axes:
                count = count * shape[k]
            number = count.value
            size = self.add("size", [], dim=count) if number is None else self.builder.const(number, "int")
            made = self.add("divide", [made, size])
        return made

    def _of_products(self, x: int, shape: tuple[Dim, ...], axes: Any, keepdims: bool) -> int | None:
        inner = self.builder[x]
        if self.uses[self.node.operands[0]] != 1 or inner.name or inner.op not in ("multiply", "square"):
            return None
        factors = [*inner.operands] * (2 if inner.op == "square" else 1)
        if any(self._dims(u) != shape or not self.builder.type(u).is_float for u in factors):
            return None
        if axes is None and not keepdims:
            return self.add("vdot", factors)
        if axes == (len(shape) - 1,) and len(shape) > 1:
            made = self.add("vecdot", factors)
            return self.add("expand_dims", [made], axis=axes) if keepdims else made
        return None

    def number_of_ties(self) -> int:
        """How many entries are true, as a sum of numbers: they are added up much faster than booleans."""
        numbers = self.add("as_float", [self.operands[0]])
        return self.add("sum", [numbers], axis=self.node.attr("axis"), keepdims=self.node.attr("keepdims"))

    def counted(self) -> int | None:
        """A product with a mask whose entries are counted as well: there it is of numbers, and so it is here."""
        masks = [u for u in self.node.operands if u in self.ties]
        if not masks:
            return None
        return self.add("multiply", [
            self.add("as_float", [new]) if old in self.ties else new
            for old, new in zip(self.node.operands, self.operands, strict=True)
        ])  # fmt: skip

    def columns_and_rows(self) -> int | None:
        """An outer product."""
        x, y = self.operands
        if any(self.builder.type(u).rank != 1 for u in self.operands):
            return None
        return self.add("multiply", [self.add("expand_dims", [x], axis=(1,)), y])

    def rows_added(self) -> int | None:
        """A sum with an array that is zero but for some rows: these are added to the other one."""
        for rows, old, other in zip(self.operands[::-1], self.node.operands[::-1], self.operands, strict=True):
            scattered = self.builder[rows]
            if scattered.op != "scatter" or scattered.name or self.uses[old] != 1 or len(scattered.operands) != 2:
                continue
            shape, pattern = scattered.attr("shape"), scattered.attr("pattern")
            u, i = scattered.operands
            by_rows = pattern[:1] == (ARRAY,) and all(item == WHOLE for item in pattern[1:])
            if shape is None or not by_rows or scattered.attr("distinct") or self._dims(i) is None:
                continue
            if self.builder.type(other) == scattered.type == self.node.type:
                return self.add("scatter_add", [other, i, u])
        return None

    def scaled_labels(self) -> int | None:
        """(e * r - onehot(y)) * s as e * (r * s) - s * onehot(y): what has fewer entries is multiplied."""
        order = (0, 1) if self.builder.type(self.operands[1]).rank == 0 else (1, 0)
        x, s = (self.operands[k] for k in order)
        labelled = self.builder[x]
        if labelled.op != "subtract_one_hot" or labelled.name or self.builder.type(s).rank != 0:
            return None
        product = self.builder[labelled.operands[0]]
        before = self.graph[self.graph[self.node.operands[order[0]]].operands[0]]
        alone = self.uses[self.node.operands[order[0]]] == 1 and self.uses[before.id] == 1
        if product.op != "multiply" or product.name or not alone or not self.builder.type(s).is_float:
            return None
        large, small = sorted(product.operands, key=lambda u: self._dims(u) != product.type.shape)
        if not self.builder.type(small).rank or self._dims(small) == product.type.shape:
            return None
        inverse = self.builder[small]
        if inverse.op == "divide" and self.builder[inverse.operands[0]].attr("value") == 1:
            factor = self.add("divide", [s, inverse.operands[1]])
        else:
            factor = self.add("multiply", [small, s])
        scaled = self.add("multiply", [large, factor])
        return self.add("subtract_at_labels", [scaled, labelled.operands[1], s])

    def quotient(self) -> int | None:
        """A division by what has fewer entries, or by a number."""
        x, y = self.operands
        if not self.node.type.rank or self._dims(x) != self.node.type.dims or not self.builder.type(y).is_float:
            return None
        divisor = self.builder[y]
        if divisor.op == "const" and not isinstance(divisor.attr("value"), tuple):
            value = divisor.attr("value")
            inverse = 1 / value if value else math.inf
            return self.add("multiply", [x, self.builder.const(inverse)]) if math.isfinite(inverse) else None
        shape = self._dims(y)
        if not shape or shape == self._dims(x) or divisor.op == "const":
            return None
        one = self.builder.const(1.0)
        return self.add("multiply", [x, self.add("divide", [one, y])])
