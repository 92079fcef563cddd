"""What the steps of a loop do by themselves is done at once: what follows, what stays; the numbers are the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.passes.steps_at_once import steps_at_once

HEAD = """
input i[4, N]: int, y[5, N]: int
param E[V, D], W[D, D], b[D], U[D, V], c[V]
h_0 = zeros((N, D))
"""
STEP = "h_{t+1} = tanh(E[i[t]] + h_{t}@W + b)\n"
NET = HEAD + "for t in 0:4 { " + STEP + "l_{t} = softmax_ce(h_{t+1}@U + c, y[t+1]) }\nL = l_0 + l_1 + l_2 + l_3\n"
PROGRAMS = {
    "losses": NET,
    "a sum in the loop": HEAD + "s_0 = sum(W**2)\nfor t in 0:4 { " + STEP
    + "s_{t+1} = s_{t} + softmax_ce(h_{t+1}@U + c, y[t]) / 4 }\nL = s_4",
    "another loss": HEAD + "for t in 0:4 { " + STEP + "p_{t} = softmax(h_{t+1}@U); q_{t} = sum(p_{t}**2, axis=1) }\n"
    "L = sum(q_0 * q_1 * q_2) + sum(q_3)",
    "backwards": HEAD + "for t in 0:4 { " + STEP + "l_{t} = softmax_ce(h_{t+1}@U, y[3-t]) }\nL = l_0 + l_1 + l_2 + l_3",
    "a step twice": NET.replace("L = l_0", "L = l_0 + l_0"),
    "an output a step": NET.replace("l_{t} =", "S_{t} = h_{t+1}@U\nl_{t} =") + "output L, S_1\nloss L",
}  # fmt: skip


def counted(text: str, **options: Any) -> Counter[str]:
    return Counter(node.op for node in steps_at_once(graphc.parse(text), **options))


def drawn() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"E": (7, 3), "W": (3, 3), "b": (3,), "U": (3, 7), "c": (7,)}
    floats = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return {"i": rng.integers(-7, 7, (4, 6)), "y": rng.integers(0, 7, (5, 6)), **floats}


def used(net: Any) -> dict[str, Any]:
    given = drawn()
    return {name: given[name] for name in (*net.INPUTS, *net.PARAMETERS)}


def test_outputs_are_one_product_and_rows_picked_once() -> None:
    ops = counted(NET)
    assert (ops["matmul"], ops["gather"], ops["cross_entropy_labels"]) == (4 + 1, 1, 1)  # W from step to step


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_the_numbers_are_the_same(text: str) -> None:
    assert counted(text)["matmul"] == 5
    net, fast = graphc.load(text), graphc.load(text, level=2)
    given = used(net)
    wanted = results(net.value_and_grad(**given))
    for made in (fast.value_and_grad(**given), fast.value_and_grad(**given, workspace=fast.Workspace(**given))):
        for one, other in zip(results(made), wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def results(made: tuple[Any, dict[str, Any]]) -> list[Any]:
    outputs, grads = made
    return [*(outputs if isinstance(outputs, tuple) else [outputs]), *grads.values()]


@pytest.mark.parametrize(("text", "op", "count"), [
    (NET.replace("i[4, N]", "i[T, N]"), "gather", 4),  # how many there are is not known
    (HEAD + "for t in 0:4 { " + STEP + "S_{t} = h_{t+1}@U }\nfor t in 0:3 { l_{t} = softmax_ce(S_{t}, y[t]) }\n"
     "L = l_0 + l_1 + l_2 + sum(S_3**2)", "cross_entropy_labels", 3),  # one step has no loss
])  # fmt: skip
def test_what_not_every_step_has_stays(text: str, op: str, count: int) -> None:
    assert counted(text)[op] == count
    net, fast = graphc.load(text), graphc.load(text, level=2)
    made, wanted = (results(each.value_and_grad(**used(net))) for each in (fast, net))
    for one, other in zip(made, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_labels_and_indices_out_of_range_are_still_refused() -> None:
    net = graphc.load(NET, level=2)
    for name, wrong in (("i", 7), ("y", -1)):
        given = drawn()
        given[name][2, 1] = wrong
        with pytest.raises(ValueError, match=rf"{name}\[t.*\] must hold integers from -?\d to 6, not {wrong}"):
            net.value_and_grad(**given)


def test_a_step_of_which_the_gradient_is_wanted_stays() -> None:
    assert counted(NET.replace("l_{t} = softmax_ce(h", "S_{t} = softmax_ce(h"), kept={"l_1"})["matmul"] == 5
    text = NET.replace("l_{t} = softmax_ce(h_{t+1}@U + c", "S_{t} = h_{t+1}@U\nl_{t} = softmax_ce(S_{t} + c")
    assert counted(text, kept={"S_1"})["cross_entropy_labels"] == 4
    net, fast = (graphc.load(text, level=level, wrt=["S_1", "l_2", "U"]) for level in (1, 2))
    grads, others = (each.value_and_grad(**drawn())[1] for each in (net, fast))
    for name, grad in grads.items():
        np.testing.assert_allclose(others[name], grad, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("wrt", ["h_0", "p_1"])
def test_a_value_that_equals_another_one_has_the_gradient_of_its_own_uses(wrt: str) -> None:
    """The state before the first step is the first input; each step's scores without the bias are made twice."""
    text = """
        input X[4, N, D], y[4, N]: int; param W[D, D], U[D, V], c[V]; h_0 = X[0]
        for t in 0:4 { h_{t+1} = tanh(h_{t}@W + X[t]); p_{t} = h_{t+1}@U
                       l_{t} = softmax_ce(h_{t+1}@U + c, y[t]) + sum(p_{t}**2) }
        L = l_0 + l_1 + l_2 + l_3
    """
    assert counted(text, kept={wrt})["stack"] == 1  # the others are made at once
    rng = np.random.default_rng(0)
    given: dict[str, Any] = {"X": rng.standard_normal((4, 2, 3)), "y": rng.integers(0, 5, (4, 2))}
    given |= {"W": rng.standard_normal((3, 3)), "U": rng.standard_normal((3, 5)), "c": rng.standard_normal(5)}
    want, have = (
        graphc.load(text, level=level, wrt=[wrt], verify=False).value_and_grad(**given)[1][wrt] for level in (0, 2)
    )
    np.testing.assert_allclose(have, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", [
    "input x[N, D]\nparam W[D, D]\nh_0 = x\nfor t in 0:4 { h_{t+1} = tanh(h_{t}@W) }\nL = sum(h_4)",
    "input a[N, D], b[N, D]\nparam W[D, K]\nL = sum(exp(a@W) * (b@W))",  # two are few
    "input a[N, D], b[N, D], c[N, D]\nparam W[D, K]\nL = sum(exp(a@W) * (b@W) * (c@W))",  # they would be copied
    "input i[3, N]: int\nparam E[V, D]\nL = sum(E[i[0]] * E[i[2]])",
])  # fmt: skip
def test_what_goes_from_step_to_step_stays(text: str) -> None:
    graph = graphc.parse(text)
    assert steps_at_once(graph) is graph
