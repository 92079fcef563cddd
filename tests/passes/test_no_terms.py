"""Divisors that are 0 where a sum has no terms do not stand behind it: of no terms everything is as without passes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import body

ROWS = "param X[N, K], s[N, 1]\nA = X / ({} * s)\nL = sum(sin(A)) + sum(s)"
VANISHING = [
    "sum(X, axis=1, keepdims=true)", "norm(X, axis=1, keepdims=true)", "sqrt(sum(X**2, axis=1, keepdims=true))",
]  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (2, 3)])
@pytest.mark.parametrize("divisor", [*VANISHING, "sqrt(sum(X**2, axis=1, keepdims=true) + 1)"])
def test_gradients_of_no_terms(divisor: str, shape: tuple[int, int]) -> None:
    hold_alike(ROWS.format(divisor), {"X": np.full(shape, 0.5), "s": np.ones((shape[0], 1))})


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (2, 3)])
def test_gradients_where_the_divisor_is_a_number(shape: tuple[int, int]) -> None:
    hold_alike("param X[N, K], t[]\nA = X / (sum(X)*t)\nL = sum(sin(A)) + t", {"X": np.ones(shape), "t": np.array(2.0)})


def hold_alike(text: str, arguments: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        _, wanted = graphc.load(text, level=0, verify=False).value_and_grad(**arguments)
        for level in (1, 2):
            _, have = graphc.load(text, level=level, verify=False).value_and_grad(**arguments)
            for name, gradient in wanted.items():
                np.testing.assert_allclose(have[name], gradient, rtol=1e-12, atol=1e-14)


def divides_inside(text: str) -> bool:
    """Whether what is summed in backward is divided first."""
    return any(re.search(r"\(dA \* A / \w+\)\.sum\(", line) for line in body(text, "backward"))


def test_which_divisors_stand_behind_the_sum() -> None:
    assert all(divides_inside(ROWS.format(divisor)) for divisor in VANISHING)
    for divisor in ("sqrt(sum(X**2, axis=1, keepdims=true) + 1)", "exp(sum(X, axis=1, keepdims=true))"):
        assert not divides_inside(ROWS.format(divisor))
    for divisor in VANISHING:  # of three terms there are never none
        assert not divides_inside(ROWS.replace("N, K", "N, 3").format(divisor))


@pytest.mark.parametrize("divisor", VANISHING)
def test_a_sum_by_itself_stands_behind_unless_it_has_a_name(divisor: str) -> None:
    alone, named = f"A = X / {divisor}\nL = sum(sin(A))", f"n = {divisor}\nA = X / n\nL = sum(sin(A))"
    assert not divides_inside(f"param X[N, K]\n{alone}") and divides_inside(f"param X[N, K]\n{named}")
    hold_alike(f"param X[N, K]\n{alone}", {"X": np.ones((2, 0))})
    for level in (0, 1, 2):
        module = graphc.load(f"input X[N, K]\n{named}", level=level, wrt=["n"], verify=False)
        with np.errstate(all="ignore"):
            assert not module.value_and_grad(np.ones((2, 0)))[1]["n"].any()
