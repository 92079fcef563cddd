"""Derivatives of logarithms of exponentials and sigmoids: no term is divided by what multiplies the sum."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold

ENTROPY = "input X[N,D], y[N]\nparam w[D]\np = sigmoid(X@w)\nL = -sum(y*log(p) + (1 - y)*log(1 - p))"
POISSON = "input X[N,D], y[N]\nparam w[D]\nm = exp(X@w)\nL = sum(m - y*log(m))"


@pytest.mark.parametrize(("text", "line"), [
    (ENTROPY, "dw = X.T @ (dL * (p - y))"),
    (POISSON, "dw = X.T @ ((m - y) * dL)"),
    ("input y[N]\nparam p[N]\nL = -sum(y*log(p) + (1 - y)*log(1 - p))", "dp = dL * ((1 - y) / (1 - p) - y / p)"),
    ("input y[N], c[N]\nparam z[N]\nm = exp(z)\nL = sum(m*c - y*log(m) + m**2)", "dm = dL * (2 * m - y / m + c)"),
])  # fmt: skip
def test_a_derivative(text: str, line: str) -> None:
    assert line in body(text, "backward")


def test_what_the_program_divides_is_divided() -> None:
    """By 0 it gets what NumPy gives."""
    assert "b_over_c = b / c" in body("input a[N], b[N], c[N]\nq = (a - b/c)*c")
    text = "input a[N], b[N]\nparam c[N]\nq = (a - b/c)*c\nL = sum(q)"
    assert any("/ c" in line for line in body(text))


@pytest.mark.parametrize("text", [
    "sum(m - y*log(m))", "sum(m*y - y*log(m)*2 + m)", "mean(y*log(m) + (1 - y)*log(1 + m))", "sum(log(m)**2 - m/y)",
    "sum(3*log(m) - log(m + 1) + y*log(m))", "sum((1 - y)*log(m) - y*log(1 - 0.01*m))", "sum(y*log(m)*m - log(y/m)/m)",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    given = {"z": array(5) / 2, "y": np.abs(array(5, seed=3)) + 0.1}
    for m in ("exp(z)", "sigmoid(z)"):
        hold(f"param z[N]\ninput y[N]\nm = {m}\nL = {text}", given, levels=(0, 1, 2))


@pytest.mark.filterwarnings("ignore")
def test_at_the_ends_of_a_sigmoid() -> None:
    """Where it is 0 or 1 to the last bit, its derivative is 0, and the quotient would be none."""
    net = graphc.load("param z[N]\ninput y[N]\np = sigmoid(z)\nL = -sum(y*log(p) + (1 - y)*log(1 - p))")
    _, grads = net.value_and_grad(np.array([40.0, 40.0, -800.0]), np.array([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(grads["z"], [0, 1, -1], atol=1e-12)
