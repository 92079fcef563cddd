"""What convolutions and pools have in common: numbers per spatial axis, borders, windows that fit in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, shape_text
from graphc.ops.base import CallError, Lowering, NumpyContext

__all__ = [
    "Pairs", "apart", "axis_numbers", "batched", "borders", "check_fits", "covers", "keywords", "numbers_text",
    "padded", "places", "positions",
]  # fmt: skip

Pairs = tuple[tuple[int, int], ...]


# ---------------------------------------------------------------- what a call gives

def axis_numbers(value: Any, count: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One number per spatial axis: a number stands for all of them. Raises CallError."""
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(numbers) != count or any(isinstance(v, bool) or not isinstance(v, int) or v < least for v in numbers):
        wanted = "an integer" if count == 1 else f"an integer or {count} of them"
        raise CallError(f"`{name}` is {wanted}, at least {least}, known at compile time", argument=name)
    return numbers


def borders(value: Any, kernel: Sequence[Dim], stride: Sequence[int], dilation: Sequence[int]) -> Pairs:
    """The padding before and after each spatial axis. Raises CallError."""
    count = len(kernel)
    if value == "valid":
        return ((0, 0),) * count
    if value == "same":
        if any(s != 1 for s in stride):
            raise CallError('`padding="same"` needs `stride=1`', argument="padding")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        if any(total.value is None for total in totals):
            raise CallError('`padding="same"` needs a kernel of a size known at compile time', argument="padding")
        return tuple((t.value // 2, t.value - t.value // 2) for t in totals if t.value is not None)
    if isinstance(value, (tuple, list)) and any(isinstance(v, (tuple, list)) for v in value):
        if len(value) == count and all(isinstance(v, (tuple, list)) and len(v) == 2 for v in value):
            pairs = [axis_numbers(v, 2, "padding", 0) for v in value]
            return tuple((before, after) for before, after in pairs)
        raise CallError(f"`padding` has a pair (before, after) for each of {count} axes", argument="padding")
    return tuple((v, v) for v in axis_numbers(value, count, "padding", 0))


def padded(lowering: Lowering, x: int, pairs: Pairs) -> int:
    """The array with zeros around its spatial axes, which are the last."""
    rank = len(lowering.shape(x))
    width = ((0, 0),) * (rank - len(pairs)) + pairs
    return lowering.call("pad", x, width=width)  # type: ignore[no-any-return]


def check_fits(
    lowering: Lowering, sizes: Sequence[Dim], kernel: Sequence[Dim], dilation: Sequence[int], what: str
) -> None:  # fmt: skip
    """No axis, padded, may be smaller than the window. Raises ShapeError where one certainly is."""
    for size, k, d in zip(sizes, kernel, dilation, strict=True):
        wide = d * (k - 1) + 1
        if k.value == 0:
            raise CallError(f"{what} is empty")
        if size.value is not None and wide.value is not None and size.value < wide.value:
            raise ShapeError(f"{what} of {wide} entries does not fit into an axis of {size}", operand=0)
        lowering.at_least(size, wide, what)


def places(sizes: Sequence[Any], kernel: Sequence[Any], stride: Sequence[Any], dilation: Sequence[Any]) -> list[Any]:
    """How many windows there are along each axis; of sizes or of numbers."""
    return [(m - d * (k - 1) - 1) // s + 1 for m, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)]


def apart(node: Node) -> bool:
    """Whether no entry is in two windows of a pool, for certain."""
    window = zip(map(dim, node.attr("size")), map(dim, node.attr("stride")), node.attr("dilation"), strict=True)
    return all((s - (d * (k - 1) + 1)).is_nonnegative() for k, s, d in window)


def covers(node: Node, shape: Sequence[Dim]) -> bool:
    """Whether every entry of an array of this shape is in exactly one window of a pool, for certain."""
    size, stride = tuple(map(dim, node.attr("size"))), tuple(map(dim, node.attr("stride")))
    dilation: tuple[int, ...] = node.attr("dilation")
    end = len(shape) - node.attr("behind")
    sizes = shape[end - len(size) : end]
    count = places(sizes, size, stride, dilation)
    return size == stride and all(d == 1 or k == 1 for d, k in zip(dilation, size, strict=True)) and all(
        m == c * s for m, c, s in zip(sizes, count, stride, strict=True)
    )


def batched(lowering: Lowering, x: int, count: int) -> tuple[int, bool]:
    """The array with an axis of samples, and whether it had none. Raises ShapeError."""
    rank = len(lowering.shape(x, count + 2))
    if rank == count + 1:
        return lowering.call("expand_dims", x, axis=0), True
    if rank != count + 2:
        axes = "(N, C, L)" if count == 1 else "(N, C, H, W)"
        raise ShapeError(f"an array of shape {shape_text(lowering.shape(x))} does not have the axes {axes}", operand=0)
    return x, False


# ---------------------------------------------------------------- text

def keywords(ctx: NumpyContext, node: Node, *names: str) -> list[str]:
    """Numbers per axis as keyword arguments of a helper; those that are 1 throughout are left out."""
    shown = []
    for name in names:
        value = node.attr(name)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(v != 1 for v in numbers):
            shown.append(f"{name}={numbers_text(ctx, value) if isinstance(value, tuple) else value}")
    return shown


def numbers_text(ctx: NumpyContext, numbers: Sequence[Dim | int]) -> str:
    """Sizes as a tuple display."""
    return "(" + ", ".join(str(ctx.dim(n)) for n in numbers) + ("," if len(numbers) == 1 else "") + ")"


# ---------------------------------------------------------------- reference values

def positions(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], count: Sequence[int]
) -> Iterator[tuple[Any, Any]]:  # fmt: skip
    """Every entry of a window, and the slices that take this entry of all windows."""
    for entry in np.ndindex(*kernel):
        along = zip(entry, dilation, stride, count, strict=True)
        yield entry, tuple(slice(e * d, e * d + s * m, s) for e, d, s, m in along)
