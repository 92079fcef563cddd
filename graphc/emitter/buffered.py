"""A function whose arrays live in memory that is allocated once: its statements, and the function that allocates.

    Z = X @ W + b; H = relu(Z)      becomes      X.dot(W, product)
                                                 for rows, product_rows, Z_rows, H_rows in loop_1:
                                                     np.add(product_rows, b_rows, Z_rows)
                                                     np.maximum(Z_rows, zeros, out=H_rows)

Every value has a name of its own; which of them are one array is said where they are allocated:
`product = Z = H = np.empty((N, H), X.dtype)`. Row regions become loops over tiles; a value that only a loop needs is
as large as a tile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from graphc.emitter.allocation import allocate
from graphc.emitter.called import call_values
from graphc.emitter.context import BodyContext
from graphc.emitter.describe import describe
from graphc.emitter.expressions import Text
from graphc.emitter.groups import Line
from graphc.emitter.idle_arrays import find_idle
from graphc.emitter.in_rows import share_with_rows
from graphc.emitter.kinds import kinds_of
from graphc.emitter.layout import Layout
from graphc.emitter.lives import find_lives, ranges, split_loops
from graphc.emitter.loops import write_items
from graphc.emitter.memory import Memory, allocating_context
from graphc.emitter.naming import Names
from graphc.emitter.operands import Operands
from graphc.emitter.parts import place_parts
from graphc.emitter.pieces import give_pieces_away
from graphc.emitter.rooms import find_rooms
from graphc.emitter.spreads import spread_ranges
from graphc.emitter.tiles import Loops
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph
from graphc.ir.types import Unknown
from graphc.passes.free_early import free_early
from graphc.passes.read_together import read_together
from graphc.passes.regions import Item
from graphc.passes.schedule import late_order

__all__ = ["RESULTS", "Buffered", "Plan", "write_buffered"]

RESULTS = (-2, False)
"""The group of lines that put results which have no array into one: they belong to no statement."""


@dataclass
class Buffered:
    """The written function: its lines (with their depth), what it unpacks from the memory, and how that is made."""

    lines: list[tuple[int, Line]]
    memory: list[str]  # the names that the function unpacks
    allocation: list[str]  # the lines that make them
    texts: dict[int, list[Text]]  # per root, and pinned value, its arrays
    names: dict[int, str]
    context: BodyContext
    allocating: BodyContext
    helpers: set[str] = field(default_factory=set)
    lifted: bool = False
    """Whether the functions that threads run are to be taken out of it."""
    plan: Plan = field(default_factory=lambda: Plan([], {}, set(), {}, {}, [], set()))


@dataclass(frozen=True)
class Plan:
    """How the function uses memory: its statements and loops, what each value is (`buffer`, `view`, `fresh`, …), which
    buffers are whole arrays and which as long as a tile, and per value the number of its array; of a loop the widths
    of a row of its tiles; `beside` are floating arrays as long as a tile that hold no value (the loop, shape of a row,
    the number of the array if it has one); `in_rows` are those in whole arrays that only a loop needs; `rooms` are
    those of arrays that share one, and `idle` whole arrays that an array as long as a tile, or a room, may stand in.
    """

    items: list[Item]
    kind: dict[int, str]
    full: set[int]
    array: dict[int, int]
    widths: dict[int, tuple[Dim, ...]]
    beside: list[tuple[int, tuple[Dim, ...], int | None]]
    in_rows: set[int]
    rooms: dict[int, int] = field(default_factory=dict)
    idle: dict[int, list[int]] = field(default_factory=dict)


def write_buffered(
    graph: Graph,
    order: Sequence[int],
    arrays: dict[int, str],
    roots: Iterable[int],
    names: Names,
    sources: dict[int, str],
    pinned: Iterable[int] = (),
    shown: dict[int, str] | None = None,
    threads: int = 1,
    role: str = "function",
    of_module: Set[str] = frozenset(),
) -> Buffered:
    """The statements that compute `roots` from `arrays` (node -> name) in memory that is made from `sources`.

    Roots get arrays of their own; `pinned` values are kept as well, but may be arguments or views of each other.
    `shown` are the arrays that show sizes and types, by default all but cotangents. With several `threads` loops run on
    them; `role` is what functions for them are called after, `of_module` the names that are not the function's own.
    """
    roots, pinned = list(roots), list(pinned)
    if shown is None:
        shown = {id: name for id, name in arrays.items() if graph[id].op != "seed"}
    kept = [*roots, *pinned]
    order = free_early(graph, late_order(graph, [i for i in order if i not in arrays], kept), kept)
    order, items = read_together(graph, order, kept, arrays)
    context = BodyContext(graph, names, set(), shown, {})
    context.live.update(arrays)
    memory = Memory(allocating_context(context, sources), names, threads)

    kind = kinds_of(graph, order, arrays)
    layout = Layout(graph, kind, kept, split_loops(items, kind))
    lives = find_lives(layout)
    place_parts(layout, lives)
    give_pieces_away(layout, lives)
    loops = Loops(layout, memory, names, role, of_module)
    spread = spread_ranges(layout, loops)
    of_values = ranges(layout, lives, loops.key)
    layout.array = share_with_rows(layout, of_values, spread.values())
    if threads == 1:
        layout.rooms = find_rooms([*of_values, *spread.values()], layout.array, layout.full)
        layout.idle = find_idle(layout, of_values, spread.values())
    layout.spread = {what: layout.array.pop(range.value) for what, range in spread.items()}
    layout.array.update((id, layout.array[whole]) for id, whole in layout.heirs.items())

    called = call_values(layout, arrays, names)
    operands = Operands(layout, context, memory, loops, called)
    lines = write_items(operands, names)
    texts = _results(operands, names, roots, pinned, lines)
    allocate(operands)
    widths = {position: tiles.key[1] for position, tiles in loops.tiles.items()}
    plan = Plan(
        layout.items, kind, layout.full, layout.array, widths, memory.beside, layout.in_rows, layout.rooms, layout.idle,
    )  # fmt: skip
    return Buffered(
        lines, memory.unpacked, memory.lines, texts, dict(called), context, memory.context, context.helpers,
        bool(loops.lifted_from), plan,
    )  # fmt: skip


def _results(
    operands: Operands, names: Names, roots: Sequence[int], pinned: Sequence[int], lines: list[tuple[int, Line]]
) -> dict[int, list[Text]]:
    """The roots' arrays, in the order of the roots; one that has no array of its own is copied into one, but for one
    that is an array of which nothing else leaves the function, in another shape."""
    graph, memory = operands.graph, operands.memory
    texts: dict[int, list[Text]] = {}
    leaving = Counter(base for id in {*roots, *pinned} for base in operands.layout.bases(id))
    for id in roots:
        node, text = graph[id], operands.whole(id)
        shown = operands.in_another_shape(id) if id not in texts else None
        if shown is not None and leaving[shown[0]] == 1:
            kept = names.fresh(node.name or describe(graph, id))
            memory.derived.append(f"{kept} = {shown[1]}")
            memory.unpacked.append(kept)
            text = Text(kept)
        elif not (operands.layout.kind[id] == "buffer" and id not in texts):
            if isinstance(node.type.shape, Unknown):
                dtype = operands.context.dtype() if node.type.is_float else node.type.dtype
                text = Text(f"np.array({text}, {dtype})")
            else:
                kept = names.fresh(f"{node.name or describe(graph, id)}_result")
                memory.keep(kept, f"np.empty({memory.shape(node)}, {memory.dtype(node)})")
                write = f"{kept}.fill({text})" if node.type.rank == 0 else f"np.copyto({kept}, {text})"
                lines.append((0, Line(write, None, RESULTS)))
                text = Text(kept)
        texts.setdefault(id, []).append(text)
    for id in pinned:
        texts.setdefault(id, []).append(operands.whole(id))
    return texts
