"""Numbers move into the coefficients of polynomials."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from counting import entrywise_calls
from graphc.ir.graph import Graph
from graphc.passes.coefficients import move_into_coefficients
from graphc.pipeline import optimise


def multiplications(text: str) -> tuple[int, int]:
    """How many products of arrays a program takes before and after."""
    graph = optimise(graphc.parse(text), 2)

    def count(graph: Graph) -> int:
        return sum(node.op == "multiply" and bool(node.type.rank) for node in graph)

    return count(graph), count(move_into_coefficients(graph))


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("input x[N]\ny = 0.8 * x * (1 + 0.04 * exp(x))", 3, 2),
        ("input x[N]\ny = 0.8 * (1 + 0.04 * exp(x))", 2, 1),
        ("input x[N]\ny = x * 3 * (0.5 * exp(x) + 2)", 3, 2),
        ("input x[N]\np = 1 + 0.04 * exp(x)\ny = 0.8 * p\nz = p\noutput y, z", 2, 2),  # needed as it is
        ("input x[N]\nq = 0.8 * x\ny = q * (1 + 0.04 * exp(x))\noutput y, q", 3, 3),
        ("input x[N], s[]\ny = s * (1 + 0.04 * exp(x))", 2, 2),  # a number that is not known
        ("input x[N]\ny = 1e-20 * (1 + 1e-20 * exp(x))", 2, 2),  # float32 does not hold 1e-40
        ("input x[N]\ny = 0.8 * (x + 0.04 * exp(x))", 2, 2),
        ("input x[N]\ny = 0.8 * x * (0.04 * exp(x) - 1)", 3, 2),
        ("input x[N]\ny = 0.8 * (1 - 0.04 * exp(x))", 2, 1),
    ],
)
def test_products(text: str, before: int, after: int) -> None:
    assert multiplications(text) == (before, after)


@pytest.mark.parametrize("total", ["1 - 0.04 * exp(x)", "0.04 * exp(x) - 1", "-2 - 0.5 * exp(x)", "0.5 * exp(x) - -2"])
def test_the_signs_of_what_is_subtracted(total: str) -> None:
    text = f"param x[N]\nL = sum(x * 3 * ({total}))"
    x = np.linspace(-2, 2, 7)
    (want, wanted), (have, had) = (graphc.load(text, level=level).value_and_grad(x) for level in (0, 2))
    np.testing.assert_allclose(have, want, rtol=1e-13)
    np.testing.assert_allclose(had["x"], wanted["x"], rtol=1e-13)


def test_the_passes_of_a_gelu() -> None:
    text = 'param X[N, D]\nL = sum(gelu(X, approximate="tanh") * X)'
    net, plain = (graphc.load(text, level=level) for level in (2, 1))
    given = {"X": np.linspace(-3, 3, 600).reshape(200, 3)}
    workspace = net.Workspace(**given)
    have, want = net.value_and_grad(**given, workspace=workspace), plain.value_and_grad(**given)
    assert abs(have[0] - want[0]) <= 1e-11
    assert np.abs(have[1]["X"] - want[1]["X"]).max() <= 1e-12
    calls = entrywise_calls(net, lambda: net.value_and_grad(**given, workspace=workspace))
    assert len(calls) <= 18, [name for name, _ in calls]
