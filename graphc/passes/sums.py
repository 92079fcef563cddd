"""A sum of sums is one.

    x: (N, C, H, W)

    sum(sum(x, axis=(2, 3), keepdims=true), axis=0)    becomes    expand_dims(sum(x, axis=(0, 2, 3)), axis=(1, 2))
    sum(sum(x, axis=3), axis=0)                        becomes    sum(x, axis=(0, 3))

where the inner sum is of no other use and bears no name. That a sum over all axes is one is said in `rewrites.g`.
"""

from __future__ import annotations

from typing import Any

from graphc.passes.place import Place

__all__ = ["sums_joined"]


def sums_joined(place: Place) -> int | None:
    """The one sum."""
    inner = place.node(0)
    axes, rank = inner.attr("axis"), place.typed(inner.operands[0]).rank if inner.op == "sum" else None
    if rank is None or axes is None or inner.name or inner.hint or not place.alone(inner.id):
        return None
    kept = inner.attr("keepdims")
    outer = place.attrs["axis"]
    if outer is None or (place.attrs["keepdims"] and not kept):
        return None
    rest = range(rank) if kept else [axis for axis in range(rank) if axis not in axes]
    outer = tuple(rest[axis] for axis in outer)
    both = tuple(sorted({*axes, *outer}))
    if place.attrs["keepdims"]:
        return _sum(place, both, keepdims=True)
    left = [axis for axis in range(rank) if axis not in outer] if kept else []
    behind = tuple(k for k, axis in enumerate(left) if axis in axes)
    total = _sum(place, both)
    return place.add("expand_dims", [total], {"axis": behind}) if behind else total


def _sum(place: Place, axes: tuple[int, ...], **given: Any) -> int:
    return place.add("sum", [place.node(0).operands[0]], {"axis": axes, "keepdims": False, **given})
