"""An operation of the program that has the name of a built-in one: those that use that name inside mean their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.explain.diagram import diagram
from graphc.explain.graphviz import dot_text
from graphc.explain.listing import list_graph
from graphc.explain.reading import read_graph

PROGRAM = """
param Z[N, K]
input y[N]: int
op NAME(x) = 2*x*x
rule NAME(x) -> c { dx = 4*x*dc }
P = softmax(Z)
L = nll(log(P), y) + mean(softmax_ce(Z, y)) + sum(NAME(Z)) + mean(silu(Z)) + sum(max(Z, axis=1)) + sum(Z[:, 1:] @ Z.T[1:])
"""  # noqa: E501
HIDDEN = ["pick", "size", "shift", "ties", "gather", "slice", "seed", "const", "argument", "largest", "mT"]


def results(text: str, level: int) -> tuple[Any, Any]:
    module: dict[str, Any] = {}
    exec(graphc.compile(text, level=level, verify=False), module)
    L, cache = module["forward"](np.random.default_rng(0).standard_normal((4, 5)), np.array([0, 3, 1, 4]))
    return L, module["backward"](cache)["Z"]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("rule", [True, False])
def test_it_does_not_replace_the_built_in_one(level: int, rule: bool) -> None:
    program = PROGRAM if rule else "\n".join(line for line in PROGRAM.splitlines() if not line.startswith("rule"))
    L, dZ = results(program.replace("NAME", "my_own"), level)
    for name in [*HIDDEN, "sigmoid", "add", "multiply", "exp", "where"]:
        own, gradient = results(program.replace("NAME", name), level)
        assert np.allclose(own, L) and np.allclose(gradient, dZ), name


def test_each_has_a_name_of_its_own_in_the_graph(tmp_path: Path) -> None:
    """Whichever file defines it, and whatever the others are called; what is listed can be read again."""
    (tmp_path / "lib.g").write_text("op pick(x) = 3*x\nrule pick(x) -> c { dx = 3*dc }\n")
    text = (
        f'import "{tmp_path / "lib.g"}"\nparam Z[N, K]\nop pick_(x) = 5*x\nrule pick_(x) -> c {{ dx = 5*dc }}\n'
        "L = nll(log(softmax(Z)), y) + sum(pick(Z)) + sum(pick_(Z))\n"
    )
    graph = graphc.differentiate(graphc.parse(text))
    assert len({node.op for node in graph if node.op.startswith("pick")}) == 3
    assert list_graph(read_graph(list_graph(graph))) == list_graph(graph)
    assert "def backward(" in graphc.compile(text)


@pytest.mark.parametrize(("call", "body", "message"), [
    ("pick(Z, Z)", "4*dc", "`pick` takes one argument, not 2"),
    ("pick(Z)", "5*dc", "the rule of `pick` gives a wrong gradient for `x`"),
])  # fmt: skip
def test_errors_say_the_name_that_the_program_says(call: str, body: str, message: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"param Z[N]\nop pick(x) = 4*x\nrule pick(x) -> c {{ dx = {body} }}\nL = sum({call})")
    assert caught.value.errors[0].message == message


SHADOWS = """
op gelu(x) = x*x
rule gelu(x) -> y { dx = 2*x*dy }
op pick(x) = 2*gelu(x)
rule pick(x) -> y { dx = 4*x*dy }
param S[N, C]
input y[N]: int
L = nll(log_softmax(pick(S)), y) + sum(tanh(gelu(2*S))) + mean(gelu(S)*S)
"""


def test_listings_pictures_and_modules_say_the_name_that_the_program_says() -> None:
    graph = graphc.differentiate(graphc.parse(SHADOWS))
    listed = list_graph(graph)
    assert "= pick(S) " in listed and "# rule of pick\n" in listed and "# rule of gelu\n" in listed
    assert "= graphc.pick(L.logP, y) " in listed and "# rule of graphc.pick\n" in listed
    assert "_(" not in listed and "'" not in listed
    assert list_graph(read_graph(listed)) == listed
    drawn = dot_text(diagram(graph))
    assert 'label="pick"' in drawn and not re.search(r"(gelu|pick)(_\b|')", drawn)
    for level in (0, 1, 2):
        module = graphc.compile(SHADOWS, level=level).partition("\ndef check(")[0]
        assert not re.search(r"(gelu|pick)(_\b|')", module)


def test_what_a_definition_needs_is_listed_under_its_name_too() -> None:
    """Here the built-in `pick` is a node, and the program's own only in the definition of `twice`."""
    graph = graphc.parse("op pick(x) = 2*x\nop twice(x) = pick(x)\nrule twice(x) -> y { dx = 2*dy }\n"
                         "param S[N, C]\ninput y[N]: int\nL = nll(log_softmax(twice(S)), y)")  # fmt: skip
    listed = list_graph(graph)
    assert list_graph(read_graph(listed)) == listed
    assert [node.op for node in read_graph(listed)] == [node.op for node in graph]
