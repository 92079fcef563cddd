"""Products with one matrix whose sums are fewer: which become products of sums, which do not, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.passes.common_matrix import join_products
from ops.programs import array, compiled
from ops.running import named

HEAD = "input A[N, D], P[N, D], Q[N, D]\nparam W[D, H], V[D, H], U[H, D]\n"
TRIPLET = HEAD + "a = A @ W; p = P @ W; q = Q @ W\nL = sum((a - p)**2) - sum(sin(a - q))\noutput L\nloss L"


def products(text: str, kept: tuple[str, ...] = ()) -> int:
    return sum(node.op == "matmul" for node in join_products(graphc.parse(text), kept))


@pytest.mark.parametrize(("text", "before", "after"), [
    (TRIPLET, 3, 2),
    (HEAD + "L = sum((A @ W + P @ W)**2)", 2, 1),
    (HEAD + "L = sum((A @ U.T - P @ U.T)**2)", 2, 1),
    (HEAD + "L = sum((U @ A.T - U @ P.T)**2)", 2, 1),
    (HEAD + "L = sum((A @ W - P @ V)**2)", 2, 2),  # of two matrices
    (HEAD + "a = A @ W; p = P @ W\nL = sum((a - p)**2) + sum(sin(a))", 2, 2),
    (HEAD + "a = A @ W; p = P @ W\nL = sum((a - p)**2)\noutput L, a\nloss L", 2, 2),  # a result
    (HEAD + "a = A @ W; p = P @ W\nL = sum((a - p)**2) * sum(a + p)", 2, 2),  # as many sums as products
    (HEAD + "a = A @ W; p = P @ W; q = Q @ W\nL = sum(sin(a - p) + sin(p - q) + sin(q - a))", 3, 3),
    (HEAD + "a = A @ W; p = P @ W; q = Q @ W\nL = sum(sin(a - p) + sin(a - q)) + sum(q)", 3, 3),  # q is used
    (HEAD + "L = sum((A @ W - P[0:1] @ W)**2)", 2, 2),  # of which one is repeated
    (HEAD + "h = A @ W\nL = sum((h + h)**2)", 1, 1),
])  # fmt: skip
def test_where_there_are_fewer_products(text: str, before: int, after: int) -> None:
    assert sum(node.op == "matmul" for node in graphc.parse(text)) == before
    assert products(text) == after
    given = {"A": array(5, 3), "P": array(5, 3, seed=1), "Q": array(5, 3, seed=2), "W": array(3, 4), "V": array(3, 4),
             "U": array(4, 3)}  # fmt: skip
    fast, literal = compiled(text, 2), compiled(text, 0)
    given = {name: given[name] for name in (*fast.INPUTS, *fast.PARAMETERS)}
    want = literal.value_and_grad(**given)
    for have in (fast.value_and_grad(**given), fast.value_and_grad(**given, workspace=fast.Workspace(**given))):
        values = zip(named(have[0]), named(want[0]), strict=True)
        assert all(np.allclose(found, value, 1e-12, 1e-12) for found, value in values)
        assert all(np.abs(have[1][name] - gradient).max() <= 1e-11 for name, gradient in want[1].items())


def test_a_value_that_a_gradient_is_asked_of_stays() -> None:
    assert products(TRIPLET, ("a",)) == 3
    assert products(TRIPLET, ("W", "A")) == 2
    want = compiled(TRIPLET, 0, wrt=("a", "W"))
    given = {"A": array(5, 3), "P": array(5, 3, seed=1), "Q": array(5, 3, seed=2), "W": array(3, 4), "V": array(3, 4),
             "U": array(4, 3)}  # fmt: skip
    have = compiled(TRIPLET, 2, wrt=("a", "W")).value_and_grad(**given)[1]
    for name, gradient in want.value_and_grad(**given)[1].items():
        assert np.abs(have[name] - gradient).max() <= 1e-11


def test_a_readable_module_has_the_products_of_the_program() -> None:
    assert "a = A @ W" in graphc.compile(TRIPLET, level=1, verify=False)
