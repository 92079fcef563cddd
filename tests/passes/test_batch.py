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
    moved: dict[int, int] = {}
    builder.copy(graph, graph.nodes, moved)
    inputs = {}
    for id in leaves:
        type = graph[id].type
        inputs[moved[id]] = builder.add("argument", (), {"name": f"batch {id}"}, type=Type((dim(SIZE), *type.dims), type.dtype))
    wanted = {**graph.outputs, **{f"d{name}": id for name, id in graph.gradients.items()}}
    results = batch(builder, [moved[id] for id in wanted.values()], inputs, dim(SIZE))
    return graph.replace(nodes=builder.nodes), dict(zip(wanted, results, strict=True))


def _hold(case: Case, graph: Graph, given: dict[int, Any], leaves: Sequence[int]) -> set[str]:
    """Compare the batch over some leaves with single runs; the operations that were batched."""
    whole, results = _batched(graph, leaves)
    arguments = {graph[id].attr("name"): value for id, value in given.items() if graph[id].op == "argument"}
    stacks = {id: np.stack(_variants(given[id])) for id in leaves}
    seeds = {graph[id].attr("name"): value for id, value in given.items() if graph[id].op == "seed"}
    values = interpret(whole, {**arguments, **{f"batch {id}": stack for id, stack in stacks.items()}}, seeds)
    singles = [interpret(graph, arguments, seeds, overrides={id: s[k] for id, s in stacks.items()}) for k in range(SIZE)]
    wanted = {**graph.outputs, **{f"d{name}": id for name, id in graph.gradients.items()}}
    for name, id in results.items():
        expected = np.stack([np.asarray(single[wanted[name]]) for single in singles])
        node = whole[id]
        assert node.type == Type((dim(SIZE), *graph[wanted[name]].type.dims), graph[wanted[name]].type.dtype), str(case)
        assert np.shape(values[id]) == expected.shape, f"{case}: {name} over {leaves}"
        np.testing.assert_allclose(values[id], expected, rtol=1e-10, atol=1e-12, err_msg=f"{case}: {name} over {leaves}")
    return {node.op for node in graph}


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
        outputs = graphc.parse(text).outputs
        variables = [name for name, value in case.arguments.items() if np.asarray(value).dtype.kind == "f"]
        text += "".join(f"G_{k} = vjp({out}, {x}, 0.7 * {out})\n" for out in list(outputs)[:1] for k, x in enumerate(variables))
    graph = expand(graphc.differentiate(graphc.parse(text)), share=False)
    arguments = {node.id: np.asarray(case.arguments[node.attr("name")]) for node in graph if node.op == "argument"}
    named = {graph[id].attr("name"): value for id, value in arguments.items()}
    first = min(graph.cotangents.values(), default=len(graph.nodes))
    plain = graph.replace(nodes={id: node for id, node in graph.nodes.items() if id < first})
    values = interpret(plain, named)
    rng = np.random.default_rng(3)
    seeds = {id: rng.uniform(0.5, 1.5, np.shape(values[graph.values[name]])) for name, id in graph.cotangents.items()}
    return graph, {**arguments, **seeds}


def _hold_operation(name: str) -> set[str]:
    seen: set[str] = set()
    for case in _some(name, 10):
        graph, given = _joint(case, again=False)
        for leaves in _leaf_sets(graph):
            seen |= _hold(case, graph, given, leaves)
    return seen


@pytest.mark.parametrize("name", names())
def test_every_operation_and_its_rule(name: str) -> None:
    _hold_operation(name)
