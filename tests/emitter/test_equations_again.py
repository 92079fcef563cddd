"""Equations that are written again are those that would have been written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import graphc
from graphc.emitter import equations_again
from graphc.emitter.equations import Bearers
from graphc.emitter.equations_again import Equations
from graphc.ir.graph import Node

STEPS = [
    "tanh(h_{k} @ W_{k} + b_{k})",
    "tanh(h_{k} * w_{k} + b_{k})",
    "softmax(h_{k} @ W_{k}) * s_{k} + h_{k}",
    "softmax(h_{k} @ W) * h_{k}",
    "layer_norm(h_{k} @ W, g_{k}, b_{k}) + 0.5 * h_{k}",
    "h_{k} @ W_{k} / norm(W_{k}, axis=0)",
    "exp(a_{k} - b_{k}) * h_{k} + (c_{k} @ d_{k}).T @ e_{k}",
    "(h_{k} @ W_{k})[:, 1:3] @ U_{k} * s_{k}",
    "attention(h_{k} @ Q_{k}, h_{k} @ K_{k}, h_{k} @ V_{k})",
    "maximum(h_{k} @ W_{k}, h_{k} @ V_{k}) + b_{0}",
    "sigmoid(h_{k} @ W_{k}) * log_sigmoid(h_{k}) + softplus(h_{k} - b_{k}) * (X % 3)",
    "(h_{k} @ inv(A_{k}.T @ A_{k} + eye(D))) * where(h_{k} > m_{k}, h_{k}, 2)",
    "h_{k} + -2 * tanh(tanh(sin(cos(exp(tanh(sigmoid(h_{k} * w_{k}) * 2) + 1) - 3) * 4) / 5) * 6) * v[:, None]",
]
DECLARED = """input X[N, D]
param A_{0:12}[D, D], W_{0:12}[D, D], V_{0:12}[D, D], Q_{0:12}[D, D], K_{0:12}[D, D], U_{0:12}[2, D], W[D, D], v[N]
param a_{0:12}[N, D], b_{0:12}[D], c_{0:12}[D, D], d_{0:12}[D, N], e_{0:12}[D, D], g_{0:12}[D], m_{0:12}[N, D]
param s_{0:12}[], w_{0:12}[D]
"""
UNLIKE = "\n".join([  # but for one of them
    "param h_0[N]; input a_{0:30}[N]",
    *[f"h_{k + 1} = {3 if k == 3 else 2} * tanh(h_{k} * a_{k})" for k in range(9)],
    "L = sum(h_9)",
])  # fmt: skip
LOOPS = [DECLARED + f"h_0 = X\nfor k in 0:7 {{ h_{{k+1}} = {step} }}\nL = sum(h_7**2)" for step in STEPS]
UNROLLED = [
    "\n".join([
        f"{DECLARED}h_0 = X",
        *[f"h_{k + 1} = {step.replace('_{k}', f'_{k}').replace('{0}', '0')}" for k in range(12)],
        "L = sum(h_12**2)",
    ])
    for step in STEPS
]  # fmt: skip
LSTM = """param W[d, 4*H], U[H, 4*H], b[4*H]
input x_{0:6}[N, d], h_{0}[N, H], c_{0}[N, H]
for t in 0:6 {
  i_{t}, f_{t}, o_{t}, g_{t} = split(x_{t} @ W + h_{t} @ U + b, 4, axis=1)
  c_{t+1} = sigmoid(f_{t}) * c_{t} + sigmoid(i_{t}) * tanh(g_{t})
  h_{t+1} = sigmoid(o_{t}) * tanh(c_{t+1})
}
L = sum(h_6**2)"""


def compiled(text: str, monkeypatch: pytest.MonkeyPatch, level: int = 1) -> tuple[int, int]:
    """How often equations were written from the graph for comments and how often again, all of them as from the graph.
    """
    statements = written = 0
    of, plain = Equations.of, equations_again.equations

    def counted(*arguments: object) -> dict[int, str]:
        nonlocal written
        written += 1
        return plain(*arguments)  # type: ignore[arg-type]

    def compared(self: Equations, nodes: Sequence[Node]) -> dict[int, str]:
        nonlocal statements
        statements += 1
        found = of(self, nodes)
        assert list(found.items()) == list(plain(self.graph, nodes, self.named, self.bearers).items())
        return found

    monkeypatch.setattr(Equations, "of", compared)
    monkeypatch.setattr(equations_again, "equations", counted)
    graphc.compile(text, level=level, verify=False)
    return written, statements - written


class CountedStructure:
    """`Equations._structure`, counted."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain, self.calls = plain, 0

    def __get__(self, equations: Equations, owner: type) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.calls += 1
            return self.plain(equations, *arguments)

        return counted


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("text", [*LOOPS, *UNROLLED, LSTM, UNLIKE])
def test_the_equations_are_those_of_the_graph(text: str, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(text, monkeypatch, level)


@pytest.mark.parametrize("step", STEPS[:6])
def test_statements_that_are_alike_are_written_once(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(steps: int) -> int:
        text = DECLARED.replace("0:12", f"0:{steps}") + f"h_0 = X\nfor k in 10:{steps} {{ h_{{k+1}} = {step} }}\n"
        with monkeypatch.context() as patch:
            return compiled(text.replace("h_0 =", "h_10 =") + f"L = sum(h_{steps}**2)", patch)[0]

    assert written(24) == written(36)


def test_what_asks_for_more_of_the_graph_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sigmoid is recognised by what its exponential is of, although that has a name."""
    assert compiled(LSTM, monkeypatch)[1] < compiled(LOOPS[0], monkeypatch)[1]
    monkeypatch.setattr(equations_again, "MOST", 1)
    for text in UNROLLED:
        compiled(text, monkeypatch)


def test_programs_without_statements_that_are_alike_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equations_again, "MANY", 2)
    monkeypatch.setattr(Equations, "_structure", counted := CountedStructure(Equations._structure))
    graphc.compile("\n".join(f"a_{k} = {'tanh(' * (k + 1)}x{')' * (k + 1)}" for k in range(8)) + "\nL = sum(a_7)")
    assert counted.calls <= 4


def test_names_that_others_have_taken_are_told_apart() -> None:
    lines = ["input x_{0:6}[N]", "def f(x) { t = tanh(x); return t * x }", *[f"b_{k} = f(x_{k})" for k in range(6)]]
    graph = graphc.parse("\n".join(lines))
    values = [graph[graph.values[f"b_{k}"]] for k in range(6)]
    inside = [value.operands[0] for value in values]
    named = {node.id: node.name for node in graph if node.name} | dict.fromkeys(inside, "t")
    first, second, third, fourth, *rest = zip(inside, [value.id for value in values], strict=True)
    order = [*first, *second, *third, fourth[0], *rest[0], fourth[1], *rest[1]]  # the fourth is written over
    bearers = Bearers(named, order)
    again = Equations(graph, named, bearers)
    found = [again.of([value])[value.id] for value in values]
    assert found == [f"b_{k} = tanh(x_{k}) ⊙ x_{k}" if k == 3 else f"b_{k} = t ⊙ x_{k}" for k in range(6)]
    assert again.again == 3


def test_operands_are_told_apart() -> None:
    lines = [f"b_{k} = (x_{k} - x_{k + 10}) / (u + x_{k + 10 * (k == 14)})" for k in range(10, 16)]
    graph = graphc.parse("\n".join(["input x_{10:30}[N], u[N]", *lines]))
    named = {node.id: node.name for node in graph if node.name}
    again = Equations(graph, named, Bearers(named, named))
    found = [again.of([graph[graph.values[line[:4]]]]) for line in lines]
    assert [text for texts in found for text in texts.values()] == lines
    assert again.again == 3


def test_digits_that_stand_in_the_mathematics_are_none_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were they, the equations would not be written again."""
    monkeypatch.setattr(equations_again, "MARKS", "0123456789")
    monkeypatch.setattr(equations_again, "_MARKED", re.compile(r"([0-9])\1*"))
    assert compiled(LOOPS[0], monkeypatch)[1] < 0


def test_what_looks_through_names_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sigmoid that is written out is one through the names in it: of another value in one of the statements."""
    steps = range(10, 16)
    compiled("\n".join([
        "input " + ", ".join(f"z_{k}[N], w_{k}[N]" for k in steps) + "\nparam " + ", ".join(f"u_{k}[N]" for k in steps),
        *[f"m_{k} = minimum(z_{k}, 80)\nn_{k} = minimum(w_{k}, 80)\ne_{k} = exp({'n' if k == 12 else 'm'}_{k})\n"
          f"q_{k} = 1 + e_{k}\ny_{k} = u_{k} * (e_{k} / q_{k}) * (m_{k} * (z_{k} + 1) - n_{k} * (w_{k} + 80))"
          for k in steps],
        "L = " + " + ".join(f"sum(y_{k})" for k in steps),
    ]), monkeypatch)  # fmt: skip


def test_a_long_statement_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    stale = Bearers.stale
    monkeypatch.setattr(Bearers, "stale", lambda self, id, at: bool(asked.append(id)) or stale(self, id, at))
    counts = []
    for length in (100, 200):
        asked.clear()
        factors = "".join(f" * (x + {k})" for k in range(length))
        graphc.compile(f"param x[N]\nL = sum(tanh(x){factors})", verify=False)
        counts.append(len(asked))
    assert counts[1] <= 3 * counts[0], counts
