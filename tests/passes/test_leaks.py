"""Units that are steeper on one side of 0: passes over the array, counted, and the values at either end."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import graphc
from graphc.pipeline import optimise
from ops.programs import array, body, hold


def operations(text: str) -> Counter[str]:
    """How often each operation on arrays stands in the graph of values."""
    return Counter(node.op for node in optimise(graphc.parse(text), 1) if node.type.rank)


@pytest.mark.parametrize(("text", "count"), [
    ("input x[N]\ny = leaky_relu(x)", {"maximum": 1, "multiply": 1}),
    ("input x[N]\ny = leaky_relu(x, 0.5)", {"maximum": 1, "multiply": 1}),
    ("input x[N]\ny = minimum(x, 0) * 0.2 + maximum(0, x)", {"maximum": 1, "multiply": 1}),
    ("input x[N]\ny = leaky_relu(x, 1.5)", {"maximum": 1, "minimum": 1, "multiply": 1, "add": 1}),
    ("input x[N]\ny = leaky_relu(x, -0.5)", {"maximum": 1, "minimum": 1, "multiply": 1, "subtract": 1}),
    ("input x[N]\ny = maximum(x, 1) + 0.5 * minimum(x, 0)", {"maximum": 1, "minimum": 1, "multiply": 1, "add": 1}),
    ("input x[N]\na = minimum(x, 0)\ny = maximum(x, 0) + 0.5 * a\noutput a, y",
     {"maximum": 1, "minimum": 1, "multiply": 1, "add": 1}),
    ("input x[N]\ny = elu(x)", {"minimum": 1, "expm1": 1, "maximum": 1}),
    ("input x[N]\ny = elu(x, alpha=2)", {"minimum": 1, "expm1": 1, "maximum": 1, "multiply": 1, "add": 1}),
])  # fmt: skip
def test_passes_over_the_array(text: str, count: dict[str, int]) -> None:
    found = operations(text)
    assert {op: n for op, n in found.items() if op not in ("argument", "const")} == count


@pytest.mark.parametrize(("text", "functions"), [("elu(x)", 2), ("elu(x, alpha=1.5)", 2), ("celu(x, alpha=2)", 2)])
def test_the_slope_of_an_exponential_unit(text: str, functions: int) -> None:
    """It is the exponential itself, which is 1 where x is positive."""
    graph = optimise(graphc.differentiate(graphc.parse(f"param x[N]\nL = sum({text})")), 1)
    found = Counter(node.op for node in graph if node.type.rank)
    assert found["exp"] + found["expm1"] == functions
    assert bool(found["greater"]) == ("1.5" in text)


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("text", [
    "leaky_relu(x)", "leaky_relu(x, 0.99)", "leaky_relu(x, 3.0)", "elu(x)", "elu(x, alpha=0.3)", "elu(x, alpha=3)",
    "celu(x)", "celu(x, alpha=0.3)", "celu(x, alpha=3)", "selu(x)",
])  # fmt: skip
def test_values_and_slopes_are_those_of_the_literal_module(text: str, dtype: str) -> None:
    x = np.array([-1e30, -100, -1, -1e-5, -1e-30, 0, 1e-30, 1e-5, 1, 100, 1e30], dtype)
    (y, grads), (other, others) = (
        graphc.load(f"y = {text}", level=level, verify=False).value_and_grad(x, cotangents=np.ones(x.shape, dtype))
        for level in (1, 0)
    )
    assert y.dtype == grads["x"].dtype == x.dtype
    np.testing.assert_allclose(y, other, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(grads["x"], others["x"], rtol=4 * np.finfo(dtype).eps)


def test_backward_keeps_one_mask_of_a_leaky_relu() -> None:
    """Z itself is not needed: of the two sides of 0 the one is what the other is not."""
    text = "input X[N, D]\nparam W[D, H], V[H, C]\nZ = X @ W\nH = leaky_relu(Z)\nL = sum((H @ V)**2)"
    assert [line for line in body(text) if " > 0" in line or " <= 0" in line] == ["positive = Z > 0"]
    hold(text, {"X": array(4, 3), "W": array(3, 2), "V": array(2, 2)}, levels=(0, 1, 2))
