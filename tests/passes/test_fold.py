"""Folding on graphs: what each rewrite makes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.fold import fold
from ops.programs import array, body, hold


def folded(text: str) -> list[str]:
    """The operations of a program after folding, in order, without its arguments."""
    return _operations(graphc.parse(text))


def gradients(text: str) -> list[str]:
    """The same of the joint graph of a program and its gradients."""
    return _operations(graphc.differentiate(graphc.parse(text)))


def _operations(graph: Graph) -> list[str]:
    result = eliminate_dead_code(fold(eliminate_dead_code(graph)))
    return [node.op for node in result if node.op not in ("argument", "seed", "const")]


@pytest.mark.parametrize(
    ("program", "operations"),
    [
        ("input x[n], W[n, m]\ny = x @ W", ["matmul"]),
        ("input W[m, n], x[n]\ny = W @ x", ["matmul"]),
        ("input x[n], y[n]\nz = x @ y", ["matmul"]),
        ("input X[n, m]\ny = X.T.T * 2", ["multiply"]),
        ("input X[n, m, k]\ny = transpose(transpose(X, (2, 0, 1)), (1, 2, 0)) * 2", ["multiply"]),
        ("input X[n, m, k]\ny = transpose(transpose(X, (2, 0, 1)), (0, 2, 1))", ["transpose"]),
        ("input X[n, m]\ny = reshape(reshape(X, (m, n)), (n*m, 1))", ["reshape"]),
        ("input X[n, m]\ny = 2 * reshape(flatten(X), (n, m))", ["multiply"]),
        ("input X[n, m]\ny = 2 * squeeze(expand_dims(X, 1), 1)", ["multiply"]),
        ("input X[n, 1]\ny = 2 * expand_dims(squeeze(X, 1), 1)", ["multiply"]),
        ("input X[n, m]\ny = squeeze(sum(X, axis=1, keepdims=true), 1)", ["sum"]),
        ("input X[n, m]\ny = expand_dims(sum(X, axis=1), 1)", ["sum"]),
        ("input x[n], X[m, n]\ny = x[None, :] * X", ["multiply"]),
        ("input X[n, 1], Y[1, m]\nZ = X @ Y", ["matmul"]),
    ],
)
def test_programs(program: str, operations: list[str]) -> None:
    assert folded(program) == operations


@pytest.mark.parametrize(
    ("program", "operations"),
    [
        # value, then dW = outer(x, dy), dx = dy @ mT(W)
        ("input x[n], W[n, m]\ny = x @ W", ["matmul", "mT", "matmul", "outer"]),
        ("input x[n], y[n]\nz = x @ y", ["matmul", "multiply", "multiply"]),
        ("input x[n], W[n, m]\ny = -(x @ W)", ["matmul", "negative", "negative", "mT", "matmul", "outer"]),
        ("input X[N, n], A[m, n]\nY = X @ A.T", ["mT", "matmul", "matmul", "mT", "matmul"]),
        ("input X[B, N, D], W[D, H]\nY = X @ W", ["matmul", "mT", "matmul", "reshape", "reshape", "mT", "matmul"]),
    ],
)
def test_gradients(program: str, operations: list[str]) -> None:
    assert sorted(gradients(program)) == sorted(operations)


def test_a_value_that_is_used_elsewhere_too_is_not_computed_twice() -> None:
    program = "input x[n], W[n, m]\nrow = expand_dims(x, 0) @ W\ny = squeeze(row, 0)\nz = exp(row)"
    assert folded(program).count("matmul") == 1


PARTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("input Z[N, 2*H]\nc = sin(Z[:, 0:H]) * cos(Z[:, H:])", {"Z": array(2, 4)}, ["concatenate"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1])", {"Z": array(2, 2)}, ["stack"]),
    ("input Z[N, 3]\nc = sin(Z[:, 0]) * sum(Z[:, 1:]**2, axis=1)", {"Z": array(2, 3)}, ["concatenate"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1])\nd = exp(Z)", {"Z": array(2, 2)}, ["stack"]),
    ("input Z[N, H]\nc = sin(Z[:, 1:]) * cos(Z[:, :-1])", {"Z": array(2, 3)}, ["unslice", "unslice"]),
    ("input Z[N, H]\nc = sin(Z[:, 0]) * cos(Z[:, 1])", {"Z": array(2, 3)}, ["unslice", "unslice"]),
    ("input Z[2, 2]\nc = sin(Z[:, 0]) * cos(Z[1])", {"Z": array(2, 2)}, ["unslice", "unslice"]),
    ("input Z[n]\nc = sin(Z[:-1]) + exp(Z[:-1]) * Z[1:]", {"Z": array(4)}, ["unslice", "unslice"]),
    ("input Z[n]\nc = sin(Z[:-1]) + exp(Z[:-1]) * Z[1:]", {"Z": array(1)}, ["unslice", "unslice"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1]) * exp(Z[:, 0])", {"Z": array(3, 2)}, ["stack"]),
    ("input Z[n, m]\nc = sin(Z[0, 1:]) * cos(Z[0, 1:])\nd = Z**2", {"Z": array(2, 3)}, ["unslice"]),
    ("input Z[n]\nc = sum(Z[::2] * exp(Z[::2])) + sum(Z[1::2])", {"Z": array(5)}, ["unslice", "unslice"]),
]


@pytest.mark.parametrize(("program", "arguments", "joins"), PARTS)
def test_parts_that_fill_an_array_are_joined(program: str, arguments: dict[str, Any], joins: list[str]) -> None:
    made = [op for op in gradients(program) if op in ("concatenate", "stack", "unslice")]
    assert made == joins
    hold(program, arguments)


def test_names_stay() -> None:
    graph = fold(graphc.parse("input x[n], W[n, m]\ny = x @ W\nz = exp(y)"))
    assert graph[graph.values["y"]].op == "matmul" and graph[graph.values["y"]].name == "y"


def test_equal_parts_of_a_size_with_a_name_are_joined() -> None:
    """The module checks that N is even; where it does not, what lies behind the parts gets zeros."""
    lines = body("input x[N, D]\na, b = split(x, 2)\ny = a * b", "backward")
    assert any("np.concatenate([da, db], axis=0)" in line for line in lines)
    lines = body("input x[N]\na = x[:N//2]\nb = x[N//2:2*(N//2)]\ny = a * b", "backward")
    assert not any("concatenate" in line for line in lines)
