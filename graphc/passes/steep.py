"""Where a cotangent may be infinite at entries that a mask leaves out: there the mask must choose, 0 times it is nan.

    y = relu(x); z = sqrt(y)                dz/dy is infinite where y is 0: everywhere that x is negative
    dx = dy * (y > 0)           becomes     dx = where(y > 0, dy, 0)

    y = relu(x); z = sqrt(y + 1e-8)         y + 1e-8 is positive: a product, as everywhere else

A root, an arcsine or a power is steep at the end of its domain, where its value is finite; a quotient or a logarithm is
infinite there itself, which matters only if another choice leaves that out. Values are followed through all that works
on entries or sums them, not through products of matrices: there a row is at such an end by accident only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from graphc.ir.graph import Node
from graphc.ops.base import Op

__all__ = ["may_be_infinite", "steep_cotangents"]

ENDS = {"sqrt": (0,), "arcsin": (0,), "arccos": (0,), "arccosh": (0,), "arctan2": (0, 1)}
"""Operations that are steep in these operands where they are finite."""
AT_ZERO = {"sqrt", "arctan2"}
"""Those of them that are steep where the first operand is 0 only; an arccosine is at 1 as well."""
POLES = {"divide": 1, "reciprocal": 0, "rsqrt": 0, "log": 0, "log2": 0, "log10": 0, "arctanh": 0}
"""Operations that are infinite where this operand is 0, or at the end of the domain."""
POWERS = {"power", "power_const", "whole_power"}
WITHOUT_BOUND = {"exp", "expm1", "sinh", "cosh"}
"""Operations that grow so fast that they are infinite in the middle of what an argument may be."""
CHOICES = {
    "where", "maximum", "minimum", "clip", "at_most", "at_least", "relu", "negative_part", "relu6", "hardtanh",
    "hardsigmoid", "max", "min",
}  # fmt: skip
MIXING = {"linalg", "convolution"}
"""Families of operations each of whose entries is made of many, with weights."""

ANY, NONNEGATIVE, POSITIVE = range(3)
DEEPEST = 20
"""The sign of a value is looked for through so many operations."""
ALWAYS_POSITIVE = {"exp", "cosh", "sigmoid", "softplus", "softmax", "size"}  # of no size 0 there are entries
NEVER_NEGATIVE = {"abs", "relu", "square", "sqrt", "norm", "var", "std", "hypot", "softmax_ce", "relu6"}
KEEPING = {
    "sqrt", "square", "sum", "mean", "max", "min", "prod", "cumsum", "broadcast_to", "expand_dims", "squeeze",
    "reshape", "transpose", "mT", "as_float", "rsqrt", "reciprocal", "slice", "gather", "stop_gradient", "sum_kept",
    "whole_power", "power_const", "abs", "relu", "norm",
}  # fmt: skip
"""Operations of which a positive operand makes a positive value, one that is not negative a value that is not."""


def steep_cotangents(
    nodes: Mapping[int, Node], users: Mapping[int, Sequence[int]], op: Callable[[str], Op]
) -> set[int]:
    """The values whose cotangent may be infinite where another one chooses.

    `users` has of each value those that have a gradient, `op` the operation of a name.
    """
    reading = {user for ids in users.values() for user in ids}
    if not any(nodes[id].op in ENDS or nodes[id].op in POWERS or nodes[id].op in POLES for id in reading):
        return set()
    signs: dict[int, int] = {}
    steep: set[int] = set()
    masked: set[int] = set()
    for id in sorted(users, reverse=True):
        for user in users[id]:
            node = nodes[user]
            mixes = op(node.op).family in MIXING
            chooses = node.op in CHOICES or any(nodes[u].type.dtype == "bool" for u in node.operands)
            if not mixes and (chooses or user in masked):
                masked.add(id)
            if (user in steep and not mixes) or _is_steep(nodes, node, id, user in masked, signs):
                steep.add(id)
    return steep


def _is_steep(
    nodes: Mapping[int, Node], node: Node, id: int, masked: bool, signs: dict[int, int], by_number: bool = False
) -> bool:
    """Whether the derivative of an operation may be infinite: where its value is finite, or `masked` anyway.

    Where all entries are divided by one number no mask of theirs helps: that counts `by_number` only.
    """
    if node.op in ENDS:
        safe = node.op in AT_ZERO and _sign(nodes, node.operands[0], signs) == POSITIVE
        return any(node.operands[k] == id for k in ENDS[node.op]) and not safe
    if node.op in POWERS:
        power = node.attr("p")
        ends = node.op == "power" or 0 < power < 1 or (masked and power < 0)
        return ends and node.operands[0] == id and _sign(nodes, id, signs) < POSITIVE
    if node.op in POLES and masked:
        pole = node.operands[POLES[node.op]]
        per_entry = by_number or nodes[pole].type.rank != 0 or node.type.rank == 0
        return per_entry and _sign(nodes, pole, signs) < POSITIVE
    return False


def may_be_infinite(nodes: Mapping[int, Node], node: Node, signs: dict[int, int], by_number: bool) -> bool:
    """Whether an operation or its derivative may be infinite or nan at some entries, or `by_number` at all of them.

    `signs` are those found so far.
    """
    return node.op in WITHOUT_BOUND or any(_is_steep(nodes, node, u, True, signs, by_number) for u in node.operands)


def _sign(nodes: Mapping[int, Node], id: int, known: dict[int, int], depth: int = DEEPEST) -> int:
    """Whether all entries of a value are positive, or at least not negative."""
    if id not in known:
        known[id] = _sign_of(nodes, nodes[id], known, depth - 1) if depth else ANY
    return known[id]


def _sign_of(nodes: Mapping[int, Node], node: Node, known: dict[int, int], depth: int) -> int:
    if node.op == "const":
        value = node.attr("value")
        return ANY if not isfinite(value) or value < 0 else POSITIVE if value > 0 else NONNEGATIVE
    if node.op in ALWAYS_POSITIVE:
        return POSITIVE
    least = NONNEGATIVE if node.op in NEVER_NEGATIVE or node.type.dtype == "bool" or _is_even(node) else ANY
    if node.op in KEEPING:
        return max(least, _sign(nodes, node.operands[0], known, depth))
    if node.op in ("add", "multiply", "divide", "maximum", "minimum", "clip", "at_least", "at_most", "where"):
        signs = [_sign(nodes, u, known, depth) for u in node.operands]
        if node.op == "add":
            return max(signs) if min(signs) > ANY else ANY
        if node.op in ("maximum", "at_least"):
            return max(signs)
        return max(least, min(signs[1:] if node.op in ("clip", "where") else signs))
    return least


def _is_even(node: Node) -> bool:
    """Whether this is a square, or another even power."""
    return (node.op == "multiply" and len(set(node.operands)) == 1) or (
        node.op == "whole_power" and node.attr("p") % 2 == 0
    )
