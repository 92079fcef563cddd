"""Index expressions made ready for a reader: factors taken out, gradients put in, and what pages ask of them."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.equalities import at_labels, at_places
from graphc.explain.indices import substitute, total
from graphc.explain.products import add, mul, power
from graphc.explain.terms import (
    ONE,
    Add,
    Entry,
    Expr,
    Extreme,
    Func,
    Index,
    Is,
    Mul,
    Num,
    Power,
    Size,
    Sum,
    Tensor,
    children,
    key,
    number,
)  # fmt: skip
from graphc.ir.dims import Dim

__all__ = [
    "common", "entries_of", "factors_of", "insert", "is_contraction", "is_diagonal", "is_interesting", "parts_of",
    "same_indices", "sizes_of", "tidy",
]  # fmt: skip


def tidy(e: Expr) -> Expr:
    """What is known of an index is used; what factors terms have in common stands before them."""
    return common(at_places(at_labels(e)))


def common(e: Expr) -> Expr:
    """`a b − a c` as `a (b − c)`, also inside."""
    if isinstance(e, (Add, Mul)):
        parts = [common(part) for part in children(e)]
        e = add(*parts) if isinstance(e, Add) else mul(*parts)
    if isinstance(e, Sum):
        return Sum(e.index, common(e.body))
    if not isinstance(e, Add):
        return e
    shared = [f for f in factors_of(e.terms[0]) if not isinstance(f, Num)]
    for term in e.terms[1:]:
        keys = [key(f) for f in factors_of(term)]
        shared = [f for f in shared if key(f) in keys]
    if not shared:
        return e
    inverse = power(mul(*shared), number(-1))
    return mul(*shared, add(*(_without(term, shared, inverse) for term in e.terms)))


def _without(term: Expr, shared: Sequence[Expr], inverse: Expr) -> Expr:
    keys = [key(f) for f in shared]
    rest = []
    for factor in factors_of(term):
        if key(factor) in keys:
            keys.remove(key(factor))
        else:
            rest.append(factor)
    return mul(*rest) if rest else ONE


def insert(e: Expr, tensor: Tensor, indices: Sequence[Index], value: Expr) -> Expr:
    """The expression with the entries of a tensor replaced by what they are."""
    if isinstance(e, Entry) and e.tensor == tensor:
        return substitute(value, dict(zip(indices, e.indices, strict=True)))
    if isinstance(e, Sum):
        return total(e.index, insert(e.body, tensor, indices, value))
    if isinstance(e, Add):
        return add(*(insert(part, tensor, indices, value) for part in e.terms))
    if isinstance(e, Mul):
        factors = [insert(part, tensor, indices, value) for part in e.factors]
        sums = [f for f in factors if isinstance(f, Add)]
        if sums:
            rest = [f for f in factors if f is not sums[0]]
            return add(*(mul(term, *rest) for term in sums[0].terms))
        return mul(*factors)
    return e


def factors_of(e: Expr) -> tuple[Expr, ...]:
    return e.factors if isinstance(e, Mul) else (e,)


def entries_of(e: Expr) -> list[Entry]:
    return [part for part in parts_of(e) if isinstance(part, Entry)]


def parts_of(e: Expr) -> list[Expr]:
    return [e, *(inner for part in children(e) for inner in parts_of(part))]


def sizes_of(e: Expr) -> list[Dim]:
    parts = parts_of(e)
    bound = [part.index.dim for part in parts if isinstance(part, (Sum, Extreme))]
    return bound + [part.dim for part in parts if isinstance(part, (Size, Index))]


def same_indices(slope: Expr, inner: Sequence[Index]) -> dict[Index, Index]:
    """Indices that all terms of a derivative say are one: those of the samples."""
    deltas = [f for f in factors_of(slope) if isinstance(f, Is) and f.relation == "="]
    if isinstance(slope, Add):
        shared = [set(map(key, factors_of(term))) for term in slope.terms]
        deltas = [f for f in factors_of(slope.terms[0]) if isinstance(f, Is) and all(key(f) in s for s in shared)]
    same = {f.left: f.right for f in deltas if isinstance(f.left, Index) and isinstance(f.right, Index)}
    return {a: b for a, b in same.items() if a in inner or b in inner}


def is_interesting(e: Expr) -> bool:
    """Whether a value is more than sums and products of entries, so that its derivative is worth a line."""
    return any(isinstance(part, (Func, Power)) for part in parts_of(e)) and not isinstance(e, Sum)


def is_contraction(e: Expr, at: Sequence[Index]) -> bool:
    """Whether a sum of products has a tensor of more than two axes in it, or makes one."""
    entries = entries_of(e)
    axes = max(len(at), *(len(entry.indices) for entry in entries)) if entries else 0
    return isinstance(e, Sum) and len(entries) > 2 and axes > 2


def is_diagonal(slope: Expr, a: Index, b: Index) -> bool:
    return any(isinstance(f, Is) and {f.left, f.right} == {a, b} for f in factors_of(slope)) and slope != Is("=", a, b)
