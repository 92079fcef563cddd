"""Convolutions. Three operations, bilinear and each the derivative of the others, are all that there is:

    y = convolve(x, w)              kernels along the windows of an array
    x = convolve_transpose(y, w)    its transpose in x: what `conv_transpose2d` is, and the gradient of the array
    w = convolve_kernel(x, y)       its transpose in w: the gradient of the kernels

Arrays are (N, C, …), kernels (O, C / groups, …), with one or two spatial axes behind. Padding is its own operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, shape_text
from graphc.ops.base import REQUIRED, CallError, Lowering, NumpyContext, Op, register
from graphc.ops.cuts import Cut
from graphc.ops.indexing import lower_index
from graphc.ops.networks import along, equal
from graphc.ops.windows import Pairs, axis_numbers, batched, borders, check_fits, keywords, padded, places, positions

__all__: list[str] = []

# ---------------------------------------------------------------- the three

_ATTRIBUTES: dict[str, Any] = {"stride": REQUIRED, "dilation": REQUIRED, "groups": REQUIRED}


def _convolve_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    (samples, _, *sizes), (filters, _, *kernel) = (solver.shape(t) for t in types)
    return Type((samples, filters, *places(sizes, kernel, attrs["stride"], attrs["dilation"])))


def _given_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(tuple(map(dim, attrs["shape"])))


def _text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    shape = node.attr("shape")
    given = [] if shape is None else [ctx.shape(tuple(map(dim, shape)))]
    arguments = [*map(str, operands), *given, *keywords(ctx, node, "stride", "dilation", "groups")]
    return Text(f"{ctx.helper(node.op)}({', '.join(arguments)})")


def _groups(x: Any, w: Any, y: Any, groups: int) -> Iterator[tuple[Any, Any, Any]]:
    """The parts of array, kernels and result that belong together, as views."""
    return zip(np.split(x, groups, axis=1), np.split(w, groups), np.split(y, groups, axis=1), strict=True)


def _convolve_value(x: Any, w: Any, *, stride: Any, dilation: Any, groups: int) -> Any:
    """One entry of the kernels after the other."""
    count = places(x.shape[2:], w.shape[2:], stride, dilation)
    y = np.zeros((len(x), len(w), *count))
    for part, kernels, result in _groups(x, w, y, groups):
        for entry, at in positions(w.shape[2:], stride, dilation, count):
            result += np.einsum("nc...,oc->no...", part[(..., *at)], kernels[(..., *entry)])
    return y


def _transpose_value(y: Any, w: Any, *, shape: Any, stride: Any, dilation: Any, groups: int) -> Any:
    x = np.zeros(shape)
    for result, kernels, part in _groups(x, w, y, groups):
        for entry, at in positions(w.shape[2:], stride, dilation, y.shape[2:]):
            result[(..., *at)] += np.einsum("no...,oc->nc...", part, kernels[(..., *entry)])
    return x


def _kernel_value(x: Any, y: Any, *, shape: Any, stride: Any, dilation: Any, groups: int) -> Any:
    w = np.zeros(shape)
    all_but_channels = (0, *range(2, y.ndim))
    for part, result, other in _groups(x, w, y, groups):
        for entry, at in positions(shape[2:], stride, dilation, y.shape[2:]):
            result[(..., *entry)] = np.tensordot(other, part[(..., *at)], (all_but_channels, all_but_channels))
    return w


for _name, _operands, _shape, _infer, _value, _math, _doc in (
    ("convolve", ("x", "w"), {}, _convolve_type, _convolve_value, "{x} ⋆ {w}",
     "The products of kernels with all windows of an array, summed."),
    ("convolve_transpose", ("y", "w"), {"shape": REQUIRED}, _given_type, _transpose_value, "{y} ⋆ᵀ {w}",
     "Each entry times its kernel, added up in an array of a given shape: the transpose of `convolve` in x."),
    ("convolve_kernel", ("x", "y"), {"shape": REQUIRED}, _given_type, _kernel_value, "{x} ⋆ {y}",
     "The products of the windows with one entry each, summed over places: the transpose of `convolve` in w."),
):  # fmt: skip
    register(Op(
        name=_name, family="convolution", operands=_operands, attributes={**_shape, **_ATTRIBUTES}, infer=_infer,
        numpy=_text, evaluate=_value, hidden=True, math=_math, doc=_doc, source="Chellapilla et al. 2006 (im2col)",
    ))  # fmt: skip


# ---------------------------------------------------------------- from calls

def _channels(lowering: Lowering, x: int, w: int, groups: int, wanted: Dim, axis: int) -> None:
    """The channels of the array must be those that the kernels expect. Raises ShapeError."""
    channels, kernels = lowering.shape(x)[1], lowering.shape(w)
    if channels // groups != kernels[axis] and not equal(lowering, channels, wanted):
        grouped = f" in {groups} groups" if groups > 1 else ""
        raise ShapeError(f"{channels} channels do not fit kernels for {wanted}", operand=1,
                         label=f"the kernels are of shape {shape_text(kernels)}{grouped}")  # fmt: skip


def _check_division(lowering: Lowering, size: Dim, groups: int, what: str) -> None:
    if size.value is not None and size.value % groups:
        raise CallError(f"{size} {what} cannot be divided into {groups} groups", argument="groups")
    lowering.at_least(size // groups * groups, size, f"a division of {size} {what} into {groups} groups")


def _kernels(lowering: Lowering, w: int, count: int) -> tuple[Dim, ...]:
    shape = lowering.shape(w, count + 2)
    if len(shape) != count + 2:
        raise ShapeError(f"kernels of shape {shape_text(shape)} do not have {count + 2} axes", operand=1)
    return shape


def _finished(lowering: Lowering, y: int, b: int | None, alone: bool) -> int:
    if b is not None:
        y = along(lowering, "shift_along", y, b, 1, ("b", 2))
    return lowering.call("squeeze", y, axis=0) if alone else y


def _conv(
    lowering: Lowering, n: int, x: int, w: int, b: int | None, *, stride: Any, padding: Any, dilation: Any, groups: Any
) -> int:  # fmt: skip
    (groups,) = axis_numbers(groups, 1, "groups")
    stride, dilation = axis_numbers(stride, n, "stride"), axis_numbers(dilation, n, "dilation")
    x, alone = batched(lowering, x, n)
    filters, depth, *size = _kernels(lowering, w, n)
    _channels(lowering, x, w, groups, depth * groups, 1)
    _check_division(lowering, lowering.shape(x)[1], groups, "channels")
    _check_division(lowering, filters, groups, "filters")
    x = padded(lowering, x, borders(padding, size, stride, dilation))
    check_fits(lowering, lowering.shape(x)[2:], size, dilation, "the kernel")
    y = lowering.call("convolve", x, w, stride=stride, dilation=dilation, groups=groups)
    return _finished(lowering, y, b, alone)


def _conv_transpose(
    lowering: Lowering, n: int, x: int, w: int, b: int | None, *, stride: Any, padding: Any, output_padding: Any,
    dilation: Any, groups: Any,
) -> int:  # fmt: skip
    (groups,) = axis_numbers(groups, 1, "groups")
    stride, dilation = axis_numbers(stride, n, "stride"), axis_numbers(dilation, n, "dilation")
    if isinstance(padding, str):
        raise CallError("`padding` of a transposed convolution is given in numbers", argument="padding")
    extra = axis_numbers(output_padding, n, "output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise CallError("`output_padding` is less than the stride or the dilation", argument="output_padding")
    x, alone = batched(lowering, x, n)
    channels, depth, *size = _kernels(lowering, w, n)
    _channels(lowering, x, w, 1, channels, 0)
    _check_division(lowering, channels, groups, "channels")
    samples, _, *counts = lowering.shape(x)
    whole = [(p - 1) * s + d * (k - 1) + 1 for p, s, d, k in zip(counts, stride, dilation, size, strict=True)]
    y = lowering.call("convolve_transpose", x, w, shape=(samples, depth * groups, *whole), stride=stride,
                      dilation=dilation, groups=groups)  # fmt: skip
    y = padded(lowering, y, tuple((0, e) for e in extra))
    y = _cropped(lowering, y, borders(padding, size, stride, dilation))
    return _finished(lowering, y, b, alone)


def _cropped(lowering: Lowering, y: int, pairs: Pairs) -> int:
    """The array without its border."""
    sizes = lowering.shape(y)[2:]
    for size, (before, after) in zip(sizes, pairs, strict=True):
        if size.value is not None and size.value < before + after:
            raise ShapeError(f"a padding of {before + after} leaves nothing of an axis of {size}", operand=0)
    cuts = [Cut(before, size - after) for size, (before, after) in zip(sizes, pairs, strict=True)]
    return lower_index(lowering, y, (Cut(), Cut(), *cuts)) if any(map(any, pairs)) else y


# ---------------------------------------------------------------- the operations

def _samples(x: Any, n: int) -> Any:
    """The array with an axis of samples."""
    return np.asarray(x)[None] if np.ndim(x) == n + 1 else np.asarray(x)


def _conv_value(
    x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:  # fmt: skip
    n = np.ndim(w) - 2
    stride, dilation = axis_numbers(stride, n, "stride"), axis_numbers(dilation, n, "dilation")
    border = borders(padding, list(map(dim, np.shape(w)[2:])), stride, dilation)
    wide = np.pad(_samples(x, n), ((0, 0), (0, 0), *border))
    y = _convolve_value(wide, np.asarray(w), stride=stride, dilation=dilation, groups=groups)
    y = y if b is None else y + np.reshape(b, (-1, *[1] * n))
    return y[0] if np.ndim(x) == n + 1 else y


def _conv_transpose_value(
    x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:  # fmt: skip
    n, kernel = np.ndim(w) - 2, np.shape(w)[2:]
    stride, dilation = axis_numbers(stride, n, "stride"), axis_numbers(dilation, n, "dilation")
    batch, extra = _samples(x, n), axis_numbers(output_padding, n, "output_padding", 0)
    axes = zip(batch.shape[2:], stride, dilation, kernel, extra, strict=True)
    whole = [(p - 1) * s + d * (k - 1) + 1 + e for p, s, d, k, e in axes]
    shape = (len(batch), np.shape(w)[1] * groups, *whole)
    y = _transpose_value(batch, np.asarray(w), shape=shape, stride=stride, dilation=dilation, groups=groups)
    border = borders(padding, list(map(dim, kernel)), stride, dilation)
    y = y[(..., *(slice(before, size - after) for size, (before, after) in zip(whole, border, strict=True)))]
    y = y if b is None else y + np.reshape(b, (-1, *[1] * n))
    return y[0] if np.ndim(x) == n + 1 else y


def _of_rank(call: Callable[..., int], n: int) -> Callable[..., int]:
    """The call for n spatial axes."""
    return lambda lowering, x, w, b, **attributes: call(lowering, n, x, w, b, **attributes)


_PYTORCH = {"input": "x", "weight": "w", "bias": "b"}

for _n, _array, _entries in ((1, "(N, C, L)", "K"), (2, "(N, C, H, W)", "KH, KW")):
    register(Op(
        name=f"conv{_n}d", family="convolution", operands=("x", "w", "b"), optional=("b",),
        attributes={"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
        positional=("stride", "padding", "dilation", "groups"), call=_of_rank(_conv, _n),
        evaluate=_conv_value, math="{x} ⋆ {w} + {b}",
        doc=f"The products of kernels w (O, C, {_entries}) with the windows of x {_array}, summed, plus b (O,), which "
        'may be left out. The padding is a number, one per axis, a pair (before, after) per axis, "same" or "valid"; '
        "with groups a kernel sees the C / groups channels of its group. The axis of samples may be missing.",
        source=f"PyTorch: conv{_n}d", aliases=_PYTORCH,
    ))  # fmt: skip
    register(Op(
        name=f"conv_transpose{_n}d", family="convolution", operands=("x", "w", "b"), optional=("b",),
        attributes={"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1},
        positional=("stride", "padding", "output_padding", "groups", "dilation"),
        call=_of_rank(_conv_transpose, _n), evaluate=_conv_transpose_value, math="{x} ⋆ᵀ {w} + {b}",
        doc=f"Each entry of x {_array} times its kernel of w (C, O / groups, {_entries}), added up a stride apart: the "
        "transpose of a convolution. The padding is cut off, output_padding is added behind.",
        source=f"PyTorch: conv_transpose{_n}d", aliases=_PYTORCH,
    ))  # fmt: skip
