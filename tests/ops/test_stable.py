"""Everything from -1000 to 1000 without a warning, values and gradients, against the plain formulas in 60 digits.

The formulas are the naive ones, which overflow in floating point; in `decimal` they do not. Their derivatives are
difference quotients, whose error is of the order 1e-30.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest

import graphc

Number = Decimal
Function = Callable[[Number], Number]
Scalar = Callable[[Sequence[Number]], Number]

STEP = Decimal(10) ** -30
LEVELS = (0, 1)
TYPES = (np.float64, np.float32)

# Both types hold the logarithms of their largest and smallest numbers among these, from either side.
POINTS = [0.001, 0.5, 3.0, 17.0, 30.0, 87.0, 88.5, 89.0, 104.5, 708.0, 709.5, 710.0, 745.5, 999.5, 1000.0]
POINTS = [-x for x in reversed(POINTS)] + POINTS


@pytest.fixture(autouse=True)
def _digits() -> None:
    getcontext().prec = 70


def exp(x: Number) -> Number:
    return x.exp()


def sigmoid(x: Number) -> Number:
    return 1 / (1 + exp(-x))


def tanh(x: Number) -> Number:
    if abs(x) > 100:  # exp(2 x) would be more than `decimal` holds, if x is a polynomial of 1000
        return Decimal(1).copy_sign(x)
    return 1 - 2 / (exp(2 * x) + 1)


def mish(x: Number) -> Number:
    """x tanh(log(1 + e)) is x ((1 + e)² - 1) / ((1 + e)² + 1)."""
    e = exp(x)
    return x * (e * e + 2 * e) / (e * e + 2 * e + 2)


def softplus(x: Number) -> Number:
    """log(1 + exp(x)), where 1 + exp(x) would be 1 in 70 digits its series."""
    e = exp(x)
    return (1 + e).ln() if e > Decimal("1e-35") else e - e * e / 2


def erf(x: Number) -> Number:
    """The Taylor series, in as many digits as its largest term needs."""
    if abs(x) > 13:  # 1 - erf is less than 1e-70
        return Decimal(1).copy_sign(x)
    context = getcontext()
    context.prec, digits = 250, context.prec
    term, total, n = x, x, 0
    while abs(term) > Decimal("1e-80"):
        n += 1
        term *= -x * x / n
        total += term / (2 * n + 1)
    result = total * 2 / _root_of_pi()
    context.prec = digits
    return +result


def _root_of_pi() -> Number:
    """Machin's formula: π = 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_of_one_by(n: int) -> Number:
        return sum(((-1) ** k * Decimal(n) ** -(2 * k + 1) / (2 * k + 1) for k in range(180)), Decimal(0))

    return (16 * arctan_of_one_by(5) - 4 * arctan_of_one_by(239)).sqrt()


def elu(x: Number, alpha: Number = Decimal(1)) -> Number:
    return x if x > 0 else alpha * (exp(x / alpha) - 1)


def gelu_tanh(x: Number) -> Number:
    return x / 2 * (1 + tanh(Decimal(2).sqrt() / _root_of_pi() * (x + Decimal("0.044715") * x**3)))


# The text of the program's expression, the formula, and whether small values are precise in their own size.
ELEMENTWISE: dict[str, tuple[Function, bool]] = {
    "sigmoid(x)": (sigmoid, True),
    "log_sigmoid(x)": (lambda x: -softplus(-x), True),
    "softplus(x)": (softplus, True),
    "tanh(x)": (tanh, True),
    "silu(x)": (lambda x: x * sigmoid(x), True),
    "mish(x)": (mish, True),
    "gelu(x)": (lambda x: x / 2 * (1 + erf(x / Decimal(2).sqrt())), False),
    'gelu(x, approximate="tanh")': (gelu_tanh, False),
    "erf(x)": (erf, True),
    "elu(x)": (elu, True),
    "celu(x, alpha=0.5)": (lambda x: elu(x, Decimal("0.5")), True),
    "relu(x)": (lambda x: max(x, Decimal(0)), True),
    "softsign(x)": (lambda x: x / (1 + abs(x)), True),
    "arctan(x)": (lambda x: Decimal(math.atan(x)), True),
    "arcsinh(x)": (lambda x: ((abs(x) + (x * x + 1).sqrt()).ln()).copy_sign(x), True),
    "logaddexp(x, 0)": (softplus, True),
    "logaddexp(0, -x)": (lambda x: softplus(-x), True),
    "hypot(x, 1)": (lambda x: (x * x + 1).sqrt(), True),
    "expm1(-abs(x))": (lambda x: exp(-abs(x)) - 1, True),
    "log1p(exp(-abs(x)))": (lambda x: softplus(-abs(x)), True),
    "log(sigmoid(x/20))": (lambda x: -softplus(-x / 20), False),
}
DERIVATIVES: dict[str, Function] = {"arctan(x)": lambda x: 1 / (1 + x * x)}  # of what has no formula in decimals


def run(text: str, level: int, weights: tuple[Any, ...] = (), **arguments: Any) -> tuple[Any, Any]:
    """The value and the gradients, at level 2 in a workspace; a warning is an error."""
    net = graphc.load(text, level=level, verify=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if level == 2:
            return net.value_and_grad(**arguments, cotangents=weights, workspace=net.Workspace(**arguments))
        value, cache = net.forward(**arguments)
        return value, net.backward(cache, *weights)


def compare(have: Any, want: Sequence[Number], dtype: Any, relative: bool, what: str) -> None:
    """Within 20 units of the last place: of each number, or of 1 and of the larger numbers."""
    unit = float(np.finfo(dtype).eps)
    tiny = float(np.finfo(dtype).tiny)
    have = np.asarray(have)
    assert have.dtype == dtype
    for k, (a, b) in enumerate(zip(have.ravel(), map(float, want), strict=True)):
        allowed = 20 * unit * (abs(b) if relative else max(1.0, abs(b))) + tiny
        assert abs(float(a) - b) <= allowed, f"{what}[{k}] is {a}, should be {b}"


@pytest.mark.parametrize("level", [*LEVELS, 2])
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("expression", ELEMENTWISE)
def test_elementwise(expression: str, dtype: Any, level: int) -> None:
    function, relative = ELEMENTWISE[expression]
    x = np.array(POINTS, dtype)
    y, gradients = run(f"input x[N]\ny = {expression}", level, (np.ones(len(x), dtype),), x=x)
    exact = [Decimal(float(v)) for v in x]
    compare(y, [function(v) for v in exact], dtype, relative, expression)
    derivative = DERIVATIVES.get(expression, lambda v: (function(v + STEP) - function(v - STEP)) / (2 * STEP))
    compare(gradients["x"], [derivative(v) for v in exact], dtype, False, f"derivative of {expression}")


# ---------------------------------------------------------------- rows of scores

ROWS = [
    [1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0], [1000.0, 1000.0, 999.5], [-1000.0, -999.5, 1000.0],
    [89.0, 710.0, -745.5], [0.25, -0.5, 3.0], [-104.5, -88.5, -87.0],
]  # fmt: skip
LABELS = [1, 0, 2, 2, 0, 1, 1]
TARGETS = [[0.25, 0.5, 0.25], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.125, 0.875], [0.25, 0.25, 0.5],
           [0.5, 0.25, 0.25]]  # fmt: skip


def logsumexp(row: Sequence[Number]) -> Number:
    return sum(map(exp, row), Decimal(0)).ln()


def _log_softmax(row: Sequence[Number]) -> list[Number]:
    return [s - logsumexp(row) for s in row]


def _each(row: Sequence[Number], k: int, function: Callable[[Number, Number], Number]) -> Number:
    """The sum of a function of a score and its target."""
    return sum((function(s, Decimal(t)) for s, t in zip(row, TARGETS[k], strict=True)), Decimal(0))


def _rms(row: Sequence[Number]) -> Number:
    return (sum((s * s for s in row), Decimal(0)) / 3 + Decimal("1e-5")).sqrt()


# The expression per row, and its formula from the scores and the number of the row. All are sums or mixtures over a
# row, so that the gradient shows all of it.
BY_ROWS: dict[str, Callable[[Sequence[Number], int], Number]] = {
    "logsumexp(S, axis=1)": lambda row, k: logsumexp(row),
    "sum(softmax(S)*T, axis=1)": lambda row, k: _each(_log_softmax(row), k, lambda s, t: exp(s) * t),
    "sum(log_softmax(S)*T, axis=1)": lambda row, k: _each(_log_softmax(row), k, lambda s, t: s * t),
    'softmax_ce(S, y, reduction="none")': lambda row, k: -_log_softmax(row)[LABELS[k]],
    'softmax_ce(S, T, reduction="none")': lambda row, k: -_each(_log_softmax(row), k, lambda s, t: s * t),
    'nll(log_softmax(S), y, reduction="none")': lambda row, k: -_log_softmax(row)[LABELS[k]],
    'sum(bce_with_logits(S, T, reduction="none"), axis=1)': lambda row, k: _each(
        row, k, lambda s, t: softplus(s) - s * t
    ),
    "norm(S, axis=1)": lambda row, k: sum((s * s for s in row), Decimal(0)).sqrt(),
    "sum(rms_norm(S)*T, axis=1)": lambda row, k: _each([s / _rms(row) for s in row], k, lambda s, t: s * t),
    "sum(logaddexp(S, -S)*T, axis=1)": lambda row, k: _each(row, k, lambda s, t: (exp(s) + exp(-s)).ln() * t),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("expression", BY_ROWS)
def test_rows_of_scores(expression: str, dtype: Any, level: int) -> None:
    function = BY_ROWS[expression]
    declared = "param S[N, 3]\ninput T[N, 3], y[N]: int\n"
    arguments = {"S": np.array(ROWS, dtype), "T": np.array(TARGETS, dtype), "y": np.array(LABELS)}
    value, gradients = run(f"{declared}r = {expression}", level, (np.ones(len(ROWS), dtype),), **arguments)
    exact = [[Decimal(s) for s in row] for row in ROWS]
    size = max(1.0, *(abs(float(function(row, k))) for k, row in enumerate(exact)))
    scaled = [function(row, k) / Decimal(size) for k, row in enumerate(exact)]
    compare((value / dtype(size)).astype(dtype), scaled, dtype, False, expression)

    def partial(row: list[Number], k: int, j: int) -> Number:
        up, down = [*row], [*row]
        up[j] += STEP
        down[j] -= STEP
        return (function(up, k) - function(down, k)) / (2 * STEP)

    wanted = [partial(row, k, j) for k, row in enumerate(exact) for j in range(3)]
    compare(gradients["S"], wanted, dtype, False, f"gradient of {expression}")
