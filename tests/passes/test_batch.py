"""The batching pass: every operation that a graph may hold, for a whole batch at once, against single runs one by one.

The programs are the cases that every operation's declaration makes, together with their gradients, so that what only
rules use takes part; leaves are batched one by one and all together, indices too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph
from graphc.ir.interpret import interpret
from graphc.ir.types import ShapeError, Type, Unknown
from graphc.ops.table import lookup, names
from graphc.passes.batch import batch
from graphc.passes.batch_table import RULES, UNKNOWN_RANK, rule_of
from graphc.passes.expand import expand
from graphc.rules.python import BUILDERS
from graphc.rules.table import rule_names
from ops.cases import Case, cases

SIZE = 3
LEAVES = ("argument", "seed")


def primitive_names() -> list[str]:
    """The operations on tensors that can stand in an expanded graph: those that have a rule and no definition."""
    ruled = {*rule_names(), *BUILDERS}
    return [
        name for name in names(hidden=True)
        if name in ruled and lookup(name).definition is None and lookup(name).operands
    ]  # fmt: skip


def test_the_table_is_complete() -> None:
    missing = [
        name for name in primitive_names()
        if name not in RULES and name not in UNKNOWN_RANK and not lookup(name).elementwise
    ]  # fmt: skip
    assert missing == []
    assert set(RULES) <= set(primitive_names()), "the table speaks of operations that no graph holds"
    assert not set(RULES) & UNKNOWN_RANK
    for name in set(primitive_names()) - UNKNOWN_RANK:
        assert rule_of(lookup(name)) is not None


# ---------------------------------------------------------------- against single runs


def _variants(value: Any) -> list[Any]:
    """Arrays like this one, in the same domain."""
    value = np.asarray(value)
    if value.dtype.kind != "f":
        return [np.roll(value.ravel(), k).reshape(value.shape) for k in range(SIZE)]
    return [value * (1 + 0.03 * k) for k in range(SIZE)]


def _batched(graph: Graph, leaves: Sequence[int]) -> tuple[Graph, dict[str, int]]:
    """A graph that holds the batch beside the original, and the nodes of its results."""
    builder = Builder(graph.ops)
    moved = builder.begin_with(graph)
    inputs = {}
    for id in leaves:
        type = graph[id].type
        many = Type((dim(SIZE), *type.dims), type.dtype)
        inputs[moved[id]] = builder.add("argument", (), {"name": f"batch {id}"}, type=many)
    wanted = _results(graph)
    results = batch(builder, [moved[id] for id in wanted.values()], inputs, dim(SIZE))
    return graph.replace(nodes=builder.nodes), dict(zip(wanted, results, strict=True))


def _results(graph: Graph) -> dict[str, int]:
    return {**graph.outputs, **{f"d{name}": id for name, id in graph.gradients.items()}}


def _hold(case: object, graph: Graph, given: dict[int, Any], leaves: Sequence[int]) -> None:
    """Compare the batch over some leaves with single runs."""
    whole, results = _batched(graph, leaves)
    arguments = {graph[id].attr("name"): value for id, value in given.items() if graph[id].op == "argument"}
    stacks = {id: np.stack(_variants(given[id])) for id in leaves}
    seeds = {graph[id].attr("name"): value for id, value in given.items() if graph[id].op == "seed"}
    values = interpret(whole, {**arguments, **{f"batch {id}": stack for id, stack in stacks.items()}}, seeds)
    overrides = [{id: stack[k] for id, stack in stacks.items()} for k in range(SIZE)]
    singles = [interpret(graph, arguments, seeds, overrides=given) for given in overrides]
    for name, old in _results(graph).items():
        expected = np.stack([np.asarray(single[old]) for single in singles])
        what, new = f"{case}: {name} over {leaves}", results[name]
        assert whole[new].type == Type((dim(SIZE), *graph[old].type.dims), graph[old].type.dtype), what
        assert np.shape(values[new]) == expected.shape, what
        np.testing.assert_allclose(values[new], expected, rtol=1e-10, atol=1e-12, err_msg=what)


def _leaf_sets(graph: Graph) -> Iterator[list[int]]:
    leaves = [node.id for node in graph if node.op in LEAVES]
    yield leaves
    for id in leaves:
        yield [id]


def _some(name: str, count: int) -> list[Case]:
    """Evenly chosen cases of an operation; none with empty arrays, of which much has no value."""
    given = [case for case in cases(name) if all(np.size(value) for value in case.arguments.values())]
    return [given[i * len(given) // count] for i in range(count)] if len(given) > count else list(given)


def _joint(case: Case, again: bool) -> tuple[Graph, dict[int, Any]]:
    """A case's graph with its gradients (of its gradients), and values for the leaves."""
    text = case.text()
    if again:
        out = next(iter(graphc.parse(text).outputs))
        variables = [name for name, value in case.arguments.items() if np.asarray(value).dtype.kind == "f"]
        text += "".join(f"G_{k} = vjp({out}, {x}, 0.7 * {out})\n" for k, x in enumerate(variables))
    graph = expand(graphc.differentiate(graphc.parse(text)), share=False)
    arguments = {node.id: np.asarray(case.arguments[node.attr("name")]) for node in graph if node.op == "argument"}
    named = {graph[id].attr("name"): value for id, value in arguments.items()}
    first = min(graph.cotangents.values(), default=len(graph.nodes))
    plain = graph.replace(nodes={id: node for id, node in graph.nodes.items() if id < first})
    values = interpret(plain, named)
    rng = np.random.default_rng(3)
    seeds = {id: rng.uniform(0.5, 1.5, np.shape(values[graph.values[name]])) for name, id in graph.cotangents.items()}
    return graph, {**arguments, **seeds}


@pytest.mark.parametrize("name", names())
def test_every_operation_and_its_rule(name: str) -> None:
    for case in _some(name, 10):
        graph, given = _joint(case, again=False)
        for leaves in _leaf_sets(graph):
            _hold(case, graph, given, leaves)


# What the cases of single operations do not lead to: second derivatives, values put together.
X, POSITIVE = np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.6]]), np.array([0.5, 1.5, 2.5])
PROGRAMS = [
    Case(op="linear_scan", body="y = cumprod(x, axis=1)", arguments={"x": X}),
    Case(op="max_pick", body="y = max_pool1d(x, 2, 1)", arguments={"x": X}),
    Case(op="as_float", body="y = i / 2 * x", arguments={"i": np.array([3, 1, 2]), "x": X}),
    Case(op="as_int", body="y = -c * x", arguments={"c": np.array([True, False, True]), "x": X}),
    Case(op="power_const", body="y = x**2.5", arguments={"x": POSITIVE}),
    Case(op="in_range", body="y = softmax_ce(S, argmax(x, axis=1))", arguments={"x": X, "S": X[:, ::-1] * 2}),
    Case(op="both", body="y = attention(x, x, x, mask=m, causal=true)",
         arguments={"x": X, "m": np.array([[True, False], [True, True]])}),
]  # fmt: skip


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case.op)
def test_what_is_met_in_larger_programs_only(case: Case) -> None:
    graph, given = _joint(case, again=case.op in ("linear_scan", "max_pick"))
    assert case.op in _touched(graph)
    for leaves in _leaf_sets(graph):
        _hold(case, graph, given, leaves)


# Nodes that no declared program makes, or not with these operands: operation, shapes of operands, attributes.
NODES: list[tuple[str, list[tuple[int, ...]], dict[str, Any]]] = [
    ("sum_to", [(2, 3, 4)], {"shape": (3, 1), "like": None}),
    ("sum_to", [(2, 3)], {"shape": (2, 3), "like": None}),
    ("sum_to", [(2, 3)], {"shape": (), "like": None}),
    ("number", [()], {}),
    ("matmul", [(3,), (3, 2)], {}),
    ("matmul", [(2, 3), (3,)], {}),
    ("matmul", [(3,), (3,)], {}),
    ("matmul", [(3,), (4, 3, 2)], {}),
    ("matmul", [(4, 2, 3), (3,)], {}),
    ("vdot", [(2, 3), (2, 3)], {}),
    ("vecdot", [(2, 3), (2, 3)], {}),
    ("subtract_at_labels", [(2, 3), (2,), ()], {}),
    ("columns", [(2, 4, 3)], {"size": (dim(2),), "stride": (2,), "dilation": (1,)}),
    ("add_columns", [(4, 6)], {"size": (dim(2),), "stride": (2,), "dilation": (1,), "shape": (2, 4, 3)}),
    ("product_as", [(2, 3), (3, 4)], {"shape": (2, 2, 2)}),
    ("product_as", [(2, 2, 3), (2, 3, 2)], {"shape": (4, 2)}),
    ("in_order", [(2, 3)], {}),
    ("add_part", [(4, 3), (3, 2)], {"pattern": ((1, None, None), (None, 2, None)), "minus": False}),
    ("add_part", [(2, 3), (2,), (2,), (2,)], {"pattern": ("index", "index"), "minus": True}),
    ("flip", [(2, 3)], {"axis": None}),
    ("squeeze", [(1, 2, 1)], {"axis": None}),
    ("transpose", [(2, 3, 4)], {"axes": None}),
    ("gather", [(2, 3, 4), (2,), (2,)], {"pattern": ("index", (None, None, None), "index")}),
    ("gather", [(2, 3, 4), (2,)], {"pattern": ((None, None, None), None, "index", 1)}),
    ("scatter", [(2, 3), (2,), (2,)],
     {"pattern": ("index", (None, None, None), "index"), "shape": (2, 3, 4), "like": None, "distinct": False}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "attrs"), NODES, ids=lambda value: str(value))
def test_nodes(op: str, shapes: list[tuple[int, ...]], attrs: dict[str, Any]) -> None:
    builder = Builder()
    rng = np.random.default_rng(1)
    given: dict[int, Any] = {}
    for k, shape in enumerate(shapes):
        integer = k >= {"gather": 1, "scatter": 1, "add_part": 2}.get(op, 9) or (op == "subtract_at_labels" and k == 1)
        type = Type(tuple(map(dim, shape)), "int" if integer else "float")
        id = builder.add("argument", (), {"name": f"x{k}"}, type=type)
        given[id] = np.arange(2) if integer else rng.uniform(0.5, 1.5, shape)
    sized = {name: tuple(map(dim, value)) if name == "shape" else value for name, value in attrs.items()}
    graph = Graph(builder.nodes, outputs={"y": builder.add(op, list(given), sized)})
    for leaves in _leaf_sets(graph):
        _hold(f"{op} {shapes} {attrs}", graph, given, leaves)


def _touched(graph: Graph) -> set[str]:
    """The operations that depend on a leaf: those that are batched when all leaves are."""
    dependent: set[int] = set()
    for node in graph:
        if node.op in LEAVES or any(u in dependent for u in node.operands):
            dependent.add(node.id)
    return {graph[id].op for id in dependent}


def test_these_tests_meet_every_operation_of_the_table() -> None:
    met = {case.op for case in PROGRAMS} | {op for op, _, _ in NODES}
    for name in names():
        for case in _some(name, 10):
            met |= _touched(_joint(case, again=False)[0])
    assert set(primitive_names()) - UNKNOWN_RANK - met == set()


# ---------------------------------------------------------------- what else it promises


def test_what_does_not_depend_on_the_batch_stays_single() -> None:
    builder = Builder()
    x = builder.add("argument", (), {"name": "x"}, type=Type((dim("N"), dim("D"))))
    W = builder.add("argument", (), {"name": "W"}, type=Type((dim("D"), dim("H"))))
    other = builder.add("exp", [W])
    y = builder.add("matmul", [x, other])
    many = builder.add("argument", (), {"name": "many"}, type=Type((dim("K"), dim("N"), dim("D"))))
    first, second = batch(builder, [y, other], {x: many}, dim("K"))
    assert builder[first].op == "matmul"
    assert builder[first].operands == (many, other)
    assert builder.type(first) == Type((dim("K"), dim("N"), dim("H")))
    assert builder[second].op == "broadcast_to"
    assert builder.type(second) == Type((dim("K"), dim("D"), dim("H")))


def test_operations_by_entries_keep_their_rule() -> None:
    graph = graphc.parse("input x[3]\ny = relu(x)")
    whole, results = _batched(graph, [graph.arguments[0].node])
    assert whole[results["y"]].op == "relu"


def test_a_rank_that_is_not_known_names_the_argument_to_declare() -> None:
    builder = Builder()
    b = builder.add("argument", (), {"name": "b"}, type=Type(Unknown("@b")))
    many = builder.add("argument", (), {"name": "many"}, type=Type((dim(3), dim(2))))
    x = builder.add("argument", (), {"name": "x"}, type=Type((dim(2),)))
    unknown = builder.add("sum_to", [x, builder.add("shape_of", [b])], {"shape": None, "like": Unknown("@b")})
    with pytest.raises(ShapeError, match="the rank of `b` is not known") as error:
        batch(builder, [unknown], {x: many}, dim(3))
    assert error.value.help is not None
    assert "declare its shape" in error.value.help


def test_a_chain_is_batched_in_linear_time() -> None:
    builder = Builder()
    x = builder.add("argument", (), {"name": "x"}, type=Type((dim("N"),)))
    many = builder.add("argument", (), {"name": "many"}, type=Type((dim(3), dim("N"))))
    y = x
    for _ in range(20_000):
        y = builder.add("tanh", [y])
    (result,) = batch(builder, [y], {x: many}, dim(3))
    assert len(builder.nodes) == 2 + 2 * 20_000
    assert builder.type(result) == Type((dim(3), dim("N")))
