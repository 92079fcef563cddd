"""What a padded copy has in order: which statements read it there, and the numbers."""

from __future__ import annotations

import re

import pytest

import graphc
from graphc.passes.padded import read_padded
from ops.programs import array, compiled, hold_in_workspace
from passes.operations import counted

HEAD = "input X[N, C, 8], B[C, 8, N]\nparam w[]\nU = transpose(X, (1, 2, 0))\nP = pad(U, ((0, 0), (1, 2), (0, 0)))\n"


def is_read_there(text: str) -> bool:
    graph = graphc.parse(HEAD + text)
    after = read_padded(graph)
    after.verify()
    assert (after is graph) == (counted(after)["slice"] == 0)
    return after is not graph


@pytest.mark.parametrize("text", [
    "A = U + B; Q = exp(P)", "A = B * U; Q = P[:, 1:] + 1", "A = maximum(U, B); Q = P * P",
])  # fmt: skip
def test_it_is_read_where_it_is_in_order(text: str) -> None:
    assert is_read_there(f"{text}; L = w * (sum(A**3) + sum(Q))")


@pytest.mark.parametrize("text", [
    "Q = exp(P); A = U + B",  # the copy would have to wait
    "A = sum(U, axis=0); Q = exp(P)", "A = U * U; Q = exp(P)",
])  # fmt: skip
def test_what_stays(text: str) -> None:
    assert not is_read_there(f"{text}; L = w * (sum(A**3) + sum(Q))")


def test_what_is_in_order_itself_stays() -> None:
    text = "input B[N, 8]\nparam X[N, 8], w[]\nP = pad(X, ((0, 0), (1, 1)))\nA = X + B; Q = exp(P)\n"
    graph = graphc.parse(text + "L = w * (sum(A) + sum(Q))")
    assert read_padded(graph) is graph


SHORTCUT = """
input X[N, C, 5, 6]
param F[C, C, 3, 3], G[C, C, 3, 3]
h = relu(conv2d(X, F, padding=1))
L = sum(sin(X + conv2d(h, G, padding=1)))
"""


def test_a_shortcut_reads_the_padded_images() -> None:
    source = graphc.compile(SHORTCUT, level=2, verify=False)
    body = source[source.index("def value_and_grad") :].partition("\nclass ")[0]
    assert re.search(r"np\.add\(pad_X\w*\[:, 1:6, 1:7\]", body)


@pytest.mark.parametrize("samples", [0, 1, 4])
def test_the_numbers_are_the_same(samples: int) -> None:
    shapes = {"X": (samples, 2, 5, 6), "F": (2, 2, 3, 3), "G": (2, 2, 3, 3)}
    given = {name: array(*shape, seed=n) for n, (name, shape) in enumerate(shapes.items())}
    hold_in_workspace(compiled(SHORTCUT, 2), compiled(SHORTCUT, 0), given, 1e-11)
