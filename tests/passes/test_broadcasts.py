"""Broadcasts that are not made: no array is filled with what an operation repeats by itself."""

from __future__ import annotations

import re

import pytest

from ops.programs import array, body, compiled, hold
from passes.operations import apart, counted, entries, simplified


@pytest.mark.parametrize("text", [
    "param X[N, D]\nL = sum(X * 3)",
    "param X[N, D]\nL = sum(sum(exp(X), axis=1))",
    "param X[N, D], b[D]\nL = sum(tanh(X + b))",
    "param X[N, D]\nL = mean(X * X)",
])  # fmt: skip
def test_gradients_of_sums_are_not_spread_before_they_are_needed(text: str) -> None:
    """Of a sum the gradient is one number for all entries; at most what is returned is filled with it."""
    before, after = apart(text), simplified(text)
    roots = set(after.gradients.values())
    inside = [node for node in after if node.op == "broadcast_to" and node.id not in roots]
    assert not inside, [str(node) for node in inside]
    assert counted(before)["broadcast_to"] >= 1
    assert entries(after, "broadcast_to") <= entries(before, "broadcast_to")
    hold(text, {"X": array(3, 2)} | ({"b": array(2)} if "b[D]" in text else {}))


def test_what_nothing_else_repeats_is_kept() -> None:
    after = simplified("param x[N]\nY = broadcast_to(x, (3, N))\nL = sum(Y * Y)\noutput Y, L\nloss L")
    assert counted(after)["broadcast_to"] >= 1


NET = "input X[N, D]\nparam a[D], M[D, D]\n"


@pytest.mark.parametrize(("text", "products"), [
    ("Q = sum(grad(sum(tanh(X * a[None]) @ M), a)**2)", 0),
    ("Q = sum(grad(sum(tanh(X @ M) @ M), M)**2)", 6),
    ("Y = X @ M\nQ = sum(grad(sum(Y), X)**2) + sum(grad(sum(Y), M)**2)", 0),
    ("Y = X @ M\nQ = sum(grad(mean(Y), M)**2)", 1),  # with a column: of no rows dM is 0, and a sum over 1 / N is not
    ("Q = sum(X @ broadcast_to(a, (D, D)))", 0),
    ("Q = sum(tanh(broadcast_to(a, (N, D)) @ M))", 4),  # of one row
    ("Q = sum(broadcast_to(a, (N, D)).T @ X)", 0),
    ("Q = sum(tanh(broadcast_to(a[:, None], (D, N)) @ X))", 1),  # Xᵀ dY has rows that are all of one sum
    ("Q = sum(exp(broadcast_to(a, (N, D))) * broadcast_to(sum(M, axis=1), (N, D)))", 0),
    ("Q = sum(sum(broadcast_to(a[:, None], (D, N)), axis=0)**2)", 0),
])  # fmt: skip
def test_products_with_what_repeats_rows_or_columns(text: str, products: int) -> None:
    """What repeats numbers is multiplied before it is repeated, or the other factor summed."""
    assert counted(simplified(NET + text))["matmul"] <= products
    hold(NET + text, {"X": array(4, 3), "a": array(3), "M": array(3, 3)}, levels=(0, 1, 2))


def test_a_gradient_by_name_is_multiplied_as_it_is_derived() -> None:
    """Of a sum the gradient dY is one number; dW = Xᵀ dY is what a reader derives."""
    after = simplified("input X[N, D]\nparam W[D, C]\nY = X @ W\nL = sum(Y)")
    assert counted(after)["matmul"] == 2


@pytest.mark.parametrize("sizes", [{"N": 0}, {"N": 1}, {"D": 1}])
def test_products_of_sizes_that_only_broadcast(sizes: dict[str, int]) -> None:
    N, D = sizes.get("N", 4), sizes.get("D", 3)
    text = NET + "Q = sum(grad(sum(tanh(X * a[None]) @ M), a)**2) + sum(grad(sum(X @ M), M)**2)"
    hold(text, {"X": array(N, D), "a": array(D), "M": array(D, D)}, levels=(0, 1, 2))


def test_axes_in_front_are_not_written() -> None:
    """In the gradient of a batch normalisation vectors meet that had become rows."""
    text = "input X[N, D]\nparam W[D, H], gamma[H], beta[H]\nL = sum(tanh(batch_norm(X@W, gamma, beta))**2)"
    assert not any("[None, :]" in line for line in body(text, "backward"))
    hold(text, {"X": array(5, 3), "W": array(3, 2), "gamma": array(2), "beta": array(2, seed=1)}, levels=(0, 1, 2))
    hold("param a[D], b[D], X[N, D]\nL = sum(a[None] * b[None] * (X + (a[None] - b)[None]))",
         {"a": array(3), "b": array(3, seed=1), "X": array(4, 3)}, levels=(0, 1, 2))  # fmt: skip


def test_axes_of_what_is_repeated_go_before_it_is() -> None:
    text = "param x[n], y[m], A[m, n]\nT = A + reshape(outer(x, y), (m, n))\nL = sum(T)"
    assert not any("(n, 1)" in line or "(m, 1)" in line for line in body(text, "backward"))
    hold(text, {"x": array(3), "y": array(4), "A": array(4, 3)}, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "input c[1, D]\nparam X[N, D]\nL = sum(broadcast_to(c, (N, D)) * v) + sum(X)",
    "param X[N, D]\nL = sum(tanh(broadcast_to(sum(X, axis=1, keepdims=true), (N, D)) + v))",
    "param X[N, D]\nL = sum(maximum(broadcast_to(exp(mean(X, axis=0)), (N, D)), v))",
    "param X[N, D]\nl = sum(mean(X, axis=0)**2)\ng = grad(l, X)\nL = sum(g * v)\noutput L\nloss L",
    "param X[N, D], a[D]\nL = sum(v @ M) + sum(broadcast_to(a, (N, D)) * v) + sum(X)",  # of known rank, of open sizes
    "param X[N, D]\nz = broadcast_to(v, (N, D))\nL = sum(z) + sum(Q @ z @ X.T) + sum(Q @ v)",
    "param X[N, D]\ninput r[N]\nL = sum(squeeze(expand_dims(r, 1) * v[:, :1], axis=1)**2) + sum(X)",
])  # fmt: skip
def test_an_undeclared_operand_is_as_large_as_what_it_meets_in_the_program(text: str) -> None:
    """Before the broadcast it may be larger than its partner, and would make the result another one."""
    given = {"X": array(4, 3), "v": array(4, 3), "c": array(1, 3), "a": array(3), "r": array(4), "M": array(3, 2)}
    given["Q"] = array(2, 4)
    used = {name: value for name, value in given.items() if re.search(rf"\b{name}\b", text)}
    hold(text, used, lambda **arguments: compiled(text, 0).forward(**arguments)[0], levels=(0, 1, 2))


def test_an_undeclared_column_meets_a_column() -> None:
    hold("param r[N]\nL = sum(squeeze(expand_dims(r, 1) * v, axis=1)**2)", {"r": array(4), "v": array(4, 1)})


@pytest.mark.parametrize(("text", "fills"), [
    ("L = sum((X * ones(D) + zeros(D))**3)", 0),
    ("L = sum((X / full((N, D), 2.5) - full(D, 1))**3)", 0),
    ("L = sum(layer_norm(X, ones(D), zeros(D))**3)", 0),
    ("L = sum((X[:1] * ones((N, D)))**3)", 1),  # of one row it makes N
    ("z = zeros((N, D))\nL = sum((X + z)**3)", 1),  # the program's own word
    ("L = sum((X * zeros(D) + X)**3)", 1),
])  # fmt: skip
def test_what_is_filled_with_one_number_is_that_number_beside_an_array(text: str, fills: int) -> None:
    program = "param X[N, D]\n" + text
    found = counted(simplified(program))
    assert sum(found[op] for op in ("ones", "zeros", "full")) == fills
    hold(program, {"X": array(3, 4)}, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "L = sum(x**2)", "L = mean(x**2)", "L = sum(tanh(x)**2)", "L = mean((a*x - b)**2)", "L = sum(exp(-x) / 3)",
])  # fmt: skip
def test_undeclared_arrays_are_not_filled_with_a_number_nor_computed_for_their_shape(text: str) -> None:
    lines = body(text, "backward")
    assert not any("broadcast_to" in line or ").shape" in line for line in lines), lines
    for shape in ((), (3,), (2, 3)):
        hold(text, {"x": array(*shape)} | ({"a": array(), "b": array(*shape)} if "a*x" in text else {}))


def test_a_product_with_a_matrix_that_one_number_fills_is_a_sum() -> None:
    """Also where the matrix is the cotangent of a product of values with names."""
    text = "param U[N, D]\nL = sum(U*U) - 2*sum(U@U.T)/N"
    assert not any("@" in line or "broadcast_to" in line for line in body(text, "backward"))
    hold(text, {"U": array(3, 2)}, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "sum(tanh(e)[:, None] * c)",
    "sum((a - e[:, None]) * c) / N",
    "sum((a - mean(a, axis=1, keepdims=true)) * c) + sum(e)",
    "mean(square(e[:, None] - sum(a + c, axis=1)[:, None]))",
    f"sum({'sin(' * 60}sum(e){')' * 60} * (a + c[None]))",  # whatever the number is made of
])  # fmt: skip
@pytest.mark.parametrize("n", [1, 4])
def test_what_is_repeated_is_summed_before_it_is(text: str, n: int) -> None:
    """Along the axes that nothing repeats: a sum of c for every row is one sum, and no array of rows is made for it."""
    program = f"param e[N], a[N, H], c[H]\nL = {text}"
    after = simplified(program)
    assert not [node for node in after if node.op == "sum" and after[node.operands[0]].op == "broadcast_to"]
    hold(program, {"e": array(n), "a": array(n, 3), "c": array(3)}, levels=(0, 1, 2))
