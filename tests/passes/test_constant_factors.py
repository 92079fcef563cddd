"""Factors that a sum repeats stand behind it: what is left of the derivatives of normalisations written by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

BATCH_NORM = """input X[N, D]
param g[D], h[D]
mu = mean(X, axis=0)
v = mean((X - mu)**2, axis=0)
Xh = (X - mu) / sqrt(v + 0.1)
L = sum(tanh(Xh * g + h))
"""
ROWS = "param Q[N, 3], P[N, 3], W[3, M]\nq = Q / norm(P, axis=1, keepdims=true)\nL = sum(tanh(q @ W))"


def code(text: str, function: str = "backward", level: int = 1, **options: list[str]) -> str:
    return "\n".join(body(text, function, level, **options))


@pytest.mark.parametrize("level", [1, 2])
def test_a_batch_norm_by_hand_takes_two_sums(level: int) -> None:
    """Those of the gradients of g and h: the others are multiples of them, and that of X - mu is 0."""
    found = code(BATCH_NORM.replace("input X", "param X"), level=level)
    assert found.count(".sum(") == 2 and ".mean(" not in found, found


@pytest.mark.parametrize(("n", "d"), [(5, 3), (1, 3), (4, 1), (1, 1)])
def test_its_gradients_are_those_of_the_literal_derivation(n: int, d: int) -> None:
    hold(BATCH_NORM.replace("input X", "param X"), {"X": array(n, d), "g": array(d), "h": array(d, seed=1)})


def test_of_no_rows_the_gradients_of_the_parameters_are_zero() -> None:
    for level in (0, 1, 2):
        module = compiled(BATCH_NORM, level)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of no rows
            _, gradients = module.value_and_grad(np.zeros((0, 3)), array(3), array(3))
        assert not gradients["g"].any() and not gradients["h"].any()


@pytest.mark.parametrize("level", [1, 2])
def test_a_quotient_by_a_column_is_taken_behind_the_sum_over_the_row(level: int) -> None:
    found = code(ROWS, level=level)
    assert "(dq * q).sum(axis=1, keepdims=True) / norm_P" in found
    hold(ROWS, {"Q": array(4, 3), "P": array(4, 3, seed=1), "W": array(3, 2)})
    one = ROWS.replace("3", "1")
    hold(one, {"Q": array(4, 1), "P": array(4, 1, seed=1), "W": array(1, 2)})
    # Of rows without entries the length is 0, and 0 / 0 is no sum of nothing.
    inside = code(ROWS.replace("3", "K"), level=level)
    assert "dQ = np.divide(dq, norm_P, out=dq)" in inside and "(dQ * q).sum(axis=1, keepdims=True)" in inside


def test_what_is_centred_along_another_axis_sums_up_to_something() -> None:
    """Beside an array of more axes, axis 1 of what is centred is axis 2 of the product, or none that is summed."""
    for mean in ("mean(x, axis=1, keepdims=true)", "mean(x, axis=0)", "mean(x, axis=0, keepdims=true)"):
        text = "input x[N, D], g[K, 1, D], v[K, 1, D]\nparam w[K, 1, D], u[N, D]\n"
        text += f"P = (x - {mean}) * g\nL = sum(P * w * v) + sum(P * u)"
        for n, d, k in ((3, 4, 2), (3, 3, 3), (1, 4, 1)):
            hold(text, {"x": array(n, d), "g": array(k, 1, d, seed=1), "v": array(k, 1, d, seed=2),
                        "w": array(k, 1, d, seed=3), "u": array(n, d, seed=4)})  # fmt: skip


def test_what_the_program_says_stays_as_it_is() -> None:
    """A sum of a program's own product, and a value that something else reads, are not taken apart."""
    text = "param X[N, D], r[D]\nY = X / r\ns = sum(Y * X, axis=0)\nL = sum(s * s) + sum(sin(Y))"
    assert "(Y * X).sum(axis=0)" in code(text, "forward")
    hold(text, {"X": array(4, 3), "r": array(3)})


def test_factors_of_several_axes_and_ranks() -> None:
    text = "param X[N, T, D], a[D], b[T, 1], c[N, 1, 1]\nY = X * a / exp(b) * c\nL = sum(tanh(Y)) + sum(Y * Y)"
    given = {"X": array(2, 3, 4), "a": array(4), "b": array(3, 1), "c": array(2, 1, 1)}
    hold(text, given)
    outer = "param X[N, D], r[D], u[N]\nL = sum(sum(outer(u, r) * X / r, axis=0) ** 2)"
    hold(outer, {"X": array(4, 3), "r": array(3), "u": array(4)})


def test_a_mean_that_broadcasting_turns_centres_nothing() -> None:
    """Of a square array `X - mean(X, axis=1)` takes the mean of a row from a column: the sums of rows are not 0."""
    text = "param X[N, N], g[N, 1]\ninput c[N, 1]\nA = X - mean(X, axis=1)\nY = A * g\nL = sum(c * Y)\nloss L"
    hold(text, {"X": array(3, 3), "g": array(3, 1), "c": array(3, 1, seed=1)}, levels=(0, 1, 2))
