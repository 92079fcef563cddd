"""Minimum cuts, against networkx's; and that the work grows with the graph and not faster."""

from __future__ import annotations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from counting import calls
from graphc.passes.cut import components, minimum_cut

EXAMPLE = {0: [], 1: [0], 2: [0, 4], 4: [], 3: [1, 2]}  # a b c e d, as in the docstring
PRICES = {0: 9, 1: 4, 2: 3, 3: 8, 4: 9}


def test_the_example() -> None:
    assert minimum_cut([0, 1, 4, 2, 3], EXAMPLE, PRICES, {0, 4}, {3}) == {1, 2}
    assert minimum_cut([0, 1, 4, 2, 3], EXAMPLE, {**PRICES, 3: 6}, {0, 4}, {3}) == {3}


def test_of_equal_ones_the_last() -> None:
    assert minimum_cut([0, 1, 2], {0: [], 1: [0], 2: [1]}, {0: 5, 1: 5, 2: 5}, {0}, {2}) == {2}


def test_a_source_may_be_a_sink() -> None:
    assert minimum_cut([0], {0: []}, {0: 5}, {0}, {0}) == {0}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, list[int]], dict[int, int], set[int], set[int]]:
    size = draw(st.integers(1, 12))
    before = {v: sorted(draw(st.sets(st.integers(0, v - 1)))) if v else [] for v in range(size)}
    capacity = {v: draw(st.integers(1, 9)) for v in range(size)}
    some = st.sets(st.integers(0, size - 1))
    return before, capacity, draw(some), draw(some)


@settings(max_examples=200)
@given(graphs())
def test_the_cuts_are_those_of_networkx(graph: tuple[dict[int, list[int]], dict[int, int], set[int], set[int]]) -> None:
    before, capacity, sources, sinks = graph
    network = nx.DiGraph()
    network.add_nodes_from(["source", "sink"])
    for vertex, others in before.items():
        network.add_edge((vertex, "in"), (vertex, "out"), capacity=capacity[vertex])
        network.add_edges_from(((other, "out"), (vertex, "in")) for other in others)
    network.add_edges_from(("source", (vertex, "in")) for vertex in sources)
    network.add_edges_from(((vertex, "out"), "sink") for vertex in sinks)
    if sources and sinks:
        _, (near, _) = nx.minimum_cut(network, "source", "sink")
    else:
        near = set()
    wanted = {vertex for vertex in before if (vertex, "in") in near and (vertex, "out") not in near}
    assert minimum_cut(list(before), before, capacity, sources, sinks) == wanted


def test_parts_that_do_not_hang_together() -> None:
    before = {0: [], 1: [], 2: [0], 3: [1], 4: [2], 5: []}
    assert components(before, before) == [[0, 2, 4], [1, 3], [5]]


def ladder(length: int) -> int:
    """The calls for a cut through two rows of vertices with rungs, each rung a way from a source to a sink."""
    before = {0: [], 1: [0]} | {2 * k + side: [2 * k - 2 + side, 2 * k][: 1 + side] for k in range(1, length)
                                for side in (0, 1)}  # fmt: skip
    sources, sinks = set(range(0, 2 * length, 2)), set(range(1, 2 * length, 2))
    return calls(lambda: minimum_cut(list(before), before, dict.fromkeys(before, 3), sources, sinks))


def test_twice_the_graph_is_twice_the_work() -> None:
    assert ladder(800) <= 2.2 * ladder(400)
