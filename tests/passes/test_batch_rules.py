"""One more axis in front of reductions, shapes, products, slices and convolutions: the examples of the files.

`test_batch.py` holds every operation against single runs; here it is counted that a batch stays one operation.
"""

from __future__ import annotations

import pytest

import graphc
from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Node
from graphc.ir.types import Type
from graphc.passes.batch import batch
from graphc.passes.expand import expand


def batched(text: str, *names: str) -> tuple[list[Node], Node]:
    """The nodes that a batch over these arguments adds, and the one of its result."""
    graph = expand(graphc.parse(text), share=False)
    builder = Builder(graph.ops)
    moved = builder.begin_with(graph)
    inputs = {}
    for argument in graph.arguments:
        if argument.name in names:
            type = graph[argument.node].type
            many = Type((dim("k"), *type.dims), type.dtype)
            inputs[moved[argument.node]] = builder.add("argument", (), {"name": f"{argument.name}s"}, type=many)
    before = set(builder.nodes)
    (result,) = batch(builder, [moved[id] for id in graph.outputs.values()], inputs, dim("k"))
    return [builder[id] for id in builder.nodes if id not in before], builder[result]


@pytest.mark.parametrize(("text", "names", "op", "attribute", "wanted"), [
    ("input X[N, D]\nY = sum(X, axis=0)", ["X"], "sum", "axis", (1,)),
    ("input X[N, D, E]\nY = transpose(X, axes=(2, 0, 1))", ["X"], "transpose", "axes", (0, 3, 1, 2)),
    ("input X[N, D]\nY = reshape(X, (N*D,))", ["X"], "reshape", "shape", (dim("k"), dim("N") * dim("D"))),
    ("input X[N, D]\nY = concatenate([X, X], axis=1)", ["X"], "concatenate", "axis", 2),
])  # fmt: skip
def test_axes_move_by_one(text: str, names: list[str], op: str, attribute: str, wanted: object) -> None:
    made, result = batched(text, *names)
    assert [node.op for node in made if node.operands] == [op]
    assert result.attr(attribute) == wanted


def test_what_is_broadcast_gets_axes_of_size_1_after_the_first() -> None:
    made, result = batched("input X[N, D], b[D]\nY = X + b", "X", "b")
    assert str(result.type) == "(k, N, D)"
    assert [str(node.type) for node in made if node.op in ("expand_dims", "reshape")] == ["(k, 1, D)"]


def test_a_product_with_one_matrix_stays_one_product() -> None:
    made, result = batched("input X[N, D], W[D, H]\nY = X @ W", "X")
    assert [node.op for node in made if node.operands] == ["matmul"] and str(result.type) == "(k, N, H)"


@pytest.mark.parametrize(("text", "names", "shape"), [
    ("input X[6, D]\nY = X[2:4]", ["X"], "(k, 2, D)"),
    ("input X[N, D], i[n]: int\nY = X[i]", ["X"], "(k, n, D)"),
    ("input X[N, D], i[n]: int\nY = X[i]", ["i"], "(k, n, D)"),
    ("input X[N, D], i[n]: int\nY = X[i]", ["X", "i"], "(k, n, D)"),
])  # fmt: skip
def test_entries_are_picked_once_for_the_batch(text: str, names: list[str], shape: str) -> None:
    made, result = batched(text, *names)
    assert str(result.type) == shape
    assert sum(node.op in ("slice", "gather") for node in made) == 1


@pytest.mark.parametrize("names", [["X"], ["W"], ["X", "W"]])
def test_a_convolution_stays_one(names: list[str]) -> None:
    made, result = batched("input X[N, 2, 6, 6], W[3, 2, 3, 3]\nY = conv2d(X, W)", *names)
    assert sum(node.op == "convolve" for node in made) == 1 and str(result.type) == "(k, N, 3, 4, 4)"
