"""A column is a vector as it stands: it is not laid on its side for that.

    v: (N, 1)
    w = squeeze(mT(v), axis=0)            becomes      w = squeeze(v, axis=1)
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["column_as_it_stands"]


def column_as_it_stands(place: Place) -> int | None:
    """The entries of a column whose transpose loses its axis of size 1."""
    turned, axes = place.node(0), place.attrs["axis"]
    if turned.op != "mT" or turned.type.rank != 2 or turned.name or axes is None or len(axes) != 1:
        return None
    return place.add("squeeze", turned.operands, {"axis": (1 - axes[0],)})
