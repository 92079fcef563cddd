"""What picking entries and adding at places does with one more axis in front; see batch_rules.py.

    X[2:4]      X: (N, D)              becomes    X[:, 2:4]                              X: (k, N, D)
    X[i]        the same i for all                X[:, i]
    X[i]        an i: (k, n) for each             X[c, i] with c = arange(k)[:, None]

An index without arrays gets the whole new axis in front. Arrays of indices do too where they are the same for all of
the batch; else one more array counts the batch, and NumPy puts its axis together with those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ops.cuts import ARRAY, WHOLE, plain
from graphc.ops.indexing import gather
from graphc.passes.batch import Batch
from graphc.passes.batch_rules import Values, only, rule, shifted

__all__: list[str] = []

# ---------------------------------------------------------------- slices, arrays of indices

@rule("slice")
def _slice(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], index=(WHOLE, *node.attr("index")))


@rule("unslice")
def _unslice(batch: Batch, node: Node, values: Values) -> int:
    shape = (batch.size, *node.type.dims)
    return batch.same(node, [only(values)], index=(WHOLE, *node.attr("index")), shape=shape)


Label: TypeAlias = "tuple[str, int]"
BATCH: Label = ("batch", 0)


def _layout(pattern: Sequence[Any], rest: list[Label], common: list[Label]) -> list[Label]:
    """The axes that an index with arrays makes: those of the arrays stand in their place, or in front if apart."""
    places = [i for i, item in enumerate(pattern) if item is not None and not isinstance(item, tuple)]
    apart = places[-1] - places[0] != len(places) - 1
    before = 0 if apart else places[0]
    return [*rest[:before], *common, *rest[before:]]


class _Indexing:
    """An index with arrays and one more axis: the pattern, the arrays, and the order of the axes that NumPy gives."""

    def __init__(self, batch: Batch, pattern: Sequence[Any], arrays: Sequence[int], values: Values) -> None:
        ranks = [batch.builder.type(u).rank for u in arrays]
        count = max((r for r in ranks if r is not None), default=0)
        rest: list[Label] = [("rest", k) for k, i in enumerate(i for i in pattern if i is None or isinstance(i, tuple))]
        common: list[Label] = [("common", k) for k in range(count)]
        self.wanted = [BATCH, *_layout(pattern, rest, common)]
        if all(value is None for value in values):
            self.pattern: tuple[Any, ...] = (WHOLE, *pattern)
            self.arrays = list(arrays)
            self.given = _layout(self.pattern, [BATCH, *rest], common)
        else:  # one more array says which of the batch
            self.pattern = (ARRAY, *pattern)
            self.arrays = [batch.aligned(batch.counter(batch.size), count)]
            self.arrays += [u if v is None else batch.aligned(v, count) for u, v in zip(arrays, values, strict=True)]
            self.given = _layout(self.pattern, rest, [BATCH, *common])

    def picked(self, batch: Batch, x: int) -> int:
        """The entries, with the batch in front."""
        found = gather(batch.lowering, x, self.arrays, self.pattern)
        return batch.call("transpose", found, axes=tuple(self.given.index(label) for label in self.wanted))

    def spread(self, batch: Batch, x: int, shape: Sequence[Dim], distinct: bool) -> int:
        """Zeros of a shape with the entries added at their places."""
        x = batch.aligned(x, len(self.wanted) - 1)
        x = batch.call("transpose", x, axes=tuple(self.wanted.index(label) for label in self.given))
        attrs = {"pattern": self.pattern, "shape": (batch.size, *shape), "like": None, "distinct": distinct}
        return batch.add("scatter", [x, *self.arrays], attrs)


@rule("gather", "gather_entry")
def _gather(batch: Batch, node: Node, values: Values) -> int:
    indexing = _Indexing(batch, node.attr("pattern"), node.operands[1:], values[1:])
    return indexing.picked(batch, batch.full(node.operands[0], values[0]))


@rule("scatter")
def _scatter(batch: Batch, node: Node, values: Values) -> int:
    indexing = _Indexing(batch, node.attr("pattern"), node.operands[1:], values[1:])
    x = batch.full(node.operands[0], values[0])
    return indexing.spread(batch, x, node.type.dims, node.attr("distinct", False))


@rule("scatter_add")
def _scatter_add(batch: Batch, node: Node, values: Values) -> int:
    (x, i, u), (bx, bi, bu) = node.operands, values
    rows = (*batch.builder.type(i).dims, *node.type.dims[1:])
    pattern = (ARRAY, *(WHOLE,) * (len(node.type.dims) - 1))
    added = batch.aligned(batch.full(u, bu), len(rows))
    added = batch.call("broadcast_to", added, shape=(batch.size, *rows))
    spread = _Indexing(batch, pattern, [i], [bi]).spread(batch, added, node.type.dims, distinct=False)
    return batch.call("add", x if bx is None else bx, spread)


@rule("add_part")
def _add_part(batch: Batch, node: Node, values: Values) -> int:
    (x, u, *indices), pattern, shape = node.operands, node.attr("pattern"), (batch.size, *node.type.dims)
    added = batch.full(u, values[1])
    if indices:
        added = _Indexing(batch, pattern, indices, values[2:]).spread(batch, added, node.type.dims, distinct=False)
    else:
        added = batch.add("unslice", [added], {"index": (WHOLE, *pattern), "shape": shape, "like": None})
    return batch.call("subtract" if node.attr("minus") else "add", batch.full(x, values[0]), added)


@rule("take_along_axis")
def _take_along_axis(batch: Batch, node: Node, values: Values) -> int:
    operands = [batch.beside(u, value) for u, value in zip(node.operands, values, strict=True)]
    return batch.same(node, operands, axis=shifted(node.attr("axis"), batch.rank(node)))


@rule("scatter_along_axis")
def _scatter_along_axis(batch: Batch, node: Node, values: Values) -> int:
    x, i = batch.full(node.operands[0], values[0]), batch.beside(node.operands[1], values[1])
    shape = (batch.size, *node.type.dims)
    return batch.same(node, [x, i], axis=shifted(node.attr("axis"), len(node.type.dims)), shape=shape)


# ---------------------------------------------------------------- labels

@rule("pick")
def _pick(batch: Batch, node: Node, values: Values) -> int:
    (S, y), (bS, by) = node.operands, values
    if by is None and batch.rank(node) == 2:
        rows = batch.counter(batch.builder.type(S).dims[0])
        return batch.add("gather", [batch.full(S, bS), rows, y], {"pattern": (WHOLE, ARRAY, ARRAY)})
    places = batch.call("expand_dims", batch.beside(y, by), axis=-1)
    picked = batch.add("take_along_axis", [batch.beside(S, bS), places], {"axis": batch.rank(node)})
    return batch.call("squeeze", picked, axis=-1)


@rule("subtract_one_hot")
def _subtract_one_hot(batch: Batch, node: Node, values: Values) -> int:
    (P, y), (bP, by) = node.operands, values
    rows = batch.add("one_hot", [y if by is None else by], {"n": plain(node.type.dims[-1])})
    return batch.call("subtract", P if bP is None else bP, rows)


@rule("subtract_at_labels")
def _subtract_at_labels(batch: Batch, node: Node, values: Values) -> int:
    (P, y, s), (bP, by, bs) = node.operands, values
    rows = batch.add("one_hot", [y if by is None else by], {"n": plain(node.type.dims[-1])})
    factor = s if bs is None else batch.call("expand_dims", bs, axis=tuple(range(1, 1 + len(node.type.dims))))
    return batch.call("subtract", P if bP is None else bP, batch.call("multiply", factor, rows))


def _at_labels(batch: Batch, node: Node, values: Values) -> tuple[int, int]:
    """The rows as floats, and where their labels are."""
    (x, y), (bx, by) = node.operands, values
    classes = batch.counter(node.type.dims[-1])
    rows = x if bx is None else bx
    if not batch.builder.type(rows).is_float:
        rows = batch.add("as_float", [rows])
    return rows, batch.call("equal", batch.call("expand_dims", y if by is None else by, axis=-1), classes)


@rule("clear_labels")
def _clear_labels(batch: Batch, node: Node, values: Values) -> int:
    rows, at = _at_labels(batch, node, values)
    return batch.call("multiply", rows, batch.call("logical_not", at))


@rule("balance_labels")
def _balance_labels(batch: Batch, node: Node, values: Values) -> int:
    rows, at = _at_labels(batch, node, values)
    others = batch.call("multiply", rows, batch.call("logical_not", at))
    total = batch.call("sum", rows, axis=-1, keepdims=True)
    return batch.call("subtract", others, batch.call("multiply", total, at))
