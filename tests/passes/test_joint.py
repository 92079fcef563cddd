"""Values and gradients in one function: with a loss the cotangent is 1, and nothing is multiplied by it."""

from __future__ import annotations

import numpy as np

import graphc
from graphc.passes.joint import fuse
from graphc.passes.partition import partition
from graphc.pipeline import optimise
from ops.programs import array, compiled, hold
from passes.operations import counted

MLP = """
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
H1 = relu(X@W1 + b1)
L = softmax_ce(H1@W2 + b2, y)
"""


def test_of_a_loss_there_is_no_cotangent() -> None:
    graph = optimise(graphc.differentiate(graphc.parse(MLP)), 2)
    fused = fuse(graph)
    assert counted(graph)["seed"] == 1 and graph.cotangents
    assert counted(fused)["seed"] == 0 and not fused.cotangents
    seed = set(graph.cotangents.values())
    assert any(seed & set(node.operands) for node in graph), "what is to be saved is there"
    assert counted(fused)["multiply"] <= counted(graph)["multiply"]


def test_of_outputs_there_is_one_each() -> None:
    text = "param X[N, D]\nA = exp(X)\nB = sum(X * X, axis=1)\noutput A, B"
    fused = fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))
    assert set(fused.cotangents) == {"A", "B"}


def test_nothing_is_computed_twice() -> None:
    """Forward and backward apart compute some values in both; together they do not."""
    graph = optimise(graphc.differentiate(graphc.parse(MLP)), 2)
    split = partition(graph)
    assert len(fuse(graph)) <= len({*split.forward, *split.backward, *(a.node for a in graph.arguments)}) + 2


FACTORS = """
input R[N, M], M[N, M]
param U[N, K], V[M, K]
E = M * (R - U @ V.T)
L = sum(E**2) + 0.1 * (sum(U**2) + sum(V**2))
"""


def test_products_are_subtracted_once_sums_of_them_are_out_of_the_loops() -> None:
    """No array is turned in its sign for the products that it goes into."""
    graph = optimise(graphc.differentiate(graphc.parse(FACTORS)), 2)
    assert counted(graph)["negative"] >= 1 and counted(fuse(graph))["negative"] == 0
    given = {"R": array(5, 4), "M": array(5, 4, seed=1), "U": array(5, 2), "V": array(4, 2, seed=2)}
    hold(FACTORS, given, levels=(0, 1, 2))
    module = compiled(FACTORS, 2)
    value, expected = compiled(FACTORS, 0).value_and_grad(**given)
    found, gradients = module.value_and_grad(**given, workspace=module.Workspace(**given))
    np.testing.assert_allclose(found, value, rtol=1e-12)
    for name, gradient in expected.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-11, atol=1e-13)


def test_steps_have_one_product_for_the_gradient_of_a_matrix_as_before() -> None:
    steps = "h_0 = X[0]\nfor t in 0:4 { h_{t+1} = h_{t} - tanh(X[t] @ A + h_{t} @ W) }\nL = sum(h_4**2)"
    text = f"input X[4, N, D]\nparam A[D, D], W[D, D]\n{steps}"
    hold(text, {"X": array(4, 3, 2), "A": array(2, 2), "W": array(2, 2, seed=1)}, levels=(0, 1, 2))
    assert counted(fuse(optimise(graphc.differentiate(graphc.parse(text)), 2)))["matmul"] <= 11
