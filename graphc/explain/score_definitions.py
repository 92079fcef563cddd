"""What operations on rows of scores are, entry by entry: `softmax(S)` is `exp(S_ij) (Σ_k exp(S_ik))⁻¹`.

A cross-entropy names the probabilities, so that they get a step of their own: `−log P_i,y_i`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.conditions import when
from graphc.explain.definitions import MINUS, Operands, Out, axes_of, define, minus, summed
from graphc.explain.indices import total
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import ZERO, Expr, Index, fresh, number


def _rows_sum(r: Operands, out: Out) -> Expr:
    """Σ exp over the axes of a softmax, the others being those of `out`."""
    axes, shape = axes_of(r), r.shape(0)
    over = {a: fresh(shape[a]) for a in axes}
    return summed(tuple(over.values()), apply("exp", r.at(0, [over.get(a, i) for a, i in enumerate(out)])))


@define("softmax")
def _softmax(r: Operands, out: Out) -> Expr:
    return mul(apply("exp", r.at(0, out)), power(_rows_sum(r, out), MINUS))


@define("softmax_of", "softmax_of_masked", "softmax_or_zeros")
def _softmax_of(r: Operands, out: Out) -> Expr:
    """What a mask leaves out counts for nothing: its score is −∞."""
    def seen(place: Out) -> Expr:
        entry = apply("exp", r.at(0, place))
        return mul(when(r.beside(1, place), "≠", ZERO), entry) if len(r.node.operands) > 1 else entry

    index = fresh(r.shape(0)[-1])
    return mul(seen(out), power(total(index, seen((*out[:-1], index))), MINUS))


@define("log_softmax")
def _log_softmax(r: Operands, out: Out) -> Expr:
    return add(r.at(0, out), minus(apply("log", _rows_sum(r, out))))


def _probabilities(r: Operands, indices: Out) -> Expr:
    def rows(out: Sequence[Index]) -> Expr:
        index = fresh(out[-1].dim)
        below = total(index, apply("exp", r.at(0, (*out[:-1], index))))
        return mul(apply("exp", r.at(0, out)), power(below, MINUS))

    return r.aux("P", indices, rows)


@define("cross_entropy_labels")
def _cross_entropy_labels(r: Operands, out: Out) -> Expr:
    return minus(apply("log", _probabilities(r, (*out, r.at(1, out)))))


@define("cross_entropy_rows")
def _cross_entropy_rows(r: Operands, out: Out) -> Expr:
    index = fresh(r.shape(0)[-1])
    return minus(total(index, mul(r.beside(1, (*out, index)), apply("log", _probabilities(r, (*out, index))))))


def _margin(r: Operands, out: Out) -> Expr:
    *rows, j = out
    label = r.at(1, rows)
    slack = add(r.at(0, out), minus(r.at(0, (*rows, label))), number(r.node.attr("margin")))
    return mul(when(j, "≠", label), apply("relu", slack))


@define("svm_margins")
def _svm_margins(r: Operands, out: Out) -> Expr:
    return _margin(r, out)


@define("svm_rows")
def _svm_rows(r: Operands, out: Out) -> Expr:
    index = fresh(r.shape(0)[-1])
    return total(index, _margin(r, (*out, index)))


@define("clear_labels")
def _clear_labels(r: Operands, out: Out) -> Expr:
    return mul(when(out[-1], "≠", r.at(1, out[:-1])), r.at(0, out))
