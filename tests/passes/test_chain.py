"""Chains of products: the multiplications that they take, counted with symbolic sizes; and the numbers they give."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from counting import calls
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Graph
from graphc.passes.chain import LONGEST, reassociate
from graphc.passes.cost import total_multiplications
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.expand import expand
from graphc.passes.fold import fold
from graphc.passes.simplify import simplify
from graphc.pipeline import optimise, show
from ops.programs import array, body, compiled, hold


def before(text: str) -> Graph:
    """A program's graph as the pass meets it."""
    graph = expand(eliminate_dead_code(graphc.parse(text)), share=True)
    return eliminate_dead_code(fold(simplify(graph)))


def after(text: str) -> Graph:
    return eliminate_dead_code(reassociate(before(text)))


def counts(text: str) -> tuple[Dim, Dim]:
    """The multiplications without and with the pass."""
    return total_multiplications(before(text)), total_multiplications(after(text))


def statements(graph: Graph) -> list[str]:
    """The operations in order, for comparison."""
    return [f"{node.id} {node.op} {node.operands} {node.attrs}" for node in graph]


N = dim("N")

ROWS = "input X[N, 784], W0[784, 1000], b0[1000], W1[1000, 10], b1[10]\nY = (X@W0 + b0)@W1 + b1"
COLUMNS = "input X[784, N], W0[1000, 784], b0[1000, 1], W1[10, 1000], b1[10, 1]\nY = W1@(W0@X + b0) + b1"


# ---------------------------------------------------------------- two layers as one (derivations D7)


@pytest.mark.parametrize("text", [ROWS, COLUMNS], ids=["rows", "columns"])
def test_two_layers_are_collapsed_where_that_costs_less(text: str) -> None:
    apart, together = counts(text)
    assert apart == N * (784 * 1000 + 1000 * 10)
    assert together == 784 * 1000 * 10 + N * (784 * 10) + 1000 * 10


def test_the_collapsed_layers_read_like_the_derivation() -> None:
    assert "Y = X @ (W0 @ W1) + (b0 @ W1 + b1)" in body(ROWS, wrt=["b1"])
    assert "Y = W1 @ W0 @ X + (W1 @ b0 + b1)" in body(COLUMNS, wrt=["b1"])


@pytest.mark.parametrize("text", [
    "input X[N, 784], W0[784, 10], b0[10], W1[10, 1000], b1[1000]\nY = (X@W0 + b0)@W1 + b1",
    "input X[784, N], W0[10, 784], b0[10, 1], W1[1000, 10], b1[1000, 1]\nY = W1@(W0@X + b0) + b1",
    "input X[N, D], W0[D, H], b0[H], W1[H, C], b1[C]\nY = (X@W0 + b0)@W1 + b1",
    "input X[8, 64], W0[64, 64], b0[64], W1[64, 64], b1[64]\nY = (X@W0 + b0)@W1 + b1",
])  # fmt: skip
def test_layers_stay_apart_where_one_would_not_cost_less(text: str) -> None:
    assert statements(after(text)) == statements(before(text))


def test_the_stage_that_is_shown_has_it() -> None:
    lines = show(ROWS, "optimized", wrt=["b1"]).splitlines()
    products = [line.split(" : ")[0].split(" = ")[1].rstrip() for line in lines if "= matmul(" in line]
    assert "matmul(W0, W1)" in products
    assert "matmul(b0, W1)" in products
    assert len(products) == 3
    literal = show(ROWS, "optimized", wrt=["b1"], level=0)
    assert "matmul(W0, W1)" not in literal


def test_the_names_on_the_way_do_not_matter() -> None:
    text = "input X[N, 784], W0[784, 1000], b0[1000], W1[1000, 10], b1[10]\nZ = X@W0 + b0\nY = Z@W1 + b1"
    assert counts(text) == counts(ROWS)


def test_a_value_that_is_a_result_is_not_taken_apart() -> None:
    text = "input X[N, 784], W0[784, 1000], b0[1000], W1[1000, 10], b1[10]\nZ = X@W0 + b0\nY = Z@W1 + b1\noutput Y, Z"
    assert statements(after(text)) == statements(before(text))
    product = "input A[9, 100], B[100, 100], C[100, 1]\nP = A@B\nQ = P@C\noutput Q, P"
    assert statements(after(product)) == statements(before(product))


def test_a_value_that_has_another_use_is_not_taken_apart() -> None:
    text = ROWS.replace("Y = (X@W0 + b0)@W1 + b1", "Z = X@W0 + b0\nY = Z@W1 + b1\nL = sum(Y) + sum(Z)")
    assert statements(after(text)) == statements(before(text))


def test_a_value_that_backward_reads_is_not_taken_apart() -> None:
    joint = graphc.differentiate(graphc.parse(ROWS), wrt=["W0", "W1"])
    forward = [node.type for node in optimise(joint, 1) if node.op == "matmul"]
    assert any(str(type) == "(N, 1000)" for type in forward)
    alone = graphc.differentiate(graphc.parse(ROWS), wrt=["X"])
    assert not any(str(node.type) == "(N, 1000)" for node in optimise(alone, 1) if node.op == "matmul")


def test_three_layers_at_once() -> None:
    text = (
        "input X[N, 500], A[500, 600], a[600], B[600, 400], b[400], C[400, 5], c[5]\n"
        "Y = ((X@A + a)@B + b)@C + c"
    )  # fmt: skip
    apart, together = counts(text)
    assert apart == N * (500 * 600 + 600 * 400 + 400 * 5)
    products = 600 * 400 * 5 + 500 * 600 * 5 + N * (500 * 5)
    assert together == products + 600 * 400 + 400 * 5
    small = "input X[30, 5], A[5, 6], a[6], B[6, 4], b[4], C[4, 1], c[1]\nY = ((X@A + a)@B + b)@C + c"
    shapes = {"X": (30, 5), "A": (5, 6), "a": (6,), "B": (6, 4), "b": (4,), "C": (4, 1), "c": (1,)}
    hold(small, {name: array(*shape) for name, shape in shapes.items()},
         lambda X, A, a, B, b, C, c: ((X @ A + a) @ B + b) @ C + c)  # fmt: skip


def test_a_residual_is_counted_as_what_it_costs() -> None:
    text = "input X[500, 20], A[20, 20], B[20, 2]\nY = (X@A + X)@B"
    apart, together = counts(text)
    assert apart == 500 * 20 * 20 + 500 * 20 * 2
    assert together == 20 * 20 * 2 + 2 * (500 * 20 * 2)


def test_what_a_sum_enlarges_stays() -> None:
    text = "input x[1, 500], A[500, 500], B[500, 2], R[9, 500]\nY = (x@A + R)@B"
    assert statements(after(text)) == statements(before(text))


def test_a_bias_along_the_other_axis_stays() -> None:
    rows = "input X[500, 20], A[20, 20], s[500, 1], B[20, 2]\nY = (X@A + s)@B"
    columns = "input X[20, 500], A[20, 20], s[500], B[2, 20]\nY = B@(A@X + s)"
    for text in (rows, columns):
        assert statements(after(text)) == statements(before(text))


# ---------------------------------------------------------------- chains


def test_a_chain_ends_in_the_small_matrix() -> None:
    apart, together = counts("input A[N, 300], B[300, 200], C[200, 100], v[100, 1]\nY = A@B@C@v")
    assert apart == N * (300 * 200 + 200 * 100 + 100)
    assert together == 200 * 100 + 300 * 200 + N * 300


def test_vectors_at_the_ends() -> None:
    left = "input x[D], A[D, H], B[H, C]\nY = x@(A@B)"
    assert counts(left)[1] == dim("D") * dim("H") + dim("H") * dim("C")
    right = "input A[D, H], B[H, C], y[C]\nY = (A@B)@y"
    assert counts(right)[1] == dim("H") * dim("C") + dim("D") * dim("H")
    assert "Y = x @ A @ B" in body(left, wrt=["A"])
    hold(left, {"x": array(3), "A": array(3, 4), "B": array(4, 2)}, lambda x, A, B: x @ (A @ B))
    hold(right, {"A": array(3, 4), "B": array(4, 2), "y": array(2)}, lambda A, B, y: A @ B @ y)


def test_a_product_with_an_outer_product_is_not_cubic() -> None:
    text = "input A[D, H], u[H], v[C], B[C, K]\nY = A@outer(u, v)@B"
    apart, together = counts(text)
    D, H, C, K = map(dim, "DHCK")
    assert apart == H * C + D * H * C + D * C * K
    assert together == D * H + C * K + D * K
    hold(text, {"A": array(3, 4), "u": array(4), "v": array(2), "B": array(2, 5)},
         lambda A, u, v, B: A @ np.outer(u, v) @ B)  # fmt: skip


def test_outer_products_between_vectors() -> None:
    for text, arguments in (
        ("input x[3], u[3], v[4]\nY = x@outer(u, v)", {"x": array(3), "u": array(3), "v": array(4)}),
        ("input u[3], v[4], y[4]\nY = outer(u, v)@y", {"u": array(3), "v": array(4), "y": array(4)}),
        ("input u[3], v[4], w[4], z[5]\nY = outer(u, v)@outer(w, z)",
         {"u": array(3), "v": array(4), "w": array(4, seed=1), "z": array(5)}),
    ):  # fmt: skip
        apart, together = counts(text)
        assert together.evaluate({}) < apart.evaluate({})
        hold(text, arguments)


def test_a_stack_of_matrices_takes_part() -> None:
    text = "input X[8, 50, 300], A[300, 400], B[400, 3]\nY = X@A@B"
    apart, together = counts(text)
    assert apart == 8 * 50 * (300 * 400 + 400 * 3)
    assert together == 300 * 400 * 3 + 8 * 50 * 300 * 3
    small = "input X[4, 5, 3], A[3, 4], B[4, 1]\nY = X@A@B"
    hold(small, {"X": array(4, 5, 3), "A": array(3, 4), "B": array(4, 1)}, lambda X, A, B: X @ A @ B)


def test_two_stacks_stay_as_they_are() -> None:
    text = "input X[8, 50, 30], A[8, 30, 40], B[40, 3]\nY = X@A@B"
    assert statements(after(text)) == statements(before(text))


def test_a_stack_with_an_outer_product() -> None:
    hold("input X[2, 3, 4], u[4], v[5]\nY = X@outer(u, v)", {"X": array(2, 3, 4), "u": array(4), "v": array(5)},
         lambda X, u, v: X @ np.outer(u, v))  # fmt: skip


def test_a_column_used_as_a_row_keeps_its_meaning() -> None:
    hold("input A[4, 3], v[3], B[4, 2]\nY = (A@v)@B", {"A": array(4, 3), "v": array(3), "B": array(4, 2)},
         lambda A, v, B: (A @ v) @ B)  # fmt: skip
    hold("input A[2, 3], x[4], B[4, 3]\nY = A@(x@B)", {"A": array(2, 3), "x": array(4), "B": array(4, 3)},
         lambda A, x, B: A @ (x @ B))  # fmt: skip


@cache
def fewest(sizes: tuple[int, ...]) -> int:
    """The fewest multiplications for a chain of matrices of these sizes, by trying all orders."""
    if len(sizes) <= 2:
        return 0
    inner = range(1, len(sizes) - 1)
    return min(fewest(sizes[: k + 1]) + fewest(sizes[k:]) + sizes[0] * sizes[k] * sizes[-1] for k in inner)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=LONGEST + 1), st.data())
def test_any_chain_in_any_order(sizes: list[int], data: st.DataObject) -> None:
    shapes = list(pairwise(sizes))
    names = [f"M{k}" for k in range(len(shapes))]

    def written(parts: list[str]) -> str:
        if len(parts) == 1:
            return parts[0]
        k = data.draw(st.integers(1, len(parts) - 1))
        return f"({written(parts[:k])} @ {written(parts[k:])})"

    # sizes above 1, so that no product of matrices becomes one by entries
    shapes = [(a + 1, b + 1) for a, b in shapes]
    declared = ", ".join(f"{name}[{a}, {b}]" for name, (a, b) in zip(names, shapes, strict=True))
    text = f"input {declared}\nY = {written(names)}"
    assert total_multiplications(after(text)) == fewest(tuple(n + 1 for n in sizes))
    matrices = {name: array(*shape, seed=k) for k, (name, shape) in enumerate(zip(names, shapes, strict=True))}
    have, _ = compiled(text).forward(**matrices)
    wanted = np.linalg.multi_dot(list(matrices.values())) if len(matrices) > 1 else matrices["M0"]
    np.testing.assert_allclose(have, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


# ---------------------------------------------------------------- gradients


NETS: list[tuple[str, Mapping[str, Any]]] = [
    ("input X[30, 5], A[5, 20], a[20], B[20, 2], b[2]\nY = (X@A + a)@B + b",
     {"X": array(30, 5), "A": array(5, 20), "a": array(20), "B": array(20, 2), "b": array(2)}),
    ("input X[5, 30], A[20, 5], a[20, 1], B[2, 20], b[2, 1]\nY = tanh(B@(A@X + a) + b)",
     {"X": array(5, 30), "A": array(20, 5), "a": array(20, 1), "B": array(2, 20), "b": array(2, 1)}),
    ("input x[5], A[5, 20], a[20], B[20, 2], b[2]\nY = sum(((x@A + a)@B + b)**2)",
     {"x": array(5), "A": array(5, 20), "a": array(20), "B": array(20, 2), "b": array(2)}),
    ("input x[5], A[20, 5], a[20], B[2, 20]\nY = hessian(sum((B@(A@x + a))**3), x)",
     {"x": array(5), "A": array(20, 5), "a": array(20), "B": array(2, 20)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "arguments"), NETS, ids=range(len(NETS)))
def test_gradients_hold(text: str, arguments: Mapping[str, Any]) -> None:
    hold(text, arguments, rtol=1e-6)
    literal, expert = compiled(text, 0), compiled(text, 1)
    np.testing.assert_allclose(expert.forward(**arguments)[0], literal.forward(**arguments)[0], rtol=1e-10, atol=1e-10)
    for name in arguments:
        one = compiled(text, 1, wrt=[name])
        cotangent = array(*np.shape(one.forward(**arguments)[0]))
        have = one.backward(one.forward(**arguments)[1], cotangent)[name]
        wanted = literal.backward(literal.forward(**arguments)[1], cotangent)[name]
        np.testing.assert_allclose(have, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


def test_undeclared_sizes_are_left_to_run_time() -> None:
    hold("Y = (X@A + a)@B + b", NETS[0][1], lambda X, A, a, B, b: (X @ A + a) @ B + b)


# ---------------------------------------------------------------- time


def _nested(layers: int) -> Graph:
    lines = ["input z_0[500, 20]", f"param W_{{0:{layers}}}[20, 20], b_{{0:{layers}}}[20]"]
    lines += [f"z_{k + 1} = z_{k} @ W_{k} + b_{k}" for k in range(layers)]
    return graphc.parse("\n".join([*lines, f"output z_{layers}"]))


def test_sizes_that_are_not_positive_where_all_names_are_equal() -> None:
    text = "input x[N, 2*(K - H)], y[2*(K - H), 7], z[7, 3], w[K, H]\nq = x@y@z"
    arguments = {"x": array(2, 4), "y": array(4, 7), "z": array(7, 3), "w": array(5, 3)}
    hold(text, arguments, lambda x, y, z, w: x @ y @ z)
    text = "input x[K, H], y[K, K - H]\nq = reshape(x, (K*H // (K - H), K - H)) @ reshape(y, (K - H, K))"
    hold(text, {"x": array(4, 2), "y": array(4, 2)}, lambda x, y: x.reshape(4, 2) @ y.reshape(2, 4))


def test_work_is_linear_in_the_size_of_the_program() -> None:
    def work(layers: int) -> int:
        graph = _nested(layers)
        return calls(lambda: reassociate(graph))

    work(20)
    assert work(240) <= 2.3 * work(120)


def test_a_deep_linear_net_is_collapsed_in_parts() -> None:
    graph = _nested(24)
    collapsed = eliminate_dead_code(reassociate(graph))
    assert total_multiplications(collapsed).evaluate({}) < 0.3 * total_multiplications(graph).evaluate({})
