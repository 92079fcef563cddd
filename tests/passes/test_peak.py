"""How many entries of arrays wait for each other: the example of the file, and what counts for nothing."""

from __future__ import annotations

import pytest

import graphc
from graphc.passes.cost import TYPICAL
from graphc.passes.peak import peak

MATRIX = TYPICAL * TYPICAL


@pytest.mark.parametrize(
    ("text", "matrices"),
    [
        ("Y = tanh(X @ W)", 1),  # in place
        ("Y = (X @ W) @ W", 2),  # a product reads all of what it is made of
        ("Z = X @ W\nY = tanh(Z) * Z", 2),
        ("Z = X @ W\nY = sum(exp(Z), axis=1)", 1),  # vectors do not count
        ("Z = X @ W\nY = Z.T @ W", 2),  # a view has no array of its own
        ("Z = X @ W\nV = W @ W\nY = sum(concatenate([Z, V]))", 2),  # made in their places
        ("Y = sum(concatenate([X, W]))", 0),  # of arguments
        ("Z = X @ W\nV = W @ W\nU = sum(Z)\nY = sum(V) * U", 2),
        ("Z = X @ W\nU = sum(Z)\nV = W @ W * U\nY = sum(V)", 1),  # one after the other
    ],
)
def test_entries_that_are_needed_at_a_time(text: str, matrices: int) -> None:
    graph = graphc.parse(f"input X[N, N], W[N, N]\n{text}\noutput Y")
    assert peak(graph) == matrices * MATRIX


def test_a_long_product_waits_for_all_its_parts() -> None:
    """Each of three steps has a matrix that its own product could let go."""
    steps = "\n".join(f"Z_{k} = exp(X @ W_{k})" for k in range(3))
    head = "input X[N, N], W_{0:3}[N, N]\n"
    apart = "\n".join(f"Z_{k} = exp(X @ W_{k})\nG_{k} = X.T @ Z_{k}" for k in range(3))
    short = graphc.parse(f"{head}{apart}\nY = G_0 + G_1 + G_2\noutput Y")
    long = graphc.parse(f"{head}{steps}\nY = concatenate([X, X, X]).T @ concatenate([Z_0, Z_1, Z_2])\noutput Y")
    assert peak(short) < 2 * peak(long)
    assert peak(long) == 4 * MATRIX
