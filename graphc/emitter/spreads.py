"""Where what is spread over tiles lives, so that it shares arrays with what tiles hold before and after it.

    loop over rows   1: Z = X - m        m_spread lives from before the loop to its end
    loop over rows   2: A = Z * g        g_spread lives 2…3; m_spread's array is free for it, or for a value in here
    loop over rows   3: dZ = dA * g
"""

from __future__ import annotations

from graphc.emitter.layout import Layout, Spread
from graphc.emitter.tiles import Loops
from graphc.passes.regions import read_by_rows
from graphc.passes.spread import spread_operands
from graphc.passes.storage import Range

__all__ = ["spread_ranges"]


def spread_ranges(layout: Layout, loops: Loops) -> dict[Spread, Range]:
    """The lives of all that is copied before loops; its values are numbers below -1, as it is no value of the graph.

    What does not change from call to call has its array for itself, and on threads nothing is spread.
    """
    graph = layout.graph
    constants = {id for id, kind in layout.kind.items() if kind == "constant"}
    found: dict[Spread, Range] = {}
    start = 0
    for position, item in enumerate(layout.items if loops.memory.threads == 1 else ()):
        begin, end = start, start + len(item.nodes)  # as `lives.py` counts
        start = end + 1
        for id in item.nodes:
            node = graph[id]
            is_row = item.rows is not None and layout.kind[id] == "buffer"
            by_rows = read_by_rows(graph, node, item.rows) if is_row and item.rows is not None else None
            if by_rows is None:
                continue
            for k, rest in spread_operands(graph, node, by_rows[0], constants).items():
                u = node.operands[k]
                if u in constants:
                    continue
                spread = (u, loops.key(position), rest)
                known = found.get(spread)
                value, first = (known.value, known.first) if known else (-2 - len(found), begin - 0.5)
                kind = (loops.key(position), rest, node.type.dtype)
                found[spread] = Range(value, kind, first, end)
    return found
