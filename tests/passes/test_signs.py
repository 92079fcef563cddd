"""Signs go into numbers: how many arrays have their sign turned, and what is written."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.pipeline import optimise
from ops.programs import array, body, hold

LAYER = "input X[N, D], T[N, C]\nparam W[D, C]\n"


def turned(text: str) -> int:
    """How many arrays have their sign turned by a pass of its own."""
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)
    return sum(node.op == "negative" and bool(node.type.rank) for node in graph)


@pytest.mark.parametrize(("text", "count"), [
    (LAYER + 'L = mse(T, X@W, reduction="mean")', 0),
    (LAYER + "L = sum((T - X@W)**2)", 0),
    (LAYER + "L = sum(abs(T - X@W)) / N", 0),
    (LAYER + "L = sum(tanh(T - X@W)**2)", 0),
    (LAYER + "input M[N, C]\nL = sum((M * (T - X@W))**2)", 0),
    (LAYER + "E = M * (T - X@W)\nL = sum(E**2)", 1),  # a reader is shown dE
    ("input X[N, D]\nparam C[K, D]\nL = sum(min(sum((X[:, None] - C)**2, axis=2), axis=1))", 0),  # through the sum
    ("param w[D]\ninput V[D]\nL = sum(tanh(w))\nHv = hvp(L, w, V)", 0),  # 2 * -x
    ("input X[N, D], k[N]\nparam w[D]\ne = X@w\nL = mean(exp(e) - k*e)", 0),  # the first of two terms
    (LAYER + "L = sum(exp(-X@W) * T)", 1),  # the program's own
    ("input y[N]\nparam p[N]\nL = -mean(y*log(p) + (1 - y)*log(1 - p))", 0),  # a difference of a sum
    ("input X[N, D], t[N]\nparam w[D]\np = sigmoid(X@w)\nL = -sum(t*log(p) + (1 - t)*log(1 - p)) / N", 0),
])  # fmt: skip
def test_arrays_of_which_the_sign_is_turned(text: str, count: int) -> None:
    assert turned(text) == count


@pytest.mark.parametrize("text", [
    'L = mse(T, X@W, reduction="mean")', "L = sum((T - X@W)**2)", "L = sum(abs(T - X@W) / 3)",
    "L = sum((0.5 * (T - X@W) / N)**4)", "Y = T - X@W\nL = dot(flatten(Y * 2), flatten(Y)) / sum(square(W))",
    "L = sum(exp(sum(-(2 * W), axis=0)) * mean(3 * W, axis=0))", "L = sum(exp(2 * -tanh(W)) * -1)",
    "L = sum(-(2 * sum(W)) * X)", "L = sum((X@W + (-sum(W)) * T / (1 + W[0]**2))**2)",
    "L = sum((X@W + -T * W[0] / 2)**2 + (W[1] * -3 + T))", "L = -sum(-(W / sum(square(W))) * (W - 1))",
])  # fmt: skip
def test_the_numbers_stay_the_same(text: str) -> None:
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(5, 3)), "T": rng.normal(size=(5, 2)), "W": rng.normal(size=(3, 2))}
    literal, net = (graphc.load(LAYER + text, level=level) for level in (0, 1))
    (L, grads), (other, others) = net.value_and_grad(**given), literal.value_and_grad(**given)
    np.testing.assert_allclose(L, other, rtol=1e-12)
    np.testing.assert_allclose(grads["W"], others["W"], rtol=1e-12)
    assert net.value_and_grad(**{k: v.astype("f") for k, v in given.items()})[1]["W"].dtype == np.float32


def test_the_number_has_one_sign_in_code_and_comment() -> None:
    text = graphc.compile(LAYER + 'L = mse(T, X@W, reduction="mean")')
    assert "(-2 * dL / (C*N) * difference)" in text
    assert "(-(2 dL / (C*N)) difference)" in text


def test_a_term_with_a_sign_is_subtracted() -> None:
    text = graphc.compile("input X[N, D], k[N]\nparam w[D]\neta = X@w\nL = mean(exp(eta) - k*eta)")
    assert "deta = (exp_eta - k) * (dL / N)" in text


def test_a_value_that_the_program_names_after_its_sign_is_used_by_its_name() -> None:
    text = "input R[m, m], x[n]\nparam K[m, n]\nu = -(K @ x)\nc = dot(u, R @ u)"
    assert "    c = u @ Ru\n" in graphc.compile(text)


def test_the_sign_of_the_gradient_of_a_vector_stays_with_the_vector() -> None:
    """Neither a column of it nor a product with inner size 1 is left in the way of what one would write."""
    text = "input x[n], t[m]\nparam K[m, n], b[n]\nh = tanh(b)\nu = t - K @ (x * h)\nL = sum(u**3)"
    backward = graphc.compile(text).partition("def backward")[2].partition("\ndef ")[0]
    assert "np.outer(" in backward and "K.T @" in backward
    assert "[:, None]" not in backward and "squeeze" not in backward


def test_a_sum_that_could_be_one_quotient_is_a_difference_at_least() -> None:
    """Of `x / n + -(s / n * y)` the quotient of both is made next, which adds no work to a difference."""
    text = graphc.compile("param U[N, K]\nV = U / norm(U, axis=1, keepdims=true)\nL = sum(V**3)")
    assert "dU = (dV - (dV * V).sum(axis=1, keepdims=True) * V) / norm_U" in text


def test_a_number_that_the_program_names_after_its_sign_is_a_statement_of_its_own() -> None:
    text = graphc.compile("input R[T]\nparam logp[T]\npi = -mean(R * logp)\nvf = sum(logp**2)\nL = pi + 0.5*vf")
    assert "    pi = -(R * logp).sum() / T\n" in text and "    L = pi + 0.5 * vf\n" in text


def test_the_sign_of_an_array_that_is_needed_goes_into_a_number_elsewhere() -> None:
    text = "input X[N, D], t[N]\nparam w[D]\nL = sum(softplus(-t * (X @ w)))"
    found = "\n".join(body(text, "backward"))
    assert "-t" not in found and "-dL * " in found, found
    hold(text, {"X": array(4, 3), "t": array(4, seed=1), "w": array(3, seed=2)}, levels=(0, 1, 2))


def test_a_sign_that_only_products_with_numbers_and_sums_need_is_theirs() -> None:
    text = "input g[n]\nparam w[n], s[]\nv = w - s*g\nL = sum(v**3)"
    lines = body(text, "backward")
    assert not any("np.negative" in line or "minus_dv" in line for line in lines), lines
    assert "ds = -(dv * g).sum()" in lines
    hold(text, {"g": array(4), "w": array(4, seed=1), "s": array()}, levels=(0, 1, 2))
    text = "input X[N, D], y[N]\nparam w[D], s[]\ng = grad(sum((X@w - y)**2), w)\nv = w - s*g\nL = sum((X@v - y)**2)"
    lines = body(text, "backward")
    assert not any("np.negative" in line for line in lines), lines
    hold(text, {"X": array(3, 4), "y": array(3), "w": array(4, seed=1), "s": array()}, levels=(0, 1, 2))


def test_a_sign_with_a_name_and_one_that_is_needed_stay() -> None:
    text = "param x[n], s[], t[]\nm = -exp(x)\nL = sum((m * s)**3) + t*sum(m * x) + sum(m**2)"
    assert any(line.startswith("m = -") for line in body(text))
    hold(text, {"x": array(4), "s": array(), "t": array(seed=2)}, levels=(0, 1, 2))
    hold("param x[n], s[]\nL = sum((-tanh(x) * s)**3) + sum(log(3 + -tanh(x))) + sum(-tanh(x) * x)",
         {"x": array(4), "s": array()}, levels=(0, 1, 2))  # fmt: skip


def test_a_sign_does_not_stand_between_transposes() -> None:
    """The derivative of Y = T - X Aᵀ, which was (-(X.T @ dY)).T."""
    text = "input X[N, D], T[N, K]\nparam A[K, D]\nY = T - X@A.T\nL = sum(tanh(Y))"
    assert "dA = -(dY.T @ X)" in body(text, "backward")
