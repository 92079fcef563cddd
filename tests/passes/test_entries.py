"""Arrays that are zero but for some entries are never made: by the entries that are filled."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.pipeline import optimise
from ops.programs import array, body, compiled, hold
from passes.operations import apart, counted, entries, simplified

LABELS = np.array([2, 0, 2, 1])


@pytest.mark.parametrize("text", [
    "param S[N, C]\ninput y[N]: int\nL = -sum(log(softmax(S)[arange(N), y]))",
    "param S[N, C]\ninput y[N]: int\nL = -sum(one_hot(y, C) * log_softmax(S))",
])  # fmt: skip
def test_a_loss_at_labels_takes_logarithms_of_entries_only(text: str) -> None:
    before, after = apart(text), simplified(text)
    assert entries(after, "log") <= 64 < 64 * 64 <= entries(before, "log", "one_hot", "scatter")
    assert counted(after)["scatter"] == 0
    hold(text, {"S": array(4, 3), "y": LABELS})


def test_a_row_of_one_hot_sums_to_1() -> None:
    after = simplified("param S[N, C]\ninput y[N]: int\nL = sum(sum(one_hot(y, C), axis=-1) * sum(S * S, axis=1))")
    assert counted(after)["one_hot"] == 0


def test_a_function_of_all_entries_that_is_needed_stays() -> None:
    text = "param S[N, C]\ninput y[N]: int\nT = exp(S)\nL = sum(T[arange(N), y]) + sum(T * T)"
    assert counted(simplified(text))["exp"] == 1
    hold(text, {"S": array(4, 3), "y": LABELS})


# ---------------------------------------------------------------- a label per row

PICKED = "input X[N, D], y[N]: int, r[N]\nparam W[D, C]\n"
GIVEN = {"X": array(4, 3), "y": LABELS, "r": array(4), "W": array(3, 3)}


@pytest.mark.parametrize("loss", [
    "sum(take_along_axis(log_softmax(X@W), y[:, None], axis=1)[:, 0] * r)",
    "sum(take_along_axis(X@W, y[:, None], axis=-1) * r[:, None])",
    "sum(sum(one_hot(y, C) * log_softmax(X@W), axis=1) * r)",
    "sum((r - take_along_axis(X@W, expand_dims(y, axis=1), axis=1)[:, 0])**2)",
])  # fmt: skip
def test_a_label_per_row_takes_no_rows_of_one_hot(loss: str) -> None:
    text = f"{PICKED}L = {loss}"
    found = counted(optimise(graphc.differentiate(graphc.parse(text)), 1))
    assert not (found["take_along_axis"] or found["scatter_along_axis"] or found["one_hot"]), found
    hold(text, GIVEN, levels=(0, 1, 2))
    hold(text, {**GIVEN, "y": np.array([-1, 0, 2, -3])}, levels=(0, 1, 2))


@pytest.mark.parametrize("loss", [
    "sum(take_along_axis(X@W, y[:, None], axis=0) * r[:, None])",
    "sum(take_along_axis(X@W, stack([y, y], axis=1), axis=1) * r[:, None])",
    "sum(take_along_axis(X@W, y[:1, None], axis=1))",
    "sum(one_hot(y, C) * (X@W) * r[:, None])",
    "sum((one_hot(y, C) * r[:, None]) @ W.T) + sum(W)",
    "sum(one_hot(y, 4) * r[3])",
])  # fmt: skip
def test_other_shapes_of_indices(loss: str) -> None:
    hold(f"{PICKED}L = {loss} + sum(W)", GIVEN, levels=(0, 1, 2))


def test_the_sum_of_rows_with_one_entry_each_is_these() -> None:
    """The gradient of a log softmax at labels adds up no zeros."""
    after = simplified(f"{PICKED}L = sum(log_softmax(X@W)[arange(N), y] * r)")
    assert sum(node.op == "sum" and after[node.operands[0]].op == "scatter" for node in after) == 0
    hold(f"{PICKED}L = sum(log_softmax(X@W)[arange(N), y] * r)", GIVEN, levels=(0, 1, 2))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_labels_out_of_range_are_refused(level: int) -> None:
    module = compiled(f"{PICKED}L = sum(take_along_axis(X@W, y[:, None], axis=1))", level)
    with pytest.raises(ValueError, match="argument y must hold integers from -3 to 2, not 3"):
        module.forward(**{**GIVEN, "y": np.array([0, 1, 3, 0])})


@pytest.mark.parametrize("classes", ["C", "10"])
def test_the_logarithm_of_the_picked_probability_is_as_a_cross_entropy(classes: str) -> None:
    """Also where the number of the classes is written out."""
    text = f"input y[N]: int\nparam s[N, {classes}]\np = softmax(s)\nL = -mean(log(p[arange(N), y]))"
    found = body(text, "backward")
    assert "ds = p.copy()" in found and "ds[np.arange(N), y] -= 1" in found, found


# ---------------------------------------------------------------- what is 0, or as small as what divides it

P_WITH_ZERO = np.array([[0, 0.2, 0.8], [0.3, 0.3, 0.4]])


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_label_of_probability_0_spoils_no_other_entry_of_its_row(level: int) -> None:
    """A quotient at the labels alone was 0 / 0, and all of the row not a number."""
    text = "param P[N, C]\ninput y[N]: int\nL = nll(log(P / sum(P, axis=1, keepdims=true)), y)"
    grads = compiled(text, level).value_and_grad(P_WITH_ZERO, np.array([0, 1]))[1]
    if level:
        assert np.array_equal(grads["P"][0], [-np.inf, 1, 1])
    assert np.allclose(grads["P"][1], [1, 1 - 1 / 0.3, 1])


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_zero_by_zero_beside_the_labels_is_what_numpy_says(level: int) -> None:
    module = compiled("param P[N, C]\ninput y[N]: int\nL = sum(one_hot(y, C) * 2 / P)", level)
    assert np.isnan(module.forward(P_WITH_ZERO, np.array([1, 1]))[0])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_program_that_divides_small_by_small_does_so(level: int) -> None:
    text = (
        "input a[N]: float32, z[N]: float32, W[N, C]: float32, y[N]: int\n"
        "Y = a[:, None] / z[:, None] * W - one_hot(y, C) * a[:, None]"
    )
    small, wide = np.array([1e-30, 1], np.float32), np.full((2, 3), 6e20, np.float32)
    Y = compiled(text, level).forward(small, small, wide, np.array([0, 1]))[0]
    assert np.allclose(Y, 6e20, rtol=1e-6)
