"""Arrays that are zero but for some entries are never made: by the entries that are filled."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, hold
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
