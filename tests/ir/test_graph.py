"""The graph: what the builder makes, what sharing merges and what it does not, and that networkx can work on it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import networkx as nx
import numpy as np
import pytest

import graphc
from graphc.ir.dims import dim
from graphc.ir.graph import Argument, Builder, Graph, Origin
from graphc.ir.interpret import bind_sizes, interpret
from graphc.ir.types import ShapeError, Type
from graphc.passes.dce import eliminate_dead_code

MATRIX = Type((dim("N"), dim("D")))


def builder(share: bool = False) -> tuple[Builder, int]:
    """A builder with one argument, a matrix."""
    made = Builder(share=share)
    return made, made.add("argument", (), {"name": "x"}, type=MATRIX, name="x")


def graph_of(made: Builder, x: int, y: int) -> Graph:
    return Graph(nodes=made.nodes, arguments=(Argument("x", x, "free"),), outputs={"y": y}, values={"x": x, "y": y})


# ---------------------------------------------------------------- the builder


def test_ids_grow_and_types_are_inferred() -> None:
    made, x = builder()
    y = made.add("add", [x, x])
    z = made.add("sum", [y], {"axis": None, "keepdims": False})
    assert x < y < z
    assert made.type(y) == MATRIX
    assert made.type(z) == Type(())
    assert made[y].operands == (x, x)


def test_operands_that_do_not_fit_raise_and_add_nothing() -> None:
    made, x = builder()
    v = made.add("argument", (), {"name": "v"}, type=Type((dim("H"),)))
    before = len(made.nodes)
    with pytest.raises(ShapeError):
        made.add("add", [x, v])
    assert len(made.nodes) == before


def test_sharing_merges_equal_operations_on_equal_operands() -> None:
    made, x = builder(share=True)
    assert made.add("add", [x, x]) == made.add("add", [x, x])
    assert made.add("exp", [x]) != made.add("log", [x])
    over = [made.add("sum", [x], {"axis": axis, "keepdims": False}) for axis in ((0,), (1,), (0,))]
    assert over[0] == over[2] != over[1]


def test_without_sharing_nothing_merges() -> None:
    made, x = builder()
    assert made.add("add", [x, x]) != made.add("add", [x, x])


@pytest.mark.parametrize(("first", "second"), [(1, 1.0), (0, False), (1, True), (0.0, -0.0), ((1,), (1.0,))])
def test_constants_that_python_calls_equal_are_not_shared(first: object, second: object) -> None:
    made, _ = builder(share=True)
    a = made.add("const", (), {"value": first, "dtype": "float"})
    b = made.add("const", (), {"value": second, "dtype": "float"})
    assert a != b


def test_arguments_are_never_shared() -> None:
    made, x = builder(share=True)
    assert made.add("argument", (), {"name": "x"}, type=MATRIX) != x


def test_names_survive_sharing() -> None:
    made, x = builder(share=True)
    y = made.add("exp", [x])
    assert made.add("exp", [x], name="E") == y
    assert made[y].name == "E"
    assert made.add("exp", [x], name="F") == y
    assert made[y].name == "E"


@pytest.mark.parametrize("dead", [0, 1])
def test_a_builder_begins_with_a_graph_and_numbers_it_without_gaps(dead: int) -> None:
    made = Builder()
    for _ in range(dead):
        made.const(3.0)
    x = made.add("argument", (), {"name": "x"}, type=MATRIX, name="x")
    y = made.add("exp", [x], name="E")
    graph = eliminate_dead_code(graph_of(made, x, y))
    other = Builder()
    map = other.begin_with(graph)
    assert map == {x: 0, y: 1}
    assert other.add("exp", [map[y]]) == 2
    assert len(graph) == 2
    begun = other[map[y]]
    assert (begun.op, begun.type, begun.name, begun.operands) == ("exp", MATRIX, "E", (0,))


def test_a_builder_begins_with_a_graph_that_has_gaps_and_closes_them() -> None:
    made, x = builder()
    gone = made.const(3.0)
    y = made.add("exp", [x], name="E", origin=Origin(0, None))
    z = made.add("multiply", [y, x], hint="Z")
    graph = graph_of(made, x, z)
    del graph.nodes[gone]  # as a pass leaves them
    assert list(graph.nodes) == [0, 2, 3]
    other = Builder()
    map = other.begin_with(graph)
    assert map == {x: 0, y: 1, z: 2}
    assert list(other.nodes) == [0, 1, 2] and all(node.id == id for id, node in other.nodes.items())
    assert [node.operands for node in other.nodes.values()] == [(), (0,), (1, 0)]
    for old, new in map.items():
        was, now = graph[old], other[new]
        assert (was.op, was.attrs, was.type, was.name, was.hint) == (now.op, now.attrs, now.type, now.name, now.hint)
        assert was.origin == now.origin
    assert other.add("exp", [map[z]]) == 3


# ---------------------------------------------------------------- the graph


def test_repeated_operands_are_one_edge() -> None:
    made, x = builder()
    graph = graph_of(made, x, made.add("multiply", [x, x]))
    assert graph.dag.number_of_edges() == 1
    assert graph[graph.outputs["y"]].operands == (x, x)


def test_networkx_works_on_the_dag() -> None:
    graph = graphc.parse("Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)")
    assert nx.is_directed_acyclic_graph(graph.dag)
    order = list(nx.topological_sort(graph.dag))
    assert set(order) == set(graph.nodes)
    position = {id: k for k, id in enumerate(order)}
    assert all(position[u] < position[v.id] for v in graph for u in v.operands)
    above = nx.ancestors(graph.dag, graph.outputs["L"])
    assert {graph.values[n] for n in ("X", "W1", "b1", "W2", "b2", "y", "H")} <= above
    assert nx.dag_longest_path_length(graph.dag) >= 6


def test_the_dag_is_frozen() -> None:
    graph = graphc.parse("y = exp(x)")
    with pytest.raises(nx.NetworkXError):
        graph.dag.add_node(99)
    with pytest.raises(FrozenInstanceError):
        graph.loss = "y"  # type: ignore[misc]


def test_uses_and_users_are_counted_once_for_a_graph() -> None:
    graph = graphc.parse("x2 = x * x\ny = x2 + x")
    x, x2, y = (graph.values[name] for name in ("x", "x2", "y"))
    assert (graph.uses()[x], graph.uses()[x2], graph.uses()[y]) == (3, 1, 1)
    assert graph.users() == {x: [x2, y], x2: [y]}
    assert graph.uses() is graph.uses()
    assert graph.users() is graph.users()
    assert graph.replace(outputs={"x2": x2, "y": y}).uses()[x2] == 2


def test_a_sound_graph_verifies() -> None:
    graph = graphc.parse("input X[N, D], W[D, H]\nL = sum(tanh(X @ W))")
    assert graph.verify() is graph
    assert graphc.differentiate(graph).verify()


FAULTS = ["operand after its user", "missing operand", "wrong rank", "wrong kind", "missing output"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unsound_graph_does_not(fault: str) -> None:
    made, x = builder()
    y = made.add("exp", [x])
    z = made.add("log", [y])
    nodes, outputs = dict(made.nodes), {"y": z}
    if fault == "operand after its user":
        nodes[y] = replace(nodes[y], operands=(z,))
        nodes[z] = replace(nodes[z], operands=(x,))
    elif fault == "missing operand":
        nodes[y] = replace(nodes[y], operands=(77,))
    elif fault == "wrong rank":
        nodes[y] = replace(nodes[y], type=Type((dim("N"),)))
    elif fault == "wrong kind":
        nodes[y] = replace(nodes[y], type=Type(MATRIX.shape, "int"))
    else:
        outputs = {"y": 77}
    graph = replace(graph_of(made, x, z), nodes=nodes, outputs=outputs)
    with pytest.raises(AssertionError):
        graph.verify()


def test_roots_are_outputs_gradients_and_updates() -> None:
    graph = graphc.differentiate(graphc.parse("param W[D]\nL = sum(W * W)\nW <- W - 0.1 * grad(L, W)\noutput L"))
    assert set(graph.roots) == {graph.outputs["L"], graph.gradients["W"], graph.updates["W"]}


# ---------------------------------------------------------------- the reference evaluator


def test_sizes_are_bound_from_the_shapes_of_arguments() -> None:
    graph = graphc.parse("input X[N, 2*D+1], W[D, N]\ny = X[0:1] @ X.T @ W.T")
    arguments = {"X": np.ones((3, 9)), "W": np.ones((4, 3))}
    assert bind_sizes(graph, arguments) == {"N": 3, "D": 4}


def test_a_size_that_only_an_expression_holds_is_solved_for() -> None:
    graph = graphc.parse("input Wx[D, 4*H]\ny = sum(Wx) / H")
    assert bind_sizes(graph, {"Wx": np.ones((2, 12))}) == {"D": 2, "H": 3}


def test_overrides_stand_in_for_values() -> None:
    graph = graphc.parse("input x[3]\nz = exp(x)\ny = sum(z)")
    values = interpret(graph, {"x": np.zeros(3)}, overrides={graph.values["z"]: np.array([1.0, 2.0, 3.0])})
    err = abs(float(values[graph.values["y"]]) - 6)
    assert err <= 1e-15


def test_states_that_begin_alike_stay_two() -> None:
    """Equal operations are one, but what the program makes of nothing under two names is two things to its reader."""
    module = graphc.compile("h = zeros((3, 2)); c = zeros((3, 2)); L = sum(W * (tanh(h) + 2 * tanh(c) + tanh(h)))")
    assert "h = np.zeros" in module and "c = np.zeros" in module
    assert module.count("np.tanh(h)") == 1 == module.count("np.tanh(c)")
