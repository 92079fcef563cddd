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


@pytest.mark.parametrize(("text", "line"), [
    ("y = sigmoid(v)\nJ = jacobian(y, v)", "J = np.diag(y * (1 - y))"),
    ("J = jacobian(v * v, v) * 3", "J = np.diag(v * 6)"),
    ("s = sum(W * eye(D))", "s = np.trace(W)"),
    ("s = trace(outer(v, u))", "s = (v * u).sum()"),
    ("y = diag(outer(v, u))", "y = v * u"),
    ("s = trace(outer(v, W[0:1, 0]))", "s = np.trace(np.outer(v, W[:1, 0]))"),  # of one entry alone
    ("s = sum(W * diag(v), axis=1)", "s = np.diagonal(W) * v"),
    ("J = eye(D) * v[:, None] * u", "J = np.diag(v * u)"),
])  # fmt: skip
def test_matrices_that_are_zero_but_for_their_diagonal_are_made_of_it(text: str, line: str) -> None:
    assert line in body("param v[D], u[D], W[D, D]\n" + text)
    given = {"v": array(3), "u": array(3, seed=1), "W": array(3, 3)}
    hold("param v[D], u[D], W[D, D]\n" + text, given, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "Y = eye(3, k=1) * v", "Y = eye(3) * M[:3, :3]", "Y = eye(3, 4) * M[:3, 0][:, None]", "Y = eye(3) * sum(v)",
    "Y = sum(M[None] * eye(4), axis=0)", "Y = sum(stack([M, M]) * eye(4), axis=-1)", "Y = sum(M * eye(4), axis=0)",
    "Y = sum(M * eye(4), axis=1, keepdims=true)", "Y = diag(M[:3, :3] * v) + diag(M[:3, :3] * v[:, None])",
    "Y = diag(v, 1) @ M", "Y = M.T @ diag(v, -1)", "Y = diag(diag(v)) * 2", "Y = diag(v) @ M[:3, 0]",
    "Y = sum(M * eye(1))", "Y = sum(M * eye(1), axis=0)", "Y = sum(M * diag(v[:1]), axis=1)",
    "Y = diag(v) @ diag(v)", "Y = M[:3, :3] @ diag(v) @ M[:3]", "Y = diag(M[:3] @ M[:3].T, 1)",
])  # fmt: skip
def test_what_is_like_it(text: str) -> None:
    hold("param v[3], M[4, 4]\n" + text, {"v": array(3), "M": array(4, 4)}, levels=(0, 1, 2))


def test_a_stack_of_matrices_is_scaled_by_one_diagonal() -> None:
    text = "param v[D], M[B, D, D]\nY = diag(v) @ M @ diag(v)\nL = sum(Y**2)"
    hold(text, {"v": array(3), "M": array(2, 3, 3)}, lambda v, M: ((np.diag(v) @ M @ np.diag(v)) ** 2).sum())


@pytest.mark.parametrize("x", [array(3), array(3, 3), array(1, 3), array(3, 1), array()])
def test_what_is_not_declared_may_be_of_any_rank(x: np.ndarray) -> None:
    text = "y = x * eye(3) + sum(eye(3) * x, axis=-1, keepdims=true)"
    hold(text, {"x": x}, lambda x: x * np.eye(3) + (np.eye(3) * x).sum(axis=-1, keepdims=True), levels=(0, 1, 2))


def test_a_matrix_that_is_not_square_has_a_short_diagonal() -> None:
    text = "param A[4, 1], v[4]\nX = A*v[:, None]\nL = mean(exp(diag(X)))"
    for program in (text, text.replace("A[4, 1]", "A[1, 4]").replace("v[:, None]", "v")):
        hold(program, {"A": array(4, 1) if "A[4, 1]" in program else array(1, 4), "v": array(4)})
