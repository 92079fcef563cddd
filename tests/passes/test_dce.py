"""Dead code goes, the interface stays, and nothing that is needed is lost."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.ir.interpret import interpret
from graphc.passes.dce import eliminate_dead_code, needed

PROGRAMS = [
    "input X[3, 2], W[2, 4]\nZ = X @ W\nU = exp(Z)\nL = sum(Z)\noutput L",
    "input x[3], unused[5]\ny = tanh(x)\nz = y * 2\noutput y",
    "input x[3]\ng = grad(sum(x**3), x)\noutput g",
    "input x[3]\ny = x\noutput y",
    "const c = 2\ninput x[3]\nd = exp(x)\ny = c * x\noutput y",
]


def operations(graph: Graph) -> list[str]:
    return [node.op for node in graph]


def test_what_no_output_needs_goes() -> None:
    graph = graphc.parse(PROGRAMS[0])
    assert "exp" in operations(graph)
    clean = eliminate_dead_code(graph)
    assert "exp" not in operations(clean)
    assert "matmul" in operations(clean)
    assert "U" not in clean.values


def test_arguments_and_cotangents_stay() -> None:
    joint = graphc.differentiate(graphc.parse("input x[3], unused[5]\ny = floor(x)\noutput y"))
    clean = eliminate_dead_code(joint)
    assert {a.node for a in clean.arguments} <= set(clean.nodes)
    assert set(clean.cotangents.values()) <= set(clean.nodes)
    assert "seed" in operations(clean)


@pytest.mark.parametrize("text", PROGRAMS)
def test_exactly_the_ancestors_of_the_roots_are_needed(text: str) -> None:
    graph = graphc.differentiate(graphc.parse(text))
    wanted = set(graph.roots).union(*(nx.ancestors(graph.dag, id) for id in graph.roots))
    assert needed(graph, graph.roots) == wanted
    interface = {a.node for a in graph.arguments} | set(graph.cotangents.values())
    assert set(eliminate_dead_code(graph).nodes) == wanted | interface


@pytest.mark.parametrize("text", PROGRAMS)
def test_once_is_enough_and_the_graph_stays_sound(text: str) -> None:
    clean = eliminate_dead_code(graphc.differentiate(graphc.parse(text))).verify()
    assert eliminate_dead_code(clean).nodes == clean.nodes


def test_values_stay_what_they_were() -> None:
    graph = graphc.parse("input X[3, 2], W[2, 4]\nZ = X @ W\nU = exp(Z)\nL = sum(Z)\noutput L")
    arguments = {"X": np.ones((3, 2)), "W": np.full((2, 4), 0.5)}
    before, after = graph, eliminate_dead_code(graph)
    assert interpret(before, arguments)[before.outputs["L"]] == interpret(after, arguments)[after.outputs["L"]] == 12.0


def test_the_graph_that_is_given_is_left_alone() -> None:
    graph = graphc.parse(PROGRAMS[0])
    size = len(graph)
    eliminate_dead_code(graph)
    assert len(graph) == size
