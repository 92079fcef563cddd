"""Values at hand in the place of work: the examples of the pass, and what is left in its place."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, hold


def code(text: str, function: str = "forward") -> str:
    return "\n".join(body(text, function))


def test_a_value_at_hand_takes_the_place_of_a_product() -> None:
    text = "input X[N, D]\nparam m[D], s[D]\nd = (X - m) * exp(s)\nL = sum(tanh(d))"
    backward = code(text, "backward")
    assert "X" not in backward.replace("X, ", "").replace("X.", "") and "* d).sum(axis=0)" in backward
    hold(text, {"X": array(4, 3), "m": array(3), "s": array(3, seed=1)})
    # What is summed along an axis of its own stays.
    hold("param A[3, 4], e[3]\nd = A * e[:, None]\nL = sum(sum(A * sin(A), axis=1) * e) + sum(d)",
         {"A": array(3, 4), "e": array(3)})  # fmt: skip


def test_sums_at_hand_take_the_place_of_sums_of_more() -> None:
    text = "input X[N, H]\nparam g[H], b[H]\nL = sum(tanh(batch_norm(exp(X), g, b)))"
    for level in (1, 2):
        backward = "\n".join(body(text, "backward", level))
        assert backward.count(".sum(") == 2 and ".mean(" not in backward, backward  # db and dg
    hold(text, {"X": array(5, 3), "g": array(3), "b": array(3, seed=1)})
    kept = "param X[N, H], v[H]\nr = sum(X, axis=0)\nm = mean(X * v, axis=0)\ns = sum(v * X, axis=0, keepdims=true)\n"
    assert "* X" not in code(kept + "output r, m, s")
    hold(kept + "L = sum(r * m) + sum(s * s)", {"X": array(4, 3), "v": array(3)})
    # What is not the same along the axis stays inside.
    hold("param X[N, N], v[N]\nr = sum(X, axis=1)\nL = sum(sum(X * v, axis=1) * r)", {"X": array(3, 3), "v": array(3)})


def test_a_reduction_is_made_once_with_and_without_its_axes() -> None:
    """Standardised by hand: the mean, and that of the variance, are one, and so is the distance from it."""
    text = "input X[N, D]\nm = mean(X, axis=0)\nY = (X - m) / sqrt(var(X, axis=0) + 0.1)\noutput Y"
    assert sum(".mean(" in line for line in body(text)) == 1
    assert sum("X - m" in line for line in body(text)) == 1
    hold(text, {"X": array(4, 3)}, lambda X: (X - X.mean(0)) / np.sqrt(X.var(0) + 0.1), levels=(0, 1, 2))
    last = "input X[N, D]\nA = X / sum(X**2, axis=1, keepdims=true)\nb = sum(X**2, axis=1)"
    assert sum(".sum(" in line for line in body(last)) == 1
    hold(last, {"X": array(4, 3)}, levels=(0, 1, 2))


def test_a_sum_over_all_axes_is_one_however_it_is_written() -> None:
    text = "param Y[N, D]\nL = sum(Y) * sum(Y, axis=(0, 1)) + max(Y, axis=(0, 1)) * max(Y)"
    assert sum(line.count("Y.sum(") + line.count("Y.max(") for line in body(text)) == 2
    hold(text, {"Y": array(3, 2)}, lambda Y: Y.sum() ** 2 + Y.max() ** 2, levels=(0, 1, 2))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # the mean of a vector is written as a quotient: beside that of the variance it was a second one
        ("param x[N]\nz = (x - mean(x)) / std(x)\nL = sum(z**3)", ["mean_x = x.sum() / N", "centred = x - mean_x"]),
        ("param x[N]\ns = std(x)\nz = (x - mean(x)) / s\nL = sum(z**3)", ["mean_x = x.mean()", "z = (x - mean_x) / s"]),
        ("param x[N, D]\nz = (x - mean(x)) / std(x)\nL = sum(z**3)", ["mean_x = x.mean()", "centred = x - mean_x"]),
        ("param x[N, D]\ns = sum(x)\np = x / sum(x, axis=(0, 1), keepdims=true)\nL = sum(p**2) * s", ["p = x / s"]),
    ],
)
def test_a_reduction_of_everything_is_made_once_with_and_without_its_axes(text: str, lines: list[str]) -> None:
    forward = body(text + "\noutput L")
    assert set(lines) <= set(forward)
    assert code(text).count("x.sum(") + code(text).count("x.mean(") == 1
    hold(text + "\noutput L", {"x": array(2, 3) if "D" in text else array(6)}, levels=(0, 1, 2))
