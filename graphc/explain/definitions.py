"""What operations are, entry by entry: `matmul` is `Σ_k A_ik B_kj`.

A definition gets its operands and the indices of one entry of the result, and answers with an expression. Derivatives
are nowhere written down: they follow from these (`index_calculus.derivative`), and a test holds them against the rules.
A composite operation without a definition here is taken by its definition in the language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from graphc.explain.indices import (
    ONE,
    ZERO,
    Add,
    Expr,
    Extreme,
    Index,
    Mul,
    Num,
    Size,
    add,
    apply,
    fresh,
    mul,
    number,
    power,
    size,
    total,
    when,
)  # fmt: skip
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Type
from graphc.ops.cuts import ARRAY

__all__ = ["DEFINITIONS", "LINEAR", "MOVES", "Operands", "Undefined", "define", "flat", "summed"]


class Undefined(Exception):
    """An operation has no index definition, or a rank is not known."""


class Operands(Protocol):
    """The node whose entry is wanted, and the entries of its operands."""

    node: Node

    def at(self, operand: int, indices: Sequence[Expr]) -> Expr: ...
    def beside(self, operand: int, out: Sequence[Expr]) -> Expr:
        """The operand's entry that broadcasting puts at `out`."""

    def shape(self, operand: int) -> tuple[Dim, ...]: ...
    def own(self) -> tuple[Dim, ...]: ...
    def type(self, operand: int) -> Type: ...
    def aux(self, name: str, indices: Sequence[Expr], make: Callable[[Sequence[Index]], Expr]) -> Expr:
        """A value that gets a name and a step of its own: the entry at `indices` of what `make` defines."""


Out = Sequence[Expr]
Definition = Callable[[Operands, Out], Expr]
DEFINITIONS: dict[str, Definition] = {}
MOVES: set[str] = set()
"""Operations that only say which entry of an operand an entry is."""
LINEAR = {
    "add", "subtract", "multiply", "matmul", "sum", "mean", "negative", "outer", "trace", "number", "fits",
    "shift_along", "scale_along",
}  # fmt: skip
"""Operations after which a sum of products is still a sum of products."""

MINUS = number(-1)


def define(*names: str, moves: bool = False) -> Callable[[Definition], Definition]:
    def keep(definition: Definition) -> Definition:
        for name in names:
            DEFINITIONS[name] = definition
        if moves:
            MOVES.update(names)
        return definition

    return keep


# ---------------------------------------------------------------- entry by entry

def _entrywise(make: Callable[..., Expr]) -> Definition:
    return lambda r, out: make(*(r.beside(k, out) for k in range(len(r.node.operands))))


def _minus(x: Expr) -> Expr:
    return mul(MINUS, x)


DEFINITIONS.update({
    "add": _entrywise(add),
    "subtract": _entrywise(lambda x, y: add(x, _minus(y))),
    "multiply": _entrywise(mul),
    "divide": _entrywise(lambda x, y: mul(x, power(y, MINUS))),
    "negative": _entrywise(_minus),
    "square": _entrywise(lambda x: power(x, number(2))),
    "power": _entrywise(power),
    "rsqrt": _entrywise(lambda x: power(apply("sqrt", x), MINUS)),
    "maximum": _entrywise(partial(apply, "max")),
    "minimum": _entrywise(partial(apply, "min")),
    "floor_divide": _entrywise(partial(apply, "floordiv")),
    "remainder": _entrywise(partial(apply, "mod")),
    "where": _entrywise(lambda c, a, b: add(mul(when(c, "≠", ZERO), a), mul(when(c, "=", ZERO), b))),
    "logical_not": _entrywise(lambda x: when(x, "=", ZERO)),
    "clip": _entrywise(lambda x, lo, hi: apply("at_most", apply("at_least", x, lo), hi)),
    "number": _entrywise(lambda x: x), "fits": _entrywise(lambda x: x), "as_float": _entrywise(lambda x: x),
    "in_range": _entrywise(lambda x: x), "as_int": _entrywise(lambda x: x),
    "log_sigmoid": _entrywise(lambda x: _minus(apply("softplus", _minus(x)))),
    "silu": _entrywise(lambda x: mul(x, apply("sigmoid", x))),
    "mish": _entrywise(lambda x: mul(x, apply("tanh", apply("softplus", x)))),
    "gelu_exact": _entrywise(
        lambda x: mul(number(0.5), x, add(ONE, apply("erf", mul(number(0.7071067811865476), x))))
    ),
    "squared_error": _entrywise(lambda a, b: power(add(a, _minus(b)), number(2))),
    "binary_entropy_of_logits": _entrywise(lambda z, t: add(apply("softplus", z), _minus(mul(z, t)))),
    "hypot": _entrywise(lambda x, y: apply("sqrt", add(power(x, number(2)), power(y, number(2))))),
    "logaddexp": _entrywise(lambda x, y: apply("log", add(apply("exp", x), apply("exp", y)))),
    "both": _entrywise(mul),
    "hinge_error": _entrywise(lambda s, t: apply("relu", add(ONE, _minus(mul(s, t))))),
    **{
        name: _entrywise(partial(apply, name)) for name in (
            "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
            "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "sigmoid", "softplus", "relu",
            "negative_part", "abs", "sign", "floor", "ceil", "round", "arctan2", "at_most", "at_least",
        )
    },
    **{
        name: _entrywise(lambda x, y, relation=relation: when(x, relation, y)) for name, relation in (
            ("less", "<"), ("less_equal", "≤"), ("greater", ">"), ("greater_equal", "≥"), ("equal", "="),
            ("not_equal", "≠"),
        )
    },
})  # fmt: skip


@define("power_const", "whole_power", "products")
def _power(r: Operands, out: Out) -> Expr:
    return power(r.beside(0, out), number(r.node.attr("p")))


@define("leaky_relu")
def _leaky_relu(r: Operands, out: Out) -> Expr:
    x = r.beside(0, out)
    return add(mul(when(x, ">", ZERO), x), mul(number(r.node.attr("slope")), when(x, "≤", ZERO), x))


# ---------------------------------------------------------------- products and sums

@define("matmul")
def _matmul(r: Operands, out: Out) -> Expr:
    """The last two axes are matrices, those before them a batch."""
    *batch, i, j = out
    inner = fresh(r.shape(0)[-1])
    return total(inner, mul(r.beside(0, (*batch, i, inner)), r.beside(1, (*batch, inner, j))))


@define("outer")
def _outer(r: Operands, out: Out) -> Expr:
    return mul(r.at(0, out[:1]), r.at(1, out[1:]))


def _axes(r: Operands, axis: Any = ...) -> tuple[int, ...]:
    rank = len(r.shape(0))
    axis = r.node.attr("axis") if axis is ... else axis
    if axis is None:
        return tuple(range(rank))
    return tuple(sorted(a % rank for a in (axis if isinstance(axis, tuple) else (axis,))))


def _along(r: Operands, out: Out) -> tuple[tuple[Index, ...], tuple[Expr, ...]]:
    """New indices for the axes that are reduced, and all indices of the operand."""
    axes, shape = _axes(r), r.shape(0)
    new = {a: fresh(shape[a]) for a in axes}
    kept = [i for a, i in enumerate(out) if a not in axes] if r.node.attr("keepdims") else list(out)
    rest = iter(kept)
    return tuple(new.values()), tuple(new[a] if a in new else next(rest) for a in range(len(shape)))


def summed(indices: Sequence[Index], body: Expr) -> Expr:
    for index in reversed(indices):
        body = total(index, body)
    return body


def _count(r: Operands) -> Expr:
    shape = r.shape(0)
    return size(numel(tuple(shape[a] for a in _axes(r))))


@define("sum")
def _sum(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    return summed(over, r.at(0, inner))


@define("mean")
def _mean(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    return mul(power(_count(r), MINUS), summed(over, r.at(0, inner)))


@define("max", "min", "prod")
def _extreme(r: Operands, out: Out) -> Expr:
    over, inner = _along(r, out)
    if len(over) != 1:
        if not over:
            return r.at(0, inner)
        raise Undefined("an extreme over several axes")
    return Extreme(r.node.op, over[0], r.at(0, inner))


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
    (axis,) = _axes(r)
    index = fresh(r.shape(0)[axis])
    return total(index, mul(when(index, "≤", out[axis]), r.at(0, (*out[:axis], index, *out[axis + 1 :]))))


@define("cumprod")
def _cumprod(r: Operands, out: Out) -> Expr:
    if r.node.attr("axis") is None:
        raise Undefined("a product of the entries in a row")
    (axis,) = _axes(r)
    index = fresh(r.shape(0)[axis])
    entry = r.at(0, (*out[:axis], index, *out[axis + 1 :]))
    return Extreme("prod", index, power(entry, when(index, "≤", out[axis])))


# ---------------------------------------------------------------- rows of scores

def _rows_sum(r: Operands, out: Out) -> Expr:
    """Σ exp over the axes of a softmax, the others being those of `out`."""
    axes, shape = _axes(r), r.shape(0)
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
    return add(r.at(0, out), _minus(apply("log", _rows_sum(r, out))))


def _probabilities(r: Operands, indices: Out) -> Expr:
    def rows(out: Sequence[Index]) -> Expr:
        index = fresh(out[-1].dim)
        below = total(index, apply("exp", r.at(0, (*out[:-1], index))))
        return mul(apply("exp", r.at(0, out)), power(below, MINUS))

    return r.aux("P", indices, rows)


@define("cross_entropy_labels")
def _cross_entropy_labels(r: Operands, out: Out) -> Expr:
    return _minus(apply("log", _probabilities(r, (*out, r.at(1, out)))))


@define("cross_entropy_rows")
def _cross_entropy_rows(r: Operands, out: Out) -> Expr:
    index = fresh(r.shape(0)[-1])
    return _minus(total(index, mul(r.beside(1, (*out, index)), apply("log", _probabilities(r, (*out, index))))))


def _margin(r: Operands, out: Out) -> Expr:
    *rows, j = out
    label = r.at(1, rows)
    slack = add(r.at(0, out), _minus(r.at(0, (*rows, label))), number(r.node.attr("margin")))
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


# ---------------------------------------------------------------- entries moved about

@define("mT", moves=True)
def _mT(r: Operands, out: Out) -> Expr:
    return r.at(0, (*out[:-2], out[-1], out[-2]))


@define("transpose", moves=True)
def _transpose(r: Operands, out: Out) -> Expr:
    axes = r.node.attr("axes")
    axes = tuple(reversed(range(len(out)))) if axes is None else axes
    inverse = sorted(range(len(axes)), key=axes.__getitem__)
    return r.at(0, [out[k] for k in inverse])


@define("broadcast_to", moves=True)
def _broadcast_to(r: Operands, out: Out) -> Expr:
    return r.beside(0, out)


@define("expand_dims", moves=True)
def _expand_dims(r: Operands, out: Out) -> Expr:
    axis = r.node.attr("axis")
    axes = {a % len(out) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return r.at(0, [i for k, i in enumerate(out) if k not in axes])


@define("squeeze", moves=True)
def _squeeze(r: Operands, out: Out) -> Expr:
    shape, axis = r.shape(0), r.node.attr("axis")
    axes = {k for k, n in enumerate(shape) if n == 1} if axis is None else {a % len(shape) for a in axis}
    rest = iter(out)
    return r.at(0, [ZERO if k in axes else next(rest) for k in range(len(shape))])


def flat(indices: Sequence[Expr], shape: Sequence[Dim]) -> Expr:
    """The place of an entry when all are read row by row."""
    steps = [numel(tuple(shape[k + 1 :])) for k in range(len(shape))]
    return add(*(mul(size(step), index) for step, index in zip(steps, indices, strict=True)))


def _unflat(place: Expr, shape: Sequence[Dim]) -> list[Expr] | None:
    """The indices whose place this certainly is; None where they would be quotients and remainders."""
    if not shape:
        return [] if place == ZERO else None
    *rest, last = shape
    if not rest:
        return [place]
    above: list[Expr] = []
    below: list[Expr] = []
    for term in place.terms if isinstance(place, Add) else (place,):
        quotient = _divided(term, last)
        (below if quotient is None else above).append(term if quotient is None else quotient)
    remainder = add(*below)
    if not (remainder == ZERO or (isinstance(remainder, Index) and remainder.dim == last)):
        return None
    before = _unflat(add(*above), rest)
    return None if before is None else [*before, remainder]


def _divided(term: Expr, by: Dim) -> Expr | None:
    """A term divided by a size that is a factor of it."""
    factors = term.factors if isinstance(term, Mul) else (term,)
    coefficient, others = dim(1), []
    for factor in factors:
        if isinstance(factor, Size):
            coefficient = coefficient * factor.dim
        elif isinstance(factor, Num) and factor.value == int(factor.value):
            coefficient = coefficient * int(factor.value)
        else:
            others.append(factor)
    quotient = coefficient.divided_by(by)
    return None if quotient is None else mul(size(quotient), *others)


@define("reshape", "ravel", moves=True)
def _reshape(r: Operands, out: Out) -> Expr:
    """The entry at the same place when all are read row by row; equal axes on the left or right stay what they are."""
    source, target = list(r.shape(0)), list(r.own())
    left = 0
    while left < min(len(source), len(target)) and source[left] == target[left]:
        left += 1
    right = 0
    while right < min(len(source), len(target)) - left and source[-1 - right] == target[-1 - right]:
        right += 1
    before, after = out[:left], out[len(out) - right :]
    inner = source[left : len(source) - right]
    place = flat(out[left : len(out) - right], target[left : len(target) - right])
    known = _unflat(place, inner)
    if known is not None:
        return r.at(0, (*before, *known, *after))
    new = [fresh(n) for n in inner]
    there = mul(when(flat(new, inner), "=", place), r.at(0, (*before, *new, *after)))
    return summed(new, there)


@define("flip", moves=True)
def _flip(r: Operands, out: Out) -> Expr:
    shape, axes = r.shape(0), _axes(r)
    return r.at(0, [add(size(shape[k] - 1), _minus(i)) if k in axes else i for k, i in enumerate(out)])


@define("slice", moves=True)
def _slice(r: Operands, out: Out) -> Expr:
    return r.at(0, _places(r.node.attr("index"), r.shape(0), list(out)))


def _places(items: Any, shape: Sequence[Dim], out: list[Expr], arrays: Sequence[Expr] = ()) -> list[Expr]:
    """The operand's indices for an index in normal form; `out` are those that slices give, in order."""
    rest, picked = iter(out), iter(arrays)
    places: list[Expr] = []
    for item in items:
        if item is None:
            next(rest)
            continue
        if item is Ellipsis:
            continue
        count = shape[len(places)]
        if item == ARRAY:
            places.append(next(picked))
        elif isinstance(item, tuple):
            start, _, step = item
            step = 1 if step is None else step
            first = start if start is not None else (0 if step > 0 else count - 1)
            places.append(add(size(dim(first)), mul(number(step), next(rest))))
        else:
            places.append(size(dim(item)))
    places += list(rest)
    return places


@define("gather", "gather_entry", moves=True)
def _gather(r: Operands, out: Out) -> Expr:
    """NumPy puts the axes of the arrays where the first array stands, or in front if a slice parts them."""
    pattern = r.node.attr("pattern")
    arrays = range(1, len(r.node.operands))
    rank = max(len(r.shape(k)) for k in arrays)
    spots = [k for k, item in enumerate(pattern) if item == ARRAY or isinstance(item, (int, Dim))]
    together = spots == list(range(spots[0], spots[-1] + 1))
    before = sum(1 for item in pattern[: spots[0]] if item is not Ellipsis) if together else 0
    of_arrays, others = out[before : before + rank], [*out[:before], *out[before + rank :]]
    places = [r.beside(k, of_arrays) for k in arrays]
    return r.at(0, _places(pattern, r.shape(0), others, places))


@define("pick", moves=True)
def _pick(r: Operands, out: Out) -> Expr:
    return r.at(0, (*out, r.at(1, out)))


@define("take_along_axis", moves=True)
def _take_along_axis(r: Operands, out: Out) -> Expr:
    axis = r.node.attr("axis") % len(out)
    return r.at(0, (*out[:axis], r.at(1, out), *out[axis + 1 :]))


@define("scatter_add")
def _scatter_add(r: Operands, out: Out) -> Expr:
    places = [fresh(n) for n in r.shape(1)]
    there = mul(when(out[0], "=", r.at(1, places)), r.at(2, (*places, *out[1:])))
    return add(r.at(0, out), summed(places, there))


@define("concatenate")
def _concatenate(r: Operands, out: Out) -> Expr:
    axis = r.node.attr("axis")
    parts: list[Expr] = []
    start = dim(0)
    for k in range(len(r.node.operands)):
        count = r.shape(k)[axis]
        here = add(out[axis], size(-start))
        inside = mul(when(out[axis], "≥", size(start)), when(out[axis], "<", size(start + count)))
        parts.append(mul(inside, r.at(k, (*out[:axis], here, *out[axis + 1 :]))))
        start = start + count
    return add(*parts)


@define("stack")
def _stack(r: Operands, out: Out) -> Expr:
    axis = r.node.attr("axis")
    rest = (*out[:axis], *out[axis + 1 :])
    return add(*(mul(when(out[axis], "=", number(k)), r.at(k, rest)) for k in range(len(r.node.operands))))


@define("repeat", moves=True)
def _repeat(r: Operands, out: Out) -> Expr:
    axis, repeats = r.node.attr("axis"), r.node.attr("repeats")
    if axis is None or isinstance(repeats, tuple):
        raise Undefined("entries that are repeated by themselves")
    axis %= len(out)
    return r.at(0, (*out[:axis], apply("floordiv", out[axis], size(dim(repeats))), *out[axis + 1 :]))


@define("tile", moves=True)
def _tile(r: Operands, out: Out) -> Expr:
    shape = r.shape(0)
    own = out[len(out) - len(shape) :]
    turns = r.own()[len(out) - len(shape) :]
    return r.at(0, [i if n == m else apply("mod", i, size(n)) for i, n, m in zip(own, shape, turns, strict=True)])


@define("kron")
def _kron(r: Operands, out: Out) -> Expr:
    """Each place of the result is one of A and one of B within it: `1{2 i + k = r}`."""
    first, second = r.shape(0), r.shape(1)
    if len(first) != len(second):
        raise Undefined("a Kronecker product of two ranks")
    of_a, of_b = [fresh(n) for n in first], [fresh(n) for n in second]
    there = [when(add(mul(size(n), i), k), "=", place) for i, k, n, place in zip(of_a, of_b, second, out, strict=True)]
    return summed([*of_a, *of_b], mul(*there, r.at(0, of_a), r.at(1, of_b)))


@define("roll")
def _roll(r: Operands, out: Out) -> Expr:
    shape = r.shape(0)
    places = list(out)
    inside: list[Expr] = []
    for axis, shift in zip(r.node.attr("axis"), r.node.attr("shift"), strict=True):
        index = fresh(shape[axis])
        turned = apply("mod", add(index, size(dim(shift))), size(shape[axis]))
        inside.append(when(turned, "=", out[axis]))
        places[axis] = index
    return summed([i for i in places if isinstance(i, Index) and i not in out], mul(*inside, r.at(0, places)))


@define("pad")
def _pad(r: Operands, out: Out) -> Expr:
    inside: list[Expr] = []
    places: list[Expr] = []
    for i, count, (before, after) in zip(out, r.shape(0), r.node.attr("width"), strict=True):
        if before == 0 and after == 0:
            places.append(i)
            continue
        inside += [when(i, "≥", size(before)), when(i, "<", size(count + before))]
        places.append(add(i, size(-dim(before))))
    holds = mul(*inside)
    return add(mul(holds, r.at(0, places)), mul(number(r.node.attr("value")), add(ONE, _minus(holds))))


@define("diagonal", moves=True)
def _diagonal(r: Operands, out: Out) -> Expr:
    k = r.node.attr("k")
    *batch, i = out
    return r.at(0, (*batch, add(i, size(max(-k, 0))), add(i, size(max(k, 0)))))


@define("from_diagonal")
def _from_diagonal(r: Operands, out: Out) -> Expr:
    k = r.node.attr("k")
    *batch, i, j = out
    place = add(i, size(-max(-k, 0)))
    return mul(when(j, "=", add(i, size(k))), when(place, "≥", ZERO), when(place, "<", size(r.shape(0)[-1])),
               r.at(0, (*batch, place)))  # fmt: skip


@define("triu", "tril")
def _triangle(r: Operands, out: Out) -> Expr:
    relation = "≥" if r.node.op == "triu" else "≤"
    return mul(when(out[-1], relation, add(out[-2], size(r.node.attr("k")))), r.at(0, out))


@define("trace")
def _trace(r: Operands, out: Out) -> Expr:
    k = r.node.attr("k")
    rows, columns = r.shape(0)[-2:]
    if k != 0 or rows != columns:
        raise Undefined("a trace of another diagonal")
    index = fresh(rows)
    return total(index, r.at(0, (*out, index, index)))


@define("unslice")
def _unslice(r: Operands, out: Out) -> Expr:
    """The transpose of a slice: where the array lies in the zeros is what the slice would have taken."""
    new = [fresh(n) for n in r.shape(0)]
    places = _places(r.node.attr("index"), r.own(), list(new))
    there = (when(place, "=", i) for place, i in zip(places, out, strict=True))
    return summed(new, mul(*there, r.at(0, new)))


@define("subtract_one_hot")
def _subtract_one_hot(r: Operands, out: Out) -> Expr:
    return add(r.at(0, out), mul(MINUS, when(out[-1], "=", r.at(1, out[:-1]))))


# ---------------------------------------------------------------- values that depend on no operand

@define("one_hot")
def _one_hot(r: Operands, out: Out) -> Expr:
    return when(out[-1], "=", r.at(0, out[:-1]))


@define("size")
def _size(r: Operands, out: Out) -> Expr:
    return size(r.node.attr("dim"))


@define("arange")
def _arange(r: Operands, out: Out) -> Expr:
    start, step = r.node.attr("start"), r.node.attr("step", 1)
    step = 1 if step is None else step
    return add(_number(start), mul(_number(step), out[0]))


def _number(value: Any) -> Expr:
    return size(value) if isinstance(value, (int, Dim)) else number(value)


@define("eye")
def _eye(r: Operands, out: Out) -> Expr:
    return when(out[1], "=", add(out[0], size(r.node.attr("k") or 0)))


@define("causal_mask")
def _causal_mask(r: Operands, out: Out) -> Expr:
    return when(out[1], "≤", out[0])


@define("full")
def _full(r: Operands, out: Out) -> Expr:
    return _number(r.node.attr("value"))


@define("full_like")
def _full_like(r: Operands, out: Out) -> Expr:
    return r.beside(1, out)


@define("zeros", "zeros_like")
def _zeros(r: Operands, out: Out) -> Expr:
    return ZERO


@define("ones", "ones_like")
def _ones(r: Operands, out: Out) -> Expr:
    return ONE


@define("const")
def _const(r: Operands, out: Out) -> Expr:
    value = r.node.attr("value")
    if isinstance(value, tuple):
        raise Undefined("an array of numbers")
    made = number(value)
    assert isinstance(made, Num)
    return made
