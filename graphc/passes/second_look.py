"""What a second look at a simplified graph has to look at: where something is used otherwise than at the first.

    h = tanh(z); c = 2 * h; d = 1 - c        looked at when something else used `h`, which is dead code now:
                                             `c` and `d` are looked at again, which are computed of it

Each node was made in its simplest form on operands that have theirs. What may fit now and did not then is what asks
whether a value is used once: what else used it may be dead code by now. And what a rewrite has put in the place of a
node has not been tried in its last form. Most of a large graph stands as it did, and to make all of it anew to see that
takes a twentieth of a compile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from graphc.ir.graph import Graph, Node

__all__ = ["near_changes"]

FARTHEST: Final = 4
"""What is tried at a node looks at its operands, at those of these, and seldom any farther."""


def near_changes(
    graph: Graph, counted: Mapping[int, int], uses: Mapping[int, int], more: Collection[int], untried: Collection[int]
) -> list[Node]:
    """The nodes that are `untried`, and those a few operations behind a value that is used once and was `counted` as
    used by several when it was looked at, or the other way round, or behind one of `more`; in order."""
    near = {id for id in graph.nodes if (counted.get(id, 1) == 1) != (uses[id] == 1)}
    near.update(more)
    found, users = graph.nodes.keys() & untried, graph.users()
    for _ in range(FARTHEST):
        near = {user for id in near for user in users.get(id, ())}
        if near <= found:
            break
        found |= near
    return [graph[id] for id in sorted(found)]
