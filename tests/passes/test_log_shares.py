"""Losses of log-probabilities take one exponential of the scores, and logarithms at the labels alone."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold
from passes.operations import apart, counted, simplified

LABELS = np.array([2, 0, 2, 1])
PICKED = [
    "L = nll(log_softmax(S), y)",
    "L = -mean(log_softmax(S)[arange(N), y])",
    "l = S - max(S, axis=1, keepdims=true)\nL = -sum((l - log(sum(exp(l), axis=1, keepdims=true)))[arange(N), y])",
    "L = sum(exp(log_softmax(S)) * S) + nll(log_softmax(S), y)",
    "P = log_softmax(S)\nL = nll(P, y) + 0.1 * sum(exp(P) * P)",
    "L = sum(log_softmax(S, axis=0)[arange(N), y])",
    "L = sum((S - sum(S, axis=1, keepdims=true))[arange(N), y]**2)",
    "L = sum((S - 2)[arange(N), y]**2)",
    "L = sum((S - mean(S))[i, y]**2)",
    "L = sum((S - mean(S, axis=1, keepdims=true))[i, y]**2)",
    "L = sum((S - mean(S, axis=0))[arange(N), y]**2)",
]


@pytest.mark.parametrize("text", PICKED[:2])
def test_one_exponential_of_the_scores(text: str) -> None:
    program = f"param S[N, C]\ninput y[N]: int\n{text}"
    assert counted(apart(program))["exp"] >= 2 and counted(simplified(program))["exp"] == 1
    for level in (1, 2):
        found = "\n".join(body(program, "forward", level))
        assert found.count("np.exp(") == 1 and ".squeeze(axis=1)" in found, found


@pytest.mark.parametrize("text", PICKED)
def test_gradients_are_those_of_the_literal_derivation(text: str) -> None:
    program = f"param S[N, C]\ninput y[N]: int, i[N]: int\n{text}\noutput L"
    for n, c in [(4, 3), (3, 3), (1, 3), (4, 1), (1, 1)]:
        given = {"S": array(n, c), "y": LABELS[:n] % c, "i": np.arange(n)[::-1]}
        hold(program, given, levels=(0, 1, 2))
        value, expected = compiled(program, 0).value_and_grad(**given)
        for level in (1, 2):
            found, gradients = compiled(program, level).value_and_grad(**given)
            np.testing.assert_allclose(found, value, rtol=1e-12)
            np.testing.assert_allclose(gradients["S"], expected["S"], rtol=1e-10, atol=1e-13)


def test_of_no_samples_nothing_is_left() -> None:
    for text in PICKED[:1] + PICKED[2:3]:
        for level in (0, 1, 2):
            module = compiled(f"param S[N, C]\ninput y[N]: int\n{text}", level)
            value, gradients = module.value_and_grad(np.zeros((0, 3)), np.zeros(0, int))
            assert value == 0 and gradients["S"].shape == (0, 3)


def test_scores_that_are_far_apart_stay_finite() -> None:
    """The exponentials are of what is at most 0; one that is not shifted stays as the program has it."""
    far = {"S": np.array([[1e4, -1e4, 0.0]]), "y": np.array([1])}
    for level in (0, 1, 2):
        module = compiled(f"param S[N, C]\ninput y[N]: int\n{PICKED[0]}", level)
        value, gradients = module.value_and_grad(**far)
        assert value == 2e4 and np.array_equal(gradients["S"], [[1, -1, 0]])
    plain = "param S[N, C]\nr = S - log(sum(exp(S), axis=1, keepdims=true))\nL = sum(exp(r) * S)"
    assert counted(simplified(plain))["exp"] == 2
    hold(plain, {"S": array(4, 3)}, levels=(0, 1, 2))


DIAGONALS = [
    "L = -mean(diag(log_softmax(S)))",
    "L = -sum(diag(log_softmax(S / 0.1))) - trace(log_softmax(S.T))",
    "L = sum(diag(S - mean(S, axis=1, keepdims=true))**2)",
    "L = sum(diag(S - mean(S, axis=0))**2)",
    "L = sum(diag(exp(S), 1)) + sum(diag(tanh(S)) * sum(S, axis=0))",
    "L = sum(diag(S)) - 0.5 * sum(S**2)",
    "L = 2 * trace(S) + sum(sin(S)) - 3 * trace(exp(S))",
]


@pytest.mark.parametrize("text", DIAGONALS)
def test_a_number_on_the_diagonal_is_one_per_row(text: str) -> None:
    program = f"param S[N, N]\n{text}"
    for n in (3, 1, 4):
        hold(program, {"S": array(n, n)}, levels=(0, 1, 2))
        value, expected = compiled(program, 0).value_and_grad(array(n, n))
        for level in (1, 2):
            module = compiled(program, level)
            memory = {"workspace": module.Workspace(array(n, n))} if level == 2 else {}
            for more in ({}, memory):
                found, gradients = module.value_and_grad(array(n, n), **more)
                np.testing.assert_allclose(found, value, rtol=1e-12)
                np.testing.assert_allclose(gradients["S"], expected["S"], rtol=1e-10, atol=1e-13)


def test_a_contrastive_loss_makes_no_diagonal_matrix() -> None:
    found = "\n".join(body(f"param S[N, N]\n{DIAGONALS[0]}", "backward"))
    assert "np.diag(" not in found and "dS[np.arange(N), np.arange(N)] -= 1" in found


@pytest.mark.parametrize("text", [
    "param x[N]\na = x - max(x)\nL = sum(exp(a - sum(exp(a))))",
    "param x[N]\na = x - max(x)\ns = sum(exp(a))\nL = sum(exp(a - s)) + s",
])  # fmt: skip
def test_a_sum_without_a_logarithm_is_no_share(text: str) -> None:
    hold(text, {"x": array(4)})


def test_the_logarithm_of_a_sum_less_the_score_of_the_label_is_a_softmax() -> None:
    text = "param S[N, C]\ninput y[N]: int\nL = sum(logsumexp(S, axis=1) - S[arange(N), y])"
    lines = body(text, "backward")
    assert "dS[np.arange(N), y] -= 1" in lines and "dS *= dL" in lines
    hold(text, {"S": array(4, 3), "y": np.array([0, 2, 1, 1])}, levels=(0, 1, 2))
