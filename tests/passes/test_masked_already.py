"""Products that are 0 where their mask is: no mask in the derivative of a squared hinge."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold


@pytest.mark.parametrize(("text", "line"), [
    ("param z[N]\nL = sum(relu(z)**2)", "dz = 2 * dL * np.maximum(z, 0)"),
    ("param z[N]\nL = sum(maximum(0, z)**2)", "dz = 2 * dL * np.maximum(0, z)"),
    ("param z[N]\nL = sum(minimum(z, 0)**2)", "dz = 2 * dL * np.minimum(z, 0)"),
    ("param z[N]\ninput t[N]\nL = mean(t*maximum(z, 0)**2)", "dz = 2 * dL / N * t * np.maximum(z, 0)"),
])  # fmt: skip
def test_a_square_masks_itself(text: str, line: str) -> None:
    backward = body(text, "backward")
    assert line in backward
    assert ">" not in backward and "==" not in backward


@pytest.mark.parametrize("text", [
    "maximum(0, z)**2", "minimum(0, z)**3", "relu(z)**2", "maximum(z, 0)*z", "maximum(z, 0)*minimum(z, 0)*exp(z)",
    "maximum(z, 1)**2", "(maximum(z, 0) + z)**2", "maximum(z, 0)*(z == 0) + maximum(z, 0)*(z < 0)*z + exp(z)",
    "exp(z)/maximum(z, 0.5)*(z > 0.5)*(z > 0)", "exp(maximum(0, z))*maximum(0, z)",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    """Also at 0: it is that of the literal derivation there."""
    program = f"param z[N]\nL = sum({text})"
    z = array(9) + 0.01
    hold(program, {"z": z}, levels=(0, 1, 2))
    z[3:5] = 0, -0.0
    literal, *others = (graphc.load(program, level=level).value_and_grad(z)[1]["z"] for level in range(3))
    for other in others:
        np.testing.assert_allclose(other, literal, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("text", ["w*maximum(z, 0)*(z == 0)", "w*maximum(z, 0)*(z < 0)", "w*minimum(z, 0)*(z > 0)"])
def test_what_the_program_multiplies_by_a_mask_is_nan_as_ever(text: str) -> None:
    program = f"input z[N], w[N]\ny = {text}"
    z, w = np.array([0.0, 1.0, np.nan]), np.array([np.nan, 1.0, 1.0])
    literal, *others = (graphc.load(program, level=level).forward(z, w)[0] for level in range(3))
    for other in others:
        np.testing.assert_array_equal(other, literal)


def test_a_gradient_of_what_is_nan_is_nan() -> None:
    program = "param z[N]\ninput c[N]\nL = sum(c*maximum(z, 0)*minimum(z, 0))"
    z, c = np.array([1.0, np.nan, 2.0]), np.array([1.0, 1.0, np.nan])
    for level in range(3):
        gradient = graphc.load(program, level=level).value_and_grad(z, c)[1]["z"]
        np.testing.assert_array_equal(np.isnan(gradient), [False, True, True])
