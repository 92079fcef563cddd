"""Products with diagonal matrices: no matrix is made of a diagonal, and no product for the sake of one."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, hold
from passes.operations import counted, simplified

SCALED = "input X[N, D]\nparam v[D], u[D], W[D, D]\n"


@pytest.mark.parametrize(("text", "products"), [
    ("L = sum((X @ diag(v))**2)", 0),
    ("L = sum((diag(v) @ W)**2)", 0),
    ("L = sum((diag(v) @ W @ diag(u))**2)", 0),
    ("L = sum((diag(v).T @ X.T)**2)", 0),
    ("L = sum(exp(diag(W @ W)))", 0),
    ("L = sum(exp(diag(W.T @ W)))", 0),
    ("L = trace(diag(v) @ W)", 0),
    ("L = sum(diag(v) @ W) + sum(diag(u))", 0),
    ("P = W @ W\nL = sum(diag(P)) + sum(P**3)", 3),  # the product is needed
])  # fmt: skip
def test_products_with_a_diagonal_are_by_entries(text: str, products: int) -> None:
    assert counted(simplified(SCALED + text))["matmul"] <= products
    given = {"X": array(4, 3), "v": array(3), "u": array(3, seed=1), "W": array(3, 3)}
    hold(SCALED + text, given, levels=(0, 1, 2))


def test_the_matrix_is_not_made() -> None:
    assert "Y = v[:, None] * M" in body("input M[D, N]\nparam v[D]\nY = diag(v) @ M\nL = sum(Y**2)")
    assert "dv = (X * dY).sum(axis=0)" in body("input X[N, D]\nparam v[D]\nY = X @ diag(v)\nL = sum(Y**2)", "backward")


@pytest.mark.parametrize("text", [
    "Y = diag(v, 1) @ M", "Y = M.T @ diag(v, -1)", "Y = diag(diag(v)) * 2", "Y = diag(v) @ M[:3, 0]",
    "Y = diag(v) @ diag(v)", "Y = M[:3, :3] @ diag(v) @ M[:3]", "Y = diag(M[:3] @ M[:3].T, 1)",
])  # fmt: skip
def test_what_is_like_it(text: str) -> None:
    hold("param v[3], M[4, 4]\n" + text, {"v": array(3), "M": array(4, 4)}, levels=(0, 1, 2))


def test_a_stack_of_matrices_is_scaled_by_one_diagonal() -> None:
    text = "param v[D], M[B, D, D]\nY = diag(v) @ M @ diag(v)\nL = sum(Y**2)"
    hold(text, {"v": array(3), "M": array(2, 3, 3)}, lambda v, M: ((np.diag(v) @ M @ np.diag(v)) ** 2).sum())
