"""A column is not laid on its side to lose an axis."""

from __future__ import annotations

import graphc


def test_a_second_derivative_by_columns() -> None:
    text = "input x[N, 1]\nparam W[1, H], V[H, 1]\nu = tanh(x@W)@V\ng = grad(sum(u), x)\n"
    assert ".T.squeeze" not in graphc.compile(f"{text}L = sum(grad(sum(g), x)**2)\nloss L")


def test_a_row_of_the_program_keeps_its_name() -> None:
    text = "param v[N, 1]\nr = v.T\nL = sum(squeeze(r, axis=0)**3) + sum(r)"
    assert "r = v.T" in graphc.compile(text)
