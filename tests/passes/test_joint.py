"""Values and gradients in one function: with a loss the cotangent is 1, and nothing is multiplied by it."""

from __future__ import annotations

import graphc
from graphc.passes.joint import fuse
from graphc.passes.partition import partition
from graphc.pipeline import optimise
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
