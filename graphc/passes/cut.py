"""Minimum cuts of directed graphs whose vertices have capacities.

      a ─► b ─► d        a, e: sources; d: a sink; capacities a 9, b 4, c 3, d 8, e 9
      a ─► c ─► d        {b, c} costs 7 and parts d from both sources; {d} costs 8
           e ─► c

The largest flow from the sources to the sinks, by the shortest ways first (Dinic's method), shows the cut: what of the
graph can still send more to a sink lies behind it. networkx knows minimum cuts, too; but to import it takes longer than
to compile a small program, and its capacities are of edges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["components", "minimum_cut"]

UNBOUNDED = 10**18


def minimum_cut(
    vertices: Sequence[int],
    before: Mapping[int, Collection[int]],
    capacity: Mapping[int, int],
    sources: Collection[int],
    sinks: Collection[int],
) -> set[int]:
    """The vertices of least total capacity without which no way leads from a source to a sink.

    `before` are the vertices from which an edge leads to one. A source or sink may itself be cut. Of several cheapest
    sets it is the one closest to the sinks.
    """
    network = _Network(2 * len(vertices) + 2)
    source, sink = 2 * len(vertices), 2 * len(vertices) + 1
    place = {vertex: 2 * position for position, vertex in enumerate(vertices)}
    for vertex, entrance in place.items():
        network.join(entrance, entrance + 1, capacity[vertex])
        if vertex in sources:
            network.join(source, entrance, UNBOUNDED)
        for other in before[vertex]:
            network.join(place[other] + 1, entrance, UNBOUNDED)
        if vertex in sinks:
            network.join(entrance + 1, sink, UNBOUNDED)
    while network.level(source, sink):
        network.send(source, sink)
    behind = network.leading_to(sink)
    return {vertex for vertex, entrance in place.items() if entrance + 1 in behind and entrance not in behind}


class _Network:
    """Edges in pairs: 2k there, 2k+1 back. `room` is what an edge can take still."""

    def __init__(self, size: int) -> None:
        self.edges: list[list[int]] = [[] for _ in range(size)]
        self.head: list[int] = []
        self.room: list[int] = []
        self.far: list[int] = []
        self.next: list[int] = []

    def join(self, start: int, stop: int, capacity: int) -> None:
        self.edges[start].append(len(self.head))
        self.edges[stop].append(len(self.head) + 1)
        self.head += (stop, start)
        self.room += (capacity, 0)

    def level(self, source: int, sink: int) -> bool:
        """Measure how far everything is from the sink; whether the source can send it anything."""
        self.far = [-1] * len(self.edges)
        self.next = [0] * len(self.edges)
        self.far[sink] = 0
        line = [sink]
        for place in line:  # grows
            for edge in self.edges[place]:
                other = self.head[edge]
                if self.room[edge ^ 1] and self.far[other] < 0:
                    self.far[other] = self.far[place] + 1
                    line.append(other)
        return self.far[source] >= 0

    def send(self, source: int, sink: int) -> None:
        """Send what the shortest ways can take."""
        head, room, far, next_ = self.head, self.room, self.far, self.next
        way: list[int] = []
        place = source
        while True:
            if place == sink:
                amount = min(room[edge] for edge in way)
                full = len(way)
                for position in range(len(way) - 1, -1, -1):
                    edge = way[position]
                    room[edge] -= amount
                    room[edge ^ 1] += amount
                    if not room[edge]:
                        full = position
                place = head[way[full] ^ 1]
                del way[full:]
            edges = self.edges[place]
            while next_[place] < len(edges):
                edge = edges[next_[place]]
                if room[edge] and far[head[edge]] == far[place] - 1:
                    way.append(edge)
                    place = head[edge]
                    break
                next_[place] += 1
            else:
                if not way:
                    return
                far[place] = -1  # a dead end
                place = head[way.pop() ^ 1]

    def leading_to(self, sink: int) -> set[int]:
        """From where more could be sent to the sink."""
        found = {sink}
        line = [sink]
        while line:
            for edge in self.edges[line.pop()]:
                other = self.head[edge]
                if self.room[edge ^ 1] and other not in found:
                    found.add(other)
                    line.append(other)
        return found


def components(vertices: Iterable[int], before: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """The vertices by the part of the graph that they belong to, each part in the order given."""
    leader: dict[int, int] = {}

    def find(vertex: int) -> int:
        root = vertex
        while leader[root] != root:
            root = leader[root]
        while leader[vertex] != root:
            leader[vertex], vertex = root, leader[vertex]
        return root

    order = list(vertices)
    leader.update((vertex, vertex) for vertex in order)
    for vertex in order:
        for other in before[vertex]:
            leader[find(other)] = find(vertex)
    parts: dict[int, list[int]] = {}
    for vertex in order:
        parts.setdefault(find(vertex), []).append(vertex)
    return list(parts.values())
