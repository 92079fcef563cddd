"""A column is a vector as it stands: it is not laid on its side for that.

    v: (N, 1)
    w = squeeze(mT(v), axis=0)            becomes      w = squeeze(v, axis=1)

A row that is laid on its side is a column of its vector.

    x: (N,)
    c = mT(expand_dims(x, axis=0))        becomes      c = expand_dims(x, axis=1)
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["column_as_it_stands", "column_of_vector"]


def column_as_it_stands(place: Place) -> int | None:
    """The entries of a column whose transpose loses its axis of size 1."""
    turned, axes = place.node(0), place.attrs["axis"]
    if turned.op != "mT" or turned.type.rank != 2 or turned.name or axes is None or len(axes) != 1:
        return None
    return place.add("squeeze", turned.operands, {"axis": (1 - axes[0],)})


def column_of_vector(place: Place) -> int | None:
    """The column of a vector of which the transpose of a row is taken, or its row."""
    row = place.node(0)
    if row.op != "expand_dims" or row.type.rank != 2 or row.name or len(row.attr("axis")) != 1:
        return None
    (axis,) = row.attr("axis")
    return place.add("expand_dims", row.operands, {"axis": (1 - axis,)})
