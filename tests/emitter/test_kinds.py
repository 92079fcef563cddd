"""What each value is at -O2: the example of the file, one by one."""

from __future__ import annotations

import pytest

import graphc
from emitter.plans import Planned

TEXT = """
input X[n, d]
E = exp(X)
s = sum(E)
P = E.T
Z = E / s
C = ones((n, d)) * 2
K = inv(X.T @ X)
L = sum(Z**2) + sum(C * E) + sum(K) + sum(sin(P))
output L
"""


@pytest.mark.parametrize(("name", "kind"), [
    ("X", "bound"), ("s", "scalar"), ("E", "buffer"), ("Z", "buffer"), ("P", "view"), ("K", "fresh"),
])  # fmt: skip
def test_the_kinds(name: str, kind: str) -> None:
    assert Planned(TEXT).kind(name) == kind


def test_what_hangs_on_sizes_only_is_made_with_the_memory() -> None:
    planned = Planned("param X[n, d]\nN = ones((n, d)) / n\nL = sum(X * N)\noutput L, N\nloss L")
    assert planned.kind("N") == "constant"
    assert not any(planned.graph[id].op == "exp" for id, kind in planned.plan.kind.items() if kind == "constant")


@pytest.mark.parametrize(("factor", "copied"), [("zeros((n, d))", False), ("broadcast_to(arange(d), (n, d))", True)])
def test_a_transpose_in_a_product_is_no_copy(factor: str, copied: bool) -> None:
    """BLAS reads it as it is; what shows an array again and again NumPy would copy in each call."""
    text = f"C = {factor}.T\nparam X[n, d]\nL = sum(sin(C @ X))"
    assert ("np.ascontiguousarray(" in graphc.compile(text, level=2, verify=False)) == copied
