"""Free names that stand just outside a family of subscripted ones: with `z_0` to `z_4` assigned, `z_5` is hardly meant.

    for k in 0:4 { z_{k+1} = f(z_{k}) }; L = sum(z_{5})      one step too many: `z_5` would be an input
    param W_{0:3}[d, d]; … @ W_{3}                            and so would `W_3`, which nobody trains
    for k in 0:4 { z_{k+1} = f(z_{k}) }                       `z_0` is what the family begins with, and meant
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from graphc.ir.graph import Node

__all__ = ["beginnings", "families"]

FEWEST: Final = 2
"""So many members make a family."""
_SUBSCRIPTS: Final = re.compile(r"((?:_\d+)+)$")


def families(names: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """Of each name with subscripts that differs from several known ones in one of them: those, by that subscript."""
    places = {name: list(_places(name)) for name in names}
    wanted = {place for found in places.values() for place, _ in found}
    members: dict[tuple[str, ...], list[tuple[int, str]]] = {place: [] for place in wanted}
    for name in known if wanted else ():
        for place, subscript in _places(name):
            if place in members:
                members[place].append((subscript, name))
    large = {name: max((members[place] for place, _ in found), key=len) for name, found in places.items() if found}
    return {name: [member for _, member in sorted(found)] for name, found in large.items() if len(found) >= FEWEST}


def _places(name: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """A name with each of its subscripts left open, and that subscript."""
    found = _SUBSCRIPTS.search(name)
    if found is None:
        return
    stem, subscripts = name[: found.start()], found[1][1:].split("_")
    for k, subscript in enumerate(subscripts):
        if len(subscript) < 10:
            yield (stem, *subscripts[:k], "", *subscripts[k + 1 :]), int(subscript)


def beginnings(nodes: Mapping[int, Node], ids: Mapping[str, int], members: Mapping[str, Iterable[int]]) -> set[str]:
    """The names, each the node of an argument, that a member of their family is computed from."""
    names = list(ids)
    reached = {ids[name]: 1 << k for k, name in enumerate(names)}
    for id, node in nodes.items():  # operands before what is made of them
        for operand in node.operands:
            if operand in reached:
                reached[id] = reached.get(id, 0) | reached[operand]
    return {name for k, name in enumerate(names) if any(reached.get(id, 0) >> k & 1 for id in members[name])}
