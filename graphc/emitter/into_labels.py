"""Statements about the entries of rows at their labels that write into arrays that exist; see into.py.

    p = S[i, y[i]]         np.add(starts, y, out=places, casting="unsafe")        starts = np.arange(N) * C
                           S.take(places, out=p, mode="clip")
    O = one_hot(y)         O.fill(0)
                           O.put(places, 1, "clip")
"""

from __future__ import annotations

from graphc.emitter.expressions import ATOM, Text
from graphc.emitter.into import Place, form
from graphc.ir.graph import Node

__all__: list[str] = []


def _at(place: Place, node: Node, labels: Text) -> tuple[list[str], str]:
    rows, y = place.operand(node, 0), place.operand(node, 1)
    return place.places(y, labels.text, rows.type.dims[-1], place.may_be_negative(y))


@form("pick")
def _picked(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    lines, index = _at(place, node, operands[1])
    return [*lines, f'{operands[0].within(ATOM)}.take({index}, out={target}, mode="clip")']


@form("one_hot")
def _one_hot(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    labels = place.operand(node, 0)
    if not labels.type.rank or not place.contiguous(node):
        return [f"np.copyto({target}, {place.text(node)})"]
    lines, index = place.places(labels, operands[0].text, node.type.dims[-1], place.may_be_negative(labels))
    return [*lines, f"{target}.fill(0)", f'{target}.put({index}, 1, "clip")']


@form("clear_labels")
def _cleared(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    lines, index = _at(place, node, operands[1])
    return [f"np.copyto({target}, {operands[0]})", *lines, f'{target}.put({index}, 0, "clip")']


@form("subtract_one_hot", "subtract_at_labels", "balance_labels")
def _less(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """What is subtracted: 1, the numbers of an operand, or the sum of the row."""
    labels, row = place.operand(node, 1), place.operand(node, 0).type.dims[-1]
    lines, index = _at(place, node, operands[1])
    entries = place.scratch("entries", labels.type.dims, "float")
    if node.op == "subtract_one_hot":
        flat = labels.type.rank == 1  # to subtract an array takes less time than to subtract a number
        less = place.ones(labels.type.dims[0], place.by_rows(), "flat") if flat else "1"
    elif node.op == "subtract_at_labels":
        less = operands[2].text
    else:
        less = place.scratch("sums", labels.type.dims, "float")
        lines = [*lines, f"{target}.dot({place.ones(row, False, 'flat')}, {less})"]
    return [
        f"np.copyto({target}, {operands[0]})",
        *lines,
        f'{target}.take({index}, out={entries}, mode="clip")',
        f"np.subtract({entries}, {less}, {entries})",
        _put(place, node, target, index, entries),
    ]


def _put(place: Place, node: Node, target: str, index: str, entries: str) -> str:
    """Entries put back: into an array without gaps by an assignment, in a third to half of the time of `put`."""
    if place.contiguous(node):
        return f"{place.entries(Text(target))}[{index}] = {entries}"
    return f'{target}.put({index}, {entries}, "clip")'
