"""Products of multiples of one vector: how many are left, where they are not one, and the numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import graphc
from graphc.passes.fold import fold
from graphc.passes.multiples import DEEPEST, LINEAR, compute_once
from graphc.pipeline import optimise

FACTORS = "input X[n, k], y[n]\nparam A[n, n], v[n], s[]\n"


def products(text: str) -> int:
    """How many products with matrices the graph of -O1 has."""
    graph = optimise(graphc.differentiate(graphc.parse(FACTORS + text)), 1)
    return sum(node.op in LINEAR and node.type.rank == 1 for node in graph)


@pytest.mark.parametrize(("text", "left"), [
    ("S = X @ X.T\nL = 0.5 * v @ S @ v", 1),
    ("S = exp(X @ X.T) + s**2 * eye(n)\nL = 0.5 * (y - v) @ solve(S, y - v) + 0.5 * logdet(S)", 1),
    ("L = sum(A @ v) + sum((A @ (v / s))**2) + sum(sin(A @ -v))", 3),  # two of them in backward
    ("L = v @ A @ v", 2),  # A is not symmetric
    ("L = sum((A @ v) * (A @ (v * y)))", 4),  # y is no number
    ("L = sum((A @ v) * (A @ (v * 1e-30)))", 4),  # what float32 could not hold stays as it is
    ("m = stop_gradient(max(v))\nL = sum((A @ (v / m)) * (A @ (v * s)))", 4),  # no A @ v, which it might not hold
    ("m = stop_gradient(max(v))\nL = sum((A @ (v / m)) * (A @ v))", 3),  # in backward there is no other
])  # fmt: skip
def test_products_left(text: str, left: int) -> None:
    assert products(text) == left


@pytest.mark.parametrize("text", [
    "S = X @ X.T\nL = 0.5 * v @ S @ v * s",
    "S = exp(X @ X.T / 9) + s**2 * eye(n)\nL = 0.5 * (y - v) @ solve(S, y - v) + 0.5 * logdet(S)",
    "S = exp(X @ X.T / 9) + s**2 * eye(n)\nL = 0.5 * (y - v) @ inv(S) @ (y - v) + 0.5 * logdet(S)",
    "L = sum((A @ v) * (A @ (v / s))) + sum(sin(A @ -v))",
    "L = sum((A @ v) * (A @ (v / n))) + sum(v @ A / n)",
    "L = sum(mean(X, axis=0) * (v @ X / n)) + sum((v @ X)**2)",
    "L = sum((X.T @ X) * (X.T @ (s * X)) * (X.T @ (X / n)))",
])  # fmt: skip
@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_stay_the_same(text: str, n: int, dtype: str) -> None:
    rng = np.random.default_rng(n)
    shapes = {"X": (n, 2), "y": (n,), "A": (n, n), "v": (n,), "s": ()}
    given = {name: rng.uniform(0.5, 1, size=shape).astype(dtype) for name, shape in shapes.items()}
    literal = graphc.load(FACTORS + text, level=0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's of means of nothing
        L, grads = literal.value_and_grad(**given)
        for level in (1, 2):
            other, others = graphc.load(FACTORS + text, level=level).value_and_grad(**given)
            tolerance = 2e-3 if dtype == "float32" else 1e-10
            np.testing.assert_allclose(other, L, rtol=tolerance)
            for name in grads:
                assert others[name].dtype == grads[name].dtype
                np.testing.assert_allclose(others[name], grads[name], rtol=tolerance, atol=tolerance)


def test_the_gradient_of_a_gaussian_log_likelihood() -> None:
    text = graphc.compile("input x[D]\nparam mu[D], A[D, D]\nS = A @ A.T\nd = x - mu\n"
                          "L = 0.5 * d @ inv(S) @ d + 0.5 * logdet(S)")  # fmt: skip
    assert "dS = 0.5 * dL * (inv_S - np.outer(product_d, product_d))" in text
    assert "dA = (2 * dS) @ A" in text
    assert text.count("inv_S @") == 1


def test_a_graph_without_multiples_is_itself() -> None:
    graph = graphc.parse(FACTORS + "L = sum(A @ v) + sum(A @ y) + sum(X.T @ v)")
    assert compute_once(graph) is graph


def test_of_many_numbers_on_one_another_some_are_taken_away() -> None:
    """What each of 40 products is a multiple of is not looked for through all that stand before it."""
    steps = "x_0 = v\nl_0 = 0\nfor k in 0:40 { x_{k+1} = x_{k} * s; l_{k+1} = l_{k} + sum(sin(A @ x_{k})) }\nL = l_40"
    graph = compute_once(fold(graphc.parse(FACTORS + steps)))
    assert sum(node.op in LINEAR for node in graph) == 40 - DEEPEST
    assert sum(node.op == "multiply" for node in graph) <= 40 + DEEPEST


def test_symmetric_matrices_made_one_of_another_are_all_known() -> None:
    steps = "S_0 = A @ A.T\nfor k in 0:50 { S_{k+1} = tanh(S_{k} + 1) }\n"
    assert products(f"{steps}L = {' + '.join(f'v @ S_{k} @ v' for k in range(51))}") == 51
