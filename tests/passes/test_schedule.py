"""The order of statements: what is computed again stands where it is needed first."""

from __future__ import annotations

import graphc
from graphc.ir.graph import Graph
from graphc.passes.schedule import schedule

TEXT = "input f[N], g[N], o[N], h[N]\nc = f * g\nz = h * o\ny = z * c\nw = y + c\noutput w"


def names(graph: Graph, order: list[int]) -> list[str | None]:
    return [graph[id].name for id in order]


def test_late_values_stand_before_their_first_use() -> None:
    graph = graphc.parse(TEXT)
    ids = [node.id for node in graph if node.op != "argument"]
    assert names(graph, schedule(graph, ids, ())) == ["c", "z", "y", "w"]
    late = [graph.values["c"]]
    assert names(graph, schedule(graph, ids, late)) == ["z", "c", "y", "w"]


def test_every_value_once_and_after_its_operands() -> None:
    graph = graphc.parse(TEXT)
    ids = [node.id for node in graph if node.op != "argument"]
    for late in ([], ids, ids[::2], ids[1::2]):
        order = schedule(graph, ids, late)
        assert sorted(order) == ids
        for position, id in enumerate(order):
            assert not {u for u in graph[id].operands if u in ids} - set(order[:position])
