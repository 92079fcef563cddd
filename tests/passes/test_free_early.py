"""What lets the array of another value go stands early: how many arrays of a layer's size a program has on the way."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned
from graphc.passes.free_early import free_early

# The example of the file, in the language: the gradients of a net of two layers.
NET = """
input X[N, D], T[N, C]
param W[D, H], V[H, C]
A = relu(X @ W)
L = sum((A @ V - T)**2)
"""
DROPOUT = """
input X[N, D], M[N, H], y[N]: int
param W[D, H], b[H], V[H, C]
A = dropout(relu(X @ W + b), M, p=0.3)
L = softmax_ce(A @ V, y)
"""
KEPT = NET + "output L, A\nloss L"
# The gradient of V is twice the difference of two products: each is a part of a result.
PAIRS = """
input X[N, D], Y[N, D]
param W[D, H], V[H, C]
u = relu(X @ W) @ V - relu(Y @ W) @ V
L = sum(sum(u**2, axis=1))
"""


def whole(text: str, kind: str) -> int:
    """How many whole arrays of N rows and H columns a program's memory has, of numbers or of booleans."""
    planned = Planned(text)
    nodes = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    shown = [node for node in nodes if str(node.type.with_shape(node.type.dims)).startswith("(N, H)")]
    return len({planned.plan.array[node.id] for node in shown if node.type.dtype == kind})


@pytest.mark.parametrize(("text", "floats", "masks"), [(NET, 1, 1), (DROPOUT, 1, 1), (KEPT, 2, 0), (PAIRS, 2, 2)])
def test_arrays_of_a_layer(text: str, floats: int, masks: int) -> None:
    assert (whole(text, "float"), whole(text, "bool")) == (floats, masks)


def test_the_columns_of_a_convolution_have_their_array_for_the_columns_of_its_gradient() -> None:
    net = "input x[N, 2, 9]\nparam v[3, 2, 3], w[4, 3, 3]\nL = sum(conv1d(tanh(conv1d(x, v)), w)**2)"
    planned = Planned(net)
    columns = [id for id in planned.plan.full if str(planned.graph[id].type) == "(9, 5*N)" and id in planned.plan.array]
    assert len(columns) == 2 and len({planned.plan.array[id] for id in columns}) == 1


def test_each_value_once_and_after_its_operands() -> None:
    for text in (NET, DROPOUT, KEPT):
        graph = Planned(text).graph
        order = [id for id in sorted(graph.nodes) if graph[id].op != "argument"]
        moved = free_early(graph, order, graph.roots)
        assert sorted(moved) == order and moved != order if text is not KEPT else sorted(moved) == order
        for position, id in enumerate(moved):
            assert not {u for u in graph[id].operands if u in order} - set(moved[:position])


@pytest.mark.parametrize("text", [NET, DROPOUT, KEPT, PAIRS])
def test_the_numbers_are_the_same(text: str) -> None:
    rng = np.random.default_rng(0)
    shapes = {"X": (300, 5), "Y": (300, 5), "T": (300, 3), "W": (5, 200), "V": (200, 3), "M": (300, 200), "b": (200,)}
    net, plain = graphc.load(text, level=2, verify=False), graphc.load(text, verify=False)
    names = [*net.INPUTS, *net.PARAMETERS]
    given = {name: rng.integers(0, 3, 300) if name == "y" else rng.standard_normal(shapes[name]) for name in names}
    have = net.value_and_grad(**given, workspace=net.Workspace(**given))
    want = plain.value_and_grad(**given)
    for name, gradient in want[1].items():
        err = np.abs(have[1][name] - gradient).max()
        assert err <= 1e-11 * np.abs(gradient).max(), name


def test_a_number_of_several_masks_stands_before_the_first_of_them() -> None:
    text = "param x[N, D], y[N, D]\nG = grad(bce(x, y), y)\nL = sum(G * v)\nloss L\noutput L"
    net, plain = (graphc.load(text, level=level, verify=False) for level in (2, 0))
    rng = np.random.default_rng(0)
    given = [rng.uniform(0.1, 0.9, (4, 3)), rng.uniform(0.1, 0.9, (4, 3)), rng.standard_normal((4, 3))]
    have, want = (module.value_and_grad(*given)[1]["x"] for module in (net, plain))
    assert np.abs(have - want).max() <= 1e-12 * np.abs(want).max()


SCORES = "input X[N, D], y[N]: int\nparam W[D, C]\nS = X @ W\nL = {}"


def place_of(text: str, op: str) -> int:
    """Where the first node of an operation stands in the function."""
    planned = Planned(text)
    return [planned.graph[id].op for item in planned.plan.items for id in item.nodes].index(op)


def test_what_reads_the_scores_at_the_labels_stands_before_the_exponentials() -> None:
    text = SCORES.format("softmax_ce(S, y)")
    assert place_of(text, "pick") < place_of(text, "exp")


def test_labels_that_are_looked_at_on_the_way_come_along() -> None:
    text = "input X[2, N, D], y[2, N]: int\nparam W[D, C]\nS = reshape(X, (2*N, D)) @ W\nL = softmax_ce(S, flatten(y))"
    assert place_of(text, "pick") < place_of(text, "exp")


def test_what_needs_the_exponentials_stands_behind_them() -> None:
    text = SCORES.format("sum(exp(S)) + sum(sum(S, axis=1) * sum(exp(S), axis=1))")
    graph = Planned(text).graph
    order = [id for id in sorted(graph.nodes) if graph[id].op != "argument"]
    moved = free_early(graph, order, graph.roots)
    assert sorted(moved) == order
    for position, id in enumerate(moved):
        assert not {u for u in graph[id].operands if u in order} - set(moved[:position])


def test_what_is_as_large_as_the_scores_stays() -> None:
    """No array is free earlier where another one of that size is made first."""
    graph = Planned(SCORES.format("sum(exp(S) * sin(S))")).graph
    order = [id for id in sorted(graph.nodes) if graph[id].op != "argument"]
    moved = free_early(graph, order, graph.roots)
    ops = [graph[id].op for id in moved]
    assert ops.index("exp") < ops.index("sin")
