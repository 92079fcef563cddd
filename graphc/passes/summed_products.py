"""A sum over a product is a product with a vector: no matrix that is only summed up. For -O2 only.

    A: (N, D), B: (D, K), P, Q: (N, K), c: (N,), r: (K,)
    s = sum(A @ B, axis=1, keepdims=true)      becomes      s = A @ sum(B, axis=1, keepdims=true)
    s = sum(A @ B, axis=0, keepdims=true)      becomes      s = sum(A, axis=0, keepdims=true) @ B
    s = sum(P * r)                             becomes      s = sum(P @ r)
    s = sum(outer(c, r) * P * Q)               becomes      s = vdot((P * Q) @ r, c)

where nothing else uses the products, and they bear no names. The first are as in factorization machines, the last is
the gradient of a number in a matrix that a vector is multiplied by, as the width of a kernel.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.no_terms import leaves_zero
from graphc.passes.rebuild import rebuild, same

__all__ = ["sum_products"]

MOST = 16
"""Products of more factors are left as they are."""


@dataclass
class _Factors:
    """The factors of a product of matrices: those that are as large as it is, its columns and its rows."""

    whole: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def is_worth_it(self) -> bool:
        """Whether it saves a pass over the matrix: to multiply by a vector and to sum up is one."""
        vectors = len(self.columns) + len(self.rows)
        return bool(self.whole and self.rows) and (vectors > 1 or len(self.whole) == 1)


def sum_products(graph: Graph) -> Graph:
    """The graph with the replacements above; itself if there is nothing to replace."""
    if not any(node.op == "sum" and graph[node.operands[0]].op in ("matmul", "multiply", "outer") for node in graph):
        return graph
    uses = graph.uses()
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if node.op == "sum" and node.type.is_float and not isinstance(node.type.shape, Unknown):
            made = _Sum(graph, builder, uses, moved, node).made()
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


class _Sum:
    def __init__(
        self, graph: Graph, builder: Builder, uses: Counter[int], moved: dict[int, int], node: Node
    ) -> None:
        self.graph, self.builder, self.uses, self.moved, self.node = graph, builder, uses, moved, node
        self.axes, self.keepdims = node.attr("axis"), node.attr("keepdims")

    def made(self) -> int | None:
        """What takes the place of the sum, of what is made anew already."""
        inner = self.graph[self.node.operands[0]]
        shape = inner.type.shape
        if isinstance(shape, Unknown) or len(shape) != 2 or not self._is_between(inner):
            return None
        if inner.op == "matmul":
            return self._of_matrices(inner, shape)
        return self._of_entries(inner, shape) if self.axes is None and not self.keepdims else None

    def _is_between(self, node: Node) -> bool:
        return self.uses[node.id] == 1 and (not node.name or self.graph.values.get(node.name) != node.id)

    def _of_matrices(self, product: Node, shape: tuple[Dim, ...]) -> int | None:
        A, B = product.operands
        if any(self.graph[u].type.rank != 2 or not self.graph[u].type.is_float for u in (A, B)):
            return None
        if self.axes == (1,) and leaves_zero(self.graph, "multiply", A, shape[1:]):
            return self._product(self.moved[A], self._sum(self.moved[B], 1))
        if self.axes == (0,) and leaves_zero(self.graph, "multiply", B, shape[:1]):
            return self._product(self._sum(self.moved[A], 0), self.moved[B])
        return None

    def _product(self, A: int, B: int) -> int:
        return self.builder.add("matmul", [A, B])

    def _sum(self, x: int, axis: int) -> int:
        return self.builder.add("sum", [x], {"axis": (axis,), "keepdims": self.keepdims})

    def _of_entries(self, product: Node, shape: tuple[Dim, ...]) -> int | None:
        factors = self._factors(product, shape)
        if factors is None or not factors.is_worth_it():
            return None
        if not all(leaves_zero(self.graph, "multiply", column, shape[1:]) for column in factors.columns):
            return None
        whole = [self.moved[u] for u in factors.whole]
        total = self._product(_all(self.builder, whole), _all(self.builder, [self._vector(u, 0) for u in factors.rows]))
        if not factors.columns:
            return self.builder.add("sum", [total], {"axis": None, "keepdims": False})
        return self.builder.add("vdot", [total, _all(self.builder, [self._vector(u, 1) for u in factors.columns])])

    def _factors(self, product: Node, shape: tuple[Dim, ...]) -> _Factors | None:
        """The factors, if all are matrices of that shape, their columns or their rows."""
        rows, columns = shape
        if rows.value == 1 or columns.value == 1:
            return None
        found, stack, count = _Factors(), [product], 0
        while stack:
            node = stack.pop()
            count += 1
            of = node.type.shape
            if count > MOST or isinstance(of, Unknown) or not node.type.is_float:
                return None
            if node.op == "multiply" and (node is product or self._is_between(node)):
                stack += [self.graph[u] for u in node.operands]
            elif node.op == "outer" and of == shape and (node is product or self._is_between(node)):
                found.columns.append(node.operands[0])
                found.rows.append(node.operands[1])
            elif of == shape:
                found.whole.append(node.id)
            elif of == (rows, dim(1)):
                found.columns.append(node.id)
            elif of in ((columns,), (dim(1), columns)):
                found.rows.append(node.id)
            else:
                return None
        return found

    def _vector(self, id: int, axis: int) -> int:
        """A column, a row or a vector as a vector."""
        new = self.moved[id]
        if self.builder.type(new).rank == 1:
            return new
        node = self.builder[new]
        if node.op == "expand_dims" and node.attr("axis") == (axis,):
            return node.operands[0]
        return self.builder.add("squeeze", [new], {"axis": (axis,)})


def _all(builder: Builder, factors: list[int]) -> int:
    """The product of factors."""
    first, *others = factors
    for other in others:
        first = builder.add("multiply", [first, other])
    return first
