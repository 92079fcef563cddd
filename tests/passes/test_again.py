"""Cheap values computed again in place of arrays that are kept: how many arrays a program keeps, and which not."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned
from graphc.api import module_from
from graphc.ir.graph import Graph
from graphc.passes import joint
from graphc.passes.again import compute_again
from ops.programs import array, compiled
from passes.operations import counted

GELU = "param X[N, D], W[D, H], V[H, C]\nA = gelu(X @ W, approximate=\"tanh\")\nL = sum((A @ V)**2)"
TWICE = """
input X[N, D]
param W[D, H], V[H, C]
Z = X @ W
t = tanh(Z)
u = 1 + t
A = u * Z
L = sum((A @ V)**2)
"""


def graphs(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Graph, Graph]:
    """The graph of values and gradients as the pass meets it, and what it makes of it."""
    with monkeypatch.context() as patch:
        patch.setattr(joint, "compute_again", lambda graph: graph)
        before = Planned(text).graph
    return before, compute_again(before)


def whole(text: str) -> int:
    """How many whole arrays of N rows and H columns a program's memory has."""
    planned = Planned(text)
    nodes = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    return len({planned.plan.array[node.id] for node in nodes if str(node.type) == "(N, H)"})


def test_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = graphs(TWICE, monkeypatch)
    assert counted(after)["add"] == counted(before)["add"] + 1 and counted(after)["tanh"] == 1
    planned = Planned(TWICE)
    assert planned.is_whole("t") and planned.is_whole("Z") and not planned.is_whole("u")


def test_a_gelu_keeps_its_slope() -> None:
    """The slope, and A, whose array dA has: not X @ W, nor the cdf, as what reads X @ W later does so where A is made.
    """
    assert whole(GELU) == 2
    assert whole("input X[N, D]" + GELU.removeprefix("param X[N, D],").replace(" W[D, H]", "\nparam W[D, H]", 1)) == 2


SCALED = """
input X[N, D], r[H]
param W[D, H], g[H], V[H, C]
Z = X @ W
c = Z - mean(Z, axis=0)
q = c / r
L = sum((relu(q * g) @ V)**2) + sum(c**2)
"""
NORM = """
input X[N, D]
param W[D, H], V[H, C]
Z = X @ W
c = Z - mean(Z, axis=0)
q = c / sqrt(mean(c * c, axis=0) + 0.1)
L = sum((relu(q) @ V)**2)
"""


def test_one_array_that_is_kept_is_read_in_the_place_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """c is kept for the gradient of its squares, so q, which is c times a row, need not be."""
    assert whole(SCALED) == 2
    monkeypatch.setattr(joint, "compute_again", lambda graph: graph)
    assert whole(SCALED) == 3


@pytest.mark.parametrize("text", [
    TWICE + "output L, u\nloss L",  # u is a result
    TWICE.replace("1 + t", "exp(t)"),  # what is dear is kept
    TWICE.replace("1 + t", "t + sum(t, axis=1, keepdims=true)"),  # the sum is a column that a tile would have to make
    TWICE + "M = u @ V\noutput L, M\nloss L",  # a product reads all of u
    TWICE.replace("1 + t", "X").replace("D]", "H]").replace("[D, H]", "[H, H]"),  # an argument needs no array
])  # fmt: skip
def test_what_is_kept_anyway_is_not_computed_again(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = graphs(text, monkeypatch)
    assert after is before


def test_no_loop_is_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (GELU, TWICE):
        before, after = graphs(text, monkeypatch)
        assert counted(after)["matmul"] == counted(before)["matmul"]
        with monkeypatch.context() as patch:
            patch.setattr(joint, "compute_again", lambda graph: graph)
            loops = sum(item.rows is not None for item in Planned(text).plan.items)
        assert sum(item.rows is not None for item in Planned(text).plan.items) <= loops


@pytest.mark.parametrize("tile", ["131072", "64"])
@pytest.mark.parametrize("text", [GELU, TWICE, TWICE.replace("1 + t", "(1 + t) * 2 - t"), NORM])
def test_the_numbers_are_the_same(text: str, tile: str) -> None:
    given = {"X": array(70, 3), "W": array(3, 4), "V": array(4, 2)}
    source = graphc.compile(text, level=2, verify=False)
    fast, literal = module_from(source.replace("131072", tile), "again.g"), compiled(text, 0)
    workspace = fast.Workspace(**given)
    want, gradients = literal.value_and_grad(**given)
    for _ in range(2):
        have, found = fast.value_and_grad(**given, workspace=workspace)
        assert abs(have - want) <= 1e-11 * max(1, abs(want))
        assert all(np.abs(found[k] - g).max() <= 1e-11 * max(1, np.abs(g).max()) for k, g in gradients.items())
