"""Products arranged so that nothing moves and nothing is computed twice: by operations and by the buffers they fill."""

from __future__ import annotations

import numpy as np

import graphc
from graphc.pipeline import optimise
from ops.programs import array, body, hold
from passes.operations import apart, counted, entries, simplified

RESIDUAL = "input A[m, n], b[m]\nparam x[n]\nr = b - A@x\nf = 0.5*r@r"
SUM_OF_OUTER = "param U[N, m], V[N, n]\nY = sum(U[..., None] * V[:, None], axis=0)\nL = sum(Y * Y)"


def test_a_sum_of_outer_products_makes_no_array_of_rank_3() -> None:
    assert any(node.type.rank == 3 and node.op == "multiply" for node in apart(SUM_OF_OUTER))
    after = optimise(graphc.differentiate(graphc.parse(SUM_OF_OUTER)), 1)
    assert not any(node.type.rank == 3 for node in after if node.op in ("multiply", "broadcast_to"))
    assert counted(after)["matmul"] == 3, "Y, and one for the gradient of either factor"
    hold(SUM_OF_OUTER, {"U": array(4, 2), "V": array(4, 3)}, lambda U, V: ((U.T @ V) ** 2).sum())


def test_a_size_that_only_broadcasts_is_no_product() -> None:
    """The matrix has one row: it is repeated, and summed over."""
    text = "input A[1, n]\nparam U[N, m]\nY = sum(A * U[..., None], axis=1)\nL = sum(Y * Y)"
    hold(text, {"A": array(1, 3), "U": array(4, 2)}, lambda A, U: ((A * U[..., None]).sum(axis=1) ** 2).sum())


def test_one_matrix_times_many_vectors_is_one_product() -> None:
    text = "input A[m, n]\nparam V[N, n]\nY = squeeze(A @ V[..., None], axis=-1)\nL = sum(Y * Y)"
    after = simplified(text)
    assert all(node.type.rank == 2 for node in after if node.op == "matmul")
    assert entries(after, "matmul") == 2 * 64 * 64
    hold(text, {"A": array(2, 3), "V": array(4, 3)}, lambda A, V: ((V @ A.T) ** 2).sum())


def test_a_product_with_the_identity_is_none() -> None:
    after = simplified("param A[m, n]\nY = eye(m) @ A\nL = sum(Y * Y)")
    assert counted(after)["matmul"] <= 1
    assert not [n for n in after if n.op == "eye" and n.id in {u for m in after for u in m.operands[:1]}
                and any(m.op == "matmul" and m.name == "Y" for m in after)]  # fmt: skip


def test_a_multiple_of_the_identity_and_its_transpose_are_no_products() -> None:
    text = "param W1[D, H], W2[H, C]\ninput x[D]\n"
    text += "L = sum(jacobian(tanh(x @ W1) @ W2, x)**2) + sum((3 * eye(D).T @ W1)**3)"
    assert not any("eye" in line for line in [*body(text), *body(text, "backward")])
    hold(text, {"W1": array(3, 2), "W2": array(2, 4), "x": array(3)}, levels=(0, 1, 2))


def test_a_transpose_of_a_product_of_a_transpose_is_one_product() -> None:
    text = "param A[m, n], B[m, k]\nY = (A.T @ B).T\nL = sum(Y * Y)"
    assert "Y = B.T @ A" in body(text)
    hold(text, {"A": array(3, 2), "B": array(3, 4)}, lambda A, B: ((A.T @ B) ** 2).sum())


def test_sums_of_a_transpose_are_sums_along_the_other_axis() -> None:
    text = "param A[m, n]\nL = sum(exp(sum(A.T, axis=0))) + sum(tanh(sum(A.T, axis=1, keepdims=true))) + sum(A.T) ** 2"
    assert not any(".T" in line for line in body(text))
    hold(text, {"A": array(3, 2)}, lambda A: np.exp(A.sum(1)).sum() + np.tanh(A.sum(0)).sum() + A.sum() ** 2)


def test_a_product_with_another_diagonal_stays() -> None:
    text = "param A[m, n]\nY = eye(m, k=1) @ A\nL = sum(Y * Y)"
    assert counted(simplified(text))["matmul"] >= 1
    hold(text, {"A": array(3, 2)}, lambda A: ((np.eye(3, k=1) @ A) ** 2).sum())


def test_a_product_with_a_vector_needs_no_axis_of_size_1() -> None:
    assert "dx = -(A.T @ dr)" in "\n".join(body(RESIDUAL, "backward"))
    summed = "input X[N, D]\nparam b[D], c[K]\nF = sigmoid(c - (X@b)[:, None])\nL = sum(F * F)"
    assert "db = -(X.T @ dF_sigmoid.sum(axis=1))" in "\n".join(body(summed, "backward"))
    stack = "param x[m], A[l, m, n], y[n]\ninput g[l]\nL = dot((A@y)@x, g)"
    assert "dy = A.reshape(l*m, n).T @ dAy.reshape(-1)" in "\n".join(body(stack, "backward"))
    hold(summed, {"X": array(4, 2), "c": array(3), "b": array(2, seed=1)})
    hold(stack, {"x": array(2), "A": array(3, 2, 4), "y": array(4), "g": array(3, seed=1)})
