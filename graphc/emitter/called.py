"""What the values of a function are called that works in memory made once.

A value that the program names has its name. Another one is called as the array that it is in, if that has its shape,
and that as its first value: in `product = product_2 = np.empty(…)` nothing would be told by the second name. A hint
gives a name as well.
"""

from __future__ import annotations

from graphc.emitter.describe import describe
from graphc.emitter.layout import Layout
from graphc.emitter.naming import Names
from graphc.ir.types import Shape

__all__ = ["call_values"]


def call_values(layout: Layout, arguments: dict[int, str], names: Names) -> dict[int, str]:
    """Value -> its name, of all that have statements."""
    graph, called = layout.graph, dict(arguments)
    for item in layout.items:
        for id in item.nodes:
            if graph[id].name and not layout.is_inside(id):
                called[id] = names.fresh(graph[id].name or "")
    arrays: dict[tuple[int, Shape], str] = {}
    for item in layout.items:
        for id in item.nodes:
            if id in called or layout.is_inside(id):
                continue
            array = layout.array.get(id, -1), graph[id].type.shape
            if array not in arrays or graph[id].hint:
                arrays[array] = names.fresh(describe(graph, id))
            called[id] = arrays[array] if id in layout.array else arrays.pop(array)
    return called
