"""Which entry of an operand an entry is, of operations that only move them about: `X.T` is `X_ji`."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.conditions import when
from graphc.explain.definitions import Operands, Out, Undefined, axes_of, define, minus, places_of, summed
from graphc.explain.products import add, apply, mul
from graphc.explain.terms import ZERO, Add, Expr, Index, Mul, Num, Size, fresh, size
from graphc.ir.dims import Dim, dim, numel
from graphc.ops.cuts import ARRAY


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


def _flat(indices: Sequence[Expr], shape: Sequence[Dim]) -> Expr:
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
    place = _flat(out[left : len(out) - right], target[left : len(target) - right])
    known = _unflat(place, inner)
    if known is not None:
        return r.at(0, (*before, *known, *after))
    new = [fresh(n) for n in inner]
    there = mul(when(_flat(new, inner), "=", place), r.at(0, (*before, *new, *after)))
    return summed(new, there)


@define("flip", moves=True)
def _flip(r: Operands, out: Out) -> Expr:
    shape, axes = r.shape(0), axes_of(r)
    return r.at(0, [add(size(shape[k] - 1), minus(i)) if k in axes else i for k, i in enumerate(out)])


@define("slice", moves=True)
def _slice(r: Operands, out: Out) -> Expr:
    return r.at(0, places_of(r.node.attr("index"), r.shape(0), list(out)))


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
    return r.at(0, places_of(pattern, r.shape(0), others, places))


@define("pick", moves=True)
def _pick(r: Operands, out: Out) -> Expr:
    return r.at(0, (*out, r.at(1, out)))


@define("take_along_axis", moves=True)
def _take_along_axis(r: Operands, out: Out) -> Expr:
    axis = r.node.attr("axis") % len(out)
    return r.at(0, (*out[:axis], r.at(1, out), *out[axis + 1 :]))


@define("repeat", moves=True)
def _repeat(r: Operands, out: Out) -> Expr:
    axis, repeats = r.node.attr("axis"), r.node.attr("repeats")
    if axis is None or isinstance(repeats, tuple):
        raise Undefined("entries that are repeated by themselves")
    axis %= len(out)
    place = ZERO if r.shape(0)[axis] == 1 else apply("floordiv", out[axis], size(dim(repeats)))
    return r.at(0, (*out[:axis], place, *out[axis + 1 :]))


@define("tile", moves=True)
def _tile(r: Operands, out: Out) -> Expr:
    shape = r.shape(0)
    own = out[len(out) - len(shape) :]
    turns = r.own()[len(out) - len(shape) :]
    places = [
        ZERO if n == 1 else i if n == m else apply("mod", i, size(n)) for i, n, m in zip(own, shape, turns, strict=True)
    ]
    return r.at(0, places)


@define("diagonal", moves=True)
def _diagonal(r: Operands, out: Out) -> Expr:
    k = r.node.attr("k")
    *batch, i = out
    return r.at(0, (*batch, add(i, size(max(-k, 0))), add(i, size(max(k, 0)))))
