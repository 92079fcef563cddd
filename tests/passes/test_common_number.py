"""Numbers behind sums with outer products: where they go, and where they stay."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, hold

FACTORS = "input A[n, n], u[n], v[n], s[], t[]\n"
GIVEN = {"A": array(3, 3), "u": array(3, seed=1), "v": array(3, seed=2), "s": np.array(1.5), "t": np.array(0.7)}


@pytest.mark.parametrize("text", [
    "0.5 * s * A - outer(0.5 * u, s * v)", "outer(s * u, v) - s * A", "(s / t) * A + outer(u, (s / t) * v)",
    "(2 * s) * A + outer(2 * u, s * v)",
])  # fmt: skip
def test_the_number_stands_behind_the_sum(text: str) -> None:
    code = "\n".join(body(f"{FACTORS}Y = {text}\noutput Y"))
    assert "np.outer(u, v)" in code, code
    hold(f"{FACTORS}Y = {text}\noutput Y", GIVEN)


@pytest.mark.parametrize("text", [
    "s * A - outer(u, t * v)", "0.5 * A - outer(u, 2 * v)", "(s / t) * A - outer(s * u, t * v)",
    "s * A - outer(s * u, s * v)", "A - outer(s * u, v)", "s * A - outer(u, v)",
])  # fmt: skip
def test_another_number_stays(text: str) -> None:
    code = "\n".join(body(f"{FACTORS}Y = {text}\noutput Y"))
    assert code.count("*") >= text.count("*"), code
    hold(f"{FACTORS}Y = {text}\noutput Y", GIVEN)
