"""Logarithms of shares, as `log_softmax` makes them: the shares are those of the exponentials that are there.

    S: (N, C)
    a = S - max(S, axis=1, keepdims=true)                a = S - max(S, axis=1, keepdims=true)
    e = exp(a)                                           e = exp(a)
    t = sum(e, axis=1, keepdims=true)                    t = sum(e, axis=1, keepdims=true)
    dS = exp(a - log(t))                    becomes      dS = e / t

    S: (N, C), y: (N,) int, r: (N, 1), A: (N, N)
    (S - r)[arange(N), y]                   becomes      S[arange(N), y] - squeeze(r, axis=1)
    diag(A - r)                             becomes      diag(A) - squeeze(r, axis=1)

The second where nothing else needs S - r: a loss of log-probabilities needs those at the labels alone.
"""

from __future__ import annotations

from graphc.ir.dims import dim
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import ARRAY
from graphc.passes.entries import counts_rows
from graphc.passes.place import Place

__all__ = ["entries_of_difference", "share_at_hand"]


def share_at_hand(place: Place) -> int | None:
    """The exponential of what is less by the logarithm of a sum of exponentials, as a quotient of these."""
    difference = place.node(0)
    if difference.op != "subtract" or isinstance(difference.type.shape, Unknown):
        return None
    shifted, log = (place.builder[u] for u in difference.operands)
    if log.op != "log":
        return None
    total, e = place.builder[log.operands[0]], place.builder.find("exp", [shifted.id])
    if e is None or total.op != "sum" or total.operands != (e,) or not _is_shifted(place, shifted):
        return None
    return place.add("divide", [e, total.id])


def _is_shifted(place: Place, node: Node) -> bool:
    """Whether a value is another less its largest entries, so that its exponential is at most 1."""
    if node.op != "subtract":
        return False
    largest = place.builder[node.operands[1]]
    return largest.op in ("largest", "max") and largest.operands == (node.operands[0],)


def entries_of_difference(place: Place) -> int | None:
    """An entry of each row of a matrix less a column, as the difference of the entries."""
    difference = place.node(0)
    known = not isinstance(difference.type.shape, Unknown) and difference.type.rank == 2
    if difference.op != "subtract" or not known or not place.alone(difference.id):
        return None
    matrix, column = difference.operands
    size, _ = difference.type.dims
    if place.typed(matrix) != difference.type or place.typed(column).shape != (size, dim(1)):
        return None
    if place.op == "gather":
        rows, *_ = (place.builder[u] for u in place.operands[1:])
        if place.attrs["pattern"] != (ARRAY, ARRAY) or not counts_rows(rows, size):
            return None
    if place.op == "diagonal" and (place.attrs["k"] != 0 or difference.type.dims != (size, size)):
        return None
    picked = place.add(place.op, [matrix, *place.operands[1:]], dict(place.attrs))
    return place.add("subtract", [picked, place.add("squeeze", [column], {"axis": (1,)})])
