"""Operations that take more than one line of NumPy: make an array, then write into part of it.

What is zero but for a part need not be made where it is added to an array that may change: `dX[1:] += dY`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from graphc.emitter.expressions import UNARY, Text
from graphc.ir.graph import Node
from graphc.ops.base import NumpyContext

__all__ = ["STATEMENTS", "Special"]

Write = Callable[[NumpyContext, Node, str, "list[Text]", bool], "list[str]"]


class Special(NamedTuple):
    """How to write such an operation; `in_place` if it may overwrite its first operand; `add` adds it to the target."""

    write: Write
    in_place: bool = False
    add: Callable[[NumpyContext, Node, str, list[Text]], str] | None = None


def _subtract_one_hot(ctx: NumpyContext, node: Node, target: str, operands: list[Text], over: bool) -> list[str]:
    source, labels = operands
    sizes = ctx.type(node.operands[0]).dims
    if len(sizes) > 2:
        return [f"{target} = {ctx.helper('subtract_one_hot')}({source}, {labels})"]
    lines = (
        []
        if over and source.text == target
        else [f"{target} = {source}" if over else f"{target} = {source.within(6)}.copy()"]
    )
    place = labels.text if len(sizes) == 1 else f"np.arange({ctx.dim(sizes[0])}), {labels}"
    return [*lines, f"{target}[{place}] -= 1"]


def _unslice(ctx: NumpyContext, node: Node, target: str, operands: list[Text], over: bool) -> list[str]:
    from graphc.ops.cuts import index_texts

    shape = node.attr("shape")
    size = str(operands[1]) if shape is None else ctx.shape(shape)
    index = ", ".join(index_texts(ctx, shape, node.attr("index")))
    kind = ctx.dtype() if node.type.is_float else node.type.dtype
    return [_zeros(target, size, kind), f"{target}[{index}] = {operands[0]}"]


def _zeros(target: str, size: str, kind: str) -> str:
    alone = re.fullmatch(r"\((\w+),\)", size)  # (N,)
    return f"{target} = np.zeros({alone.group(1) if alone else size}, {kind})"


def _scatter(ctx: NumpyContext, node: Node, target: str, operands: list[Text], over: bool) -> list[str]:
    from graphc.ops.gathering import scatter_texts

    size, inside, index = scatter_texts(ctx, node, operands)
    kind = ctx.dtype() if node.type.is_float else node.type.dtype
    zeros = _zeros(target, size, kind)
    if node.attr("distinct"):  # indices that are all different need no adding up
        return [zeros, f"{target}[{inside}] = {operands[0]}"]
    return [zeros, f"np.add.at({target}, {index}, {operands[0]})"]


def _add_slice(ctx: NumpyContext, node: Node, target: str, operands: list[Text]) -> str:
    from graphc.ops.cuts import index_texts

    return _add_part(target, ", ".join(index_texts(ctx, node.attr("shape"), node.attr("index"))), operands[0])


def _add_part(target: str, index: str, part: Text) -> str:
    if part.precedence == UNARY and part.text.startswith("-"):
        return f"{target}[{index}] -= {part.text[1:]}"
    return f"{target}[{index}] += {part}"


def _add_entries(ctx: NumpyContext, node: Node, target: str, operands: list[Text]) -> str:
    from graphc.ops.gathering import scatter_texts

    _, inside, index = scatter_texts(ctx, node, operands)
    if node.attr("distinct"):
        return _add_part(target, inside, operands[0])
    return f"np.add.at({target}, {index}, {operands[0]})"


STATEMENTS: dict[str, Special] = {
    "subtract_one_hot": Special(_subtract_one_hot, in_place=True),
    "unslice": Special(_unslice, add=_add_slice),
    "scatter": Special(_scatter, add=_add_entries),
}
