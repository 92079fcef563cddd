"""Indices that forward has found to be in range: backward takes them as they are."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

STEPS = """
input x[3, N]: int, y[3, N]: int
param E[V, D], W[D, V]
h_0 = 0
for t in 0:3 {
  h_{t+1} = tanh(h_{t} + E[x[t]])
  l_{t} = softmax_ce(h_{t+1} @ W, y[t])
}
L = l_0 + l_1 + l_2
"""


@pytest.mark.parametrize("level", [0, 1])
def test_forward_checks_and_backward_does_not(level: int) -> None:
    assert sum("in_range(" in line for line in body(STEPS, "forward", level)) >= 6
    assert not any("in_range(" in line for line in body(STEPS, "backward", level))


def test_the_gradients_are_those_of_the_rows_that_were_read() -> None:
    x, y = np.array([[0, 1, -1], [2, 2, 0], [-3, 4, 1]]), np.array([[0, 1, 4], [2, 2, 0], [3, 4, 1]])
    hold(STEPS, {"x": x, "y": y, "E": array(5, 2), "W": array(2, 5)})
    net = compiled(STEPS)
    for name, wrong in (("x", x + 5), ("y", y - 1)):
        with pytest.raises(ValueError, match=rf"{name}\[t\]"):
            net.forward(**{"x": x, "y": y, name: wrong}, E=array(5, 2), W=array(2, 5))
