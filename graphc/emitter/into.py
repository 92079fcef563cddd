"""Statements that write into an array that exists: `np.add(Z, b, A)` in the place of `A = Z + b`.

Each operation that has such a form is in the table; an elementwise one without falls back on `np.copyto(A, …)`. What
has no form at all makes a new array, as in the pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import numpy as np

from graphc.emitter.expressions import ATOM, LOOSE, Text
from graphc.emitter.rows import has_row_form
from graphc.ir.dims import Dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.base import NumpyContext, Op
from graphc.ops.reductions import least_of_none
from graphc.ops.windows import covers
from graphc.passes.spread import is_outer

__all__ = ["AT_LABELS", "COPIED_FIRST", "Place", "form", "has_form", "may_overwrite", "write_into"]


class Place(Protocol):
    """Where a statement stands: what constants are at hand there."""

    @property
    def context(self) -> NumpyContext: ...

    def ones(self, size: Dim, rows: bool, shape: str) -> str:
        """An array of as many ones; `rows` if it is as long as a tile. `shape` is `flat`, `row` or `column`."""

    def filled(self, node: Node, number: str) -> str:
        """An array of a number that broadcasts to the rows of a node's value."""

    def places(self, labels: Node, text: str, classes: Dim, negative: bool = False) -> tuple[list[str], str]:
        """The flat indices of the labels in rows of so many classes: lines that compute them, and their array.

        `negative`: labels may count from the end.
        """

    def starts(self, shape: Sequence[Dim]) -> str:
        """The flat indices at which the rows along the last axis of an array begin, in one axis."""

    def reduction(self, ufunc: str, shape: Sequence[Dim]) -> str:
        """What takes the largest or smallest numbers along the last axis of an array, as `reduceat` of the ufunc."""

    def entries(self, x: Text) -> str:
        """All entries of an array without gaps in one axis."""

    def made(self, name: str, text: Callable[[NumpyContext], str]) -> str:
        """The name of what is made once, with the memory; `text` says it where memory is made."""

    def text(self, node: Node) -> Text:
        """The node's expression in plain NumPy."""

    def operand(self, node: Node, position: int) -> Node: ...

    def by_rows(self) -> bool:
        """Whether the arrays are tiles of rows."""

    def solid(self, node: Node, position: int) -> bool:
        """Whether an operand is an array without gaps, which takes another shape without a copy."""

    def flat(self, x: Text, rest: Sequence[Dim], like: Text | None = None) -> str:
        """An array by rows, with what is behind them as axes of these sizes, mostly as one; with none nothing is."""

    def as_rows(self, x: Text, shape: Sequence[Dim], leading: int) -> tuple[str, str]:
        """An array without gaps in two axes, the leading ones as one, and as many ones as that one is long, first."""

    def has_gaps(self, node: Node, position: int) -> bool:
        """Whether an operand shows rows between which its array has others: `dot` copies it, `matmul` does not."""

    def is_backwards(self, node: Node, position: int) -> bool:
        """Whether an operand shows an array backwards, which NumPy copies for a product."""

    def window(self, node: Node, array: int) -> str:
        """A list of indices that is made once: each takes an entry of all windows of an array."""

    def blocks(self) -> str:
        """What `erf` works in, a block of entries at a time."""

    def at(self) -> str:
        """A name for one of those."""

    def scratch(self, what: str, sizes: tuple[Dim, ...], dtype: str) -> str:
        """An array for no longer than the statement, of these sizes; of `dtype` float, int or bool."""

    def located(self, places: str, lines: list[str]) -> list[str]:
        """The lines that write places into that array; none if it holds them, as a statement before needs the same."""

    def contiguous(self, node: Node) -> bool:
        """Whether the array of a node's value has no gaps: `dot` writes into no other."""

    def is_checked(self, node: Node) -> bool:
        """Whether it holds indices that are known to be in their range."""

    def may_be_negative(self, labels: Node) -> bool:
        """Whether integers may count from the end, as indices do and labels do not."""


Write = Callable[[Place, Node, str, "list[Text]"], "list[str]"]

TABLE: dict[str, Write] = {}
AT_LABELS = ("subtract_one_hot", "subtract_at_labels", "clear_labels", "balance_labels")
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
COPIED_FIRST = dict.fromkeys((*AT_LABELS, "tril", "triu", "scatter_add", "add_part"), 0) | {"where": 2}
"""Of operations that begin with a copy of an operand to where the result goes, which one that is."""


def form(*names: str) -> Callable[[Write], Write]:
    """Enter a function into the table for these operations."""

    def keep(write: Write) -> Write:
        for name in names:
            TABLE[name] = write
        return write

    return keep


def has_form(op: Op, node: Node) -> bool:
    """Whether the operation can write into an array."""
    if isinstance(node.type.shape, Unknown) or not node.type.rank:
        return False
    if node.op in AT_LABELS and node.type.rank < 2:
        return False
    if node.op in ("cumsum", "cumprod", "scatter_add", "scatter_along_axis") and not node.type.is_float:
        return False  # integers come in several types, and the memory is of one
    if node.op in ("gather", "scatter"):
        return has_row_form(node)
    return op.elementwise or node.op in TABLE


def may_overwrite(op: Op, node: Node, place: Callable[[int], Node]) -> tuple[int, ...]:
    """The operands of which an entry is read before, and not after, the same entry of the result is written: such a
    one of the same type may be the array of the result. `place` has the nodes by their ids."""
    if _is_by_bits(node, lambda of, k: place(of.operands[k])):  # the first is read before all others
        return node.operands[1:2]
    if node.op in ("where", "keep_scores"):  # the second is written before what is chosen is read
        return node.operands[2:]
    if node.op == "sign":  # which NumPy computes entry by entry, in ten times the time, where it writes what it reads
        return ()
    if op.elementwise:
        return node.operands
    if node.op in COPIED_FIRST:
        return node.operands[:1]
    if node.op == "max_unpool" and covers(node, place(node.operands[1]).type.dims):
        return node.operands[1:2]
    return ()


def write_into(place: Place, op: Op, node: Node, target: str, operands: list[Text]) -> list[str]:
    """The lines that compute a node into the array `target`."""
    write = TABLE.get(node.op)
    if write is not None:
        return write(place, node, target, operands)
    if op.ufunc:
        name = "" if _takes_out_last(op.ufunc, len(operands)) else "out="
        return [f"{op.ufunc}({', '.join(t.within(LOOSE) for t in operands)}, {name}{target})"]
    return [f"np.copyto({target}, {place.text(node)})"]


@cache
def _takes_out_last(name: str, count: int) -> bool:
    """Whether the array to write into may follow the operands without its name, which takes less time to pass.

    Only where NumPy's function is one by entries and has no other argument there; for the larger and the smaller of two
    NumPy wants the name.
    """
    function = getattr(np, name.removeprefix("np."), None)
    return isinstance(function, np.ufunc) and function.nin == count and name not in ("np.maximum", "np.minimum")


@form("multiply")
def _times(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """A column times a short row is a product of matrices to BLAS, in half the time: NumPy begins each row anew.
    Truth values times numbers are copied to numbers first: to cast them by the way takes longer."""
    for k in (0, 1):
        column, row = place.operand(node, k), place.operand(node, 1 - k)
        if is_outer(column, row, node) and place.contiguous(node):
            lying = operands[1 - k] if row.type.rank == 2 else f"{operands[1 - k].within(ATOM)}[None]"
            return [f"{place.context.helper('column_by_row')}({operands[k]}, {lying}, {target})"]
    factors: list[str] = []
    for k in (0, 1):
        mask = place.operand(node, k).type
        if mask.dtype == "bool" and node.type.is_float and mask.shape == node.type.shape and place.by_rows():
            numbers = place.scratch("factors", node.type.dims, "float")
            factors, operands[k] = [f"{numbers}[...] = {operands[k]}"], Text(numbers)
    return [*factors, f"np.multiply({operands[0]}, {operands[1]}, {target})"]


@form("maximum", "minimum")
def _extreme(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """With an array of a number NumPy is several times as fast as with the number."""
    if node.type.is_float:
        numbers = [place.operand(node, k).op == "const" and place.operand(node, k).type.rank == 0 for k in (0, 1)]
        operands = [
            Text(place.filled(node, t.text)) if is_number else t
            for t, is_number in zip(operands, numbers, strict=True)
        ]
    return [f"np.{node.op}({operands[0]}, {operands[1]}, out={target})"]


@form(*COMPARISONS)
def _compared(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if all(place.operand(node, k).type.is_float or t.text in ("0", "0.0") for k, t in enumerate(operands)):
        operands = [Text(place.filled(node, t.text)) if t.text in ("0", "0.0") else t for t in operands]
    return [f"np.{node.op}({operands[0]}, {operands[1]}, {target})"]


@form("divide")
def _quotient(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if operands[0].text in ("1", "1.0") and place.operand(node, 1).type.is_float:
        return [f"np.reciprocal({operands[1]}, {target})"]
    return [f"np.divide({operands[0]}, {operands[1]}, {target})"]


@form("as_float", "as_int", "stop_gradient", "in_order")
def _copied(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    casting = ', casting="unsafe"' if node.op == "as_float" else ""
    return [f"np.copyto({target}, {operands[0]}{casting})"]


@form("matmul")
def _product(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    left, right = operands
    ranks = [place.operand(node, k).type.rank for k in (0, 1)]
    dense = all(place.operand(node, k).type.is_float and not place.has_gaps(node, k) for k in (0, 1))
    if ranks == [2, 2] and dense and place.contiguous(node):
        return [f"{left.within(ATOM)}.dot({right}, {target})"]
    return [f"np.matmul({left}, {right}, {target})"]


@form("where", "keep_scores")
def _chosen(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """`np.where` makes a new array. `copyto` takes what is true in a row as one piece, and is slow where one entry says
    nothing about the next."""
    chosen, a, b = operands if node.op == "where" else (operands[1], operands[0], "-np.inf")
    if _is_by_bits(node, place.operand):
        room = place.scratch("bits", node.type.dims, "float")
        return [f"{place.context.helper('choose')}({chosen}, {a}, {b}, {target}, {room})"]
    return [f"np.copyto({target}, {b})", f"np.copyto({target}, {a}, where={chosen})"]


def _is_by_bits(node: Node, operand: Callable[[Node, int], Node]) -> bool:
    """Whether a choice between floating numbers is made by one of floating numbers, for each entry or row anew."""
    mask = operand(node, 0) if node.op == "where" and node.type.is_float else None
    return mask is not None and mask.type.rank != 0 and _is_irregular(mask, operand)


def _is_irregular(mask: Node, operand: Callable[[Node, int], Node]) -> bool:
    """Whether truth values come of comparing floating numbers, so that one says nothing about the next."""
    operands = [operand(mask, k) for k in range(len(mask.operands))]
    if mask.op in ("logical_not", "logical_and", "logical_or"):
        return any(_is_irregular(u, operand) for u in operands)
    return mask.op in COMPARISONS and any(u.type.is_float for u in operands)


@form("outer")
def _outer(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"np.outer({operands[0]}, {operands[1]}, out={target})"]


@form("vecdot")
def _vecdot(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"np.vecdot({operands[0]}, {operands[1]}, {target})"]


@form("sum")
def _sum(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """Sums as products with ones: BLAS adds faster than a reduction does."""
    (x,) = operands
    source = place.operand(node, 0)
    shape, axes, keepdims = source.type.dims, node.attr("axis"), node.attr("keepdims")
    rank = len(shape)
    floats = node.type.is_float and source.type.is_float and place.contiguous(node) and not place.is_backwards(node, 0)
    if floats and rank > 2 and axes == tuple(range(1, rank)) and place.solid(node, 0):
        rest = numel(shape[1:])
        ones = place.ones(rest, False, "flat")
        return [f"{place.flat(x, [rest])}.dot({ones}, {place.flat(Text(target), [], x) if keepdims else target})"]
    leading = rank > 2 and bool(axes) and axes == tuple(range(len(axes))) and len(axes) < rank
    if floats and leading and place.solid(node, 0) and not keepdims:
        ones, rows = place.as_rows(x, shape, len(axes))
        into = target if len(axes) == rank - 1 else f"{target}.reshape(-1)"
        return [f"{ones}.dot({rows}, {into})"]
    if floats and rank > 3 and axes == tuple(range(1, rank - 1)) and place.solid(node, 0) and not keepdims:
        between = numel(shape[1:-1])
        return [f"np.matmul({place.ones(between, False, 'flat')}, {place.flat(x, [between, shape[-1]])}, {target})"]
    if floats and rank > 1 and axes is not None and len(axes) == 1:
        if axes[0] == rank - 1:
            ones = place.ones(shape[-1], False, "column" if keepdims else "flat")
            if rank == 2 and not place.has_gaps(node, 0):
                return [f"{x.within(ATOM)}.dot({ones}, {target})"]
            return [f"np.matmul({x}, {ones}, {target})"]
        if axes[0] == rank - 2 and rank > 2 and place.solid(node, 0):
            return [f"np.matmul({place.ones(shape[-2], False, 'row' if keepdims else 'flat')}, {x}, {target})"]
        if axes[0] == 0 and rank == 2:
            ones = place.ones(shape[0], place.by_rows(), "row" if keepdims else "flat")
            if place.has_gaps(node, 0):
                return [f"np.matmul({ones}, {x}, {target})"]
            return [f"{ones}.dot({x}, {target})"]
    return _reduced(place, node, target, operands)


REDUCE = {"sum": "np.add", "ties": "np.add", "prod": "np.multiply", "max": "np.maximum", "largest": "np.maximum",
          "min": "np.minimum", "all": "np.logical_and", "any": "np.logical_or"}  # fmt: skip


@form("ties", "max", "largest", "min", "prod", "all", "any")
def _reduced(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    axes, keepdims = node.attr("axis"), node.attr("keepdims")
    over = "None" if axes is None else str(axes[0]) if len(axes) == 1 else str(axes)
    keep = ", keepdims=True" if keepdims else ""
    least = least_of_none(place.context, node) if node.op == "largest" else []
    shape = place.operand(node, 0).type.dims
    some = not least or shape[-1] in shape[:-1]  # rows of no entries, of which there are none
    if node.op in ("max", "largest", "min") and some and _is_along_rows(place, node):
        rows, starts = place.entries(operands[0]), place.starts(shape)
        into = place.entries(Text(target)) if keepdims or len(shape) > 2 else target
        reduce = place.reduction(REDUCE[node.op], shape)
        return [f"{reduce}({rows}, {starts}, 0, None, {into})"]
    keep += "".join(f", {argument}" for argument in least)
    return [f"{REDUCE[node.op]}.reduce({operands[0]}, axis={over}{keep}, out={target})"]


def _is_along_rows(place: Place, node: Node) -> bool:
    """Whether numbers are reduced along the last axis, in arrays without gaps: NumPy's `reduceat` then takes the rows
    for pieces of one long axis, and less than half the time, as it sets nothing up for each of them."""
    source = place.operand(node, 0)
    last = (source.type.rank or 0) - 1
    by_rows = last > 0 and source.type.is_float and node.attr("axis") == (last,)
    return by_rows and place.solid(node, 0) and place.contiguous(node)


@form("mean")
def _mean(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    axes, keepdims = node.attr("axis"), node.attr("keepdims")
    over = "" if axes is None else f", axis={axes[0] if len(axes) == 1 else axes}"
    return [f"np.mean({operands[0]}{over}{', keepdims=True' if keepdims else ''}, out={target})"]


@form("concatenate")
def _joined(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"np.concatenate([{', '.join(map(str, operands))}], axis={node.attr('axis')}, out={target})"]


@form("stack")
def _stacked(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if node.type.rank == 1:
        return [f"{target}[{k}] = {x}" for k, x in enumerate(operands)]
    return [f"np.stack([{', '.join(map(str, operands))}], axis={node.attr('axis')}, out={target})"]


@form("broadcast_to")
def _spread(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"np.copyto({target}, {operands[0]})"]


@form("unslice")
def _placed(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    from graphc.ops.cuts import index_texts

    index = ", ".join(index_texts(place.context, node.type.dims, node.attr("index")))
    return [f"{target}.fill(0)", f"{target}[{index}] = {operands[0]}"]
