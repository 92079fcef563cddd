"""The order of the factors in the code; that the values stay is in `test_docstrings`."""

from __future__ import annotations

import pytest

import graphc
from graphc.passes.scalars_first import scalars_first
from ops.programs import body

TWO = "param w[N], x[N]\ninput z[N]\n"


@pytest.mark.parametrize(("program", "line"), [
    (f"{TWO}L = 0.05 * sum(w**2)", "dw = 0.1 * dL * w"),
    (f"{TWO}L = 0.5 * sum(w * x * exp(0.5*z))", "product = 0.5 * dL * exp_half_z"),
    (f"{TWO}L = sum(exp(w) - z*w)", "dw = (exp_w - z) * dL"),
    (
        "param s[]\ninput x[N]\nL = sum(exp(-x**2 / (2*s**2)))",
        "ds = 2 * (dL * exp * ratio).sum() / s",
    ),
])  # fmt: skip
def test_numbers_come_first(program: str, line: str) -> None:
    assert line in body(program, "backward")


def test_products_of_the_program_stand_as_it_writes_them() -> None:
    graph = graphc.parse("param x[N]\nY = x * 2.5")
    assert scalars_first(graph) is graph
    assert "Y = x * 2.5" in body("param x[N]\nY = x * 2.5")


def test_a_product_that_others_use_stays_whole() -> None:
    text = "param w[N], x[N]\nL = sum(w * x)\ng = grad(L, w) * x\nM = sum(g * 0.5) + sum(g * w)\nloss M"
    assert graphc.compile(text)


def test_what_nothing_uses_is_no_factor() -> None:
    """A graph may hold values that nobody reads, as one of which the formulas are looked at does."""
    graph = graphc.differentiate(graphc.parse("param x[N], w[N]\nu = x * w * 0.5\nL = sum(u * u)"))
    gradient = graph[graph.gradients["x"]]
    cut = graph.replace(gradients={}, outputs={"s": gradient.operands[0]})
    assert scalars_first(cut).outputs.keys() == {"s"}
