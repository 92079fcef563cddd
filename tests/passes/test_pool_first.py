"""Monotone maps and bias behind a max-pool: where they go, where not, and that gradients agree where entries tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.passes.pool_first import MONOTONE, WITH_SLOPE, pool_first

HEAD = "input X[N, 2, 8, 8]\nparam W[3, 2, 3, 3], b[3], s[3]\n"
NET = HEAD + "C = {}\nP = max_pool2d(C, 2)\nL = sum(P * P)\noutput L\nloss L"


def under_the_pool(text: str) -> str:
    graph = pool_first(graphc.parse(text))
    (pool,) = [node for node in graph if node.op == "max_windows"]
    return graph[pool.operands[0]].op


@pytest.mark.parametrize("map", [*sorted(MONOTONE), *sorted(WITH_SLOPE)])
def test_maps_that_never_fall_follow_with_the_bias(map: str) -> None:
    assert under_the_pool(NET.format(f"{map}(conv2d(X, W, b))")) == "convolve"


def test_a_border_that_no_maximum_takes_may_lie_between() -> None:
    text = NET.format("relu(conv2d(X, W, b))").replace("max_pool2d(C, 2)", "max_pool2d(C, 3, stride=2, padding=1)")
    graph = pool_first(graphc.parse(text))
    (border,) = [node for node in graph if node.op == "lowest_border"]
    assert graph[border.operands[0]].op == "convolve"
    apart = text.replace("3, stride=2, padding=1", "2, padding=1, dilation=2")  # windows may lie in the border
    assert under_the_pool(apart) == "lowest_border"
    graph = pool_first(graphc.parse(apart))
    (border,) = [node for node in graph if node.op == "lowest_border"]
    assert graph[border.operands[0]].op == "relu"


def test_a_sum_with_what_is_the_same_in_a_window_follows() -> None:
    assert under_the_pool(NET.format("tanh(conv2d(X, W) + b[:, None, None])")) == "convolve"


@pytest.mark.parametrize("text", [
    NET.format("gelu(conv2d(X, W))"),  # falls somewhere
    NET.format("-conv2d(X, W)"),
    NET.format("leaky_relu(conv2d(X, W), slope=-1)"),
    NET.format("abs(conv2d(X, W))"),
    NET.format("batch_norm(conv2d(X, W), s)"),  # a gain may be negative
    NET.format("conv2d(X, W) + X[:, 0:1, 0:6, 0:6]"),  # differs within a window
    NET.format("relu(conv2d(X, W))").replace("output L", "output C, L"),
    NET.format("relu(conv2d(X, W))").replace("sum(P * P)", "sum(P * P) + sum(C)"),
])  # fmt: skip
def test_everything_else_stays(text: str) -> None:
    assert under_the_pool(text) != "convolve"


WORDS = "input X[N, T, D]\nparam W[D, K], b[K], s[T]\nH = {}\nL = sum({}(H, axis={})**2)\noutput L"


def under_the_extreme(text: str) -> str:
    graph = pool_first(graphc.parse(text))
    (extreme,) = [node for node in graph if node.op in ("max", "min")]
    return graph[extreme.operands[0]].op


@pytest.mark.parametrize(("map", "extreme", "axis", "under"), [
    ("relu(X@W + b)", "max", "1", "matmul"),
    ("tanh(X@W + b)", "min", "1", "matmul"),
    ("relu(X@W + b)", "max", "(0, 1)", "matmul"),
    ("relu(X@W + s[:, None])", "max", "0", "matmul"),
    ("relu(X@W + s[:, None])", "max", "1", "add"),  # differs along the axis
    ("relu(X@W + b)", "max", "2", "add"),
    ("relu(X@W)", "max", "2, keepdims=true", "matmul"),
    ("sigmoid(X@W)", "max", "none", "matmul"),
    ("abs(X@W + b)", "max", "1", "abs"),
])  # fmt: skip
def test_they_follow_an_extreme_along_axes(map: str, extreme: str, axis: str, under: str) -> None:
    text = WORDS.format(map, extreme, axis)
    assert under_the_extreme(text) == under
    plain, net = graphc.load(text, verify=False), graphc.load(text, level=2)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        given = {"X": rng.integers(-1, 2, (3, 5, 2)).astype(float), "W": rng.integers(-1, 2, (2, 4)).astype(float),
                 "b": rng.integers(-2, 2, 4).astype(float), "s": rng.integers(-2, 2, 5).astype(float)}  # fmt: skip
        given = {name: given[name] for name in (*net.INPUTS, *net.PARAMETERS)}
        want = plain.value_and_grad(**given)
        have = net.value_and_grad(**given, workspace=net.Workspace(**given))
        assert abs(have[0] - want[0]) <= 1e-12 * max(1, abs(want[0]))
        for name, gradient in want[1].items():
            np.testing.assert_allclose(have[1][name], gradient, rtol=1e-11, atol=1e-11, err_msg=name)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_an_infinite_derivative_goes_to_the_largest_alone() -> None:
    """Behind the maximum that of exp would be spread: inf to the largest, and 0 times inf to all others."""
    text = "input Z[N, D]\nE = max(exp(Z), axis=1)\nL = sum(E)\noutput E\nloss L"
    Z = np.array([[800.0, -1.0, 0.0], [1.0, 2.0, 3.0]])
    dZ = graphc.load(text, level=2, verify=False, wrt=["Z"]).value_and_grad(Z)[1]["Z"]
    assert np.array_equal(dZ, [[np.inf, 0, 0], [0, 0, np.exp(3.0)]])


def test_the_loss_need_not_be_an_output() -> None:
    text = "param Z[N, D]\nE = max(relu(Z), axis=1)\nL = sum(E * E)\noutput E\nloss L"
    Z = np.array([[8.0, -1.0, 0.0], [1.0, 2.0, 3.0]])
    E, gradients = graphc.load(text, level=2).value_and_grad(Z)
    assert np.array_equal(E, [8, 3]) and np.array_equal(gradients["Z"], [[16, 0, 0], [0, 0, 6]])


def test_an_extreme_of_what_is_seen_stays() -> None:
    assert under_the_extreme(WORDS.format("relu(X@W + b)", "max", "1").replace("output L", "output H, L")) == "relu"


def test_a_gradient_may_be_asked_for_of_what_nothing_depends_on() -> None:
    text = NET.format("relu(conv2d(X, W, b))").replace("C =", "D = 2 * s\nC =")
    gradients = graphc.load(text, level=2, verify=False, wrt=["W", "D"]).value_and_grad(**data())[1]
    assert np.any(gradients["W"]) and np.array_equal(gradients["D"], np.zeros(3))


def test_a_value_whose_gradient_is_asked_for_stays() -> None:
    text = NET.format("relu(conv2d(X, W, b))")
    given = data()
    grads = graphc.load(text, level=2, wrt=["C", "W"]).value_and_grad(**given)[1]
    want = graphc.load(text, level=1, wrt=["C", "W"]).value_and_grad(**given)[1]
    np.testing.assert_allclose(grads["C"], want["C"], rtol=1e-12)


def test_less_is_computed() -> None:
    """What is elementwise goes through a quarter of the entries."""
    module = graphc.compile(NET.format("relu(conv2d(X, W, b))"), level=2, verify=False)
    forward = module[module.index("def value_and_grad") : module.index("class Workspace")]
    lines = [line for line in forward.splitlines() if "np.add(" in line or "np.greater(" in line]
    assert lines and all("(3, 3, 3, N)" in line for line in lines), "\n".join(lines)


def data(seed: int = 0) -> dict[str, Any]:
    """Small integers, so that many entries of a window are equal."""
    rng = np.random.default_rng(seed)
    return {"X": rng.integers(-1, 2, (6, 2, 8, 8)).astype(float), "W": rng.integers(-1, 2, (3, 2, 3, 3)).astype(float),
            "b": rng.integers(-2, 2, 3).astype(float), "s": np.ones(3)}  # fmt: skip


@pytest.mark.parametrize("map", ["relu", "relu6", "hardtanh", "leaky_relu", "tanh", "elu"])
@pytest.mark.parametrize("window", ["2", "3, stride=2, padding=1", "2, stride=1"])
def test_gradients_agree_where_entries_tie(map: str, window: str) -> None:
    text = NET.format(f"{map}(conv2d(X, W, b))").replace("max_pool2d(C, 2)", f"max_pool2d(C, {window})")
    plain, net = graphc.load(text, verify=False), graphc.load(text, level=2, verify=False)
    for seed in range(4):
        given = data(seed)
        want = plain.value_and_grad(**given)
        have = net.value_and_grad(**given, workspace=net.Workspace(**given))
        assert abs(have[0] - want[0]) <= 1e-12 * max(1, abs(want[0]))
        for name, gradient in want[1].items():
            np.testing.assert_allclose(have[1][name], gradient, rtol=1e-11, atol=1e-11, err_msg=name)
