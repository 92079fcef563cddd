"""Rows divided by their lengths are kept alone: the derivative of the length reads these, not what they are made of."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

LENGTHS = [
    "norm({}, axis=1, keepdims=true)", "sqrt(sum({}**2, axis=1, keepdims=true))",
    "sqrt(mean({} * {}, axis=1, keepdims=true) + 0.1)", "norm({}, axis=1)[:, None]",
    "(norm({}, axis=1, keepdims=true) + 0.1)", "sum({} * {}, axis=1, keepdims=true)",
    "sum(abs({}), axis=1, keepdims=true)",
]  # fmt: skip


def program(length: str, more: str = "") -> str:
    rows = f"Q = X @ P\nq = Q / {length.replace('{}', 'Q')}"
    return f"input X[N, D]\nparam P[D, K], W[K, M]\n{rows}\nL = sum(tanh(q @ W)){more}"


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("length", LENGTHS[:3])
def test_rows_divided_by_their_lengths_are_kept_alone(level: int, length: str) -> None:
    found = "\n".join(body(program(length), "backward", level)).replace("norm_Q", "")
    assert not re.search(r"\bQ\b(?!,)", found), found
    assert found.count("axis=1") == 1 and "0.5" not in found and "==" not in found


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("more", ["", " + sum(Q * Q)", " + sum(sin(Q))"])
def test_gradients_are_those_of_the_literal_derivation(length: str, more: str) -> None:
    text = program(length, more)
    for n, d, k, m in [(4, 2, 3, 2), (3, 3, 3, 3), (1, 1, 1, 1), (4, 2, 1, 3), (1, 2, 3, 1)]:
        hold(text, {"X": array(n, d), "P": array(d, k, seed=1), "W": array(k, m, seed=2)}, levels=(0, 1, 2))


@pytest.mark.parametrize("length", LENGTHS)
def test_where_lengths_have_no_terms_gradients_are_what_they_were(length: str) -> None:
    """The length is 0 there, and rows that are divided by it have no entries: other gradients are none of nan."""
    text = program(length)
    for n, d, k, m in [(4, 2, 0, 3), (0, 2, 3, 2), (3, 0, 2, 2)]:
        given = {"X": array(n, d), "P": array(d, k), "W": array(k, m)}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of no entries
            value, expected = compiled(text, 0).value_and_grad(**given)
            for level in (1, 2):
                found, gradients = compiled(text, level).value_and_grad(**given)
                np.testing.assert_allclose(found, value)
                for name, gradient in expected.items():
                    np.testing.assert_allclose(gradients[name], gradient, err_msg=f"d{name} at {(n, d, k, m)}")


def test_rows_of_zeros_have_the_gradient_of_the_literal_derivation() -> None:
    """A length of 0, by which the row is divided: nothing finite is left of either."""
    text = "param Q[N, K]\ninput W[K, M]\nq = Q / norm(Q, axis=1, keepdims=true)\nL = sum(sin(q @ W))"
    given = {"Q": np.array([[0.0, 0.0], [3.0, 4.0]]), "W": array(2, 2)}
    with np.errstate(all="ignore"):
        _, expected = compiled(text, 0).value_and_grad(**given)
        for level in (1, 2):
            _, found = compiled(text, level).value_and_grad(**given)
            np.testing.assert_allclose(found["Q"], expected["Q"])
            assert np.isnan(found["Q"][0]).all() and np.isfinite(found["Q"][1]).all()


def test_a_gradient_that_is_asked_for_stays() -> None:
    """The length is a value of its own, of which the gradient is wanted, or which is used elsewhere."""
    rows = "Q = X @ P\nr = norm(Q, axis=1, keepdims=true)\nq = Q / r"
    text = f"input X[N, D]\nparam P[D, K]\n{rows}\nL = sum(tanh(q)) + sum(r**3)"
    hold(text, {"X": array(4, 2), "P": array(2, 3)}, levels=(0, 1, 2))
    several = "param Q[N, K], r[N, 1]\nq = Q / r\nL = sum(tanh(q * r)) + sum(sin(Q / (r * r)))"
    hold(several, {"Q": array(4, 3), "r": 2 + array(4, 1)}, levels=(0, 1, 2))


def test_what_is_not_declared_may_be_of_any_shape() -> None:
    text = "param X[N, K]\nq = X / (r * norm(X, axis=1, keepdims=true))\nL = sum(tanh(q))"
    for shape in ((), (4, 1), (1, 1), (1,)):
        hold(text, {"X": array(4, 3), "r": 2 + array(*shape)}, levels=(0, 1, 2))
    square = "param X[N, N]\nq = X / norm(X, axis=1)\nL = sum(tanh(q)) + sum(sin(X / norm(X, axis=0, keepdims=true)))"
    hold(square, {"X": array(3, 3)}, levels=(0, 1, 2))


def test_columns_are_divided_once() -> None:
    text = ("input X[N, D]\nparam P[D, K], g[K]\nZ = X@P\nm = mean(Z, axis=0)\nv = var(Z, axis=0)\n"
            "h = (Z - m) / sqrt(v + 0.1)\nL = sum(tanh(h * g))")  # fmt: skip
    lines = body(text, "backward")
    assert "dh_ratio = np.divide(dh, root, out=dh)" in lines, lines
    assert any(line.endswith("_ratio * h).sum(axis=0)") for line in lines), lines
    hold(text, {"X": array(5, 2), "P": array(2, 3), "g": array(3)}, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "param x[N, D], y[N, D], c[D]\nq = x / c\nL = sum(tanh(q)) + sum(sin(x * y / c))",  # as the program has it
    "param x[N, D], c[D]\nh = tanh(x) / c\np = h * x\nL = sum(p**3) + sum(sin(x / c))",
    "param x[N, D], s[]\nh = tanh(x) / s\nL = sum(h**3)",  # a number
    "param x[N, D], c[D]\nh = x * exp(x) / c\nL = sum(h**3) + sum((exp(x) / c)**2)",
])  # fmt: skip
def test_other_quotients_of_products(text: str) -> None:
    given = {"x": array(4, 3), "y": array(4, 3, seed=1), "c": 2 + array(3), "s": 2 + array()}
    hold(text, {name: value for name, value in given.items() if f" {name}[" in text}, levels=(0, 1, 2))


@pytest.mark.parametrize("rows", [0, 1])
def test_columns_of_no_rows(rows: int) -> None:
    text = "param x[N, D], c[D]\nh = x / c\nL = sum(tanh(h))"
    hold(text, {"x": array(rows, 3), "c": np.array([1.0, 2.0, 0.5])}, levels=(0, 1, 2))


@pytest.mark.parametrize("level", [1, 2])
def test_a_softmax_that_is_written_out_is_derived_as_one(level: int) -> None:
    """The exponentials and their sums are not kept, and one product less is made."""
    text = "param S[N, C]\ninput T[N, C]\nP = exp(S) / sum(exp(S), axis=1, keepdims=true)\nL = sum(tanh(P * T))"
    found = "\n".join(body(text, "backward", level))
    assert "exp" not in found and " / " not in found, found
    for n, c in [(4, 3), (3, 3), (1, 2), (2, 1), (0, 2)]:
        hold(text, {"S": array(n, c), "T": array(n, c, seed=1)}, levels=(0, 1, 2))


def test_the_logarithm_of_a_quotient_divides_by_its_dividend() -> None:
    text = "param a[N]\ninput b[N]\nL = sum(log(a / b))"
    assert "da = dL / a" in "\n".join(body(text, "backward"))
    hold(text, {"a": np.array([0.5, 2.0]), "b": np.array([3.0, 0.7])}, levels=(0, 1, 2))
    own = "\n".join(body("input a[N], b[N]\nparam c[N]\nL = sum(c / (a / b) / b)"))
    assert "c / a_over_b / b" in own  # where the program divides by 0, it gets what NumPy gives


def test_a_square_that_divides_cancels_one_factor() -> None:
    text = "param l[]\ninput D[n, n]\nL = sum(exp(D / l**2))"
    assert ".sum() / l\n" in "\n".join(body(text, "backward"))
    hold(text, {"l": np.array(0.7), "D": -np.eye(2)}, levels=(0, 1, 2))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_logarithm_of_a_quotient_by_no_rows_has_no_gradient(level: int) -> None:
    """Of a dividend that is repeated the gradient is a sum over rows: none are 0, and 0 times 1 / 0 is not a number."""
    module = compiled("param a[M], b[N, M]\nL = sum(log(a / b))", level)
    grads = module.value_and_grad(np.array([0.0, 1.0]), np.zeros((0, 2)))[1]
    assert np.array_equal(grads["a"], [0, 0])
