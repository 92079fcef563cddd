"""Sigmoids in four passes: which operations are left, and how exact they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import graphc
from counting import entrywise_calls
from graphc.pipeline import optimise

SHORT, LONG = ("minimum", "exp", "divide"), ("abs", "negative", "greater_equal", "maximum")


def operations(text: str, level: int) -> Counter[str]:
    """How often each operation stands in the graph of values and gradients."""
    return Counter(node.op for node in optimise(graphc.differentiate(graphc.parse(text)), level))


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("text", [
    "param Z[N, D]\nL = sum(sigmoid(Z)**2)", "L = sum(sigmoid(Z)**2)", "param z[]\nL = sigmoid(z)",
    "param Z[N, D]\nL = sum(sigmoid(-Z))", "param Z[N, D]\nL = sum(log(sigmoid(-Z)) * sigmoid(-Z))",
    "param Z[N, D]\nL = sum(silu(Z))", "param Z[N, D]\nA = sigmoid(Z)\nL = sum(A)\noutput A, L\nloss L",
])  # fmt: skip
def test_a_sigmoid_passes_four_times_over_its_argument(text: str, level: int) -> None:
    found = operations(text, level)
    assert [found[op] for op in SHORT] == [1, 1, 1]
    assert not any(found[op] for op in LONG if op != "negative" or "-Z" not in text)


@pytest.mark.parametrize(("text", "exponentials"), [
    ("L = sum(softplus(Z))", 1),  # its derivative has the same exponential
    ("L = bce_with_logits(Z, T)", 1),
    ("L = sum(log_sigmoid(Z))", 1),  # and so has that of a logarithm, which is sigmoid(-Z)
    ("L = sum(log_sigmoid(-Z))", 1),
    ("L = sum(softplus(-Z) * T)", 1),
    ("L = sum(sigmoid(Z) * stop_gradient(log_sigmoid(Z)))", 1),
    ("e = exp(-abs(Z))\nL = sum(maximum(Z >= 0, e) / (1 + e))\noutput e, L\nloss L", 1),
    ("L = sum(maximum(Z >= 0, exp(-abs(T))) / (1 + exp(-abs(T))))", 1),
    ("L = sum(maximum(Z >= 1, exp(-abs(Z))) / (1 + exp(-abs(Z))))", 1),
    ("L = sum(maximum(Z >= 0, exp(-abs(Z))) / (2 + exp(-abs(Z))))", 1),
])  # fmt: skip
def test_an_exponential_that_is_of_another_use_or_kind_stays(text: str, exponentials: int) -> None:
    found = operations(f"param Z[N, D]\ninput T[N, D]\n{text}", 1)
    assert found["exp"] == exponentials and found["abs"] == 1 and "80" not in graphc.compile(
        f"param Z[N, D]\ninput T[N, D]\n{text}", verify=False
    ).split("def forward")[1].split("def value_and_grad")[0]


def test_literally_it_stays_as_it_is() -> None:
    assert operations("param Z[N, D]\nL = sum(sigmoid(Z))", 0)["abs"] == 1


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(("dtype", "ends"), [("f", 87.0), ("d", 708.0)])
def test_it_is_exact_from_end_to_end(dtype: str, ends: float, level: int) -> None:
    net = graphc.load("y = sigmoid(x)", level=level, verify=False)
    x = np.concatenate([np.linspace(-ends, ends, 4001), np.linspace(-1, 1, 1001), [36.0, 37.0, 38.0, 79.9, 80.0, 80.1]])
    x = x.astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        y, _ = net.forward(x)
        far, _ = net.forward(np.array([-np.inf, -1000, 1000, np.inf], dtype))
    wide = x.astype(np.longdouble)
    assert np.array_equal(graphc.load("y = sigmoid(-x)", level=level, verify=False).forward(-x)[0], y)
    assert y.dtype == np.dtype(dtype)
    assert np.abs(y / (1 / (1 + np.exp(-wide))) - 1).max() <= 4 * np.finfo(dtype).eps
    assert far.tolist() == [0, 0, 1, 1]
    assert np.isnan(net.forward(np.array([np.nan, 0], dtype))[0]).tolist() == [True, False]


def test_extended_precision_loses_no_digits() -> None:
    """Beside 1 a number that float64 no longer sees is seen there."""
    x = np.linspace(36, 100, 200).astype(np.longdouble)
    y, _ = graphc.load("y = sigmoid(x)", verify=False).forward(x)
    assert y.dtype == x.dtype
    assert np.abs(y - 1 / (1 + np.exp(-x))).max() <= 2 * np.finfo(np.longdouble).eps


def test_half_precision_does_not_overflow() -> None:
    net = graphc.load("y = sigmoid(x)")
    x = np.array([-60000, -20, 0, 8, 20, 60000], "e")
    y, grads = net.value_and_grad(x, cotangents=np.ones(6))
    assert np.abs(y - np.exp(-np.logaddexp(0, -x.astype(float)))).max() <= 1e-6
    assert grads["x"].dtype == x.dtype


def test_the_calls_of_a_layer() -> None:
    net = graphc.load("param W[D, H], b[H]\ninput X[N, D]\nL = sum(sigmoid(X@W + b))")
    given = {"X": np.ones((5, 3)), "W": np.ones((3, 4)), "b": np.ones(4)}
    names = [name for name, _ in entrywise_calls(net, lambda: net.forward(**given))]
    assert names == ["minimum", "exp"], "beside what operators write: 1 + e and the quotient"
