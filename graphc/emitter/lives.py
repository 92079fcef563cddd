"""From where to where each value is needed, and so which must be whole arrays and which may share one.

    0: loop over rows   1: Z = X @ W     Z lives 1…2, in the loop alone: as long as a tile
                        2: A = tanh(Z)   A lives 2…4, and is read behind the loop: a whole array
    4: G = A.T @ A                       reads all of A
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from graphc.emitter.into import AT_LABELS, may_overwrite
from graphc.emitter.late import made_late
from graphc.emitter.layout import Layout
from graphc.ir.dims import numel
from graphc.ir.graph import Node
from graphc.ir.types import Type
from graphc.passes.regions import Item
from graphc.passes.storage import Range

__all__ = ["FOREVER", "Lives", "find_lives", "kind_of_whole", "ranges", "split_loops"]

FOREVER = float("inf")


@dataclass
class Lives:
    """Value -> the position where it is written first, and where it is read for the last time."""

    first: dict[int, int] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)


def split_loops(items: Sequence[Item], kind: dict[int, str]) -> list[Item]:
    """Loops that hold something without a form, or nothing that is an array, are taken apart."""
    split: list[Item] = []
    for item in items:
        whole = all(kind[id] in ("buffer", "scalar") for id in item.nodes)
        if item.rows is not None and not whole:
            split += [Item([id]) for id in item.nodes]
        else:
            split.append(item)
    return split


def find_lives(layout: Layout) -> Lives:
    """The lives of all values; enters into the layout which are whole arrays, and takes some sums out of loops."""
    layout.rearrange(made_late(layout))
    outside = _read_outside(layout)
    layout.rearrange(_sums_behind_loops(layout, outside))
    lives = _lives(layout)
    first, last = lives.first, lives.last
    graph, kind, loop_of = layout.graph, layout.kind, layout.loop_of
    layout.full |= {id for id in first if kind[id] == "buffer" and (id not in loop_of or id in outside)}
    for id in list(layout.full):  # rows with an entry changed are made where they stay
        u = graph[id].operands[0] if graph[id].op in AT_LABELS else -1
        inside = loop_of.get(u)
        dies = inside is not None and inside == loop_of.get(id) and last[u] == first[id]
        if dies and kind[u] == "buffer" and graph[u].type == graph[id].type:
            layout.full.add(u)
    return lives


def _read_outside(layout: Layout) -> set[int]:
    """The row values that something outside their loop reads: they are kept as a whole."""
    loop_of = layout.loop_of
    outside: set[int] = set()
    for number, item in enumerate(layout.items):
        for id in item.nodes:
            if layout.is_inside(id):
                continue
            for u, by_rows in layout.reads(item, id):
                if loop_of.get(u, number) != number or (not by_rows and u in loop_of):
                    outside.add(u)
    outside.update(layout.kept_bases())
    return outside


def _sums_behind_loops(layout: Layout, outside: set[int]) -> list[Item]:
    """Sums over the rows of an array that is kept as a whole are taken at once, after the loop; before them stand the
    numbers that end what the loop has computed, as the mean of what it has collected."""
    graph = layout.graph
    items: list[Item] = []
    sums: list[int] = []
    for item in layout.items:
        if sums and not _ends_loop(layout, item, sums):
            items += [Item([id]) for id in sums]
            sums = []
        behind = [
            id for id in item.nodes
            if id in item.collected and graph[id].op == "sum" and graph[id].type.rank == 1
            and graph[graph[id].operands[0]].type.rank == 2 and graph[id].operands[0] in outside
        ]  # fmt: skip
        if behind:
            rest = [id for id in item.nodes if id not in behind]
            item = Item(rest, item.rows, item.collected - set(behind))
        items.append(item)
        sums += behind
    return [*items, *(Item([id]) for id in sums)]


def _ends_loop(layout: Layout, item: Item, sums: Sequence[int]) -> bool:
    """Whether an item is a number, or stands in no line of its own, and needs none of the sums."""
    if item.rows is not None:
        return False
    nodes = [layout.graph[id] for id in item.nodes]
    small = all(node.type.rank == 0 or layout.kind[node.id] in ("view", "inline") for node in nodes)
    return small and all(set(sums).isdisjoint(node.operands) for node in nodes)


def _lives(layout: Layout) -> Lives:
    lives = Lives()
    first, last = lives.first, lives.last
    position = 0
    for item in layout.items:
        start, end = position, position + len(item.nodes)
        for id in item.nodes:
            if layout.is_inside(id):
                continue
            first[id] = start if id in item.collected else position
            last[id] = end if id in item.collected else position
            for u, by_rows in layout.reads(item, id):
                last[u] = max(last.get(u, 0), position if by_rows or item.rows is None else end)
            position += 1
        position = end + 1
    for base in layout.kept_bases():
        last[base] = FOREVER
    return lives


def ranges(layout: Layout, lives: Lives, tile_key: Callable[[int], Hashable]) -> list[Range]:
    """The lives of the arrays for `passes/storage.py`; `tile_key` tells what tiles the loop at a position has."""
    found: list[Range] = []
    kinds: dict[Type, Hashable] = {}  # of whole arrays: there are few types, and products of sizes take long
    for number, item in enumerate(layout.items):
        for id in item.nodes:
            if layout.kind[id] == "buffer" and not any(
                id in each for each in (layout.part_of, layout.pieces, layout.heirs)
            ):
                node = layout.graph[id]
                if id not in layout.full:
                    kind: Hashable = tile_key(number), node.type.dims[1:], node.type.dtype
                elif node.type in kinds:
                    kind = kinds[node.type]
                else:
                    kind = kinds[node.type] = kind_of_whole(node)
                found.append(Range(id, kind, lives.first[id], lives.last[id], _overwritten(layout, item, id)))
    return found


def kind_of_whole(node: Node) -> Hashable:
    """What values have in common that may have one whole array after each other: as many entries of one type, if they
    are more than a vector."""
    dims = node.type.dims
    several = sum(size.value != 1 for size in dims) > 1
    return None, numel(dims) if several else dims, node.type.dtype


def _overwritten(layout: Layout, item: Item, id: int) -> tuple[int, ...]:
    """The operands whose arrays a statement may write over."""
    if id in item.collected:
        return ()
    graph, node = layout.graph, layout.graph[id]
    return tuple(
        u for u in may_overwrite(graph.op(node), node, graph.__getitem__)
        if layout.kind[u] == "buffer" and graph[u].type == node.type and _alone(layout, item, id, u)
    )  # fmt: skip


def _alone(layout: Layout, item: Item, id: int, u: int) -> bool:
    """Whether a statement reads an operand only as this one, not also through a view of it."""
    return sum(v == u for v, _ in layout.reads(item, id)) == 1
