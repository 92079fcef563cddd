"""The comments over the lines of an -O2 module: what a statement of the program is said once, its mathematics below."""

from __future__ import annotations

from itertools import pairwise

import pytest

import graphc

PROGRAMS = [
    "input X[N, D], y[N]: int\nparam W[D, H], V[H, C]\nL = softmax_ce(relu(X@W)@V, y, reduction=\"mean\")",
    "param X[N, D], W[D, H]\nY = X @ W\noutput Y",
    "param X[N, D]\nA = tanh(X)\nB = A*A\nL = sum(sqrt(B + 1))",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_no_statement_is_named_twice_in_a_row(text: str) -> None:
    functions = graphc.compile(text, level=2, verify=False).split("\ndef ")[1:]
    comments = [[line.strip() for line in each.splitlines() if line.strip().startswith("# ")] for each in functions]
    named = [[line.partition("<string>:")[2].split("    ")[0] for line in each] for each in comments]
    assert any(any(each) for each in named)
    for each in named:
        assert not [first for first, second in pairwise(each) if first == second != ""], each


def test_what_is_below_one_statement_has_its_mathematics_alone() -> None:
    text = graphc.compile(PROGRAMS[1], level=2, verify=False)
    start = text.index("def value_and_grad")
    assert "# Y = X @ W    <string>:2\n" in text[start:]
    assert "    # dX = dY Wᵀ    dW = Xᵀ dY\n" in text[start:]
