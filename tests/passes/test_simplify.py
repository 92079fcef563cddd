"""The simplifications that are written in Python: what they make of small programs, and what they leave alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.passes import patterns, simplify
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from ops.programs import array, body, hold
from passes.operations import DENSE


def code(text: str, function: str = "forward") -> str:
    return "\n".join(body(text, function))


# ---------------------------------------------------------------- numbers

def test_numbers_are_multiplied_before_arrays() -> None:
    assert "Y = X * 6" in code("input X[N, D]\nY = 2 * X * 3")
    hold("input X[3, 2], s[], t[]\nY = X * s / t * 3", {"X": array(3, 2), "s": array(), "t": array(seed=1)})


def test_a_number_moves_out_of_a_sum_where_the_product_is_not_needed() -> None:
    assert "X.sum(axis=0) * s" in code("input X[N, D], s[]\nY = sum(X * s, axis=0)")
    kept = code("input X[N, D], s[]\nZ = X * s\nY = sum(Z, axis=0)\noutput Y, Z")
    assert "Y = Z.sum(axis=0)" in kept
    hold("input X[3, 2], s[]\nY = sum(X / s, axis=1, keepdims=true)", {"X": array(3, 2), "s": array()})


@pytest.mark.parametrize("step", ["h_{0} * 1.5", "h_{0} / 1.5", "h_{0} * a"])
def test_however_many_numbers_an_array_is_multiplied_by_a_sum_of_it_compiles(step: str) -> None:
    """Each multiple asked inside the one before for a simpler sum: Python's stack was at its end after some 300."""
    steps = "\n".join(f"h_{k + 1} = {step.format(k)}" for k in range(500))
    text = f"param h_0[N], a[]\n{steps}\nL = sum(h_500) + a"
    net = graphc.load(text, verify=False)
    L, grads = net.value_and_grad(np.ones(3), np.array(1.5))
    factor = 1.5**-500 if "/" in step else 1.5**500
    assert np.isclose(L, 3 * factor + 1.5) and np.allclose(grads["h_0"], factor)


@pytest.mark.parametrize("count", [60, 200])
def test_however_often_rows_are_divided_one_quotient_is_kept(count: int) -> None:
    """Each quotient at hand was found inside the one before, and behind the fiftieth it was kept beside this."""
    text = f"input x[N, D]\nparam c[N]\nL = sum(x{' / c[:, None]' * count})"
    kept = body(text)[-1]
    assert kept.count(",") <= 4, kept
    source = graphc.compile(text, verify=False)
    assert len(source) < 8_000 + 60 * count
    net = graphc.load(text, verify=False)
    L, grads = net.value_and_grad(np.ones((2, 3)), np.array([1.01, 0.99]))
    each = 3 * np.array([1.01, 0.99]) ** -count
    assert np.isclose(L, each.sum()) and np.allclose(grads["c"], -count * each / [1.01, 0.99])


def test_a_mask_counted_times_a_number_stays_floating() -> None:
    hold("input X[4, 3], s[]\nL = sum((X > 0) * s)", {"X": array(4, 3), "s": array()})


def test_a_named_value_of_the_program_keeps_its_statement() -> None:
    assert "M = X * 2" in code("input X[N, D]\nM = X * 2\nL = sum(M)")


def test_factors_of_a_number_are_one() -> None:
    assert "dx = dL * x" in code("param x[n]\nL = 0.5 * sum(x**2)", "backward")
    assert "dx = 0.02 * dL * x" in code("param x[n]\nL = 0.01 * sum(x**2)", "backward")
    hold("param x[3], t[]\nL = 3 * (t * 0.5) * sum(x**2) * 1e-25 * 1e25", {"x": array(3), "t": array()})


def test_numbers_meet_through_factors_of_the_program() -> None:
    text = "param Q[n, n]\ninput g[]\nL = 0.5 * g**2 * sum(Q**2)"
    assert "dQ = dL * (g * g) * Q" in code(text, "backward")
    hold(text, {"Q": array(3, 3), "g": array()})


def test_a_number_of_many_digits_is_written_as_the_program_has_it() -> None:
    text = "input g[D]\nparam M[D]\nconst beta = 0.9\nm = beta * M + (1 - beta) * g\ns = M * (1 - 0.999)"
    assert "m = 0.9 * M + (1 - 0.9) * g" in code(text) and "s = M * (1 - 0.999)" in code(text)
    hold(text, {"g": array(3), "M": array(3, seed=1)}, lambda g, M: (0.9 * M + (1 - 0.9) * g, M * (1 - 0.999)),
         levels=(0, 1, 2))  # fmt: skip
    assert "(0.9 - 1) * x" in code("input x[D]\nconst tau = 0.9\ny = (tau - 1) * x")
    assert "* 0.3333333333333333" in code("input x[D]\ny = x * 0.3333333333333333")


def test_a_product_of_numbers_is_that_of_what_is_written() -> None:
    text = "param u[]\nL = 0.1 * sin(u) * 9.81"
    assert "0.981 * dL * " in code(text, "backward")
    hold(text, {"u": array()})
    hold("param x[n]\nL = sum(0.1 * (x * 3e-5) * 1e20) + sum(3 * (0.1 * x))", {"x": array(3)})


def test_numbers_meet_through_new_axes() -> None:
    text = "input c[N, K, D]\nparam w[K]\nL = 0.5 * sum(w * sum(c**2, axis=2))"
    hold(text, {"c": array(2, 3, 4), "w": array(3)})
    assert "..., None] * 2" not in code("param c[N, D]\nL = sum(tanh(0.5 * sum(c**2, axis=1)))", "backward")


def test_a_sum_over_all_axes_needs_none() -> None:
    assert "db = dY.sum()" in code("input X[N, D]\nparam b[]\nY = X + b", "backward")


# ---------------------------------------------------------------- broadcasts

def test_a_number_multiplies_entries_before_they_are_repeated() -> None:
    text = "param U[N, D]\nL = sum(tanh(sum(U**2, axis=1)))"
    assert "broadcast_to" not in code(text, "backward")
    hold(text, {"U": array(3, 4)})

@pytest.mark.parametrize("text", [
    "input x[l, N], X[m, N]\nY = broadcast_to(x[:, None], (l, m, N)) * X",
    "input x[l, N], X[m, N]\nY = X - broadcast_to(x[:, None], (l, m, N))",
])  # fmt: skip
def test_a_broadcast_that_the_operation_makes_anyway_is_dropped(text: str) -> None:
    assert "broadcast_to" not in code(text)
    hold(text, {"x": array(2, 4), "X": array(3, 4)})
    hold(text, {"x": array(1, 1), "X": array(1, 1)})


def test_a_broadcast_that_nothing_else_makes_stays() -> None:
    text = "input x[N], s[]\nY = broadcast_to(x, (3, N)) * s"
    hold(text, {"x": array(4), "s": array()}, lambda x, s: np.stack([x] * 3) * s)


# ---------------------------------------------------------------- entries

LABELS = np.array([2, 0, 2, 1])


@pytest.mark.parametrize(
    "text",
    [
        "input r[N], X[N, D]\nY = 2 * broadcast_to(r[:, None], (N, D)) * X",
        "input r[N], X[N, D]\nY = exp(-broadcast_to(r[:, None], (N, D))) * X",
    ],
)
def test_numbers_and_functions_are_applied_before_a_broadcast(text: str) -> None:
    """To N entries instead of N D; then nothing is left of the broadcast."""
    assert "broadcast_to" not in code(text)
    hold(text, {"r": array(5), "X": array(5, 3)})


def test_a_product_is_not_written_over_its_own_factor() -> None:
    """NumPy would copy the factor first: nothing is gained."""
    text = "param A[n, n], C[n, n]\nL = sum(cholesky(exp(A) @ exp(A).T + C) ** 3)"
    assert "np.matmul(" not in code(text, "backward")


def test_a_sum_over_all_axes_names_none() -> None:
    assert ".sum(axis=" not in code("param X[N, D], b[], c[K]\nL = sum((X * b)**2) + sum(c + b)", "backward")


def test_gradients_at_single_entries_stay_single() -> None:
    """A picked entry, its logarithm, and the softmax before it: P − onehot(y), and no array of zeros."""
    text = "param S[N, C]\ninput y[N]: int\nP = softmax(S)\nL = -sum(log(P[arange(N), y]))"
    assert body(text, "backward")[-5:-2] == ["dS = P.copy()", "dS[np.arange(N), y] -= 1", "dS *= dL"]
    hold(text, {"S": array(4, 3), "y": LABELS})


@pytest.mark.parametrize("labels", [LABELS, LABELS - 3, np.array([1, 1, 1, 1])])
@pytest.mark.parametrize("text", [
    "param S[N, C]\ninput y[N]: int\nL = sum(S[arange(N), y])",
    "param S[N, C]\ninput y[N]: int\nL = sum(exp(S)[arange(N), y] * 3)",
    "param S[N, C]\ninput y[N]: int\nT = tanh(S)\nL = sum(log(T[arange(N), y]**2))",
    "param S[N, C]\ninput y[N]: int\nT = tanh(S)\nL = sum(T[y[0], y] * T[arange(N), y])",
])  # fmt: skip
def test_picked_entries(text: str, labels: np.ndarray) -> None:  # type: ignore[type-arg]
    hold(text, {"S": array(4, 4), "y": labels})


@pytest.mark.parametrize("text", [
    "param T[C, d]\ninput i[N]: int\nE = T[i]\nL = sum(E * E)",
    "param T[C, d]\ninput i[N]: int\nU = exp(T)\nE = U[i]\nL = sum(E * E)",
])  # fmt: skip
def test_rows_that_are_picked_several_times_add_up(text: str) -> None:
    hold(text, {"T": array(3, 2), "i": LABELS})


def test_one_entry_of_a_vector() -> None:
    text = "param s[C]\ninput y[]: int\nP = softmax(s)\nL = -log(P[y])"
    assert body(text, "backward")[-5:-2] == ["ds = P.copy()", "ds[y] -= 1", "ds *= dL"]
    hold(text, {"s": array(4), "y": np.array(2)})


def test_a_narrow_row_less_onehot_is_not_one_of_its_entries_less_1() -> None:
    """P has one column, or one row: it is broadcast first."""
    hold("param P[N, 1]\ninput y[N]: int\nY = P - one_hot(y, 3)", {"P": array(4, 1), "y": LABELS},
         lambda P, y: P - np.eye(3)[y])  # fmt: skip
    hold("param P[3]\ninput y[N]: int\nY = P - one_hot(y, 3)", {"P": array(3), "y": LABELS},
         lambda P, y: P - np.eye(3)[y])  # fmt: skip


def test_labels_of_higher_rank() -> None:
    text = "param P[N, T, C]\ninput y[N, T]: int\nY = P - one_hot(y, C)"
    hold(text, {"P": array(2, 2, 3), "y": LABELS.reshape(2, 2)}, lambda P, y: P - np.eye(3)[y])


# ---------------------------------------------------------------- products

@pytest.mark.parametrize(("text", "wanted"), [
    ("input A[N, l, m], v[N, l]\nY = (v[:, None] @ A)[:, 0]", "(v[:, None] @ A)"),
    ("input A[m, n], V[N, n]\nY = squeeze(A @ V[..., None], axis=-1)", "V @ A.T"),
    ("input A[m, n], V[N, m]\nY = squeeze(V[:, None] @ A, axis=1)", "V @ A"),
    ("input U[N, m], V[N, n]\nY = sum(U[..., None] * V[:, None], axis=0)", "U.T @ V"),
    ("input A[m, n]\nY = eye(m) @ A", "return A.copy()"),
    ("input A[N, l, m], v[N, l]\nY = sum(A * v[..., None], axis=1)", "(v[:, None] @ A)"),
    ("input A[N, l, m], v[N, l]\nY = sum(v[..., None] * A, axis=1, keepdims=true)", "v[:, None] @ A"),
    ("input A[N, l, m], V[N, m]\nY = sum(A * V[:, None], axis=-1)", "(A @ V[..., None])"),
])  # fmt: skip
def test_products_in_their_better_arrangement(text: str, wanted: str) -> None:
    sizes = {"N": 4, "l": 2, "m": 3, "n": 5}
    shapes = {"A": "Nlm" if "A[N" in text else "mn", "v": "Nl", "V": "Nm" if "V[N, m" in text else "Nn", "U": "Nm"}
    used = {name for name in shapes if f"{name}[" in text.partition("\n")[0]}
    assert wanted in code(text)
    hold(text, {name: array(*(sizes[k] for k in shapes[name])) for name in used})


def test_the_gradient_of_products_of_rows_with_their_own_matrices() -> None:
    text = "input A[N, l, m], x[N, m]\nY = squeeze(A @ x[..., None], axis=-1)"
    assert "swapaxes" not in code(text, "backward")
    hold(text, {"A": array(4, 2, 3), "x": array(4, 3)})


@pytest.mark.parametrize("labels", [LABELS, LABELS - 3])
def test_a_row_of_zeros_and_a_one_picks_an_entry(labels: np.ndarray) -> None:  # type: ignore[type-arg]
    text = "param S[N, C]\ninput y[N]: int\nT = softmax(S)\nL = -sum(one_hot(y, C) * log(T))"
    assert "L = -np.log(T[np.arange(N), y]).sum()" in code(text)
    if labels.min() >= 0:  # `one_hot` takes labels, not places from the end
        hold(text, {"S": array(4, 3), "y": labels})
    hold("param S[N, C]\ninput y[N]: int\nL = sum(log(S * S)[arange(N), y])", {"S": array(4, 3), "y": labels})
    hold("param S[N, C]\ninput y[N]: int\nr = sum(one_hot(y, C) * S, axis=-1)\nL = sum(r * r)",
         {"S": array(4, 3), "y": labels % 3})  # fmt: skip


def test_a_sum_of_sums_is_one_sum() -> None:
    assert "L = exp_X.sum()" in code("input X[N, D]\nL = sum(sum(exp(X), axis=1))")
    kept = code("input X[N, D]\nr = sum(exp(X), axis=1)\nL = sum(r)\noutput r, L\nloss L")
    assert "L = r.sum()" in kept


def test_a_training_step_reads_like_its_gradient() -> None:
    text = "input X[N, D], T[N, C]\nparam W[D, C]\nL = sum((X@W - T)**2)\nW <- W - 0.1 * grad(L, W)"
    assert "2 * (X @ W - T)" in code(text, "step")


# ---------------------------------------------------------------- fewer passes over large arrays

def test_a_number_meets_the_factor_with_fewer_entries() -> None:
    assert "Y = s * 2 * X" in code("input X[N, D], s[D]\nY = s * X * 2")
    assert "Y = Z * 2" in code("input X[N, D], s[D]\nZ = X * s\nY = Z * 2\noutput Y, Z")
    hold("param X[4, 3], s[3]\nY = X * s / 3", {"X": array(4, 3), "s": array(3)})


def test_the_mean_of_sums_is_one_sum() -> None:
    assert "L = X.sum() / N" in code("param X[N, D]\nL = mean(sum(X, axis=1))")
    assert "L = X.sum() / (B*D)" in code("param X[B, N, D]\nL = mean(sum(X, axis=1, keepdims=true))")
    assert "L = s.sum() / N" in code("param X[N, D]\ns = sum(X, axis=1)\nL = mean(s)\noutput L, s\nloss L")
    assert ".sum(axis=1).astype(" in code("param X[N, D]\nL = mean(sum(X > 0, axis=1)) + sum(X)")  # integers stay
    assert "L = X.mean()" in code("param X[N, D]\nL = mean(X)")
    hold("param X[4, 3]\nL = mean(sum(X * X, axis=0))", {"X": array(4, 3)})


@pytest.mark.parametrize(("text", "wanted"), [
    ("param u[n]\nd = u[1:] - u[:-1]\nL = 0.5 * sum(d**2)", "du[1:] += dd"),
    ("param u[n]\nd = u[1:] - u[:-1]\nL = 0.5 * sum(d**2) + sum(u**2)", "du[:-1] -= dd"),
    ("input i[k]: int, j[k]: int\nparam x[n]\nL = sum(x[i] * x[j])", "np.add.at(dx, j, "),
    ("input y[N]: int\nparam S[N, C]\nM = relu(S - S[arange(N), y][:, None] + 1)\nL = sum(M)",
     "dS[np.arange(N), y] -= dS.sum(axis=1)"),
    ("input i[k]: int, j[k]: int\nparam x[n]\nd = x[i] - x[j]\nL = sum(d**3)", "np.add.at(dx, j, -dd)"),
    ("input i[k]: int\nparam x[n]\nL = sum((x*x)[i]**3) + sum(x**2)", "np.add.at("),
])  # fmt: skip
def test_what_is_zero_but_for_a_part_is_added_to_that_part(text: str, wanted: str) -> None:
    lines = body(text, "backward")
    assert any(line.startswith(wanted) for line in lines), lines
    assert sum("np.zeros" in line for line in lines) <= 1
    given = {
        "u": array(5), "x": array(4), "S": array(3, 4), "i": np.array([0, 1, 1, 3]), "j": np.array([2, 1, 1, 0]),
        "y": np.array([0, 2, 1]),
    }  # fmt: skip
    declared = text.rpartition("param")[0] + text.rpartition("param")[2].partition("\n")[0]
    hold(text, {name: value for name, value in given.items() if f" {name}[" in declared})


def test_a_part_of_an_array_that_is_still_needed_is_added_to_a_copy() -> None:
    text = "param x[n]\ny = tanh(x)\nz = y * x\nL = sum(z[1:] * y[:-1]) + sum(z)"
    hold(text, {"x": array(5)})
    text = "param x[n]\ns = x[::-1]\nL = sum(exp(x) * s) + x[0] * sum(x[1:]**2)"
    hold(text, {"x": array(5)})


# ---------------------------------------------------------------- what is made

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/*.g"))


def test_what_is_not_made_would_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replacement that cannot pay is left before it is made: to make and weigh it gives the same graph."""
    layers = "z_0 = X\nfor k in 0:4 { z_{k+1} = softmax(z_{k} @ W) + z_{k} - 0.1 * (z_{k} @ W.T - X) @ W }"
    twice = "a = z @ W / 2\nb = z @ W / 2\nL = mean(tanh(z)) + mean(tanh(a)) + mean(tanh(b))"  # dz / 2 + dz / 2 is free
    texts = [f"input X[N, D]\nparam W[D, D]\n{layers}\nL = sum(z_4**2)", DENSE]
    texts += [f"input T[H, N, D]\ninput W[D, H]\nz = 2 - T\n{twice}"]
    texts += [path.read_text(encoding="utf-8") for path in EXAMPLES]
    graphs = [expand(eliminate_dead_code(graphc.differentiate(graphc.parse(text))), share=True) for text in texts]
    made = 0
    replaced = simplify._Simplifier._replaced

    def counted(self: simplify._Simplifier, *rest: Any, **more: Any) -> int | None:
        nonlocal made
        made += 1
        return replaced(self, *rest, **more)

    monkeypatch.setattr(simplify._Simplifier, "_replaced", counted)
    quick = [[(node.op, node.operands, node.attrs) for node in simplify.simplify(graph)] for graph in graphs]
    few, made = made, 0
    monkeypatch.setattr(simplify._Simplifier, "_least", lambda *_: (simplify.UNCERTAIN, 0))
    for graph, nodes in zip(graphs, quick, strict=True):
        assert [(node.op, node.operands, node.attrs) for node in simplify.simplify(graph)] == nodes
    assert few < made


def test_a_replacement_is_as_large_as_what_it_replaces() -> None:
    """One of operators names all that its pattern does, so that it has the type of that."""

    def named(part: patterns.Part) -> set[str]:
        return set().union(*map(named, part.parts)) if isinstance(part, patterns.Form) else {str(part)}

    for rewrite in (each for found in patterns.rewrites().values() for each in found):
        if isinstance(rewrite.operators, patterns.Form):
            names = {name for order in rewrite.orders for name, _ in order.names}
            assert names <= named(rewrite.operators), rewrite.pattern.span.text


def test_a_product_that_is_needed_in_a_sum_is_not_joined_with_the_next() -> None:
    """Steps of a differential equation: each state is read twice, so that a sum of the increments saves nothing."""
    steps = "z_0 = Z\nfor k in 0:4 { z_{k+1} = z_{k} + tanh(z_{k} @ W) @ V }\nL = sum(z_4**2)"
    text = f"input Z[N, D]\nparam W[D, H], V[H, D]\n{steps}"
    found = "\n".join(body(text, "forward"))
    assert found.count("z_3 = z_2 + ") == 1 and "total" not in found
    assert found.count(" + ") == 4, found
    hold(text, {"Z": array(3, 2), "W": array(2, 4), "V": array(4, 2)}, levels=(0, 1, 2))
    # One that is read there alone is.
    assert "total_X @ W" in "\n".join(body("input X[N, D], Y[N, D], Z[N, H]\nparam W[D, H]\nS = Z + X @ W + Y @ W"))


def test_what_is_not_negative_masks_itself() -> None:
    found = code("param x[n]\nL = sum(relu(1 - x)**2)", "backward")
    assert "> 0" not in found
    hold("param x[n]\nL = sum(relu(1 - x)**2)", {"x": 2 * array(6)}, levels=(0, 1, 2))
    assert "> 0" in code("param x[n]\nL = sum(relu(1 - x) * x)", "backward")
    kept = code("param x[n], y[n]\nL = sum(relu(x) * (relu(y) > 0))")
    assert "> 0" in kept


def test_equal_terms_of_a_longer_sum_are_one() -> None:
    """Both factors of `dot(w, w)` have the same gradient: it was `… - r * w + -r * w`."""
    text = "input X[N, D]\nparam w[D], u[D]\np = dot(u, w) / dot(w, w) * w\nL = sum((X - p)**2)"
    found = code(text, "backward")
    assert "+ -" not in found and found.count("- 2 * ") == 1, found
    hold(text, {"X": array(4, 3), "w": array(3), "u": array(3, seed=1)}, levels=(0, 1, 2))
