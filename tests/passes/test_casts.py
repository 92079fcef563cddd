"""Booleans and plain numbers: the result is of the program's floating type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from modules import LoadSource
from passes.operations import simplified

X = np.array([0.5, -1, 2], "float32")
WRITTEN = ["0.5 * (x > 0)", "0.5 + (x > 0)", "-(0.5 * (x > 0))", "(x > 0) * 0.5 * (x < 1)", "where(x > 0, x < 1, 0.5)"]
ZERO = "input x[N], v[N]\nz = grad(sum(v**2), x)\ny = z * (x > 0)\noutput y"
SEED = "param W[N, N], s[]\nY = W @ W.T\nL = sum(Y) + sum(where(s > 0.1, 1.0, Y))\noutput L\nloss L"


NUMBERS = [
    "x * expand_dims(2.5, 0)", "x * reshape(2.5, (1,))", "x + tile(0.5, 3)", "x * repeat(2, 3)",
    "x + sum(expand_dims(2, 0), axis=0)", "x * stack([D / 2, 2, 1])", "stop_gradient(2) * x",
    "sum(x) * expand_dims(stop_gradient(2), 0)", "x + broadcast_to(2, (3,))", "mse(2, 1) * x",
    'bce(sigmoid(0.3), sigmoid(x), reduction="none")',
]  # fmt: skip
INTEGERS = [
    "x + solve([[2, 0, 1], [0, 1, 0], [0, 0, 1]], i)", "x * solve(A, i)", "solve(A, A) @ x", "inv(A) @ x", "det(A) * x",
    "logdet(A) + x", "pinv(A) @ x", "cholesky(A) + x", "[0.5, 2, 1][i] * x",
]  # fmt: skip
TWICE = "z = dot(x, x**2)\ny = hvp(z, x, x) * x[0]"


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", [*(f"y = {e}" for e in (*NUMBERS, *INTEGERS)), TWICE])
def test_numbers_in_a_shape_and_integers_in_a_matrix(load_source: LoadSource, text: str, level: int) -> None:
    """NumPy makes float64 of a plain number as soon as it has a shape, and in its linear algebra of integers."""
    text = f"input x[3], i[3]: int, A[3, 3]: int, v[D]\n{text}\noutput y"
    module = load_source(graphc.compile(text, level=level))
    i, A = np.arange(3), 2 * np.eye(3, dtype=int)
    want, _ = module.forward(X.astype(float), i, A, np.ones(4))
    y, cache = module.forward(X, i, A, np.ones(4, "float32"))
    assert y.dtype == module.backward(cache, np.ones_like(y))["x"].dtype == "float32"
    np.testing.assert_allclose(y, want, rtol=1e-5)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", [*(f"input x[N]\ny = {e}\noutput y" for e in WRITTEN), ZERO])
def test_float32_stays(load_source: LoadSource, text: str, level: int) -> None:
    module = load_source(graphc.compile(text, level=level))
    y, _ = module.forward(X, X) if "v[N]" in text else module.forward(X)
    assert y.dtype == "float32"


def test_with_an_incoming_gradient_of_one(load_source: LoadSource) -> None:
    """The mask is a number there, and what is made of it fills an operand of a product in given memory."""
    module = load_source(graphc.compile(SEED, level=2))
    W, s = np.arange(9, dtype="float32").reshape(3, 3), np.float32(0)
    L, grads = module.value_and_grad(W, s, workspace=module.Workspace(W, s))
    assert L.dtype == grads["W"].dtype == "float32"
    assert np.array_equal(grads["W"], np.broadcast_to(4 * W.sum(axis=0), (3, 3)))


def test_a_choice_keeps_its_condition() -> None:
    graph = simplified("input x[N]\nparam w[N]\nL = sum(w * where(x > 0, 1.0, 2.0))")
    (choice,) = (node for node in graph if node.op == "where")
    kinds: list[Any] = [graph[u].type.dtype for u in choice.operands]
    assert kinds[0] == "bool"


def test_a_mask_is_not_multiplied_by_one() -> None:
    text = "param S[N, C]\ninput s[N]\nM = relu(S - s[:, None])\nL = sum(M)"
    assert "np.multiply(1" not in graphc.compile(text, level=2)
