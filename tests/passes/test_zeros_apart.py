"""Gradients that are zero: each an array of its own, with its name, and no copy."""

from __future__ import annotations

import warnings

import pytest

from ops.programs import array, body, hold

pytestmark = pytest.mark.filterwarnings("ignore::graphc.GraphcWarning")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_each_has_its_name(level: int) -> None:
    backward = body("param w[N], m[N], v[N]\nL = sum(w**2)", "backward", level)
    assert {line.partition(" = ")[0] for line in backward if "np.zeros(" in line} == {"dm", "dv"}
    assert backward[-2] == 'grads = {"w": dw, "m": dm, "v": dv}'


def test_of_those_that_share_an_array_the_last_is_no_copy() -> None:
    text = "param w[N], z[N], q[N]\nL = sum(tanh(w + z + q))"
    assert body(text, "backward")[-2] == 'grads = {"w": dq.copy(), "z": dq.copy(), "q": dq}'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hold(text, {"w": array(3), "z": array(3), "q": array(3)})
