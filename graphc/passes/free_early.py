"""What lets the array of another value go stands early. For -O2 only.

    H = relu(Z);  …;  dH = dS @ W.T;  dW = H.T @ dS;  m = H > 0;  dZ = dH * m

    becomes     H = relu(Z);  m = H > 0;  …;  dW = H.T @ dS;  dH = dS @ W.T;  dZ = dH * m

A mask has an eighth of the bytes of what it is made of, or a quarter, and is made while that is in a cache. Of the two
products that read the cotangent of a layer the one that is a result comes first: then nothing needs H any more, and dH
may have its array. A net of two layers so has one array of the size of H on the way, and not two. So it is with the
kernels of a convolution, whose gradient is a product with the columns of its windows.

    e = exp(s);  t = sum(e, axis=1);  l = log(t) - s[i, y]

    becomes     p = s[i, y];  e = exp(s);  t = sum(e, axis=1);  l = log(t) - p

What else reads the scores, and is smaller, is made before the exponentials: these may then be where the scores were.
Labels that are looked at on the way come along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["free_early"]

PRODUCTS = {"matmul", "product_as"}


def free_early(graph: Graph, order: Sequence[int], kept: Collection[int]) -> list[int]:
    """The nodes of `order` in an order that needs less memory; `kept` are those that outlive the function."""
    order = _masks_first(graph, _results_first(graph, list(order), set(kept)), set(kept))
    return _small_first(graph, order, set(kept))


def _bases(graph: Graph, id: int) -> Iterator[int]:
    """The values whose arrays a value shows."""
    stack = [id]
    while stack:
        node = graph.nodes[stack.pop()]
        if graph.op(node).view and node.operands:
            stack.append(node.operands[0])
        else:
            yield node.id


def _placed(order: Sequence[int], moved: dict[int, list[int]], after: bool) -> list[int]:
    """The order with nodes moved to right before, or after, others."""
    elsewhere = {id for ids in moved.values() for id in ids}
    result: list[int] = []
    for id in order:
        if id in elsewhere and id not in moved:
            continue
        beside = moved.get(id, [])
        own = [] if id in elsewhere else [id]
        result += [*own, *beside] if after else [*beside, *own]
    return result


# ---------------------------------------------------------------- products that are results

def _results_first(graph: Graph, order: list[int], kept: set[int]) -> list[int]:
    nodes, place = graph.nodes, {id: k for k, id in enumerate(order)}
    products = [id for id in order if nodes[id].op in PRODUCTS]
    kept = kept | _scaled_results(graph, order, kept)
    later: dict[int, list[tuple[int, int]]] = {}  # value -> the results that read it, by the place where they could be
    for id in products:
        if id in kept:
            ready = _ready(graph, id, place)
            for base in _bases_of_operands(graph, id):
                later.setdefault(base, []).append((ready, id))
    for each in later.values():
        each.sort(reverse=True)
    now: dict[int, list[int]] = {}  # those that could be here
    moved: dict[int, list[int]] = {}
    seen: set[int] = set()
    for id in products if later else ():
        if id in kept:
            continue
        for base in _bases_of_operands(graph, id):
            coming = later.get(base, [])
            while coming and coming[-1][0] < place[id]:
                now.setdefault(base, []).append(coming.pop()[1])
            for result in sorted(now.pop(base, ()), key=place.__getitem__):
                if result in seen or place[result] < place[id]:
                    continue
                along = _with_views(graph, result, place, place[id])
                if along:
                    moved.setdefault(id, []).extend(along)
                    seen.update(along)
                else:
                    now.setdefault(base, []).append(result)
    return _placed(order, moved, after=False) if moved else order


def _bases_of_operands(graph: Graph, id: int) -> set[int]:
    return {base for u in graph.nodes[id].operands for base in _bases(graph, u)}


def _ready(graph: Graph, id: int, place: dict[int, int]) -> int:
    """The place of the last value that a product reads, through views."""
    last, stack = -1, list(graph.nodes[id].operands)
    while stack:
        node = graph.nodes[stack.pop()]
        if graph.op(node).view:
            stack += node.operands
        else:
            last = max(last, place.get(node.id, -1))
    return last


def _scaled_results(graph: Graph, order: Sequence[int], kept: set[int]) -> set[int]:
    """The products that nothing uses but results, which are them times numbers, or sums with others like them."""
    nodes = graph.nodes
    leads: dict[int, bool] = {}  # value -> whether all that uses it is a result, or leads to one
    for id in reversed(order):
        node = nodes[id]
        through = (id in kept or leads.get(id, False)) and graph.op(node).elementwise
        for u in node.operands:
            if through and nodes[u].type == node.type:
                leads.setdefault(u, True)
            else:
                leads[u] = False
    return {id for id, found in leads.items() if found and nodes[id].op in PRODUCTS}


def _with_views(graph: Graph, result: int, place: dict[int, int], at: int) -> list[int]:
    """The product and the views that it reads, if it may stand there and then another value's array may go."""
    along, stack, frees = [result], list(graph[result].operands), False
    while stack:
        u = stack.pop()
        if place.get(u, -1) >= at:
            if not graph.op(graph[u]).view or u in along:
                return []
            along.append(u)
            stack += graph[u].operands
        frees |= u in place and place[u] < at
    return along[::-1] if frees else []


# ---------------------------------------------------------------- masks

def _masks_first(graph: Graph, order: list[int], kept: set[int]) -> list[int]:
    place = {id: k for k, id in enumerate(order)}
    last = {base: k for k, id in enumerate(order) for u in graph[id].operands for base in _bases(graph, u)}
    dear = [0]  # how many nodes up to a place take long
    for id in order:
        node = graph[id]
        dear.append(dear[-1] + (graph.op(node).cost == "dear" and not graph.op(node).elementwise))
    moved: dict[int, list[int]] = {}
    seen: set[int] = set()
    for source, id in sorted(_masks(graph, order), key=lambda pair: place.get(pair[0], -1)):
        if source in kept or source not in place or last.get(source) != place[id]:
            continue
        if dear[place[id]] > dear[place[source] + 1]:  # a number goes where the first of its masks does
            numbers = [u for u in graph[id].operands if place.get(u, -1) > place[source] and u not in seen]
            seen.update(numbers)
            moved.setdefault(source, []).extend([*numbers, id])
    return _placed(order, moved, after=True) if moved else order


def _masks(graph: Graph, order: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each mask with the array that it is made of, that first."""
    for id in order:
        source = _masked(graph, graph[id])
        if source is not None:
            yield source, id


def _masked(graph: Graph, node: Node) -> int | None:
    """The array of numbers that a mask of the same shape is made of, with numbers alone beside it."""
    if node.type.dtype != "bool" or not graph.op(node).elementwise or isinstance(node.type.shape, Unknown):
        return None
    arrays = [u for u in node.operands if graph[u].op not in ("const", "size")]
    if len(arrays) != 1 or graph[arrays[0]].type.shape != node.type.shape or not graph[arrays[0]].type.is_float:
        return None
    return arrays[0] if (node.type.rank or 0) > 1 and not graph.op(graph[arrays[0]]).view else None


# ---------------------------------------------------------------- what is smaller than what it reads

def _small_first(graph: Graph, order: list[int], kept: set[int]) -> list[int]:
    place = {id: k for k, id in enumerate(order)}
    readers: dict[int, list[int]] = {}
    for id in order:
        for u in dict.fromkeys(graph[id].operands):
            readers.setdefault(u, []).append(id)
    moved: dict[int, list[int]] = {}
    seen: set[int] = set()
    for source, own in readers.items():
        first, *others = own
        node = graph[source]
        if not others or source in kept or source not in place or not _is_array(node) or graph.op(node).view:
            continue
        if not (graph.op(graph[first]).elementwise and graph[first].type == node.type) or seen & {*own}:
            continue
        along = _to_stand_at(graph, others, node, place, place[first])
        if along is not None and not seen & {*along}:
            moved[first] = along
            seen.update(own, along)
    return _placed(order, moved, after=False) if moved else order


def _is_array(node: Node) -> bool:
    return node.type.is_float and not isinstance(node.type.shape, Unknown) and (node.type.rank or 0) > 1


def _to_stand_at(graph: Graph, ids: Sequence[int], source: Node, place: dict[int, int], at: int) -> list[int] | None:
    """What is smaller than what it is made of, and no view of that, with the labels that it needs as well; None if more
    would have to stand there."""
    along: dict[int, None] = {}
    for id in ids:
        node = graph[id]
        small = not isinstance(node.type.shape, Unknown) and (node.type.rank or 0) < (source.type.rank or 0)
        if not small or graph.op(node).view:
            return None
        needed, stack = [id], list(node.operands)
        while stack:
            u = stack.pop()
            if place.get(u, -1) >= at:
                node = graph[u]
                if node.op not in ("in_range", "size") and not (graph.op(node).view and node.type.dtype == "int"):
                    return None
                needed.append(u)
                stack += node.operands
        along.update(dict.fromkeys(reversed(needed)))
    return list(along)
