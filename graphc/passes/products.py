"""Products in the arrangement that moves no axes and computes nothing twice.

A: (N, m, n), u: (N, m), v: (N, n)
squeeze(mT(A) @ expand_dims(u, -1), -1)       becomes       squeeze(expand_dims(u, -2) @ A, -2)        u_iᵀ A_i
squeeze(expand_dims(v, -2) @ mT(A), -2)       becomes       squeeze(A @ expand_dims(v, -1), -1)        A_i v_i
sum(A * u[..., None], axis=-2)                becomes       squeeze(expand_dims(u, -2) @ A, -2)        u_iᵀ A_i
sum(A * v[..., None, :], axis=-1)             becomes       squeeze(A @ expand_dims(v, -1), -1)        A_i v_i

A: (m, n), U: (N, m), V: (N, n), x, y: (n,)
squeeze(A @ expand_dims(V, -1), -1)           becomes       V @ mT(A)         A v_i for many v_i
squeeze(expand_dims(U, -2) @ A, -2)           becomes       U @ A             u_iᵀ A
sum(U[..., None] * V[:, None], axis=0)        becomes       mT(U) @ V         Σ_i u_i v_iᵀ
sum(A * U[..., None], axis=1)                 becomes       U @ A             u_iᵀ A
sum(A * V[:, None], axis=2)                   becomes       V @ mT(A)         A v_i
squeeze(A @ expand_dims(x, -1), -1)           becomes       A @ x             and so behind a sign
squeeze(A @ sum(V, axis=1, keepdims=true), 1) becomes       A @ sum(V, axis=1)
x[:, None] + y[:, None]                       becomes       (x + y)[:, None]         and so the difference
eye(m) @ A                                    becomes       A                 and s * eye(m) @ A becomes s * A
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.passes.place import Place

__all__ = ["arranged", "is_multiple_of_identity"]


def arranged(place: Place) -> int | None:
    """The product in its better arrangement."""
    if place.op == "squeeze":
        return _of_vectors(place) if place.node(0).op == "matmul" else _of_vectors_with_sign(place)
    if place.op == "sum" and place.node(0).op == "multiply":
        return _sum_of_outer_products(place) or _sum_of_scaled_matrices(place) or _sum_of_one_scaled_matrix(place)
    if place.op == "matmul":
        return _with_identity(place)
    return _sum_of_opened(place) if place.op in ("add", "subtract") else None


def _of_vectors(place: Place) -> int | None:
    """Products of matrices with one vector each."""
    left, right = (place.builder[u] for u in place.node(0).operands)
    rank = place.node(0).type.rank
    if rank == 2:
        return _of_one_vector(place, left, right)
    if rank is None or rank < 2:
        return None
    row, column = (rank - 2,), (rank - 1,)
    axis = place.attrs["axis"]
    if axis == column and _is_opened(right, rank, column):
        if left.type.rank == 2:
            return place.add("matmul", [right.operands[0], place.add("mT", [left.id])])
        if left.op == "mT" and left.type.rank == rank:
            vector = place.add("expand_dims", [right.operands[0]], {"axis": row})
            return place.add("squeeze", [place.add("matmul", [vector, left.operands[0]])], {"axis": row})
    if axis == row and _is_opened(left, rank, row):
        if right.type.rank == 2:
            return place.add("matmul", [left.operands[0], right.id])
        if right.op == "mT" and right.type.rank == rank:
            vector = place.add("expand_dims", [left.operands[0]], {"axis": column})
            return place.add("squeeze", [place.add("matmul", [right.operands[0], vector])], {"axis": column})
    return None


def _of_vectors_with_sign(place: Place) -> int | None:
    """The same behind a sign that has moved out of the product."""
    sign = place.node(0)
    product = place.builder[sign.operands[0]] if sign.op == "negative" else sign
    if product is sign or product.op != "matmul" or not (place.alone(sign.id) and place.alone(product.id)):
        return None
    made = place.add("squeeze", [product.id], {"axis": place.attrs["axis"]})
    return None if place.builder[made].op == "squeeze" else place.add("negative", [made])


def _of_one_vector(place: Place, left: Node, right: Node) -> int | None:
    """A product of a matrix and a vector that `fold` has not met: it was one of two vectors then."""
    axis = place.attrs["axis"]
    if not place.alone(place.operands[0]) or place.node(0).name or left.type.rank != 2 or right.type.rank != 2:
        return None
    vector = _vector(place, right if axis == (1,) else left, axis) if axis in ((0,), (1,)) else None
    if vector is None:
        return None
    return place.add("matmul", [left.id, vector] if axis == (1,) else [vector, right.id])


def _vector(place: Place, node: Node, axis: tuple[int, ...]) -> int | None:
    """The vector that has been made a matrix of one column, or one row, for the sake of a product."""
    if _is_opened(node, 2, axis):
        return node.operands[0]
    if node.name or not place.alone(node.id):
        return None
    if node.op == "sum" and node.attr("keepdims") and node.attr("axis") == axis:
        return place.builder.add("sum", node.operands, {"axis": axis, "keepdims": False})
    if node.op != "reshape":
        return None
    source = place.builder[node.operands[0]]
    while source.op in ("reshape", "expand_dims", "squeeze") and not source.name:
        source = place.builder[source.operands[0]]
    return place.add("reshape", [source.id], {"shape": (node.type.dims[1 - axis[0]],)})


def _is_opened(node: Node, rank: int, axis: tuple[int, ...]) -> bool:
    """Whether a value of that rank is a stack of vectors with a new axis at this place."""
    return node.op == "expand_dims" and node.type.rank == rank and node.attr("axis") == axis


def _sum_of_outer_products(place: Place) -> int | None:
    product = place.node(0)
    if place.attrs["axis"] != (0,) or place.attrs["keepdims"] or product.type.rank != 3 or not place.alone(product.id):
        return None
    for u, v in (product.operands, product.operands[::-1]):
        left, right = place.builder[u], place.builder[v]
        if _is_opened(left, 3, (2,)) and _is_opened(right, 3, (1,)) and left.type.dims[0] == right.type.dims[0]:
            return place.add("matmul", [place.add("mT", [left.operands[0]]), right.operands[0]])
    return None


def _sum_of_scaled_matrices(place: Place) -> int | None:
    """Rows or columns of many matrices, weighted and added up: no array of the weighted ones is made."""
    product = place.node(0)
    rank = product.type.rank
    if rank is None or rank < 3 or isinstance(product.type.shape, Unknown) or not place.alone(product.id):
        return None
    row, column = (rank - 2,), (rank - 1,)
    for u, v in (product.operands, product.operands[::-1]):
        matrices, weights = place.builder[u], place.builder[v]
        if matrices.type != product.type or not matrices.type.is_float or not weights.type.is_float:
            continue
        by_rows = place.attrs["axis"] == row and _is_opened(weights, rank, column)
        if not by_rows and not (place.attrs["axis"] == column and _is_opened(weights, rank, row)):
            continue
        axis = row if by_rows else column
        if place.typed(weights.operands[0]).dims != (*product.type.dims[:-2], product.type.dims[axis[0]]):
            continue
        vectors = place.add("expand_dims", [weights.operands[0]], {"axis": axis})
        factors = [vectors, u] if by_rows else [u, vectors]
        made = place.add("matmul", factors)
        return made if place.attrs["keepdims"] else place.add("squeeze", [made], {"axis": axis})
    return None


def _sum_of_one_scaled_matrix(place: Place) -> int | None:
    """The same of one matrix with the weights of many: a product of two matrices."""
    product, axis = place.node(0), place.attrs["axis"]
    if product.type.rank != 3 or axis not in ((1,), (2,)) or place.attrs["keepdims"] or not place.alone(product.id):
        return None
    sizes = product.type.dims
    for u, v in (product.operands, product.operands[::-1]):
        matrix, weights = place.builder[u], place.builder[v]
        if matrix.type.rank != 2 or matrix.type.dims != sizes[1:] or not _is_opened(weights, 3, (3 - axis[0],)):
            continue
        rows = place.builder[weights.operands[0]]
        if matrix.type.is_float and rows.type.is_float and rows.type.dims == (sizes[0], sizes[axis[0]]):
            return place.add("matmul", [rows.id, u if axis == (1,) else place.add("mT", [u])])
    return None


def _sum_of_opened(place: Place) -> int | None:
    """Two vectors that have become columns, added or subtracted before they do."""
    left, right = place.node(0), place.node(1)
    if left.op != "expand_dims" or right.op != "expand_dims" or left.type != right.type or left.attrs != right.attrs:
        return None
    if left.name or right.name or not (place.alone(left.id) and place.alone(right.id)):
        return None
    return place.add("expand_dims", [place.add(place.op, [left.operands[0], right.operands[0]])], dict(left.attrs))


def _with_identity(place: Place) -> int | None:
    for k in range(2):
        node, other = place.node(k), place.operands[1 - k]
        if _is_identity(node):
            return other
        scale = _scale_of_identity(place, node)
        if scale is not None:
            return place.add("multiply", [scale, other])
    return None


def is_multiple_of_identity(place: Place, node: Node) -> bool:
    """Whether this is a square matrix with one number on its diagonal: its own transpose."""
    return _is_identity(node) or _scale_of_identity(place, node) is not None


def _is_identity(node: Node) -> bool:
    return node.op == "eye" and node.attr("k") == 0 and node.type.dims[0] == node.type.dims[1]


def _scale_of_identity(place: Place, node: Node) -> int | None:
    """The number that the identity is multiplied by."""
    for one, scale in (node.operands, node.operands[::-1]) if node.op == "multiply" else ():
        if _is_identity(place.builder[one]):
            number = place.builder[scale]
            if number.type.shape == () and (number.type.is_float or number.op == "const"):
                return scale
    return None
