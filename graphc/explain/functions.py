"""Functions of numbers in index expressions: how each is computed, and its derivative as an expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from graphc.explain.conditions import when
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import ONE, ZERO, Expr, Num, number

__all__ = ["FUNCTIONS", "Function"]

Derivative = Callable[[Expr, Sequence[Expr], Sequence[float]], "list[Expr]"]


@dataclass(frozen=True)
class Function:
    """`value` computes it with NumPy; `derivative(itself, arguments, parameters)` has one factor per argument."""

    value: Callable[..., Any]
    derivative: Derivative


HALF, TWO, MINUS = Num(Fraction(1, 2)), number(2), number(-1)


def _one(derivative: Callable[[Expr, Expr], Expr]) -> Derivative:
    return lambda y, x, _: [derivative(y, x[0])]


def _square(x: Expr) -> Expr:
    return power(x, TWO)


def _inverse(x: Expr) -> Expr:
    return power(x, MINUS)


def _root(x: Expr) -> Expr:
    return apply("sqrt", x)


def _minus(x: Expr) -> Expr:
    return mul(MINUS, x)


def _choice(wins: str, loses: str) -> Derivative:
    """Of equal arguments each gets half."""
    def derivative(y: Expr, x: Sequence[Expr], _: Sequence[float]) -> list[Expr]:
        a, b = x
        if isinstance(b, Num):  # a number has no gradient: only the one condition is of interest
            return [add(when(a, wins, b), mul(HALF, when(a, "=", b))), ZERO]
        share = mul(HALF, when(a, "=", b))
        return [add(when(a, wins, b), share), add(when(a, loses, b), share)]

    return derivative


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(x)


def _limited(d: Any, delta: Any) -> Any:
    return np.clip(d, -delta, delta)


def _sigmoid(x: Any) -> Any:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


FUNCTIONS: dict[str, Function] = {
    "exp": Function(np.exp, _one(lambda y, x: y)),
    "expm1": Function(np.expm1, _one(lambda y, x: apply("exp", x))),
    "log": Function(np.log, _one(lambda y, x: _inverse(x))),
    "log1p": Function(np.log1p, _one(lambda y, x: _inverse(add(ONE, x)))),
    "log2": Function(np.log2, _one(lambda y, x: _inverse(mul(apply("log", TWO), x)))),
    "log10": Function(np.log10, _one(lambda y, x: _inverse(mul(apply("log", number(10)), x)))),
    "log_or_zero": Function(
        lambda x: np.log(np.where(x == 0, 1, x)), _one(lambda y, x: _inverse(add(x, when(x, "=", ZERO))))
    ),
    "sqrt": Function(np.sqrt, _one(lambda y, x: _inverse(mul(TWO, y)))),
    "sin": Function(np.sin, _one(lambda y, x: apply("cos", x))),
    "cos": Function(np.cos, _one(lambda y, x: _minus(apply("sin", x)))),
    "tan": Function(np.tan, _one(lambda y, x: add(ONE, _square(y)))),
    "arcsin": Function(np.arcsin, _one(lambda y, x: _inverse(_root(add(ONE, _minus(_square(x))))))),
    "arccos": Function(np.arccos, _one(lambda y, x: _minus(_inverse(_root(add(ONE, _minus(_square(x)))))))),
    "arctan": Function(np.arctan, _one(lambda y, x: _inverse(add(ONE, _square(x))))),
    "sinh": Function(np.sinh, _one(lambda y, x: apply("cosh", x))),
    "cosh": Function(np.cosh, _one(lambda y, x: apply("sinh", x))),
    "tanh": Function(np.tanh, _one(lambda y, x: add(ONE, _minus(_square(y))))),
    "arcsinh": Function(np.arcsinh, _one(lambda y, x: _inverse(_root(add(_square(x), ONE))))),
    "arccosh": Function(np.arccosh, _one(lambda y, x: _inverse(_root(add(_square(x), MINUS))))),
    "arctanh": Function(np.arctanh, _one(lambda y, x: _inverse(add(ONE, _minus(_square(x)))))),
    "erf": Function(
        _erf, _one(lambda y, x: mul(TWO, _inverse(_root(apply("pi"))), apply("exp", _minus(_square(x)))))
    ),
    "sigmoid": Function(_sigmoid, _one(lambda y, x: mul(y, add(ONE, _minus(y))))),
    "softplus": Function(
        lambda x: np.logaddexp(0, x), _one(lambda y, x: apply("sigmoid", x))
    ),
    "relu": Function(lambda x: np.maximum(x, 0), _one(lambda y, x: when(x, ">", ZERO))),
    "negative_part": Function(lambda x: np.minimum(x, 0), _one(lambda y, x: when(x, "<", ZERO))),
    "abs": Function(np.abs, _one(lambda y, x: apply("sign", x))),
    "sign": Function(np.sign, _one(lambda y, x: ZERO)),
    "floor": Function(np.floor, _one(lambda y, x: ZERO)),
    "ceil": Function(np.ceil, _one(lambda y, x: ZERO)),
    "round": Function(np.round, _one(lambda y, x: ZERO)),
    "max": Function(np.maximum, _choice(">", "<")),
    "min": Function(np.minimum, _choice("<", ">")),
    "at_most": Function(
        np.minimum, lambda y, x, _: [when(x[0], "≤", x[1]), when(x[0], ">", x[1])]
    ),
    "at_least": Function(
        np.maximum, lambda y, x, _: [when(x[0], "≥", x[1]), when(x[0], "<", x[1])]
    ),
    "below": Function(
        np.minimum, lambda y, x, _: [when(x[0], "<", x[1]), when(x[0], ">", x[1])]
    ),
    "above": Function(
        np.maximum, lambda y, x, _: [when(x[0], ">", x[1]), when(x[0], "<", x[1])]
    ),
    "huber": Function(lambda d, delta: _limited(d, delta) * (d - _limited(d, delta) / 2), lambda y, x, _: [
        apply("at_most", apply("at_least", x[0], _minus(x[1])), x[1]), ZERO,
    ]),
    "clamped_log": Function(
        lambda x: np.maximum(np.log(np.maximum(x, 1e-45)), -100), _one(lambda y, x: _inverse(x))
    ),
    "pi": Function(lambda: np.pi, lambda y, x, _: []),
    "arctan2": Function(
        np.arctan2,
        lambda y, x, _: [
            mul(x[1], _inverse(add(_square(x[0]), _square(x[1])))),
            mul(MINUS, x[0], _inverse(add(_square(x[0]), _square(x[1])))),
        ],
    ),
    "floordiv": Function(np.floor_divide, lambda y, x, _: [ZERO, ZERO]),
    "mod": Function(np.remainder, lambda y, x, _: [ONE, mul(MINUS, apply("floordiv", x[0], x[1]))]),
}
