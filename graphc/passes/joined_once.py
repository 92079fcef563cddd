"""What is joined from the same arrays is joined once, and products with one matrix are one. -O2 only.

    h_0, h_1, h_2, h_3: (N, D), W: (D, H)
    S = stack([h_0, h_1, h_2, h_3], axis=0)                 A = concatenate([h_0, h_1, h_2, h_3], axis=0)
    B = concatenate([h_1, h_2, h_3], axis=0)                S = reshape(A, (4, N, D))
    P = concatenate([h_0@W, h_1@W, h_2@W], axis=0)          B = A[N:4*N]
                                                 becomes    P = A[0:3*N] @ W

where nothing else uses the products. So it is with the steps of a recurrent network: all states go into the outputs,
all but the last into the gradient of the weights between states. They are made where they stand in the long array; the
state before the first step stands nowhere else, and is multiplied by itself:

    h_1, h_2, h_3, h_4, d_1, d_2, d_3, d_4: (N, D)
    H = concatenate([h_0, h_1, h_2, h_3], axis=0)           B = concatenate([h_1, h_2, h_3, h_4], axis=0)
    B = concatenate([h_1, h_2, h_3, h_4], axis=0)           C = concatenate([d_1, d_2, d_3, d_4], axis=0)
    C = concatenate([d_1, d_2, d_3, d_4], axis=0)
    F = exp(B); K = sin(C)                                  F = exp(B); K = sin(C)
    G = H.T @ C                                  becomes    G = h_0.T @ d_1 + B[0:3*N].T @ C[N:4*N]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE, plain
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["join_once"]

LEAST = 3  # fewer products stay as they are
MOST = 64
"""So many arrays are looked at for those that others are part of, and so many others at most."""


@dataclass(frozen=True)
class _Piece:
    """The rows of a joined array that are another one, or that times a matrix makes it."""

    whole: int
    start: Dim
    end: Dim
    matrix: int | None = None


def join_once(graph: Graph) -> Graph:
    """The graph with the replacements above, arrays stacked along the first axis joined there; itself if there are none
    of either."""
    if not any(node.op in ("stack", "concatenate") for node in graph):
        return graph
    graph = _first_apart(_concatenated(graph))
    pieces = _pieces(graph)
    if not pieces:
        return graph
    ordered = graph.replace(nodes={id: graph[id] for id in _order(graph, pieces)})
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        piece = pieces.get(node.id)
        made = same(builder, node, operands) if piece is None else _cut(builder, moved, piece)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(ordered, make, share=True))


def _concatenated(graph: Graph) -> Graph:
    """The graph with arrays that are stacked along the first axis joined there, in another shape."""
    stacked = {node.id for node in graph if node.op == "stack" and node.attr("axis") == 0 and (node.type.rank or 0) > 1}
    if not stacked:
        return graph

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in stacked:
            return same(builder, node, operands)
        long = builder.add("concatenate", operands, {"axis": 0})
        made = builder.add("reshape", [long], {"shape": node.type.shape})
        return made if builder.type(made) == node.type else same(builder, node, operands)

    return rebuild(graph, make, share=True)


def _first_apart(graph: Graph) -> Graph:
    """The graph with products of joined arrays in two, where all parts but the first or the last are those of another
    joined array, and nothing else reads the one on the left."""
    joined = _joined(graph)
    longest = _longest(joined)
    uses = graph.uses()
    ends: dict[int, int] = {}  # product -> the part that is multiplied by itself
    tried = 0
    for node in graph:
        if node.op != "matmul" or graph[node.operands[0]].op != "mT":
            continue
        turned, right = (graph[u] for u in node.operands)
        left = graph[turned.operands[0]]
        if left not in joined or right not in joined or uses[left.id] > 1 or uses[turned.id] > 1 or tried == MOST:
            continue
        tried += 1
        flat = left.type.rank == right.type.rank == 2  # else the axis is one of a batch of products
        if not flat or len(left.operands) <= LEAST or _sizes(graph, left) != _sizes(graph, right):
            continue
        if _piece(graph, longest, left.operands, left.id) is None:
            others = {0: left.operands[1:], -1: left.operands[:-1]}
            end = next((end for end, rest in others.items() if _piece(graph, longest, rest, left.id)), None)
            if end is not None:
                ends[node.id] = end
    if not ends:
        return graph
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = same(builder, node, operands)
        if node.id in ends:
            parts = [graph[graph[node.operands[0]].operands[0]].operands, graph[node.operands[1]].operands]
            alone = [each[ends[node.id]] for each in parts]
            rest = [each[1:] if ends[node.id] == 0 else each[:-1] for each in parts]
            long = [builder.add("concatenate", [moved[u] for u in each], {"axis": 0}) for each in rest]
            terms = [_turned_product(builder, *(moved[u] for u in alone)), _turned_product(builder, *long)]
            made = builder.add("add", terms)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _turned_product(builder: Builder, left: int, right: int) -> int:
    return builder.add("matmul", [builder.add("mT", [left]), right])


def _joined(graph: Graph) -> list[Node]:
    return [node for node in graph if node.op == "concatenate" and node.attr("axis") == 0 and _sizes(graph, node)]


def _longest(joined: Sequence[Node]) -> list[Node]:
    return sorted(joined, key=lambda node: (-len(node.operands), node.id))[:MOST]


def _pieces(graph: Graph) -> dict[int, _Piece]:
    """The joined arrays that are pieces of others, or products of such."""
    joined = _joined(graph)
    longest = _longest(joined)
    uses = graph.uses()
    named = set(graph.values.values())
    pieces: dict[int, _Piece] = {}
    tried = 0
    for node in joined:
        found = _piece(graph, longest, node.operands, node.id)
        if found is None and len(node.operands) >= LEAST:
            products = [graph[u] for u in node.operands]
            matrices = {each.operands[1] for each in products if each.op == "matmul"}
            alone = all(each.op == "matmul" and uses[each.id] == 1 and each.id not in named for each in products)
            flat = all(graph[u].type.rank == 2 for each in products for u in (each.id, *each.operands))
            if alone and flat and len(matrices) == 1:
                found = _piece(graph, longest, [each.operands[0] for each in products], node.id, *matrices)
        if found is None:
            continue
        if not _hangs_on(graph, pieces, found, node.id):
            pieces[node.id] = found
        tried += 1
        if tried == MOST:
            break
    return pieces


def _piece(
    graph: Graph, longest: Sequence[Node], parts: Sequence[int], id: int, matrix: int | None = None
) -> _Piece | None:
    """Where these are joined, one behind the other, and in their own type: truth values beside integers become such."""
    count = len(parts)
    types = {graph[u].type.dtype for u in parts}
    for whole in longest:
        if len(whole.operands) < count:
            break
        if whole.id == id or parts[0] not in whole.operands or types != {whole.type.dtype}:
            continue
        at = whole.operands.index(parts[0])
        if tuple(parts) != whole.operands[at : at + count]:
            continue
        sizes = _sizes(graph, whole)
        start = sum(sizes[:at], dim(0))
        return _Piece(whole.id, start, start + sum(sizes[at : at + count], dim(0)), matrix)
    return None


def _sizes(graph: Graph, node: Node) -> list[Dim]:
    """The lengths of what is joined; none of them if one is not known."""
    sizes = []
    for u in node.operands:
        shape = graph[u].type.shape
        if isinstance(shape, Unknown) or not shape:
            return []
        sizes.append(shape[0])
    return sizes


def _hangs_on(graph: Graph, pieces: dict[int, _Piece], piece: _Piece, id: int) -> bool:
    """Whether the array that a value would be a piece of is computed of that value."""
    seen, stack = {piece.whole}, [piece.whole]
    while stack:
        for u in _reads(graph, pieces, stack.pop()):
            if u == id:
                return True
            if u not in seen:
                seen.add(u)
                stack.append(u)
    return False


def _reads(graph: Graph, pieces: dict[int, _Piece], id: int) -> tuple[int, ...]:
    piece = pieces.get(id)
    if piece is None:
        return graph[id].operands
    return (piece.whole,) if piece.matrix is None else (piece.whole, piece.matrix)


def _order(graph: Graph, pieces: dict[int, _Piece]) -> list[int]:
    """All values, each behind what it is computed of, and else as they were."""
    waiting = {id: len(set(_reads(graph, pieces, id))) for id in graph.nodes}
    readers: dict[int, list[int]] = {}
    for id in graph.nodes:
        for u in set(_reads(graph, pieces, id)):
            readers.setdefault(u, []).append(id)
    free = [id for id, count in waiting.items() if not count]
    heapify(free)
    order = []
    while free:
        id = heappop(free)
        order.append(id)
        for reader in readers.get(id, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(free, reader)
    assert len(order) == len(graph)
    return order


def _cut(builder: Builder, moved: dict[int, int], piece: _Piece) -> int:
    whole = moved[piece.whole]
    shape = builder.type(whole).dims
    if (piece.start, piece.end) != (dim(0), shape[0]):
        start, end = (None if at == border else plain(at) for at, border in ((piece.start, 0), (piece.end, shape[0])))
        index = ((start, end, None), *(WHOLE,) * (len(shape) - 1))
        whole = builder.add("slice", [whole], {"index": index})
    return whole if piece.matrix is None else builder.add("matmul", [whole, moved[piece.matrix]])
