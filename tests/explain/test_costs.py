"""The costs of whole programs: statements counted by hand, saved memory, and peaks against what Python traces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import pipeline
from graphc.api import module_from
from graphc.explain.cost_table import CostTable
from graphc.explain.costs import Costs, costs_of
from graphc.explain.formulas import factored, order_of_sizes
from graphc.explain.work import Row
from graphc.ir.dims import dim
from graphc.passes.cost import scratch
from graphc.pipeline import Options

MLP = """\
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y)
"""
GELU = """\
param X[N, D], g[D], b[D]
A = gelu(X, approximate="tanh")
Y = X + layer_norm(A, g, b)
L = 0.5 * sum(Y * Y)
"""
CONV = """\
input X[N, 3, 32, 32], y[N]: int
param Wc[16, 3, 3, 3], bc[16], Wf[4096, K], bf[K]
P = max_pool2d(relu(conv2d(X, Wc, bc, padding=1)), 2)
S = reshape(P, (N, 4096)) @ Wf + bf
L = softmax_ce(S, y, reduction="mean")
"""
DEEP = """\
input z_0[N, D]
param W_{0:5}[D, D]
for k in 0:5 { z_{k+1} = tanh(z_{k} @ W_{k}) }
L = sum(z_5**2)
"""


def costs(text: str, level: int = 1, sizes: Mapping[str, int] | None = None) -> Costs:
    joint = graphc.differentiate(graphc.parse(text))
    return costs_of(joint, Options(level=level), 8, sizes)


def row(found: Costs, part: str, line: int, gradient: bool | None = None) -> Row:
    (row,) = (
        row for row in found.rows
        if row.part == part and row.statement and row.statement.line == line and gradient in (None, row.gradient)
    )  # fmt: skip
    return row


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize("level", [0, 1])
def test_a_layer_by_hand(level: int) -> None:
    """Forward N*D*H; backward the same for dW1 alone, as X has no gradient."""
    found = costs(MLP, level)
    order = order_of_sizes(found.graph)
    forward, backward = row(found, "forward", 3).work, row(found, "backward", 3).work
    assert factored(forward.multiplications, order) == factored(backward.multiplications, order) == "N*D*H"
    sizes = {"N": 3, "D": 4, "H": 5, "C": 7}
    product, bias = 3 * 4 + 4 * 5 + 3 * 5, 3 * 5 + 5 + 3 * 5
    assert forward.bytes.evaluate(sizes) == 8 * (product + bias)
    sums, gradient = 3 * 5 + 5, 4 * 3 + 3 * 5 + 4 * 5
    assert backward.bytes.evaluate(sizes) == 8 * (sums + gradient)
    assert factored(row(found, "backward", 5).work.multiplications, order) == "2*N*H*C"


BY_HAND = {  # forward's multiplications, functions and bytes; the gradient's multiplications
    "a product": ("input A[3, 4]\nparam B[4, 5]\nY = A @ B", 60, 0, 8 * (12 + 20 + 15), 60),
    "a convolution": ("input X[2, 3, 9, 9]\nparam W[6, 3, 2, 2]\nY = conv2d(X, W)", 2 * 6 * 64 * 12, 0, None, 9216),
    "by entries": ("input X[70, 4]\nparam W[70, 4]\nY = exp(X * W)", 280, 280, 8 * 280 * (3 + 2), 2 * 280),
    "norms": ("param X[70, 4]\nY = norm(X, axis=1)", 280, 0, 8 * (280 + 70 + 2 * 280), 70 + 280),
    "a system": ("param A[6, 6], b[6]\nY = solve(A, b)", 216 + 36, 0, 8 * (36 + 6 + 6), 216 + 36 + 36),
    "a mean": ("param X[70, 4]\nY = mean(X, axis=1)", 70, 0, 8 * (280 + 70), 70),
    "a sum": ("param X[70, 4]\nY = sum(X, axis=0)", 0, 0, 8 * (280 + 4), 0),
}


DIVIDED = 8 * (70 + 70)  # at -O2 a mean is a sum that is divided


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("name", BY_HAND)
def test_operations_by_hand_at_every_level(name: str, level: int) -> None:
    text, multiplied, evaluated, moved, gradient = BY_HAND[name]
    line = text.count("\n") + 1
    found = costs(f"{text}\noutput Y", level)
    rows = [each for each in found.rows if each.statement and each.statement.line == line]
    forward = next(each.work for each in rows if each.part != "backward" and not each.gradient)
    assert forward.multiplications == multiplied and forward.functions == evaluated
    if level == 2 and name == "a mean":
        moved += DIVIDED
    if moved is not None:  # in a loop over tiles also what stays in a cache, whose arrays count again there
        assert forward.bytes == moved if level < 2 or not forward.loops else forward.cached == moved
    backward = [each.work.multiplications for each in rows if each.part == "backward" or each.gradient]
    assert sum(backward, dim(0)) == gradient


def test_the_second_level_has_one_function() -> None:
    found = costs(MLP, 2)
    assert {row.part for row in found.rows} == {"value_and_grad"}
    order = order_of_sizes(found.graph)
    for line, gradient, wanted in ((3, False, "N*D*H"), (3, True, "N*D*H"), (5, True, "2*N*H*C"), (4, True, "N*H")):
        assert factored(row(found, "value_and_grad", line, gradient).work.multiplications, order) == wanted


def test_functions_are_counted() -> None:
    found = costs(DEEP)
    assert row(found, "forward", 3).work.functions.evaluate({"N": 2, "D": 3}) == 5 * 2 * 3
    assert row(found, "backward", 3).work.functions.evaluate({"N": 2, "D": 3}) == 0


def test_the_steps_of_a_loop_are_one_row() -> None:
    found = costs(DEEP)
    assert [len(each.groups) for each in found.rows if each.statement and each.statement.line == 3] == [5, 5]
    assert row(found, "forward", 3).work.multiplications.evaluate({"N": 2, "D": 3}) == 5 * 2 * 3 * 3


def test_what_stands_in_a_loop_over_tiles_moves_whole_arrays_once() -> None:
    """X is read and dX written; the rest stays in a cache. Without tiles each of some thirty passes moves an array."""
    sizes = {"N": 1000, "D": 100}
    array = 8 * 1000 * 100
    tiled = sum(each.work.bytes.evaluate(sizes) for each in costs(GELU, 2).rows)
    pure = sum(each.work.bytes.evaluate(sizes) for each in costs(GELU, 1).rows)
    assert 2 * array <= tiled <= 2.1 * array
    assert pure > 30 * array


def test_what_is_made_in_its_place_costs_nothing_to_join() -> None:
    """The gradients of the gates are made in the array that they are parts of: no statement joins them."""
    text = (
        "input X[N, D]\nparam W[D, 2*H]\nz = X @ W\ny = sigmoid(z[:, 0:H]) * tanh(z[:, H:2*H])\nL = sum(y * y)"
    )
    found = costs(text, 2)
    assert all(each.statement is not None for each in found.rows)


def test_what_is_saved() -> None:
    found = costs(MLP)
    assert [(each.name, each.argument) for each in found.saved] == [
        ("X", True), ("y", True), ("W2", True), ("H", False), ("P", False),
    ]  # fmt: skip
    notes = CostTable(found, {}).notes()
    assert notes[0] == "saved: X, y, W2, H, P = N*(D + H + C) + H*C numbers, N integers"
    assert notes[1].strip() == "made by forward: H, P = N*(H + C) numbers"


def test_what_shows_an_argument_takes_no_memory() -> None:
    found = costs("param x[n], M[m, n], c[m]\nJ = jacobian(M@x, x)\nD = J.T\nu = D@c\nv = c@J\noutput u, v")
    assert [(each.name, each.view) for each in found.saved] == [("M", False), ("c", False), ("D", True)]
    notes = CostTable(found, {}).notes()
    assert "D = n*m" not in notes[0] and not any("made by forward" in note for note in notes)


# ---------------------------------------------------------------- peaks, as Python traces them

MARGIN = 0.03
"""So far a peak may be off for arrays that are not small; of convolutions, whose helpers have more, four times that."""


def arguments(found: Costs, sizes: Mapping[str, int]) -> list[Any]:
    rng = np.random.default_rng(0)
    limits = {name: size.evaluate(sizes) for name, size, _ in found.graph.limits}
    values: list[Any] = []
    for argument in found.graph.arguments:
        type = found.graph[argument.node].type
        shape = tuple(d.evaluate(sizes) for d in type.dims)
        whole = type.dtype == "int"
        values.append(rng.integers(0, limits[argument.name], shape) if whole else rng.standard_normal(shape))
    return values


def traced(call: Any) -> tuple[Any, int]:
    """The result of a call, and the most that it allocated at a time."""
    tracemalloc.start()
    try:
        call()  # what is only allocated the first time
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        return result, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# Names that are given again at each step, a reshape that copies, and a temporary array that is broadcast to.
LOOP = """
input X[8, N, D]
param W[D, 2*H], U[H, 2*H], V[D, H], R[H, H]
h_0 = zeros((N, H)); l_0 = 0
for t in 0:8 {
    g_{t} = sigmoid(X[t] @ W + h_{t} @ U)
    n_{t} = tanh(X[t] @ V + (g_{t}[:, 0:H] * h_{t}) @ R)
    h_{t+1} = h_{t} + g_{t}[:, H:2*H] * (n_{t} - h_{t})
    l_{t+1} = l_{t} + sum(h_{t+1}**2)
}
L = l_8
output L
"""
HEADS = """
input X[B, T, 64]
param Wq[64, 64], Wk[64, 64], Wv[64, 64], V[64, 64]
Q = transpose(reshape(X@Wq, (B, T, 4, 16)), axes=(0, 2, 1, 3))
K = transpose(reshape(X@Wk, (B, T, 4, 16)), axes=(0, 2, 1, 3))
U = transpose(reshape(X@Wv, (B, T, 4, 16)), axes=(0, 2, 1, 3))
A = attention(Q, K, U)
Y = reshape(transpose(A, axes=(0, 2, 1, 3)), (B, T, 64)) @ V
L = 0.5 * sum(Y * Y)
"""
NORM = """
input X[N, D]
param g[D], b[D], W[D, D]
Y = X + gelu(layer_norm(X, g, b) @ W, approximate="tanh")
L = 0.5 * sum(Y * Y)
"""
# A number of NumPy on the left, which makes an array of its own; a result that backward reads, too; a matrix negated.
OUTER = "param x[n], y[m]\nM = outer(x, y)\nL = sum(exp(M) * M)"
SEVERAL = "input X[N, D]\nparam W[D, H]\nY = X @ W\nE = exp(Y)\noutput E\nloss L\nL = sum(-(E @ E.T))\noutput L"
SPREAD = "param X[N, D]\nL = sum(norm(X, axis=1)) + var(X)"
NORMS = "param X[N, D]\nL = sum(norm(X, axis=1))"
TURNED = "input X[N, C, H, H]\nparam w[C, 4, 3, 3]\nY = conv_transpose2d(X, w)\nL = sum(Y**2)"
POOLED = "param X[N, 1, H, H], s[C, 1, 1], w[4, C, 3, 3]\nY = avg_pool2d(relu(conv2d(X * s, w)), 2)\nL = sum(Y**2)"
SHOWN = "param x[n], y[m], A[m, n]\nT = A + reshape(outer(x, y), (m, n))\nL = sum(T)"
PEAKS = [
    (SHOWN, {"n": 500, "m": 400}, MARGIN),
    (OUTER, {"n": 500, "m": 400}, MARGIN),
    (OUTER, {"n": 150, "m": 200}, MARGIN),  # each of 240 kB: nothing is put into an operand
    (SEVERAL, {"N": 400, "D": 100, "H": 300}, MARGIN),
    (SPREAD, {"N": 2000, "D": 200}, MARGIN),
    (NORMS, {"N": 2000, "D": 200}, MARGIN),
    (TURNED, {"N": 8, "C": 12, "H": 30}, 4 * MARGIN),
    (POOLED, {"N": 8, "C": 12, "H": 30}, 4 * MARGIN),
    (LOOP, {"N": 400, "D": 100, "H": 200}, MARGIN),
    (HEADS, {"B": 8, "T": 64}, 1.5 * MARGIN),
    (NORM, {"N": 600, "D": 300}, MARGIN),
    (MLP, {"N": 1000, "D": 300, "H": 200, "C": 100}, MARGIN),
    (GELU, {"N": 512, "D": 256}, MARGIN),
    (DEEP, {"N": 400, "D": 200}, MARGIN),
    (CONV, {"N": 16, "K": 10}, 4 * MARGIN),
]


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(("text", "sizes", "margin"), PEAKS)
def test_peaks_of_pure_functions(text: str, sizes: dict[str, int], margin: float, level: int) -> None:
    found = costs(text, level, sizes)
    module = module_from(found.module, "peaks")
    values = arguments(found, sizes)
    (_, cache), forward = traced(lambda: module.forward(*values))
    _, backward = traced(lambda: module.backward(cache))
    _, both = traced(lambda: module.value_and_grad(*values))
    expected = [found.memory[name].peak.evaluate(sizes) for name in ("forward", "backward", "value_and_grad")]
    assert expected == pytest.approx([forward, backward, both], rel=margin)


def test_the_peak_of_a_training_step() -> None:
    text = f"{MLP}W1 <- W1 - 0.1 * grad(L, W1)\nW2 <- W2 - 0.1 * grad(L, W2)\n"
    sizes = {"N": 1000, "D": 300, "H": 200, "C": 100}
    found = costs(text, 1, sizes)
    module, values = module_from(found.module, "peaks"), arguments(found, sizes)
    _, traced_peak = traced(lambda: module.step(*values))
    assert found.memory["step"].peak.evaluate(sizes) == pytest.approx(traced_peak, rel=MARGIN)


IN_PLACE = [(text, sizes) for text, sizes, _ in PEAKS if text not in (CONV, SPREAD, NORMS)]


@pytest.mark.parametrize("fused", [pipeline.LARGEST_FUSED, 0], ids=["in one function", "one after the other"])
@pytest.mark.parametrize(("text", "sizes"), IN_PLACE)
def test_the_workspace_is_as_large_as_said(
    text: str, sizes: dict[str, int], fused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "LARGEST_FUSED", fused)
    found = costs(text, 2, sizes)
    module = module_from(found.module, "peaks")
    values = arguments(found, sizes)
    tracemalloc.start()
    try:
        module.value_and_grad(*values)
        before = tracemalloc.get_traced_memory()[0]
        workspace = module.Workspace(*values)
        module.value_and_grad(*values, workspace=workspace)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert CostTable(found, sizes).bytes_of(found.memory["workspace"]) == pytest.approx(held, rel=0.1)
    assert found.memory["value_and_grad"].peak == 0


def test_the_norm_of_what_is_not_declared_needs_an_unknown_amount() -> None:
    text = "input X[N, D]\nz = c * c\ns = norm(c, axis=0)\noutput z, s"
    graph = graphc.parse(text)
    (norm,) = (node for node in graph if node.op == "norm")
    assert scratch(graph, norm, 8) == 0
