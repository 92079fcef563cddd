"""Windows as the columns of a matrix, of arrays whose samples are their last axis: (C, …, N).

    columns       (C, H, W, N) -> (C * KH * KW, places * N)      im2col: one row for each entry of a window
    add_columns   its transpose                                  col2im
    product_as    a product of matrices in another shape         kernels times columns, as images

No program writes these; they come of convolutions where speed counts (graphc/passes/samples_last.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, PRODUCT, Text
from graphc.ir.dims import dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Solver, Type, promote
from graphc.ops.base import REQUIRED, NumpyContext, Op, register
from graphc.ops.windows import keywords, numbers_text, places, positions

__all__ = ["columns_text", "windows_text"]

_WINDOW: dict[str, Any] = {"size": REQUIRED, "stride": REQUIRED, "dilation": REQUIRED}


def windows_text(ctx: NumpyContext, node: Node, array: int, behind: int) -> str:
    """The indices of the entries of a node's windows over an array."""
    shape = ctx.type(array).dims
    sizes = shape[len(shape) - behind - len(node.attr("size")) : len(shape) - behind]
    given = [numbers_text(ctx, sizes), numbers_text(ctx, node.attr("size")), *keywords(ctx, node, "stride", "dilation")]
    return f"{ctx.helper('windows')}({', '.join(given)}{f', behind={behind}' if behind else ''})"


def _columns_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    channels, *sizes, samples = solver.shape(types[0])
    size = tuple(map(dim, attrs["size"]))
    count = places(sizes, size, attrs["stride"], attrs["dilation"])
    return types[0].with_shape((channels * numel(size), numel(tuple(count)) * samples))


def columns_text(ctx: NumpyContext, node: Node, x: Text, *rest: str) -> Text:
    """The windows of x as columns, as a call with these further arguments."""
    given = [str(x), numbers_text(ctx, node.attr("size")), *keywords(ctx, node, "stride", "dilation"), *rest]
    return Text(f"{ctx.helper('im2col')}({', '.join(given)})")


def _add_columns_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    kind = ctx.dtype() if node.type.is_float else node.type.dtype
    out = f"np.empty({ctx.shape(node.type.dims)}, {kind})"
    return Text(f"{ctx.helper('col2im')}({operands[0]}, {windows_text(ctx, node, node.id, 1)}, {out})")


def _columns_value(x: Any, *, size: Any, stride: Any, dilation: Any) -> Any:
    count = places(x.shape[1:-1], size, stride, dilation)
    entries = [x[(slice(None), *at)] for _, at in positions(size, stride, dilation, count)]
    return np.stack(entries, axis=1).reshape(len(x) * len(entries), -1)


def _add_columns_value(y: Any, *, shape: Any, size: Any, stride: Any, dilation: Any) -> Any:
    channels, *sizes, samples = shape
    count = places(sizes, size, stride, dilation)
    entries = np.reshape(y, (channels, -1, *count, samples))
    x = np.zeros(shape)
    for k, (_, at) in enumerate(positions(size, stride, dilation, count)):
        x[(slice(None), *at)] += entries[:, k]
    return x


def _given_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0].with_shape(tuple(map(dim, attrs["shape"])))


def _product_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(tuple(map(dim, attrs["shape"])), promote(*(t.dtype for t in types)))


def _product_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    sizes = ", ".join(ctx.dim(n).text for n in node.type.dims)
    return Text(f"({operands[0].within(PRODUCT)} @ {operands[1].within(PRODUCT + 1)}).reshape({sizes})")


register(Op(
    name="columns", family="convolution", operands=("x",), attributes=_WINDOW, infer=_columns_type,
    numpy=lambda ctx, node, xs: columns_text(ctx, node, xs[0]), evaluate=_columns_value, hidden=True, cost="cheap",
    math="im2col({x})", doc="The windows of x (C, …, N) as the columns of a matrix.",
    source="Chellapilla et al. 2006 (im2col)",
))  # fmt: skip
register(Op(
    name="add_columns", family="convolution", operands=("y",), attributes={"shape": REQUIRED, **_WINDOW},
    infer=_given_type, numpy=_add_columns_text, evaluate=_add_columns_value, hidden=True, math="col2im({y})",
    doc="The columns added up where their windows stand: the transpose of `columns`.",
    source="Chellapilla et al. 2006 (im2col)",
))  # fmt: skip
register(Op(
    name="product_as", family="convolution", operands=("A", "B"), attributes={"shape": REQUIRED}, infer=_product_type,
    numpy=_product_text, evaluate=lambda A, B, *, shape: np.reshape(A @ B, shape), hidden=True, math="{A} {B}",
    doc="The product of two matrices, or of two stacks of them, in another shape.", source="derivations B1",
))  # fmt: skip
register(Op(
    name="in_order", family="shaping", operands=("x",), infer=lambda solver, types, attrs: types[0],
    numpy=lambda ctx, node, xs: Text(f"{xs[0].within(ATOM)}.copy()"), evaluate=lambda x: x, hidden=True,
    cost="cheap", math="{x}", doc="A copy whose entries are in the order of its axes.",
    source="NumPy: ndarray.copy",
))  # fmt: skip
