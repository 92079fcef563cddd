"""Numbers gathered: how many arrays are multiplied by one."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.pipeline import optimise
from modules import LoadSource
from ops.programs import array, body, hold
from passes.operations import apart, simplified


def passes_over(graph: Graph) -> int:
    """The products and quotients of an array with a number."""
    return sum(
        node.op in ("multiply", "divide") and node.type.rank != 0
        and any(graph[u].type.shape == () for u in node.operands)
        for node in graph
    )  # fmt: skip


@pytest.mark.parametrize(("text", "most"), [
    ("input X[N, D], s[], t[]\nY = X * s / t * 3\noutput Y", 1),
    ("input X[N, D], s[], t[]\nY = sum(X * s / t)\noutput Y", 0),
    ("input X[N, D], s[], t[]\nY = 2 * (X / s) / t\noutput Y", 1),
])  # fmt: skip
def test_one_pass_is_left(text: str, most: int) -> None:
    from graphc.passes.expand import expand
    from graphc.passes.simplify import simplify

    graph = expand(graphc.parse(text), share=True)
    assert passes_over(graph) >= 2
    assert passes_over(simplify(graph)) <= most
    hold(text, {"X": array(3, 2), "s": array(), "t": array(seed=1)})


def test_in_gradients() -> None:
    text = "param X[N, D]\ninput s[], t[]\nL = sum(square(X) * s / t)"
    assert passes_over(simplified(text)) < passes_over(apart(text))


def test_a_value_with_a_name_is_not_taken_apart() -> None:
    text = "param X[N, D]\ninput s[], t[]\nY = X * s\nZ = Y / t\nL = sum(Z * Y)\noutput Y, Z, L\nloss L"
    assert {"Y", "Z"} <= {node.name for node in simplified(text)}


@pytest.mark.parametrize("text", [
    "input X[N, D]\nY = X / N * 2\noutput Y",
    "input X[N, D]\nY = 2 * (X / N)\noutput Y",
    "input X[N, D]\nY = X * 2 / N\noutput Y",
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_rows(load_source: LoadSource, text: str, level: int) -> None:
    """Two numbers of Python's would be an error together, where one of them is a size of 0."""
    import graphc

    module = load_source(graphc.compile(text, level=level))
    Y, cache = module.forward(np.zeros((0, 3)))
    assert Y.shape == (0, 3) and module.backward(cache, Y)["X"].shape == (0, 3)


@pytest.mark.parametrize(("loss", "gradient"), [
    ("0.5 * mean(x * x)", "dL / (D*N) * x"),
    ("mean(x * x) / 2", "dL / (D*N) * x"),
    ("sum(x * x) / N / 2", "dL / N * x"),
    ("sum(x**2) / (2*N)", "dL / N * x"),
    ("1/(2*N) * sum(x**2)", "dL / N * x"),
    ("sum(x**4) / (6*N)", "2 * dL / (3*N) * (x * x * x)"),
    ("sum(x**2) / (2*N + 1)", "2 * dL / (2*N + 1) * x"),
    ("sum(x**2) / 3", "2 * dL / 3 * x"),
    ("sum(x**2) / N / 3", "2 * dL / 3 / N * x"),
])  # fmt: skip
def test_numbers_of_a_loss_cancel(loss: str, gradient: str) -> None:
    import graphc

    text = f"param x[N, D]\nL = {loss}"
    assert f"    dx = {gradient} " in graphc.compile(text)
    hold(text, {"x": array(3, 2)}, levels=(0, 1, 2))


@pytest.mark.parametrize("loss", [
    "2 * (3 * (sum(x*x) / 4))",
    "3 * (sum(x*x) / 2) * 3",
    "3 * (sum(x*x) / 4) / 5",
    "-1 * mean(x*x) / 2 * 3",
    "5 * (7*sum(x) / 2) / 2",
    "4 * (sum(x*x) / 2) / 3",
    "3 * (-1 * mean(x * -1) / 4 * (2/N))",
])  # fmt: skip
def test_a_quotient_of_integers_is_no_integer(loss: str) -> None:
    import graphc

    hold(f"param x[N, D]\nL = {loss}", {"x": array(3, 2)}, levels=(0, 1, 2))
    module, literal = (graphc.load(f"param x[N, D]\nL = {loss}", level=level, verify=False) for level in (1, 0))
    assert abs(module.forward(np.ones((3, 2)))[0] - literal.forward(np.ones((3, 2)))[0]) <= 1e-12


@pytest.mark.parametrize("loss", [
    "3 * (2 * (sum(x) / 4))", "sum(3 * (2 * (x / 4)))", "3 * mean(2 * (x**2 / 4))", "sum(3 * (2 * (sum(x) / 4)) * x)",
])  # fmt: skip
def test_a_quotient_of_two_integers_is_a_fraction(loss: str) -> None:
    """Taken with the next number it is no integer: 3 * (2 / 4) is 1.5."""
    hold(f"param x[N]\nL = {loss}", {"x": array(3)}, levels=(0, 1, 2))


@pytest.mark.parametrize(("array_text", "met"), [
    ("2 * (0.5 * a / b) * x", "a / b * x"),
    ("2 * (3 * a / b) * x", "6 * a / b * x"),
    ("3 * (0.1 * a / b) * x", "0.3 * a / b * x"),
    ("2 * (2 / 4 * a / b) * x", "a / b * x"),
    ("3 * (2 / 4 * a / b) * x", "1.5 * a / b * x"),
    ("1e20 * (1e20 * a / b) * x", "1e+20 * (1e+20 * a / b) * x"),  # which float32 does not hold
])  # fmt: skip
def test_numbers_meet_within_products_and_quotients(array_text: str, met: str) -> None:
    text = f"input x[N, D], a[D], b[D]\nparam w[D]\nL = sum(w) + sum({array_text})"
    assert f"({met}).sum()" in "\n".join(body(text))
    given = {"x": array(3, 2), "a": array(2, seed=1), "b": 2 + array(2, seed=2), "w": array(2, seed=3)}
    hold(text, given, levels=(0, 1, 2), single="1e20" not in text)


@pytest.mark.parametrize(("array_text", "met"), [
    ("2 * (a / b) * x / 2", "a / b * x"),
    ("6 * (a / b) * x / 3", "2 * (a / b) * x"),
    ("3 * (a / b) * x / 2", "1.5 * (a / b) * x"),
    ("2 * (a / b) * x / 1e-35", "2 * (a / b) / 1e-35 * x"),
])  # fmt: skip
def test_numbers_cancel_within_products(array_text: str, met: str) -> None:
    text = f"input x[N, D], a[D], b[D]\nparam w[D]\nL = sum(w) + sum(tanh({array_text}))"
    assert f"np.tanh({met}).sum()" in "\n".join(body(text))
    given = {"x": array(3, 2), "a": array(2, seed=1), "b": 2 + array(2, seed=2), "w": array(2, seed=3)}
    hold(text, given, levels=(0, 1, 2), single="e-35" not in text)


def test_a_product_that_is_needed_itself_stays() -> None:
    text = "param a[D], b[D]\nq = 0.5 * a\nL = sum(2 * (q / b)) + sum(q**2)"
    assert "q = 0.5 * a" in "\n".join(body(text))
    hold(text, {"a": array(2, seed=1), "b": 2 + array(2, seed=2)}, levels=(0, 1, 2))


@pytest.mark.parametrize(("dot", "left"), [
    ("(v * 0.5) @ v", 0), ("(v / N) @ u", 1), ("(-2 * v) @ (v / 3)", 0),
    ("(v * s) @ v", 1), ("v @ (s / 2 * v)", 1), ("(-s * v) @ (v / s)", 2),
    ("(v / max(abs(v))) @ v", 1), ("(v / norm(v)) @ (u / norm(u))", 2), ("(1e-8 * v) @ v", 1),
    ("(v / sum(s * v)) @ u", 1),
])  # fmt: skip
def test_numbers_leave_a_product_of_vectors_that_does_not_need_them(dot: str, left: int) -> None:
    assert passes_over(optimise(graphc.parse(f"input v[N], u[N], s[]\nY = {dot}\noutput Y"), 1)) == left


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("dot", [
    "(v / max(abs(v))) @ (v / max(abs(v)))", "(1e-15 * v) @ (1e-15 * v)", "(v / sum(v)) @ (v / sum(v))",
])  # fmt: skip
def test_a_product_of_vectors_that_float32_could_not_hold(dot: str, level: int) -> None:
    """What programs divide by first, so that squares do not overflow, stays there; of no entries it is 0."""
    net = graphc.load(f"param v[N]\nL = {dot}", level=level)
    v = np.array([1, 2, 3], dtype=np.float32) * np.float32(1e20)
    assert np.isfinite(net.forward(v)[0])
    with np.errstate(all="ignore"):
        assert "max" in dot or net.forward(v[:0])[0] == 0


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_unit_that_is_given_stays_with_its_vector(level: int) -> None:
    net = graphc.load("param v[N], s[]\nL = exp(-(v / s) @ (v / s))", level=level)
    for unit in (np.float32(1e25), np.float32(1e-25)):
        L, grads = net.value_and_grad(np.array([1, 0.5], dtype=np.float32) * unit, unit)
        assert abs(L - np.exp(-1.25)) < 1e-6 and abs(grads["s"] * unit - 2.5 * L) < 1e-5
