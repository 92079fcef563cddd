"""Integers where a program asks for them: an `arange` is of floating numbers as a value, of integers as an index.

    L = softmax_ce(S, arange(N))                    labels
    P = X[(arange(N) + 1) % N, arange(M)[:, None]]  and what a program makes of them in whole numbers
"""

from __future__ import annotations

from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ops.base import CallError, Lowering
from graphc.ops.cuts import plain

__all__ = ["as_integers", "counting", "integers", "node_of"]

KEEPING = {
    "add", "broadcast_to", "concatenate", "expand_dims", "flip", "floor_divide", "mT", "maximum", "minimum", "multiply",
    "negative", "remainder", "repeat", "reshape", "roll", "slice", "squeeze", "stack", "subtract", "tile", "transpose",
}  # fmt: skip
"""Of integers they make integers."""
MOST = 100
"""Longer ways from an `arange` to an index are not followed."""


def counting(size: Dim) -> dict[str, Any]:
    """The attributes of the `arange` that counts 0, 1, …, size - 1 as indices."""
    return {"start": 0, "stop": plain(size), "step": 1, "dtype": "int"}


def node_of(lowering: Any, id: int) -> Node:
    """The node behind a value of the lowering."""
    node: Node = lowering.node(id)
    return node


def integers(lowering: Lowering, id: int) -> int:
    """The node of an array of indices. Raises CallError for one that holds no integers."""
    if lowering.type(id).dtype == "bool":
        raise CallError(
            "a mask of booleans cannot be an index: how many entries it picks is known at run time only", code="E0207",
            help="`where(mask, x, 0)` keeps the shape",
        )  # fmt: skip
    found = as_integers(lowering, id)
    if found is not None:
        return found
    node = node_of(lowering, id)
    raise CallError("an index must hold integers", code="E0207",
                    help=f"declare `input {node.attr('name')}[N]: int`" if node.op == "argument" else None)  # fmt: skip


def as_integers(lowering: Lowering, id: int) -> int | None:
    """The node of the same numbers as integers: of integers themselves, and of what is made of `arange` in whole
    numbers; None for others."""
    if lowering.type(id).dtype == "int":
        return id
    behind = _behind(lowering, id)
    if behind is None:
        return None
    made: dict[int, int] = {}
    for each in sorted(behind):  # operands before what is made of them
        node = node_of(lowering, each)
        if node.op == "arange":
            made[each] = lowering.add("arange", [], {**dict(node.attrs), "dtype": "int"})
        elif node.op == "as_float":
            made[each] = node.operands[0]
        elif node.op in KEEPING:
            made[each] = lowering.add(node.op, [made[u] for u in node.operands], dict(node.attrs))
        else:
            made[each] = each
    return made[id] if lowering.type(made[id]).dtype == "int" else None


def _behind(lowering: Lowering, id: int) -> set[int] | None:
    """A value and what it is made of, up to each `arange`, integers and numbers; None if others are among them."""
    found, stack = {id}, [id]
    while stack:
        node = node_of(lowering, stack.pop())
        type = lowering.type(node.id)
        if node.op == "arange" and any(isinstance(node.attr(name), float) for name in ("start", "stop", "step")):
            return None
        if node.op == "arange" or type.dtype == "int" or (node.op == "const" and type.rank == 0):
            continue
        if node.op == "as_float" and lowering.type(node.operands[0]).dtype == "int":
            continue
        if node.op not in KEEPING or len(found) > MOST:
            return None
        stack += [u for u in node.operands if u not in found]
        found.update(node.operands)
    return found
