"""Whether a divisor may be 0 where a sum has no terms: there the sum is 0, and 0 / 0 is none.

    X: (N, K), s: (N, 1)
    A = X * s / sum(X, axis=1, keepdims=true)           a sum over K of what is divided by that stays as it is
    A = X * s / sqrt(sum(X**2, axis=1, keepdims=true) + 1)  the divisor of this one may stand behind it

A mean of no terms is nan, whatever stands where; exponentials are not 0, nor are sums to which a number is added.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown

__all__ = ["leaves_zero", "vanishes_without"]

VANISHING = {"sum", "norm", "vecdot", "dot", "matmul", "sum_to"}
"""Of no terms they are 0."""
SAFE = {"exp", "mean", "var"}
"""Never 0, or nan in any case."""
DIVIDING = {"divide", "log", "log2", "log10", "power", "power_const", "reciprocal", "rsqrt"}
"""Of zeros they may make what is infinite."""
MOST = 50
"""No more values than this are looked at for one."""


def vanishes_without(graph: Graph | Builder, divisor: int, counts: Iterable[Dim], beyond: bool = True) -> bool:
    """Whether a value may be 0 because one of these sizes, the numbers of the terms, is; `beyond` is what is said of
    one that is made of more than is looked at."""
    names = {name for count in counts for name in count.names()}
    if not names:
        return False
    seen, stack = {divisor}, [(divisor, True)]
    while stack:
        id, alone = stack.pop()  # alone: it is not added to others, with which it may be 0
        node = graph[id]
        if node.op == "size" and not names.isdisjoint(node.attr("dim").names()):
            return True
        if node.op in VANISHING and not names.isdisjoint(_summed(graph, node)):
            return True
        if alone and (node.op in SAFE or _is_shifted(graph, node)):
            continue
        if len(seen) > MOST:
            return beyond
        stack += [(u, alone and node.op not in ("add", "subtract")) for u in node.operands if u not in seen]
        seen.update(node.operands)
    return False


def leaves_zero(
    graph: Graph | Builder, op: str, factor: int, counts: Iterable[Dim], beyond: bool = False
) -> bool:
    """Whether a sum without terms, because one of these sizes is 0, stays 0 when a factor multiplies or divides it;
    `beyond` is what is said of a factor that is made of more than is looked at."""
    counts = [count for count in counts if count.names()]
    if not counts:
        return True
    if op == "divide" and vanishes_without(graph, factor, counts, not beyond):
        return False
    return _is_finite_without(graph, factor, counts, beyond)


def _is_finite_without(graph: Graph | Builder, factor: int, counts: Sequence[Dim], beyond: bool) -> bool:
    """Whether no quotient, logarithm or power in a factor is infinite because one of these sizes is 0."""
    seen, stack = {factor}, deque([factor])
    while stack:
        node = graph[stack.popleft()]  # what is nearest first
        where = node.operands[1:] if node.op == "divide" else node.operands
        if node.op in DIVIDING and any(vanishes_without(graph, u, counts, not beyond) for u in where):
            return False
        if len(seen) > MOST:
            return beyond
        stack += [u for u in node.operands if u not in seen]
        seen.update(node.operands)
    return True


def _is_shifted(graph: Graph | Builder, node: Node) -> bool:
    """Whether a number is added to a sum, which so is not 0 where that is."""
    if node.op != "add":
        return False
    one, other = (graph[u] for u in node.operands)
    number, rest = (one, other) if one.op == "const" else (other, one)
    return number.op == "const" and bool(number.attr("value")) and rest.op in {*VANISHING, *SAFE}


def _summed(graph: Graph | Builder, node: Node) -> set[str]:
    """The names of the sizes of what a node sums over, or of all that it may."""
    names: set[str] = set()
    axes = node.attr("axis")
    for u in node.operands:
        shape = graph[u].type.shape
        if isinstance(shape, Unknown):
            return names
        if axes is not None:
            shape = tuple(shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes))
        names.update(name for size in shape for name in size.names())
    return names
