"""Sums over products: which products of matrices are left, where they stay, and the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.summed_products import sum_products
from graphc.pipeline import optimise
from ops.programs import array, compiled, hold_in_workspace
from passes.operations import counted, entries

DECLARED = "input X[N, D], P[N, M], Q[N, M], c[N], r[M]\nparam V[D, K], w[]\n"


def graphs(text: str) -> tuple[Graph, Graph]:
    before = optimise(graphc.differentiate(graphc.parse(DECLARED + text), wrt=["w"]), 2)
    return before, sum_products(before)


@pytest.mark.parametrize("text", ["sum(X @ V, axis=1)", "sum(X @ V, axis=1, keepdims=true)", "sum(P.T @ X, axis=0)"])
def test_no_matrix_that_is_only_summed_up(text: str) -> None:
    before, after = graphs(f"L = w * sum(sin({text}))")
    assert entries(after, "matmul") < entries(before, "matmul") / 4
    assert counted(after)["sum"] == counted(before)["sum"]


@pytest.mark.parametrize(("text", "left"), [
    ("P * r", 0), ("r * P", 0), ("P * c[:, None] * r", 0), ("outer(c, r) * P * Q", 1), ("P * (Q * r) * c[:, None]", 1),
    ("exp(P) * r[None, :]", 0),
])  # fmt: skip
def test_a_vector_is_multiplied_and_summed_up_at_once(text: str, left: int) -> None:
    _, after = graphs(f"L = w * sum({text})")
    found = counted(after)
    assert found["matmul"] == 1 and found["outer"] == 0
    assert sum(node.op == "multiply" and node.type.rank == 2 for node in after) == left


@pytest.mark.parametrize("text", [
    "Y = X @ V\nL = w * sum(sin(sum(Y, axis=1)))",  # the program's own name
    "L = w * (sum(sin(sum(X @ V, axis=1))) + sum(cos(X @ V)))",  # needed anyway
    "L = w * sum(sin(sum(sin(X @ V), axis=1)))",
    "Y = P * r\nL = w * sum(Y) * norm(Y)",
    "L = w * sum(P * Q * r)",  # multiplied, and then a product of all entries: as many passes
    "L = w * sum(P * Q)", "L = w * sum(outer(c, r))", "L = w * sum(P * c[:, None])",
    "L = w * sum((P > 0) * r)",  # of truth values there is no fast product
    "L = w * sum(sin(sum(P * r, axis=1)))",
])  # fmt: skip
def test_what_stays(text: str) -> None:
    before, after = graphs(text)
    assert counted(after) == counted(before)


def test_a_sum_without_terms_stays_0() -> None:
    """Of no columns the quotient is infinite, and its product with their sum would be nan."""
    text = "input X[N, D], Z[N, K]\nparam V[D, K]\nA = X / sum(Z, axis=1, keepdims=true)\n"
    net = compiled(f"{text}L = sum(sin(sum(A @ V, axis=1)))", 2)
    given = {"X": np.ones((3, 2)), "Z": np.ones((3, 0)), "V": np.ones((2, 0))}
    with np.errstate(all="ignore"):
        value, gradients = net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert value == 0 and gradients["V"].shape == (2, 0)


NUMBERS = [
    "s = sum((X @ V)**2, axis=1) - sum(X**2 @ V**2, axis=1)\nL = sum(sin(s))",
    "K_ = exp(-w * (P - Q)**2)\nL = sum((K_ @ r - c)**2)",
    "L = sum(tanh(w * P) * r * c[:, None]) + sum(sum(P.T @ X @ V, axis=0)**3)",
]


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("sizes", [(40, 5, 7, 3), (1, 5, 1, 1), (3, 1, 1, 2), (0, 2, 3, 2), (3, 0, 0, 0), (2, 3, 2, 0)])
def test_the_numbers_are_the_same(text: str, sizes: tuple[int, ...]) -> None:
    N, D, M, K = sizes
    shapes = {"X": (N, D), "P": (N, M), "Q": (N, M), "c": (N,), "r": (M,), "V": (D, K), "w": ()}
    fast, literal = compiled(DECLARED + text, 2), compiled(DECLARED + text, 0)
    given = {name: array(*shape, seed=n) for n, (name, shape) in enumerate(shapes.items())}
    hold_in_workspace(fast, literal, given, 1e-11)
