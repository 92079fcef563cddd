"""Row regions: which statements may run tile by tile over the first axis, and together with which others.

    Z = X @ W;  A = Z + b;  H = relu(A);  m = max(H, axis=1);  s = sum(H, axis=0)        all with N rows

    Z = X @ W                        a product of matrices is one call
    for rows in tiles of N:          its result is then read once, while a tile of it is in the cache
        A = Z + b;  H = relu(A);  m = max(H, axis=1);  s += sum(H, axis=0)

A value is read *by rows* where row k of the result needs row k of the operand only; a sum over the first axis is
collected over the tiles. Nodes keep the order of the program as far as that goes: a node joins the last loop over the
same rows that comes after everything it needs. Products join where each row of the first axis is a matrix itself.

Vectors go through loops over the rows of arrays. Where there are no such arrays, many passes over vectors are a loop:

    z = X @ w;  e = exp(-z);  …;  d = s - y;  b = sum(d)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE

__all__ = ["AT_LABELS", "Item", "find_regions", "read_by_rows"]

REDUCTIONS = {"sum", "max", "largest", "min", "mean", "all", "any", "ties"}
COLLECTED = {"sum", "vdot"}
SUMMED = {"sum", "mean", "vecdot"}
"""What makes a vector of an array: it takes no room, and its operand is at hand where that is ready."""
AT_LABELS = {"pick", "one_hot", "subtract_one_hot", "subtract_at_labels", "clear_labels", "balance_labels"}
WINDOWED = {"max_windows", "max_unpool", "max_pick", "sum_windows", "spread_windows"}
LONG = 8  # fewer passes over vectors are not worth a loop
SMALL = 64  # fewer rows than this are not worth a loop, if they are not arrays of rows themselves


@dataclass
class Item:
    """A statement by itself, or with `rows` a loop over tiles of so many rows; `collected` are sums over the tiles."""

    nodes: list[int]
    rows: Dim | None = None
    collected: set[int] = field(default_factory=set)


def _leads(node: Node, rows: Dim) -> bool:
    shape = node.type.shape
    return not isinstance(shape, Unknown) and bool(shape) and (shape[0] is rows or shape[0] == rows)


def read_by_rows(graph: Graph, node: Node, rows: Dim) -> tuple[set[int], bool] | None:
    """As `_read_by_rows`, whose last answer for each node is kept: whoever plans, places and writes a loop asks anew.
    """
    known = graph.read_by_rows.get(node.id)
    if known is None or (known[0] is not rows and known[0] != rows):
        known = graph.read_by_rows[node.id] = rows, _read_by_rows(graph, node, rows)
    return known[1]


def _read_by_rows(graph: Graph, node: Node, rows: Dim) -> tuple[set[int], bool] | None:
    """The positions of the operands that are read by rows, and whether the result is a sum over them.

    None if the node cannot run tile by tile: its rows hang together, or nobody knows.
    """
    nodes = graph.nodes
    operands = [nodes[u] for u in node.operands]
    for each in (node, *operands):
        if isinstance(each.type.shape, Unknown):
            return None
    if node.op in COLLECTED and operands and operands[0].type.is_float and _leads(operands[0], rows):
        axes = node.attr("axis")
        if node.op == "vdot" or axes is None or 0 in axes:
            alike = all(_leads(o, rows) for o in operands)
            return (set(range(len(operands))), True) if alike and not node.attr("keepdims") else None
    if not _leads(node, rows):
        return None
    kept = _keeps_rows(graph, node, operands, rows)
    return None if kept is None else (kept, False)


def _keeps_rows(graph: Graph, node: Node, operands: Sequence[Node], rows: Dim) -> set[int] | None:
    op, shape = graph.op(node), node.type.dims
    if op.elementwise:
        beside = {k for k, o in enumerate(operands) if len(o.type.dims) == len(shape)}
        by_rows = {k for k in beside if _leads(operands[k], rows)}
        # A size that is neither this one nor 1 is only known at run time: it may be either then.
        return by_rows if all(operands[k].type.dims[0].value == 1 for k in beside - by_rows) else None
    if node.op in AT_LABELS:
        arrays = {k for k, o in enumerate(operands) if o.type.dims}
        return arrays if arrays and all(_leads(operands[k], rows) for k in arrays) else None
    if not operands or not _leads(operands[0], rows):
        return None
    source = operands[0].type.dims
    if node.op == "vecdot":
        return {0, 1}
    if node.op in WINDOWED:
        before = len(source) - node.attr("behind") - len(node.attr("size"))
        return set(range(len(operands))) if before > 0 and all(_leads(o, rows) for o in operands) else None
    if node.op in ("in_order", "as_float"):
        return {0}
    if node.op in ("pad", "lowest_border"):
        return {0} if node.attr("width")[0] == (0, 0) else None
    if node.op in REDUCTIONS:
        axes = node.attr("axis")
        alone = axes is not None and 0 not in axes and all(_leads(o, rows) for o in operands)
        return set(range(len(operands))) if alone else None
    if node.op == "matmul":
        return _batch(operands, rows)
    if node.op == "mT":
        return {0} if len(source) > 2 else None
    if node.op == "transpose":
        axes = node.attr("axes")
        return {0} if axes is not None and axes[0] == 0 else None
    if node.op in ("expand_dims", "squeeze"):
        axes = node.attr("axis")
        return {0} if axes is not None and all(k > 0 for k in _listed(axes)) else None
    if node.op == "reshape":
        return {0} if len(operands) == 1 and shape[0] == source[0] and len(shape) > 1 else None
    if node.op == "slice":
        index = node.attr("index")
        basic = len(operands) == 1 and bool(index) and all(isinstance(part, tuple) for part in index)
        return {0} if basic and index[0] == WHOLE else None
    if node.op == "add_part":
        return {0, 1} if len(operands) == 2 and node.attr("pattern")[0] == WHOLE else None
    if node.op == "concatenate":
        return set(range(len(operands))) if node.attr("axis") != 0 else None
    return None


def _listed(axes: Any) -> tuple[int, ...]:
    return axes if isinstance(axes, tuple) else (axes,)


def _batch(operands: Sequence[Node], rows: Dim) -> set[int] | None:
    """A product whose rows are whole matrices: of a batch of them, with another batch or with one matrix. With a vector
    rows are read one by one."""
    left, right = (o.type.dims for o in operands)
    if len(right) == 1:
        return {0}
    if len(left) < 3:
        return None
    if len(right) == len(left):
        return {0, 1} if right[0] == rows else None
    return {0} if len(right) == 2 else None


def find_regions(graph: Graph, order: Sequence[int], bound: Iterable[int]) -> list[Item]:
    """The nodes of `order` as items; `bound` are the arrays at hand.

    Scalars, views and vectors outside loops stand as early as they can, so that they part no loops. A loop that would
    not pass several times over an array is taken apart again.
    """
    return _Regions(graph, bound).find(order)


class _Regions:
    def __init__(self, graph: Graph, bound: Iterable[int]) -> None:
        self.graph = graph
        self.items: list[Item] = []
        self.ready: dict[int, int] = dict.fromkeys(bound, 0)  # the first item that may use a value as a whole
        self.inside: dict[int, int] = {}  # the loop that makes a value row by row
        self.early: dict[int, list[int]] = {}  # what stands before an item
        self.loops: dict[Dim, int] = {}  # the last loop over so many rows
        self.uses: Counter[int] | None = None  # how often each value is used, once somebody has asked
        self.of_vectors = _of_vectors(graph, self.ready)

    def find(self, order: Sequence[int]) -> list[Item]:
        for id in order:
            if id not in self.ready:
                self._place(self.graph[id])
        return self._listed()

    def _place(self, node: Node) -> None:
        view = self.graph.op(node).view
        rows = _rows_of(self.graph, node)
        found = read_by_rows(self.graph, node, rows) if rows is not None else None
        whole = max((self.ready[u] for u in node.operands), default=0)
        if view:
            self.ready[node.id] = whole
            home = self.inside.get(node.operands[0]) if found is not None and node.operands else None
            if home is not None and self.items[home].rows == rows:
                self.inside[node.id] = home
            self.early.setdefault(whole, []).append(node.id)
        elif rows is not None and found is not None and self._is_wanted(node) and self._join(node, rows, *found):
            return
        elif self._is_small(node):
            self.ready[node.id] = whole
            self.early.setdefault(whole, []).append(node.id)
        else:
            self.items.append(Item([node.id]))
            self.ready[node.id] = len(self.items)

    def _join(self, node: Node, rows: Dim, by_rows: set[int], collects: bool) -> bool:
        need = 0
        for position, u in enumerate(node.operands):
            home = self.inside.get(u)
            if home is not None and position in by_rows and self.items[home].rows == rows:
                need = max(need, home)
            else:
                need = max(need, self.ready[u])
        loop = self.loops.get(rows, -1)
        sizes = node.type.dims[1:]
        column = bool(sizes) and all(size.value == 1 for size in sizes)
        if loop < len(self.items) - 1 and not column and not any(self.inside.get(u) == loop for u in node.operands):
            loop = -1  # nothing that it reads is at hand there, and its result, if it is no column, would wait for long
        if loop < need:
            if collects or ((node.type.rank or 0) < 2 and rows not in self.of_vectors):
                return False  # a loop is opened by what passes over an array of rows
            loop = self.loops[rows] = len(self.items)
            self.items.append(Item([], rows))
        item = self.items[loop]
        item.nodes.append(node.id)
        self.ready[node.id] = loop + 1
        if collects:
            item.collected.add(node.id)
        else:
            self.inside[node.id] = loop
        return True

    def _is_wanted(self, node: Node) -> bool:
        """Whether a node goes into a loop if it may. A product with a vector only if nothing else reads the matrix:
        what reads it behind the loop would wait for what reads the product."""
        if node.op != "matmul" or self.graph[node.operands[1]].type.rank != 1:
            return True
        if self.uses is None:
            self.uses = self.graph.uses()
        return self.uses[node.operands[0]] == 1

    def _is_small(self, node: Node) -> bool:
        if not node.operands or node.type.shape == ():
            return True
        nodes = self.graph.nodes
        ranks = [node.type.rank, *[nodes[u].type.rank for u in node.operands]]
        if node.op in SUMMED:  # of arrays as well: what reads all of it is ready
            return ranks[0] is not None and ranks[0] < 2
        return all(r is not None and r < 2 for r in ranks)

    def _listed(self) -> list[Item]:
        result: list[Item] = []
        for position in range(len(self.items) + 1):
            result += [Item([id]) for id in self.early.get(position, ())]
            if position == len(self.items):
                break
            item = self.items[position]
            if item.rows is not None and not self._is_worthwhile(item):
                result += [Item([id]) for id in item.nodes]
            else:
                result.append(item)
        return result

    def _is_worthwhile(self, item: Item) -> bool:
        """Whether a loop saves passes over arrays that may not fit into a cache."""
        if item.rows in self.of_vectors:
            return len(item.nodes) >= LONG
        passes = [id for id in item.nodes if (self.graph[id].type.rank or 0) > 1 or id in item.collected]
        return len(passes) > 1


def _of_vectors(graph: Graph, bound: Collection[int]) -> set[Dim]:
    """The sizes that many computed vectors have, where no computed array has several axes: else their loops would part
    those of the arrays."""
    vectors: Counter[Dim] = Counter()
    for node in graph:
        shape = node.type.known_dims
        if shape and node.id not in bound and not graph.op(node).view:
            if len(shape) > 1:
                return set()
            vectors[shape[0]] += 1
    return {size for size, count in vectors.items() if count >= LONG}


def _rows_of(graph: Graph, node: Node) -> Dim | None:
    """The size of the first axis that a node might run over."""
    shape = node.type.known_dims
    if node.op in COLLECTED and node.operands:
        source = graph[node.operands[0]].type.known_dims
        axes = node.attr("axis")
        if source and (node.op == "vdot" or axes is None or 0 in axes):
            shape = source
    if not shape or (shape[0].value is not None and shape[0].value < (SMALL if len(shape) < 3 else 2)):
        return None
    return shape[0]
