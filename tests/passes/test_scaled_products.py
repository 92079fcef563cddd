"""Numbers that go from arrays of samples into small matrices: how many products are left, and where none goes."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned
from graphc.ir.graph import Graph
from ops.programs import array

GIVEN = {
    "X": array(6, 3), "Y": array(6, 2), "M": array(6, 4), "t": array(6), "W": array(3, 4), "b": array(4),
    "V": array(4, 2, seed=1), "U": array(6, 3, seed=2), "Q": array(3, 8, seed=3),
}  # fmt: skip
DROPOUT = "input X[N, D], M[N, H], Y[N, C]\nparam W[D, H], b[H], V[H, C]\n"
FACTORS = "input M[N, H]\nparam U[N, D], W[D, H]\n"
STEPS = "input X[N, D], Y[N, D]\nparam W[D, H], V[H, D]\nz_0 = X\n"
STEPS += "for k in 0:4 { z_{k+1} = z_{k} + 0.1 * tanh(z_{k} @ W) @ V }\nL = sum((z_4 - Y)**2)"


def scaled(graph: Graph, shape: str) -> int:
    """How many products of a number with arrays of a shape there are."""
    found = [node for node in graph if node.op == "multiply" and str(node.type) == shape]
    return sum(any(graph[u].op == "const" for u in node.operands) for node in found)


@pytest.mark.parametrize(("text", "shape", "count"), [
    (f"{DROPOUT}L = sum((dropout(relu(X@W + b), M, p=0.5)@V - Y)**3)", "(N, H)", 0),
    (f"{FACTORS}L = sum((M * (M - U@W))**2) + 0.1*sum(U**2)", "(N, H)", 0),
    (STEPS, "(N, H)", 0),
    # The array times the number is a result, or is read by what is no product.
    (f"{DROPOUT}A = 2.5 * tanh(X@W + b)\nL = sum((A@V - Y)**3)\noutput L, A\nloss L", "(N, H)", 1),
    (f"{DROPOUT}A = 2.5 * tanh(X@W + b)\nL = sum((A@V - Y)**3) + sum(exp(A))", "(N, H)", 1),
    # What the number would go to is as large: V has a row for each sample, or nothing says which size is the large one.
    ("input X[N, N]\nparam V[N, N]\nL = sum(tanh((2.5 * sin(X)) @ V))", "(N, N)", 1),
    ("param X[N, D], V[D, H]\nL = sum(tanh((2.5 * sin(X)) @ V))", "(N, D)", 2),
    # Sizes that are known are compared.
    ("input X[64, 16]\nparam V[16, 4]\nL = sum(tanh((2.5 * sin(X)) @ V))", "(64, 16)", 0),
    ("input X[4, 16]\nparam V[16, 64]\nL = sum(tanh((2.5 * sin(X)) @ V))", "(4, 16)", 1),
    # Sums of what is not scaled yet may leave the range of float32.
    (f"{DROPOUT}L = sum(((1e-30 * sin(X)) @ W) * M)", "(N, D)", 1),
])  # fmt: skip
def test_arrays_of_samples_times_a_number(text: str, shape: str, count: int) -> None:
    assert scaled(Planned(text).graph, shape) == count


def test_no_array_more_is_kept() -> None:
    """Of the steps only the tanh is kept, and not also a tenth of it; of a product not its half."""
    planned = Planned(STEPS)
    whole = {planned.plan.array[id] for id in planned.plan.full if id in planned.plan.array
             and str(planned.graph[id].type) == "(N, H)"}  # fmt: skip
    assert len(whole) <= 5


@pytest.mark.parametrize("text", [
    f"{DROPOUT}L = sum((dropout(relu(X@W + b), M, p=0.5)@V - Y)**3)",
    f"{DROPOUT}A = 2.5 * tanh(X@W + b)\nB = -A * M\nL = sum((A@V - Y)**3) + sum((B@V)**2) + sum(sin(sum(A, axis=0)))",
    f"{DROPOUT}A = 2.5 * tanh(X@W + b)\nL = sum((A.T@(A@V))**2) + sum(sin(A.T@A))",  # both operands of a product
    f"{DROPOUT}A = 2.5 * tanh(X@W + b)\nB = 1.5 * sin(X)\nL = sum(exp(B.T@A)) + sum(sum(B, axis=1)) + sum(A)",
    f"{FACTORS}L = sum((M * (M - U@W))**2) + 0.1*sum(U**2)",
    f"{FACTORS}E = M * (sin(M) - U@W)\nL = sum(E**2) + 0.1*sum(U**2)",  # the sign goes along
    f"{FACTORS}L = sum(0.5 * (0.25 * (U@W) * M * (3 * (U@W)))) + sum((-2.0 * (U@W))**3)",
    f"{FACTORS}P = (U@W) * 2.5\nL = sum(P * M) + sum(((P * M) * 1.5)**2)\noutput P, L\nloss L",
    # A number goes into a product's operand of which another one is taken away.
    "input X[6, 3]\nparam Q[3, 8]\nL = sum((1.5 * (sin(X) @ (2.5 * sin(Q))))**3)",
    STEPS,
])  # fmt: skip
def test_the_numbers_stay_the_same(text: str) -> None:
    net, literal = graphc.load(text, level=2), graphc.load(text, level=0)
    given = {name: GIVEN[name] for name in [*net.INPUTS, *net.PARAMETERS]}
    if text is STEPS:
        given["Y"], given["V"] = GIVEN["X"] + 1, array(4, 3)
    outputs, have = net.value_and_grad(**given, workspace=net.Workspace(**given))
    wanted, want = literal.value_and_grad(**given)
    np.testing.assert_allclose(outputs[-1] if isinstance(outputs, tuple) else outputs,
                               wanted[-1] if isinstance(wanted, tuple) else wanted, rtol=1e-12)  # fmt: skip
    for name, gradient in want.items():
        np.testing.assert_allclose(have[name], gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_samples(rows: int) -> None:
    text = f"{DROPOUT}L = sum((dropout(relu(X@W + b), M, p=0.5)@V - Y)**3)"
    net, plain = graphc.load(text, level=2), graphc.load(text)
    given = {name: GIVEN[name][:rows] if name in "XMY" else GIVEN[name] for name in [*net.INPUTS, *net.PARAMETERS]}
    (_, have), (_, want) = (m.value_and_grad(**given) for m in (net, plain))
    inside = net.value_and_grad(**given, workspace=net.Workspace(**given))[1]
    for name, gradient in want.items():
        np.testing.assert_allclose(have[name], gradient, rtol=1e-12)
        np.testing.assert_allclose(inside[name], gradient, rtol=1e-12)


def test_whole_numbers_go_into_the_smaller_matrix_too() -> None:
    """The distances of samples from centres: no array of twice the samples."""
    text = "input X[N, D]\nparam C[K, D]\nL = sum(exp(sum(C**2, axis=1) - 2 * X @ C.T))"
    planned = Planned(text)
    scaled = [node for node in planned.graph if node.op == "multiply" and str(node.type).startswith("(N, D)")]
    assert not scaled
