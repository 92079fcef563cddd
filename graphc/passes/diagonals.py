"""Products with a diagonal matrix scale rows or columns, and the diagonal of a product needs no product.

v, w: (n,), M, S: (n, m), K, T: (m, n), A: (n, n)
diag(v) @ M                           becomes       v[:, None] * M
K @ diag(v)                           becomes       K * v
mT(diag(v))                           becomes       diag(v)         and eye(n) is its own transpose, too
diag(mT(A))                           becomes       diag(A)
sum(diag(v), axis=1)                  becomes       v
diag(broadcast_to(v, (n, n)))         becomes       v
diag(A * v)                           becomes       diag(A) * v
eye(n) * v                            becomes       diag(v)
diag(v) + diag(w)                     becomes       diag(v + w)
sum(A * diag(v), axis=0)              becomes       diag(A) * v
sum(A * eye(n))                       becomes       trace(A)
trace(outer(v, w))                    becomes       sum(v * w)
diag(outer(v, w))                     becomes       v * w
sum(A * eye(n), axis=0)               becomes       diag(A)
diag(M @ mT(S))                       becomes       sum(M * S, axis=-1)          where nothing else needs the product
diag(mT(K) @ T)                       becomes       sum(K * T, axis=-2)

A number on the diagonal, less a full matrix, is one at each row's own label.
"""

from __future__ import annotations

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.integers import counting
from graphc.passes.place import Place
from graphc.passes.products import is_multiple_of_identity

__all__ = ["without_diagonal"]


def without_diagonal(place: Place) -> int | None:
    """The node without a matrix that is zero but for its diagonal, or of which only the diagonal is used."""
    if place.op == "matmul":
        return _scaled(place)
    if place.op == "multiply":
        return _by_entries(place)
    if place.op == "subtract":
        return _with_labels(place)
    if place.op == "add":
        return _added(place) or _with_labels(place)
    node = place.node(0)
    if place.op == "mT":
        return node.id if _is_diagonal(node) or is_multiple_of_identity(place, node) else None
    if place.op in ("diagonal", "trace") and node.op == "mT" and place.attrs["k"] == 0:
        return place.add(place.op, node.operands, {"k": 0})
    if place.op == "sum":
        return _summed(place, node) if _is_diagonal(node) else _sum_of_diagonal(place, node)
    if place.op in ("diagonal", "trace") and node.op == "outer":
        return _of_outer(place, node) if place.alone(node.id) else None
    if place.op == "trace" or place.attrs["k"] != 0:
        return None
    if node.op == "broadcast_to":
        return _of_broadcast(place, node)
    if node.op == "multiply":
        return _of_scaled(place, node)
    return _of_product(place, node) if node.op == "matmul" and place.alone(node.id) else None


def _is_diagonal(node: Node) -> bool:
    return node.op == "from_diagonal" and node.attr("k") == 0 and node.type.rank == 2 and node.type.is_float


def _scaled(place: Place) -> int | None:
    left, right = place.node(0), place.node(1)
    if _is_diagonal(left) and right.type.is_float and (right.type.rank or 0) > 1:
        column = place.add("expand_dims", left.operands, {"axis": (1,)})
        return place.add("multiply", [column, right.id])
    if _is_diagonal(right) and left.type.is_float and (left.type.rank or 0) > 1:
        return place.add("multiply", [left.id, right.operands[0]])
    return None


def _summed(place: Place, node: Node) -> int:
    axes = place.attrs["axis"]
    if axes is None or len(axes) != 1:
        return place.add("sum", node.operands, {"axis": (0,), "keepdims": place.attrs["keepdims"]})
    return place.add("expand_dims", node.operands, {"axis": axes}) if place.attrs["keepdims"] else node.operands[0]


def _sum_of_diagonal(place: Place, product: Node) -> int | None:
    """The sum of a product with the identity, or a diagonal matrix, is that of the diagonal."""
    rank, axes = product.type.rank or 0, place.attrs["axis"]
    if product.op != "multiply" or place.attrs["keepdims"] or not place.alone(product.id) or rank < 2:
        return None
    for one, other in (product.operands, product.operands[::-1]):
        matrix = place.builder[one]
        identity = matrix.op == "eye" and is_multiple_of_identity(place, matrix)
        if not (identity or _is_diagonal(matrix)) or place.typed(other) != product.type:
            continue
        if matrix.type.dims != product.type.dims[-2:]:
            continue  # one entry, which broadcasting repeats: it is not on the diagonal alone
        if identity and axes is None and rank == 2:
            return place.add("trace", [other], {"k": 0})
        if axes in ((rank - 1,), (rank - 2,)):
            made = place.add("diagonal", [other], {"k": 0})
            return made if identity else place.add("multiply", [made, matrix.operands[0]])
    return None


def _of_outer(place: Place, product: Node) -> int | None:
    """On the diagonal of an outer product each entry of one vector meets its own of the other."""
    left, right = (place.typed(u) for u in product.operands)
    if left.rank != 1 or left != right or not product.type.is_float or place.attrs["k"] != 0:
        return None
    entries = place.add("multiply", product.operands)
    return entries if place.op == "diagonal" else place.add("sum", [entries], {"axis": None, "keepdims": False})


def _by_entries(place: Place) -> int | None:
    """A diagonal matrix times a number, or a vector that is repeated as rows or columns: the diagonal times it."""
    for k in range(2):
        matrix, other = place.node(k), place.node(1 - k)
        diagonal, identity = _is_diagonal(matrix), matrix.op == "eye" and is_multiple_of_identity(place, matrix)
        number = other.type.shape == () and diagonal and (other.type.is_float or other.op == "const")
        if not (diagonal or identity) or matrix.type != place.type or not (other.type.is_float or number):
            continue
        square = len(set(matrix.type.dims)) == 1  # else the diagonal is shorter than rows or columns are
        vector = other.id if number else _vector(place, other, matrix.type.dims[0]) if square else None
        if vector is not None:
            product = place.add("multiply", [matrix.operands[0], vector]) if diagonal else vector
            return place.add("from_diagonal", [product], {"k": 0, "shape": matrix.type.dims})
    return None


def _added(place: Place) -> int | None:
    left, right = place.node(0), place.node(1)
    if not (_is_diagonal(left) and _is_diagonal(right)) or left.type != right.type:
        return None
    total = place.add("add", [left.operands[0], right.operands[0]])
    return place.add("from_diagonal", [total], {"k": 0, "shape": left.type.dims})


def _with_labels(place: Place) -> int | None:
    """A number on the diagonal, and a full matrix beside it: an entry per row, as that of a label is."""
    for k in range(2):
        matrix, other = place.node(k), place.operands[1 - k]
        source = place.builder[matrix.operands[0]] if matrix.operands else matrix
        number = source.op == "broadcast_to" and place.typed(source.operands[0]).shape == ()
        square = _is_diagonal(matrix) and matrix.type == place.typed(other) and source.type.dims * 2 == matrix.type.dims
        if not (number and square and matrix.of_rule and place.alone(matrix.id)):
            continue
        size = source.type.dims[0]
        rows = place.add("arange", [], counting(size))
        scaled = place.add("multiply", [place.add("one_hot", [rows], {"n": size}), source.operands[0]])
        return place.add(place.op, [scaled, other] if k == 0 else [other, scaled])
    return None


def _vector(place: Place, node: Node, size: Dim) -> int | None:
    """The vector of this size that broadcasting makes rows or columns of."""
    if isinstance(node.type.shape, Unknown):
        return None
    if node.type.dims in ((size, dim(1)), (dim(1), size)) and node.op == "expand_dims":
        return node.operands[0] if place.typed(node.operands[0]).rank == 1 else None
    return node.id if node.type.shape == (size,) else None


def _of_broadcast(place: Place, node: Node) -> int | None:
    source = place.builder[node.operands[0]]
    if source.type.rank == 2 and dim(1) in source.type.dims and node.type.rank == 2:
        return place.add("squeeze", [source.id], {"axis": (source.type.dims.index(dim(1)),)})
    return source.id if source.type.rank == 1 else None


def _of_scaled(place: Place, product: Node) -> int | None:
    if product.type.rank != 2 or not product.type.is_float or not place.alone(product.id):
        return None
    for one, other in (product.operands, product.operands[::-1]):
        vector = _vector(place, place.builder[other], product.type.dims[0])
        if place.typed(one) == product.type and product.type.dims[0] == product.type.dims[1] and vector is not None:
            return place.add("multiply", [place.add("diagonal", [one], {"k": 0}), vector])
    return None


def _of_product(place: Place, product: Node) -> int | None:
    left, right = (place.builder[u] for u in product.operands)
    shape = product.type.shape
    if isinstance(shape, Unknown) or len(shape) < 2 or shape[-1] != shape[-2] or left.type.rank != right.type.rank:
        return None
    rank = len(shape)
    if left.op == "mT":
        pair, axis = [left.operands[0], right.id], rank - 2
    else:
        pair, axis = [left.id, place.add("mT", [right.id])], rank - 1
    return place.add("sum", [place.add("multiply", pair)], {"axis": (axis,), "keepdims": False})
