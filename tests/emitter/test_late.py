"""What only a later loop needs is made there: which values are whole arrays, and that the numbers are right."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned, agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

# dh is as large as h, of which both its readers and the gradient of v need all.
POOLED = """
input X[N, T, D]
param W[D, H], v[H], u[D]
h = tanh(X @ W)
a = softmax(h @ v, axis=1)
P = sum(a[:, :, None] * X, axis=1)
L = sum((P @ u)**2)
"""
# What is made of another array of its size stays where that is: to make it later that one would have to wait.
CHAIN = """
input X[N, D]
param W[D, H], V[H, H]
A = sin(X @ W)
B = exp(A) * A
L = sum((A @ V) * B)
"""
GIVEN = {"X": array(70, 3, 2), "W": array(2, 4), "v": array(4), "u": array(2)}


def whole(planned: Planned, shape: str) -> int:
    nodes = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    return len({planned.plan.array[node.id] for node in nodes if str(node.type).startswith(shape)})


def test_an_array_of_a_layer_less() -> None:
    planned = Planned(POOLED)
    assert whole(planned, "(N, T, H)") == 1
    products = [node for node in planned.graph if node.op == "multiply" and str(node.type).startswith("(N, T, H)")]
    repeated = [node for node in products if any((planned.graph[u].type.rank or 0) < 3 for u in node.operands)]
    assert repeated and not any(node.id in planned.plan.full for node in repeated)


def shown(planned: Planned, id: int) -> set[int]:
    """The arrays of the memory that a value shows."""
    if planned.plan.kind.get(id) == "view":
        return {base for u in planned.graph[id].operands for base in shown(planned, u)}
    return {id} if planned.plan.kind.get(id) == "buffer" else set()


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize("rows", [70, 1, 0])
def test_the_numbers_are_those_of_the_literal_derivation(tile: str, rows: int) -> None:
    source = graphc.compile(POOLED, level=2, verify=False)
    fast = module_from(source.replace("131072", tile), "late.g")
    agree_in_a_workspace(fast, compiled(POOLED, 0), {**GIVEN, "X": GIVEN["X"][:rows]})


def test_each_statement_once_and_after_what_it_reads() -> None:
    for text in (POOLED, CHAIN):
        planned = Planned(text)
        order = [id for item in planned.plan.items for id in item.nodes]
        assert len(order) == len(set(order))
        made: set[int] = set()
        for id in order:
            if planned.plan.kind[id] == "buffer":
                needed = {base for u in planned.graph[id].operands for base in shown(planned, u)}
                assert needed <= made, id
                made.add(id)


def test_what_would_make_another_array_wait_stays() -> None:
    net = graphc.load(CHAIN, level=2, verify=False)
    rng = np.random.default_rng(0)
    given = {"X": rng.standard_normal((70, 3)), "W": rng.standard_normal((3, 4)), "V": rng.standard_normal((4, 4))}
    agree_in_a_workspace(net, compiled(CHAIN, 0), given)
    planned = Planned(CHAIN)
    first = min(k for k, item in enumerate(planned.plan.items) if item.rows is not None)
    assert any(planned.graph[id].op == "exp" for id in planned.plan.items[first].nodes)
