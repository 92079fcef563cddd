"""The square of a length takes no root, and its gradient no quotient: but only where it is one."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.pipeline import optimise
from ops.programs import array, compiled, hold
from passes.operations import counted

RIDGE = "input X[N, D], y[N]\nparam w[D]\n"


def optimised(text: str) -> Graph:
    return optimise(graphc.differentiate(graphc.parse(text)), 1)


@pytest.mark.parametrize("loss", [
    "0.5 * norm(X@w - y)**2 + 0.05 * norm(w)**2", "sum(norm(X, axis=0)**2 * w)", "norm(w)**2 / N",
    "sum(norm(X*w, axis=1, keepdims=true)**2)", "square(norm(w, axis=0))",
])  # fmt: skip
def test_squares_of_lengths(loss: str) -> None:
    text = f"{RIDGE}L = {loss}"
    found = counted(optimised(text))
    assert not found["norm"] and not found["sqrt"] and not found["equal"], found
    hold(text, {"X": array(4, 3), "y": array(4), "w": array(3)}, levels=(0, 1, 2))


@pytest.mark.parametrize("loss", [
    "norm(w)", "norm(w)**3", "norm(w, ord=1)**2", "norm(w, ord=2) * norm(w, ord=1)", "norm(w) * norm(X)",
    "norm(w)**2 + norm(w)", "sum(norm(X*w, axis=1) * norm(X*w, axis=1)[::-1])",
])  # fmt: skip
def test_what_is_no_square_of_a_length(loss: str) -> None:
    hold(f"{RIDGE}L = {loss}", {"X": array(4, 3), "y": array(4), "w": array(3)}, levels=(0, 1, 2))


def test_another_array_divided_by_the_length_keeps_the_quotient() -> None:
    """It is the array that has the length whose direction goes."""
    text = "param w[D]\ninput v[D]\nn = norm(w)\nL = sum(n * 3 / (n + (n == 0)) * v)"
    assert counted(optimised(text))["divide"] >= 1
    hold(text, {"w": array(3), "v": array(3, seed=1)})


@pytest.mark.parametrize(("axis", "opened"), [(1, "[None]"), (1, ""), (0, "[:, None]")])
def test_lengths_of_rows_that_meet_columns_keep_the_quotient(axis: int, opened: str) -> None:
    """Where a row has no length, the column that it meets is multiplied by 0."""
    text = f"param X[N, N], t[N]\nn = norm(X, axis={axis})\nL = sum(((t * n / (n + (n == 0))){opened} * X)**2)"
    X = array(3, 3)
    X[(0, slice(None)) if axis else (slice(None), 0)] = 0
    values = [float(compiled(text, level).forward(X, array(3, seed=1))[0]) for level in (0, 1, 2)]
    np.testing.assert_allclose(values, values[0], rtol=1e-12)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_at_zero_and_of_nothing_the_derivative_is_zero(level: int) -> None:
    module = compiled("param w[D]\nL = norm(w)**2 + norm(w)", level)
    for size in (0, 3):
        value, gradients = module.value_and_grad(np.zeros(size))
        assert value == 0
        np.testing.assert_array_equal(gradients["w"], np.zeros(size))
