"""What each primitive operation does with one more axis in front of its operands: the table of `batch.py`.

Operations by entries need no entry: axes of size 1 after the first make the ranks agree, and broadcasting does the
rest. Most others move their axes by one. What works on values of unknown rank only has no batched form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ops.base import Op
from graphc.ops.cuts import ARRAY, WHOLE, plain
from graphc.ops.indexing import gather
from graphc.passes.batch import Batch

__all__ = ["RULES", "UNKNOWN_RANK", "Rule", "elementwise", "rule_of"]

Values: TypeAlias = "list[int | None]"
Rule: TypeAlias = "Callable[[Batch, Node, Values], int]"
"""Makes the batched value of a node from those of its operands; None stands for an operand that is not batched."""

RULES: dict[str, Rule] = {}

# Shapes and sizes of values of unknown rank: a batch that meets one has been refused before.
UNKNOWN_RANK = {"count_of", "ravel", "reshape_like", "shape_of", "size_of"}


def rule_of(op: Op) -> Rule | None:
    """How to batch an operation; None for one that is written in the language: its definition is batched."""
    if op.definition is not None:
        return None
    rule = RULES.get(op.name) or (elementwise if op.elementwise else None)
    assert rule is not None, f"operation {op.name} has no batched form"
    return rule


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def keep(function: Rule) -> Rule:
        for name in names:
            assert name not in RULES, name
            RULES[name] = function
        return function

    return keep


def elementwise(batch: Batch, node: Node, values: Values) -> int:
    """An operation by entries: broadcasting adds the axis to what lacks it."""
    rank = len(node.type.dims)
    operands = [
        u if value is None else batch.aligned(value, rank) for u, value in zip(node.operands, values, strict=True)
    ]
    return batch.same(node, operands)


def _only(values: Values) -> int:
    """The batched value of the one operand there is."""
    (value,) = values
    assert value is not None
    return value


def _shifted(axis: int, rank: int) -> int:
    return axis % rank + 1


def _all_shifted(axes: tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    return tuple(range(1, rank + 1)) if axes is None else tuple(_shifted(a, rank) for a in axes)


def _full(batch: Batch, node: Node, values: Values) -> list[int]:
    return [batch.full(u, value) for u, value in zip(node.operands, values, strict=True)]


# ---------------------------------------------------------------- what NumPy does for a stack by itself

@_rule(
    "as_float", "as_int", "in_range", "number", "stop_gradient", "ones_like", "zeros_like", "one_hot", "mT", "diagonal",
    "tril", "triu", "inv", "pinv", "det", "logdet", "det_sign", "cholesky", "windows",
)  # fmt: skip
def _as_it_is(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)])


@_rule("from_diagonal", "unwindows")
def _in_shape(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], shape=(batch.size, *node.attr("shape")))


@_rule("reshape")
def _reshape(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], shape=(batch.size, *node.type.dims))


# ---------------------------------------------------------------- along axes

@_rule("sum", "mean", "max", "min", "prod", "all", "any", "ties", "norm")
def _reduction(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], axis=_all_shifted(node.attr("axis"), batch.rank(node)))


@_rule("argmax", "argmin")
def _position(batch: Batch, node: Node, values: Values) -> int:
    x, axes, rank = _only(values), node.attr("axis"), batch.rank(node)
    if axes is not None:
        return batch.same(node, [x], axis=_all_shifted(axes, rank))
    flat = batch.call("reshape", x, shape=(batch.size, numel(batch.builder.type(node.operands[0]).dims)))
    found = batch.add(node.op, [flat], {"axis": (1,), "keepdims": False})
    return batch.call("reshape", found, shape=(batch.size, *node.type.dims))


@_rule("cumsum", "cumprod", "shift", "repeat")
def _along_axis(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], axis=_shifted(node.attr("axis"), batch.rank(node)))


@_rule("linear_scan", "linear_scan_back")
def _scan(batch: Batch, node: Node, values: Values) -> int:
    rank = len(node.type.dims)
    shape = (batch.size, *node.type.dims)
    operands = [batch.call("broadcast_to", batch.aligned(x, rank), shape=shape) for x in _full(batch, node, values)]
    return batch.same(node, operands, axis=_shifted(node.attr("axis"), rank))


@_rule("flip")
def _flip(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], axis=_all_shifted(node.attr("axis"), batch.rank(node)))


@_rule("roll")
def _roll(batch: Batch, node: Node, values: Values) -> int:
    x, axes = _only(values), node.attr("axis")
    if axes is not None:
        return batch.same(node, [x], axis=_all_shifted(axes, batch.rank(node)))
    flat = batch.call("reshape", x, shape=(batch.size, numel(node.type.dims)))
    rolled = batch.add("roll", [flat], {"shift": node.attr("shift"), "axis": (1,)})
    return batch.call("reshape", rolled, shape=(batch.size, *node.type.dims))


@_rule("concatenate", "stack")
def _join(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, _full(batch, node, values), axis=_shifted(node.attr("axis"), len(node.type.dims)))


@_rule("pad")
def _pad(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], width=((0, 0), *node.attr("width")))


@_rule("tile")
def _tile(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], reps=(1, *node.attr("reps")))


# ---------------------------------------------------------------- shapes

@_rule("expand_dims")
def _expand_dims(batch: Batch, node: Node, values: Values) -> int:
    axis = node.attr("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return batch.same(node, [_only(values)], axis=_all_shifted(axes, len(node.type.dims)))


@_rule("squeeze")
def _squeeze(batch: Batch, node: Node, values: Values) -> int:
    axis, shape = node.attr("axis"), batch.builder.type(node.operands[0]).dims
    if axis is None:
        axis = tuple(k for k, size in enumerate(shape) if size.value == 1)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return batch.same(node, [_only(values)], axis=_all_shifted(axes, len(shape)))


@_rule("transpose")
def _transpose(batch: Batch, node: Node, values: Values) -> int:
    rank = batch.rank(node)
    axes = node.attr("axes") or tuple(reversed(range(rank)))
    return batch.same(node, [_only(values)], axes=(0, *_all_shifted(axes, rank)))


@_rule("broadcast_to")
def _broadcast_to(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [batch.aligned(_only(values), len(node.type.dims))], shape=(batch.size, *node.type.dims))


@_rule("sum_to")
def _sum_to(batch: Batch, node: Node, values: Values) -> int:
    narrow = node.type.dims
    extra = batch.rank(node) - len(narrow)
    total = batch.add("sum_to", [_only(values)], {"shape": (batch.size, *(dim(1),) * extra, *narrow), "like": None})
    return batch.call("squeeze", total, axis=tuple(range(1, extra + 1))) if extra else total


@_rule("fits")
def _fits(batch: Batch, node: Node, values: Values) -> int:
    shape = node.attr("shape")
    missing = len(shape) - len(node.type.dims)
    checked = batch.add("fits", [batch.aligned(_only(values), len(shape))], {"shape": (batch.size, *shape)})
    return batch.call("squeeze", checked, axis=tuple(range(1, missing + 1))) if missing > 0 else checked


@_rule("full_like")
def _full_like(batch: Batch, node: Node, values: Values) -> int:
    x = batch.full(node.operands[0], values[0])
    v = node.operands[1] if values[1] is None else batch.aligned(values[1], len(node.type.dims))
    return batch.same(node, [x, v])


# ---------------------------------------------------------------- products

@_rule("matmul")
def _matmul(batch: Batch, node: Node, values: Values) -> int:
    """A stack of products. A vector among the operands becomes a row or a column for the time being."""
    ranks = [batch.rank(node, k) for k in range(2)]
    rank = max(2, len(node.type.dims), *ranks)
    operands, gone = [], []
    for k, (u, value) in enumerate(zip(node.operands, values, strict=True)):
        x = u if value is None else value
        if ranks[k] == 1:
            x = batch.call("expand_dims", x, axis=-2 if k == 0 else -1)
            gone.append(rank - 1 if k == 0 else rank)
        operands.append(x if value is None else batch.aligned(x, rank))
    product = batch.add("matmul", operands)
    return batch.call("squeeze", product, axis=tuple(gone)) if gone else product


@_rule("outer")
def _outer(batch: Batch, node: Node, values: Values) -> int:
    """All pairs of two vectors, for each of the batch."""
    (x, y), (bx, by) = node.operands, values
    column = batch.call("expand_dims", x if bx is None else bx, axis=-1)
    return batch.call("multiply", column, y if by is None else batch.call("expand_dims", by, axis=1))


@_rule("kron")
def _kron(batch: Batch, node: Node, values: Values) -> int:
    """All pairs of entries, then blocks side by side."""
    rank = len(node.type.dims)
    spread = []
    for k, (u, x) in enumerate(zip(node.operands, _full(batch, node, values), strict=True)):
        shape = batch.builder.type(u).dims
        own = (dim(1),) * (rank - len(shape)) + shape
        pairs = [(n, dim(1)) if k == 0 else (dim(1), n) for n in own]
        spread.append(batch.call("reshape", x, shape=(batch.size, *(n for pair in pairs for n in pair))))
    return batch.call("reshape", batch.call("multiply", *spread), shape=(batch.size, *node.type.dims))


@_rule("trace")
def _trace(batch: Batch, node: Node, values: Values) -> int:
    """By a product with the diagonal of ones, which may lie outside of the matrix."""
    n, m = batch.builder.type(node.operands[0]).dims
    ones = batch.add("eye", [], {"n": plain(n), "m": plain(m), "k": node.attr("k")})
    return batch.call("sum", batch.call("multiply", _only(values), ones), axis=(1, 2))


@_rule("solve")
def _solve(batch: Batch, node: Node, values: Values) -> int:
    """A stack of systems; equal ranks, so that all versions of NumPy agree on what is meant."""
    rank = len(node.type.dims)
    A, B = (
        u if value is None else batch.aligned(value, rank) for u, value in zip(node.operands, values, strict=True)
    )
    missing = rank + 1 - batch.rank(node, 1)
    if values[1] is None:
        B = batch.call("expand_dims", B, axis=tuple(range(missing)))
    return batch.add("solve", [A, B])


@_rule("solve_vector")
def _solve_vector(batch: Batch, node: Node, values: Values) -> int:
    """One matrix and many right sides are one system, whose right sides are columns."""
    (A, b), (bA, bb) = node.operands, values
    if bA is None:
        assert bb is not None
        return batch.add("mT", [batch.add("solve", [A, batch.add("mT", [bb])])])
    column = batch.call("expand_dims", batch.beside(b, bb), axis=-1)
    return batch.call("squeeze", batch.add("solve", [bA, column]), axis=-1)


# ---------------------------------------------------------------- indexing

@_rule("slice")
def _slice(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [_only(values)], index=(WHOLE, *node.attr("index")))


@_rule("unslice")
def _unslice(batch: Batch, node: Node, values: Values) -> int:
    shape = (batch.size, *node.type.dims)
    return batch.same(node, [_only(values)], index=(WHOLE, *node.attr("index")), shape=shape)


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


@_rule("gather", "gather_entry")
def _gather(batch: Batch, node: Node, values: Values) -> int:
    indexing = _Indexing(batch, node.attr("pattern"), node.operands[1:], values[1:])
    return indexing.picked(batch, batch.full(node.operands[0], values[0]))


@_rule("scatter")
def _scatter(batch: Batch, node: Node, values: Values) -> int:
    indexing = _Indexing(batch, node.attr("pattern"), node.operands[1:], values[1:])
    x = batch.full(node.operands[0], values[0])
    return indexing.spread(batch, x, node.type.dims, node.attr("distinct", False))


@_rule("scatter_add")
def _scatter_add(batch: Batch, node: Node, values: Values) -> int:
    (x, i, u), (bx, bi, bu) = node.operands, values
    rows = (*batch.builder.type(i).dims, *node.type.dims[1:])
    pattern = (ARRAY, *(WHOLE,) * (len(node.type.dims) - 1))
    added = batch.aligned(batch.full(u, bu), len(rows))
    added = batch.call("broadcast_to", added, shape=(batch.size, *rows))
    spread = _Indexing(batch, pattern, [i], [bi]).spread(batch, added, node.type.dims, distinct=False)
    return batch.call("add", x if bx is None else bx, spread)


@_rule("take_along_axis")
def _take_along_axis(batch: Batch, node: Node, values: Values) -> int:
    operands = [batch.beside(u, value) for u, value in zip(node.operands, values, strict=True)]
    return batch.same(node, operands, axis=_shifted(node.attr("axis"), batch.rank(node)))


@_rule("scatter_along_axis")
def _scatter_along_axis(batch: Batch, node: Node, values: Values) -> int:
    x, i = batch.full(node.operands[0], values[0]), batch.beside(node.operands[1], values[1])
    shape = (batch.size, *node.type.dims)
    return batch.same(node, [x, i], axis=_shifted(node.attr("axis"), len(node.type.dims)), shape=shape)


# ---------------------------------------------------------------- labels

@_rule("pick")
def _pick(batch: Batch, node: Node, values: Values) -> int:
    (S, y), (bS, by) = node.operands, values
    if by is None and batch.rank(node) == 2:
        rows = batch.counter(batch.builder.type(S).dims[0])
        return batch.add("gather", [batch.full(S, bS), rows, y], {"pattern": (WHOLE, ARRAY, ARRAY)})
    places = batch.call("expand_dims", batch.beside(y, by), axis=-1)
    picked = batch.add("take_along_axis", [batch.beside(S, bS), places], {"axis": batch.rank(node)})
    return batch.call("squeeze", picked, axis=-1)


@_rule("subtract_one_hot")
def _subtract_one_hot(batch: Batch, node: Node, values: Values) -> int:
    (P, y), (bP, by) = node.operands, values
    rows = batch.add("one_hot", [y if by is None else by], {"n": plain(node.type.dims[-1])})
    return batch.call("subtract", P if bP is None else bP, rows)


def _at_labels(batch: Batch, node: Node, values: Values) -> tuple[int, int]:
    """The rows as floats, and where their labels are."""
    (x, y), (bx, by) = node.operands, values
    classes = batch.counter(node.type.dims[-1])
    rows = x if bx is None else bx
    if not batch.builder.type(rows).is_float:
        rows = batch.add("as_float", [rows])
    return rows, batch.call("equal", batch.call("expand_dims", y if by is None else by, axis=-1), classes)


@_rule("clear_labels")
def _clear_labels(batch: Batch, node: Node, values: Values) -> int:
    rows, at = _at_labels(batch, node, values)
    return batch.call("multiply", rows, batch.call("logical_not", at))


@_rule("balance_labels")
def _balance_labels(batch: Batch, node: Node, values: Values) -> int:
    rows, at = _at_labels(batch, node, values)
    others = batch.call("multiply", rows, batch.call("logical_not", at))
    total = batch.call("sum", rows, axis=-1, keepdims=True)
    return batch.call("subtract", others, batch.call("multiply", total, at))
