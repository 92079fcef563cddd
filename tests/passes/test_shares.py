"""Products with 1 / N that are quotients: the example of the pass, counted, and what stays as the program has it."""

from __future__ import annotations

import graphc
from graphc.passes.shares import divide_by_sizes
from ops.programs import body
from passes.operations import counted, simplified

MEAN = 'input X[N, D], y[N]: int, W[D, C]\nL = softmax_ce(X@W, y, reduction="mean")\nG = grad(L, W)\noutput G'


def test_a_gradient_is_divided_by_the_size() -> None:
    before = simplified(MEAN)
    after = divide_by_sizes(before)
    assert counted(after)["multiply"] < counted(before)["multiply"]
    assert counted(after)["const"] == 0, "no 1 is left to be divided"
    assert any("difference_P / N" in line for line in body(MEAN))


def test_without_such_a_product_the_graph_is_itself() -> None:
    graph = simplified("param X[N, D]\nL = sum(exp(X))")
    assert divide_by_sizes(graph) is graph


def test_a_program_that_asks_for_a_product_gets_it() -> None:
    graph = graphc.parse("input X[N, D]\nY = X * (1 / N)")
    assert divide_by_sizes(graph) is graph
