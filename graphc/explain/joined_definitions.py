"""What operations are that put entries among others, by conditions: `stack((a, b))` is `δ_i1 a_j + δ_i2 b_j`."""

from __future__ import annotations

from graphc.explain.conditions import when
from graphc.explain.definitions import MINUS, Operands, Out, Undefined, define, minus, places_of, summed
from graphc.explain.products import add, apply, mul
from graphc.explain.terms import ONE, ZERO, Expr, Index, fresh, number, size
from graphc.ir.dims import dim


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
    axes = r.node.attr("axis")
    if axes is None:
        if len(shape) != 1:
            raise Undefined("entries that are rolled across rows")
        axes = (0,)
    places = list(out)
    inside: list[Expr] = []
    for axis, shift in zip(axes, r.node.attr("shift"), strict=True):
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
    return add(mul(holds, r.at(0, places)), mul(number(r.node.attr("value")), add(ONE, minus(holds))))


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


@define("unslice")
def _unslice(r: Operands, out: Out) -> Expr:
    """The transpose of a slice: where the array lies in the zeros is what the slice would have taken."""
    new = [fresh(n) for n in r.shape(0)]
    places = places_of(r.node.attr("index"), r.own(), list(new))
    there = (when(place, "=", i) for place, i in zip(places, out, strict=True))
    return summed(new, mul(*there, r.at(0, new)))


@define("subtract_one_hot")
def _subtract_one_hot(r: Operands, out: Out) -> Expr:
    return add(r.at(0, out), mul(MINUS, when(out[-1], "=", r.at(1, out[:-1]))))
