"""The statements of a function that works in memory made once, in their order, and around them the loops over tiles.

    np.tanh(X, A)              becomes     for X_rows, A, Z_rows in loop_1:
    A.dot(W, Z)                                np.tanh(X_rows, A)
                                               A.dot(W, Z_rows)
"""

from __future__ import annotations

from graphc.emitter.buffer_statements import write_statement
from graphc.emitter.groups import Line, group_of
from graphc.emitter.naming import Names
from graphc.emitter.operands import Operands
from graphc.emitter.place import Shared
from graphc.emitter.sizes import words
from graphc.emitter.threads import combined, read_from_outside
from graphc.emitter.tiles import Tiles
from graphc.passes.regions import Item

__all__ = ["write_items"]

Lines = list[tuple[int, Line]]
"""Lines with their depth."""


def write_items(operands: Operands, names: Names) -> Lines:
    """All statements and loops of a function's layout."""
    lines: Lines = []
    shared, layout, loops = Shared(names), operands.layout, operands.loops
    for position, item in enumerate(layout.items):
        if item.rows is None:
            loops.current = None
            for id in item.nodes:
                lines += [(0, line) for line in write_statement(operands, shared, item, id)]
                if id in operands.called and layout.kind[id] != "inline":
                    operands.context.live[id] = operands.called[id]
        else:
            loops.current = position
            lines += _loop(operands, shared, item)
    loops.current = None
    return lines


def _loop(operands: Operands, shared: Shared, item: Item) -> Lines:
    graph, memory, loops = operands.graph, operands.memory, operands.loops
    assert loops.current is not None
    tiles = loops.at(loops.current)
    tiles.name = shared.names.fresh("loop")
    before: Lines = []
    inside: Lines = []
    group = group_of(graph[item.nodes[0]])  # what stands before the loop belongs to its first statement
    for id in item.nodes:
        if id in item.collected:
            zero, name = memory.zero(), operands.called[id]
            start = f"{name} = {zero}" if graph[id].type.rank == 0 else f"{name}.fill(0)"
            before.append((0, Line(start, None, group)))
        inside += [(1, line) for line in write_statement(operands, shared, item, id)]
    tiles.used = words([*tiles.reads, *(line.text for _, line in inside)])
    reads = [(1, Line(text, None, group)) for text in tiles.reads]
    memory.unpacked.append(tiles.name)
    spread = [(0, Line(text, None, group)) for text in tiles.spread]
    over = loops.share or tiles.name
    loop = [*((0, Line(text, None, group)) for text in tiles.head(over)), *reads, *inside]
    if memory.threads > 1:
        return [*spread, *_in_threads(operands, shared.names, item, tiles, loop)]
    return [*before, *spread, *loop]


def _in_threads(operands: Operands, names: Names, item: Item, tiles: Tiles, loop: Lines) -> Lines:
    """The loop as a function that each thread runs for its share of the tiles, and what adds up their sums."""
    graph, memory, called = operands.graph, operands.memory, operands.called
    collected = [graph[id] for id in item.nodes if id in item.collected]
    numbers = [called[node.id] for node in collected if node.type.rank == 0]
    arrays = [(node, memory.sums(node, called[node.id])) for node in collected if node.type.rank]
    zero = memory.zero() if numbers else ""
    run = names.fresh(f"run_{tiles.name}")
    given: list[str] = []
    if operands.loops.lifted_from:
        run = f"{run}_of_{operands.loops.lifted_from}"
        bound = {*numbers, tiles.share, *words(tiles.head(tiles.share))}
        read = [zero, *(line.text for _, line in loop)]
        given = read_from_outside(read, names.taken, bound | operands.loops.of_module)
    memory.context.helper("in_threads")
    first, last = loop[0][1].group, loop[-1][1].group
    before = [(0, Line(f"{sums}.fill(0)", None, first)) for _, sums in arrays]
    head = [(0, Line(f"def {run}({', '.join([tiles.share, *given])}):", None, first))]
    head.append((1, Line('"""The tiles that are the share of a thread."""', None, first)))
    head += [(1, Line(f"{number} = {zero}", None, first)) for number in numbers]
    after = [(1, Line(f"return {', '.join(numbers)}", None, last))] if numbers else []
    after.append((0, Line(combined(run, [tiles.name, *given], numbers, zero), None, last)))
    after += [
        (0, Line(f"np.add.reduce({sums}, axis=0, out={called[node.id]})", node, last)) for node, sums in arrays
    ]
    return [*before, *head, *((depth + 1, line) for depth, line in loop), *after]
