"""Copies of what NumPy would copy without a word, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.in_order import copy_in_order
from graphc.passes.strength import reduce_strength
from graphc.pipeline import optimise
from ops.programs import array, compiled
from passes.operations import counted


def graphs(text: str) -> tuple[Graph, Graph]:
    before = optimise(graphc.differentiate(graphc.parse(text)), 2)
    return before, copy_in_order(before)


@pytest.mark.parametrize(("made", "shape"), [
    ("transpose(X, axes=(0, 2, 1, 3))", "(2, 5, 3*n)"),  # heads side by side
    ("transpose(X, axes=(0, 2, 1, 3))", "(2*5*3*n,)"),
    ("X[:, :, 0:2]", "(2*3*2*n,)"),
    ("X[:, :, ::2]", "(6, 3*n)"),
    ("swapaxes(X, 2, 3)", "(2, 3*n*5)"),
    ("X[::-1]", "(2*3*5*n,)"),
])  # fmt: skip
def test_joined_axes_that_were_moved_are_copied(made: str, shape: str) -> None:
    before, after = graphs(f"param X[2, 3, 5, n]\nL = sum(sin(reshape({made}, {shape})))")
    assert counted(before)["in_order"] == 0 and counted(after)["in_order"] >= 1
    x = array(2, 3, 5, 4)
    taken = eval(made, {"X": x, "transpose": np.transpose, "swapaxes": np.swapaxes})
    joined = taken.reshape(eval(shape, {"n": 4}))
    assert not np.shares_memory(joined, x), "the case is not one: NumPy does not copy here"


@pytest.mark.parametrize(("made", "shape"), [
    ("X", "(2, 3*5*n)"),
    ("transpose(X, axes=(0, 2, 1, 3))", "(2, 5, 1, 3, n)"),
    ("transpose(X, axes=(2, 0, 1, 3))", "(5, 2, 3, n, 1)"),
    ("X[1:]", "(3, 5*n)"),
    ("X[:, :, 0:2]", "(2, 3, 1, 2, n)"),
])  # fmt: skip
def test_what_numpy_only_shows_in_another_shape_is_not(made: str, shape: str) -> None:
    _, after = graphs(f"param X[2, 3, 5, n]\nL = sum(sin(reshape({made}, {shape})))")
    assert counted(after)["in_order"] == 0
    x = array(2, 3, 5, 4)
    taken = eval(made, {"X": x, "transpose": np.transpose})
    assert np.shares_memory(taken.reshape(eval(shape, {"n": 4})), x), "the case is not one: NumPy copies here"


ATTENTION = """
input X[B, T, 8]
param W[8, 8], V[8, 8]
Q = transpose(reshape(X@W, (B, T, 2, 4)), axes=(0, 2, 1, 3))
A = attention(Q, Q, Q, causal=true)
L = sum(sin(reshape(transpose(A, axes=(0, 2, 1, 3)), (B, T, 8)) @ V))
"""


def test_one_copy_is_enough_for_two_reshapes() -> None:
    """The heads side by side are a stack of matrices, and for the gradient of V one matrix."""
    before, after = graphs(ATTENTION)
    assert counted(before)["reshape"] > counted(after)["in_order"] == 2, "of A and of dQ"


def test_the_numbers_are_the_same() -> None:
    given = {"X": array(3, 5, 8), "W": array(8, 8), "V": array(8, 8, seed=1)}
    fast, literal = compiled(ATTENTION, 2), compiled(ATTENTION, 0)
    workspace = fast.Workspace(**given)
    want, gradients = literal.value_and_grad(**given)
    for _ in range(2):
        have, found = fast.value_and_grad(**given, workspace=workspace)
        assert abs(have - want) <= 1e-12 * max(1, abs(want))
        assert all(np.abs(found[k] - g).max() <= 1e-11 * max(1, np.abs(g).max()) for k, g in gradients.items())


def taken_from(text: str) -> list[int]:
    """Which operands of a program's products, sums of products and picked rows are copied first."""
    graph = copy_in_order(strength_reduced(text))
    reading = [node for node in graph if node.op in ("matmul", "vdot", "gather")]
    assert reading, "the case is not one"
    return [k for node in reading for k, u in enumerate(node.operands) if graph[u].op == "in_order"]


def strength_reduced(text: str) -> Graph:
    return reduce_strength(optimise(graphc.differentiate(graphc.parse(text), wrt=["V"]), 2))


@pytest.mark.parametrize("made", [
    "X[::-1] @ W", "X[:, ::-1] @ W", "X[:, ::2] @ U", "X[::-1].T @ X", "sum(X.T * tanh(Y))", "sum(X[::-1] * tanh(Z))",
    "sum(X[:, 1:] * tanh(X[:, :-1]))", "X[:, 1:][i]", "X.T[i]", "X[::-1][i]", "broadcast_to(X[:1], (N, M))[i]",
])  # fmt: skip
def test_what_is_read_as_it_lies_is_copied_first(made: str) -> None:
    declared = "input i[P]: int, X[N, M], Y[M, N], Z[N, M], W[M, K], U[(M + 1)//2, K]\nparam V[]\n"
    assert taken_from(f"{declared}L = sum(sin({made})) * V")


@pytest.mark.parametrize("made", [
    "X @ W", "X.T @ Z", "X[1:] @ W", "X[::2] @ W", "X[:, 1:4] @ F", "X.T[::2] @ Z", "sum(X * tanh(Z))",
    "sum(X[1:] * tanh(Z[:-1]))", "X[i]", "X[1:][i]", "X[:, i]", "reshape(X, (M, N))[i]", "sin(X[::-1]) @ W",
    "sum(X[::-1])*sum(X@W)", "k[::-1][i] * (X @ W)[0, 0]",
])  # fmt: skip
def test_what_can_be_read_in_its_place_is_not(made: str) -> None:
    declared = "input i[P]: int, k[N]: int, X[N, M], Z[N, M], W[M, K], F[3, K]\nparam V[]\n"
    assert not taken_from(f"{declared}L = sum(sin({made})) * V")
