"""Functions applied entry by entry. The activations are written in the language: graphc/rules/activations.g.

Lowering has cast integers to the program's floating type before they come here, and makes a function of plain numbers
(`sqrt(d)` of a size) a plain number again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.graph import Node
from graphc.ir.types import promote
from graphc.ops.arithmetic import elementwise_type
from graphc.ops.base import CallError, Lowering, NumpyContext, Op, register

__all__ = ["counted", "floating", "number_type"]


def floating(x: Any) -> Any:
    """An operand of a reference evaluation made floating."""
    return x if np.asarray(x).dtype.kind == "f" else np.asarray(x, float)


def number_type(*dtypes: str) -> str:
    """The kind of what arithmetic makes: of booleans, integers."""
    return promote("int", *dtypes)


def _declare(
    name: str, math: str, doc: str, *, operands: tuple[str, ...] = ("x",), cost: str = "dear",
    domain: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """A function that NumPy has by the same name, with a floating result."""
    arguments = ", ".join(f"{{{operand}}}" for operand in operands)
    register(Op(
        name=name, family="elementwise", operands=operands, infer=elementwise_type(lambda *dtypes: "float"),
        numpy=f"np.{name}({arguments})",
        evaluate=lambda *values: getattr(np, name)(*map(floating, values)), math=math, doc=doc,
        source=f"NumPy: {name}", cost=cost, elementwise=True, ufunc=f"np.{name}", domain=domain or {},
    ))  # fmt: skip


# ---------------------------------------------------------------- exponentials, logarithms, roots

_POSITIVE, _UNIT = {"x": "positive"}, {"x": "unit"}

_declare("exp", "exp({x})", "The exponential.")
_declare("expm1", "exp({x}) − 1", "exp(x) - 1, precise near 0.")
_declare("log", "log({x})", "The natural logarithm.", domain=_POSITIVE)
_declare("log1p", "log(1 + {x})", "log(1 + x), precise near 0.", domain=_POSITIVE)
_declare("log2", "log₂({x})", "The logarithm to base 2.", domain=_POSITIVE)
_declare("log10", "log₁₀({x})", "The logarithm to base 10.", domain=_POSITIVE)
_declare("sqrt", "√({x})", "The square root; the derivative at 0 is infinite, as NumPy computes it.", domain=_POSITIVE)
_declare("logaddexp", "log(exp({x}) + exp({y}))", "log(exp(x) + exp(y)) without overflow.", operands=("x", "y"))

# ---------------------------------------------------------------- trigonometry

_declare("sin", "sin({x})", "The sine.")
_declare("cos", "cos({x})", "The cosine.")
_declare("tan", "tan({x})", "The tangent.", domain=_UNIT)
_declare("arcsin", "arcsin({x})", "The angle between -π/2 and π/2 that has the sine x.", domain=_UNIT)
_declare("arccos", "arccos({x})", "The angle between 0 and π that has the cosine x.", domain=_UNIT)
_declare("arctan", "arctan({x})", "The angle between -π/2 and π/2 that has the tangent x.")
_declare("sinh", "sinh({x})", "The hyperbolic sine.")
_declare("cosh", "cosh({x})", "The hyperbolic cosine.")
_declare("tanh", "tanh({x})", "The hyperbolic tangent.")
_declare("arcsinh", "arsinh({x})", "The inverse of the hyperbolic sine.")
_declare("arccosh", "arcosh({x})", "The inverse of the hyperbolic cosine.", domain={"x": "above_one"})
_declare("arctanh", "artanh({x})", "The inverse of the hyperbolic tangent.", domain=_UNIT)
_declare("arctan2", "arctan({x} / {y})", "The angle of the point with height x and breadth y, between -π and π.",
         operands=("x", "y"), domain={"x": "nonzero", "y": "nonzero"})  # fmt: skip
_declare("hypot", "√({x}² + {y}²)", "√(x² + y²) without overflow; the derivatives at (0, 0) are 0.",
         operands=("x", "y"))  # fmt: skip


def _erf_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"{ctx.helper('erf')}({operands[0]})")


register(Op(
    name="erf", family="elementwise", operands=("x",), infer=elementwise_type(lambda dtype: "float"), numpy=_erf_text,
    evaluate=lambda x: np.vectorize(math.erf, otypes=[float])(x),
    math="erf({x})", doc="The error function 2/√π ∫₀ˣ exp(−t²) dt, to full precision.", elementwise=True,
    source="Abramowitz and Stegun 7.1.1",
))  # fmt: skip

# ---------------------------------------------------------------- sign, size, steps


def counted(name: str) -> Callable[..., int]:
    """The normal form of what makes integers of integers: booleans become integers first."""

    def call(lowering: Lowering, x: int) -> int:
        if lowering.type(x).dtype == "bool":
            x = lowering.add("as_int", [x])
        return lowering.add(name, [x])

    return call


def _step(name: str) -> Callable[..., int]:
    """The normal form of rounding: an integer is round already, and NumPy 1 would make it floating."""

    def call(lowering: Lowering, x: int) -> int:
        return lowering.add(name, [x]) if lowering.type(x).is_float else x

    return call


def _rounding(name: str) -> Callable[..., int]:
    """Rounding to decimals is that of a multiple to whole numbers, as in NumPy."""

    def call(lowering: Lowering, x: int, *, decimals: Any) -> int:
        if isinstance(decimals, bool) or not isinstance(decimals, int):
            raise CallError("`decimals` is an integer", argument="decimals")
        if not lowering.type(x).is_float:
            if decimals < 0:
                raise CallError("integers are rounded to integers: `decimals` is not negative", argument="decimals")
            return x
        if decimals == 0:
            return lowering.add(name, [x])
        there, back = ("multiply", "divide") if decimals > 0 else ("divide", "multiply")
        scale = lowering.tensor(10.0 ** abs(decimals))
        whole = lowering.add(name, [lowering.call(there, x, scale)])
        return lowering.call(back, whole, scale)  # type: ignore[no-any-return]

    return call


def _declare_number(
    name: str, math: str, doc: str, ufunc: str, call: Callable[[str], Callable[..., int]],
    attributes: Mapping[str, Any] | None = None, **aliases: str,
) -> None:  # fmt: skip
    """A function that keeps integers integers."""
    register(Op(
        name=name, family="elementwise", operands=("x",), infer=elementwise_type(number_type),
        numpy=f"np.{ufunc}({{x}})", evaluate=lambda x: getattr(np, ufunc)(np.add(x, 0)),
        call=call(name), math=math, doc=doc,
        source=f"NumPy: {ufunc}", cost="cheap", elementwise=True, ufunc=f"np.{ufunc}", aliases=aliases,
        attributes=attributes or {}, positional=tuple(attributes or ()),
    ))  # fmt: skip


_declare_number("abs", "|{x}|", "The absolute value; the derivative at 0 is 0.", "abs", counted)
_declare_number("sign", "sign({x})", "-1, 0 or 1; the derivative is 0.", "sign", counted)
_declare_number("floor", "⌊{x}⌋", "The next integer below; the derivative is 0.", "floor", _step)
_declare_number("ceil", "⌈{x}⌉", "The next integer above; the derivative is 0.", "ceil", _step)
_declare_number("round", "round({x})", "The nearest integer, or number with so many decimals, the even one of two; the "
                "derivative is 0.", "rint", _rounding, {"decimals": 0}, a="x")  # fmt: skip
