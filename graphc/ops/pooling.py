"""Pools: the largest entry or the mean of each window, entry by entry of the window instead of window by window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, shape_text
from graphc.ops.base import REQUIRED, CallError, Lowering, NumpyContext, Op, register
from graphc.ops.cuts import Cut, plain
from graphc.ops.indexing import lower_index
from graphc.ops.windows import (
    Pairs,
    axis_numbers,
    borders,
    check_fits,
    keywords,
    numbers_text,
    padded,
    places,
    positions,
)

__all__: list[str] = []

# ---------------------------------------------------------------- over windows

_WINDOW: dict[str, Any] = {"size": REQUIRED, "stride": REQUIRED, "dilation": REQUIRED, "behind": 0}
"""A size, a stride and a dilation for each of the axes under the window; these are the last but for some `behind`."""


def _window_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    size, stride = map(dim, attrs["size"]), map(dim, attrs["stride"])
    shape = solver.shape(types[0])
    end = len(shape) - attrs["behind"]
    start = end - len(attrs["size"])
    count = places(shape[start:end], list(size), list(stride), attrs["dilation"])
    return types[0].with_shape((*shape[:start], *count, *shape[end:]))


def _given_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0].with_shape(tuple(map(dim, attrs["shape"])))


def _like(place: int) -> Callable[[Solver, list[Type], dict[str, Any]], Type]:
    """The type of a result that has the shape of an operand."""
    return lambda solver, types, attrs: types[0].with_shape(types[place].shape)


def _text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    shape = node.attr("shape")
    given = [] if shape is None else [ctx.shape(tuple(map(dim, shape)))]
    window = [numbers_text(ctx, node.attr("size")), numbers_text(ctx, node.attr("stride"))]
    behind = [f"behind={node.attr('behind')}"] if node.attr("behind") else []
    arguments = [*map(str, operands), *given, *window, *keywords(ctx, node, "dilation"), *behind]
    return Text(f"{ctx.helper(node.op)}({', '.join(arguments)})")


def _front(x: Any, behind: int) -> Any:
    """The array with the axes behind those of the windows in front of them."""
    return np.moveaxis(x, range(np.ndim(x) - behind, np.ndim(x)), range(behind))


def _back(x: Any, behind: int) -> Any:
    return np.moveaxis(x, range(behind), range(np.ndim(x) - behind, np.ndim(x)))


def _entries(x: Any, size: Any, stride: Any, dilation: Any) -> Any:
    """The entries of the windows, those of a window along the last axis: for the reference values."""
    count = places(x.shape[x.ndim - len(size) :], size, stride, dilation)
    return np.stack([x[(..., *at)] for _, at in positions(size, stride, dilation, count)], axis=-1)


def _max_value(x: Any, *, behind: int = 0, **window: Any) -> Any:
    entries = _entries(_front(x, behind), **window)
    return _back(np.take_along_axis(entries, np.argmax(entries, axis=-1)[..., None], axis=-1)[..., 0], behind)


def _sum_value(x: Any, *, behind: int = 0, **window: Any) -> Any:
    return _back(_entries(_front(x, behind), **window).sum(axis=-1), behind)


def _unpool_value(g: Any, x: Any, y: Any, *, size: Any, stride: Any, dilation: Any, behind: int) -> Any:
    g, x, y = (_front(array, behind) for array in (g, x, y))
    first = np.argmax(_entries(x, size, stride, dilation), axis=-1)
    result = np.zeros(x.shape)
    for k, (_, at) in enumerate(positions(size, stride, dilation, y.shape[y.ndim - len(size) :])):
        result[(..., *at)] += np.where(first == k, g, 0)
    return _back(result, behind)


def _pick_value(g: Any, x: Any, y: Any, *, behind: int, **window: Any) -> Any:
    first = np.argmax(_entries(_front(x, behind), **window), axis=-1)
    entries = _entries(_front(g, behind), **window)
    return _back(np.take_along_axis(entries, first[..., None], axis=-1)[..., 0], behind)


def _spread_value(y: Any, *, shape: Any, size: Any, stride: Any, dilation: Any, behind: int) -> Any:
    y, result = _front(y, behind), _front(np.zeros(shape), behind).copy()
    for _, at in positions(size, stride, dilation, y.shape[y.ndim - len(size) :]):
        result[(..., *at)] += y
    return _back(result, behind)


for _name, _operands, _more, _infer, _value, _math, _doc in (
    ("max_windows", ("x",), {}, _window_type, _max_value, "maxpool({x})",
     "The largest entry of each window over the last axes; of several the first gets the gradient."),
    ("max_unpool", ("g", "x", "y"), {}, _like(1), _unpool_value, "unpool({g})",
     "Numbers per window at the first entry of x that is the largest, which is y."),
    ("max_pick", ("g", "x", "y"), {}, _like(2), _pick_value, "pick({g})",
     "Per window the entry of g that stands where x has its first largest entry, which is y."),
    ("sum_windows", ("x",), {}, _window_type, _sum_value, "Σ windows({x})",
     "The sum of each window over the last axes."),
    ("spread_windows", ("y",), {"shape": REQUIRED}, _given_type, _spread_value, "spread({y})",
     "Numbers per window added to all entries of the window: the transpose of `sum_windows`."),
):  # fmt: skip
    register(Op(
        name=_name, family="convolution", operands=_operands, attributes={**_more, **_WINDOW}, infer=_infer,
        numpy=_text, evaluate=_value, hidden=True, math=_math, doc=_doc, source="PyTorch: max_pool2d, avg_pool2d",
    ))  # fmt: skip


# ---------------------------------------------------------------- borders

def _border_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = solver.shape(types[0])
    return types[0].with_shape(tuple(n + a + b for n, (a, b) in zip(shape, attrs["width"], strict=True)))


def _border_value(x: Any, *, width: Any) -> Any:
    result = np.full([n + a + b for n, (a, b) in zip(np.shape(x), width, strict=True)], -np.inf)
    result[tuple(slice(a, a + n) for n, (a, _) in zip(np.shape(x), width, strict=True))] = x
    return result


register(Op(
    name="lowest_border", family="convolution", operands=("x",), attributes={"width": REQUIRED}, infer=_border_type,
    numpy=lambda ctx, node, xs: Text(f"{ctx.helper('with_border')}({xs[0]}, {node.attr('width')}, -np.inf)"),
    hidden=True, evaluate=_border_value, math="{x}", doc="The array with -inf around it, which no maximum takes.",
    source="PyTorch: max_pool2d",
))  # fmt: skip


def _without_border_call(lowering: Lowering, x: int, *, width: Any) -> int:
    shape = lowering.shape(x)
    cuts = (Cut(before, size - after) for size, (before, after) in zip(shape, width, strict=True))
    return lower_index(lowering, x, tuple(cuts))


register(Op(
    name="without_border", family="convolution", operands=("x",), attributes={"width": REQUIRED},
    evaluate=lambda x, *, width: x[tuple(slice(a, n - b) for n, (a, b) in zip(np.shape(x), width, strict=True))],
    call=_without_border_call, hidden=True, math="{x}", doc="The array without its border.", source="NumPy: pad",
))  # fmt: skip


# ---------------------------------------------------------------- from calls

def _sizes(value: Any, n: int, name: str) -> tuple[Dim, ...]:
    """A size per spatial axis, numbers or dimensions. Raises CallError."""
    items = value if isinstance(value, (tuple, list)) else (value,) * n
    good = all(isinstance(v, (int, Dim)) and not isinstance(v, bool) and (dim(v).value or 1) > 0 for v in items)
    if len(items) != n or not good or any(dim(v).value == 0 for v in items):
        wanted = "a size" if n == 1 else f"a size or {n} of them"
        raise CallError(f"`{name}` is {wanted}, at least 1, known at compile time", argument=name)
    return tuple(map(dim, items))


def _array(lowering: Lowering, x: int, n: int) -> tuple[Dim, ...]:
    shape = lowering.shape(x, n + 2)
    if len(shape) < n:
        raise ShapeError(f"an array of shape {shape_text(shape)} has not {n} axes to pool over", operand=0)
    return shape


def _floating(lowering: Lowering, x: int) -> int:
    return x if lowering.type(x).is_float else lowering.add("as_float", [x])


def _check_border(pairs: Pairs, size: tuple[Dim, ...], dilation: tuple[int, ...]) -> None:
    for pair, k, d in zip(pairs, size, dilation, strict=True):
        if k.value is not None and 2 * max(pair) > d * (k.value - 1) + 1:
            raise CallError(f"`padding` is {max(pair)}, more than half of the size {k}", argument="padding")


def _window(size: tuple[Dim, ...], stride: tuple[Dim, ...], dilation: tuple[int, ...]) -> dict[str, Any]:
    return {"size": tuple(map(plain, size)), "stride": tuple(map(plain, stride)), "dilation": dilation}


def _max_pool(n: int) -> Callable[..., int]:
    def call(lowering: Lowering, x: int, *, size: Any, stride: Any, padding: Any, dilation: Any) -> int:
        shape = _array(lowering, x, n)
        size, dilation = _sizes(size, n, "size"), axis_numbers(dilation, n, "dilation")
        steps = size if stride is None else _sizes(stride, n, "stride")
        pairs = borders(padding, size, [s.value or 0 for s in steps], dilation)
        _check_border(pairs, size, dilation)
        if any(map(any, pairs)):
            x = _floating(lowering, x)  # no integer is -inf
            x = lowering.call("lowest_border", x, width=((0, 0),) * (len(shape) - n) + pairs)
        check_fits(lowering, lowering.shape(x)[len(shape) - n :], size, dilation, "the window")
        return lowering.call("max_windows", x, **_window(size, steps, dilation))  # type: ignore[no-any-return]

    return call


def _avg_pool(n: int) -> Callable[..., int]:
    def call(lowering: Lowering, x: int, *, size: Any, stride: Any, padding: Any, count_include_pad: Any) -> int:
        if not isinstance(count_include_pad, bool):
            raise CallError("`count_include_pad` is true or false", argument="count_include_pad")
        shape = _array(lowering, x, n)
        size = _sizes(size, n, "size")
        steps = size if stride is None else _sizes(stride, n, "stride")
        pairs = borders(padding, size, [s.value or 0 for s in steps], (1,) * n)
        _check_border(pairs, size, (1,) * n)
        x = padded(lowering, _floating(lowering, x), pairs)
        check_fits(lowering, lowering.shape(x)[len(shape) - n :], size, (1,) * n, "the window")
        window = _window(size, steps, (1,) * n)
        count = lowering.tensor(numel(size))
        if not count_include_pad and any(map(any, pairs)):
            inside = lowering.call("ones", shape=shape[len(shape) - n :])
            count = lowering.call("sum_windows", padded(lowering, inside, pairs), **window)
        total = lowering.call("sum_windows", x, **window)
        return lowering.call("divide", total, count)  # type: ignore[no-any-return]

    return call


def _numbers(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


def _max_pool_value(n: int) -> Callable[..., Any]:
    def evaluate(x: Any, *, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
        size, dilation = _numbers(size, n), _numbers(dilation, n)
        steps = size if stride is None else _numbers(stride, n)
        pairs = borders(padding, list(map(dim, size)), steps, dilation)
        wide = _border_value(x, width=((0, 0),) * (np.ndim(x) - n) + pairs)
        return _max_value(wide, size=size, stride=steps, dilation=dilation)

    return evaluate


def _avg_pool_value(n: int) -> Callable[..., Any]:
    def evaluate(
        x: Any, *, size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True
    ) -> Any:  # fmt: skip
        size = _numbers(size, n)
        steps = size if stride is None else _numbers(stride, n)
        pairs = borders(padding, list(map(dim, size)), steps, (1,) * n)
        width = ((0, 0),) * (np.ndim(x) - n) + pairs
        entries = _entries(np.pad(x, width), size, steps, (1,) * n)
        if count_include_pad:
            return entries.mean(axis=-1)
        return entries.sum(axis=-1) / _entries(np.pad(np.ones(np.shape(x)), width), size, steps, (1,) * n).sum(axis=-1)

    return evaluate


for _n, _axis in ((1, "the last axis"), (2, "the last two axes")):
    register(Op(
        name=f"max_pool{_n}d", family="convolution", operands=("x",),
        attributes={"size": REQUIRED, "stride": None, "padding": 0, "dilation": 1},
        positional=("size", "stride", "padding", "dilation"), call=_max_pool(_n),
        evaluate=_max_pool_value(_n), math="maxpool({x})",
        doc=f"The largest entry of each window of {_axis}; the stride is the size unless it is given. Of equal entries "
        "the first gets the gradient. The padding is never the largest.", source=f"PyTorch: max_pool{_n}d",
        aliases={"input": "x", "kernel_size": "size"},
    ))  # fmt: skip
    register(Op(
        name=f"avg_pool{_n}d", family="convolution", operands=("x",),
        attributes={"size": REQUIRED, "stride": None, "padding": 0, "count_include_pad": True},
        positional=("size", "stride", "padding", "count_include_pad"), call=_avg_pool(_n),
        evaluate=_avg_pool_value(_n), math="avgpool({x})",
        doc=f"The mean of each window of {_axis}; the stride is the size unless it is given. The zeros of the padding "
        "count, unless `count_include_pad` is false.", source=f"PyTorch: avg_pool{_n}d",
        aliases={"input": "x", "kernel_size": "size"},
    ))  # fmt: skip
