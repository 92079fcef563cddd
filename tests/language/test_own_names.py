"""An operation of the program that has the name of a built-in one: those that use that name inside mean their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
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
