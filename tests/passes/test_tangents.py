"""Squares that go on in their tangents: which are replaced, the numbers, and the work."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.passes.tangents import limit_squares

HEAD = "param r[N]\ninput y[N]\n"


def is_replaced(text: str, kept: tuple[str, ...] = ("r",)) -> bool:
    graph = limit_squares(graphc.parse(HEAD + text), kept)
    graph.verify()
    return not any(node.op == "where" for node in graph)


@pytest.mark.parametrize("expression", [
    "where(abs(r) < 1, 0.5*r**2, abs(r) - 0.5)", "where(abs(r) <= 2, r**2/2, 2*(abs(r) - 1))",
    "where(1.5 > abs(r), 0.5*r*r, 1.5*abs(r) - 0.5*1.5**2)", "where(abs(r) > 0.3, 0.3*(abs(r) - 0.5*0.3), square(r)/2)",
    "where(abs(r) >= 2, 4*abs(r) - 4, r**2)", "where(0.1 < abs(r), abs(r) - 0.05, abs(r)*abs(r)/(2*0.1))",
    "where(abs(r) < 1, -r**2, 1 - 2*abs(r))", "where(abs(r) < 1, r*(-r)*(-0.5), -0.5 + abs(-r*1) * 1)"
])  # fmt: skip
def test_a_square_and_its_tangent_are_replaced(expression: str) -> None:
    replaced = "abs(-r" not in expression  # nobody knows there that |-r| is |r|
    assert is_replaced(f"L = sum({expression})") == replaced
    text = f"{HEAD}h = {expression}\nL = sum(h * y) + sum(h * h)\noutput h, L\nloss L"
    literal, pure, fast = (graphc.load(text, level=level) for level in (0, 1, 2))
    edges = [0.0, -0.0, 0.1, -0.3, 1.0, -1.0, 1.5, -2.0, 2.0, 1e150, np.inf, -np.inf, np.nan]
    r = np.concatenate([np.linspace(-3, 3, 25), edges, np.random.default_rng(0).standard_normal(20)])
    given = {"r": r, "y": np.cos(np.arange(len(r)))}
    with np.errstate(all="ignore"):
        want, have = literal.forward(**given)[0].h, fast.forward(**given, workspace=fast.Workspace(**given))[0].h
        np.testing.assert_allclose(have, want, rtol=1e-14, atol=1e-15)
    given = {name: value[np.isfinite(r) & (abs(r) < 9)] for name, value in given.items()}
    wanted = literal.value_and_grad(**given)
    for got in pure.value_and_grad(**given), fast.value_and_grad(**given, workspace=fast.Workspace(**given)):
        assert abs(wanted[0].L - got[0].L) <= 1e-12 * max(1, abs(wanted[0].L))
        np.testing.assert_allclose(got[1]["r"], wanted[1]["r"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("expression", [
    "where(abs(r) < 1, 0.5*r**2, abs(r) - 0.4)", "where(abs(r) < 1, r**2, abs(r) - 0.5)",
    "where(abs(r) < 2, 0.5*r**2, abs(r) - 0.5)", "where(abs(r) > 1, 0.5*r**2, abs(r) - 0.5)",
    "where(abs(r) < 1, 0.5*r**2 + 1, abs(r) + 0.5)", "where(abs(r) < 1, 0.5*r*abs(r), abs(r) - 0.5)",
    "where(abs(r) < 1, 0.5*r**2, r - 0.5)", "where(abs(y) < 1, 0.5*r**2, abs(r) - 0.5)",
    "where(abs(r) < 1, 0.5*y**2, abs(r) - 0.5)", "where(abs(r) < y, 0.5*r**2, abs(r) - 0.5)",
    "where(abs(r) < 0, 0.5*r**2, 0*abs(r))", "where(abs(r[0]) < 1, 0.5*r**2, abs(r) - 0.5)",
    "where(abs(r) < 1, 0.5*r**2*abs(r), abs(r) - 0.5)", "where(abs(r) < 1e200, r**2, 2e200*abs(r) - 1e308)",
    "where(abs(r) < true, 0.5*r**2, abs(r) - 0.5)",
    "where(abs(r) < 1, 0.5/r**2, abs(r) - 0.5)", "where(abs(r) < 1, 0.5*r**2 * exp(0*r), abs(r) - 0.5)",
])  # fmt: skip
def test_all_others_stay(expression: str) -> None:
    assert not is_replaced(f"L = sum({expression})")


@pytest.mark.parametrize("wanted", ["a", "q", "s", "r"])
def test_what_a_gradient_is_asked_of_stays(wanted: str) -> None:
    text = f"{HEAD}a = abs(r)\nq = r**2\ns = a - 0.5\nh = where(a < 1, 0.5*q, s)\nL = sum(h * y)\nloss L"
    assert is_replaced(text.removeprefix(HEAD), (wanted,)) == (wanted == "r")
    fast, literal = (graphc.load(text, level=level, wrt=[wanted], verify=False) for level in (2, 0))
    given = {"r": np.linspace(-2, 2, 10), "y": np.arange(10.0)}
    have, want = (module.value_and_grad(**given)[1][wanted] for module in (fast, literal))
    np.testing.assert_allclose(have, want, rtol=1e-13, atol=1e-13)


def test_there_are_no_branches_to_compute() -> None:
    text = HEAD + "L = mean(where(abs(r) < 1, 0.5*r**2, abs(r) - 0.5))"
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def value_and_grad") :].partition("\nclass ")[0]
    assert "np.sign(" not in body and "choose(" not in body and "np.abs(" not in body
