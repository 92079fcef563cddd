"""Strength reduction and hoisting: which operations are left, by count."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import graphc
from graphc.passes.joint import fuse
from graphc.pipeline import optimise


def operations(text: str) -> Counter[str]:
    """How often each operation stands in the joint graph of -O2."""
    graph = fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))
    return Counter(node.op for node in graph)


def test_a_sum_of_products_is_one_operation() -> None:
    found = operations("param X[N, D]\ninput Y[N, D]\nL = sum(X * Y)")
    assert found["vdot"] == 1 and found["sum"] == 0


def test_a_mean_is_a_sum_and_a_division() -> None:
    found = operations("param X[N, D]\nL = sum(exp(mean(X, axis=1)))")
    assert found["mean"] == 0 and found["sum"] >= 1


def test_rows_are_multiplied_and_not_divided() -> None:
    text = "param X[N, D]\nL = sum(square(exp(X) / sum(exp(X), axis=1, keepdims=true)))"
    graph = fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))
    shape = graph[graph.arguments[0].node].type.shape
    assert not [node for node in graph if node.op == "divide" and node.type.shape == shape]


def test_labels_are_scaled_as_numbers() -> None:
    found = operations('input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X@W, y, reduction="mean")')
    assert found["subtract_at_labels"] == 1 and found["subtract_one_hot"] == 0


LOOP = """
input X[T, N, D]
param U[D, H], W[H, H], b[H]
h_0 = zeros((N, H))
l_0 = 0
for t in 0:8 { h_{t+1} = tanh(X[t] @ U + h_{t} @ W + b); l_{t+1} = l_{t} + sum(h_{t+1}) }
L = l_8
output L
""".replace("X[T,", "X[8,")


def test_an_unrolled_loop_has_one_product_with_each_input() -> None:
    found = operations(LOOP)
    # forward: X @ U once, h @ W eight times (h_0 is zeros); backward: dh eight times less one, dU and dW once each
    assert found["matmul"] <= 1 + 8 + 7 + 2
    assert found["concatenate"] == 2


def test_two_parts_stay_as_they_are() -> None:
    found = operations(LOOP.replace("8", "2"))
    assert found["concatenate"] == 0


def test_an_outer_product_is_one_of_a_column_and_a_row() -> None:
    text = "input X[N, D], t[N]\nparam W[D, H], w[H]\nL = sum((tanh(X @ W) @ w - t)**2)"
    assert operations(text)["outer"] == 0
    assert operations("input x[N]\nparam A[N, N], w[N]\nL = sum(outer(w, x) * A)")["outer"] == 0


def test_entries_that_are_alike_are_counted_as_numbers() -> None:
    """The mask is made a number once, for what counts its entries and for what multiplies by it."""
    found = operations("param X[N, D]\nL = sum(max(X, axis=1)**2)")
    assert found["ties"] == 0 and found["as_float"] == 1


def test_a_mask_that_nobody_counts_stays_one() -> None:
    assert operations("param X[N, D]\nL = sum(relu(X) * X)")["as_float"] == 0


@pytest.mark.parametrize(("text", "alone"), [
    ("L = sum(tanh(E[i]) * E[j])", 1),
    ("L = sum(tanh(E[i] @ E.T)) + sum(E**2)", 0),
    ("L = sum(exp(s[i] - s[j]) * s[j])", 1),
    ("L = sum(E[i]**2)", 1),
    ("L = sum(E[i, j]**2) + sum(E**2)", 1),  # entries, no rows
    ("L = sum(E[:, j]**2) + sum(E**2)", 1),
    ("L = sum(E[k]**2) + sum(E[i]**2)", 1),
])  # fmt: skip
def test_rows_are_added_to_what_is_there(text: str, alone: int) -> None:
    text = f"param E[V, D], s[V]\ninput i[N]: int, j[N]: int, k[N, M]: int\n{text}"
    assert operations(text)["scatter"] == alone
    literal, module = graphc.load(text, level=0), graphc.load(text, level=2)
    rng = np.random.default_rng(0)
    given = {"E": rng.standard_normal((4, 4)), "s": rng.standard_normal(4), "i": np.array([0, -1, 2, 2, 3]),
             "j": np.array([1, 1, 2, -4, 0]), "k": rng.integers(-4, 4, (5, 3))}  # fmt: skip
    given = {name: given[name] for name in (*module.INPUTS, *module.PARAMETERS)}
    workspace = module.Workspace(**given)
    want = literal.value_and_grad(**given)
    for _ in range(2):
        have = module.value_and_grad(**given, workspace=workspace)
        assert abs(want[0] - have[0]) <= 1e-12 * max(1, abs(want[0]))
        for name, gradient in want[1].items():
            assert np.abs(have[1][name] - gradient).max() <= 1e-12
