"""What reads an array later on reads it where it is first read: how many arrays of a layer a program has then."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned, agree_in_a_workspace
from graphc.passes.read_together import MOST, read_together

# The example of the file, in the language: a layer of products of two branches.
GATED = """
param X[N, D], W[D, F], V[D, F], P[F, D]
A = X @ W
B = X @ V
Y = X + (silu(A) * B) @ P
L = sum(Y**2)
"""
# The slope is made where the values are: neither these nor their distribution function wait for backward.
GELU = """
param X[N, D], W[D, F], P[F, D]
Y = X + gelu(tanh(X) @ W, approximate="tanh") @ P
L = sum(Y**2)
"""
# B is needed as a whole later on, so nothing is free where the exponential is read first.
NEEDED = """
input X[N, D], T[N, D]
param W[D, F], V[D, F], P[F, D]
B = X @ V
E = (X @ W * B) @ P - T
L = sum(E**2) + sum((B @ P)**2)
"""
KEPT = GATED + "output L, A, B\nloss L\n"


def whole(text: str) -> int:
    """How many arrays of N rows and F columns there are."""
    planned = Planned(text)
    nodes = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    return len({planned.plan.array[node.id] for node in nodes if str(node.type).startswith("(N, F)")})


@pytest.mark.parametrize(("text", "count"), [(GATED, 4), (GELU, 2), (KEPT, 5), (NEEDED, 4)])
def test_arrays_of_a_layer(text: str, count: int) -> None:
    assert whole(text) == count


def test_what_goes_through_a_layer_does_so_in_loops() -> None:
    planned = Planned(GATED)
    alone = [planned.graph[item.nodes[0]] for item in planned.plan.items if item.rows is None]
    layers = [node for node in alone if str(node.type).startswith("(N, F)") and planned.plan.kind[node.id] == "buffer"]
    assert [node.op for node in layers] == ["matmul", "matmul", "matmul"]


@pytest.mark.parametrize("text", [GATED, GELU, NEEDED, KEPT])
def test_each_value_once_and_after_its_operands(text: str) -> None:
    graph = Planned(text).graph
    bound = [id for id in graph.nodes if graph[id].op in ("argument", "seed")]
    order = [id for id in sorted(graph.nodes) if id not in bound]
    moved, _ = read_together(graph, order, graph.roots, bound)
    assert sorted(moved) == order
    for position, id in enumerate(moved):
        assert not {u for u in graph[id].operands if u in order} - set(moved[:position])


@pytest.mark.parametrize("text", [GATED, GELU, NEEDED], ids=["gated", "gelu", "needed"])
@pytest.mark.parametrize("rows", [0, 1, 3, 500])
def test_the_numbers_are_the_same(text: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    shapes = {"X": (rows, 5), "T": (rows, 5), "W": (5, 200), "V": (5, 200), "P": (200, 5)}
    net, literal = (graphc.load(text, level=level, verify=False) for level in (2, 0))
    given = {name: rng.standard_normal(shapes[name]) / 5 for name in [*net.INPUTS, *net.PARAMETERS]}
    agree_in_a_workspace(net, literal, given)


def test_no_more_than_a_few_statements_are_moved() -> None:
    chain = "\n".join(f"t_{k + 1} = sin(t_{k}) * A" for k in range(MOST))
    text = f"input X[N, D]\nparam W[D, F], V[F, F]\nA = X @ W\nt_0 = A * A\nL = sum((t_0 @ V)**2)\n{chain}\n"
    graph = Planned(text + f"M = sum(t_{MOST})\noutput L, M\nloss L").graph
    bound = [id for id in graph.nodes if graph[id].op in ("argument", "seed")]
    order = [id for id in sorted(graph.nodes) if id not in bound]
    assert sorted(read_together(graph, order, graph.roots, bound)[0]) == order
