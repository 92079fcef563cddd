"""Folding on graphs: what each rewrite makes, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes import fold as module
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
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


def test_names_stay() -> None:
    graph = fold(graphc.parse("input x[n], W[n, m]\ny = x @ W\nz = exp(y)"))
    assert graph[graph.values["y"]].op == "matmul" and graph[graph.values["y"]].name == "y"


def test_what_may_not_fit_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted((Path(__file__).parents[2] / "examples").glob("**/*.g"))
    programs = [path.read_text(encoding="utf-8") for path in paths if "import" not in path.read_text(encoding="utf-8")]
    graphs = [expand(graphc.differentiate(graphc.parse(text)), share=True) for text in programs]
    quick = [[(node.op, node.type, node.attrs) for node in eliminate_dead_code(fold(graph))] for graph in graphs]
    monkeypatch.setattr(module, "_may_fit", lambda nodes, op, operands: op in module._REWRITES)
    for graph, nodes in zip(graphs, quick, strict=True):
        assert [(node.op, node.type, node.attrs) for node in eliminate_dead_code(fold(graph))] == nodes


def test_a_graph_that_nothing_may_fit_is_left_alone() -> None:
    graph = graphc.parse("input X[n, m], W[m, k]\ny = tanh(X @ W) + 1")
    assert fold(graph) is graph


def test_the_gradient_of_the_only_column_is_a_column() -> None:
    """A matrix by a vector of each sample, written by hand: its gradient was put into zeros of one column."""
    text = "input x[N, K], c[N, 2]\nparam A[N, M, K], B[N, M, K]\ny = (A @ x[:, :, None])[:, :, 0]\n"
    text += "z = (B @ x[..., None])[..., -1] * y\nw = (A @ x[:, :, None])[:, :, 0] * z\nL = sum(tanh(z) * w)"
    for level in (1, 2):
        assert "zeros" not in "".join(body(text, "backward", level))
    hold(text + " + sum(c)", {"x": array(3, 2), "A": array(3, 4, 2), "B": array(3, 4, 2), "c": array(3, 2)},
         levels=(0, 1, 2))  # fmt: skip
