"""What operations do with one more axis in front of their operands: reductions, shapes, products.

    sum(X, axis=0)                X: (N, D)    becomes    sum(X, axis=1)                       X: (k, N, D)
    X + b                         b: (D,)                 X + expand_dims(b, axis=1)           b: (k, D)
    reshape(X, shape=(N*D,))                              reshape(X, shape=(k, N*D))

Operations by entries need no entry in the table: axes of size 1 after the first make the ranks agree, and broadcasting
does the rest. Most others move their axes by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from graphc.ir.dims import dim, numel
from graphc.ir.graph import Node
from graphc.ops.cuts import plain
from graphc.passes.batch import Batch

__all__ = ["RULES", "Rule", "Values", "elementwise", "only", "rule", "shifted"]

Values: TypeAlias = "list[int | None]"
Rule: TypeAlias = "Callable[[Batch, Node, Values], int]"
"""Makes the batched value of a node from those of its operands; None stands for an operand that is not batched."""

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a function into the table for these operations."""

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


def only(values: Values) -> int:
    """The batched value of the one operand there is."""
    (value,) = values
    assert value is not None
    return value


def shifted(axis: int, rank: int) -> int:
    """An axis where one more stands in front."""
    return axis % rank + 1


def _all_shifted(axes: tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    return tuple(range(1, rank + 1)) if axes is None else tuple(shifted(a, rank) for a in axes)


def _full(batch: Batch, node: Node, values: Values) -> list[int]:
    return [batch.full(u, value) for u, value in zip(node.operands, values, strict=True)]


# ---------------------------------------------------------------- what NumPy does for a stack by itself

@rule(
    "as_float", "as_int", "number", "stop_gradient", "ones_like", "zeros_like", "one_hot", "mT", "diagonal",
    "tril", "triu", "inv", "pinv", "det", "logdet", "det_sign", "cholesky", "max_windows", "sum_windows",
    "in_order",
)  # fmt: skip
def _as_it_is(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)])


@rule("in_range")
def _in_range(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [batch.full(node.operands[0], values[0]), node.operands[1]])


@rule("from_diagonal", "spread_windows")
def _in_shape(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], shape=(batch.size, *node.attr("shape")))


@rule("reshape")
def _reshape(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], shape=(batch.size, *node.type.dims))


# ---------------------------------------------------------------- along axes

@rule("sum", "mean", "max", "largest", "min", "prod", "all", "any", "ties", "norm")
def _reduction(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], axis=_all_shifted(node.attr("axis"), batch.rank(node)))


@rule("argmax", "argmin")
def _position(batch: Batch, node: Node, values: Values) -> int:
    x, axes, rank = only(values), node.attr("axis"), batch.rank(node)
    if axes is not None:
        return batch.same(node, [x], axis=_all_shifted(axes, rank))
    flat = batch.call("reshape", x, shape=(batch.size, numel(batch.builder.type(node.operands[0]).dims)))
    found = batch.add(node.op, [flat], {"axis": (1,), "keepdims": False})
    return batch.call("reshape", found, shape=(batch.size, *node.type.dims))


@rule("cumsum", "cumprod", "shift", "repeat")
def _along_axis(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], axis=shifted(node.attr("axis"), batch.rank(node)))


@rule("linear_scan", "linear_scan_back")
def _scan(batch: Batch, node: Node, values: Values) -> int:
    rank = len(node.type.dims)
    shape = (batch.size, *node.type.dims)
    operands = [batch.call("broadcast_to", batch.aligned(x, rank), shape=shape) for x in _full(batch, node, values)]
    return batch.same(node, operands, axis=shifted(node.attr("axis"), rank))


@rule("flip")
def _flip(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], axis=_all_shifted(node.attr("axis"), batch.rank(node)))


@rule("roll")
def _roll(batch: Batch, node: Node, values: Values) -> int:
    x, axes = only(values), node.attr("axis")
    if axes is not None:
        return batch.same(node, [x], axis=_all_shifted(axes, batch.rank(node)))
    flat = batch.call("reshape", x, shape=(batch.size, numel(node.type.dims)))
    rolled = batch.add("roll", [flat], {"shift": node.attr("shift"), "axis": (1,)})
    return batch.call("reshape", rolled, shape=(batch.size, *node.type.dims))


@rule("concatenate", "stack")
def _join(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, _full(batch, node, values), axis=shifted(node.attr("axis"), len(node.type.dims)))


@rule("pad", "lowest_border")
def _pad(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], width=((0, 0), *node.attr("width")))


@rule("tile")
def _tile(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [only(values)], reps=(1, *node.attr("reps")))


# ---------------------------------------------------------------- shapes

@rule("expand_dims")
def _expand_dims(batch: Batch, node: Node, values: Values) -> int:
    axis = node.attr("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return batch.same(node, [only(values)], axis=_all_shifted(axes, len(node.type.dims)))


@rule("squeeze")
def _squeeze(batch: Batch, node: Node, values: Values) -> int:
    axis, shape = node.attr("axis"), batch.builder.type(node.operands[0]).dims
    if axis is None:
        axis = tuple(k for k, size in enumerate(shape) if size.value == 1)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return batch.same(node, [only(values)], axis=_all_shifted(axes, len(shape)))


@rule("transpose")
def _transpose(batch: Batch, node: Node, values: Values) -> int:
    rank = batch.rank(node)
    axes = node.attr("axes") or tuple(reversed(range(rank)))
    return batch.same(node, [only(values)], axes=(0, *_all_shifted(axes, rank)))


@rule("broadcast_to")
def _broadcast_to(batch: Batch, node: Node, values: Values) -> int:
    return batch.same(node, [batch.aligned(only(values), len(node.type.dims))], shape=(batch.size, *node.type.dims))


@rule("sum_to")
def _sum_to(batch: Batch, node: Node, values: Values) -> int:
    narrow = node.type.dims
    extra = batch.rank(node) - len(narrow)
    total = batch.add("sum_to", [only(values)], {"shape": (batch.size, *(dim(1),) * extra, *narrow), "like": None})
    return batch.call("squeeze", total, axis=tuple(range(1, extra + 1))) if extra else total


@rule("full_like")
def _full_like(batch: Batch, node: Node, values: Values) -> int:
    x = batch.full(node.operands[0], values[0])
    v = node.operands[1] if values[1] is None else batch.aligned(values[1], len(node.type.dims))
    return batch.same(node, [x, v])


# ---------------------------------------------------------------- products

@rule("matmul")
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


@rule("outer")
def _outer(batch: Batch, node: Node, values: Values) -> int:
    """All pairs of two vectors, for each of the batch."""
    (x, y), (bx, by) = node.operands, values
    column = batch.call("expand_dims", x if bx is None else bx, axis=-1)
    return batch.call("multiply", column, y if by is None else batch.call("expand_dims", by, axis=1))


@rule("kron")
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


@rule("vdot")
def _vdot(batch: Batch, node: Node, values: Values) -> int:
    products = batch.call("multiply", *_full(batch, node, values))
    return batch.call("sum", products, axis=tuple(range(1, batch.rank(node) + 1)))


@rule("vecdot", "max_unpool", "max_pick")
def _of_equal_stacks(batch: Batch, node: Node, values: Values) -> int:
    """What works over last axes, but broadcasts nothing."""
    return batch.same(node, _full(batch, node, values))


@rule("columns", "add_columns")
def _columns(batch: Batch, node: Node, values: Values) -> int:
    """The first axis, that of channels or of rows, takes the batch."""
    (value,) = values
    assert value is not None
    first, *rest = batch.builder.type(node.operands[0]).dims
    attrs = dict(node.attrs)
    if node.op == "add_columns":
        attrs["shape"] = (batch.size * node.type.dims[0], *node.type.dims[1:])
    merged = batch.call("reshape", value, shape=(batch.size * first, *rest))
    return batch.call("reshape", batch.add(node.op, [merged], attrs), shape=(batch.size, *node.type.dims))


@rule("product_as")
def _product_as(batch: Batch, node: Node, values: Values) -> int:
    product = batch.call("matmul", *(batch.beside(u, v) for u, v in zip(node.operands, values, strict=True)))
    return batch.call("reshape", product, shape=(batch.size, *node.type.dims))


@rule("trace")
def _trace(batch: Batch, node: Node, values: Values) -> int:
    """By a product with the diagonal of ones, which may lie outside of the matrix."""
    n, m = batch.builder.type(node.operands[0]).dims
    ones = batch.add("eye", [], {"n": plain(n), "m": plain(m), "k": node.attr("k")})
    return batch.call("sum", batch.call("multiply", only(values), ones), axis=(1, 2))


@rule("solve")
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


@rule("solve_vector")
def _solve_vector(batch: Batch, node: Node, values: Values) -> int:
    """One matrix and many right sides are one system, whose right sides are columns."""
    (A, b), (bA, bb) = node.operands, values
    if bA is None:
        assert bb is not None
        return batch.add("mT", [batch.add("solve", [A, batch.add("mT", [bb])])])
    column = batch.call("expand_dims", batch.beside(b, bb), axis=-1)
    return batch.call("squeeze", batch.add("solve", [bA, column]), axis=-1)
