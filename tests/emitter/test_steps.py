"""The gradients of a loop's steps in the arrays of the steps before them."""

from __future__ import annotations

import tracemalloc
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import array, body, compiled, hold

LSTM = """
input X[STEPS, N, D]
param W[D, 4*H], V[H, 4*H]
def cell(z, c) {
    i = sigmoid(z[:, 0:H])
    f = sigmoid(z[:, H:2*H])
    o = sigmoid(z[:, 2*H:3*H])
    new = f * c + i * tanh(z[:, 3*H:4*H])
    return o * tanh(new), new
}
h_0 = zeros((N, H))
c_0 = zeros((N, H))
for t in 0:STEPS { h_{t+1}, c_{t+1} = cell(X[t] @ W + h_{t} @ V, c_{t}) }
L = sum(h_STEPS**2)
output L
"""


def arguments(steps: int, n: int = 3, h: int = 4) -> dict[str, Any]:
    return {"X": array(steps, n, 2), "W": array(2, 4 * h), "V": array(h, 4 * h)}


def test_a_step_writes_where_the_one_before_it_was() -> None:
    lines = body(LSTM.replace("STEPS", "4"), "backward")
    assert "dh_3 = np.matmul(dz, V.T, out=dh_4)" in lines and "dc_3 = np.multiply(dc_4, f_4, out=dc_4)" in lines
    assert "dh_1 = np.matmul(dz, V.T, out=dh_2)" in lines and "dc_1 = np.multiply(dc_2, f_2, out=dc_2)" in lines
    hold(LSTM.replace("STEPS", "4"), arguments(4))


RNN = """
input X[STEPS, N, D]
param W[D, H], V[H, H]
h_0 = zeros((N, H))
for t in 0:STEPS { h_{t+1} = tanh(X[t] @ W + h_{t} @ V) }
L = sum(h_STEPS**2)
output L
"""


def test_a_product_that_reads_the_step_before_it_takes_the_array_of_the_one_before_that() -> None:
    lines = body(RNN.replace("STEPS", "5"), "backward")
    assert "dh_4 = dh_tanh @ V.T" in lines and "dh_3 = np.matmul(dh_tanh, V.T, out=dh_5)" in lines
    assert "dh_2 = np.matmul(dh_tanh, V.T, out=dh_4)" in lines
    given = {"X": array(5, 3, 2), "W": array(2, 4), "V": array(4, 4)}
    hold(RNN.replace("STEPS", "5"), given)
    for wrt in (["h_5", "h_3", "W"], ["h_4", "V"], ["h_1", "h_2", "h_3", "h_4", "h_5"]):
        plain, module = (compiled(RNN.replace("STEPS", "5"), level, wrt=wrt) for level in (0, 1))
        wanted, found = (m.backward(m.forward(**given)[1]) for m in (plain, module))
        for name in wrt:
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, atol=1e-14)
        assert not any(np.shares_memory(found[a], found[b]) for a in wrt for b in wrt if a < b)


@pytest.mark.parametrize("wrt", [["h_2", "V"], ["c_2", "h_3", "W"], ["h_1", "h_2", "c_1"]])
def test_a_gradient_that_is_a_result_keeps_its_array(wrt: list[str]) -> None:
    text, given = LSTM.replace("STEPS", "4"), arguments(4)
    plain, module = (compiled(text, level, wrt=wrt) for level in (0, 1))
    cache = module.forward(**given)[1]
    wanted, found = plain.backward(plain.forward(**given)[1]), module.backward(cache)
    for name in wrt:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, atol=1e-14)
    assert not any(np.shares_memory(found[a], found[b]) for a in wrt for b in wrt if a < b)
    again = module.backward(cache)
    assert all(np.array_equal(found[name], again[name]) for name in wrt)


def test_what_is_read_between_is_not_moved() -> None:
    """dc_{t} is needed before the last reader of dc_{t+1}, whose array it can't take."""
    text = "input X[4, N]\nparam w[N], v[N]\nc_0 = zeros((N,))\nh_0 = zeros((N,))\n" + (
        "for t in 0:4 { c_{t+1} = c_{t} * w + X[t]\n h_{t+1} = sin(h_{t} * v + c_{t} * c_{t+1}) }\nL = sum(h_4**2)"
    )
    hold(text, {"X": array(4, 5), "w": array(5), "v": array(5)})


def test_layers_of_a_net_are_steps_as_well() -> None:
    text = "input H_0[N, D]\nparam W_{0:4}[D, D]\n" + (
        "for k in 0:4 { Z_{k} = H_{k} @ W_{k}\n H_{k+1} = Z_{k} * sigmoid(Z_{k}) }\nL = sum(H_4**2)"
    )
    hold(text, {"H_0": array(3, 5), **{f"W_{k}": array(5, 5, seed=k) for k in range(4)}})


def peak(module: ModuleType, given: dict[str, Any]) -> int:
    cache = module.forward(**given)[1]
    tracemalloc.start()
    try:
        module.backward(cache)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("program", "gates"), [(LSTM, 4), (RNN, 1)], ids=["lstm", "rnn"])
def test_backward_takes_no_memory_for_a_step(program: str, gates: int) -> None:
    def given(steps: int) -> dict[str, Any]:
        return {"X": array(steps, 64, 2), "W": array(2, gates * 32), "V": array(32, gates * 32)}

    taken = [peak(compiled(program.replace("STEPS", str(k))), given(k)) for k in (4, 24)]
    assert taken[1] - taken[0] <= 20 * 64 * 32 * 8 / 8


def test_the_lines_of_an_update_stand_together() -> None:
    """What an update takes besides its gradient waits for that, and the loss has no lines of the update between."""
    text = (
        "input X[N, D], y[N], v[D]\nparam w[D]\nL = sum(tanh(X@w) * y)\nloss L\n"
        "v <- 0.9*v - 0.1*grad(L, w)\nw <- w + 0.9*v - 0.1*grad(L, w)"
    )
    step = graphc.compile(text, verify=False).partition("def step")[2].partition("\ndef ")[0]
    assert [line.partition("    <")[0] for line in step.splitlines() if line.startswith("    # ")] == [
        "    # L = sum(tanh(X@w) * y)", "    # v <- 0.9*v - 0.1*grad(L, w)", "    # w <- w + 0.9*v - 0.1*grad(L, w)",
    ], step  # fmt: skip
