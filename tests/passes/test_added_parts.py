"""What is added to some entries of an array is added there: in which sums, in how many arrays, the right numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from graphc.passes.joint import fuse
from graphc.pipeline import optimise
from ops.programs import array, compiled

VARIATION = """input Y[H, W]
param X[H, W]
L = sum((X - Y)**2) + sum(abs(X[1:] - X[:-1])) + sum(abs(X[:, 1:] - X[:, :-1]))
"""
# Each label has a gradient of its own in the scores, as all other classes have.
HINGE = """input X[N, D], y[N]: int
param W[D, C]
S = X @ W
L = sum(relu(S - expand_dims(S[arange(N), y], 1) + 1))
"""
SERIES = "param x[n]\nL = sum((x[2:] - 2*x[1:-1] + x[:-2])**2) + sum(exp(x))"
SUBTRACTED = "param X[N, D]\nL = sum(exp(X)) - sum(sin(X[:, 1:]))"
PROGRAMS = {"variation": VARIATION, "hinge": HINGE, "series": SERIES, "subtracted": SUBTRACTED}
GIVEN = {
    "variation": {"X": array(7, 5), "Y": array(7, 5, seed=1)},
    "hinge": {"X": array(7, 3), "W": array(3, 4), "y": np.array([0, 3, 1, -1 % 4, 2, 2, 0])},
    "series": {"x": array(9)},
    "subtracted": {"X": array(7, 5)},
}


def operations(text: str) -> list[str]:
    """The operations in the joint graph of -O2."""
    return [node.op for node in fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))]


def function(text: str) -> str:
    source = graphc.compile(text, level=2, verify=False)
    return source[source.index("def value_and_grad") :].partition("\ndef memory_of")[0]


@pytest.mark.parametrize(("name", "count"), [("variation", 4), ("hinge", 1), ("series", 3), ("subtracted", 1)])
def test_no_array_is_zero_but_for_a_part(name: str, count: int) -> None:
    found = operations(PROGRAMS[name])
    assert found.count("add_part") == count and "unslice" not in found and "scatter" not in found
    assert ".fill(0)" not in function(PROGRAMS[name]).replace("dW.fill(0)", "")


def test_one_difference_is_added_and_subtracted() -> None:
    """The sign is that of the statement: nothing is an array with the other sign."""
    text = function(VARIATION)
    assert "np.negative(" not in text
    assert len(re.findall(r"\[:, :-1\] -= (\w+) .*\n.*\[:, 1:\] \+= \1 ", text)) == 1
    assert len(re.findall(r"\[:-1\] -= (\w+) .*\n.*\[1:\] \+= \1 ", text)) == 1


def test_columns_are_added_in_the_loop_that_makes_them() -> None:
    assert re.search(r"^        \w+\[:, :-1\] -= ", function(VARIATION), re.MULTILINE)


def test_labels_are_added_where_the_scores_gradient_is() -> None:
    text = function(HINGE)
    assert text.count("np.subtract.at(dS.reshape(-1), places, ") == 1 and "np.negative(" not in text
    assert "dS = relu - 0[i, yᵢ ← relu 1]" in text
    assert text.count("np.right_shift(y, ") == 1  # where the labels are is known from their scores


@pytest.mark.parametrize("text", [
    "param X[N, D]\nL = sum(sin(X[1:]))",  # no array that it could be added to
    "param X[N, D]; input i[M]: int\nL = sum(sin(X[i, 0:1])) + sum(exp(X))",  # entries that occur several times
])  # fmt: skip
def test_what_stays(text: str) -> None:
    assert "add_part" not in operations(text)


def test_a_part_that_is_needed_itself_stays() -> None:
    text = "param X[N, D]\nL = sum(sin(X[1:])) + sum(exp(X))\ng = grad(sum(sin(X[1:])), X)\noutput L, g\nloss L"
    assert "unslice" in operations(text)


@pytest.mark.parametrize("tile", ["131072", "80", "1"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_numbers_are_those_of_the_literal_derivation(name: str, tile: str) -> None:
    source = graphc.compile(PROGRAMS[name], level=2, verify=False)
    fast = module_from(source.replace("TILE = 131072", f"TILE = {tile}"), "parts.g")
    agree_in_a_workspace(fast, compiled(PROGRAMS[name], 0), GIVEN[name])


@pytest.mark.parametrize("rows", [1, 2])
def test_a_part_may_be_empty(rows: int) -> None:
    given = {key: value[:rows] for key, value in GIVEN["variation"].items()}
    agree_in_a_workspace(compiled(VARIATION, 2), compiled(VARIATION, 0), given)
