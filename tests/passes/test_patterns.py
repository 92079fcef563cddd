"""Patterns against nodes: what may match is found without matching, and nothing that matches is missed."""

from __future__ import annotations

import pytest

import graphc
from graphc.passes.patterns import candidates, matches, rewrites
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
    builder = graph  # whoever matches asks for nodes by their ids
    for node in graph:
        quick = candidates(node.op, tuple(graph[u].op for u in node.operands))
        for rewrite in rewrites().get(node.op, ()):
            hits = list(matches(builder, rewrite.form, node.operands, dict(node.attrs)))  # type: ignore[arg-type]
            assert not hits or rewrite in quick, rewrite.pattern.span.text
            found += bool(hits)
    assert found or "softmax" in text


def test_most_rewrites_are_not_tried() -> None:
    every = rewrites()["multiply"]
    assert len(candidates("multiply", ("tanh", "exp"))) < len(every) / 2
    assert candidates("tanh", ("add",)) == ()


def test_both_orders_of_a_product() -> None:
    left = {r.pattern.span.text for r in candidates("multiply", ("negative", "exp"))}
    right = {r.pattern.span.text for r in candidates("multiply", ("exp", "negative"))}
    assert left == right
    assert "(-x) * y" in left


def test_what_comes_of_it() -> None:
    assert graphc.compile("input x[N], y[N]\nz = x + (-y)\noutput z", verify=False).count("x - y") >= 1
