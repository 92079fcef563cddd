"""Columns beside the rows of a tile: where there are few entries, each is first written out along its row.

    np.subtract(S_rows, m, Z_rows)      becomes      m_wide[...] = m
                                                     np.subtract(S_rows, m_wide, Z_rows)

NumPy goes through arrays of one shape in one go, and begins anew with each row where one of them is a column: of few
entries that takes twice as long as all of this. Of many it does not matter, so the memory decides, which knows how many
there are: there `m_wide` is the column itself, and NumPy sees that it is to be written to where it is.
"""

from __future__ import annotations

import re
from itertools import permutations

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.expressions import Text
from graphc.emitter.place import PlaceOf
from graphc.ir.dims import dim
from graphc.ir.graph import Node
from graphc.passes.spread import is_outer

__all__ = ["widen_columns"]

CUT = re.compile(r"(\w+)\[(\w+)\](\[:, None\]|)")
"""The tile of an array, or of numbers as a column, as it is made with the memory."""


def widen_columns(place: PlaceOf, node: Node, operands: list[Text]) -> list[str]:
    """The lines that write columns out; in `operands` what is written takes their places."""
    if place.item.rows is None or place.memory.threads > 1 or not _is_wide(place, node):
        return []
    lines: list[str] = []
    tiles, memory = place.loops.now, place.memory
    for k, column in enumerate(operands):
        type_ = place.operand(node, k).type
        cut = CUT.fullmatch(tiles.made.get(column.text, ""))
        if cut is None or not type_.is_float or type_.dims != (*node.type.dims[:-1], dim(1)):
            continue
        array, rows, shown = cut.groups()
        make = f"{memory.context.helper('widened')}({array}{shown}, {memory.context.dim(node.type.dims[-1])})"
        wide = memory.of_arrays(make, f"{array}_wide")
        wide = tiles.short_of(wide) if rows == tiles.own else tiles.rows_of(wide)
        if place.shared.widened.get((place.loops.current, wide)) != node.operands[k]:
            place.shared.widened[place.loops.current, wide] = node.operands[k]
            lines.append(f"{wide}[...] = {column}")
        operands[k] = Text(wide)
    return lines


def _is_wide(place: PlaceOf, node: Node) -> bool:
    """Whether a node is computed by entries from two arrays, and no product of a column and a row."""
    if len(node.operands) != 2 or not place.graph.op(node).elementwise or not node.type.is_float:
        return False
    types = [place.operand(node, k).type for k in (0, 1)]
    if any(type_.rank is None for type_ in types) or (node.type.rank or 0) < 2 or node.type.dims[-1] == 1:
        return False
    return not any(is_outer(u, v, node) for u, v in permutations(place.graph[i] for i in node.operands))


CHECK_HELPERS["widened"] = '''\
def widened(column, width):
    """Room to write few entries of a column out along rows of this width, or the column itself."""
    few = width > 1 and column.size * width <= 4096
    return np.empty((*column.shape[:-1], width), column.dtype) if few else column
'''
