"""Sums of products over indices: `einsum` and `tensordot`. None of them stays in the graph.

Lowering reads the subscripts and makes transposes, reshapes, matrix products, products by entries and sums of them,
two operands at a time. So no rule is needed, and `einsum("nd,dh->nh", X, W)` is `X @ W`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from graphc.ir.dims import Dim, numel
from graphc.ir.types import ShapeError, Solver, shape_text
from graphc.ops.axes import normal_axis
from graphc.ops.base import REQUIRED, CallError, Lowering, Op, register

__all__ = ["Term", "contract", "last_axes", "solver_of"]

# What a symbolic size counts for where orders of products are compared: any number, but always the same.
_GUESS = 64


@dataclass(frozen=True, slots=True)
class Term:
    """A value whose axes have names. A name that occurs in several terms is one index."""

    labels: tuple[str, ...]
    id: int


class Contraction:
    """Reduces terms to one, by pairs."""

    def __init__(self, lowering: Lowering, sizes: dict[str, Dim]) -> None:
        self.lowering = lowering
        self.sizes = sizes

    # ------------------------------------------------------------ one term

    def summed(self, term: Term, kept: Iterable[str]) -> Term:
        """The term summed over all labels but those to keep."""
        keep = set(kept)
        axes = tuple(i for i, label in enumerate(term.labels) if label not in keep)
        if not axes:
            return term
        total = self.lowering.call("sum", term.id, axis=axes)
        return Term(tuple(label for label in term.labels if label in keep), total)

    def ordered(self, term: Term, labels: Sequence[str]) -> Term:
        """The term with its axes in this order."""
        order = tuple(term.labels.index(label) for label in labels)
        return Term(tuple(labels), self.lowering.call("transpose", term.id, axes=order) if order else term.id)

    def aligned(self, term: Term, labels: Sequence[str]) -> int:
        """The term's value with axes of size 1 where it lacks one of the labels, to be broadcast."""
        value = self.ordered(term, [label for label in labels if label in term.labels]).id
        missing = [i for i, label in enumerate(labels) if label not in term.labels]
        # Broadcasting adds axes in front by itself; an undeclared argument it would take for one that enlarges nothing.
        enlarges = len(term.labels) < len(labels) and all(size.is_open for size in self.lowering.shape(value))
        while missing and missing[0] == 0 and not enlarges:
            missing = [i - 1 for i in missing[1:]]
            labels = labels[1:]
        return self.lowering.call("expand_dims", value, axis=tuple(missing)) if missing else value

    # ------------------------------------------------------------ two terms

    def pair(self, a: Term, b: Term, kept: Sequence[str]) -> Term:
        """The product of two terms summed over the labels that nothing else needs, axes in a convenient order."""
        a = self.summed(a, [*b.labels, *kept])
        b = self.summed(b, [*a.labels, *kept])
        inner = [label for label in a.labels if label in b.labels and label not in kept]
        shared = [label for label in a.labels if label in b.labels and label in kept]
        left = [label for label in a.labels if label not in b.labels]
        right = [label for label in b.labels if label not in a.labels]
        if not inner:
            return self._by_entries(a, b, kept)
        if not left and not right and (shared or len(inner) > 1):
            return self.summed(self._by_entries(a, b, [*shared, *inner]), shared)
        return self._as_product(a, b, kept, shared, inner)

    def _by_entries(self, a: Term, b: Term, kept: Sequence[str]) -> Term:
        labels = [label for label in kept if label in a.labels or label in b.labels]
        for term in (a, b):  # the order of an operand that has them all costs nothing
            if set(term.labels) == set(labels):
                labels = [*term.labels]
                break
        if len(a.labels) == len(b.labels) == 1 and len(labels) == 2:
            first, second = (a, b) if a.labels[0] == labels[0] else (b, a)
            return Term(tuple(labels), self.lowering.call("outer", first.id, second.id))
        return Term(tuple(labels), self.lowering.call("multiply", self.aligned(a, labels), self.aligned(b, labels)))

    def _as_product(self, a: Term, b: Term, kept: Sequence[str], shared: list[str], inner: list[str]) -> Term:
        """By a matrix product, in the arrangement that moves the fewest axes."""
        best = min(
            (
                _Arrangement(first, second, tuple(batch), tuple(summed), tuple(kept))
                for first, second in ((a, b), (b, a))
                for batch, summed in product(
                    _orders(shared, a.labels, b.labels, kept), _orders(inner, a.labels, b.labels)
                )
            ),
            key=lambda arrangement: arrangement.cost,
        )
        return best.build(self)


def _orders(labels: Sequence[str], *sources: Sequence[str]) -> list[list[str]]:
    """The labels in the order of each source."""
    orders = [[label for label in source if label in labels] for source in sources]
    return [order for i, order in enumerate(orders) if order not in orders[:i]]


class _Arrangement:
    """One way to write a contraction as `(batch, rows, inner) @ (batch, inner, columns)`."""

    def __init__(self, a: Term, b: Term, batch: tuple[str, ...], inner: tuple[str, ...], kept: tuple[str, ...]) -> None:
        self.a, self.b, self.batch, self.inner = a, b, batch, inner
        self.rows = tuple(label for label in a.labels if label not in b.labels)
        self.columns = tuple(label for label in b.labels if label not in a.labels)
        self.result = (*batch, *self.rows, *self.columns)
        wanted = tuple(label for label in kept if label in self.result)
        # A matrix needs no reshape where each group is one label, and a stack of rows none before one matrix.
        self.stacked = not batch and len(inner) == len(self.columns) == 1 and a.labels == (*self.rows, *inner)
        moves = self._moves(a.labels, self.rows, inner) + self._moves(b.labels, inner, self.columns)
        groups = 0 if self.stacked else sum(len(group) > 1 for group in (self.rows, self.columns, inner))
        self.cost = moves + 0.2 * groups + _permutation_cost(self.result, wanted)

    def _moves(self, labels: tuple[str, ...], first: tuple[str, ...], second: tuple[str, ...]) -> float:
        if labels == (*self.batch, *first, *second):
            return 0.0
        if labels == (*self.batch, *second, *first):
            return 0.1
        return 1.0

    def build(self, work: Contraction) -> Term:
        call = work.lowering.call
        if self.stacked:
            A = self.a.id
        else:
            A = self._matrix(work, self.a, self.rows, self.inner)
        B = self._matrix(work, self.b, self.inner, self.columns)
        if not self.batch:  # vectors stay vectors
            value = call("matmul", A, B)
        else:
            value = call("matmul", A if self.rows else call("expand_dims", A, axis=-2),
                         B if self.columns else call("expand_dims", B, axis=-1))  # fmt: skip
            if not self.rows or not self.columns:
                value = call("squeeze", value, axis=-1 if self.rows else -2)
        if not self.stacked and (len(self.rows) > 1 or len(self.columns) > 1):
            value = call("reshape", value, shape=tuple(work.sizes[label] for label in self.result))
        return Term(self.result, value)

    def _matrix(self, work: Contraction, term: Term, first: tuple[str, ...], second: tuple[str, ...]) -> int:
        """The term as a stack of matrices, `first` down and `second` across; a group without labels has no axis."""
        if first and second and term.labels == (*self.batch, *second, *first):
            value = self._grouped(work, term.id, second, first)  # a reshape is free before the transpose, not after it
            return work.lowering.add("mT", [value])
        value = work.ordered(term, (*self.batch, *first, *second)).id
        return self._grouped(work, value, first, second)

    def _grouped(self, work: Contraction, value: int, *groups: tuple[str, ...]) -> int:
        if all(len(group) <= 1 for group in groups):
            return value
        sizes = [work.sizes[label] for label in self.batch]
        sizes += [numel(tuple(work.sizes[label] for label in group)) for group in groups if group]
        reshaped: int = work.lowering.call("reshape", value, shape=tuple(sizes))
        return reshaped


def _permutation_cost(have: Sequence[str], wanted: Sequence[str]) -> float:
    if tuple(have) == tuple(wanted):
        return 0.0
    return 0.15 if [*have[:-2], *have[:-3:-1]] == [*wanted] else 0.6


# ---------------------------------------------------------------- all terms

def contract(lowering: Lowering, terms: Sequence[Term], output: Sequence[str]) -> int:
    """The sum of the product of the terms over all labels that the output lacks."""
    _check_repeated(lowering, terms)
    if len(terms) == 1 and len(terms[0].labels) == 2 and len(set(terms[0].labels)) == 1 and not output:
        trace: int = lowering.call("trace", terms[0].id)
        return trace
    terms = [_diagonal(lowering, term) for term in terms]
    sizes, terms = _common_sizes(lowering, terms)
    work = Contraction(lowering, sizes)
    pending = list(terms)
    while len(pending) > 1:
        i, j = _cheapest(pending, output, sizes)
        others = [term for k, term in enumerate(pending) if k not in (i, j)]
        needed = [*output, *(label for term in others for label in term.labels if label not in output)]
        merged = work.pair(pending[i], pending[j], list(dict.fromkeys(needed)))
        pending = [*others[:i], merged, *others[i:]]
    return work.ordered(work.summed(pending[0], output), output).id


def _check_repeated(lowering: Lowering, terms: Sequence[Term]) -> None:
    """The axes of a label that stands twice in one term must have one size."""
    for operand, term in enumerate(terms):
        shape = lowering.shape(term.id)
        for size, label in zip(shape, term.labels, strict=True):
            first = shape[term.labels.index(label)]
            if not solver_of(lowering).equal(first, size):
                raise ShapeError(f"index {_shown(label)} of `einsum` stands for two sizes of one operand",
                                 operand=operand, label=f"{first} and {size}")  # fmt: skip


def _diagonal(lowering: Lowering, term: Term) -> Term:
    """A label that stands twice in one term means its diagonal."""
    labels, value = list(term.labels), term.id
    while len(set(labels)) < len(labels):
        label = next(name for name in labels if labels.count(name) > 1)
        i = labels.index(label)
        j = labels.index(label, i + 1)
        rest = [k for k in range(len(labels)) if k not in (i, j)]
        value = lowering.call("transpose", value, axes=(*rest, i, j))
        value = lowering.call("diagonal", value)
        labels = [labels[k] for k in rest] + [label]
    return Term(tuple(labels), value)


def _common_sizes(lowering: Lowering, terms: Sequence[Term]) -> tuple[dict[str, Dim], list[Term]]:
    """The size of each label. An axis of size 1 where others have more is dropped: it would only be broadcast."""
    solver: Solver = solver_of(lowering)
    sizes: dict[str, Dim] = {}
    for i, term in enumerate(terms):
        for label, size in zip(term.labels, lowering.shape(term.id), strict=True):
            known = sizes.get(label)
            if known is None or known == 1:
                sizes[label] = size
            elif size != 1 and not solver.equal(known, size):
                raise ShapeError(
                    f"index {_shown(label)} of `einsum` has two sizes", operand=i,
                    label=f"{known} in an operand before, {size} in this one",
                )  # fmt: skip
    result = []
    for term in terms:
        shape = lowering.shape(term.id)
        narrow = tuple(
            k for k, (label, size) in enumerate(zip(term.labels, shape, strict=True))
            if size == 1 and sizes[label] != 1
        )  # fmt: skip
        value = lowering.call("squeeze", term.id, axis=narrow) if narrow else term.id
        result.append(Term(tuple(label for k, label in enumerate(term.labels) if k not in narrow), value))
    return sizes, result


def solver_of(lowering: Any) -> Solver:
    """Who knows of two sizes whether they are equal, and can make an open one so."""
    solver: Solver = lowering.builder.solver
    return solver


def _shown(label: str) -> str:
    return f"`{label}`" if len(label) == 1 else "of the axes under `...`"


def _cheapest(terms: Sequence[Term], output: Sequence[str], sizes: dict[str, Dim]) -> tuple[int, int]:
    """The two terms whose product costs least; the first of equal ones."""

    def count(labels: Iterable[str]) -> int:
        return prod(_GUESS if sizes[label].value is None else (sizes[label].value or 1) for label in set(labels))

    def cost(pair: tuple[int, int]) -> tuple[int, int, int, int]:
        i, j = pair
        both = {*terms[i].labels, *terms[j].labels}
        others = {label for k, term in enumerate(terms) if k not in pair for label in term.labels}
        result = both & {*output, *others}
        return count(both), count(result), i, j

    pairs = [(i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))]
    return min(pairs, key=cost)


# ---------------------------------------------------------------- einsum

MOST_OPERANDS = 32
"""NumPy takes no more either."""

def _einsum_call(lowering: Lowering, *xs: int, subscripts: Any) -> int:
    if not isinstance(subscripts, str):
        raise CallError("the subscripts of `einsum` are text, for example \"ij,jk->ik\"", argument="subscripts")
    text = subscripts.replace(" ", "")
    inputs, arrow, result = text.partition("->")
    parts = inputs.split(",")
    if len(parts) != len(xs):
        raise CallError(f"the subscripts \"{subscripts}\" name {len(parts)} operands, the call has {len(xs)}",
                        argument="subscripts")  # fmt: skip
    if len(xs) > MOST_OPERANDS:
        raise CallError(f"`einsum` takes at most {MOST_OPERANDS} operands", help="do it in several steps")
    terms = []
    for i, (part, x) in enumerate(zip(parts, xs, strict=True)):
        head, dots, tail = _letters(part, subscripts)
        rank = None if dots else len(head)
        shape = lowering.shape(x, rank)
        free = len(shape) - len(head) - len(tail)
        if free < 0 or (free and not dots):
            raise ShapeError(f"the subscripts `{part}` name {len(head + tail)} axes", operand=i,
                             label=f"this operand has shape {shape_text(shape)}")  # fmt: skip
        terms.append(Term((*head, *_hidden(free), *tail), x))
    if arrow:
        head, dots, tail = _letters(result, subscripts)
        rest = max((sum(len(label) > 1 for label in t.labels) for t in terms), default=0)
        if rest and not dots:
            raise CallError("the result must have `...` where an operand has it", argument="subscripts")
        output = [*head, *(_hidden(rest) if dots else ()), *tail]
        _check_output(output, terms, subscripts)
    else:
        output = _implied(terms)
    return contract(lowering, terms, output)


def _letters(part: str, subscripts: str) -> tuple[str, bool, str]:
    """The letters before and after an ellipsis."""
    head, dots, tail = part.partition("...")
    for letter in head + tail:
        if not (letter.isascii() and letter.isalpha()):
            raise CallError(f"`{letter}` cannot stand in the subscripts \"{subscripts}\"", argument="subscripts",
                            help="letters, `,`, `->` and `...` can")  # fmt: skip
    return head, bool(dots), tail


def _hidden(count: int) -> tuple[str, ...]:
    """Labels of the axes under an ellipsis, which are matched from the last one on."""
    return tuple(f"...{k}" for k in range(count, 0, -1))


def _check_output(output: Sequence[str], terms: Sequence[Term], subscripts: str) -> None:
    known = {label for term in terms for label in term.labels}
    for label in output:
        if label not in known:
            raise CallError(f"index `{label}` of the result occurs in no operand", argument="subscripts")
        if output.count(label) > 1:
            raise CallError(f"index `{label}` stands twice in the result", argument="subscripts")


def _implied(terms: Sequence[Term]) -> list[str]:
    """NumPy's result where none is written: the axes under `...`, then the letters that occur once, sorted."""
    labels = [label for term in terms for label in term.labels]
    hidden = sorted({label for label in labels if len(label) > 1}, key=lambda label: -int(label[3:]))
    return hidden + sorted(label for label in set(labels) if len(label) == 1 and labels.count(label) == 1)


register(Op(
    name="einsum", family="linalg", operands=("*xs",), attributes={"subscripts": REQUIRED},
    positional=("subscripts",), call=_einsum_call, math="Σ {xs}",
    evaluate=lambda *xs, subscripts: np.einsum(subscripts, *xs),
    doc="The sum of products over indices: `einsum(\"ij,jk->ik\", A, B)`; `...`, a repeated index (the diagonal) and "
        "an implied result as in NumPy.",
    source="NumPy: einsum; derivations B7–B11",
))  # fmt: skip


# ---------------------------------------------------------------- tensordot

def _tensordot_call(lowering: Lowering, a: int, b: int, *, axes: Any) -> int:
    left, right = len(lowering.shape(a)), len(lowering.shape(b))
    if isinstance(axes, Dim):
        axes = axes.value
    if isinstance(axes, int) and not isinstance(axes, bool):
        if not 0 <= axes <= min(left, right):
            raise CallError(f"{axes} axes cannot be summed over: the operands have {left} and {right}", argument="axes")
        first, second = list(range(left - axes, left)), list(range(axes))
    elif isinstance(axes, (tuple, list)) and len(axes) == 2:
        pair = [list(part) if isinstance(part, (tuple, list)) else [part] for part in axes]
        first = [normal_axis(k, left, "axes") for k in pair[0]]
        second = [normal_axis(k, right, "axes") for k in pair[1]]
        if len(first) != len(second) or len(set(first)) < len(first) or len(set(second)) < len(second):
            raise CallError("`axes` must name equally many different axes of both operands", argument="axes")
    else:
        raise CallError("`axes` is a number of axes, or a pair of lists of axes", argument="axes")
    solver = solver_of(lowering)
    for i, j in zip(first, second, strict=True):
        m, n = lowering.shape(a)[i], lowering.shape(b)[j]
        if not solver.equal(m, n):
            raise ShapeError("operands of `tensordot` do not agree", operand=1, label=f"sizes {m} and {n} differ")
    names = [f"a{k}" for k in range(left)]
    others = [names[first[second.index(k)]] if k in second else f"b{k}" for k in range(right)]
    output = [n for k, n in enumerate(names) if k not in first] + [n for k, n in enumerate(others) if k not in second]
    return contract(lowering, [Term(tuple(names), a), Term(tuple(others), b)], output)


register(Op(
    name="tensordot", family="linalg", operands=("a", "b"), attributes={"axes": 2}, positional=("axes",),
    evaluate=lambda a, b, *, axes=2: np.tensordot(a, b, axes), call=_tensordot_call, math="Σ {a} {b}",
    doc="The product of two arrays summed over axes: the last of a with the first of b, or those given.",
    source="NumPy: tensordot",
))  # fmt: skip


def last_axes(lowering: Lowering, a: int, b: int, place: int) -> int:
    """Summed over the last axis of a and the axis `place` of b: what `inner` and `dot` do for any ranks."""
    return _tensordot_call(lowering, a, b, axes=((-1,), (place,)))


