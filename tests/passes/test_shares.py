"""Products with 1 / N that are quotients: the example of the pass, counted, and what stays as the program has it."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.passes.shares import divide_by_sizes
from ops.programs import array, body, compiled
from passes.operations import counted, simplified

MEAN = 'input X[N, D], y[N]: int, W[D, C]\nL = softmax_ce(X@W, y, reduction="mean")\nG = grad(L, W)\noutput G'


def test_a_gradient_is_divided_by_the_size() -> None:
    before = simplified(MEAN)
    after = divide_by_sizes(before)
    assert counted(after)["multiply"] < counted(before)["multiply"]
    assert counted(after)["const"] == 0, "no 1 is left to be divided"
    assert "dXW /= N" in body(MEAN)


def test_without_such_a_product_the_graph_is_itself() -> None:
    graph = simplified("param X[N, D]\nL = sum(exp(X))")
    assert divide_by_sizes(graph) is graph


def test_a_program_that_asks_for_a_product_gets_it() -> None:
    graph = graphc.parse("input X[N, D]\nY = X * (1 / N)")
    assert divide_by_sizes(graph) is graph


STEP = "input X[N, D], Y[N, C]\nparam W[D, C]\n{}\nW <- W - 0.1 * grad(L, W)"


@pytest.mark.parametrize(("loss", "line"), [
    ("L = mean((X@W - Y)**2)", "/ (C*N)"),
    ("L = sum((X@W - Y)**2) / N", "/ N"),
    ("L = -sum(Y * log_softmax(X@W)) / N", "/ -N"),
    ("L = 0.5 * sum(tanh(X@W)**2) / N", "/ N"),
])  # fmt: skip
def test_coefficients_of_a_share_do_not_hide_it(loss: str, line: str) -> None:
    text = STEP.format(loss)
    step = body(text, "step")
    assert any(line in statement for statement in step) and not any("np.divide(1" in s for s in step), step
    given = {"X": array(4, 3), "Y": array(4, 2), "W": array(3, 2)}
    literal, net = compiled(text, 0), compiled(text, 1)
    np.testing.assert_allclose(net.step(**given)["W"], literal.step(**given)["W"], rtol=1e-12)
    none = {"X": array(0, 3), "Y": array(0, 2), "W": array(3, 2)}
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(net.step(**none)["W"], literal.step(**none)["W"])
