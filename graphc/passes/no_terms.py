"""Whether a divisor is 0 where a sum has no terms: there the sum is 0, and 0 / 0 is none.

    X: (N, K), s: (N, 1)
    A = X / (sum(X, axis=1, keepdims=true) * s)         a sum over K of what is divided by that stays as it is
    A = X / sqrt(sum(X**2, axis=1, keepdims=true) + 1)  the divisor of this one may stand behind it
    A = X / norm(X, axis=1, keepdims=true)              and so may this: its gradient goes to X alone, which is empty

Only sums, and what is 0 where they are, vanish with the number of the terms; a mean is nan, whatever stands where.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.dims import Dim
from graphc.ir.graph import Builder, Node
from graphc.ir.types import Unknown

__all__ = ["vanishes_without"]

VANISHING = {"sum", "norm", "vecdot", "dot", "matmul", "sum_to"}
"""Of no terms they are 0."""
KEEPING = {
    "abs", "as_float", "broadcast_to", "divide", "expand_dims", "mT", "multiply", "negative", "power_const", "reshape",
    "sqrt", "square", "squeeze", "transpose",
}  # fmt: skip
"""Of zeros they make zeros."""
MOST = 50
"""Divisors that are made of more than this are taken to vanish."""


def vanishes_without(builder: Builder, divisor: int, counts: Iterable[Dim]) -> bool:
    """Whether a value may be 0 because one of these sizes, the numbers of the terms, is."""
    names = {name for count in counts for name in count.names()}
    if not names or _is_reduction_alone(builder, divisor):
        return False
    seen, stack = {divisor}, [divisor]
    while stack:
        node = builder[stack.pop()]
        if node.op in VANISHING and not names.isdisjoint(_summed(builder, node)):
            return True
        if node.op in VANISHING or node.op in KEEPING:
            if len(seen) > MOST:
                return True
            stack += [u for u in node.operands if u not in seen]
            seen.update(node.operands)
    return False


def _is_reduction_alone(builder: Builder, id: int) -> bool:
    """Whether a value is a sum that nobody sees by itself: its gradient goes to what it sums, without terms to none."""
    node = builder[id]
    while node.op in KEEPING and len(node.operands) == 1 and not node.name:
        node = builder[node.operands[0]]
    return node.op in VANISHING and not node.name


def _summed(builder: Builder, node: Node) -> set[str]:
    """The names of the sizes of what a node sums over, or of all that it may."""
    names: set[str] = set()
    axes = node.attr("axis")
    for u in node.operands:
        shape = builder.type(u).shape
        if isinstance(shape, Unknown):
            return names
        if axes is not None:
            shape = tuple(shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes))
        names.update(name for size in shape for name in size.names())
    return names
