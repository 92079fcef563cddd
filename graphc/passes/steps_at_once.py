"""What each step of an unrolled loop does for itself is done for all steps at once. For -O2 only.

    U: (D, K), c: (K,), a_0, a_1, a_2: (N, D)

    h_0 = tanh(a_0); S_0 = h_0 @ U + c; l_0 = sum(exp(S_0))         h_0 = tanh(a_0); h_1 = tanh(a_1); h_2 = tanh(a_2)
    h_1 = tanh(a_1); S_1 = h_1 @ U + c; l_1 = sum(exp(S_1))         S = stack([h_0, h_1, h_2], axis=0) @ U + c
    h_2 = tanh(a_2); S_2 = h_2 @ U + c; l_2 = sum(exp(S_2))         l = sum(exp(S), axis=(1, 2))
    L = l_0 + l_1 + l_2                                 becomes     L = sum(l)

where no h_0, h_1, h_2 is computed of one of these products: so it is with the outputs of a recurrent network, and not
with what goes from step to step. It begins with products of different arrays with one matrix, and with rows that are
picked at the parts of an array of indices, as E[i[0]], E[i[1]], …; what is computed of them, of other parts and of what
all steps share, follows. In NumPy each step takes a call for all of that, and a product of all rows takes less time
than one of each step's.

It is done before differentiation, so that the gradients of the shared arrays are one product, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from graphc.ir.dims import dim
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import ShapeError, Unknown
from graphc.ops.cuts import WHOLE
from graphc.passes.dce import computed_of, eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["steps_at_once"]

LEAST = 3  # fewer steps stay as they are
MOST = 16
"""So many groups of products are looked at, as all that is computed of them is searched for what they are made of."""

REDUCTIONS = {"sum", "mean", "max", "min"}
ALONG_LAST = {"softmax", "log_softmax"}
ROWS = {"cross_entropy_labels"}
"""Of a matrix and a label a row."""


@dataclass
class _Group:
    """The same operation in each step: its members by the place of the step, and what they read. An operand is
    `("id", id)` where all read the same, `("group", group, offset)` or `("part", array, offset)`, both by the place, or
    `("own", None)`, anything."""

    reads: tuple[tuple[Any, ...], ...]
    members: dict[int, int] = field(default_factory=dict)


def steps_at_once(graph: Graph, kept: Collection[str] = ()) -> Graph:
    """The graph, not yet differentiated, with the replacements above, itself if there are none; values of the names in
    `kept` stay."""
    if not any(node.op == "gather" or node.op == "matmul" for node in graph):
        return graph
    shared = rebuild(graph, same, share=True, apart=_named(graph, kept))
    found = _Groups(shared, _named(shared, kept))
    order = _order(shared, found) if found.groups else None
    if order is None:
        return graph
    try:
        return _summed(_rewritten(shared.replace(nodes={id: shared[id] for id in order}), found), kept)
    except ShapeError:  # an operation that does not take an axis more
        return graph


def _named(graph: Graph, names: Collection[str]) -> set[int]:
    return {graph.values[name] for name in names if name in graph.values}


# ---------------------------------------------------------------- what belongs together

class _Groups:
    def __init__(self, graph: Graph, kept: Collection[int]) -> None:
        self.graph, self.kept = graph, kept
        self.groups: list[_Group] = []
        self.at: dict[int, tuple[int, int]] = {}  # member -> its group, its place
        self._known: dict[Any, int] = {}
        self._seeds()
        for node in graph:
            if node.id not in self.at and node.id not in kept:
                self._join(node)
        self._leave_out()

    def _seeds(self) -> None:
        """Products of different arrays with one matrix, none of them computed of another one. Arguments would have to
        be copied to stand one below the other."""
        together: dict[Any, list[int]] = {}
        for node in self.graph:
            if node.op == "matmul" and node.id not in self.kept and node.type.rank == 2:
                left, right = (self.graph[u] for u in node.operands)
                if left.type.rank == right.type.rank == 2 and left.operands and not self.graph.op(left).view:
                    together.setdefault((right.id, left.type), []).append(node.id)
        groups = [ids for ids in together.values() if len(ids) >= LEAST]
        for ids in groups[:MOST]:
            made_of = {self.graph[id].operands[0] for id in ids}
            if len(made_of) == len(ids) and made_of.isdisjoint(computed_of(self.graph, ids)):
                shared = self.graph[ids[0]].operands[1]
                self.groups.append(_Group((("own", None), ("id", shared)), dict(enumerate(ids))))
                self.at.update((id, (len(self.groups) - 1, k)) for k, id in enumerate(ids))

    def _join(self, node: Node) -> None:
        """Put a node to those of other steps that do the same with what is theirs."""
        place: int | None = None
        reads: list[tuple[Any, ...]] = []
        grouped = False
        for u in node.operands:
            if u in self.at:
                group, k = self.at[u]
                place = k if place is None else place
                reads.append(("group", group, k - place))
                grouped = True
            elif (part := _part(self.graph[u])) is not None:
                place = part[1] if place is None else place
                reads.append(("part", part[0], part[1] - place))
            else:
                reads.append(("id", u))
        if place is None or not (grouped or node.op == "in_range") or not _takes_an_axis(self.graph, node, reads):
            return
        key = node.op, node.attrs if node.op != "in_range" else node.attr("kind"), node.type, tuple(reads)
        if key not in self._known:
            self._known[key] = len(self.groups)
            self.groups.append(_Group(tuple(reads)))
        group = self._known[key]
        if place not in self.groups[group].members:
            self.groups[group].members[place] = node.id
            self.at[node.id] = group, place

    def _leave_out(self) -> None:
        """What is not in each step that it would have to be in, and indices alone, of which nothing is picked."""
        left: set[int] = set()
        for number, group in enumerate(self.groups):
            places = sorted(group.members)
            whole = len(places) >= LEAST and places == list(range(places[0], places[0] + len(places)))
            for kind, source, *offset in group.reads:
                if kind == "group":
                    wanted = {k + offset[0] for k in places}
                    whole = whole and source not in left and wanted == self.groups[source].members.keys()
                elif kind == "part":
                    least = places[0] + offset[0]
                    whole = whole and least >= 0 and self._fits(source, least + len(places))
            if not whole:
                left.add(number)
        kept = [group for number, group in enumerate(self.groups) if number not in left]
        used = {source for group in kept for kind, source, *_ in group.reads if kind == "group"}
        left |= {n for n, g in enumerate(self.groups) if n not in used and self._op(g) == "in_range"}
        self.at = {id: at for id, at in self.at.items() if at[0] not in left}
        if len(left) == len(self.groups):
            self.groups = []

    def _fits(self, array: int, end: int) -> bool:
        count = self.graph[array].type.dims[0].value
        return count is not None and end <= count

    def _op(self, group: _Group) -> str:
        return self.graph[next(iter(group.members.values()))].op


def _part(node: Node) -> tuple[int, int] | None:
    """The array that a value is one entry of along the first axis, and the place."""
    if node.op != "slice" or len(node.operands) != 1 or isinstance(node.type.shape, Unknown):
        return None
    index = node.attr("index")
    plain = bool(index) and isinstance(index[0], int) and index[0] >= 0 and all(each == WHOLE for each in index[1:])
    return (node.operands[0], index[0]) if plain else None


def _takes_an_axis(graph: Graph, node: Node, reads: Sequence[tuple[Any, ...]]) -> bool:
    """Whether an operation does the same to each entry of one more axis in front."""
    shape, operands = node.type.known_dims, [graph[u].type.known_dims for u in node.operands]
    if shape is None or None in operands:
        return False
    ranks = [len(dims or ()) for dims in operands]
    own = [kind != "id" for kind, *_ in reads]
    if graph.op(node).elementwise or node.op == "in_range":
        return all(rank == len(shape) if mine else rank <= len(shape) for rank, mine in zip(ranks, own, strict=True))
    if node.op in REDUCTIONS:
        axes = node.attr("axis")
        return len(ranks) == 1 and (axes is None or all(axis >= 0 for axis in axes))
    if node.op in ALONG_LAST:
        return bool(node.attr("axis") == -1)
    if node.op in ROWS:
        return ranks == [2, 1] and all(own)
    if node.op == "gather":
        rest = (WHOLE,) * (ranks[0] - 1)
        return own == [False, True] and bool(node.attr("pattern") == ("index", *rest))
    return node.op == "matmul" and own == [True, False] and ranks == [2, 2]


# ---------------------------------------------------------------- the graph anew

def _order(graph: Graph, found: _Groups) -> list[int] | None:
    """All values, those of a group one behind the other and behind all that they are computed of; None if two groups
    need each other."""
    first_of = [next(iter(group.members.values())) for group in found.groups]
    unit = {id: first_of[found.at[id][0]] if id in found.at else id for id in graph.nodes}
    members: dict[int, list[int]] = {}
    reads: dict[int, set[int]] = {}
    for id, first in unit.items():
        members.setdefault(first, []).append(id)
        reads.setdefault(first, set()).update(unit[u] for u in graph[id].operands)
    readers: dict[int, list[int]] = {}
    for first, sources in reads.items():
        for source in sources:
            readers.setdefault(source, []).append(first)
    waiting = {first: len(sources) for first, sources in reads.items()}
    free = [first for first, count in waiting.items() if not count]
    heapify(free)
    order: list[int] = []
    while free:
        first = heappop(free)
        order += members[first]
        for reader in readers.get(first, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(free, reader)
    return order if len(order) == len(graph) else None


def _rewritten(graph: Graph, found: _Groups) -> Graph:
    moved: dict[int, int] = {}
    whole: dict[int, int] = {}  # group -> the node for all its steps
    first: dict[int, int] = {}  # group -> its first place

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        if node.id not in found.at:
            made = same(builder, node, operands)
        else:
            number, place = found.at[node.id]
            if number not in whole:
                first[number] = min(found.groups[number].members)
                whole[number] = _whole(builder, graph, found, number, whole, moved)
            index = (place - first[number], *(WHOLE,) * len(node.type.dims))
            made = builder.add("slice", [whole[number]], {"index": index})
            if builder.type(made) != node.type:
                raise ShapeError("not the type of a step")
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True, apart=found.kept))


def _whole(
    builder: Builder, graph: Graph, found: _Groups, number: int, whole: dict[int, int], moved: dict[int, int]
) -> int:
    """A group's operation for all steps."""
    group = found.groups[number]
    places = sorted(group.members)
    node, count = graph[group.members[places[0]]], len(places)
    operands: list[int] = []
    for position, (kind, source, *offset) in enumerate(group.reads):
        if kind == "own":
            ids = [graph[group.members[k]].operands[position] for k in places]
            made = found.at.get(ids[0], (-1, 0))[0]
            if made in whole and ids == [id for _, id in sorted(found.groups[made].members.items())]:
                operands.append(whole[made])
            else:
                operands.append(builder.add("stack", [moved[id] for id in ids], {"axis": 0}))
        elif kind == "group":
            operands.append(whole[source])
        elif kind == "part":
            operands.append(_cut(builder, moved[source], places[0] + offset[0], count))
        else:
            operands.append(moved[source])
    attrs = dict(node.attrs)
    if node.op in REDUCTIONS:
        axes = attrs["axis"]
        axes = range(graph[node.operands[0]].type.rank or 0) if axes is None else axes
        attrs["axis"] = tuple(axis + 1 for axis in axes)
    if node.op not in ROWS:
        return builder.add(node.op, operands, attrs)
    steps, rows, width = builder.type(operands[0]).dims
    matrix = builder.add("reshape", [operands[0]], {"shape": (steps * rows, width)})
    labels = builder.add("reshape", [operands[1]], {"shape": (steps * rows,)})
    return builder.add("reshape", [builder.add(node.op, [matrix, labels], attrs)], {"shape": (steps, rows)})


def _cut(builder: Builder, array: int, start: int, count: int) -> int:
    dims = builder.type(array).dims
    if dims[0] == dim(count):
        return array
    rows = (start or None, None if dims[0] == dim(start + count) else start + count, None)
    return builder.add("slice", [array], {"index": (rows, *(WHOLE,) * (len(dims) - 1))})


# ---------------------------------------------------------------- sums of a number a step

def _summed(graph: Graph, kept: Collection[str]) -> Graph:
    """The graph with sums of all entries of a vector, one by one, as its sum."""
    uses = graph.uses()
    seen = _named(graph, kept)
    inner = {
        u for node in graph if node.op == "add" for u in node.operands
        if graph[u].op == "add" and uses[u] == 1 and u not in seen
    }  # fmt: skip
    sums: dict[int, tuple[list[int], list[int]]] = {}  # sum -> the vectors, and what else it adds up
    for node in graph:
        if node.op != "add" or node.id in inner or node.type.shape != ():
            continue
        entries: dict[int, dict[int, int]] = {}
        others: list[int] = []
        stack = list(node.operands)
        while stack:
            u = stack.pop()
            part = _part(graph[u])
            if u in inner:
                stack.extend(graph[u].operands)
            elif part is not None and graph[part[0]].type.rank == 1 and part[1] not in entries.get(part[0], ()):
                entries.setdefault(part[0], {})[part[1]] = u
            else:
                others.append(u)
        vectors = []
        for array, found in entries.items():
            if graph[array].type.dims == (dim(len(found)),) and len(found) >= LEAST:
                vectors.append(array)
            else:
                others += found.values()
        if vectors:
            sums[node.id] = vectors, others
    moved: dict[int, int] = {}

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        vectors, others = sums.get(node.id, ((), ()))
        if vectors:
            terms = [builder.add("sum", [moved[v]], {"axis": None, "keepdims": False}) for v in vectors]
            made, *rest = [*terms, *(moved[u] for u in others)]
            for other in rest:
                made = builder.add("add", [made, other])
        else:
            made = same(builder, node, operands)
        moved[node.id] = made
        return made

    return eliminate_dead_code(rebuild(graph, make, share=True, apart=seen)) if sums else graph
