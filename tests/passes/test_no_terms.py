"""Divisors that are 0 where a sum has no terms do not stand behind it: of no terms everything is as without passes."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import body

ROWS = "param X[N, K], s[N, 1]\nA = X / ({} * s)\nL = sum(sin(A)) + sum(s)"
VANISHING = [
    "sum(X, axis=1, keepdims=true)", "norm(X, axis=1, keepdims=true)", "sqrt(sum(X**2, axis=1, keepdims=true))",
]  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (2, 3)])
@pytest.mark.parametrize("divisor", [*VANISHING, "sqrt(sum(X**2, axis=1, keepdims=true) + 1)"])
def test_gradients_of_no_terms(divisor: str, shape: tuple[int, int]) -> None:
    hold_alike(ROWS.format(divisor), {"X": np.full(shape, 0.5), "s": np.ones((shape[0], 1))})


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (2, 3)])
def test_gradients_where_the_divisor_is_a_number(shape: tuple[int, int]) -> None:
    hold_alike("param X[N, K], t[]\nA = X / (sum(X)*t)\nL = sum(sin(A)) + t", {"X": np.ones(shape), "t": np.array(2.0)})


@pytest.mark.parametrize("loss", [
    "mean(X@W)", "sum(X@W * v) / N", "sum(mean(X@W, axis=0))", "mean(X@W@diag(v))", "mean(X@W + v)", "sum(X@W + v) / N",
    "mean(broadcast_to(v, (N, H))**2)", "mean(layer_norm(X@W, v, v))",
])  # fmt: skip
def test_the_weights_of_no_rows_have_the_gradient_of_what_else_they_are_in(loss: str) -> None:
    """The incoming cotangent is divided by the number of rows, and meets none of them."""
    text = f"input X[N, D]\nparam W[D, H], v[H]\nL = {loss} + sum(W) + sum(v)"
    arguments = {"X": np.ones((0, 3)), "W": np.ones((3, 2)), "v": np.ones(2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of no rows there is no mean
        hold_alike(text, arguments)
        for gradient in graphc.load(text, level=1).value_and_grad(**arguments)[1].values():
            np.testing.assert_array_equal(gradient, np.ones(gradient.shape))


def hold_alike(text: str, arguments: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        _, wanted = graphc.load(text, level=0, verify=False).value_and_grad(**arguments)
        for level in (1, 2):
            _, have = graphc.load(text, level=level, verify=False).value_and_grad(**arguments)
            for name, gradient in wanted.items():
                np.testing.assert_allclose(have[name], gradient, rtol=1e-12, atol=1e-14)


def divides_inside(text: str) -> bool:
    """Whether what is summed in backward is divided first."""
    lines = body(text, "backward")
    divided = [line.partition(" = ")[0] for line in lines if re.match(r"\w+ = (dA / |np\.divide\(dA, )", line)]
    return any(re.search(rf"\({name} \* A\)\.sum\(", line) for line in lines for name in divided)


def test_which_divisors_stand_behind_the_sum() -> None:
    assert all(divides_inside(ROWS.format(divisor)) for divisor in VANISHING)
    for divisor in ("sqrt(sum(X**2, axis=1, keepdims=true) + 1)", "exp(sum(X, axis=1, keepdims=true))"):
        assert not divides_inside(ROWS.format(divisor))
    for divisor in VANISHING:  # of three terms there are never none
        assert not divides_inside(ROWS.replace("N, K", "N, 3").format(divisor))


@pytest.mark.parametrize("divisor", [
    *VANISHING, "relu(sum(X, axis=1, keepdims=true))", "sum(X*X, axis=1, keepdims=true)**1.5",
    "maximum(sum(X*X, axis=1, keepdims=true), 0)", "(sum(X*X, axis=1, keepdims=true)*c)", "(t*K)",
    "(2*c - exp(sum(X, axis=1, keepdims=true))*2*c)", "tanh(sum(X*X, axis=1, keepdims=true))",
    "(sum(X, axis=1, keepdims=true) + sum(X*X, axis=1, keepdims=true))",
])  # fmt: skip
def test_factors_beside_such_a_divisor(divisor: str) -> None:
    """The gradient of s is a sum of quotients that the cotangent and the divisor, both columns, might stand behind."""
    text = f"input X[N, K], c[N, 1], t[N, 1]\nparam s[N, 1]\nA = X*s / {divisor}\nL = sum(c*A) + sum(t)\nloss L"
    for shape in ((3, 0), (3, 2)):
        columns = {name: np.full((3, 1), value) for name, value in (("c", 0.7), ("t", 1.3), ("s", 1.1))}
        hold_alike(text, {"X": np.full(shape, 0.5), **columns})
