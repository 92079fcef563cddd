"""Arrays that are zero but for some entries: less is done with the entries alone (derivations E2).

X, S: (N, C), u: (K, C), i: (K,) int, y: (N,) int, x: (C,), j: () int, s: (), v: (N,)
vjp(S[i], S, u) * X                                       becomes       vjp(S[i], S, u * X[i])
vjp(S[arange(N), y], S, broadcast_to(s, (N,)))            becomes       one_hot(y, C) * s
(one_hot(j, C) * s) * x                                   becomes       one_hot(j, C) * (s * x[j])
sum(one_hot(y, C) * X, axis=-1)                           becomes       X[arange(N), y]
one_hot(y, C) * v[:, None]                                becomes       vjp(S[arange(N), y], S, v)
sum(vjp(S[arange(N), y], S, v), axis=-1)                  becomes       v
log(X)[i]                                                 becomes       log(X[i])

where the rest of log(X) is not needed; `vjp(S[i], S, u)` is zero but for u at the places i.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import ARRAY, plain
from graphc.ops.indexing import gather
from graphc.ops.integers import counting
from graphc.passes.place import Place

__all__ = ["counts_rows", "entries_only"]


def entries_only(place: Place) -> int | None:
    """The node made of the entries alone."""
    if place.op == "multiply":
        found = _product(place)
        return _scattered(place) if found is None else found
    if place.op == "scatter":
        return _one_hot(place)
    if place.op == "sum":
        return _sum_of_scattered(place) if place.node(0).op == "scatter" else _sum_of_picked(place)
    if place.op in ("gather", "gather_entry"):
        return _of_picked(place)
    return None


def _product(place: Place) -> int | None:
    for k in range(2):
        sparse, other = place.node(k), place.operands[1 - k]
        if sparse.op != "scatter" and (sparse.op != "multiply" or sparse.type.rank != 1):
            continue
        if not place.alone(sparse.id) or not place.typed(other) == place.type == sparse.type:
            continue
        if sparse.op == "scatter" and sparse.attr("shape") is not None:
            u, *indices = sparse.operands
            picked = gather(place.maker, other, indices, sparse.attr("pattern"))
            return place.add("scatter", [place.add("multiply", [u, picked]), *indices], dict(sparse.attrs))
        if sparse.op == "multiply":
            rows, scalar = (place.builder[u] for u in sparse.operands)
            if rows.op == "one_hot" and scalar.type.shape == ():
                picked = gather(place.maker, other, rows.operands, (ARRAY,))
                return place.add("multiply", [rows.id, place.add("multiply", [scalar.id, picked])])
    return None


def _scattered(place: Place) -> int | None:
    """Rows of zeros and one number: the numbers at their labels."""
    for k in range(2):
        rows, column = place.node(k), place.node(1 - k)
        if rows.op != "one_hot" or column.op != "expand_dims" or not place.alone(rows.id):
            continue
        numbers, shape = column.operands[0], place.type.shape
        if rows.type != place.type or rows.type.rank != 2 or column.attr("axis") != (1,) or column.name:
            continue
        if place.typed(numbers).shape != shape[:1] or not place.typed(numbers).is_float:  # type: ignore[index]
            continue
        counted = place.add("arange", [], counting(rows.type.dims[0]))
        attrs = {"pattern": (ARRAY, ARRAY), "shape": shape, "like": None, "distinct": True}
        return place.add("scatter", [numbers, counted, rows.operands[0]], attrs)
    return None


def _sum_of_scattered(place: Place) -> int | None:
    """Of rows with one entry each it is these."""
    scattered, axes = place.node(0), place.attrs["axis"]
    inner = Place(place.maker, "scatter", scattered.operands, dict(scattered.attrs), scattered.type, place.uses)
    if _label_per_row(inner) is None or scattered.type.rank != 2:
        return None
    entries = scattered.operands[0]
    if axes is None:
        return place.add("sum", [entries], {"axis": None, "keepdims": False}) if not place.attrs["keepdims"] else None
    if axes != (1,):
        return None
    return place.add("expand_dims", [entries], {"axis": (1,)}) if place.attrs["keepdims"] else entries


def _one_hot(place: Place) -> int | None:
    labels = _label_per_row(place)
    if labels is None:
        return None
    u = place.node(0)
    if u.op == "broadcast_to" and len(u.operands) == 1:
        u = place.builder[u.operands[0]]
    if u.type.shape != ():
        return None
    rows = place.add("one_hot", [labels], {"n": plain(place.attrs["shape"][-1])})
    return place.add("multiply", [rows, u.id])


def _label_per_row(place: Place) -> int | None:
    """The labels, if each row gets one entry: `x[y]` of a vector, `x[arange(N), y]` of a matrix."""
    shape, pattern = place.attrs["shape"], place.attrs["pattern"]
    if shape is None or pattern != (ARRAY,) * len(shape) or len(shape) > 2:
        return None
    *rows, labels = (place.builder[i] for i in place.operands[1:])
    if isinstance(labels.type.shape, Unknown) or labels.type.shape != shape[:-1]:
        return None
    return labels.id if all(counts_rows(row, shape[0]) for row in rows) else None


def counts_rows(node: Node, size: Any) -> bool:
    """Whether a value is 0, 1, …, size - 1."""
    return node.op == "arange" and (node.attr("start"), node.attr("stop"), node.attr("step")) == (0, size, 1)


def _sum_of_picked(place: Place) -> int | None:
    """A row of zeros and a one picks an entry per row; what is left of the sum is taken over these."""
    product, axes = place.node(0), place.attrs["axis"]
    rank = product.type.rank
    if product.op != "multiply" or rank not in (1, 2) or place.attrs["keepdims"] or not place.alone(product.id):
        return None
    rest = () if axes is None else tuple(k for k in axes if k != rank - 1)
    if axes is not None and rank - 1 not in axes:
        return None
    for k in range(2):
        rows, other = place.builder[product.operands[k]], product.operands[1 - k]
        if rows.op == "one_hot" and place.typed(other) == rows.type == product.type:
            labels = list(rows.operands)
            if rank == 2:
                labels.insert(0, place.add("arange", [], counting(rows.type.dims[0])))
            picked = gather(place.maker, other, labels, (ARRAY,) * rank)
            if place.typed(picked) == place.type:
                return picked
            return place.add("sum", [picked], {"axis": None if axes is None else rest, "keepdims": False})
    return None


def _of_picked(place: Place) -> int | None:
    """A function of the entries that are picked, not of all."""
    function = place.node(0)
    if len(function.operands) != 1 or not place.alone(function.id) or not place.builder.op(function.op).elementwise:
        return None
    picked = gather(place.maker, function.operands[0], place.operands[1:], place.attrs["pattern"])
    return place.add(function.op, [picked], dict(function.attrs))
