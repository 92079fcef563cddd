"""What a mask leaves out is 0 where the derivative behind it is infinite, and everything else stays a product."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import body, compiled, hold

AROUND = np.array([-2.0, -0.75, 0.25, 0.5, 3.0])


def _gradient(text: str, level: int, x: np.ndarray = AROUND) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(compiled(text, level).value_and_grad(x)[1]["x"])


def _chooses(text: str) -> bool:
    return any("np.where" in line for line in body(text, "backward"))


@pytest.mark.parametrize(("text", "expected"), [
    ("sum(sqrt(relu(x)))", [0, 0, 1, 0.5**0.5, 0.5 / 3**0.5]),
    ("sum(relu(x)**0.5)", [0, 0, 1, 0.5**0.5, 0.5 / 3**0.5]),
    ("sum(sqrt(maximum(x, 0)))", [0, 0, 1, 0.5**0.5, 0.5 / 3**0.5]),
    ("sum(sqrt(clip(x, 0, 1)))", [0, 0, 1, 0.5**0.5, 0]),
    ("sum(sqrt(where(x > 0, x, 0)))", [0, 0, 1, 0.5**0.5, 0.5 / 3**0.5]),
    ("sum(sqrt(x * (x > 0)))", [0, 0, 1, 0.5**0.5, 0.5 / 3**0.5]),
    ("sum(arcsin(clip(x, -1, 1)))", [0, 0.4375**-0.5, 0.9375**-0.5, 0.75**-0.5, 0]),
    ("sum(-arccos(minimum(maximum(x, -1), 1)))", [0, 0.4375**-0.5, 0.9375**-0.5, 0.75**-0.5, 0]),
    ("sum(arccos(minimum(exp(x), 1)))", [*(-np.exp(AROUND[:2]) / np.sqrt(1 - np.exp(2 * AROUND[:2]))), 0, 0, 0]),
    ("sum(where(x > 0, log(relu(x)), 0))", [0, 0, 4, 2, 1 / 3]),
    ("sqrt(sum(relu(x - 3.5)**2)) + sum(x)", [1, 1, 1, 1, 1]),
])  # fmt: skip
def test_what_is_left_out_is_zero(text: str, expected: list[float]) -> None:
    for level in (0, 1, 2):
        np.testing.assert_allclose(_gradient(f"input x[N]\nL = {text}", level), expected, rtol=1e-12)


@pytest.mark.parametrize("text", [
    "sum(sqrt(relu(x) + 1e-8))",
    "sum(sqrt(maximum(x, 1e-8)))",
    "sum(log(1 + relu(x)))",
    "sum(relu(x)**2)",
    "sum(sqrt(square(relu(x)) + exp(x)))",
    "sum(relu(x) / (1 + abs(x)))",
    "sum(exp(relu(x)) / sum(exp(relu(x))))",
])  # fmt: skip
def test_a_mask_multiplies_what_is_finite(text: str) -> None:
    text = f"input x[N]\nL = {text}"
    assert not _chooses(text)
    hold(text, {"x": AROUND})


def test_behind_a_product_of_matrices_rows_are_zero_by_accident_only() -> None:
    text = "input X[N, D], W[D, K], t[N, K]\nL = sqrt(mean((relu(X) @ W - t)**2))"
    assert not _chooses(text)


def test_two_masks_are_one() -> None:
    [line] = [line for line in body("input x[N]\nL = sum(arccos(clip(x, -1, 1)))", "backward") if "np.where" in line]
    assert line.count("np.where") == 1


def test_second_derivatives() -> None:
    text = "input x[N]\ng = grad(sum(sqrt(relu(x))), x)\nL = sum(g**2)"
    for level in (0, 1, 2):
        np.testing.assert_allclose(_gradient(text, level), [0, 0, -4, -1, -1 / 36], rtol=1e-12)
