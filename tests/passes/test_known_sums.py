"""What rows of smoothed labels sum up to is a number: nothing is added up, and the softmax is not multiplied by it."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, compiled, hold
from passes.operations import counted, simplified

LABELS = np.array([2, 0, 2, -1])
LOSS = "param S[N, C]\ninput y[N]: int\nT = 0.9 * one_hot(y, C) + 0.1 / C\nL = softmax_ce(S, T)"


def test_a_row_of_one_hot_sums_to_1() -> None:
    after = simplified("param S[N, C]\ninput y[N]: int\nL = sum(sum(one_hot(y, C), axis=-1) * sum(S * S, axis=1))")
    assert counted(after)["one_hot"] == 0


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_gradient_of_smoothed_labels_needs_no_sum_of_them(level: int) -> None:
    found = "\n".join(body(LOSS, "forward", level) + body(LOSS, "backward", level))
    assert ("T.sum(" in found) == (level == 0)
    hold(LOSS, {"S": array(4, 3), "y": LABELS}, levels=(level,))
    hold(LOSS, {"S": array(1, 1), "y": np.zeros(1, int)}, levels=(level,))


@pytest.mark.parametrize("rows", [
    "one_hot(y, C)", "-one_hot(y, C)", "2 * one_hot(y, C) - 0.5", "0.5 - one_hot(y, C) / 4", "(one_hot(y, C) + t) * t",
    "1 - (1 - one_hot(y, C)) * 0.5", "3 * one_hot(y, C) - (1 - one_hot(y, C))", "one_hot(y, C) * v",
    "v - one_hot(y, C)",
])  # fmt: skip
@pytest.mark.parametrize("axis", ["axis=1", "axis=1, keepdims=true", "axis=0", "axis=none"])
def test_sums_are_those_of_the_literal_program(rows: str, axis: str) -> None:
    """Of rows that are scaled and shifted by numbers; others, and sums over columns, are what they were."""
    text = f"param t[], v[C]\ninput y[N]: int\ns = sum({rows}, {axis})\nL = sum(s * s) + t + sum(v)"
    for given in (
        {"t": np.array(0.7), "v": array(3), "y": LABELS},
        {"t": np.array(0.7), "v": array(4), "y": np.array([1, 1, 3, 0])},
        {"t": np.array(0.7), "v": array(1), "y": np.zeros(1, int)},
    ):
        hold(text, given, levels=(0, 1, 2))
        literal = compiled(text, 0).value_and_grad(**given)
        for level in (1, 2):
            found = compiled(text, level).value_and_grad(**given)
            np.testing.assert_allclose(found[0], literal[0], rtol=1e-12)
            for name, gradient in literal[1].items():
                np.testing.assert_allclose(found[1][name], gradient, rtol=1e-12, atol=1e-12)


def test_of_no_samples_there_is_nothing_to_sum() -> None:
    for level in (0, 1, 2):
        value, gradients = compiled(LOSS, level).value_and_grad(np.zeros((0, 3)), np.zeros(0, int))
        assert value == 0 and gradients["S"].shape == (0, 3)


def test_an_undeclared_factor_is_no_number() -> None:
    """It may be a row, which weighs the labels."""
    text = "param S[N, C]\ninput y[N]: int\nL = sum(sum(one_hot(y, C) * a, axis=1) * sum(S, axis=1))"
    for shape in ((), (3,), (1,), (4, 1)):
        hold(text, {"S": array(4, 3), "y": LABELS, "a": array(*shape)}, levels=(0, 1, 2))


@pytest.mark.parametrize("rows", ["one_hot(y - 5, 3)", "0.9 * one_hot(y - 5, 3) + 0.1"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_computed_labels_are_still_checked(rows: str, level: int) -> None:
    text = f"param S[N, 3]\ninput y[N]: int\nu = sum({rows}, axis=-1)\nL = sum(u * sum(S, axis=1))"
    module = graphc.load(text, level=level)
    with pytest.raises(ValueError, match="from -3 to 2"):
        module.forward(S=np.ones((2, 3)), y=np.array([0, 1]))
