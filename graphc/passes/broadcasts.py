"""Broadcasts that the operation makes anyway, dropped; numbers that were broadcast before an operation, after it.

broadcast_to(dZ[:, None], (N, H)) * X         becomes       dZ[:, None] * X
broadcast_to(dL, (N, C)) * 2                  becomes       broadcast_to(dL * 2, (N, C))
2 * broadcast_to(r[:, None], (N, D))          becomes       broadcast_to(2 * r[:, None], (N, D))
sum(broadcast_to(dL, (N, C)), axis=1)         becomes       broadcast_to(dL * C, (N,))
"""

from __future__ import annotations

from graphc.ir.dims import numel
from graphc.ir.types import Type, Unknown
from graphc.passes.place import Place

__all__ = ["broadcast_dropped", "repeats"]

MOVING = {"expand_dims", "squeeze", "reshape", "transpose", "mT"}


def broadcast_dropped(place: Place) -> int | None:
    """The node without a broadcast that it does not need."""
    operation, type = place.builder.op(place.op), place.type
    if operation.elementwise:
        return _of_operand(place) or _after(place) or _before_broadcast(place)
    if place.op == "broadcast_to" and len(place.operands) == 1:
        inner = place.node(0)
        if inner.type == type:
            return inner.id
        return place.add("broadcast_to", inner.operands, place.attrs) if _is_plain(place, inner.id) else None
    if isinstance(type.shape, Unknown) or not place.operands:
        return None
    scalar = _repeated(place, place.operands[0])
    if scalar is not None and place.op == "expand_dims" and place.node(0).op == "const":
        return place.repeat(scalar, type)
    if scalar is None or scalar == place.operands[0]:
        return None
    if place.op in MOVING:
        return place.repeat(scalar, type)
    if place.op == "sum":
        return _sum(place, scalar)
    return None


def _is_plain(place: Place, id: int) -> bool:
    """Whether a value is a broadcast to a shape that compile time knows."""
    node = place.builder[id]
    return node.op == "broadcast_to" and len(node.operands) == 1


def _of_operand(place: Place) -> int | None:
    """One operand taken as it was before its broadcast, where the others have every axis in full."""
    if len(place.operands) < 2:
        return None
    for k, u in enumerate(place.operands):
        if place.builder[u].op != "broadcast_to":
            continue
        trial = [*place.operands[:k], place.builder[u].operands[0], *place.operands[k + 1 :]]
        if _covered(place, trial) and place.inferred(trial) == place.type:
            return place.add(place.op, trial, place.attrs)
    return None


def _covered(place: Place, trial: list[int]) -> bool:
    """Whether each axis of the result has its size from an operand, so that nothing hangs on run-time sizes."""
    shape = place.type.shape
    shapes = [place.typed(u).shape for u in trial]
    if isinstance(shape, Unknown):
        return shape in shapes
    known = [s for s in shapes if not isinstance(s, Unknown)]
    return all(any(len(s) >= k and s[-k] == shape[-k] for s in known) for k in range(1, len(shape) + 1))


def _after(place: Place) -> int | None:
    """The operation on numbers, and what it gives broadcast."""
    if isinstance(place.type.shape, Unknown) or not place.type.shape:
        return None
    sources = [_repeated(place, u) for u in place.operands]
    scalars = [u for u in sources if u is not None]
    if len(scalars) < len(place.operands) or scalars == list(place.operands):
        return None
    return place.repeat(place.add(place.op, scalars, place.attrs), place.type)


def _before_broadcast(place: Place) -> int | None:
    """The operation on what was broadcast, where all else that it takes are numbers: on fewer entries."""
    wide = [u for u in place.operands if place.typed(u).shape != ()]
    if len(wide) != 1 or not _is_plain(place, wide[0]) or isinstance(place.type.shape, Unknown):
        return None
    (source,) = place.builder[wide[0]].operands
    if isinstance(place.typed(source).shape, Unknown):
        return None
    made = place.add(place.op, [source if u == wide[0] else u for u in place.operands], place.attrs)
    return place.repeat(made, place.type)


def _repeated(place: Place, id: int) -> int | None:
    """The number that a value is, or repeats."""
    node = place.builder[id]
    if node.type.shape == ():
        return id
    inside = node.operands[0] if _is_plain(place, id) else None
    return inside if inside is not None and place.typed(inside).shape == () else None


def _sum(place: Place, scalar: int) -> int | None:
    axes = place.attrs["axis"]
    sizes = [n for k, n in enumerate(place.node(0).type.dims) if axes is None or k in axes]
    total = place.add("multiply", [scalar, place.maker.tensor(numel(tuple(sizes)))])
    return place.repeat(total, place.type)


def repeats(narrow: Type, wide: Type) -> bool:
    """Whether a value of the one type may be broadcast to the other."""
    if isinstance(narrow.shape, Unknown) or isinstance(wide.shape, Unknown) or narrow.dtype != wide.dtype:
        return False
    tail = wide.shape[len(wide.shape) - len(narrow.shape) :]
    return len(narrow.shape) <= len(wide.shape) and all(
        n == w or n == 1 for n, w in zip(narrow.shape, tail, strict=True)
    )
