"""What is linear is computed of a vector once: of its multiples it is the same multiple.

    A: (n, n), B: (n, k), d: (n,), s: ()
    y = A @ d; z = A @ (d / s)                          becomes      y = A @ d; z = y / s
    X = solve(A, B); Y = solve(A, -B)                   becomes      X = solve(A, B); Y = -X

    S = A @ mT(A)                                                    S = A @ mT(A); a = S @ d
    p = (0.5 * d) @ S; q = S @ (2 * d)                  becomes      p = 0.5 * a; q = 2 * a

the last as in a quadratic form d @ S @ d and its gradient. A number that may be infinite where there are no terms
stays in the product, which is 0 there; one that is given or computed of arrays leaves it only for a product that there
is, as A @ d above: with others it may be what keeps d in the range of float32.
"""

from __future__ import annotations

from typing import NamedTuple

from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.no_terms import leaves_zero
from graphc.passes.rebuild import rebuild, same
from graphc.passes.scalars import is_moderate, is_of_numbers_alone
from graphc.passes.symmetric import is_symmetric

__all__ = ["compute_once"]

LINEAR = {"matmul", "solve", "solve_vector"}
DEEPEST = 4  # so many numbers are taken from an operand


class _Multiple(NamedTuple):
    """What is linear, of operands without their numbers, and these: how each stands with its array, and the number."""

    op: str
    bare: tuple[int, ...]
    factors: tuple[tuple[str, int], ...]


def compute_once(graph: Graph) -> Graph:
    """The graph with one product in the place of those of multiples; itself if there are none."""
    if not _may_have_some(graph):
        return graph  # as most have none
    found = _multiples(graph)
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for id, multiple in found.items():
        groups.setdefault((multiple.op, multiple.bare), []).append(id)
    found = {id: found[id] for group in groups.values() if _is_one(graph, found, group) for id in group}
    if not found:
        return graph
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in found:
            made = same(builder, node, operands)
        else:
            multiple = found[node.id]
            made = builder.add(multiple.op, [moved[u] for u in multiple.bare])
            for op, number in reversed(multiple.factors):
                made = builder.add(op, [made] if op == "negative" else [made, moved[number]])
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True))


def _may_have_some(graph: Graph) -> bool:
    """Whether a product is of a multiple, or several are of the same two operands."""
    seen: set[tuple[int, ...]] = set()
    for node in graph:
        if node.op in LINEAR:
            if any(_parts(graph, graph[u]) is not None for u in node.operands):
                return True
            if node.operands[::-1] in seen:
                return True
            seen.add(node.operands)
    return False


def _multiples(graph: Graph) -> dict[int, _Multiple]:
    known: dict[int, bool] = {}
    found = {node.id: multiple for node in graph if (multiple := _multiple(graph, node, known)) is not None}
    there = {(multiple.op, multiple.bare) for multiple in found.values() if not multiple.factors}
    for id, multiple in found.items():
        scaled = any(op != "negative" and not is_of_numbers_alone(graph, number) for op, number in multiple.factors)
        if scaled and (multiple.op, multiple.bare) not in there:
            found[id] = _multiple(graph, graph[id], known, of_arrays=False) or multiple
    return found


def _is_one(graph: Graph, found: dict[int, _Multiple], group: list[int]) -> bool:
    """Whether products that are multiples of one another are to be one: not where a program only writes the same
    product in two ways, with a matrix and with its transpose."""
    operands = {graph[id].operands for id in group}
    scaled = any(found[id].factors for id in group)
    return len(operands) > 1 and (scaled or len({frozenset(each) for each in operands}) == 1)


def _multiple(graph: Graph, node: Node, known: dict[int, bool], of_arrays: bool = True) -> _Multiple | None:
    """A product as a multiple; `of_arrays`: of numbers that are computed of arrays as well."""
    if node.op not in LINEAR or not node.type.is_float or isinstance(node.type.shape, Unknown):
        return None
    factors: list[tuple[str, int]] = []
    bare = list(node.operands)
    for position in (0, 1) if node.op == "matmul" else (1,):
        bare[position] = _without_numbers(graph, node.operands[position], factors, of_arrays)
    left, right = graph[bare[0]].type, graph[bare[1]].type
    between = left.dims[-1]
    if not all(op == "negative" or leaves_zero(graph, op, number, [between]) for op, number in factors):
        return None
    if node.op == "matmul" and (left.rank, right.rank) in ((1, 2), (2, 1)):
        bare = _with_vector(graph, bare, left.rank == 1, known)
    return _Multiple(node.op, tuple(bare), tuple(factors))


def _with_vector(graph: Graph, operands: list[int], on_left: bool, known: dict[int, bool]) -> list[int]:
    """A matrix and a vector in the one order in which no matrix is transposed; with a symmetric one the vector is last.
    """
    matrix, vector = graph[operands[on_left]], operands[not on_left]
    if matrix.op == "mT":
        matrix, on_left = graph[matrix.operands[0]], not on_left
    if is_symmetric(graph, matrix, known):
        on_left = False
    return [vector, matrix.id] if on_left else [matrix.id, vector]


def _without_numbers(graph: Graph, id: int, factors: list[tuple[str, int]], of_arrays: bool) -> int:
    """An array without the numbers that it is multiplied by and divided by, which go to the factors."""
    for _ in range(DEEPEST):
        node = graph[id]
        parts = _parts(graph, node)
        if parts is None or not (of_arrays or node.op == "negative" or is_of_numbers_alone(graph, parts[1])):
            return id
        id, number = parts
        factors.append((node.op, number))
    return id


def _parts(graph: Graph, node: Node) -> tuple[int, int] | None:
    """The array and the number that a value is computed of."""
    if node.op == "negative":
        return node.operands[0], node.id
    pairs = [node.operands, node.operands[::-1]][: 2 if node.op == "multiply" else 1]
    for array, number in pairs if node.op in ("multiply", "divide") else ():
        if graph[array].type == node.type and node.type.is_float and _is_number(graph[number]):
            return array, number
    return None


def _is_number(node: Node) -> bool:
    return node.type.shape == () and is_moderate(node) and (node.type.is_float or node.op in ("const", "size"))
