"""What a graph costs: multiplications, values of functions and bytes, as polynomials in the sizes.

    Z = X @ W        X: (N, D), W: (D, H)        N*D*H multiplications      8*(N*D + D*H + N*H) bytes in float64
    Y = Z * s        Z: (N, H), s: ()            N*H multiplications        16*N*H bytes
    E = exp(Y)       Y: (N, H)                   N*H values of functions    16*N*H bytes

Two costs are compared with every size that has a name being `TYPICAL`: which of two polynomials is smaller depends on
the sizes, and the same program must always become the same module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Type, Unknown

__all__ = [
    "IN_BLAS", "TYPICAL", "bytes_moved", "bytes_of", "functions", "is_of_numbers", "multiplications", "scratch",
    "total_multiplications", "typical",
]  # fmt: skip

TYPICAL = 64

ONE_EACH = {"multiply", "divide", "square", "outer", "kron", "linear_scan"}
ONE_PER_OPERAND_ENTRY = {"vdot", "vecdot", "norm", "prod", "cumprod", "others"}
ONE_PER_RESULT = {"mean"}
CUBIC = {"solve", "solve_vector", "inv", "det", "det_sign", "logdet", "cholesky", "pinv"}
"""Factorisations; whatever their constant is, n**3 is counted."""
IN_BLAS = {"matmul", "product_as", "convolve", "convolve_transpose", "convolve_kernel", *CUBIC}
"""Products of matrices and what comes down to them."""
LOOKED_UP = {"pick", "take", "gather", "embedding", "take_along_axis"}
"""What reads as many entries of its first operand as its result has."""

IN_ORDER_OF = {"max_windows": 0, "sum_windows": 0, "max_unpool": 1}
"""Operations on windows: of which operand the result has the memory order."""


@lru_cache(maxsize=4096)
def typical(size: Dim) -> int:
    """The number that a size or a cost counts for where it is compared: at least 1, whatever `H - K` would be."""
    try:
        return max(1, size.evaluate(dict.fromkeys(size.names(), TYPICAL)))
    except ZeroDivisionError:  # `N // (H - K)`
        return TYPICAL


def multiplications(graph: Graph, node: Node) -> Dim | None:
    """The multiplications that a node takes; None where its rank is known at run time only."""
    if node.op in ONE_EACH or node.op in ONE_PER_RESULT:
        return None if isinstance(node.type.shape, Unknown) else numel(node.type.shape)
    count = PRODUCTS.get(node.op)
    if count is None:
        return dim(0)
    if any(isinstance(type.shape, Unknown) for type in (node.type, *(graph[u].type for u in node.operands))):
        return None
    return count(node, [graph[u].type for u in node.operands])


def _matmul(node: Node, operands: Sequence[Type]) -> Dim:
    return numel((*node.type.dims, operands[0].dims[-1]))


def _convolve(node: Node, operands: Sequence[Type]) -> Dim:
    """Each entry of the result is a sum over a window: (C / groups) * its entries."""
    return numel(node.type.dims) * numel(operands[1].dims[1:])


def _convolve_transpose(node: Node, operands: Sequence[Type]) -> Dim:
    return numel(operands[0].dims) * numel(operands[1].dims[1:])


def _convolve_kernel(node: Node, operands: Sequence[Type]) -> Dim:
    return numel(operands[1].dims) * numel(node.type.dims[1:])


def _entries_of_operand(node: Node, operands: Sequence[Type]) -> Dim:
    return numel(operands[0].dims)


def _factorisation(node: Node, operands: Sequence[Type]) -> Dim:
    *batch, _, n = operands[0].dims
    columns = numel(node.type.dims) * n if node.op in ("solve", "solve_vector") else dim(0)
    one: Dim = n**3
    return numel(tuple(batch)) * one + columns


PRODUCTS: dict[str, Callable[[Node, Sequence[Type]], Dim]] = {
    "matmul": _matmul, "product_as": _matmul, "convolve": _convolve, "convolve_transpose": _convolve_transpose,
    "convolve_kernel": _convolve_kernel, **dict.fromkeys(ONE_PER_OPERAND_ENTRY, _entries_of_operand),
    **dict.fromkeys(CUBIC, _factorisation),
}  # fmt: skip


def total_multiplications(graph: Graph, ids: Iterable[int] | None = None) -> Dim:
    """The multiplications of these nodes, by default of all; those of unknown rank are left out."""
    total = dim(0)
    for id in graph.nodes if ids is None else ids:
        total = total + (multiplications(graph, graph[id]) or 0)
    return total


def functions(graph: Graph, node: Node) -> Dim | None:
    """The values of exp, tanh, log, a root and their like that a node takes; None as for `multiplications`."""
    op = graph.op(node)
    if not (op.elementwise and op.cost == "dear"):
        return dim(0)
    return None if isinstance(node.type.shape, Unknown) else numel(node.type.shape)


@lru_cache(maxsize=4096)
def bytes_of(type: Type, item: int) -> Dim | None:
    """The memory of a value, a floating number taking `item` bytes; None where its rank is known at run time only."""
    if type.dtype == "shape":
        return dim(0)
    if isinstance(type.shape, Unknown):
        return None
    return numel(type.shape) * {"float": item, "bool": 1}.get(type.dtype, 8)


def is_of_numbers(graph: Graph, node: Node) -> bool:
    """Whether operands and result are numbers, not arrays."""
    return node.type.rank == 0 and all(graph[u].type.rank == 0 for u in node.operands)


def bytes_moved(graph: Graph, node: Node, item: int) -> Dim | None:
    """The bytes that a node reads and writes; views and sizes move none. None as for `multiplications`.

    An operand that is broadcast is read once, and a number costs nothing.
    """
    op = graph.op(node)
    if op.view or op.cost == "free" or is_of_numbers(graph, node):
        return dim(0)
    written = bytes_of(node.type, item)
    if written is None:
        return None
    total = written
    for position, u in enumerate(node.operands):
        type = graph[u].type
        read = written if node.op in LOOKED_UP and position == 0 else bytes_of(type, item)
        if read is None:
            return None
        total = total + (0 if type.rank == 0 else read)
    extra = scratch(graph, node, item)
    return total + 2 * extra


def scratch(graph: Graph, node: Node, item: int) -> Dim:
    """The memory that an operation needs while it runs, beside operands and result: of convolutions the columns, that
    is the window at each place, and those operands with their samples last that have them first; of norms the squares.
    """
    if node.op == "norm" and node.attr("axis") is not None:
        return dim(bytes_of(graph[node.operands[0]].type, item) or 0)
    if node.op not in ("convolve", "convolve_kernel", "convolve_transpose"):
        return dim(0)
    first, second = (graph[u].type.dims for u in node.operands[:2])
    turned = 0 if _samples_are_last(graph, node.operands[0]) else numel(first)
    if node.op == "convolve_transpose":
        groups: int = node.attr("groups", 1)
        columns = first[0] * second[1] * groups * numel(second[2:]) * numel(first[2:])
    elif node.op == "convolve":
        columns = first[0] * first[1] * numel(second[2:]) * numel(node.type.dims[2:])
    else:
        columns = first[0] * first[1] * numel(node.type.dims[2:]) * numel(second[2:])
        turned = turned + (0 if _samples_are_last(graph, node.operands[1]) else numel(second))
    return (turned + columns) * item


def _samples_are_last(graph: Graph, id: int) -> bool:
    """Whether an array is in the memory order that a convolution leaves, its samples last; operations on entries and
    on windows keep the order of an operand."""
    node = graph[id]
    while node.op not in ("convolve", "convolve_transpose"):
        if node.op in IN_ORDER_OF:
            node = graph[node.operands[IN_ORDER_OF[node.op]]]
            continue
        alike = (graph[u] for u in node.operands if graph[u].type.shape == node.type.shape)
        following = next(alike, None) if graph.op(node).elementwise else None
        if following is None:
            return False
        node = following
    return True
