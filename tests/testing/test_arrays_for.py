"""Hypothesis strategies made from a program's shapes and types."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings

import graphc
from graphc.testing import arrays_for

PROGRAM = """\
input X[N, D], y[N]: int, m[N]: bool
param W[D, C], v[2*D]
L = softmax_ce(X@W, y) + sum(v) + sum(m*X[:, 0])
"""
NET = graphc.load(PROGRAM)


@settings(max_examples=50)
@given(arrays_for(PROGRAM))
def test_arguments_fit_the_program(arguments: dict[str, Any]) -> None:
    N, D = arguments["X"].shape
    assert 1 <= N <= 4
    assert arguments["y"].shape == arguments["m"].shape == (N,)
    assert arguments["v"].shape == (2 * D,)
    assert arguments["y"].dtype.kind == "i"
    assert arguments["m"].dtype == bool
    assert (arguments["y"] < arguments["W"].shape[1]).all()
    value, grads = NET.value_and_grad(**arguments)
    assert np.isfinite(value)
    assert set(grads) == {"W", "v"}


@settings(max_examples=30)
@given(arrays_for("param x[n]\nL = sum(log(x))\n", largest=9))
def test_values_lie_in_the_domain(arguments: dict[str, Any]) -> None:
    assert (arguments["x"] > 0).all()
    assert len(arguments["x"]) <= 9


@settings(max_examples=20)
@given(arrays_for("input x[N, D]\nY = x[:, 3]\n", largest=6, sizes={"N": 2}))
def test_sizes_are_given_or_large_enough(arguments: dict[str, Any]) -> None:
    N, D = arguments["x"].shape
    assert N == 2
    assert D >= 4
