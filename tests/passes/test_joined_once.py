"""Joined arrays: how many are left, which stay, and the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Graph
from graphc.passes.joined_once import join_once
from graphc.pipeline import optimise
from ops.programs import array, compiled, hold_in_workspace
from passes.operations import counted

DECLARED = "input x[N, D], y[N, D], z[N, D]\nparam W[D, D], V[D, D], w[]\n"

LANGUAGE = """
input x[4, N, D]
param W[D, H], U[H, H], b[H], V[H, C], c[C]
h_0 = tanh(x[0] @ W + b)
for k in 1:4 { h_{k} = tanh(x[k] @ W + h_{k-1} @ U + b) }
S = stack([h_0, h_1, h_2, h_3]) @ V + c
L = sum(sin(S))
"""


def graphs(text: str) -> tuple[Graph, Graph]:
    before = optimise(graphc.differentiate(graphc.parse(DECLARED + text), wrt=["w"]), 2)
    return before, join_once(before)


def joined(graph: Graph) -> int:
    found = counted(graph)
    return found["concatenate"] + found["stack"]


@pytest.mark.parametrize(("text", "left"), [
    ("concatenate([x, y, z]); B = concatenate([y, z]); C = concatenate([x, y])", 1),
    ("stack([x, y, z]); B = concatenate([y, z]); C = stack([x, y])", 1),
    ("concatenate([x[0], y[0], z[0]]); B = stack([x[0], y[0], z[0]]); C = sum(x)", 1),
    ("concatenate([x, y, z]); B = concatenate([x, y, z]); C = concatenate([x, z])", 2),  # what is between them is not
    ("concatenate([x, y, z]); B = concatenate([z, y]); C = concatenate([y, y])", 3),
    ("stack([x, y, z], axis=1); B = stack([x, y], axis=1); C = concatenate([x, y], axis=1)", 3),
    ("concatenate([x, y]); B = concatenate([x, y, sin(sum(A, axis=0, keepdims=true)) * z]); C = w", 2),  # hangs on A
    ("concatenate([x, y]); B = concatenate([y, z]); C = concatenate([x, y, sum(B) * z])"
     "; E = concatenate([y, z, sum(A) * x])", 3),  # either may wait for the other, and not both
])  # fmt: skip
def test_pieces_of_others_are_not_joined_again(text: str, left: int) -> None:
    uses = "; L = w * (sum(sin(A)) + sum(cos(B)) + sum(exp(C))" + (" + sum(E**2))" if "E =" in text else ")")
    _, after = graphs(f"A = {text}{uses}")
    assert joined(after) == left
    after.verify()


@pytest.mark.parametrize(("text", "products"), [
    ("stack([x@W, y@W, z@W])", 1), ("concatenate([x@W, y@W, z@W])", 1),
    ("concatenate([x@W, y@W, z@V])", 3), ("concatenate([x@W, y@W])", 2), ("concatenate([W@x.T, W@y.T, W@z.T])", 3),
    ("concatenate([x@W, y@W, z@W]) * sum(x@W)", 3), ("concatenate([x@W, z@W, y@W])", 3),
])  # fmt: skip
def test_products_with_one_matrix_of_what_is_joined_anyway(text: str, products: int) -> None:
    _, after = graphs(f"L = w * sum(sin({text})) * sum(cos(concatenate([x, y, z])))")
    assert counted(after)["matmul"] == products


def test_products_of_what_is_joined_nowhere_stay() -> None:
    before, after = graphs("L = w * sum(sin(concatenate([x@W, y@W, z@W])))")
    assert counted(after) == counted(before)


JOINED = "H = concatenate([{}]); B = concatenate([{}])\nL = w * (sum(sin(B)) + sum(cos(H.T @ concatenate([{}]))){})"


@pytest.mark.parametrize(("parts", "other", "more", "left"), [
    ("x, y, z, x*y", "y, z, x*y, x", "", 1), ("x, y, z, x*y", "x*z, x, y, z", "", 1),  # without the first, or the last
    ("x, y, z, x*y", "z, x*y, x, y*z", "", 2),  # two of them would be left
    ("x, y, z, x*y", "y, z, x*y, x", " + sum(H**3)", 2),  # it is needed anyway
])  # fmt: skip
def test_one_part_more_is_multiplied_by_itself(parts: str, other: str, more: str, left: int) -> None:
    rows = "x, z, y, x*x"
    _, after = graphs(JOINED.format(parts, other, rows, more))
    after.verify()
    assert counted(after)["matmul"] == (2 if left == 1 else 1)
    assert sum(node.op == "concatenate" and len(node.operands) == 4 for node in after) == left + (left > 1)


@pytest.mark.parametrize("shapes", [("B, N, D", "B, N, D"), ("1, N, D", "1, N, D"), ("N, D", "N, 4*N, D")])
def test_of_batches_no_part_is_multiplied_by_itself(shapes: tuple[str, str]) -> None:
    """The axis along which they are joined is not the one that a product sums over."""
    left, right = shapes
    turned = "swapaxes({}, -1, -2)"
    text = (
        f"param s[]\ninput h_{{0:5}}[{left}], d_{{1:5}}[{right}]\n"
        "F = exp(concatenate([h_1, h_2, h_3, h_4], axis=0))\nC = concatenate([d_1, d_2, d_3, d_4], axis=0)\n"
        f"G = {turned.format('concatenate([h_0, h_1, h_2, h_3], axis=0)')} @ C\n"
        "L = s*(sum(G) + sum(F) + sum(sin(C)))"
    )
    graphc.compile(text, level=2)


def test_nothing_to_join_is_the_graph_itself() -> None:
    before, after = graphs("L = w * sum(sin(concatenate([x, y, z])))")
    assert after is before


@pytest.mark.parametrize("join", ["stack", "concatenate"])
def test_truth_values_that_integers_make_integers_are_no_part_of_these(join: str) -> None:
    text = f"param z[]\ninput m[N]: bool, y[N]: int\nA = {join}([m, m])\nB = {join}([m, m, y])\nL = z * sum(B)"
    net = graphc.load(text + "\noutput A, L\nloss L", level=2)
    given = {"z": np.array(2.0), "m": np.array([True, False]), "y": np.array([3, 4])}
    outputs, _ = net.value_and_grad(**given, workspace=net.Workspace(**given))
    assert outputs.A.dtype == bool and outputs.A.ravel().tolist() == [True, False, True, False]
    assert outputs.L == 18


def test_the_states_of_a_network_are_joined_once() -> None:
    """All go into the outputs, all but the last into the gradient of U; the cotangents into those of W and U."""
    source = graphc.compile(LANGUAGE, level=2, verify=False)
    body = source[source.index("def memory_of_value_and_grad") :].partition("\ndef ")[0]
    assert body.count("np.empty((4*N, H)") + body.count("np.empty((4, N, H)") <= 3
    assert "np.stack(" not in source[source.index("def value_and_grad") :].partition("\ndef ")[0]


@pytest.mark.parametrize("sizes", [(5, 3, 4, 2), (1, 1, 1, 1), (0, 2, 3, 2), (40, 3, 2, 1)])
@pytest.mark.parametrize("memory", ["balanced", "lean"])
def test_the_numbers_are_the_same(sizes: tuple[int, ...], memory: str) -> None:
    N, D, H, C = sizes
    shapes = {"x": (4, N, D), "W": (D, H), "U": (H, H), "b": (H,), "V": (H, C), "c": (C,)}
    fast = graphc.load(LANGUAGE, level=2, verify=False, memory=memory)
    literal = compiled(LANGUAGE, 0)
    given = {name: array(*shape, seed=n) for n, (name, shape) in enumerate(shapes.items())}
    hold_in_workspace(fast, literal, given, 1e-12)
