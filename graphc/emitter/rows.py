"""Rows picked by indices, and rows added at them, in arrays that exist.

    picked = E[i]                       E.take(i, axis=0, out=picked, mode="wrap")
    dE = np.zeros(E.shape)              dE.fill(0)
    np.add.at(dE, i, du)                add_rows(dE, i, du)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.emitter.expressions import ATOM, Text
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import ARRAY, WHOLE

if TYPE_CHECKING:
    from graphc.emitter.into import Place

__all__ = ["has_row_form", "write_picked_rows", "write_scatter"]


def has_row_form(node: Node) -> bool:
    """Whether a `scatter` can write into an array, or a `gather` that takes whole rows."""
    if not node.type.is_float:  # integers come in several types, and the memory is of one
        return False
    return node.attr("shape") is not None if node.op == "scatter" else _is_rows(node)


def _is_rows(node: Node) -> bool:
    """Whether one array of indices picks along the first axis, and all of the other ones is taken."""
    first, *rest = node.attr("pattern")
    return first == ARRAY and all(item == WHOLE for item in rest)


def write_picked_rows(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """An index that the module has checked may wrap: into an array NumPy takes that without another one."""
    x, i = operands
    if place.is_checked(place.operand(node, 1)):
        return [f'{x.within(ATOM)}.take({i}, axis=0, out={target}, mode="wrap")']
    return [f"np.copyto({target}, {place.text(node)})"]


def write_scatter(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    from graphc.ops.gathering import scatter_texts

    clear = f"{target}.fill(0)"
    _, inside, index = scatter_texts(place.context, node, operands)
    if node.attr("distinct"):  # indices that are all different need no adding up
        return [clear, f"{target}[{inside}] = {operands[0]}"]
    indices = place.operand(node, 1).type
    ranked = not isinstance(indices.shape, Unknown) and bool(indices.rank)
    if _is_rows(node) and ranked and place.contiguous(node) and (node.type.rank or 0) > 1:
        return [clear, f"{place.context.helper('add_rows')}({target}, {index}, {operands[0]})"]
    return [clear, f"np.add.at({target}, {index}, {operands[0]})"]
