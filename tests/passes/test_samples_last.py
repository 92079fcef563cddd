"""Samples last: the same numbers for convolutional programs of many kinds, no memory, and what the graphs hold."""

from __future__ import annotations

import tracemalloc
import warnings
from collections import Counter
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.joint import fuse
from graphc.pipeline import optimise
from passes.conv_programs import PROGRAMS, arguments


def loaded(name: str, level: int) -> Any:
    return graphc.load(dedent(PROGRAMS[name]), level=level, verify=False)


def cotangents(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    output = module.forward(**given)[0]
    return {"cotangents": np.cos(output)} if module.OUTPUTS == ("P",) else {}


def agree(have: Any, want: Any, tolerance: float) -> None:
    values = [result[0] if isinstance(result[0], tuple) else (result[0],) for result in (have, want)]
    for a, b in zip(*values, strict=True):
        err = np.abs(a - b).max()
        assert err <= tolerance * max(1, np.abs(b).max())
    for name, gradient in want[1].items():
        assert have[1][name].shape == gradient.shape and have[1][name].dtype == gradient.dtype
        err = np.abs(have[1][name] - gradient).max()
        assert err <= tolerance * max(1, np.abs(gradient).max()), name


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_numbers_as_at_level_1(name: str) -> None:
    plain, net = loaded(name, 1), loaded(name, 2)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-4)):
        given = arguments(plain, dtype)
        extra = cotangents(plain, given)
        want = plain.value_and_grad(**given, **extra)
        workspace = net.Workspace(**given)
        for memory in (None, workspace, workspace):
            agree(net.value_and_grad(**given, **extra, workspace=memory), want, tolerance)
            outputs, cache = net.forward(**given, workspace=memory)
            for _ in range(2):
                agree((outputs, net.backward(cache, *extra.values(), workspace=memory)), want, tolerance)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_array_is_allocated_after_the_first_call(name: str) -> None:
    net = loaded(name, 2)
    given = arguments(net, N=1500)
    extra = cotangents(net, given)
    workspace = net.Workspace(**given)

    def run() -> None:
        net.value_and_grad(**given, **extra, workspace=workspace)
        _, cache = net.forward(**given, workspace=workspace)
        net.backward(cache, *extra.values(), workspace=workspace)

    run()
    run()
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # What is left: views, numbers, and NumPy's own buffers, twice 64 KiB, for booleans among floating numbers and for
    # transposes. An image of one channel is of 12 KB and more in 1500 samples, the arrays of layers of 200 KB and more.
    assert peak < 190_000, f"{peak} bytes"


@pytest.mark.parametrize("name", ["relu before the pool", "sizes with names", "one axis"])
def test_an_empty_batch(name: str) -> None:
    net = loaded(name, 2)
    given = arguments(net, N=0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for memory in (None, net.Workspace(**given)):
            gradients = net.value_and_grad(**given, workspace=memory)[1]
            assert all(gradient.shape == given[n].shape for n, gradient in gradients.items())


def test_an_empty_batch_of_groups() -> None:
    """A tile of no numbers does not say how many rows it has."""
    text = """
input X[N, 4, H, K]
param W[4, 1, 3, 3], b[4]
Z = conv2d(X, W, b, padding=1, groups=4)
Y = conv2d(Z, W, b, groups=4, dilation=2)
output Z, Y
"""
    net = graphc.load(text, level=2, verify=False)
    given = {"X": np.zeros((0, 4, 7, 6)), "W": np.ones((4, 1, 3, 3)), "b": np.ones(4)}
    outputs, _ = net.forward(**given)
    _, gradients = net.value_and_grad(**given, cotangents=outputs, workspace=net.Workspace(**given))
    assert not gradients["W"].any() and not gradients["b"].any()


# ---------------------------------------------------------------- what the graph holds

NET = """
input X[N, 3, 32, 32], y[N]: int
param W1[16, 3, 3, 3], b1[16], W2[8, 16, 3, 3], b2[8], V[512, K]
A = relu(conv2d(X, W1, b1, padding=1))
P = max_pool2d(A, 2)
B = tanh(conv2d(P, W2, b2, padding=1))
Q = avg_pool2d(B, 2)
L = softmax_ce(flatten(Q, 1) @ V, y)
"""


def joint(text: str) -> Graph:
    return fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))


def operations(text: str) -> Counter[str]:
    return Counter(node.op for node in joint(text))


def test_a_convolution_is_a_product_with_its_columns_which_are_made_once() -> None:
    found = operations(NET)
    assert not found.keys() & {"convolve", "convolve_kernel", "convolve_transpose"}
    assert found["columns"] == 2  # of X and of P, also for the gradients of the kernels
    assert found["add_columns"] == 1  # for the gradient of P; X is an input and has none
    # W1 and W2 forward, dW1 and dW2, dP's columns, and the layer behind with its two gradients
    assert found["product_as"] + found["matmul"] == 2 + 2 + 1 + 3


def test_only_the_images_that_come_in_are_transposed() -> None:
    graph = joint(NET)
    turned = [node for node in graph if node.op == "transpose"]
    assert [graph[node.operands[0]].op for node in turned] == ["argument"]
    assert all(graph[node.operands[0]].type.rank == 2 for node in graph if node.op == "mT")


def test_no_array_is_copied_into_another_order() -> None:
    assert operations(NET)["in_order"] == 0


def test_kernels_of_one_entry_need_no_columns() -> None:
    text = "input X[N, 8, 5, 5]\nparam W1[4, 8, 1, 1], W2[3, 4, 1, 1]\nL = sum(conv2d(tanh(conv2d(X, W1)), W2) ** 2)"
    found = operations(text)
    assert found["columns"] == 0 and found["add_columns"] == 0


def test_a_kernel_for_each_channel_sends_back_products_without_a_sum() -> None:
    text = "param X[N, 4, 6, 6], W[4, 1, 3, 3]\nL = sum(tanh(conv2d(X, W, groups=4)))"
    graph = joint(text)
    (columns,) = [graph[node.operands[0]] for node in graph if node.op == "add_columns"]
    assert columns.op == "reshape" and graph[columns.operands[0]].op == "multiply"


def test_names_stay_with_the_values() -> None:
    graph = joint(NET)
    named = {node.name: node for node in graph if node.name}
    assert named.keys() >= {"A", "P", "B", "Q", "dP"}
    N = graph[graph.arguments[0].node].type.dims[0]
    assert named["A"].type.dims[-1] == named["dP"].type.dims[-1] == N


def test_programs_without_convolutions_stay_as_they_are() -> None:
    found = operations("input X[N, 3, 8, 8]\nparam s[3]\nL = sum(max_pool2d(X * s[:, None, None], 2) ** 2)")
    assert found["transpose"] == found["in_order"] == 0


def test_arrays_of_a_layer_share_memory() -> None:
    """A product, its sum with the bias and relu of that are one array, and so is the gradient in all three."""
    text = "input X[N, 3, 8, 8]\nparam W[4, 3, 3, 3], b[4]\nC = relu(conv2d(X, W, b, padding=1))\nL = sum(C * C)"
    module = graphc.compile(text, level=2, verify=False)
    memory = module[module.index("def memory_of_value_and_grad") : module.index("def forward_in")]
    large = [line for line in memory.splitlines() if "np.empty((4, 8, 8, N)" in line]
    assert len(large) <= 2, "\n".join(large)


def test_the_largest_along_a_sequence_is_found_where_the_samples_are_last() -> None:
    """Neither the extremes nor how many entries are equal to them are looked for in another order of the axes."""
    text = "input X[N, C, T]\nparam W[F, C, 3], V[F, K]\nL = sum((max(conv1d(X, W, padding=1), axis=2) @ V)**2)"
    graph = optimise(graphc.differentiate(graphc.parse(text)), 2)
    shapes = {node.op: [str(size) for size in graph[node.operands[0]].type.dims] for node in graph
              if node.op in ("max", "ties")}  # fmt: skip
    assert shapes == {"max": ["F", "T", "N"], "ties": ["F", "T", "N"]}
