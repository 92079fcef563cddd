"""Lines of code, and the comments that they stand under: those of one statement of the program stand together.

    # H = relu(Z)    net.g:5    dZ = dH ⊙ 1{H > 0}          the group (1, True): statement 1, of the reverse pass
    dZ = np.multiply(dH, H > 0, out=dH)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphc.ir.graph import Node

__all__ = ["Line", "group_of", "under_comments"]


@dataclass(slots=True)
class Line:
    """A line of code, the node it computes, and the statement of the program it belongs to."""

    text: Final[str]
    node: Final[Node | None] = None
    group: Final[tuple[int, bool]] = (-1, False)


def group_of(node: Node) -> tuple[int, bool]:
    """The statement a node belongs to, and whether it is of the reverse pass."""
    origin = node.origin
    return (-1, False) if origin is None else (origin.statement, origin.rule is not None)


def under_comments(groups: Sequence[tuple[int, bool]], from_reverse: bool = False) -> list[tuple[int, bool]]:
    """For each line the group whose comment it stands under: lines of one statement that follow each other stand under
    one comment, that of the reverse pass if any of them is of it. With `from_reverse`, those before it stay apart."""
    under: list[tuple[int, bool]] = []
    for start, (index, reverse) in enumerate(groups):
        follows = start > 0 and groups[start - 1][0] == index
        under.append((index, reverse or (follows and under[-1][1])))
    if not from_reverse:
        for at in range(len(under) - 2, -1, -1):
            if under[at][0] == under[at + 1][0]:
                under[at] = under[at + 1]
    return under
