"""Means as sums that are divided: the same numbers, and of no entries the same nan."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold


@pytest.mark.parametrize(("text", "line"), [
    ("param X[N, D]\nL = mean(X**3)", "L = (X * X * X).sum() / (D*N)"),
    ("param X[N, 2]\nL = mean(X**3)", "L = (X * X * X).sum() / (2*N)"),
    ("param X[3, 2]\nL = mean(X**3)", "L = (X * X * X).sum() / 6"),
    ("param X[N, D]\nm = mean(X, axis=0)\nL = sum(m**3)", "m = X.sum(axis=0) / N"),
    ("param X[N, D]\nm = mean(X, axis=1, keepdims=true)\nL = sum((X - m)**3)", "m = X.sum(axis=1, keepdims=True) / D"),
    ("L = mean(X @ W)", "L = (X @ W).mean()"),  # of sizes that the arguments alone know
])  # fmt: skip
def test_a_mean(text: str, line: str) -> None:
    assert line in body(text)


@pytest.mark.parametrize("text", [
    "mean((X - mean(X, axis=0))**2)", "sum(var(X, axis=1))", "sum(std(X) * X)", "sum((X - mean(X))**3)",
    "mean(mean(X, axis=1)**2)",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    hold(f"param X[N, D]\nL = {text}", {"X": array(4, 3)}, levels=(0, 1, 2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_of_no_entries(level: int) -> None:
    net = graphc.load("param X[N, D]\nm = mean(X, axis=0)\nL = mean(X**2)\noutput L, m\nloss L", level=level)
    (L, m), grads = net.value_and_grad(np.zeros((0, 3)))
    assert np.isnan(L) and np.isnan(m).all() and m.shape == (3,) and grads["X"].shape == (0, 3)
