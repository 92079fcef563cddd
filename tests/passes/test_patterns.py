"""Patterns against nodes: what may match is found without matching, and nothing that matches is missed."""

from __future__ import annotations

import re

import pytest

import graphc
from graphc.passes import simplify
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


def test_replacements_of_operators_are_made_node_by_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of these a large program has thousands: nothing of them is looked up by its name."""
    every = [rewrite for group in rewrites().values() for rewrite in group]
    made = {rewrite.replacement.span.text for rewrite in every if rewrite.operators is not None}
    assert {"(x - y) * z", "-x", "x", "x * (y - 1)", "-(x @ y)", "w + x @ (y + z)"} <= made
    assert all(re.search(r"\w\(", r.replacement.span.text) for r in every if r.operators is None), "calls alone are not"

    def refused(*_: object) -> int:
        raise AssertionError("an expression was evaluated")

    monkeypatch.setattr(simplify._Simplifier, "_evaluated", refused)
    text = graphc.compile("input x[N, D]\nparam W[D, D]\nL = sum(softmax(softmax(x @ W) @ W)**2)", verify=False)
    assert "((product_W - (product_W * softmax).sum(axis=1, keepdims=True)) * softmax)" in text
