"""Hoisting out of unrolled loops: the same product of every part of an array is one product of the array. -O2 only.

    X: (3, N, D), W: (D, H), A_0, A_1, A_2: (N, D), B_0, B_1, B_2: (N, H)

    Z_0 = X[0] @ W                          P = reshape(reshape(X, (3*N, D)) @ W, (3, N, H)); Z_0 = P[0]
    Z_1 = X[1] @ W             becomes      Z_1 = P[1]
    Z_2 = X[2] @ W                          Z_2 = P[2]

    E = mT(A_0) @ B_0                       A = concatenate([A_2, A_1, A_0])
    F = E + mT(A_1) @ B_1                   B = concatenate([B_2, B_1, B_0])
    G = F + mT(A_2) @ B_2      becomes      G = mT(A) @ B

    q = sum(B_0, axis=0)
    r = q + sum(B_1, axis=0)                B = concatenate([B_2, B_1, B_0])
    s = r + sum(B_2, axis=0)   becomes      s = sum(B, axis=0)

The last two are what the gradients of shared parameters look like. One long product takes less time than many short
ones and their sums, and the parts are written into their places of the long array as they are made. They all wait for
it; where that takes much more memory, as arrays then cannot be used again from step to step, the sums stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.peak import peak
from graphc.passes.rebuild import rebuild, same

__all__ = ["hoist"]

LEAST = 3  # fewer parts stay as they are
MORE = 1.25  # sums stay as they are, if as one product they need so many times the memory


def hoist(graph: Graph) -> Graph:
    """The graph with the replacements above."""
    graph = eliminate_dead_code(_products_of_parts(graph))
    summed = _sums(graph)
    if summed is graph:
        return graph
    summed = eliminate_dead_code(summed)
    return summed if peak(summed) <= MORE * peak(graph) else graph


# ---------------------------------------------------------------- products of parts

def _part(graph: Graph, id: int) -> tuple[int, int] | None:
    """The array of rank 3 that a value is one entry of along the first axis, and the place."""
    node = graph[id]
    if node.op != "slice" or len(node.operands) != 1 or graph[node.operands[0]].type.rank != 3:
        return None
    index = node.attr("index")
    if len(index) != 3 or index[1:] != (WHOLE, WHOLE) or not isinstance(index[0], int):
        return None
    return node.operands[0], index[0]


def _products_of_parts(graph: Graph) -> Graph:
    groups: dict[tuple[int, int], dict[int, int]] = {}
    for node in graph:
        if node.op == "matmul" and graph[node.operands[1]].type.rank == 2:
            part = _part(graph, node.operands[0])
            if part is not None:
                groups.setdefault((part[0], node.operands[1]), {})[node.id] = part[1]
    wanted: dict[int, tuple[tuple[int, int], int]] = {}
    for key, members in groups.items():
        count = graph[key[0]].type.dims[0].value
        if count is not None and len(set(members.values())) >= max(LEAST, count // 2):
            wanted.update((id, (key, place)) for id, place in members.items())
    whole: dict[tuple[int, int], int] = {}
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        found = wanted.get(node.id)
        if found is None:
            made = same(builder, node, operands)
        else:
            (array, matrix), place = found
            if (array, matrix) not in whole:
                whole[array, matrix] = _long_product(builder, moved[array], moved[matrix])
            made = builder.add("slice", [whole[array, matrix]], {"index": (place, WHOLE, WHOLE)})
        moved[node.id] = made
        return made

    return rebuild(graph, make, share=True) if wanted else graph


def _long_product(builder: Builder, array: int, matrix: int) -> int:
    """X @ W as one product of two matrices."""
    parts, rows, inner = builder.type(array).dims
    columns = builder.type(matrix).dims[1]
    flat = builder.add("reshape", [array], {"shape": (parts * rows, inner)})
    product = builder.add("matmul", [flat, matrix])
    return builder.add("reshape", [product], {"shape": (parts, rows, columns)})


# ---------------------------------------------------------------- sums of products

def _sums(graph: Graph) -> Graph:
    uses = graph.uses()
    inner = {
        u for node in graph if node.op == "add" for u in node.operands
        if graph[u].op == "add" and uses[u] == 1 and graph[u].type == node.type
    }  # fmt: skip
    chains: dict[int, list[int]] = {}
    for node in graph:
        if node.op == "add" and node.id not in inner and not isinstance(node.type.shape, Unknown):
            leaves = _leaves(graph, node, inner)
            if len(leaves) >= LEAST:
                chains[node.id] = leaves
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        leaves = chains.get(node.id)
        made = _gathered(_Sources(builder, graph, moved, uses), leaves) if leaves else None
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        moved[node.id] = made
        return made

    return rebuild(graph, make, share=True) if chains else graph


def _leaves(graph: Graph, node: Node, inner: set[int]) -> list[int]:
    """What a sum of sums adds up."""
    leaves, stack = [], list(node.operands)
    while stack:
        u = stack.pop()
        if u in inner:
            stack.extend(graph[u].operands)
        else:
            leaves.append(u)
    return leaves


class _Sources:
    def __init__(self, builder: Builder, graph: Graph, moved: dict[int, int], uses: Counter[int]) -> None:
        self.builder, self.graph, self.moved, self.uses = builder, graph, moved, uses

    def parts(self, ids: Sequence[int]) -> int | None:
        """Matrices one below the other; those that follow each other in an array as they stand there."""
        arrays = [_part(self.graph, id) for id in ids]
        first = arrays[0]
        if first is not None and arrays == [(first[0], k) for k in range(len(ids))]:
            parts, rows, columns = self.graph[first[0]].type.dims
            if parts == dim(len(ids)):
                return self.builder.add("reshape", [self.moved[first[0]]], {"shape": (parts * rows, columns)})
        return self.builder.add("concatenate", [self.moved[id] for id in ids], {"axis": 0})


def _gathered(sources: _Sources, leaves: list[int]) -> int | None:
    """The sum of these as one product, or one sum."""
    graph = sources.graph
    if any(sources.uses[u] != 1 or graph[u].name for u in leaves) or len(set(leaves)) != len(leaves):
        return None
    nodes = [graph[u] for u in leaves]
    if all(n.op == "sum" and n.attr("axis") == (0,) and graph[n.operands[0]].type.rank == 2 for n in nodes):
        if not _alike(graph, [n.operands[0] for n in nodes]):
            return None
        nodes.sort(key=lambda n: -n.operands[0])
        whole = sources.parts([n.operands[0] for n in nodes])
        attrs = {"axis": (0,), "keepdims": nodes[0].attr("keepdims")}
        return None if whole is None else sources.builder.add("sum", [whole], attrs)
    if all(n.op == "matmul" and graph[n.operands[0]].op in ("mT", "transpose") for n in nodes):
        nodes.sort(key=lambda n: -n.operands[1])
        left = [graph[n.operands[0]].operands[0] for n in nodes]
        right = [n.operands[1] for n in nodes]
        if not _alike(graph, left) or not _alike(graph, right) or len(set(right)) != len(right):
            return None
        a, b = sources.parts(left), sources.parts(right)
        if a is None or b is None:
            return None
        return sources.builder.add("matmul", [sources.builder.add("mT", [a]), b])
    return None


def _alike(graph: Graph, ids: Sequence[int]) -> bool:
    """Whether these are matrices of one shape."""
    shapes = {_shape(graph[id]) for id in ids}
    return len(shapes) == 1 and None not in shapes


def _shape(node: Node) -> tuple[Dim, ...] | None:
    return node.type.shape if not isinstance(node.type.shape, Unknown) and node.type.rank == 2 else None
