"""Which matrices are known to be symmetric, by the transposes that are left."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold


def code(text: str) -> str:
    return "\n".join(body(text))


@pytest.mark.parametrize("matrix", [
    "exp(X @ X.T)", "2 * X @ X.T + eye(n)", "r[:, None] + r", "r[:, None] * r * (X @ X.T)", "outer(r, 2 * r)",
    "inv(X @ X.T + s * eye(n))", "X @ (X.T @ X) @ X.T", "diag(r)", "maximum(X @ X.T, 0) / s", "(X @ X.T > 0) * s",
])  # fmt: skip
def test_a_symmetric_matrix_needs_no_transpose(matrix: str) -> None:
    text = f"input X[n, k], r[n], s[], B[n, m]\nK = {matrix}\nY = K.T @ B\nc = sum(K, axis=1)\noutput Y, c"
    found = code(text)
    assert "K.T" not in found, found
    hold(text, {"X": array(3, 4), "r": array(3, seed=1), "s": np.array(1.5), "B": array(3, 2, seed=2)})


@pytest.mark.parametrize("matrix", [
    "X @ Y.T", "X @ X", "r[:, None] - r", "r[:, None] + q", "outer(r, q)", "X * r", "X / (r[:, None] + r)", "exp(X)",
    "X @ Y @ X.T", "triu(X @ X.T)", "inv(X)", "r[:, None] + r[None, :] * X", "X[::-1] @ X.T", "eye(n)[::-1] * s",
])  # fmt: skip
def test_what_is_not_symmetric_keeps_its_transpose(matrix: str) -> None:
    text = "input X[n, n], Y[n, n], r[n], q[n], s[], B[n, m]\n"
    text += f"Z = ({matrix}).T @ B\nc = sum({matrix}, axis=1)\noutput Z, c"
    given = {"X": array(3, 3) + 3 * np.eye(3), "Y": array(3, 3, seed=1), "r": array(3, seed=3), "q": array(3, seed=4)}
    given |= {"s": np.array(1.5), "B": array(3, 2, seed=5)}
    literal, _ = compiled(text, 0).forward(**given)
    for level in (1, 2):
        found, _ = compiled(text, level).forward(**given)
        for have, want in zip(found, literal, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-12)


def test_the_sums_along_its_rows_stay_along_its_rows() -> None:
    assert "sum(axis=1)" in code("input X[n, k]\nK = X @ X.T\nc = sum(K, axis=1)\noutput c, K")
