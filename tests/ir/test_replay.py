"""What is made again from what was noted is what would have been made: node by node, with names and origins."""

from __future__ import annotations

from typing import Any

import pytest

import graphc
from graphc.ir import replay
from graphc.ir.graph import Graph
from graphc.passes.expand import expand

LAYERS = "\n".join([
    "input X[N, D], y[N]: int", "param W_{0:4}[D, D], b_{0:4}[D], g[D]", "h_{0} = X",
    "for k in 0:4 { h_{k+1} = layer_norm(gelu(h_{k} @ W_{k} + b_{k}), g, b_{0}) + 0.5 * h_{k} }",
    "L = softmax_ce(h_{4}, y) + sum(softmax(h_{4}) * softmax(h_{3}))",
])  # fmt: skip
PROGRAMS = [
    LAYERS,
    "h = tanh(X @ W + b); k = tanh(h @ V + b); L = sum(k * k) + sum(h * k)",
    "param x[N, D]\na = x * x; b = a * a; c = a * b; L = sum(sqrt(a) + 2 * b + c**2 + 3 * a + a / b + b / b)",
    "param a[n], b[n]\nrow = [1, 2, 3]\nL = sum(a[0:3] * row) + sum(b[0:3] * row) + sum(a[0:2]) + sum(b[1:3])",
    "param x[N, D]\nm = x > 0; k = x > 1; L = sum(where(m, x, 0)) + sum(where(k, x, 1)) + sum(x * m) + sum(x * k)",
    "op f(x, w) = tanh(x) * w\nrule f(x, w) -> y { t = tanh(x); dx = dy * w * (1 - t**2); dw = dy * t }\n"
    "input x[N, D], w[D], v[D]\nL = sum(f(x, w) * f(x, v) + f(f(x, w), w))",
    *(f"h_0 = X\nfor k in 0:4 {{ h_{{k+1}} = {step} }}\nL = sum(h_4)" for step in [
        "tanh(h_{k} @ W_{k} + b_{k})", "tanh(h_{k} * w_{k} + b_{k})", "h_{k} @ W_{k} / norm(W_{k}, axis=0)",
        "softmax(h_{k} @ W_{k}) * s_{k}", "layer_norm(h_{k} @ W_{k} @ h_{k}.T @ h_{k}, g_{k}, b_{k})",
        "exp(a_{k} - b_{k}) * h_{k} + (c_{k} @ d_{k}).T @ e_{k}", "(h_{k} @ W_{k})[:, 1:3] @ V_{k} * s_{k}",
        "attention(h_{k} @ Q_{k}, h_{k} @ K_{k}, h_{k} @ V_{k})", "maximum(h_{k} @ W_{k}, h_{k} @ V_{k}) + b_{0}",
    ]),
]


def written(graph: Graph) -> list[tuple[Any, ...]]:
    return [(n.id, n.op, n.operands, n.attrs, n.type, n.name, n.hint, n.origin) for n in graph]


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_nodes_are_those_that_would_have_been_made(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> list[list[tuple[Any, ...]]]:
        joint = graphc.differentiate(graphc.parse(text))
        return [written(joint), written(expand(joint, share=False)), written(expand(joint, share=True))]

    replayed = made()
    for place in ("graphc.language.expand", "graphc.passes.expand"):
        monkeypatch.setattr(f"{place}.replayed", lambda builder, what, op, attrs, inputs, make: make())
    assert replayed == made()


@pytest.mark.parametrize("declared", [True, False])
def test_a_rule_is_evaluated_once_for_each_kind_of_operand(declared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undeclared arguments are of one kind, although each has sizes of its own."""
    from graphc.language import expand as module

    evaluated: list[str] = []
    plain = module._evaluated

    def noted(builder: Any, op: Any, node: Any, *rest: Any) -> Any:
        evaluated.append(node.op)
        return plain(builder, op, node, *rest)

    monkeypatch.setattr(module, "_evaluated", noted)

    def count(layers: int) -> int:
        evaluated.clear()
        body = [f"h_{k + 1} = tanh(h_{k} @ W_{k} + b_{k})" for k in range(layers)]
        names = ", ".join(f"W_{k}[D, D], b_{k}[D]" for k in range(layers))
        declarations = ["input h_0[N, D]", f"param {names}"] if declared else []
        graphc.differentiate(graphc.parse("\n".join([*declarations, *body, f"L = sum(h_{layers})"])))
        return len(evaluated)

    assert 4 <= count(10) == count(40) <= 12


def test_nothing_more_is_noted_where_no_kind_comes_again() -> None:
    """Each matrix has sizes with names of its own."""
    body = [f"h_{k + 1} = tanh(h_{k} @ W_{k} + b_{k})" for k in range(100)]
    names = ", ".join(f"W_{k}[D{k}, D{k + 1}], b_{k}[D{k + 1}]" for k in range(100))
    graph = graphc.parse("\n".join(["input h_0[N, D0]", f"param {names}", *body, "L = sum(h_100)"]))
    kept: list[int] = []
    plain = replay._noted

    def noted(builder: Any, *rest: Any) -> Any:
        kept.append(len(builder.replays))
        return plain(builder, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "_noted", noted)
        graphc.differentiate(graph)
    assert replay.MANY < len(kept) <= replay.MANY + 2
