"""Choices between values: extrema, bounds, masks; and the one activation whose formula is the caller's choice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.emitter.expressions import COMPARE, LOOSE, Text, fill, unary
from graphc.ir.graph import Node
from graphc.ir.types import Solver, Type, promote
from graphc.ops.arithmetic import elementwise_type
from graphc.ops.base import CallError, Lowering, NumpyContext, Op, described, register

# ---------------------------------------------------------------- extrema and bounds

def _extremum(name: str, math: str, doc: str) -> None:
    register(Op(
        name=name, family="elementwise", operands=("x", "y"), infer=elementwise_type(),
        numpy=f"np.{name}({{x}}, {{y}})", evaluate=getattr(np, name), math=math, doc=doc,
        source=f"NumPy: {name}", cost="cheap", elementwise=True, ufunc=f"np.{name}",
    ))  # fmt: skip


_extremum("maximum", "max({x}, {y})", "The larger of x and y; equal ones share the gradient.")
_extremum("minimum", "min({x}, {y})", "The smaller of x and y; equal ones share the gradient.")


def _clip_call(lowering: Lowering, x: int, lo: int | None, hi: int | None) -> Any:
    if lo is None and hi is None:
        return x
    if lo is None:
        return lowering.call("at_most", x, hi)
    if hi is None:
        return lowering.call("at_least", x, lo)
    return lowering.add("clip", [x, lo, hi])


def _clip_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x, *bounds = map(ctx.plain, node.operands)
    # of a plain number np.clip makes an array first, whose type is float64
    template = "np.minimum(np.maximum({x}, {lo}), {hi})" if x and not all(bounds) else "np.clip({x}, {lo}, {hi})"
    return fill(template, dict(zip(("x", "lo", "hi"), operands, strict=True)))


register(Op(
    name="clip", family="elementwise", operands=("x", "lo", "hi"), optional=("lo", "hi"), infer=elementwise_type(),
    numpy=_clip_text, call=_clip_call,
    evaluate=lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi), math="min(max({x}, {lo}), {hi})", cost="cheap",
    doc="x kept between lo and hi, either of which may be `none`; the derivative is 1 at the bounds too.",
    source="NumPy: clip; PyTorch: clamp for the bounds", elementwise=True, ufunc="np.clip",
    aliases={"a": "x", "a_min": "lo", "a_max": "hi", "min": "lo", "max": "hi"},
))  # fmt: skip

# ---------------------------------------------------------------- choices


def _where_call(lowering: Lowering, c: int, a: int, b: int) -> int:
    if lowering.type(c).dtype != "bool":
        c = lowering.add("not_equal", [c, lowering.tensor(0)])
    return lowering.add("where", [c, a, b])


def _where_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    if ctx.plain(node.id):
        c, a, b = operands
        return Text(f"{a.within(COMPARE)} if {c.within(COMPARE)} else {b}", LOOSE)
    text = fill("np.where({c}, {a}, {b})", dict(zip("cab", operands, strict=True)))
    scalars = all(ctx.type(id).rank == 0 for id in node.operands[1:])
    if node.type.is_float and scalars and node.type.rank != 0:  # of plain numbers NumPy makes float64
        return Text(f"{text}.astype({ctx.dtype()})")
    return text


def _where_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = elementwise_type()(solver, types, attrs).shape
    return Type(shape, promote(types[1].dtype, types[2].dtype))


register(Op(
    name="where", family="elementwise", operands=("c", "a", "b"), infer=_where_type, numpy=_where_text,
    evaluate=np.where, call=_where_call, math="({a} if {c} else {b})", elementwise=True, cost="cheap",
    doc="a where c is true, else b. What is computed entry by entry for a branch alone has no gradient where it is not "
    "taken, whatever its derivative would be there.", source="NumPy: where", domain={"c": "boolean"},
    aliases={"condition": "c", "x": "a", "y": "b"},
))  # fmt: skip


def _not_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    of = ctx.type(node.operands[0])
    if of.rank == 0 or of.dtype != "bool":  # ~True is -2, as ~1 is
        return Text(f"np.logical_not({operands[0]})")
    return unary("~", operands[0])


register(Op(
    name="logical_not", family="elementwise", operands=("x",), infer=elementwise_type(lambda dtype: "bool"),
    numpy=_not_text, evaluate=np.logical_not, hidden=True, math="¬{x}", elementwise=True, cost="cheap",
    ufunc="np.logical_not", doc="True where x is false.", source="NumPy: logical_not", domain={"x": "boolean"},
))  # fmt: skip


def _dropout_call(lowering: Lowering, x: int, mask: int, *, p: Any) -> Any:
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p < 1:
        message = f"`p` of `dropout` is {described(p)}; it is a probability: at least 0, less than 1"
        raise CallError(message, argument="p")
    kept = lowering.call("multiply", x, mask)
    return lowering.call("divide", kept, lowering.tensor(1 - p)) if p else kept


# ---------------------------------------------------------------- replaced when they are called


def _gelu_call(lowering: Lowering, x: int, *, approximate: Any) -> Any:
    if approximate not in ("none", "tanh"):
        message = f'`approximate` of `gelu` is {described(approximate)}; it is "none" or "tanh"'
        raise CallError(message, argument="approximate")
    return lowering.call("gelu_exact" if approximate == "none" else "gelu_tanh", x)


def _gelu_value(x: Any, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return x / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * np.power(x, 3))))
    return x * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))) / 2


register(Op(
    name="dropout", family="elementwise", operands=("x", "mask"), attributes={"p": 0.5}, positional=("p",),
    evaluate=lambda x, mask, *, p=0.5: np.where(mask, x, 0) / (1 - p), call=_dropout_call,
    math="{x} ⊙ {mask} / (1 − {p})", source="PyTorch: dropout", elementwise=True,
    doc="x * mask / (1 - p): the mask, of zeros and ones, is drawn by the caller, who drops with probability p.",
    aliases={"input": "x"},
))  # fmt: skip
register(Op(
    name="gelu", family="elementwise", operands=("x",), attributes={"approximate": "none"}, positional=("approximate",),
    evaluate=_gelu_value, call=_gelu_call, math="{x} ⊙ Φ({x})", elementwise=True,
    doc='x times the probability that a standard normal variable is less than x; approximate="tanh" replaces the error '
    "function by a hyperbolic tangent.", source="Hendrycks and Gimpel 2016; PyTorch: gelu",
    aliases={"input": "x"},
))  # fmt: skip
