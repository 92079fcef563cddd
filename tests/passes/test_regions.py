"""Row regions: which statements run tile by tile, together with which others."""

from __future__ import annotations

import graphc
from graphc.ir.graph import Graph
from graphc.passes.joint import fuse
from graphc.passes.regions import Item, find_regions
from graphc.pipeline import optimise


def items_of(text: str) -> tuple[Graph, list[Item]]:
    graph = fuse(optimise(graphc.differentiate(graphc.parse(text)), 2))
    bound = {a.node for a in graph.arguments} | set(graph.cotangents.values())
    return graph, find_regions(graph, sorted(set(graph.nodes) - bound), bound)


def loops(text: str) -> list[list[str]]:
    """The operations of each loop."""
    graph, items = items_of(text)
    return [[graph[id].op for id in item.nodes] for item in items if item.rows is not None]


def test_elementwise_operations_and_row_reductions_are_one_loop() -> None:
    found = loops("param X[N, D], g[D]\nY = X * g\nZ = Y - sum(Y, axis=1, keepdims=true)\nL = sum(exp(Z))")
    assert len(found) == 1
    assert {"multiply", "sum", "subtract", "exp"} <= set(found[0])


def test_products_of_matrices_part_loops() -> None:
    found = loops("input X[N, D]\nparam W[D, H], V[H, C]\nH1 = tanh(X@W) * 2\nS = exp(H1@V) + 1\nL = sum(S)")
    assert all("matmul" not in loop for loop in found)
    assert len(found) >= 2


def test_products_of_a_batch_join() -> None:
    found = loops("input X[B, T, D]\nparam W[D, D]\nY = X@W\nZ = softmax(Y @ swapaxes(Y, 1, 2))\nL = sum(Z * Z)")
    assert any(loop.count("matmul") >= 2 for loop in found)


def test_sums_over_rows_are_collected() -> None:
    graph, items = items_of("param X[N, D], b[D]\nY = tanh(X) * 2 + b\nL = sum(Y * Y)")
    collected = [graph[id].op for item in items for id in item.collected]
    assert "vdot" in collected


def test_what_hangs_on_other_rows_is_not_in_a_loop() -> None:
    graph, items = items_of("param X[N, D]\nY = cumsum(exp(X), axis=0)\nL = sum(Y * tanh(Y))")
    inside = [graph[id].op for item in items if item.rows is not None for id in item.nodes]
    assert "cumsum" not in inside


def test_sums_that_are_vectors_part_no_loop() -> None:
    """What the sum of a parameter's rows stands between would be kept as a whole."""
    mixture = """input X[N, D]
        param M[K, D], s[K, D]
        z = (X[:, None, :] - M) * exp(-s)
        L = -mean(logsumexp(-0.5 * sum(z**2, axis=2) - sum(s, axis=1), axis=1))"""
    found = loops(mixture)
    assert [loop.count("exp") for loop in found if "vecdot" in loop] == [1]
    graph, items = items_of(mixture)
    sums = [k for k, item in enumerate(items) for id in item.nodes if graph[id].op == "sum" and item.rows is None]
    assert sums and min(sums) < min(k for k, item in enumerate(items) if item.rows is not None)


def test_a_few_rows_are_no_loop() -> None:
    assert loops("param X[8, D]\nY = tanh(X) * exp(X)\nL = sum(Y * Y)") == []


def test_a_few_rows_that_are_matrices_are_a_loop() -> None:
    assert len(loops("param X[8, N, D]\nY = tanh(X) * exp(X)\nL = sum(Y * Y)")) == 1


def test_many_passes_over_vectors_are_a_loop_where_no_arrays_are() -> None:
    logistic = "input X[N, D], y[N]\nparam w[D]\nL = bce_with_logits(X@w, y)"
    assert [loop.count("exp") for loop in loops(logistic)] == [1]
    assert loops("input X[N, D], y[N]\nparam w[D]\nL = mse(X@w, y)") == []  # there are few
    others = "\nparam A[K, K]\nM = L + sum(exp(A) * A)\noutput M\nloss M"
    assert [loop.count("exp") for loop in loops(logistic + others)] == [1]  # that of A
    rows = loops("input X[N, D], y[N]\nparam W[D, H], w[H]\nH = tanh(X@W) * 2\nL = bce_with_logits(H@w, y)")
    assert len(rows) > 1 and not any({"exp", "logaddexp"} & set(loop) for loop in rows)


def test_every_node_stands_once_and_after_what_it_needs() -> None:
    text = "input X[N, D], y[N]: int\nparam W[D, H], V[H, C], b[H]\nL = softmax_ce(relu(X@W + b) @ V, y)"
    graph, items = items_of(text)
    seen = {a.node for a in graph.arguments}
    seen |= {node.id for node in graph if graph.op(node).view}  # written where they are read
    for item in items:
        for id in item.nodes:
            assert set(graph[id].operands) <= seen
            seen.add(id)
    assert seen == set(graph.nodes)
    listed = [id for item in items for id in item.nodes]
    assert len(listed) == len(set(listed))


def test_a_product_with_a_vector_joins_if_nothing_else_reads_the_matrix() -> None:
    text = "input X[N, D], v[D]\nparam w[D]\nY = tanh(X) * w\nL = sum((Y @ v)**2)"
    assert any("matmul" in loop for loop in loops(text))
    kept = text.replace("L = ", "M = Y * Y\nL = sum(M, axis=0) @ w + ")
    assert not any("matmul" in loop for loop in loops(kept))
