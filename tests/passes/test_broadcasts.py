"""Broadcasts that are not made: no array is filled with what an operation repeats by itself."""

from __future__ import annotations

import pytest

from ops.programs import array, hold
from passes.operations import apart, counted, entries, simplified


@pytest.mark.parametrize("text", [
    "param X[N, D]\nL = sum(X * 3)",
    "param X[N, D]\nL = sum(sum(exp(X), axis=1))",
    "param X[N, D], b[D]\nL = sum(tanh(X + b))",
    "param X[N, D]\nL = mean(X * X)",
])  # fmt: skip
def test_gradients_of_sums_are_not_spread_before_they_are_needed(text: str) -> None:
    """Of a sum the gradient is one number for all entries; at most what is returned is filled with it."""
    before, after = apart(text), simplified(text)
    roots = set(after.gradients.values())
    inside = [node for node in after if node.op == "broadcast_to" and node.id not in roots]
    assert not inside, [str(node) for node in inside]
    assert counted(before)["broadcast_to"] >= 1
    assert entries(after, "broadcast_to") <= entries(before, "broadcast_to")
    hold(text, {"X": array(3, 2)} | ({"b": array(2)} if "b[D]" in text else {}))


def test_what_nothing_else_repeats_is_kept() -> None:
    after = simplified("param x[N]\nY = broadcast_to(x, (3, N))\nL = sum(Y * Y)\noutput Y, L\nloss L")
    assert counted(after)["broadcast_to"] >= 1
