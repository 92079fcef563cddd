"""What only a loop needs lies in the rows that the loop writes; what is smaller reads them before that."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from emitter.plans import Planned, agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

SOFTMAX = """input X[N, D], y[N]: int
param W[D, C], b[C]
S = X @ W + b
L = softmax_ce(S, y)
"""
FOCAL = SOFTMAX.replace("L = softmax_ce(S, y)", 'l = softmax_ce(S, y, reduction="none")\nL = sum((1 - exp(-l))**2 * l)')
BATCH = """input X[N, 3, D]
param W[D, H], v[H]
Z = X @ W
P = softmax(Z)
A = sin(P) * Z
m = mean(A, axis=1)
L = sum(m * m) + sum(sum(Z * Z * v, axis=1, keepdims=true) * Z)
"""
KEPT = SOFTMAX + "E = exp(S)\nM = sum(E * E)\nQ = sum(E) + L + M\noutput Q\nloss Q"
VECTORS = """input X[N, D], y[N]
param w[D], b[]
p = X @ w
r = y - p - b
L = mean(maximum(0.9 * r, -0.1 * r))
"""
GIVEN = {
    "X": array(70, 3), "y": np.arange(70) % 4, "W": array(3, 4), "b": array(4), "v": array(4, seed=2),
}  # fmt: skip
GIVEN_BATCH = {"X": array(70, 3, 5), "W": array(5, 4), "v": array(4, seed=2)}


def tiles(text: str) -> list[str]:
    """The lines that make floating arrays as long as a tile, for `value_and_grad`, of more than a number a row."""
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def memory_of_value_and_grad") :]
    rows = r"(?:step_|repeated_rows\(N, step_, C(?:, False)?\))"
    made = rf" +(.*) = (?:np\.empty\(\({rows}, C\)|tile_in\(\s*room_in\({rows} \* C, ).*"
    return re.findall(made, body[: body.index("\n    loop")])


def test_the_exponentials_lie_where_the_scores_were() -> None:
    planned = Planned(SOFTMAX)
    assert planned.plan.in_rows and not planned.is_whole("S")
    in_rows = {planned.plan.array[id] for id in planned.plan.in_rows}
    assert len(in_rows) == 1
    assert tiles(SOFTMAX) == ["b_spread"]


@pytest.mark.parametrize("text", [
    "input X[N, D]\nparam W[D, D], b[D]\nZ = X @ W\nL = sum(exp(Z) * b)",
    "input X[N, D], G[N, D]\nparam b[D]\nE = exp(X)\nF = E * G\nL = sum(sin(F) * b)",
])  # fmt: skip
def test_rows_that_the_loop_does_not_write_hold_nothing_else(text: str) -> None:
    """What is summed up alone: Z is read, and its rows would be carried back to memory."""
    planned = Planned(text)
    written = {planned.plan.array[id] for id in planned.plan.in_rows}
    assert all(any(planned.plan.array[u] == a for u in planned.plan.full - planned.plan.in_rows) for a in written)


def test_in_a_loop_over_vectors_they_lie_in_the_vectors_that_it_writes() -> None:
    """The residuals of a quantile where the predictions were and their gradient will be."""
    planned = Planned(VECTORS)
    assert planned.share(["p", "r"]) and not planned.is_whole("r")


def test_no_array_holds_two_values_at_once() -> None:
    """By simulation: each value is still in its array where it is read for the last time."""
    for text in (SOFTMAX, FOCAL, BATCH, KEPT, VECTORS):
        planned = Planned(text)
        graph, plan = planned.graph, planned.plan
        for item in plan.items:
            holds: dict[int, int] = {}
            for id in item.nodes:
                if plan.kind[id] in ("view", "inline"):
                    continue
                stack, read = list(graph[id].operands), []
                while stack:
                    u = stack.pop()
                    stack += graph[u].operands if plan.kind.get(u) in ("view", "inline") else []
                    read.append(u)
                for u in read:
                    assert u not in item.nodes or u not in plan.array or holds.get(plan.array[u]) == u, graph[u]
                if id in plan.array:
                    holds[plan.array[id]] = id


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("tile", ["131072", "100", "1"])
@pytest.mark.parametrize("text", [SOFTMAX, FOCAL, BATCH, KEPT, VECTORS])
def test_the_numbers_are_those_of_the_literal_derivation(text: str, tile: str, threads: int) -> None:
    given = GIVEN_BATCH if text is BATCH else {k: v for k, v in GIVEN.items() if k != "v"}
    if text is VECTORS:
        given = {"X": array(70, 3), "y": array(70, seed=1), "w": array(3, seed=3), "b": array(seed=4)}
    source = graphc.compile(text, level=2, verify=False, threads=threads)
    fast = module_from(re.sub(r"TILE = \d+", f"TILE = {tile}", source), "rows.g")
    agree_in_a_workspace(fast, compiled(text, 0), given)


# ---------------------------------------------------------------- extremes of rows, sums along axes between others

ROWS = "param X[N, K, C]\nm = {0}(X, axis={1}, keepdims={2})\nL = sum(sin(m) * X * X)\noutput L, m\nloss L"


@pytest.mark.parametrize("keepdims", ["true", "false"])
@pytest.mark.parametrize("axis", [-1, 1, 0])
@pytest.mark.parametrize("name", ["max", "min", "sum", "mean"])
@pytest.mark.parametrize("shape", [(40, 3, 5), (7, 1, 1), (1, 4, 2)])
def test_along_each_axis(name: str, axis: int, keepdims: str, shape: tuple[int, ...]) -> None:
    text = ROWS.format(name, axis, keepdims).replace("sin(m)", "sin(m)" if keepdims == "true" else "sin(sum(m))")
    X, fast = array(*shape), compiled(text, 2)
    (_, want), _ = compiled(text, 0).value_and_grad(X)
    (_, have), _ = fast.value_and_grad(X, workspace=fast.Workspace(X))
    assert have.shape == want.shape and np.abs(have - want).max() <= 1e-13


def test_what_is_not_a_number_is_the_extreme() -> None:
    text = "input X[N, C]\nparam w[C]\nS = X * w\nm = max(S, axis=1)\nL = sum(m * m)\noutput L, m\nloss L"
    X = array(20, 3)
    X[4, 1], X[5, 2] = np.nan, -np.inf
    fast, plain = compiled(text, 2), compiled(text, 0)
    w = np.ones(3)
    with np.errstate(all="ignore"):
        (_, have), _ = fast.value_and_grad(X, w, workspace=fast.Workspace(X, w))
        (_, want), _ = plain.value_and_grad(X, w)
    assert np.array_equal(have, want, equal_nan=True) and np.isnan(have[4])
    assert "maximum_of_rows(" in graphc.compile(text, level=2, verify=False)


@pytest.mark.parametrize("text", [
    "input X[N, C]\nparam w[C]\nS = X * w\nL = sum(logsumexp(S, axis=1))",  # of no entries -inf
    "input X[N, C]\nparam w[C]\nm = max((X * w).T, axis=1)\nL = sum(m * m)",  # along columns of the array
    "input X[N, 2*C]\nparam w[C]\nS = X[:, 0:C]\nm = max(S, axis=1)\nL = sum(m * sum(w))",  # rows with others between
])  # fmt: skip
def test_rows_with_others_between_are_reduced_by_numpy_alone(text: str) -> None:
    assert "_of_rows(" not in graphc.compile(text, level=2, verify=False)


@pytest.mark.parametrize("reduction", ["softmax(V)", "max(V, axis=2)", "mean(V, axis=1)", "sum(V, axis=(1, 2))"])
def test_a_view_of_what_forward_has_saved_is_reduced_again(reduction: str) -> None:
    text = f"param A[n, n]\nZ = A @ A.T\nV = Z[:, None]\nL = sum({reduction}**2) + sum(sin(V))"
    A = array(4, 4)
    want = compiled(text, 0).value_and_grad(A)[1]["A"]
    lean = graphc.load(text, level=2, verify=False, memory="lean")
    _, cache = lean.forward(A)
    assert np.abs(lean.backward(cache, workspace=lean.Workspace(A))["A"] - want).max() <= 1e-12


@pytest.mark.parametrize("shape", [(0, 3), (4, 3), (4, 0), (0, 0)])
def test_arrays_without_entries(shape: tuple[int, int]) -> None:
    text = "input X[N, C]\nparam w[C]\nS = X * w\nL = sum(logsumexp(S, axis=1)) + sum(softmax(S) * S)"
    given = [np.ones(shape), np.ones(shape[1])]
    fast, plain = compiled(text, 2), compiled(text, 1)
    with np.errstate(all="ignore"):
        have, want = fast.value_and_grad(*given, workspace=fast.Workspace(*given)), plain.value_and_grad(*given)
    assert np.array_equal(have[1]["w"], want[1]["w"], equal_nan=True)


def test_a_sum_along_axes_between_others_is_a_product() -> None:
    """The mean over the places of images whose samples are last, and over the words of texts."""
    image = "input X[N, 2, 8, 8]\nparam W[4, 2, 3, 3]\nP = mean(relu(conv2d(X, W)), axis=(2, 3))\nL = sum(P * P)"
    words = "param X[N, T, D]\ninput w[D]\nh = sum(X * w, axis=1)\nL = sum(h * h)"
    for text in (image, words):
        source = graphc.compile(text, level=2, verify=False)
        assert "np.add.reduce" not in source and "np.matmul(ones" in source


@pytest.mark.parametrize("text", [SOFTMAX, FOCAL, BATCH, KEPT], ids=["softmax", "focal", "batch", "kept"])
@pytest.mark.parametrize("threads", [1, 2])
def test_tiles_of_the_same_memory_are_the_same_object(text: str, threads: int) -> None:
    """Of two objects NumPy would ask in every call how they overlap."""
    module = module_from(graphc.compile(text, level=2, verify=False, threads=threads), "tiles.g")
    given = {argument: GIVEN_BATCH.get(argument, GIVEN[argument]) if text == BATCH else GIVEN[argument]
             for argument in (*module.INPUTS, *module.PARAMETERS)}  # fmt: skip
    shared = 0
    for loop in module.memory_of_value_and_grad(*given.values()):
        if type(loop) is not list:
            continue
        for tile in loop if threads == 1 else (tile for share in loop for tile in share):
            parts = [part for part in tile if type(part) is np.ndarray]
            places = [(part.__array_interface__["data"], part.shape, part.strides, part.dtype) for part in parts]
            assert len({id(part) for part in parts}) == len(set(places))
            shared += len(parts) - len(set(places))
    assert shared > 0


def test_where_no_memory_is_shared_nothing_is_asked() -> None:
    text = "input X[N, D]\nparam w[]\nL = w * sum(tanh(X), axis=1) @ sum(X, axis=1)"
    assert " in loop:" in (source := graphc.compile(text, level=2, verify=False))
    assert "tile_parts(" not in source
