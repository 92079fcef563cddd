"""The order of the statements: what backward computes again stands right before its first use.

    c = f * g;  dz = dh * o;  df = dz * c      becomes      dz = dh * o;  c = f * g;  df = dz * c

Everything else keeps the order in which it was made, which is the order of the program, and for gradients its reverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.ir.graph import Graph

__all__ = ["late_order", "schedule"]


def schedule(graph: Graph, ids: Sequence[int], late: Iterable[int]) -> list[int]:
    """The nodes `ids` in an order to compute them in; those in `late` as late as possible."""
    inside, waiting, nodes = set(ids), set(late), graph.nodes
    order: list[int] = []
    placed: set[int] = set()
    for id in ids:
        if id in waiting or id in placed:
            continue
        stack = [id]
        while stack:
            top = stack[-1]
            pending = [u for u in nodes[top].operands if u in inside and u not in placed]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            if top not in placed:
                placed.add(top)
                order.append(top)
    order.extend(id for id in ids if id not in placed)
    return order


def late_order(graph: Graph, ids: list[int], kept: Sequence[int]) -> list[int]:
    """What is cheap stands right before what needs it, so that it is read while it is in a cache."""
    roots = set(kept)
    late = [
        id for id in ids
        if id not in roots and (graph.op(graph[id]).cost != "dear" or graph.op(graph[id]).view)
    ]  # fmt: skip
    return schedule(graph, ids, late)
