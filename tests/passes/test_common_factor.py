"""Factors behind sums: how many arrays are multiplied, where a factor stays in its terms, and the numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import graphc
from graphc.passes.common_factor import factor_out
from graphc.pipeline import optimise

FACTORS = "input x[N, D], y[N, D], i[N, D]: int\nparam w[N, D], g[D], s[]\n"


def multiplied(text: str) -> int:
    """How many arrays are multiplied in the graph of -O1."""
    graph = optimise(graphc.differentiate(graphc.parse(FACTORS + text)), 1)
    return sum(node.op == "multiply" and bool(node.type.rank) for node in graph)


def backward(text: str) -> str:
    return graphc.compile(FACTORS + text).partition("def backward")[2].partition("\ndef ")[0]


def test_a_huber_loss_that_the_program_spells_out() -> None:
    found = backward("L = mean(where(abs(w) <= 1, 0.5 * w**2, abs(w) - 0.5))")
    assert "dw = dL / (D*N) * np.where(np.abs(w) <= 1, w, np.sign(w))" in found


def test_a_gradient_on_two_ways() -> None:
    found = backward("h = tanh(x * w)\nz = where(h > 0, h * y, sin(h))\nL = sum(z**2)")
    assert "np.multiply(dz, np.where(h > 0, y, np.cos(h)), out=dz)" in found


@pytest.mark.parametrize("text", [
    "L = mean(where(abs(w) <= 1, 0.5 * w**2, abs(w) - 0.5))",
    "L = mean(maximum(g * w, (g - 1) * w))",
    "L = mean(where(x > 0, w, where(y > 0, -w, w * s)))",
    "L = mean(where(x > 0, w, s * w * i) + i * w)",
    "L = s * mean(y * w**2 + (1 - y) * relu(1 - w)**2)",
    "z = w * x\nL = s * (sum(where(z > 0, z, exp(z) - 1)) + sum(g * z * y + g * z * z))",
    "L = sum(s * w * g + s * w * w / y - s * w / g)",
    "a = s * (x > 0)\nL = sum((a + s * (y > 0)) * w)",
    "a = s * x\nL = sum((a + s * y) * w) + sum(a)",
    "L = sum(g * s * w + s * x * w - -(s * w) * y)",
    "L = sum((s * w + s) * x)",
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_stay_the_same(text: str, dtype: str) -> None:
    literal, net, fast = (graphc.load(FACTORS + text, level=level) for level in (0, 1, 2))
    for N, D in ((4, 3), (1, 1), (0, 3), (3, 0)):
        rng = np.random.default_rng(N)
        shapes = {"x": (N, D), "y": (N, D), "w": (N, D), "g": (D,), "s": ()}
        given = {name: rng.uniform(0.5, 2, size=shape).astype(dtype) - (name == "x") for name, shape in shapes.items()}
        given["i"] = rng.integers(0, 3, (N, D))
        tolerance = 1e-4 if dtype == "float32" else 1e-11
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's of means of nothing
            L, grads = literal.value_and_grad(**given)
            for other in (net, fast):
                value, others = other.value_and_grad(**given)
                np.testing.assert_allclose(value, L, rtol=tolerance)
                for name in grads:
                    assert others[name].dtype == grads[name].dtype
                    np.testing.assert_allclose(others[name], grads[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("text", [
    "L = sum((s * (x > 0) + s * (y > 0)) * w)",  # two truth values are not added
    "a = s * x\nL = sum((a + s * y) * w)",  # a has a name
    "L = sum(s * x + s * y) + s",  # s is of other use
    "L = sum(g * s * x + g * s * y)",  # few are multiplied by s
])  # fmt: skip
def test_where_it_stays(text: str) -> None:
    graph = graphc.parse(FACTORS + text)
    assert factor_out(graph) is graph


def test_a_graph_without_a_sum_is_itself() -> None:
    graph = graphc.parse(FACTORS + "L = sum(s * x * w)")
    assert factor_out(graph) is graph


@pytest.mark.parametrize("text", [
    "w <- x * t * t + x * t * y * w",  # the factor is within both that it is multiplied with
    "w <- t * t * y + t * w",
    "w <- w * t * (x * t) + w * t * y",
    "c = where(w > y, w, y)\nL = sum((w * c)**2)\nw <- w - grad(L, w)",
])  # fmt: skip
def test_a_factor_of_another_power_stays(text: str) -> None:
    text = "input x[N, D], y[N, D]\nparam w[N, D]\nt = exp(w)\n" + text
    literal, net = (graphc.load(text, level=level, verify=False) for level in (0, 1))
    rng = np.random.default_rng(0)
    given = {name: rng.uniform(0.5, 2, (4, 3)) for name in "xyw"}
    np.testing.assert_allclose(net.step(**given)["w"], literal.step(**given)["w"], rtol=1e-12)
