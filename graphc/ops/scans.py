"""Running sums and products, and what makes the gradient of a product right where entries are zero.

The derivative of a product with respect to one entry is the product of the others. It is not `y / x`, which zeros
spoil, but what stands before the entry times what stands after it; for running products a linear recurrence.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, Text
from graphc.ir.graph import Node
from graphc.ir.types import Shape, Solver, Type, Unknown
from graphc.ops.arithmetic import elementwise_type
from graphc.ops.axes import normal_axes, normal_axis
from graphc.ops.base import REQUIRED, DynamicShape, Lowering, NumpyContext, Op, register
from graphc.ops.elementwise import number_type

# ---------------------------------------------------------------- running sums and products


def _flat(lowering: Lowering, x: int) -> int:
    """All entries in a row."""
    rank = lowering.type(x).rank
    if rank == 1:
        return x
    if rank is None:
        return lowering.add("ravel", [x])
    return lowering.call("reshape", x, shape=(-1,))  # type: ignore[no-any-return]


def _running(name: str) -> Any:
    def call(lowering: Lowering, x: int, *, axis: Any) -> int:
        if axis is None:
            return lowering.add(name, [_flat(lowering, x)], {"axis": 0})
        place = normal_axis(axis, lowering.type(x).rank)
        lowering.has_axes(x, [place])
        return lowering.add(name, [x], {"axis": place})

    return call


def _running_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(types[0].shape, number_type(types[0].dtype))


def _running_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axis = "" if ctx.type(node.operands[0]).rank == 1 else f"axis={node.attr('axis')}"
    return Text(f"{operands[0].within(ATOM)}.{node.op}({axis})")


for _name, _ufunc, _doc in (
    ("cumsum", np.add, "The running sum along an axis; without axis of all entries in a row."),
    ("cumprod", np.multiply, "The running product along an axis; without axis of all entries in a row. The gradient is "
     "right where entries are zero."),
):  # fmt: skip
    register(Op(
        name=_name, family="reductions", operands=("x",), attributes={"axis": None}, positional=("axis",),
        infer=_running_type, numpy=_running_text, call=_running(_name), math=f"{_name}({{x}})", doc=_doc,
        evaluate=lambda x, *, axis, ufunc=_ufunc: ufunc.accumulate(np.add(x, 0), axis=axis), source=f"NumPy: {_name}",
        aliases={"a": "x"},
    ))  # fmt: skip

register(Op(
    name="ravel", family="reductions", operands=("x",), hidden=True, view=True, cost="free", numpy="{x}.ravel()",
    infer=lambda solver, types, attrs: types[0].with_shape(Unknown.of("ravel", types[0].shape)), evaluate=np.ravel,
    math="vec({x})", doc="All entries in a row, of a value of unknown rank.", source="NumPy: ravel",
))  # fmt: skip

# ---------------------------------------------------------------- the parts of their gradients


def _shift_call(lowering: Lowering, x: int, *, axis: Any, by: int, fill: float) -> int:
    return lowering.add("shift", [x], {"axis": normal_axis(axis, lowering.type(x).rank), "by": by, "fill": fill})


def _shift_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axis, by, fill = (node.attr(name) for name in ("axis", "by", "fill"))
    return Text(f"{ctx.helper('shift_along')}({operands[0]}, {axis}, {by}, {fill})")


def _shift_value(x: Any, *, axis: int, by: int, fill: float) -> Any:
    x = np.asarray(x)
    size = x.shape[axis]
    edge = np.full_like(np.take(x, [0] * min(1, size), axis), fill)
    rest = np.take(x, range(size - 1) if by > 0 else range(1, size), axis)
    return np.concatenate([edge, rest] if by > 0 else [rest, edge], axis)


register(Op(
    name="shift", family="reductions", operands=("x",), attributes={"axis": REQUIRED, "by": 1, "fill": 0},
    infer=lambda solver, types, attrs: types[0], numpy=_shift_text, evaluate=_shift_value, call=_shift_call,
    hidden=True, math="shift({x})", source="PyTorch: pad",
    doc="The entries moved one place along an axis, up for by=1, down for by=-1; `fill` takes the free place.",
))  # fmt: skip


def _scan_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"{ctx.helper(node.op)}({operands[0]}, {operands[1]}, {node.attr('axis')})")


def _scan_value(reverse: bool) -> Any:
    def evaluate(a: Any, b: Any, *, axis: int) -> Any:
        a, b = (np.moveaxis(x, axis, 0) for x in np.broadcast_arrays(a, b))
        r = np.array(b, np.result_type(a, b))
        for k in reversed(range(len(r) - 1)) if reverse else range(1, len(r)):
            r[k] += a[k + 1] * r[k + 1] if reverse else a[k] * r[k - 1]
        return np.moveaxis(r, 0, axis)

    return evaluate


def _declare_scan(name: str, reverse: bool, doc: str) -> None:
    register(Op(
        name=name, family="reductions", operands=("a", "b"), attributes={"axis": REQUIRED}, infer=elementwise_type(),
        numpy=_scan_text, evaluate=_scan_value(reverse), hidden=True, math=f"{name}({{a}}, {{b}})", doc=doc,
        source="Hillis and Steele 1986",
    ))  # fmt: skip


_declare_scan("linear_scan", False, "r[k] = b[k] + a[k] r[k-1] along an axis: a linear recurrence.")
_declare_scan("linear_scan_back", True, "r[k] = b[k] + a[k+1] r[k+1] along an axis: the recurrence from the end.")


def _others_call(lowering: Lowering, x: int, *, axis: Any) -> int:
    rank = lowering.type(x).rank
    axes = normal_axes(axis, rank)
    if axes is None and rank is None:
        shape: Shape = lowering.type(x).shape
        back = DynamicShape(lowering.add("shape_of", [x]), shape, x)
        others = _others_along(lowering, lowering.add("ravel", [x]), 0)
        return lowering.call("reshape", others, shape=back)  # type: ignore[no-any-return]
    if axes is None:
        assert rank is not None
        axes = tuple(range(rank))
    # Over several axes: the others along the first, times the products of the other rows.
    result: int | None = None
    for a in axes:
        here = _others_along(lowering, x, a)
        result = here if result is None else lowering.add("multiply", [result, here])
        x = lowering.call("prod", x, axis=a, keepdims=True)
    assert result is not None
    return result


def _others_along(lowering: Lowering, x: int, axis: int) -> int:
    def before(x: int) -> int:
        return lowering.call("shift", lowering.call("cumprod", x, axis=axis), axis=axis, by=1, fill=1)  # type: ignore[no-any-return]

    after = lowering.call("flip", before(lowering.call("flip", x, axis=axis)), axis=axis)
    return lowering.add("multiply", [before(x), after])


register(Op(
    name="others", family="reductions", operands=("x",), attributes={"axis": None}, call=_others_call,
    hidden=True, doc="In the place of every entry the product of all the others along axes.", source="PyTorch: prod",
))  # fmt: skip
