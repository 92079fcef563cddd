"""Axes merged before what goes along the last one: what follows, what stays, and that the numbers are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.passes.flat_rows import merge_rows_first

HEAD = "input X[T, N, D], y[T, N]: int\nparam W[D, D], U[D, V], c[V], s[]\nH = exp(X@W) * X\n"
LOSSES = {
    "scores": "S = H@U + c\nL = softmax_ce(S, y)",
    "chain": "S = s * tanh(H@U + c) - s\nL = svm_loss(S, y)",
    "used": "S = H@U + c\nL = softmax_ce(S, y) + sum(S)",
    "table": "S = H@U + X[:, :, 0:1]\nL = softmax_ce(S, y)",
    "twice": "L = softmax_ce(H@W * H, y)",
}


def widest(text: str) -> int:
    """Of how many axes the first product that the scores are made of is."""
    graph = merge_rows_first(graphc.parse(text))
    (scores,) = [graph[node.operands[0]] for node in graph if node.op in ("cross_entropy_labels", "margins")]
    while scores.op not in ("matmul", "reshape"):
        scores = graph[next(u for u in scores.operands if graph[u].type.rank == scores.type.rank)]
    return len((graph[scores.operands[0]] if scores.op == "reshape" else scores).type.dims)


@pytest.mark.parametrize(("name", "rank"), [("scores", 2), ("used", 3), ("table", 3), ("twice", 3)])
def test_what_lies_between_is_of_matrices_unless_something_else_needs_it(name: str, rank: int) -> None:
    assert widest(HEAD + LOSSES[name]) == rank


def test_what_a_gradient_is_wanted_of_stays() -> None:
    graph = graphc.parse(HEAD + LOSSES["scores"])
    assert merge_rows_first(graph) is not graph
    assert merge_rows_first(graph, {"S"}) is graph


@pytest.mark.parametrize("text", LOSSES.values(), ids=LOSSES)
def test_the_numbers_are_the_same(text: str) -> None:
    rng = np.random.default_rng(0)
    sizes: dict[str, tuple[int, ...]] = {"X": (2, 3, 4), "W": (4, 4), "U": (4, 5), "c": (5,), "s": ()}
    given: dict[str, Any] = {name: rng.standard_normal(shape) for name, shape in sizes.items()}
    given["y"] = rng.integers(0, 4, (2, 3))
    net, fast = (graphc.load(HEAD + text, level=level, wrt=["W", "c", "U"]) for level in (1, 2))
    given = {name: np.asarray(given[name]) for name in (*net.INPUTS, *net.PARAMETERS)}
    value, grads = net.value_and_grad(**given)
    for workspace in (None, fast.Workspace(**given)):
        again, others = fast.value_and_grad(**given, workspace=workspace)
        np.testing.assert_allclose(again, value, rtol=1e-12)
        for name, grad in grads.items():
            np.testing.assert_allclose(others[name], grad, rtol=1e-10, atol=1e-12)


def test_a_value_that_equals_another_one_has_the_gradient_of_its_own_uses() -> None:
    text = HEAD + "Q = tanh(X)\nL = softmax_ce(sin(X)@W@U + c, y) + sum(tanh(X)**2) + sum(Q) + s"
    rng = np.random.default_rng(0)
    sizes = {"X": (2, 3, 4), "W": (4, 4), "U": (4, 5), "c": (5,), "s": ()}
    given: dict[str, Any] = {name: np.asarray(rng.standard_normal(shape)) for name, shape in sizes.items()}
    given["y"] = rng.integers(0, 4, (2, 3))
    fast = graphc.load(text, level=2, wrt=["Q"], verify=False)
    np.testing.assert_array_equal(fast.value_and_grad(**given)[1]["Q"], np.ones((2, 3, 4)))
