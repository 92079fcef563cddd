"""Signs go through products into sums: how many arrays have their sign turned, and what is subtracted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import graphc
from graphc.ir.interpret import interpret
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.differences import subtract_products
from graphc.passes.expand import expand
from graphc.pipeline import optimise
from ops.programs import array, hold

FACTORS = "input R[N, M], mask[N, M]\nparam U[N, K], V[M, K]\n"
REGULAR = "0.05 * (sum(U**2) + sum(V**2))"


def operations(text: str) -> Counter[str]:
    """How often each operation on arrays stands in the graph of -O1."""
    graph = optimise(graphc.differentiate(graphc.parse(FACTORS + text)), 1)
    return Counter(node.op for node in graph if node.type.rank)


@pytest.mark.parametrize(("text", "turned"), [
    (f"E = mask * (R - U@V.T)\nL = 0.5*sum(E**2) + {REGULAR}", 0),
    (f"E = mask * tanh(R - U@V.T)\nL = sum(E**4) + {REGULAR}", 0),
    ("E = mask * (R - U@V.T)\nL = 0.5*sum(E**2)", 1),  # the products are results
    (f"E = mask * (R - U@V.T - sum(V))\nL = 0.5*sum(E**2) + {REGULAR}", 0),  # its sum takes the value without the sign
    (f"E = R - R@V@V.T\nL = 0.5*sum(E**2) + {REGULAR}", 0),  # a product of three
    (f"E = mask * (R - U@V.T)\nG = -E\nL = 0.5*sum(G**2) + {REGULAR} + sum(G)\noutput G, L\nloss L", 1),
])  # fmt: skip
def test_arrays_of_which_the_sign_is_turned(text: str, turned: int) -> None:
    found = operations(text)
    assert found["negative"] == turned, found


@pytest.mark.parametrize("text", [
    f"E = mask * (R - U@V.T)\nL = 0.5*sum(E**2) + {REGULAR}",
    f"E = mask * tanh(R - U@V.T)\nL = sum(E**4) + {REGULAR}",
    "L = sum((R - U@V.T)**2) + sum((mask - U@V.T)**2)",
    f"E = mask * (R - U@V.T - sum(V, axis=1) - sum(U, axis=1)[:, None])\nL = 0.5*sum(E**2) + {REGULAR}",
    "D = -(R * mask * sum(U))\nL = sum((D@V)**2) + sum((sum(D, axis=0) + V[:, 0])**2) + sum(D)",
    "D = -(R * mask)\nL = sum((D@V)**2) + sum((D.T@U + V)**2)",
    "E = R - R@V@V.T\nL = 0.5*sum(E**2) + sum((V.T@V - eye(K))**2)",
    "D = -(R * mask)\nL = sum((U + D@V@(D.T@U + V).T@V)**2) + sum((V.T@V + (D@V).T@(D@V))**2)",
    "D = R - U@V.T\nL = sum((exp(-D)@V + U)**2) + sum((V - D.T@U)**2)",
])  # fmt: skip
def test_the_numbers_stay_the_same(text: str) -> None:
    rng = np.random.default_rng(0)
    shapes = {"R": (5, 4), "mask": (5, 4), "U": (5, 2), "V": (4, 2)}
    given = {name: rng.normal(size=shape) / 4 for name, shape in shapes.items()}
    literal, net = (graphc.load(FACTORS + text, level=level) for level in (0, 1))
    (L, grads), (other, others) = net.value_and_grad(**given), literal.value_and_grad(**given)
    np.testing.assert_allclose(L, other, rtol=1e-12)
    for name in ("U", "V"):
        np.testing.assert_allclose(grads[name], others[name], rtol=1e-9, atol=1e-12)


def test_the_backward_of_a_factorisation() -> None:
    text = graphc.compile(f"{FACTORS}E = mask * (R - U@V.T)\nL = 0.5*sum(E**2) + {REGULAR}")
    assert "dU -= dE_product @ V" in text and "dV -= dE_product.T @ U" in text


def test_a_product_without_its_sign_is_not_called_the_gradient_of_one() -> None:
    """The gradient of U V is -dE ⊙ mask, and dUV would be that."""
    text = graphc.compile("input R[N, M], mask[N, M]\nparam U[N, K], V[K, M]\nE = mask * (R - U@V)\n"
                          "L = sum(E**2) + sum(U**2) + sum(V**2)")  # fmt: skip
    assert "dU -= dE_product @ V.T" in text and "dUV" not in text


def test_sums_of_rows_and_columns_are_subtracted_too() -> None:
    text = f"{FACTORS}param b[N], c[M], m[]\nE = mask * (R - (U@V.T + b[:, None] + c + m))\n"
    backward = graphc.compile(f"{text}L = sum(E**2) + 0.1 * (sum(U**2) + sum(V**2) + sum(b**2) + sum(c**2))")
    backward = backward.partition("def backward")[2]
    for line in ("dc -= dE_product.sum(axis=0)", "db -= dE_product.sum(axis=1)", "dm = -dE_product.sum()"):
        assert line in backward
    assert "minus" not in backward


def test_a_graph_without_such_a_sum_is_itself() -> None:
    graph = graphc.parse(FACTORS + "L = sum(U) + sum(V)")
    assert subtract_products(graph) is graph


@pytest.mark.parametrize(("text", "turned"), [
    ("input X[N, D]\nparam W[D, K]\nE = X - X@W@W.T\nL = sum(E**2)", 1),  # the smaller one, behind both products
    ("input x[N]\nparam a[], b[]\ne = x[2:] - a*x[1:-1] - b*x[:-2]\nL = sum(e**2)", 0),
    ("input v[N, D]\nparam b[D]\nL = sum(exp(-v@b))", 2),  # of N and of D numbers, not of N*D
    ("input v[N, D]\nparam b[D], W[D, D]\nM = -(v @ W)\nL = sum(exp(M @ b)) + sum(M**2)", 1),  # needed itself
])  # fmt: skip
def test_signs_that_go_where_less_is_turned(text: str, turned: int) -> None:
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)
    negatives = [node for node in graph if node.op == "negative" and node.type.rank]
    assert len(negatives) == turned, graph
    assert all(node.type.rank == 1 or "K" in str(node.type) or "M = " in text for node in negatives)
    shapes = {"X": (5, 3), "W": (3, 3) if "M = " in text else (3, 2), "x": (6,), "a": (), "b": (), "v": (4, 3)}
    shapes["b"] = (3,) if "b[D]" in text else ()
    given = {a.name: np.array(array(*shapes[a.name])) / 4 for a in graph.arguments}
    hold(text, given, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "(-A).T @ (-A) + B", "(-A).T @ C @ (-A) + B", "sum((-A).T * (-A)) + sum(B)", "((-A) @ B) @ ((-A) @ C) + B",
    "((-A).T @ (-A)) @ B + C", "((-A) @ B + C) + (-A) @ C", "((-A) @ B + (-A) @ C) @ C + B",
])  # fmt: skip
def test_a_product_with_the_sign_twice_has_none(text: str) -> None:
    program = graphc.parse(f"input A[n, n], B[n, n], C[n, n]\nY = {text}\noutput Y")
    graph = eliminate_dead_code(expand(program, share=True))
    made = subtract_products(graph)
    given = {name: array(3, 3, seed=k) for k, name in enumerate("ABC")}
    wanted = interpret(graph, given)[graph.values["Y"]]
    np.testing.assert_allclose(interpret(made, given)[made.values["Y"]], wanted, rtol=1e-12)
