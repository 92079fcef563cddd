"""Sums of products of vectors are products, and those that are none stay sums."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold


@pytest.mark.parametrize(("text", "line"), [
    ("param w[D]\nL = 0.1*sum(w**2)", "L = 0.1 * (w @ w)"),
    ("param w[D]\nL = mean(w**2)", "L = w @ w / D"),
    ("input x[N], y[N]\nparam w[N]\ne = w - y\nL = sum(e*x)", "L = e @ x"),
    ("param w[D], v[D]\nL = -sum(w*exp(v))", "L = -(w @ exp_v)"),
    ("param w[D]\nL = sum(w**3)", "L = (w * w * w).sum()"),
    ("param w[D], v[D]\np = w*v\nL = sum(p)", "L = p.sum()"),  # the program's own name for the products
    ("param w[D, K]\nL = sum(w**2)", "L = (w * w).sum()"),
    ("param w[D, K], v[K]\nL = sum(w*v)", "L = (w * v).sum()"),
    ("param w[D]\ninput m[D]: bool\nL = sum(w*m)", "L = (w * m).sum()"),
    ("param w[D], v[1]\nL = sum(w*v)", "L = (w * v).sum()"),
])  # fmt: skip
def test_a_sum(text: str, line: str) -> None:
    assert line in body(text)


def test_a_gradient() -> None:
    text = "input x[N], y[N]\nparam a[], b[]\nL = sum((a + b*x - y)**2)"
    assert {"da = product.sum()", "db = product @ x"} <= set(body(text, "backward"))


@pytest.mark.parametrize("text", [
    "input x[N]\nparam a[], b[N]\nL = mean((a*x - b)**2)", "input x[N]\nparam a[], b[N]\nL = sum(exp(a)*x*b)*a",
    "input x[N]\nparam a[], b[N]\nL = sum(x[::-1]*b) + a",
    "input x[N]\nparam a[], b[N]\nL = sqrt(sum(b*b) + a*a)*sum(x)",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    hold(text, {"x": array(5), "a": array()[()], "b": array(5, seed=2)}, levels=(0, 1, 2))


def test_of_no_entries_the_sum_is_0() -> None:
    net = graphc.load("param w[D], v[D]\nL = sum(w*v)")
    L, grads = net.value_and_grad(np.zeros(0), np.zeros(0))
    assert L == 0 and grads["w"].shape == (0,)
