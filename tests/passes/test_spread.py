"""Operands that are spread over a tile, so that NumPy goes through arrays of one shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from counting import entrywise_calls

NET = """
input X[N, D], y[N]: int
param W[D, C], b[C]
L = softmax_ce(tanh(X@W + b) * b, y, reduction="mean")
"""


def drawn(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"X": (rows, 5), "W": (5, 4), "b": (4,)}
    return {"y": rng.integers(0, 4, rows), **{name: rng.standard_normal(shape) for name, shape in shapes.items()}}


def repeated(calls: list[tuple[str, list[tuple[int, ...]]]], rows: int) -> list[str]:
    """The calls in which an array of many rows meets one that repeats its only row, or a number."""
    return [name for name, shapes in calls if len(shapes) == 2 and (rows,) in [s[:1] for s in shapes]
            and any(s[:1] != (rows,) for s in shapes)]  # fmt: skip


def test_vectors_and_numbers_meet_rows_of_their_own_shape() -> None:
    net = graphc.load(NET, level=2)
    given = drawn(30)
    workspace = net.Workspace(**given)
    calls = entrywise_calls(net, lambda: net.value_and_grad(**given, workspace=workspace))
    # What is left is the 1 of tanh' = 1 - y²: a number that stands in the text is read more easily there.
    assert repeated(calls, 30) == ["subtract"]


def test_a_vector_is_copied_once_a_call() -> None:
    rows = 3000
    text = graphc.compile(NET, level=2).replace("TILE = 131072", "TILE = 4096")
    body = text[text.index("def value_and_grad(") : text.index("class Workspace")]
    assert body.count("b_spread[...] = b\n") == 1
    net = graphc.load(NET, level=2)
    net.TILE = 4096  # type: ignore[attr-defined]
    given = drawn(rows)
    have = net.value_and_grad(**given, workspace=net.Workspace(**given))
    want = graphc.load(NET).value_and_grad(**given)
    assert abs(have[0] - want[0]) <= 1e-12
    for name, gradient in want[1].items():
        assert np.abs(have[1][name] - gradient).max() <= 1e-12


@pytest.mark.parametrize("rows", [1, 65, 300])
def test_the_copy_is_of_this_call(rows: int) -> None:
    net, plain = graphc.load(NET, level=2), graphc.load(NET)
    given = drawn(rows)
    workspace = net.Workspace(**given)
    for k in range(3):
        given["b"] = given["b"] + k
        have, want = net.value_and_grad(**given, workspace=workspace), plain.value_and_grad(**given)
        assert abs(have[0] - want[0]) <= 1e-12 * abs(want[0])


def test_integers_and_what_has_no_rank_stay() -> None:
    net = graphc.load("param X[N, D]\ninput k[D]: int\nZ = exp(X) * k\nL = sum(Z * tanh(Z))", level=2)
    given = {"X": np.ones((100, 3)), "k": np.array([1, 2, 3])}
    value, _ = net.value_and_grad(**given, workspace=net.Workspace(**given))
    z = np.exp(1) * np.array([1, 2, 3])
    assert abs(value - 100 * (z * np.tanh(z)).sum()) <= 1e-9
