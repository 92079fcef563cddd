"""Polynomials as people write them."""

from __future__ import annotations

import pytest

from graphc.explain.formulas import factored
from graphc.ir.dims import Dim, dim

N, D, H, C = map(dim, "NDHC")
ORDER = {name: k for k, name in enumerate("NDHC")}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (dim(0), "0"),
        (dim(7), "7"),
        (N, "N"),
        (D * N, "N*D"),
        (N * D + N * H + N * C, "N*(D + H + C)"),
        (N * D + N * H + N * C + H * C, "N*(D + H + C) + H*C"),
        (8 * N * D + 16 * N, "8*N*(D + 2)"),
        (1000 * N + 8, "1000*N + 8"),
        (N * N + N, "N*(N + 1)"),
        (N - 1, "N - 1"),
        (H - N * D, "-N*D + H"),
        ((N // 2) * D, "D*(N//2)"),
    ],
)
def test_common_factors_stand_once(size: Dim, text: str) -> None:
    assert factored(size, ORDER) == text
    sizes = {"N": 5, "D": 3, "H": 11, "C": 2}
    assert eval(text, dict(sizes)) == size.evaluate(sizes)
