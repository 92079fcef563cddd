"""The arrays of a function that works in memory made once: each under the names of all the values that are in it.

    product = Z = H = np.empty((N, 2*H), X.dtype)          three values that are never needed at once
    G = product.reshape(N, 2, H)                           and one of another shape
    A = b_spread = np.empty((step, H), X.dtype)            as long as a tile: a value, and what is copied before a loop
    S = tile_in(room, step_2, C)                           where arrays are that are as long as other tiles
    left = joined[:, 0:H]                                  a part of a joined array
    f_1 = product[0:N].reshape(2, N, H)[1]                 what lies in a piece of a long array
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.expressions import PRODUCT
from graphc.emitter.memory import Memory
from graphc.emitter.operands import Operands
from graphc.emitter.parts import cut
from graphc.emitter.text import bracketed
from graphc.emitter.tiles import Tiles, make_tiles
from graphc.ir.dims import Dim, numel

__all__ = ["allocate"]


def allocate(operands: Operands) -> None:
    """Enter into the memory the arrays, their parts, and the tiles of the loops."""
    same = _whole_arrays(operands)
    same.update(_pieces(operands))
    _parts(operands)
    operands.memory.lines += operands.memory.derived
    alike: dict[str, list[Tiles]] = {}
    for _, tiles in sorted(operands.loops.tiles.items()):
        if tiles.name:
            alike.setdefault(tiles.step, []).append(tiles)
    made = [make_tiles(each, same) for each in alike.values()]
    operands.memory.lines += made
    if any("append(tile_parts(" in each for each in made):
        operands.memory.context.helper("tile_parts")


def _whole_arrays(operands: Operands) -> dict[str, str]:
    """Make the arrays; returns the names of those that have another name as well -> the first that each has."""
    layout, memory, called = operands.layout, operands.memory, operands.called
    by_array: dict[int, list[int]] = {}
    for item in layout.items:
        for id in item.nodes:
            if id in layout.array:
                by_array.setdefault(layout.array[id], []).append(id)
    tiles: dict[int, _Tile] = {}
    for number, ids in by_array.items():
        if ids[0] not in layout.full:
            step = operands.loops.tiles[layout.loop_of[ids[0]]].step
            tiles[number] = _Tile(step, layout.graph[ids[0]].type.dims[1:])
    for number, (_, rows, rest) in memory.spread.items():
        if number not in tiles:  # nothing but what is spread is in it
            tiles[number] = _Tile(rows, rest)
            memory.context.helper("repeated_rows")
    hosts = {number: called[ids[0]] for number, ids in by_array.items()}
    idle = {k: [hosts[number] for number in offered] for k, offered in layout.idle.items()}
    behind: list[str] = []  # what stands in whole arrays is made when these are
    rooms = _rooms(operands, tiles, idle, behind)
    same: dict[str, str] = {}
    for number, ids in by_array.items():
        node = layout.graph[ids[0]]
        if number in tiles:
            spread = memory.spread.pop(number, ([], "", ()))[0]
            names = [*(called[i] for i in ids), *spread]
            made = _tile(memory, tiles[number], memory.dtype(node), rooms[number])
            rooms[number].lines.append(f"{' = '.join(dict.fromkeys(names))} = {made}")
            same.update(dict.fromkeys(names, names[0]))
            continue
        memory.unpacked += [called[i] for i in ids]
        by_shape: dict[tuple[Dim, ...], dict[str, None]] = {}
        for id in ids:
            by_shape.setdefault(layout.graph[id].type.dims, {})[called[id]] = None
        made = f"np.empty({memory.shape(node)}, {memory.dtype(node)})"
        whole = ""
        for shape, alike in by_shape.items():
            if whole:
                made = f"{whole}.reshape({', '.join(memory.context.dim(size).text for size in shape)})"
            memory.lines.append(f"{' = '.join(alike)} = {made}")
            first = next(iter(alike))
            same.update(dict.fromkeys(alike, first))
            whole = whole or first
    for number, (spread, *_) in memory.spread.items():
        made = _tile(memory, tiles[number], memory.context.dtype(), rooms[number])
        rooms[number].lines.append(f"{' = '.join(spread)} = {made}")
        same.update(dict.fromkeys(spread, spread[0]))
    memory.lines += behind
    return same


@dataclass(frozen=True)
class _Tile:
    """An array as long as a tile: how many rows it has, and the shape of each."""

    rows: str
    rest: tuple[Dim, ...]

    def entries(self, memory: Memory) -> str:
        """How many entries it has."""
        return f"{self.rows} * {memory.context.dim(numel(self.rest)).within(PRODUCT + 1)}"

    def shape(self, memory: Memory) -> list[str]:
        return [self.rows, *(memory.context.dim(size).text for size in self.rest)]


@dataclass(frozen=True)
class _Room:
    """Where an array as long as a tile stands: what the room is called, if it has one, the whole arrays that it may be
    in, and the lines among which it is made."""

    name: str
    idle: list[str]
    lines: list[str]


def _rooms(
    operands: Operands, tiles: Mapping[int, _Tile], idle: Mapping[int, list[str]], behind: list[str]
) -> dict[int, _Room]:
    """Where each array as long as a tile stands; the rooms that several share are made."""
    memory = operands.memory
    members: dict[int, list[int]] = {}
    rooms: dict[int, _Room] = {}
    for number in tiles:
        offered = idle.get(number, [])
        rooms[number] = _Room("", offered, behind if offered else memory.lines)
        if number in operands.layout.rooms:
            members.setdefault(operands.layout.rooms[number], []).append(number)
    for k, numbers in members.items():
        sizes = dict.fromkeys(tiles[number].entries(memory) for number in numbers)
        if len(numbers) > 1:
            offered = idle.get(-1 - k, [])
            room = _Room(memory.names.fresh("room"), offered, behind if offered else memory.lines)
            rooms.update(dict.fromkeys(numbers, room))
            make, kind = f"{room.name} = np.empty(max(", memory.context.dtype()
            if offered:
                make = f"{room.name} = {memory.context.helper('room_in')}(max("
            room.lines.append("\n".join(bracketed(make, list(sizes), f"), {', '.join([kind, *offered])})")))
            memory.context.helper("tile_in")
    return rooms


def _tile(memory: Memory, tile: _Tile, dtype: str, room: _Room) -> str:
    """The text that makes an array as long as a tile."""
    shape = tile.shape(memory)
    if room.name:
        return f"tile_in({', '.join([room.name, *shape])})"
    if room.idle:
        make = f"{memory.context.helper('room_in')}({', '.join([tile.entries(memory), dtype, *room.idle])})"
        return f"{memory.context.helper('tile_in')}({', '.join([make, *shape])})"
    shape = ["THREADS"] * (memory.threads > 1) + shape
    return f"np.empty(({', '.join(shape)}{',' * (len(shape) == 1)}), {dtype})"


def _pieces(operands: Operands) -> dict[str, str]:
    """Make the pieces of long arrays; returns the names of those that have another name, as `_whole_arrays`."""
    layout, memory, called = operands.layout, operands.memory, operands.called
    first: dict[str, str] = {}
    same: dict[str, str] = {}
    for id, part in layout.pieces.items():
        text = f"{called[part.whole]}[{cut(memory.context, 0, part.start, part.end)}]"
        dims = layout.graph[id].type.dims
        sizes = ", ".join(memory.context.dim(size).text for size in dims)
        if part.count > 1:
            text = f"{text}.reshape({part.count}, {sizes})[{part.number}]"
        elif dims != (part.end - part.start, *layout.graph[part.whole].type.dims[1:]):
            text = f"{text}.reshape({sizes})"  # as many entries in another shape
        memory.lines.append(f"{called[id]} = {text}")
        memory.unpacked.append(called[id])
        same[called[id]] = first.setdefault(text, called[id])
    return same


def _parts(operands: Operands) -> None:
    layout, memory, called = operands.layout, operands.memory, operands.called
    for item in reversed(layout.items):  # an array that is part of another one and has parts itself comes in between
        for id in reversed(item.nodes):
            if id in layout.part_of:
                whole, axis, start, end = layout.part_of[id]
                index = cut(memory.context, axis + (memory.threads > 1 and whole not in layout.full), start, end)
                memory.lines.append(f"{called[id]} = {called[whole]}[{index}]")
                if id in layout.full:
                    memory.unpacked.append(called[id])


CHECK_HELPERS["tile_in"] = '''\
def tile_in(room, *shape):
    """An array as long as a tile at the beginning of a room, where others are before and after it."""
    return room[: int(np.prod(shape))].reshape(shape)
'''
