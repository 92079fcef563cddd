"""What single operations cost, against counting by hand."""

from __future__ import annotations

import pytest

import graphc
from graphc.ir.graph import Graph, Node
from graphc.passes.cost import bytes_moved, functions, multiplications, scratch
from graphc.pipeline import optimise

SIZES = {"N": 3, "D": 4, "H": 5, "K": 7}


def operation(text: str, name: str) -> tuple[Graph, Node]:
    """The one node of that operation in a program's graph."""
    graph = optimise(graphc.parse(text), 0)
    (node,) = (node for node in graph if node.op == name)
    return graph, node


@pytest.mark.parametrize(
    ("text", "name", "multiplied", "evaluated", "moved"),
    [
        ("input A[N, D], B[D, H]\nY = A @ B", "matmul", "N*D*H", "0", "8*(N*D + D*H + N*H)"),
        ("input A[K, N, D], B[K, D, H]\nY = A @ B", "matmul", "K*N*D*H", "0", "8*K*(N*D + D*H + N*H)"),
        ("input A[N, D], b[D]\nY = A * b", "multiply", "N*D", "0", "8*(2*N*D + D)"),
        ("input A[N, D]\nY = A * 3", "multiply", "N*D", "0", "8*2*N*D"),
        ("input A[N, D], B[N, D]\nY = A + B", "add", "0", "0", "8*3*N*D"),
        ("input A[N, D]\nY = exp(A)", "exp", "0", "N*D", "8*2*N*D"),
        ("input A[N, D]\nY = A > 0", "greater", "0", "0", "9*N*D"),
        ("input A[N, D]\nY = sum(A, axis=1)", "sum", "0", "0", "8*(N*D + N)"),
        ("input A[N, D]\nY = mean(A, axis=0)", "mean", "D", "0", "8*(N*D + D)"),
        ("input A[N, D]\nY = max(A)", "max", "0", "0", "8*(N*D + 1)"),
        ("input A[N, D], i[K]: int\nY = take(A, i)", "gather", "0", "0", "8*(2*K*D + K)"),
        ("input A[N, D]\nY = A.T", "transpose", "0", "0", "0"),
        ("input A[N, D]\nY = A[:, 1:3]", "slice", "0", "0", "0"),
        ("input A[N, N], b[N]\nY = solve(A, b)", "solve_vector", "N**3 + N**2", "0", "8*(N**2 + 2*N)"),
    ],
)
def test_an_operation_costs(text: str, name: str, multiplied: str, evaluated: str, moved: str) -> None:
    graph, node = operation(text.replace("transpose", "mT"), "mT" if name == "transpose" else name)
    found = [multiplications(graph, node), functions(graph, node), bytes_moved(graph, node, 8)]
    wanted = [eval(formula, dict(SIZES)) for formula in (multiplied, evaluated, moved)]
    assert [size.evaluate(SIZES) for size in found if size is not None] == wanted


def test_float32_takes_half_but_labels_and_masks_stay() -> None:
    graph, node = operation("input A[N, D], B[N, D]\nY = A + B", "add")
    four, eight = bytes_moved(graph, node, 4), bytes_moved(graph, node, 8)
    assert four is not None and eight is not None and four * 2 == eight
    graph, node = operation("input A[N, D], i[K]: int\nY = take(A, i)", "gather")
    moved = bytes_moved(graph, node, 4)
    assert moved is not None and moved.evaluate(SIZES) == 4 * 2 * 7 * 4 + 8 * 7


def test_a_convolution_and_its_columns() -> None:
    """Each of 2*6*9*9 entries is a sum over 3 channels and a window of 2 by 2."""
    graph, node = operation("input X[2, 3, 10, 10], W[6, 3, 2, 2]\nY = conv2d(X, W)", "convolve")
    assert multiplications(graph, node) == 2 * 6 * 9 * 9 * 3 * 2 * 2
    assert scratch(graph, node, 8) == 8 * ((3 * 2 * 2) * (2 * 9 * 9) + 2 * 3 * 10 * 10)


def test_groups_see_their_channels_alone() -> None:
    graph, node = operation("input X[2, 4, 10, 10], W[6, 2, 3, 3]\nY = conv2d(X, W, groups=2)", "convolve")
    assert multiplications(graph, node) == 2 * 6 * 8 * 8 * 2 * 3 * 3


def test_the_gradients_of_a_convolution_cost_as_much_as_it_does() -> None:
    joint = graphc.differentiate(graphc.parse("param X[2, 3, 10, 10], W[6, 3, 2, 2]\nL = sum(conv2d(X, W)**2)"))
    graph = optimise(joint, 1)
    costs = {node.op: multiplications(graph, node) for node in graph if node.op.startswith("convolve")}
    assert len(costs) == 3 and len(set(map(str, costs.values()))) == 1


def test_unknown_ranks_are_not_guessed() -> None:
    graph, node = operation("Y = tanh(x)", "tanh")
    assert functions(graph, node) is None and bytes_moved(graph, node, 8) is None
