"""The derivative of `1 / (1 + exp(-z))` is written as that of `sigmoid(z)` is."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

SIGMOID = "param z[n]\ns = 1 / (1 + exp(-z))\nL = sum(s**3)"


def test_the_value_alone_is_kept() -> None:
    text = "\n".join(body(SIGMOID, "backward"))
    assert "* s * (1 - s)" in text and "exp" not in text
    hold(SIGMOID, {"z": array(4)}, levels=(0, 1, 2))
    assert "* E * (1 - E)" in "\n".join(body("param r[n]\nE = 1 / (1 + exp(r / 4))\nL = sum(E**3)", "backward"))


@pytest.mark.parametrize("e", ["2**z", "z**2", "sinh(z)"])
def test_what_is_no_exponential_keeps_its_derivative(e: str) -> None:
    text = f"param z[n]\ns = 1 / (1 + {e})\nL = sum(s**3)"
    assert "1 - s" not in "\n".join(body(text, "backward"))
    hold(text, {"z": np.array([0.5, 1.0, 2.0])}, levels=(0, 1, 2))


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_large_has_no_slope(level: int) -> None:
    """Of -800 the exponential is infinite: 0 times that was not a number."""
    grads = compiled(SIGMOID, level).value_and_grad(np.array([-800.0, 0.0, 800.0]))[1]
    assert np.allclose(grads["z"], [0, 3 / 16, 0])


def test_a_program_that_writes_it_gets_what_it_writes() -> None:
    own = "input x[n], z[n]\ne = exp(-z)\ns = 1 / (1 + e)\ny = x * s / (1 + e) * e\noutput y, s"
    lines = "\n".join(body(own))
    assert "* e" in lines and "1 - s" not in lines
