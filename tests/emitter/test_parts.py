"""What is joined is made in its place: no copies are left, and where one must be, it is one."""

from __future__ import annotations

import re

import numpy as np

import graphc
from ops.programs import body

JOINED = """
input X[N, D], Y[N, D]
param W[2*D, H]
A = tanh(X)
B = sin(Y)
C = concatenate([A, B], axis=1)
L = sum((C @ W)**2)
"""


def statements(text: str) -> list[str]:
    return body(text, "value_and_grad", 2)


def test_parts_are_made_in_their_places() -> None:
    lines = statements(JOINED)
    assert not any("concatenate" in line or "copyto" in line for line in lines)
    memory = graphc.compile(JOINED, level=2, verify=False).partition("def memory_of_value_and_grad")[2]
    assert re.search(r"A = C\[:, 0:D\]", memory) and re.search(r"B = C\[:, D:2\*D\]", memory)


def test_an_argument_is_copied_to_its_place() -> None:
    copies = [line for line in statements(JOINED.replace("tanh(X)", "X")) if "np.copyto(C" in line]
    assert len(copies) == 1


def test_the_same_part_twice_is_copied() -> None:
    lines = statements(JOINED.replace("[A, B]", "[A, A]"))
    assert sum("copyto" in line or "concatenate" in line for line in lines) >= 1


def test_a_result_is_not_a_part() -> None:
    lines = statements(JOINED + "output L, A\nloss L")
    assert sum("np.copyto(C" in line for line in lines) == 1


def test_parts_of_a_part_are_as_long_as_the_whole() -> None:
    """The weights' gradient reads all rows of the whole, no other statement those of the first part."""
    text = "input X[N, D]\nparam W[3*D, H]\nA = tanh(X)\nB = concatenate([A, X], axis=1)\n"
    text += "C = concatenate([B, X], axis=1)\nL = sum((C @ W)**2)\noutput L\nloss L"
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(3000, 8)), rng.normal(size=(24, 4))
    value, gradients = graphc.load(text, level=0, verify=False).value_and_grad(X, W)
    module = graphc.load(text, level=2, verify=False)
    found, more = module.value_and_grad(X, W, workspace=module.Workspace(X, W))
    assert abs(found - value) <= 1e-12 * value
    assert np.abs(more["W"] - gradients["W"]).max() <= 1e-12 * np.abs(gradients["W"]).max()


def test_a_loop_has_nothing_to_do_where_all_that_it_joins_is_in_its_place() -> None:
    text = "input W[D, H], i[N]: int\nA = take(W, i)\nB = repeat(A, 2, axis=1)\nC = concatenate([A, B], axis=1)\n"
    text += "Z = (C - mean(C, axis=0)) / sqrt(var(C, axis=0) + 1)\nL = sum(sin(Z))\noutput L\nloss L"
    rng = np.random.default_rng(0)
    W, i = rng.normal(size=(7, 3)), rng.integers(0, 7, 4000)
    value, gradients = graphc.load(text, level=0, verify=False).value_and_grad(W, i)
    found, more = graphc.load(text, level=2, verify=False).value_and_grad(W, i)
    assert abs(found - value) <= 1e-10 and np.abs(more["W"] - gradients["W"]).max() <= 1e-10
