"""A column is a vector as it stands: it is not laid on its side for that.

    v: (N, 1)
    w = squeeze(mT(v), axis=0)            becomes      w = squeeze(v, axis=1)

A multiple of a vector is made as it stands, not as a row that is laid on its side.

    x: (N,), k: ()
    c = squeeze(k * mT(expand_dims(x, axis=0)), axis=1)          becomes      c = k * x
"""

from __future__ import annotations

from graphc.passes.place import Place

__all__ = ["column_as_it_stands", "multiple_as_it_stands"]


def column_as_it_stands(place: Place) -> int | None:
    """The entries of a column whose transpose loses its axis of size 1."""
    turned, axes = place.node(0), place.attrs["axis"]
    if turned.op != "mT" or turned.type.rank != 2 or turned.name or axes is None or len(axes) != 1:
        return None
    return place.add("squeeze", turned.operands, {"axis": (1 - axes[0],)})


def multiple_as_it_stands(place: Place) -> int | None:
    """A number times the vector whose row is laid on its side and loses its axis of size 1."""
    multiple, axes = place.node(0), place.attrs["axis"]
    if multiple.op != "multiply" or multiple.type.rank != 2 or multiple.name or axes is None or len(axes) != 1:
        return None
    for number, column in (multiple.operands, multiple.operands[::-1]):
        turned = place.builder[column]
        row = place.builder[turned.operands[0]] if turned.op == "mT" else turned
        if place.typed(number).shape != () or turned.name or turned is row or row.name or row.op != "expand_dims":
            continue
        if row.attr("axis") == (1 - axes[0],) and place.typed(row.operands[0]).rank == 1:
            return place.add("multiply", [number, row.operands[0]])
    return None
