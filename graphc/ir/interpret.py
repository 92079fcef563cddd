"""The reference evaluator: a graph run node by node through the operations' own reference values.

It knows nothing of the emitter, so what it gives is what the emitted module is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["Rounded", "bind_sizes", "evaluate", "interpret"]

Rounded = Callable[[str, Sequence[Any], Any], Any]
"""Another value in the place of what an operation makes of its operands."""


def bind_sizes(graph: Graph, arguments: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of all dimension names, from the shapes of the arguments; expressions are solved where linear."""
    sizes: dict[str, int] = {}
    pending = [
        (size, np.shape(arguments[a.name])[axis])
        for a in graph.arguments
        if not isinstance(graph[a.node].type.shape, Unknown)
        for axis, size in enumerate(graph[a.node].type.dims)
    ]
    pending.sort(key=lambda item: item[0].symbol is None)
    progress = True
    while progress:
        progress = False
        for size, actual in pending:
            unknown = set(size.names()) - set(sizes)
            if len(unknown) != 1:
                continue
            (name,) = unknown
            parts = size.linear_in(name)
            if parts is None:
                continue
            slope, rest = (p.evaluate(sizes) for p in parts)
            if slope:
                sizes[name] = (actual - rest) // slope
                progress = True
    return sizes


def _numbers(value: Any, sizes: Mapping[str, int]) -> Any:
    """An attribute with every size in it replaced by its number."""
    if isinstance(value, Dim):
        return value.evaluate(sizes)
    if isinstance(value, tuple):
        items = [_numbers(item, sizes) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if hasattr(value, "evaluate") and not isinstance(value, Unknown):
        return value.evaluate(sizes)
    return value


def interpret(
    graph: Graph,
    arguments: Mapping[str, Any],
    cotangents: Mapping[str, Any] | None = None,
    overrides: Mapping[int, Any] | None = None,
    dtype: Any = np.float64,
    rounded: Rounded | None = None,
) -> dict[int, Any]:
    """The value of every node. `overrides` puts given values in the place of nodes, `rounded` has the last word on what
    an operation makes; composite operations are expanded by the caller (`graphc.passes.expand`)."""
    sizes = bind_sizes(graph, arguments)
    values: dict[int, Any] = {}
    overrides = overrides or {}
    for node in graph:
        if node.id in overrides:
            values[node.id] = overrides[node.id]
        elif node.op == "argument":
            values[node.id] = np.asarray(arguments[node.attr("name")])
        elif node.op == "seed":
            values[node.id] = np.asarray((cotangents or {})[node.attr("name")], dtype=dtype)
        elif node.op == "size":
            values[node.id] = node.attr("dim").evaluate(sizes)
        else:
            operands = [values[u] for u in node.operands]
            value = evaluate(graph, node, operands, sizes, dtype)
            values[node.id] = value if rounded is None else rounded(node.op, operands, value)
    return values


def evaluate(
    graph: Graph, node: Node, operands: Sequence[Any], sizes: Mapping[str, int], dtype: Any = np.float64
) -> Any:
    """The value of one operation on the values of its operands."""
    op = graph.op(node)
    assert op.evaluate is not None, f"operation {op.name} has no reference value"
    result = op.evaluate(*operands, **{name: _numbers(value, sizes) for name, value in node.attrs})
    if node.type.is_float and not isinstance(result, (int, float)):
        result = np.asarray(result)
        result = result.astype(dtype) if result.dtype != dtype else result
    return result
