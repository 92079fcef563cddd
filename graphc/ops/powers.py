"""Squares and powers. A power by a small integer never goes through np.power, which costs as much as fifty products."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import POWER, PRODUCT, SUM, Text, binary
from graphc.ir.graph import Node
from graphc.ir.types import Solver, Type
from graphc.ops.arithmetic import elementwise_type
from graphc.ops.base import REQUIRED, Lowering, NumpyContext, Op, register
from graphc.ops.core import number
from graphc.ops.elementwise import counted, floating, number_type


def _square_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x = operands[0]
    pythons = ctx.plain(node.operands[0]) and not node.type.is_float  # an integer without methods would come of it
    return binary("*", x, x) if x.text.isidentifier() and not pythons else Text(f"np.square({x})")


register(Op(
    name="square", family="elementwise", operands=("x",), infer=elementwise_type(number_type), numpy=_square_text,
    precedence=PRODUCT, evaluate=lambda x: np.power(np.add(x, 0), 2), call=counted("square"), math="{x}²",
    doc="The square; `x**2` is the same.", source="NumPy: square", cost="cheap", elementwise=True, ufunc="np.square",
))  # fmt: skip

LARGEST_WHOLE = 32
"""Powers up to this one are made of products."""


def _power_call(lowering: Any, x: int, y: int) -> Any:
    exponent: Node = lowering.node(y)
    value = exponent.attr("value") if exponent.op == "const" else None
    if isinstance(value, (int, float)) and exponent.type.rank == 0:
        return _power_of(lowering, x, value)
    counted_up = (lowering.add("as_int", [u]) if lowering.type(u).dtype == "bool" else u for u in (x, y))
    return lowering.add("power", list(counted_up))


def _power_of(lowering: Lowering, x: int, p: float) -> Any:
    """x**p for a number p, by the simplest operation that does it."""
    if abs(p) <= LARGEST_WHOLE and p == int(p):
        p = int(p)
        if p in (0, 1) and lowering.type(x).dtype == "bool":
            x = lowering.add("as_int", [x])
        if p == 0:
            return lowering.call("ones_like", x)
        if p in (1, 2):
            return x if p == 1 else lowering.call("square", x)
        return lowering.call("whole_power", x, p=p) if p != -1 else lowering.call("reciprocal", x)
    if p == 0.5:
        return lowering.call("sqrt", x)
    if p == -0.5:
        return lowering.call("rsqrt", x)
    return lowering.add("power_const", [x], {"p": p})


def _products_call(lowering: Lowering, x: int, *, p: int) -> Any:
    """By repeated squaring: x**5 is square(square(x)) * x."""
    left, result, factor = abs(p), None, x
    while True:
        if left & 1:
            result = factor if result is None else lowering.add("multiply", [factor, result])
        left >>= 1
        if not left:
            break
        factor = lowering.call("square", factor)
    return result if p > 0 else lowering.call("divide", lowering.tensor(1), result)


register(Op(
    name="products", family="elementwise", operands=("x",), attributes={"p": REQUIRED},
    call=_products_call, hidden=True, cost="cheap", doc="A power by a small integer, made of products.",
    source="repeated squaring",
))  # fmt: skip


def _power_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return binary("**", operands[0], operands[1] if len(operands) > 1 else number(node.attr("p")))


def _power_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    p = attrs["p"]
    return Type(types[0].shape, number_type(types[0].dtype) if isinstance(p, int) and p > 0 else "float")


register(Op(
    name="power", family="elementwise", operands=("x", "y"), infer=elementwise_type(number_type), numpy=_power_text,
    precedence=POWER, evaluate=np.power, call=_power_call, math="{x}^({y})", ufunc="np.power", elementwise=True,
    doc="x to the power y, `x**y`. At x = 0 the derivative with respect to y is 0, and that with respect to x is 0 "
    "where y is 0.", source="NumPy: power", domain={"x": "positive"},
))  # fmt: skip
register(Op(
    name="power_const", family="elementwise", operands=("x",), attributes={"p": REQUIRED}, infer=_power_type,
    numpy=_power_text, precedence=POWER, evaluate=lambda x, *, p: np.power(x if p == int(p) > 0 else floating(x), p),
    hidden=True, math="{x}^({p})", elementwise=True, doc="x to a power known at compile time.", source="NumPy: power",
    domain={"x": "positive"},
))  # fmt: skip
# The parts of its derivatives, which are 0 where the plain formulas make 0 * inf.
register(Op(
    name="less_one", family="elementwise", operands=("x",), infer=elementwise_type(number_type), precedence=SUM,
    numpy="{x} - ({x} != 0)", evaluate=lambda x: np.where(np.equal(x, 0), x, np.subtract(x, 1)), hidden=True,
    math="{x} − 1", elementwise=True, cost="cheap", doc="x - 1, but 0 where x is 0.", source="NumPy: power",
))  # fmt: skip
register(Op(
    name="log_or_zero", family="elementwise", operands=("x",), infer=elementwise_type(lambda dtype: "float"),
    numpy="np.log({x} + ({x} == 0))", evaluate=lambda x: np.log(np.where(np.equal(x, 0), 1.0, x)), hidden=True,
    math="log({x})", elementwise=True, doc="The natural logarithm, but 0 where x is 0.", source="NumPy: log",
    domain={"x": "positive"},
))  # fmt: skip
