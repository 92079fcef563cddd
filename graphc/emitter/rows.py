"""Which picking of entries by arrays of indices, and adding at them, is how simple.

    E[i]        whole rows          x[:, i]     along an axis       x[i, j]     one index for each axis
"""

from __future__ import annotations

from graphc.ir.graph import Node
from graphc.ops.cuts import ARRAY, WHOLE

__all__ = ["has_row_form", "is_by_entries", "is_by_rows", "picked_axis"]


def has_row_form(node: Node) -> bool:
    """Whether a `gather` or a `scatter` can write into an array."""
    if not node.type.is_float:  # integers come in several types, and the memory is of one
        return False
    return node.op == "gather" or node.attr("shape") is not None


def picked_axis(node: Node) -> int | None:
    """The axis along which one array of indices picks, if all of the other axes is taken."""
    pattern = node.attr("pattern")
    axes = [k for k, item in enumerate(pattern) if item == ARRAY]
    alone = len(axes) == 1 and all(item in (ARRAY, WHOLE) for item in pattern)
    return axes[0] if alone else None


def is_by_rows(node: Node) -> bool:
    return picked_axis(node) == 0


def is_by_entries(node: Node) -> bool:
    """Whether there is an array of indices for each axis."""
    return all(item == ARRAY for item in node.attr("pattern"))
