"""Norms over axes, by default over all entries. The sum norm and the maximum norm are made of reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.graph import Node
from graphc.ir.types import Solver, Type
from graphc.ops.base import CallError, Lowering, NumpyContext, Op, described, register
from graphc.ops.elementwise import floating
from graphc.ops.reductions import Axes, axes_of, reduced, reduction_arguments, reduction_text

INFINITY = float("inf")
ORDERS = {"inf": INFINITY, "-inf": -INFINITY, "fro": 2}


def _norm_call(lowering: Lowering, x: int, *, ord: Any, axis: Any, keepdims: Any) -> Any:
    ord = ORDERS.get(ord, ord) if isinstance(ord, str) else 2 if ord is None else ord
    if isinstance(ord, bool) or not isinstance(ord, (int, float)):
        raise CallError(f'`ord` of `norm` is {described(ord)}; it is a number, "inf" or "-inf"', argument="ord")
    axes = axes_of(lowering, x, axis, keepdims)
    over: dict[str, Any] = {"axis": axes, "keepdims": keepdims}
    if ord == 0:
        one, zero = lowering.tensor(1.0), lowering.tensor(0.0)
        nonzero = lowering.add("not_equal", [x, lowering.tensor(0)])
        return lowering.call("sum", lowering.call("where", nonzero, one, zero), **over)
    size = lowering.call("abs", x)
    if axes == () or lowering.type(x).rank == 0:
        return size
    if ord == 2:
        return lowering.add("norm", [x], {"ord": 2, **over})
    if ord == 1:
        return lowering.call("sum", size, **over)
    if abs(ord) == INFINITY:
        return lowering.call("max" if ord > 0 else "min", size, **over)
    return lowering.call("norm_power", x, p=ord, **over)


def _norm_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(reduced(types[0].shape, attrs["axis"], attrs["keepdims"]))


def _norm_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x, axes, keepdims = operands[0], node.attr("axis"), node.attr("keepdims")
    if axes is None or len(axes) <= 2:
        return Text(f"np.linalg.norm({', '.join([str(x), *reduction_arguments(axes, keepdims)])})")
    return Text(f"np.sqrt({reduction_text(Text(f'np.square({x})'), 'sum', axes, keepdims)})")


def _norm_value(x: Any, *, ord: float = 2, axis: Axes = None, keepdims: bool = False) -> Any:
    return np.sqrt(np.sum(np.abs(floating(x)) ** 2, axis=axis, keepdims=keepdims))


register(Op(
    name="norm", family="reductions", operands=("x",), attributes={"ord": 2, "axis": None, "keepdims": False},
    positional=("ord", "axis", "keepdims"), infer=_norm_type, numpy=_norm_text, evaluate=_norm_value, call=_norm_call,
    math="‖{x}‖", doc='(Σ |x|^ord)^(1/ord) over axes, by default over all entries; "inf" for the largest |x|. The '
    "derivative at 0 is 0.", source="NumPy: linalg.norm on flattened axes",
))  # fmt: skip
