"""Cutting the joint graph into forward and backward: what is dear to compute is saved, what is cheap is done again.

    H = relu(Z); dZ = dH * (H > 0); dW2 = H.T @ dS      H is saved for dW2; the mask H > 0 is made again from it.

The choice is a minimum cut: from what can only come from forward (arguments, dear operations) to what backward reads.
The capacity of a value is the memory that saving it takes; arguments exist anyway and cost next to nothing.

What forward has computed and backward would have to go through its memory twice or more for is saved in the place of
what that is made of: `xhat = (X - mean) / deviation`.

`lean` saves as little as possible: only products are too dear to be done again. `fast` saves whatever forward has
computed and backward reads: nothing that takes time is done twice.

    A = gelu(X); Y = X + layer_norm(A, g, b)      balanced: the tanh, the deviation, Y, …      lean: X, g, b
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.cost import IN_BLAS, TYPICAL, typical
from graphc.passes.cut import components, minimum_cut
from graphc.passes.dce import computed_of, needed
from graphc.passes.schedule import schedule

__all__ = ["Split", "partition"]

LARGEST_CUT = 20_000
"""Among more values that hang together no cut is sought."""
MOST_LOOKED_AT = 50
"""Values that are looked at on a way."""
LONGEST_WAY = 2
"""To make what forward has had in memory, so many arrays of its size are not computed again."""


class Split(NamedTuple):
    """Node ids of forward and backward, each in order, and what crosses from one to the other."""

    graph: Graph
    forward: tuple[int, ...]
    saved: tuple[int, ...]
    backward: tuple[int, ...]


def partition(graph: Graph, memory: str = "balanced", in_tiles: bool = False) -> Split:
    """Split a joint graph; `memory` is `lean`, `balanced` or `fast`. What is made again `in_tiles` costs little."""
    roots = list(graph.gradients.values())
    behind = computed_of(graph, graph.cotangents.values())
    wanted = needed(graph, roots)
    before = [id for id in graph.nodes if id in wanted and id not in behind]
    read = {u for id in wanted & behind for u in graph[id].operands if u not in behind}
    read |= {id for id in roots if id not in behind}
    forward = needed(graph, graph.outputs.values())
    if memory == "fast":
        saved = _directly_read(graph, read, forward)
    else:
        saved = _minimum_cut(graph, before, read, forward, memory == "lean")
    if memory == "balanced" and not in_tiles:
        saved = _without_long_ways(graph, roots, read, forward, saved)
    order = {a.node: k for k, a in enumerate(graph.arguments)}
    crossing = sorted(saved, key=lambda id: (order.get(id, len(order)), id))
    asked = frozenset(forward)
    forward |= needed(graph, crossing)
    backward = _needed_above(graph, roots, saved)
    remaining = sorted(backward - set(graph.cotangents.values()) - saved)
    again = [id for id in remaining if id not in behind]
    order_of_forward, order_of_backward = _in_order(graph, forward, asked), schedule(graph, remaining, again)
    return Split(graph, tuple(order_of_forward), tuple(crossing), tuple(order_of_backward))


def _in_order(graph: Graph, forward: set[int], asked: Collection[int]) -> list[int]:
    """What forward computes in the order of the program: what only backward asks for, as the mask of a value, beside
    that, but not before a later statement of which it is as well."""
    places: dict[int, int] = {}
    for id in sorted(forward):
        node = graph[id]
        primal = node.origin.primal if node.origin is not None and id not in asked else None
        if primal is None or primal > id:
            places[id] = id
        else:
            behind = (places[u] for u in node.operands if u in places and graph[u].operands)  # a number stands anywhere
            places[id] = max([primal, *behind])
    return schedule(graph, sorted(forward, key=lambda id: (places[id], id)), ())


def _needed_above(graph: Graph, roots: Iterable[int], stop: set[int]) -> set[int]:
    seen = set(roots)
    stack = [r for r in seen if r not in stop]
    while stack:
        for u in graph[stack.pop()].operands:
            if u not in seen:
                seen.add(u)
                if u not in stop:
                    stack.append(u)
    return seen


def bytes_of(node: Node) -> int:
    """What saving a value takes, each symbolic size being `TYPICAL`."""
    shape = node.type.shape
    if node.type.dtype == "shape":
        return 1
    if isinstance(shape, Unknown):
        return 8 * TYPICAL * TYPICAL
    total = 1 if node.type.dtype == "bool" else 8
    for size in shape:
        total *= typical(size)
    return min(total, 10**12)


def _directly_read(graph: Graph, read: set[int], forward: set[int]) -> set[int]:
    """What backward reads, leaves without operands apart: they are written again; views are made again."""
    saved: set[int] = set()
    stack = list(read)
    while stack:
        id = stack.pop()
        node = graph[id]
        op = graph.op(node)
        if node.op == "argument" or (op.cost != "free" and id in forward) or (op.cost == "dear"):
            saved.add(id)
        else:
            stack.extend(node.operands)
    return saved


def _without_long_ways(
    graph: Graph, roots: Sequence[int], read: set[int], forward: set[int], saved: set[int]
) -> set[int]:
    """What is saved if backward is not to go a long way to what forward has computed anyway; nor a short one to what is
    larger than all that it is made of, or takes no more memory than that."""
    above = _needed_above(graph, roots, saved)
    users = graph.users()
    ways: dict[int, int] = {}  # what an operation of forward makes -> what backward reads of it
    seen, stack = set(read), list(read)
    while stack:
        id = stack.pop()
        if id in saved:
            continue
        made = _made(graph, id, users)
        if made in forward and graph.op(graph[made]).cost != "free":
            ways[made] = id
            continue
        new = [u for u in graph[id].operands if u not in seen]
        seen.update(new)
        stack += new
    stop = set(saved)
    for made in sorted(ways):  # from the nearest on: what is saved makes the ways to others shorter
        is_mask = graph[made].type.dtype == "bool"  # it says more where it is made than by a name
        far = LONGEST_WAY + is_mask
        passes = _passes(graph, made, stop, far)
        if passes >= far or (passes and not is_mask and _is_better_saved(graph, made, saved, users, above)):
            stop |= {made, ways[made]}
    return stop & _needed_above(graph, roots, stop) if len(stop) > len(saved) else saved


def _made(graph: Graph, id: int, users: Mapping[int, Sequence[int]]) -> int:
    """What an operation makes of which this is the only view, or the value itself."""
    node = graph[id]
    while graph.op(node).view and len(users[node.operands[0]]) == 1:
        node = graph[node.operands[0]]
    return node.id


def _is_better_saved(
    graph: Graph, id: int, saved: set[int], users: Mapping[int, Sequence[int]], above: set[int]
) -> bool:
    """Whether a value that one operation makes is larger than its operands, which backward would need beside it; or of
    two as large as itself and no larger than those of them that are saved for its sake alone."""
    own, operands = bytes_of(graph[id]), set(graph[id].operands)
    as_large = sum(bytes_of(graph[u]) >= own for u in operands)
    if as_large < 2:
        return bool(operands) and not as_large
    alone = {u for u in operands & saved if not any(k != id and k in above for k in users[u])}
    return own <= sum(bytes_of(graph[u]) for u in alone)


def _passes(graph: Graph, id: int, saved: set[int], far: int) -> int:
    """How many arrays as large as this one are computed to make it from saved ones, at least; counted up to `far`."""
    least, found, seen, stack = bytes_of(graph[id]), 0, {id}, [id]
    while stack and found < far and len(seen) < MOST_LOOKED_AT:
        node = graph[stack.pop()]
        if node.type.rank and graph.op(node).cost != "free" and bytes_of(node) >= least:
            found += 1
        new = [u for u in node.operands if u not in saved and u not in seen]
        seen.update(new)
        stack += new
    return found


def _minimum_cut(graph: Graph, before: list[int], read: set[int], forward: set[int], lean: bool) -> set[int]:
    """The values to save: those that leave no choice, and a minimum cut among the others, part by part of the graph.

    Arguments cost less than whatever else there is, however many they are: they count as saved while the others are
    chosen, and those without which backward can do are then left out.
    """
    given = {id for id in before if _is_given(graph, id, forward, lean)}
    chosen = given & read
    free = {id for id in given if graph[id].op == "argument"}
    between = _between(graph, before, given - free, read - chosen, chosen)
    operands = {id: [] if id in given else [u for u in graph[id].operands if u in between] for id in between}
    position = {id: k for k, id in enumerate(before)}
    for part in components(sorted(between), operands):
        if len(part) > LARGEST_CUT:
            chosen |= _directly_read(graph, read.intersection(part), forward)
            continue
        capacity = {id: _price(graph[id], position[id] / len(before), id in forward) for id in part}
        chosen |= minimum_cut(part, operands, capacity, given, read)
    return chosen | (free & _between(graph, before, free, read, chosen))


def _price(node: Node, place: float, in_forward: bool) -> int:
    """What saving a value costs: its memory.

    Among equal ones that forward computes anyway the last is saved, so that nothing is done twice; among those that
    only backward reads the first, so that forward does as little of its work as possible.
    """
    return 1000 * (8 + bytes_of(node)) + int(400 * (1 - place) if in_forward else 500 + 400 * place)


def _is_given(graph: Graph, id: int, forward: set[int], lean: bool) -> bool:
    """Whether backward can have a value from forward only: arguments, and what forward computes anyway if it is dear or
    has a name; if memory is to be `lean` arguments and products."""
    node = graph[id]
    if lean:
        return node.op == "argument" or node.op in IN_BLAS
    return node.op == "argument" or (id in forward and (graph.op(node).cost == "dear" or bool(node.name)))


def _between(
    graph: Graph, before: list[int], given: set[int], read: set[int], saved: Collection[int] = ()
) -> set[int]:
    """The values on the ways from given ones to others that backward reads, on which none is saved."""
    reached: set[int] = set()
    for id in before:
        if id not in saved and (id in given or not reached.isdisjoint(graph[id].operands)):
            reached.add(id)
    wanted = read & reached
    stack = list(wanted)
    while stack:
        id = stack.pop()
        if id not in given:
            for u in graph[id].operands:
                if u in reached and u not in wanted:
                    wanted.add(u)
                    stack.append(u)
    return wanted
