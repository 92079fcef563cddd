"""The literal derivation as one writes it down; that the values stay is in `test_docstrings`."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import body

NET = "L = sum((a*x + b)**2 / (1 + a))"


@pytest.mark.parametrize(("program", "line"), [
    ("param O[N, K]\ninput T[N, K]\nL = sum((O - T)**2)", "dO = 2 * dL * difference_O"),
    ("param S[N, C]\ninput y[N]: int\nL = softmax_ce(S, y)", "dS = difference_P * dL"),
    ("param p[N]\ninput c[N]\nL = sum(where(c > 0, p, -p))", "dp = dL * mask_c - dL * ~mask_c"),
    ("param w[D]\ninput y[D]\nL = sum(exp(w))\ng = grad(L, w)\nM = sum(g*y)\nloss M", "dg = dM * y"),
])  # fmt: skip
def test_a_rule_is_written_plainly(program: str, line: str) -> None:
    assert line in body(program, "backward", level=0)


@pytest.mark.parametrize("program", [
    "op f(x) = -x*x\nrule f(x) -> y { dx = -(dy*x) - dy*x }\nparam x[N, M]\nL = sum(f(x)**2)",
    "op f(x) = x*x\nrule f(x) -> y { dx = -(dy*-x) + dy*x }\nparam x[N, M]\nL = sum(f(x)**2)",
    "param x[N, M], b[M]\ng = grad(sum(x*b), x)\nL = sum(g*g*x)\noutput g\nloss L",
    "param x[N, M], b[M], c[N, 1]\nL = sum(b*c)\nJ = L + sum(x)\nloss J",
    "param x[N, M], b[M], c[N, 1]\nY = b*c\noutput Y",
])  # fmt: skip
def test_signs_and_shapes_stay(program: str) -> None:
    rng = np.random.default_rng(1)
    literal, usual = (graphc.load(program, level=k) for k in (0, 1))
    data = {"x": rng.normal(size=(4, 3)), "b": rng.normal(size=3), "c": rng.normal(size=(4, 1))}
    given = {name: data[name] for name in literal.PARAMETERS}
    more = {} if "loss" in program or "L =" in program else {"cotangents": np.ones((4, 3))}
    results = [net.value_and_grad(**given, **more) for net in (literal, usual)]
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    for name, gradient in results[0][1].items():
        assert gradient.shape == data[name].shape
        np.testing.assert_allclose(gradient, results[1][1][name], rtol=1e-12)


def test_a_broadcast_of_the_program_stays() -> None:
    program = "param W[n, n], b[n]\ninput X[n, N]\nB = broadcast_to(b[:, None], (n, N))\nL = sum((W@X + B)**2)"
    assert "    B = np.broadcast_to(b[:, None], X.shape)" in graphc.compile(program, level=0)


@pytest.mark.parametrize("shape", [(), (1, 1), (1, 3), (4, 1), (4, 3)])
def test_a_gradient_of_any_shape_stays_what_it_is(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(4, 3)), rng.uniform(0.5, 1, shape), rng.normal(size=3)
    literal, usual = (graphc.load(f"input x[N, D]\n{NET}", level=k, wrt=["a", "b"]) for k in (0, 1))
    wanted = usual.value_and_grad(*data)[1]
    for name, gradient in literal.value_and_grad(*data)[1].items():
        np.testing.assert_allclose(gradient, wanted[name], rtol=1e-12)
