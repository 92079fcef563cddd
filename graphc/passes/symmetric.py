"""The transpose of a symmetric matrix is the matrix, and its columns are its rows.

A: (n, k)
K = exp(A @ mT(A)); Y = mT(K) @ A              becomes      K = exp(A @ mT(A)); Y = K @ A
K = A @ mT(A); r = sum(K, axis=0); y = r + sum(K, axis=1)   becomes   K = A @ mT(A); r = sum(K, axis=0); y = 2 * r

Symmetric are: the identity, what has its entries on the diagonal, A @ mT(A), A @ S @ mT(A) of a symmetric S, sums and
products of x[:, None] and x, outer(x, x); the inverse of a symmetric matrix, and what is computed of numbers and
symmetric matrices entry by entry. What NumPy computes is so up to what is rounded off. A matrix that the program is
given is none.
"""

from __future__ import annotations

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.patterns import COMMUTATIVE
from graphc.passes.place import Place

__all__ = ["is_symmetric", "sum_at_hand", "transpose_dropped"]

LOOKED_AT = 64
"""What a matrix is computed of is looked at no further than so many values."""


def transpose_dropped(place: Place) -> int | None:
    """The symmetric matrix itself."""
    node = place.node(0)
    return node.id if is_symmetric(place.builder, node) else None


def sum_at_hand(place: Place) -> int | None:
    """The sums of the columns of a symmetric matrix, where its rows are to be summed, or these in the place of those.
    """
    axes = place.attrs["axis"]
    if axes not in ((0,), (1,)) or place.attrs["keepdims"]:
        return None
    found = place.builder.find(place.op, place.operands, {"axis": (1 - axes[0],), "keepdims": False})
    return found if found is not None and is_symmetric(place.builder, place.node(0)) else None


def is_symmetric(graph: Graph | Builder, node: Node, known: dict[int, bool] | None = None) -> bool:
    """Whether a value is known to be a symmetric matrix; `known` holds what has been found of others of the graph."""
    return _Search(graph, {} if known is None else known).is_symmetric(node)


def _is_square(node: Node) -> bool:
    shape = node.type.shape
    return not isinstance(shape, Unknown) and len(shape) == 2 and shape[0] == shape[1]


class _Search:
    """Whether matrices are symmetric, by what they are computed of."""

    def __init__(self, graph: Graph | Builder, known: dict[int, bool]) -> None:
        self.graph, self.known = graph, known
        self.left = LOOKED_AT

    def is_symmetric(self, node: Node) -> bool:
        found = self.known.get(node.id)
        if found is None:
            self.left -= 1
            found = self.left >= 0 and _is_square(node) and self._is_computed_symmetric(node)
            if found or self.left >= 0:
                self.known[node.id] = found
        return found

    def _is_computed_symmetric(self, node: Node) -> bool:
        operands = [self.graph[u] for u in node.operands]
        if node.op in ("eye", "from_diagonal"):
            return not node.attr("k")
        if node.op in ("inv", "mT", "stop_gradient"):
            return self.is_symmetric(operands[0])
        if node.op == "outer":
            return self._unscaled(operands[0]).id == self._unscaled(operands[1]).id
        if node.op == "matmul":
            return self._is_with_transpose(*operands)
        op = self.graph.op(node) if isinstance(self.graph, Graph) else self.graph.op(node.op)
        if not op.elementwise:
            return False
        if node.op in COMMUTATIVE and any(
            self._vector(a, 1) == self._vector(b, 0) is not None for a, b in (operands, operands[::-1])
        ):
            return True
        return all(x.type.shape == () or self.is_symmetric(x) for x in operands)

    def _vector(self, node: Node, axis: int) -> int | None:
        """The vector that stands in each column of a matrix (axis 1), or in each row (axis 0)."""
        if node.op == "expand_dims" and node.attr("axis") == (axis,) and self.graph[node.operands[0]].type.rank == 1:
            return node.operands[0]
        return node.id if axis == 0 and node.type.rank == 1 else None

    def _is_with_transpose(self, left: Node, right: Node) -> bool:
        """Whether a product is A @ mT(A), times numbers, or A @ S @ mT(A) of a symmetric S."""
        left, right = self._unscaled(left), self._unscaled(right)
        if self._are_transposed(left, right):
            return True
        for product, other, inner in ((left, right, 1), (right, left, 0)):
            if product.op == "matmul" and self._are_transposed(
                self._unscaled(self.graph[product.operands[1 - inner]]), other
            ):
                return self.is_symmetric(self.graph[product.operands[inner]])
        return False

    def _are_transposed(self, a: Node, b: Node) -> bool:
        return any(
            one.op == "mT" and self._unscaled(self.graph[one.operands[0]]).id == other.id
            for one, other in ((a, b), (b, a))
        )

    def _unscaled(self, node: Node) -> Node:
        """A matrix or a vector without the numbers that it is multiplied by or divided by."""
        while node.op in ("multiply", "divide", "negative"):
            operands = [self.graph[u] for u in node.operands]
            arrays = [x for x in operands if x.type.shape != ()]
            if len(arrays) != 1 or (node.op == "divide" and arrays[0].id != operands[0].id):
                break
            node = arrays[0]
        return node
