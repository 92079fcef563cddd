"""Derivatives by cases: a choice where the two branches are made of one value, with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ops.programs import array, body, hold

HUBER = "param z[N]\ninput t[N]\nr = z - t\nL = sum(where(abs(r) <= 1, 0.5*r**2, abs(r) - 0.5))"


@pytest.mark.parametrize(("text", "line"), [
    ("param z[N]\nL = sum(where(z > 0, z, exp(z) - 1)**2)", "dz = np.where(z > 0, dwhere_z, dwhere_z * exp_z)"),
    ("param z[N]\nh = where(z > 0, z, 0.1*z)\nL = sum(h**2)", "dz = np.where(z > 0, dh, 0.1 * dh)"),
    ("param p[N]\ninput y[N]\nq = where(y > 0.5, p, 1 - p)\nL = sum(q**2)", "dp = np.where(y > 0.5, dq, -dq)"),
    (HUBER, "dr = dL * np.where(np.abs(r) <= 1, r, np.sign(r))"),
])  # fmt: skip
def test_a_derivative_by_cases(text: str, line: str) -> None:
    assert line in body(text, "backward")


@pytest.mark.parametrize("text", [
    "param z[N]\nL = sum(where(z > 0, z*z, exp(z) - 1)**2)",
    "param z[N], w[N]\nh = where(z > w, z*w, w - z)\nL = sum(h*h)",
    "param z[N], w[N]\nh = where(z > w, z, z)\nL = sum(h*h*w)",
    "param z[N], w[N]\nh = where(z > 0, w*z, 3*z)\nL = sum(where(w > 0, h*w, h))",
    "param z[N]\nL = sum(where(z > 0, 2*z, 3*z))",
    "param z[N]\nL = sum(z*logical_not(z) + z*z*3)",  # no mask: z itself is the other factor
    "op f(x) = where(x > 0, x, 2*x)\nrule f(x) -> y { dx = dy*(x > 0) + 2*dy*logical_not(x > 0) }\n"
    "param z[N]\nL = sum(f(z)**2)",
])  # fmt: skip
def test_the_gradient_is_right(text: str) -> None:
    hold(text, {name: array(7, seed=k) for k, name in enumerate("zw") if f"{name}[N]" in text}, levels=(0, 1, 2))


def test_what_others_use_stays_masked() -> None:
    text = "param p[N], q[N]\ninput y[N]\nh = where(y > 0, p, q*p)\nL = sum(log(h))"
    assert "dh_where = dh * ~mask_y" in body(text, "backward")
    positive = {name: np.abs(array(5, seed=k)) for k, name in enumerate("pq")}
    hold(text, {**positive, "y": array(5, seed=9)}, levels=(0, 1, 2))
