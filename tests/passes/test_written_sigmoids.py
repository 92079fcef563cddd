"""The derivative of `1 / (1 + exp(-z))` is written as that of `sigmoid(z)` is."""

from __future__ import annotations

import numpy as np

from ops.programs import array, body, compiled, hold

SIGMOID = "param z[n]\ns = 1 / (1 + exp(-z))\nL = sum(s**3)"


def test_the_value_alone_is_kept() -> None:
    text = "\n".join(body(SIGMOID, "backward"))
    assert "* s * (1 - s)" in text and "exp" not in text
    hold(SIGMOID, {"z": array(4)}, levels=(0, 1, 2))
    assert "* E * (1 - E)" in "\n".join(body("param r[n]\nE = 1 / (1 + 10**(r / 400))\nL = sum(E**3)", "backward"))


def test_what_is_large_has_no_slope() -> None:
    grads = compiled(SIGMOID).value_and_grad(np.array([-400.0, 0.0, 400.0]))[1]
    assert np.allclose(grads["z"], [0, 3 / 16, 0])


def test_a_program_that_writes_it_gets_what_it_writes() -> None:
    own = "input x[n], e[n]\ns = 1 / (1 + e)\ny = x * s / (1 + e) * e\noutput y, s"
    assert "y = x * s / total_e * e" in body(own)
