"""Definitions in place of composite operations: value and gradient share what they have in common."""

from __future__ import annotations

import pytest

import graphc
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from graphc.pipeline import optimise
from passes.operations import apart, counted

CLASSES = "input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X @ W, y)"
PROGRAMS = [
    CLASSES,
    "param S[N, C]\nL = sum(logsumexp(S, axis=1))",
    "param x[N, D], g[D], b[D]\nL = sum(layer_norm(x, g, b)**2)",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_no_composite_operation_is_left(text: str) -> None:
    joint = graphc.differentiate(graphc.parse(text))
    assert any(joint.op(node).definition is not None for node in joint)
    graph = expand(joint, share=True)
    assert not any(graph.op(node).definition is not None for node in graph)
    graph.verify()


def test_a_loss_and_its_gradient_share_log_sum_exp() -> None:
    """One largest entry per row, one array of exponentials, one sum of each row."""
    alone = counted(apart(CLASSES))
    assert alone["exp"] == 2 and alone["largest"] == 2
    shared = counted(optimise(graphc.differentiate(graphc.parse(CLASSES)), 1))
    assert shared["exp"] == 1 and shared["largest"] == 1 and shared["matmul"] == 2


@pytest.mark.parametrize(("text", "op"), [(PROGRAMS[1], "exp"), (PROGRAMS[2], "sqrt")])
def test_so_do_others(text: str, op: str) -> None:
    joint = eliminate_dead_code(graphc.differentiate(graphc.parse(text)))
    assert counted(expand(joint, share=False))[op] > 1
    assert counted(eliminate_dead_code(expand(joint, share=True)))[op] == 1


def test_a_result_without_a_name_is_called_after_what_it_is_of() -> None:
    """By the operands of the new graph: the old one has other numbers for them, where equal operations became one."""
    text = "input T[N, D]\nz1 = tanh(T)\nz2 = logaddexp(T, T)\nz3 = tanh(T)\na = z1 * 1.5\nb = z2 * 1.5\nc = z3 * 1.5"
    for level in (0, 1, 2):
        assert "def forward(" in graphc.compile(text + "\noutput a, b, c", level=level)
