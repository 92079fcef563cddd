"""The arrays of a function that works in memory made once: each under the names of all the values that are in it.

    product = Z = H = np.empty((N, H), X.dtype)            three values that are never needed at once
    A = b_spread = np.empty((step, H), X.dtype)            as long as a tile: a value, and what is copied before a loop
    left = joined[:, 0:H]                                  a part of a joined array
    f_1 = product[0:N].reshape(2, N, H)[1]                 what lies in a piece of a long array
"""

from __future__ import annotations

from graphc.emitter.operands import Operands
from graphc.emitter.parts import cut
from graphc.emitter.tiles import Tiles, make_tiles

__all__ = ["allocate"]


def allocate(operands: Operands) -> None:
    """Enter into the memory the arrays, their parts, and the tiles of the loops."""
    _whole_arrays(operands)
    _pieces(operands)
    _parts(operands)
    alike: dict[str, list[Tiles]] = {}
    for _, tiles in sorted(operands.loops.tiles.items()):
        if tiles.name:
            alike.setdefault(tiles.step, []).append(tiles)
    operands.memory.lines += map(make_tiles, alike.values())


def _whole_arrays(operands: Operands) -> None:
    layout, memory, called = operands.layout, operands.memory, operands.called
    by_array: dict[int, list[int]] = {}
    for item in layout.items:
        for id in item.nodes:
            if id in layout.array:
                by_array.setdefault(layout.array[id], []).append(id)
    for number, ids in by_array.items():
        node = layout.graph[ids[0]]
        spread = memory.spread.pop(number, ([], ""))[0]
        names = " = ".join(dict.fromkeys([*(called[i] for i in ids), *spread]))
        if ids[0] in layout.full:
            shape = memory.shape(node)
            memory.unpacked += [called[i] for i in ids]
        else:
            rest = [memory.context.dim(size).text for size in node.type.dims[1:]]
            step = operands.loops.tiles[layout.loop_of[ids[0]]].step
            each = ["THREADS"] if memory.threads > 1 else []
            shape = f"({', '.join([*each, step, *rest])}{'' if rest or each else ','})"
        memory.lines.append(f"{names} = np.empty({shape}, {memory.dtype(node)})")
    for spread, shape in memory.spread.values():
        memory.lines.append(f"{' = '.join(spread)} = np.empty({shape}, {memory.context.dtype()})")


def _pieces(operands: Operands) -> None:
    layout, memory, called = operands.layout, operands.memory, operands.called
    for id, part in layout.pieces.items():
        text = f"{called[part.whole]}[{cut(memory.context, 0, part.start, part.end)}]"
        if part.count > 1:
            sizes = ", ".join(memory.context.dim(size).text for size in layout.graph[id].type.dims)
            text = f"{text}.reshape({part.count}, {sizes})[{part.number}]"
        memory.lines.append(f"{called[id]} = {text}")
        memory.unpacked.append(called[id])


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
