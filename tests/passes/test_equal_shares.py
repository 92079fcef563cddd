"""The derivative of a maximum with 0 that is summed up is of one sign; of any other one the masks stay."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold

HINGE = "input X[N,D], t[N]\nparam w[D]\ns = 1 - t*(X@w)\nL = mean(maximum(0, s))"


@pytest.mark.parametrize(("text", "line"), [
    ("param z[N]\nL = sum(maximum(0, z))", "dz = 0.5 * dL * (1 + np.sign(z))"),
    ("param z[N]\nL = sum(maximum(z, 0))", "dz = 0.5 * dL * (1 + np.sign(z))"),
    ("param z[N,D]\nL = 3*mean(minimum(0, z))", "dz = 1.5 * dL / (D*N) * (1 - np.sign(z))"),
    (HINGE, "ds = 0.5 * dL / N * (1 + np.sign(s))"),
])  # fmt: skip
def test_a_sum_of_choices(text: str, line: str) -> None:
    assert line in body(text, "backward")


@pytest.mark.parametrize("text", [
    "param z[N]\nL = sum(maximum(0, z)*exp(z))",  # times an array, of which a mask may have left entries out
    "param z[N], v[N]\nL = sum(maximum(z, v))",  # inf less inf has no sign
    "param z[N]\nL = sum(where(z < 5, maximum(0, z), 1))",
    "param z[N]\nL = sum(2*(z > 0)*z + (z == 0)*z)",  # as the program says it
])  # fmt: skip
def test_masks_stay(text: str) -> None:
    assert "sign" not in body(text, "backward")


@pytest.mark.parametrize("text", [
    "param z[N]\nL = sum(maximum(0, z))", "param z[N]\nL = 2*sum(minimum(z, 0)) + 3*sum(z)",
    "param z[N]\nL = mean(maximum(0, z) - minimum(0, z))", "param z[N]\nL = sum(maximum(z, 0*z))",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    z = array(7)
    z[2] = 0
    hold(text, {"z": z}, levels=(0, 1, 2))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_ties_share(level: int) -> None:
    net = graphc.load("param z[N]\nL = 3*sum(maximum(0, z)) + sum(minimum(z, 0))", level=level)
    _, grads = net.value_and_grad(np.array([-2.0, -0.0, 0.0, 5.0]))
    np.testing.assert_array_equal(grads["z"], [1, 2, 2, 3])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_an_entry_that_is_left_out_stays_so(level: int) -> None:
    """Also where it is not a number."""
    net = graphc.load("param z[N]\ninput m[N]: bool\nL = sum(where(m, maximum(0, z), 0))", level=level)
    L, grads = net.value_and_grad(np.array([1.0, np.nan, -1.0]), np.array([True, False, True]))
    assert L == 1
    np.testing.assert_array_equal(grads["z"], [1, 0, 0])


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("loss", ["where(r > 0, r, 0)", "sum(where(ok, r, 0))"])
def test_a_sum_that_is_left_out_has_no_gradient(level: int, loss: str) -> None:
    """Not a number where an entry is none, but 0 as ever."""
    net = graphc.load(f"param z[N]\ninput ok[]: bool\nr = sum(maximum(0, z))\nL = {loss}", level=level)
    L, grads = net.value_and_grad(z=np.array([1.0, np.nan]), ok=np.array(False))
    assert L == 0
    np.testing.assert_array_equal(grads["z"], [0, 0])
