"""The largest and smallest numbers of rows: of many narrow ones by their places, and as NumPy's `reduceat` says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

EXTREMES = "input X[N, C]\nparam w[C]\nS = X * w\nm = max(S, axis=1)\nk = min(S, axis=1)\nL = sum(m * m) + sum(sin(k))"


def reduction(ufunc: np.ufunc, starts: Any, width: int) -> Any:
    return compiled(EXTREMES, 2).reduction_of_rows(ufunc, starts, width)


@pytest.mark.parametrize("rows, width", [(64, 2), (200, 10), (3000, 16), (63, 10), (200, 1), (200, 17)])
@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_reduceat(ufunc: np.ufunc, dtype: type, rows: int, width: int) -> None:
    """nan in a row, infinities, ties and zeros among the numbers; a shorter tile behind longer ones."""
    rng = np.random.default_rng(rows + width)
    X = rng.integers(-2, 3, (rows, width)).astype(dtype) * rng.choice([-1.0, 0.5], (rows, width)).astype(dtype)
    X[rng.random(X.shape) < 0.05] = np.nan
    X[rng.random(X.shape) < 0.05] = np.inf
    X[rng.random(X.shape) < 0.05] = -np.inf
    starts, out = np.arange(rows) * width, np.full(rows, 9, dtype)
    reduce = reduction(ufunc, starts, width)
    by_places = rows >= 64 and 1 < width <= 16
    assert isinstance(reduce, type(np.maximum.reduceat)) != by_places
    for count in (rows, rows - 7):
        part = X[:count].reshape(-1)
        reduce(part, starts[:count], 0, None, out[:count])
        assert np.array_equal(out[:count], ufunc.reduceat(part, starts[:count]), equal_nan=True)


@pytest.mark.parametrize("tile", ["131072", "4096"])
@pytest.mark.parametrize("rows, width", [(5, 3), (300, 3), (300, 40), (300, 1)])
def test_the_gradients_are_shared_among_ties(rows: int, width: int, tile: str) -> None:
    fast = module_from(graphc.compile(EXTREMES, level=2, verify=False).replace("131072", tile), "rows.g")
    given = {"X": np.round(array(rows, width) * 2), "w": np.ones(width)}
    agree_in_a_workspace(fast, compiled(EXTREMES, 0), given)


def test_of_several_axes() -> None:
    text = "input X[B, T, 4]\nparam w[4]\nS = X * w\nL = sum(softmax(S) * S) + sum(min(S, axis=2)**2)"
    fast = compiled(text, 2)
    agree_in_a_workspace(fast, compiled(text, 0), {"X": array(40, 5, 4), "w": array(4)})


@pytest.mark.parametrize("width, named", [("C", True), ("16", True), ("17", False), ("1", False)])
def test_a_known_width_decides_in_the_text(width: str, named: bool) -> None:
    text = f"input X[N, {width}]\nparam w[N]\nm = max(X * expand_dims(w, 1), axis=1)\nL = sum(m * m)"
    assert ("maximum_of_rows(" in graphc.compile(text, level=2, verify=False)) == named
