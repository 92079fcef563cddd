"""Columns beside few entries are written out along their rows, and the numbers are the same with few and with many."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

SOFTMAX = "input X[N, D]\nparam W[D, C]\nS = X @ W\nP = softmax(S) * S\nL = sum(P * P)"
TWO_IN_TURN = """input X[N, D]
param g[D], h[N]
m = mean(X * g, axis=1, keepdims=true)
A = X - m
q = mean(A * A, axis=1, keepdims=true) + 1
B = A / q
D1 = B * m + A * expand_dims(h, 1)
L = sum(sin(D1) * q)
"""


def body_of(text: str) -> str:
    source = graphc.compile(text, level=2, verify=False)
    return source[source.index("def value_and_grad") : source.index("class Workspace")]


def test_a_column_is_written_out_beside_rows() -> None:
    body = body_of(SOFTMAX)
    assert "max_S_wide[...] = max_S" in body and "np.subtract(S_rows, max_S_wide, " in body


@pytest.mark.parametrize("text", [
    "input X[N, 1]\nparam w[N]\nL = sum(exp(X - mean(X * X, axis=1, keepdims=true)) * expand_dims(w, 1))",  # as narrow
    "input X[N, H]\nparam d[N], v[H]\nL = sum(exp(expand_dims(exp(d), 1) * v))",  # a product of matrices
])  # fmt: skip
def test_what_needs_no_writing_out(text: str) -> None:
    assert "_wide[" not in body_of(text)


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (1, 1, 7), (2000, 2, 3), (70, 3, 90), (0, 3, 2)])
def test_the_numbers_of_a_softmax(shape: tuple[int, int, int], tile: str) -> None:
    """Of 4096 entries and of more."""
    rows, inner, width = shape
    fast = module_from(graphc.compile(SOFTMAX, level=2, verify=False).replace("131072", tile), "wide.g")
    agree_in_a_workspace(fast, compiled(SOFTMAX, 0), {"X": array(rows, inner), "W": array(inner, width)})


@pytest.mark.parametrize("tile", ["131072", "64"])
@pytest.mark.parametrize("shape", [(6, 5), (6, 1), (900, 5)])
def test_columns_whose_arrays_are_written_again(shape: tuple[int, int], tile: str) -> None:
    rows, width = shape
    fast = module_from(graphc.compile(TWO_IN_TURN, level=2, verify=False).replace("131072", tile), "wide.g")
    given = {"X": array(rows, width), "g": array(width), "h": array(rows)}
    agree_in_a_workspace(fast, compiled(TWO_IN_TURN, 0), given)


@pytest.mark.parametrize("count, width, few", [(5, 3, True), (4096, 1, False), (1365, 3, True), (1366, 3, False)])
def test_the_memory_decides(count: int, width: int, few: bool) -> None:
    column = np.empty((count, 1))
    wide = compiled(SOFTMAX, 2).widened(column, width)
    assert (wide is not column) == few and wide.shape == (count, width if few else 1)
