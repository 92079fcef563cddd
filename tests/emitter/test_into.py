"""The forms in which values are written into arrays: sums over leading axes."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

# The gradient of a row that is added to each position of each sequence.
TOKENS = "input X[N, T, D]\nparam W[D, H], b[H]\nL = sum(tanh(X @ W + b)**2)"
# In no loop over tiles: it is kept as a whole, and of rank four.
KEPT = "param X[N, T, K, D], b[D]\nA = sin(X) + b\ns = sum(A, axis=(0, 1, 2))\nL = sum(s * s)\noutput L, A\nloss L"
# A row of positions that all sequences share.
POSITIONS = "input X[N, T, D]\nparam P[T, D]\nL = sum(exp(X + P))"
GIVEN = {"X": array(70, 3, 2), "W": array(2, 4), "b": array(4), "P": array(3, 2)}
SHORT = {"X": array(7, 3, 2, 5), "b": array(5)}


def test_a_sum_over_leading_axes_is_a_product() -> None:
    for text in (TOKENS, KEPT, POSITIONS):
        source = graphc.compile(text, level=2, verify=False)
        function = source[source.index("def value_and_grad") : source.index("class Workspace")]
        assert "np.add.reduce(" not in function and ".dot(" in function


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("rows", "between", "columns"), [(70, 3, 4), (1, 1, 1), (0, 3, 4), (5, 0, 4), (5, 3, 0)])
def test_the_sum_of_each_column_is_right(tile: str, rows: int, between: int, columns: int) -> None:
    source = graphc.compile(TOKENS, level=2, verify=False)
    given = {"X": GIVEN["X"][:rows, :between], "W": GIVEN["W"][:, :columns], "b": GIVEN["b"][:columns]}
    agree_in_a_workspace(module_from(source.replace("131072", tile), "sums.g"), compiled(TOKENS, 0), given)


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("rows", "between", "columns"), [(70, 3, 2), (1, 1, 1), (0, 3, 2), (5, 0, 2), (5, 3, 0)])
def test_the_sum_over_the_first_axis_is_right(tile: str, rows: int, between: int, columns: int) -> None:
    source = graphc.compile(POSITIONS, level=2, verify=False)
    given = {"X": GIVEN["X"][:rows, :between, :columns], "P": GIVEN["P"][:between, :columns]}
    agree_in_a_workspace(module_from(source.replace("131072", tile), "sums.g"), compiled(POSITIONS, 0), given)


@pytest.mark.parametrize("rows", [7, 1, 0])
def test_the_sum_of_an_array_that_is_kept(rows: int) -> None:
    net, literal = (graphc.load(KEPT, level=level, verify=False) for level in (2, 0))
    given = {"X": SHORT["X"][:rows], "b": SHORT["b"]}
    (have, _), gradients = net.value_and_grad(**given, workspace=net.Workspace(**given))
    (want, _), expected = literal.value_and_grad(**given)
    assert abs(have - want) <= 1e-11 * max(1, abs(want))
    for name, gradient in expected.items():
        assert np.abs(gradients[name] - gradient).max(initial=0) <= 1e-11 * max(1, np.abs(gradient).max(initial=0))


CHOICE = "param a[N, D], b[N, D]\ninput {}\nL = sum(where({}, exp(a), {})**2)"


@pytest.mark.parametrize(("declared", "mask", "other", "puts"), [
    ("c[N, D]", "c > 0", "b", 1),  # of floats: one entry says nothing about the next
    ("c[N, D]: bool", "c", "b", 0),  # may be a triangle, which is copied in long pieces
    ("c[D]", "c > 0", "b", 0),  # narrower: it is repeated
    ("c[N, D]", "c > 0", "sum(b, axis=0)", 1),
])  # fmt: skip
def test_what_is_chosen_by_floats_is_put_where_the_mask_is(declared: str, mask: str, other: str, puts: int) -> None:
    text = CHOICE.format(declared, mask, other)
    source = graphc.compile(text, level=2)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    assert (function.count("np.putmask("), function.count("where=")) == (puts, 1 - puts)
    c = array(*((7, 4) if "N" in declared else (4,)))
    given = {"a": array(7, 4, seed=1), "b": array(7, 4, seed=2), "c": c > 0 if "bool" in declared else c}
    for tile in ("131072", "64", "1"):
        agree_in_a_workspace(module_from(source.replace("131072", tile), "choice.g"), compiled(text, 0), given)
