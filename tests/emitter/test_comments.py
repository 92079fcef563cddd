"""The comments over the lines of an -O2 module: what a statement of the program is said once, its mathematics below."""

from __future__ import annotations

import re
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


def test_the_gradients_within_a_body_have_their_rules() -> None:
    """Of a gate that is joined with others, and of what a product of matrices becomes."""
    text = (
        "def cell(x, h, W, U) { i, g = split(x@W + h@U, 2, axis=1); return sigmoid(i)*tanh(g) }\n"
        "input x[N, D], h[N, H]\nparam W[D, 2*H], U[H, 2*H]\nL = sum(cell(x, h, W, U)**2)"
    )
    comments = " ".join(line for line in graphc.compile(text).splitlines() if line.startswith("    #"))
    assert re.search(r"dg = \S+ ⊙ \S+ ⊙ \(1 - tanh_g²\)", comments), comments
    assert re.search(r"di = .* ⊙ sigmoid_i ⊙ \(1 - sigmoid_i\)", comments) and "[di, dg]" in comments, comments


def test_a_net_of_one_layer_says_what_comes_before_its_weights() -> None:
    text = graphc.compile("input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X@W, y)")
    assert "dXW = (P - onehot(y)) dL    dW = Xᵀ dXW" in text and "\n    dXW *= dL " in text


def test_what_a_rule_names_has_an_equation_of_its_own() -> None:
    """Where another one says its name: the two solves of a Cholesky factor, T and S."""
    text = graphc.compile("param A[n, n]\ninput y[n]\nC = cholesky(A)\nL = sum(C@y)")
    for equation in ("T = C⁻ᵀ ((tril(P) + tril(P, -1)) / 2)ᵀ", "S = C⁻ᵀ Tᵀ", "dA = tril(S) + tril(Sᵀ, -1)"):
        assert equation in text


def test_a_row_of_a_vector_is_a_transpose() -> None:
    text = graphc.compile("input c[N]\nparam W[D, H]\nL = sum((broadcast_to(c[:, None], (N, D)) @ W)**2)")
    assert "dW = cᵀ (2 dL (c (1ᵀ W)ᵀ))" in text
    assert "dx = Y dZ" in graphc.compile("param x[l], Y[l, m, n]\nZ = tensordot(x, Y, axes=1)")


def test_what_two_rules_name_alike_has_an_equation_each() -> None:
    text = graphc.compile("param A[n, n], B[n, n]\nL = sum(cholesky(A)@cholesky(B))")
    for factor in "AB":
        assert f"S = (chol {factor})⁻ᵀ Tᵀ" in text
    assert text.index("S = (chol B)⁻ᵀ Tᵀ") < text.index("dB = tril(S)") < text.index("S = (chol A)⁻ᵀ Tᵀ")


def test_a_sum_is_written_over_names_that_there_are() -> None:
    """The gradient of the product in the one statement is a term of the whole one, whose name the code has."""
    text = graphc.compile("param x[m], A[m, n], y[n]\nz = x@A@y\nw = (x@A)@(y*y)\nL = z**2 + w**3")
    assert "total_dxA = dw (y ⊙ y) + dz y" in text
