"""What operations are that work entry by entry: `X / y` is `X_ij y_j⁻¹`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from graphc.explain.conditions import when
from graphc.explain.definitions import DEFINITIONS, MINUS, Definition, Operands, Out, define, minus
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import ONE, ZERO, Expr, number


def _entrywise(make: Callable[..., Expr]) -> Definition:
    return lambda r, out: make(*(r.beside(k, out) for k in range(len(r.node.operands))))


def _within(x: Expr, least: Expr, largest: Expr) -> Expr:
    """x cut off on both sides; at the bounds the derivative is 0, where that of `clip` is 1."""
    return apply("below", apply("above", x, least), largest)


def _exponential_below(x: Expr, scale: Expr, steepness: Expr = ONE) -> Expr:
    """`scale (exp(steepness x) − 1)` where x is negative; the derivative at 0 is that from below."""
    return mul(scale, add(apply("exp", mul(steepness, apply("at_most", x, ZERO))), MINUS))


DEFINITIONS.update({
    "add": _entrywise(add),
    "subtract": _entrywise(lambda x, y: add(x, minus(y))),
    "multiply": _entrywise(mul),
    "divide": _entrywise(lambda x, y: mul(x, power(y, MINUS))),
    "negative": _entrywise(minus),
    "square": _entrywise(lambda x: power(x, number(2))),
    "power": _entrywise(power),
    "rsqrt": _entrywise(lambda x: power(apply("sqrt", x), MINUS)),
    "maximum": _entrywise(partial(apply, "max")),
    "minimum": _entrywise(partial(apply, "min")),
    "floor_divide": _entrywise(partial(apply, "floordiv")),
    "remainder": _entrywise(partial(apply, "mod")),
    "where": _entrywise(lambda c, a, b: add(mul(when(c, "≠", ZERO), a), mul(when(c, "=", ZERO), b))),
    "logical_not": _entrywise(lambda x: when(x, "=", ZERO)),
    "clip": _entrywise(lambda x, lo, hi: apply("at_most", apply("at_least", x, lo), hi)),
    "number": _entrywise(lambda x: x), "as_float": _entrywise(lambda x: x),
    "in_range": _entrywise(lambda x, size: x), "as_int": _entrywise(lambda x: x),
    "relu6": _entrywise(lambda x: _within(x, ZERO, number(6))),
    "hardsigmoid": _entrywise(lambda x: mul(number(1 / 6), _within(add(x, number(3)), ZERO, number(6)))),
    "hardswish": _entrywise(lambda x: mul(number(1 / 6), x, _within(add(x, number(3)), ZERO, number(6)))),
    "log_sigmoid": _entrywise(lambda x: minus(apply("softplus", minus(x)))),
    "silu": _entrywise(lambda x: mul(x, apply("sigmoid", x))),
    "mish": _entrywise(lambda x: mul(x, apply("tanh", apply("softplus", x)))),
    "gelu_exact": _entrywise(
        lambda x: mul(number(0.5), x, add(ONE, apply("erf", mul(x, power(apply("sqrt", number(2)), MINUS)))))
    ),
    "squared_error": _entrywise(lambda a, b: power(add(a, minus(b)), number(2))),
    "binary_entropy": _entrywise(lambda p, t: minus(add(
        mul(t, apply("clamped_log", p)),
        mul(add(ONE, minus(t)), apply("clamped_log", add(ONE, minus(p)))),
    ))),
    "binary_entropy_of_logits": _entrywise(lambda z, t: add(apply("softplus", z), minus(mul(z, t)))),
    "hypot": _entrywise(lambda x, y: apply("sqrt", add(power(x, number(2)), power(y, number(2))))),
    "logaddexp": _entrywise(lambda x, y: apply("log", add(apply("exp", x), apply("exp", y)))),
    "both": _entrywise(mul),
    "hinge_error": _entrywise(lambda s, t: apply("relu", add(ONE, minus(mul(s, t))))),
    **{
        name: _entrywise(partial(apply, name)) for name in (
            "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
            "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "sigmoid", "softplus", "relu",
            "negative_part", "abs", "sign", "floor", "ceil", "round", "arctan2", "at_most", "at_least",
        )
    },
    **{
        name: _entrywise(lambda x, y, relation=relation: when(x, relation, y)) for name, relation in (
            ("less", "<"), ("less_equal", "≤"), ("greater", ">"), ("greater_equal", "≥"), ("equal", "="),
            ("not_equal", "≠"),
        )
    },
})  # fmt: skip


@define("power_const", "whole_power", "products")
def _power(r: Operands, out: Out) -> Expr:
    return power(r.beside(0, out), number(r.node.attr("p")))


@define("leaky_relu")
def _leaky_relu(r: Operands, out: Out) -> Expr:
    x = r.beside(0, out)
    return add(mul(when(x, ">", ZERO), x), mul(number(r.node.attr("slope")), when(x, "≤", ZERO), x))


@define("hardtanh")
def _hardtanh(r: Operands, out: Out) -> Expr:
    return _within(r.beside(0, out), number(r.node.attr("min_val")), number(r.node.attr("max_val")))


@define("elu")
def _elu(r: Operands, out: Out) -> Expr:
    x = r.beside(0, out)
    return add(apply("relu", x), _exponential_below(x, number(r.node.attr("alpha"))))


@define("celu")
def _celu(r: Operands, out: Out) -> Expr:
    x, alpha = r.beside(0, out), number(r.node.attr("alpha"))
    return add(apply("relu", x), _exponential_below(x, alpha, power(alpha, MINUS)))


@define("selu")
def _selu(r: Operands, out: Out) -> Expr:
    x = r.beside(0, out)
    scale, alpha = number(1.0507009873554805), number(1.7580993408473766)
    return add(mul(scale, apply("relu", x)), _exponential_below(x, alpha))


@define("huber_error")
def _huber(r: Operands, out: Out) -> Expr:
    return apply("huber", add(r.beside(0, out), minus(r.beside(1, out))), number(r.node.attr("delta")))
