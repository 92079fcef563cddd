"""Hoisting out of unrolled loops: many short products are one long one, and nothing is hoisted that would cost more."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.hoist import LEAST, hoist
from graphc.passes.simplify import simplify
from graphc.passes.strength import reduce_strength
from graphc.pipeline import optimise
from ops.programs import array, hold
from passes.operations import counted, entries


def loop(steps: int) -> str:
    return (
        f"input X[{steps}, N, D]\nparam U[D, H], b[H]\ns_0 = 0\n"
        f"for t in 0:{steps} {{ s_{{t+1}} = s_{{t}} + sum(tanh(X[t] @ U + b)) }}\nL = s_{steps} * 1\noutput L"
    )


def graphs(text: str) -> tuple[Graph, Graph]:
    """The joint graph as the pass meets it, and what it makes of it."""
    graph = optimise(graphc.differentiate(graphc.parse(text)), 2)
    graph = eliminate_dead_code(simplify(reduce_strength(eliminate_dead_code(graph))))
    return graph, hoist(graph)


@pytest.mark.parametrize("steps", [3, 5, 9])
def test_the_products_of_all_steps_are_one_and_so_are_their_gradients(steps: int) -> None:
    before, after = graphs(loop(steps))
    assert counted(before)["matmul"] == 2 * steps
    assert counted(after)["matmul"] == 2
    assert counted(after)["sum"] == counted(before)["sum"] - steps + 1, "db is one sum over all steps"


def test_no_more_memory_than_the_parts_took() -> None:
    before, after = graphs(loop(8))
    assert entries(after, "matmul") <= entries(before, "matmul")


def test_few_parts_stay() -> None:
    before, after = graphs(loop(LEAST - 1))
    assert counted(after)["matmul"] == counted(before)["matmul"]


def test_what_hangs_on_the_step_before_stays_in_its_step() -> None:
    text = "input X[6, N, D]\nparam W[D, D]\nh_0 = X[0]\nfor t in 0:6 { h_{t+1} = tanh(h_{t} @ W) }\nL = sum(h_6)"
    before, after = graphs(text)
    forward = [node for node in after if node.op == "matmul" and str(node.type) == "(N, D)"]
    assert len(forward) == 6 + 5, "six steps and the way back through five of them"
    assert counted(before)["matmul"] == 6 + 5 + 6
    assert counted(after)["matmul"] == 6 + 5 + 6, "as one product the gradients would keep the arrays of all steps"


@pytest.mark.parametrize(("inputs", "products"), [("", 6), (" + X[t] @ U", 2)])
def test_sums_for_which_much_more_would_have_to_wait_stay(inputs: str, products: int) -> None:
    """Where the product with the inputs waits for all steps anyway, the one with the states needs no more memory."""
    steps = f"for t in 0:6 {{ h_{{t+1}} = tanh(h_{{t}} @ W{inputs}) }}"
    text = f"input X[6, N, D], h_0[N, D]\nparam W[D, D], U[D, D]\n{steps}\nL = sum(h_6**2)"
    _, after = graphs(text)
    gradients = [node for node in after if node.op == "matmul" and str(node.type) == "(D, D)"]
    assert len(gradients) == products


def test_the_numbers_are_the_same() -> None:
    hold(loop(4), {"X": array(4, 3, 2), "U": array(2, 5), "b": array(5)},
         lambda X, U, b: np.tanh(X @ U + b).sum(), levels=(2,))  # fmt: skip
