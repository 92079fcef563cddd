"""Small factors that meet each other: how many passes over the array are left, and what stays as it is."""

from __future__ import annotations

import pytest

from emitter.plans import Planned
from graphc.ir.graph import Graph
from ops.programs import array, hold

NORM = """input X[N, D]
param W[D, H], g[H], V[H, C]
Z = X @ W
c = Z - mean(Z, axis=0)
q = c / sqrt(mean(c * c, axis=0) + 0.1)
L = sum(tanh(q * g) @ V)
"""


def passes(graph: Graph, shape: str = "(N, H)") -> int:
    """The products entry by entry of arrays of a shape."""
    return sum(node.op == "multiply" and str(node.type) == shape for node in graph)


def test_two_rows_take_one_pass() -> None:
    text = "input X[N, D], a[H], b[H]\nparam W[D, H]\nZ = X @ W\nL = sum(sin(Z * a * b))"
    assert passes(Planned(text).graph) == 2  # the product, and the cotangent of Z
    kept = text.replace("Z * a", "Y").replace("Z = X @ W", "Z = X @ W\nY = Z * a") + "\noutput L, Y\nloss L"
    assert passes(Planned(kept).graph) == 3


@pytest.mark.parametrize("text", [
    NORM,
    "param X[N, D], a[D], b[N, 1]\nL = sum(tanh(X * a * b * a * b))",
    "param X[N, D], a[D], b[N, 1]\nY = X * a\nL = sum(tanh(Y * a)) + sum(Y * b * b)",
    "param X[N, D], a[], b[D]\nL = sum(tanh(X * b * a * b))",
    "param X[N, T, D], a[D], b[T, 1], c[N, 1, 1]\nL = sum(tanh(X * a * b * a * c * b * c))",
])  # fmt: skip
@pytest.mark.parametrize(("n", "d"), [(4, 3), (1, 3), (4, 1), (1, 1)])
def test_the_numbers_stay(text: str, n: int, d: int) -> None:
    shapes = {
        "W": (d, 2), "V": (2, 3), "g": (2,), "b": (n, 1) if "b[N" in text else (2, 1) if "b[T" in text else (d,),
        "a": () if "a[]" in text else (d,), "c": (n, 1, 1), "X": (n, 2, d) if "T" in text else (n, d),
    }  # fmt: skip
    names = [name for name in shapes if f" {name}[" in text]
    hold(text, {name: array(*shapes[name], seed=k) for k, name in enumerate(names)})
