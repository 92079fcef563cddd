"""Arrays that are zero but for a part each are not added up: the parts are joined, or added up themselves.

    dS = vjp(S[:, 0:2], S, a) + vjp(S[:, 2:6], S, b)    becomes    dS = concatenate([a, b], axis=1)
    dR = vjp(S[:, 1:3], S, a) + vjp(S[:, 1:3], S, c)    becomes    dR = vjp(S[:, 1:3], S, a + c)

    S: (N, 6), a, c: (N, 2), b: (N, 4)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Type
from graphc.ops.cuts import WHOLE, length

__all__ = ["join_parts"]

_Window = tuple[Any, Any]
"""The shape of an array and the index of the part of it that is not zero; of another summand None and which it is."""


def join_parts(
    builder: Builder, graph: Graph, node: Node, uses: Mapping[int, int], moved: Mapping[int, int]
) -> int | None:
    """A sum of arrays that are zero but for one part each: what has the same part is added up before it stands there,
    and where the parts fill the array, they are joined, those as well that other sums join."""
    windows: dict[_Window, list[Node]] = {}
    for k, part in enumerate(_summands(graph, node, uses)):
        placed = part.op == "unslice" and part.attr("shape") is not None
        windows.setdefault((part.attr("shape"), part.attr("index")) if placed else (None, k), []).append(part)
    groups: dict[tuple[Any, int], list[tuple[Any, _Window]]] = {}
    for shape, index in windows:
        if shape is None:
            continue
        cut = [(axis, item) for axis, item in enumerate(index) if item != WHOLE]
        if len(cut) == 1 and (not isinstance(cut[0][1], tuple) or cut[0][1][2] is None):
            groups.setdefault((shape, cut[0][0]), []).append((cut[0][1], (shape, index)))
    tilings = {key: _tiling(graph, dim(key[0][key[1]]), group) for key, group in groups.items() if len(group) > 1}
    made: list[int] = []
    for (shape, axis), order in tilings.items():
        if order is not None:
            values = [(item, _added(builder, windows.pop(window), moved)) for item, window in order]
            made.append(_side_by_side(builder, values, axis, node.type.with_shape(tuple(map(dim, shape)))))
    remaining = [alike for parts in windows.values() for alike in _unshared(parts, uses)]
    if not made and all(len(parts) == 1 for parts in remaining):
        return None
    total, *rest = [*(_window(builder, parts, moved) for parts in remaining), *made]
    for other in rest:
        total = builder.add("add", [total, other])
    return total


def _unshared(parts: list[Node], uses: Mapping[int, int]) -> list[list[Node]]:
    """Arrays that are zero but for the same part: those for nothing else than this sum together, others as they are."""
    own = [part for part in parts if uses[part.id] == 1]
    return [*([own] if own else []), *([part] for part in parts if uses[part.id] != 1)]


def _window(builder: Builder, parts: list[Node], moved: Mapping[int, int]) -> int:
    """The arrays that are zero but for the same part, as one."""
    if len(parts) == 1:
        return moved[parts[0].id]
    return builder.add("unslice", [_added(builder, parts, moved)], dict(parts[0].attrs))


def _added(builder: Builder, parts: list[Node], moved: Mapping[int, int]) -> int:
    """What stands in the same part of several arrays, added up."""
    total, *rest = [builder[moved[part.id]].operands[0] for part in parts]
    for other in rest:
        total = builder.add("add", [total, other])
    return total


def _summands(graph: Graph, node: Node, uses: Mapping[int, int]) -> list[Node]:
    """What a sum of sums adds up, in order; iteratively, for a chain may be long."""
    found: list[Node] = []
    stack = [graph[u] for u in reversed(node.operands)]
    while stack:
        part = stack.pop()
        if part.op == "add" and uses[part.id] == 1 and part.type == node.type:
            stack.extend(graph[u] for u in reversed(part.operands))
        else:
            found.append(part)
    return found


def _tiling(graph: Graph, size: Dim, group: list[tuple[Any, _Window]]) -> list[tuple[Any, _Window]] | None:
    """The parts in order, if each begins where the one before it ends, from 0 to the size.

    The end may be one that the module checks not to be smaller: `2*(N//2)` where N must be even.
    """
    begins = {dim((item[0] or 0) if isinstance(item, tuple) else item): (item, part) for item, part in group}
    order = []
    at = dim(0)
    while at != size and at in begins:
        item, part = begins.pop(at)
        order.append((item, part))
        end = (size if item[1] is None else dim(item[1])) if isinstance(item, tuple) else at + 1
        if isinstance(item, tuple) and length(size, item) != end - at:
            return None  # of one entry `1:-1` begins at 1 and ends at 0: the parts overlap
        at = end
    if len(order) < len(group):
        return None
    whole = at == size or any(end == at and least == size for end, least, _ in graph.minimums)
    return order if whole else None


def _side_by_side(builder: Builder, order: list[tuple[Any, int]], axis: int, type: Type) -> int:
    values = [value for _, value in order]
    if not any(isinstance(item, tuple) for item, _ in order):
        return builder.add("stack", values, {"axis": axis}, type=type)
    for k, (item, _) in enumerate(order):
        if not isinstance(item, tuple):
            values[k] = builder.add("expand_dims", [values[k]], {"axis": (axis,)})
    return builder.add("concatenate", values, {"axis": axis}, type=type)
