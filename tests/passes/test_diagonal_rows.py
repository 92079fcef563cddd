"""The diagonal of a matrix that is made in a loop over tiles is taken in that loop: the matrix is not kept for it."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.api import module_from
from graphc.passes.diagonal_rows import diagonals_by_rows, identities_by_rows
from ops.programs import array, compiled
from passes.operations import counted, simplified

CONTRASTIVE = "input Q[N, K]\nparam U[N, K]\nL = -mean(diag(log_softmax(U @ Q.T)))"


def test_one_whole_matrix_of_scores_is_made() -> None:
    source = graphc.compile(CONTRASTIVE, level=2, verify=False)
    memory = source[source.index("def memory_of_value_and_grad") :]
    memory = memory[: memory.index("\n    loop")]
    assert memory.count("np.empty((N, N)") == 1, memory
    assert "np.diagonal" not in source[source.index("def value_and_grad") : source.index("class Workspace")]


def test_others_stay() -> None:
    """Of a matrix that is given or a product, of one that is not square, beside the diagonal, or of a stack."""
    for text in (
        "param A[n, n]\nL = sum(diag(A)**2)",
        "param A[n, n], B[n, n]\nP = A @ B\nL = sum(sin(diag(P))) + sum(P**2)",
        "param A[n, m]\nL = sum(sin(diag(exp(A))))",
        "param A[n, n]\nL = sum(sin(diag(exp(A), 1)))",
        "param A[n, n]\nL = trace(A)**2",
        "param A[n, n]\ninput t[]\nL = sum(sin(A @ A + t * eye(n)))",
        "param A[n, n]\ninput t[]\nL = sum(sin(exp(A) + t * eye(n, k=1)))",
        "param A[n, n]\ninput t[]\nI = t * eye(n)\nL = sum(sin(exp(A) + I)) + sum(I @ A)",
    ):
        graph = simplified(text)
        assert diagonals_by_rows(graph) is graph and identities_by_rows(graph) is graph
    graph = simplified("param A[n, n]\nE = exp(A)\nL = sum(sin(diag(E))) + sum(E**2)")
    assert counted(diagonals_by_rows(graph))["pick"] == 1


TRACES = [
    "input Q[N, K]\nparam U[N, K]\nS = 2 * (U @ Q.T)\nL = sum(logsumexp(S, axis=1)) - trace(S)",
    "input Q[N, K]\nparam U[N, K]\nS = exp(0.1 * (U @ Q.T)) + 0.5 * eye(N)\nL = sum(sin(S) * S)",
    "input Q[N, K]\nparam U[N, K]\nS = tanh(U @ Q.T) - (sum(Q) + sum(U)) * eye(N)\nL = sum(sin(S))",
    "input Q[N, K]\nparam U[N, K]\nS = eye(N) + tanh(U @ Q.T)\nL = sum(sin(S))",
]


@pytest.mark.parametrize("text", TRACES)
@pytest.mark.parametrize("n", [0, 1, 3, 70])
def test_traces_and_multiples_of_the_identity_go_by_rows(n: int, text: str) -> None:
    source = graphc.compile(text, level=2, verify=False)
    function = source[source.index("def value_and_grad") : source.index("class Workspace")]
    memory = source[source.index("def memory_of_value_and_grad") : source.index("def forward_in")]
    assert "np.trace(" not in function and "np.eye(" not in memory
    given = {"Q": array(n, 3), "U": array(n, 3, seed=1)}
    value, expected = compiled(text, 0).value_and_grad(**given)
    module = compiled(text, 2)
    workspace = module.Workspace(**given)
    for more in ({}, {"workspace": workspace}, {"workspace": workspace}):
        found, gradients = module.value_and_grad(**given, **more)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        np.testing.assert_allclose(gradients["U"], expected["U"], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("n", [0, 1, 3, 70])
def test_the_numbers_are_those_of_the_literal_derivation(n: int) -> None:
    text = CONTRASTIVE.replace("mean", "sum")
    given = {"Q": array(n, 3), "U": array(n, 3, seed=1)}
    value, expected = compiled(text, 0).value_and_grad(**given)
    module = compiled(text, 2)
    workspace = module.Workspace(**given)
    for more in ({}, {"workspace": workspace}, {"workspace": workspace}):
        found, gradients = module.value_and_grad(**given, **more)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        np.testing.assert_allclose(gradients["U"], expected["U"], rtol=1e-10, atol=1e-13)


def test_in_a_pure_function_what_it_is_made_of_stands_in_brackets() -> None:
    """A sum before `.shape` and a sum after `*`: both were taken for less than they are."""
    text = "param A[n, n]\ninput t[], s[]\nL = sum(sin((exp(A) + A) - (t + s) * eye(n)))"
    graph = identities_by_rows(graphc.differentiate(graphc.parse(text)))
    module = module_from(graphc.emit(graph), "identities.g")
    given = {"A": array(3, 3), "t": np.array(0.5), "s": np.array(0.25)}
    value, expected = compiled(text, 0).value_and_grad(**given)
    found, gradients = module.value_and_grad(**given)
    np.testing.assert_allclose(found, value, rtol=1e-12)
    np.testing.assert_allclose(gradients["A"], expected["A"], rtol=1e-12)
