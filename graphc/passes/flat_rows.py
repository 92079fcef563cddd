"""Axes before the last one are merged before what goes along the last one, and not behind it. For -O2 only.

    H: (T, N, D), U: (D, V), c: (V,), s: ()

    S = reshape(H @ U + c, (T*N, V))        becomes     S = reshape(H, (T*N, D)) @ U + c
    R = reshape(tanh(s * H), (T*N, D))      becomes     R = tanh(s * reshape(H, (T*N, D)))

where nothing else uses what lies between, so that all of it is of matrices: one product in the place of one for each of
the first axis' entries, tiles of rows that are as many as fit into a cache, and what reads the rows of the matrix, as
the cross-entropy does, in the same loop.

It is done before differentiation, so that the gradients are of matrices as well.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["merge_rows_first"]


def merge_rows_first(graph: Graph, kept: Collection[str] = ()) -> Graph:
    """The graph, not yet differentiated, with the replacements above, itself if there are none; values of the names in
    `kept` stay."""
    if not any(node.op == "reshape" for node in graph):
        return graph
    uses = graph.uses()
    seen = {graph.values[name] for name in kept if name in graph.values}
    chains: dict[int, list[int]] = {}  # reshape -> what lies before it, and before that, and what all is made of
    for node in graph:
        if _merges(graph, node):
            chain = [node.operands[0]]
            while uses[chain[-1]] == 1 and chain[-1] not in seen:
                along = _along_last(graph, graph[chain[-1]])
                if along is None:
                    break
                chain.append(along)
            if len(chain) > 1 and not graph.op(graph[chain[-1]]).view:
                chains[node.id] = chain
    if not chains:
        return graph
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        chain = chains.get(node.id)
        made = same(builder, node, operands) if chain is None else _made(builder, graph, node, chain, moved)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True, apart=seen))


def _merges(graph: Graph, node: Node) -> bool:
    """Whether a value is a matrix of the rows of an array of more axes."""
    if node.op != "reshape" or len(node.operands) != 1 or node.type.rank != 2 or not node.type.is_float:
        return False
    shape = graph[node.operands[0]].type.shape
    return not isinstance(shape, Unknown) and len(shape) > 2 and shape[-1] == node.type.dims[-1]


def _along_last(graph: Graph, node: Node) -> int | None:
    """The operand with the rows of a value, if it is computed of each row by itself and of what is one for all."""
    if isinstance(node.type.shape, Unknown) or not node.type.is_float:
        return None
    shape, operands = node.type.dims, [graph[u].type for u in node.operands]
    if any(isinstance(type.shape, Unknown) for type in operands):
        return None
    if node.op == "matmul":
        left, right = operands
        return node.operands[0] if left.rank == len(shape) and right.rank == 2 else None
    if not graph.op(node).elementwise:
        return None
    whole = [u for u, type in zip(node.operands, operands, strict=True) if type.is_float and type.dims == shape]
    shared = all((type.rank or 0) <= 1 for u, type in zip(node.operands, operands, strict=True) if u not in whole)
    return whole[0] if len(whole) == 1 and shared else None


def _made(builder: Builder, graph: Graph, node: Node, chain: list[int], moved: dict[int, int]) -> int:
    rows, width = node.type.dims[0], graph[chain[-1]].type.dims[-1]
    made = builder.add("reshape", [moved[chain[-1]]], {"shape": (rows, width)})
    for inner, id in pairwise(reversed(chain)):
        step = graph[id]
        operands = [made if u == inner else moved[u] for u in step.operands]
        origin = builder[moved[id]].origin
        made = builder.add(step.op, operands, dict(step.attrs), hint=step.name or step.hint, origin=origin)
    return made
