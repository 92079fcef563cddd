"""A second look at a simplified graph finds what one at all of it would, and looks at little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes import simplify as simplifier
from graphc.passes.second_look import near_changes
from graphc.passes.simplify import simplify
from passes.operations import simplified

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/*.g"))


def said(graph: Graph) -> list[object]:
    return [(node.op, node.attrs, node.type, node.name, node.hint) for node in graph]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_finds_what_a_look_at_all_of_it_does(path: Path) -> None:
    graph = simplified(path.read_text(encoding="utf-8"))
    whole = simplify(graph.replace())  # a graph that nothing is remembered of
    assert said(simplify(graph)) == said(whole)


def test_what_a_second_look_finds() -> None:
    graph = simplified("param S[N, C]\ninput y[N]: int\nZ = softmax(S)\nL = -sum(log(Z[arange(N), y]))")
    again = simplify(graph)
    assert len(again) < len(graph)


def test_a_graph_that_stands_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "\n".join(f"h_{k + 1} = tanh(h_{k} @ W + b)" for k in range(30))
    graph = simplified(f"input h_0[N, d]\nparam W[d, d], b[d]\n{layers}\nL = sum(h_30**2)")
    tried = 0
    simpler = simplifier._Simplifier.simpler_node

    def counted(self: simplifier._Simplifier, *rest: object) -> int | None:
        nonlocal tried
        tried += 1
        return simpler(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(simplifier._Simplifier, "simpler_node", counted)
    assert simplify(graph) is graph
    assert tried < len(graph) / 10
    assert simplify(graph) is not graph  # it is remembered for one look
    assert tried >= len(graph)


PROGRAMS = [
    "L = -log(p)[j]",
    "param S[N, C]\ninput y[N]: int\nL = nll(log(softmax(S)), y)",
    "input X[N, D]\nparam W[D, D], b[D]\nh = tanh(X @ W + b)\nL = sum(tanh(h @ W + b)**2)",
    "param x[N, D], c[N]\nL = sum(log(x / c[:, None] / c[:, None]))",
]


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("text", PROGRAMS)
def test_what_is_counted_once_stays_true(text: str, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was tried at a second look was left in the graph that it was tried for, and had not been counted."""
    seen: list[Graph] = []
    uses, users = Graph.uses, Graph.users

    def noted(count: Callable[[Graph], Any]) -> Callable[[Graph], Any]:
        def counted(graph: Graph) -> Any:
            seen.append(graph)
            return count(graph)

        return counted

    monkeypatch.setattr(Graph, "uses", noted(uses))
    monkeypatch.setattr(Graph, "users", noted(users))
    graphc.compile(text, level=level, verify=False)
    assert len(seen) > 5
    for graph in seen:
        again = graph.replace()
        assert uses(graph) == uses(again) and users(graph) == users(again)


def test_near_a_value_that_is_used_once_now() -> None:
    graph = graphc.parse("input z[N]\nh = tanh(z)\nc = 2 * h\nd = 1 - c\ne = exp(z)\nL = sum(d * e)")
    uses = graph.uses()
    h, c, d, e, z = (graph.values[name] for name in "hcdez")
    assert near_changes(graph, uses, uses, (), ()) == []
    near = [node.id for node in near_changes(graph, {**uses, h: uses[h] + 1}, uses, (), ())]
    assert {c, d} <= set(near)
    assert not {h, e} & set(near)
    assert [node.id for node in near_changes(graph, uses, uses, [h], ())] == near
    assert near_changes(graph, {**uses, z: uses[z] + 1}, uses, (), ()) == []  # it is used by several, as it was
    assert [node.id for node in near_changes(graph, uses, uses, (), [e, 10_000])] == [e]
