"""Patterns against nodes: what may match is found without matching, and nothing that matches is missed."""

from __future__ import annotations

import pytest

import graphc
from graphc.passes.patterns import candidates, rewrites
from passes.operations import apart

PROGRAMS = [
    "param x[N, D], y[N, D]\nL = sum(-(-x) + x * (-y) - (x - y) * (-y) + x - x * y)",
    "param x[N, D], y[N, D]\nL = sum(log(x * y) / y + x / (-y) + x * 1 + 0 - y)",
    "param X[N, D], W[D, H]\nL = sum((-X) @ W) + sum(sum(-X, axis=1)) + sum(X.T.T)",
    "input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X @ W, y)",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_no_match_is_missed(text: str) -> None:
    graph, found = apart(text), 0
    for node in graph:
        quick = candidates(node.op, tuple(graph[u].op for u in node.operands))
        for rewrite in rewrites().get(node.op, ()):
            for order in rewrite.orders:
                hit = order.match(graph.nodes, node.operands, dict(node.attrs))
                assert hit is None or (rewrite, order) in quick, rewrite.pattern.span.text
                found += hit is not None
    assert found or "softmax" in text


def test_a_name_that_stands_twice_is_one_value() -> None:
    (rewrite,) = [r for r in rewrites()["multiply"] if r.pattern.span.text == "(x / y) * y"]
    graph = graphc.parse("input a[N], b[N], c[N]\nright = (a / b) * b\nturned = b * (a / b)\nwrong = (a / b) * c")
    found = {}
    for name in ("right", "turned", "wrong"):
        hits = [order.match(graph.nodes, graph[graph.values[name]].operands, {}) for order in rewrite.orders]
        found[name] = [dict(hit.bindings) for hit in hits if hit is not None]
    assert found["right"] == found["turned"] == [{"x": graph.values["a"], "y": graph.values["b"]}]
    assert found["wrong"] == []


def test_most_rewrites_are_not_tried() -> None:
    every = rewrites()["multiply"]
    assert len({rewrite for rewrite, _ in candidates("multiply", ("tanh", "exp"))}) < len(every) / 2
    assert candidates("tanh", ("add",)) == ()


def test_both_orders_of_a_product() -> None:
    left = {r.pattern.span.text for r, _ in candidates("multiply", ("negative", "exp"))}
    right = {r.pattern.span.text for r, _ in candidates("multiply", ("exp", "negative"))}
    assert left == right
    assert "(-x) * y" in left


def test_what_comes_of_it() -> None:
    assert graphc.compile("input x[N], y[N]\nz = x + (-y)\noutput z", verify=False).count("x - y") >= 1
