"""From where to where values live: what is a whole array, what as long as a tile, what shares one."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from emitter.plans import Planned, agree_in_a_workspace
from graphc.api import module_from
from graphc.ir.dims import numel
from ops.programs import array, compiled

NET = "input X[N, D]\nparam W[D, H], V[H, C]\nZ = X @ W\nA = tanh(Z)\nS = A @ V\nL = sum(exp(S))"


def test_what_only_its_loop_reads_is_as_long_as_a_tile() -> None:
    planned = Planned("param X[N, D]\nA = exp(X)\nB = A * A\nL = sum(B)\noutput L")
    assert planned.loop_of("A") is not None and not planned.is_whole("A") and not planned.is_whole("B")


def test_what_a_product_reads_is_a_whole_array() -> None:
    planned = Planned(NET)
    assert planned.is_whole("Z") and planned.is_whole("A")


def test_entry_by_entry_a_value_takes_the_array_of_its_operand() -> None:
    assert Planned(NET).share(["Z", "A"])


def test_a_product_does_not() -> None:
    assert not Planned(NET.replace("V[H, C]", "V[H, H]")).share(["A", "S"])


def test_results_share_with_nothing() -> None:
    planned = Planned(NET + "\noutput L, Z, A\nloss L")
    assert not planned.share(["Z", "A"])


def test_what_is_read_again_later_keeps_its_array() -> None:
    planned = Planned(NET.replace("sum(exp(S))", "sum(exp(S)) + sum((Z @ V)**3)"))
    assert not planned.share(["Z", "A"])


def test_sums_over_rows_of_a_whole_array_are_taken_at_once_behind_the_loop() -> None:
    planned = Planned("input X[N, D]\nparam W[D, H], b[H]\nL = sum(tanh(X @ W + b))")
    (db,) = [node.id for node in planned.graph if node.id == planned.graph.gradients["b"]]
    assert [item.rows for item in planned.plan.items if db in item.nodes] == [None]


def test_the_mean_of_what_a_loop_has_collected_comes_before_such_sums() -> None:
    planned = Planned("input X[N, D], y[N]: int\nparam W[D, C], b[C]\nL = softmax_ce(X@W + b, y, reduction=\"mean\")")
    graph = planned.graph
    place = {id: k for k, item in enumerate(planned.plan.items) for id in item.nodes}
    loss, db = graph.outputs["L"], graph.gradients["b"]
    assert planned.plan.items[place[loss]].rows is None is planned.plan.items[place[db]].rows
    assert place[loss] < place[db]


# Both sides of the maximum have gradients, of masks that are made numbers; the readout is a vector; the extreme entries
# of a row are counted.
QUANTILES = "input X[N, D], t[N, 1], q[Q]\nparam W[D, Q]\nr = t - X @ W\nL = mean(maximum(q * r, (q - 1) * r))"
READOUT = "input X[N, D], t[N]\nparam W[D, Q], w[Q]\nL = mean((tanh(X @ W) @ w - t)**2)"
NEAREST = "input X[N, D]\nparam W[D, Q]\nL = mean(min((X @ W)**2, axis=1))"
MAXOUT = "input X[N, D]\nparam W[D, 4*Q], v[Q]\nZ = reshape(X @ W, (N, Q, 4))\nL = sum((max(Z, axis=2) @ v)**2)"


@pytest.mark.parametrize(("text", "count"), [(QUANTILES, 1), (READOUT, 1), (NEAREST, 1), (MAXOUT, 1)])
def test_whole_arrays_of_as_many_entries_as_the_layer_has(text: str, count: int) -> None:
    planned = Planned(text)
    layer = next(node for node in planned.graph if node.op == "matmul").type.dims
    nodes = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    found = {planned.plan.array[node.id] for node in nodes if numel(node.type.dims) == numel(layer)}
    assert len(found) == count


@pytest.mark.parametrize("text", [QUANTILES, READOUT, NEAREST, MAXOUT])
@pytest.mark.parametrize("rows", [70, 1])
@pytest.mark.parametrize("tile", ["131072", "64"])
def test_their_numbers_are_right(text: str, rows: int, tile: str) -> None:
    shapes = {"X": (rows, 3), "t": (rows, 1) if "t[N, 1]" in text else (rows,), "q": (4,), "w": (4,), "v": (4,)}
    fast = module_from(graphc.compile(text, level=2, verify=False).replace("131072", tile), "lives.g")
    given = {"W": array(3, 16 if text is MAXOUT else 4)}
    for name in [*fast.INPUTS, *fast.PARAMETERS]:
        given.setdefault(name, array(*shapes.get(name, ())))
    agree_in_a_workspace(fast, compiled(text, 0), given)


def test_arrays_of_other_shapes_with_as_many_entries_are_one() -> None:
    planned = Planned(MAXOUT)
    whole = [planned.graph[id] for id in planned.plan.full if id in planned.plan.array]
    by_array: dict[int, set[str]] = {}
    for node in whole:
        by_array.setdefault(planned.plan.array[node.id], set()).add(str(node.type))
    assert any(len(types) > 1 for types in by_array.values())
    assert not any({"(N,)", "(N, 1)"} <= types for types in by_array.values())


@pytest.mark.parametrize(("text", "shapes", "copies"), [
    ("input X[N, m]\nparam A[l, m, n]\nZ = X @ reshape(transpose(A, (1, 0, 2)), (m, l*n))\nL = sum(Z * Z)",
     {"X": (4, 3), "A": (2, 3, 5)}, True),  # the array in another order
    ("input X[N, m], Y[N, n]\nparam A[l, m, n], b[l]\nL = sum(bilinear(X, Y, A, b) ** 2)",
     {"X": (4, 3), "Y": (4, 5), "A": (2, 3, 5), "b": (2,)}, False),
    ("input X[N, m]\nparam A[k, n]\nW = reshape(A, (m, k*n//m))\nL = sum((X @ W) ** 2)",
     {"X": (4, 3), "A": (2, 6)}, False),
    ("input X[N, m]\nparam A[k, n]\nW = reshape(A, (m, k*n//m))\nL = sum((X @ W) ** 2)\nD = grad(L, W)\noutput L, D\n"
     "loss L", {"X": (4, 3), "A": (2, 6)}, True),  # that array is a result, too
])  # fmt: skip
def test_a_result_is_another_array_in_its_shape(text: str, shapes: dict[str, tuple[int, ...]], copies: bool) -> None:
    source = graphc.compile(text, level=2, verify=False)
    assert ("np.copyto(dA_result" in source.partition("def value_and_grad")[2].partition("\ndef ")[0]) is copies
    fast, given = compiled(text, 2), {name: array(*shape, seed=k) for k, (name, shape) in enumerate(shapes.items())}
    want = compiled(text, 0).value_and_grad(**given)[1]
    workspace = fast.Workspace(**given)
    for _ in range(2):
        outputs, have = fast.value_and_grad(**given, workspace=workspace)
        assert all(np.abs(have[name] - gradient).max() <= 1e-11 for name, gradient in want.items())
    if copies and isinstance(outputs, tuple):
        assert not np.shares_memory(outputs.D, have["A"])
    with pytest.raises(ValueError, match="lives in the workspace"):
        fast.value_and_grad(**{**given, "A": have["A"]}, workspace=workspace)
