"""What products and reductions are, entry by entry: `X @ W` is `Σ_d X_id W_dh`, `mean(v)` is `n⁻¹ Σ_i v_i`."""

from __future__ import annotations

from graphc.explain.conditions import when
from graphc.explain.definitions import MINUS, Operands, Out, Undefined, axes_of, define, summed
from graphc.explain.indices import total
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import Expr, Extreme, Index, fresh, number, size
from graphc.ir.dims import numel


@define("matmul")
def _matmul(r: Operands, out: Out) -> Expr:
    """The last two axes are matrices, those before them a batch."""
    *batch, i, j = out
    inner = fresh(r.shape(0)[-1])
    return total(inner, mul(r.beside(0, (*batch, i, inner)), r.beside(1, (*batch, inner, j))))


@define("outer")
def _outer(r: Operands, out: Out) -> Expr:
    return mul(r.at(0, out[:1]), r.at(1, out[1:]))


def _along(r: Operands, out: Out) -> tuple[tuple[Index, ...], tuple[Expr, ...]]:
    """New indices for the axes that are reduced, and all indices of the operand."""
    axes, shape = axes_of(r), r.shape(0)
    new = {a: fresh(shape[a]) for a in axes}
    kept = [i for a, i in enumerate(out) if a not in axes] if r.node.attr("keepdims") else list(out)
    rest = iter(kept)
    return tuple(new.values()), tuple(new[a] if a in new else next(rest) for a in range(len(shape)))


def _count(r: Operands) -> Expr:
    shape = r.shape(0)
    return size(numel(tuple(shape[a] for a in axes_of(r))))


@define("sum")
def _sum(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    return summed(over, r.at(0, inner))


@define("mean")
def _mean(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    return mul(power(_count(r), MINUS), summed(over, r.at(0, inner)))


@define("max", "largest", "min", "prod")
def _extreme(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    if len(over) != 1:
        if not over:
            return r.at(0, inner)
        raise Undefined("an extreme over several axes")
    return Extreme("max" if r.node.op == "largest" else r.node.op, over[0], r.at(0, inner))


@define("norm")
def _norm(r: Operands, out: Out) -> Expr:
    if r.node.attr("ord") != 2:
        raise Undefined("a norm of another order")
    over, inner = _along(r, out)
    return apply("sqrt", summed(over, power(r.at(0, inner), number(2))))


@define("logsumexp")
def _logsumexp(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    return apply("log", summed(over, apply("exp", r.at(0, inner))))


@define("cumsum")
def _cumsum(r: Operands, out: Out) -> Expr:
    (axis,) = axes_of(r)
    index = fresh(r.shape(0)[axis])
    return total(index, mul(when(index, "≤", out[axis]), r.at(0, (*out[:axis], index, *out[axis + 1 :]))))


@define("cumprod")
def _cumprod(r: Operands, out: Out) -> Expr:
    if r.node.attr("axis") is None:
        raise Undefined("a product of the entries in a row")
    (axis,) = axes_of(r)
    index = fresh(r.shape(0)[axis])
    entry = r.at(0, (*out[:axis], index, *out[axis + 1 :]))
    return Extreme("prod", index, power(entry, when(index, "≤", out[axis])))


@define("trace")
def _trace(r: Operands, out: Out) -> Expr:
    k = r.node.attr("k")
    rows, columns = r.shape(0)[-2:]
    i, j = fresh(rows), fresh(columns)
    if k == 0 and rows == columns:
        return total(i, r.at(0, (*out, i, i)))
    return summed([i, j], mul(when(j, "=", add(i, size(k))), r.at(0, (*out, i, j))))
