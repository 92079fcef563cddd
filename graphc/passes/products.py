"""Products of a stack of matrices with vectors in the arrangement that moves no axes.

A: (N, m, n)
squeeze(mT(A) @ expand_dims(v, -1), -1)       becomes       squeeze(expand_dims(v, -2) @ A, -2)        v_iᵀ A_i
squeeze(expand_dims(v, -2) @ mT(A), -2)       becomes       squeeze(A @ expand_dims(v, -1), -1)        A_i v_i
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["vectors_turned"]


def vectors_turned(place: Place) -> int | None:
    """The product with the vectors on the other side of the matrices."""
    if place.op != "squeeze" or place.node(0).op != "matmul":
        return None
    left, right = (place.builder[u] for u in place.node(0).operands)
    rank = place.node(0).type.rank
    if rank in (None, 2) or left.type.rank != rank or right.type.rank != rank:  # of one matrix `.T` costs nothing
        return None
    assert rank is not None
    row, column = (rank - 2,), (rank - 1,)
    axis = place.attrs["axis"]
    if axis == column and left.op == "mT" and right.op == "expand_dims" and right.attr("axis") == column:
        vector = place.add("expand_dims", [right.operands[0]], {"axis": row})
        return place.add("squeeze", [place.add("matmul", [vector, left.operands[0]])], {"axis": row})
    if axis == row and right.op == "mT" and left.op == "expand_dims" and left.attr("axis") == row:
        vector = place.add("expand_dims", [left.operands[0]], {"axis": column})
        return place.add("squeeze", [place.add("matmul", [right.operands[0], vector])], {"axis": column})
    return None
