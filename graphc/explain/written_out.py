"""Gradients written out entry by entry for small sizes: `∂L/∂x_11 = ∂L/∂y_11 w_11 + ∂L/∂y_12 w_12 + …`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from graphc.explain.indices import rebuild, substitute
from graphc.explain.products import add
from graphc.explain.terms import Expr, Index, Size, Sum, children, number

__all__ = ["written_out"]

ENTRIES = 24
"""More entries of one gradient than these are not written, nor sums of more terms."""


def written_out(e: Expr, at: Sequence[Index], sizes: Mapping[str, int]) -> Iterator[tuple[list[Expr], Expr]]:
    """Each entry's indices, and its sum term by term."""
    ranges = [range(min(index.dim.evaluate(sizes), ENTRIES)) for index in at]  # a number in the program may be huge
    for places in islice(product(*ranges), ENTRIES):
        values: dict[Index, Expr] = {index: number(k) for index, k in zip(at, places, strict=True)}
        yield [values[index] for index in at], _spread(substitute(e, values), sizes)


def _spread(e: Expr, sizes: Mapping[str, int]) -> Expr:
    if isinstance(e, Size):
        return number(e.dim.evaluate(sizes))
    if isinstance(e, Sum):
        count = e.index.dim.evaluate(sizes)
        if count > ENTRIES:
            return e
        return add(*(_spread(substitute(e.body, {e.index: number(k)}), sizes) for k in range(count)))
    return rebuild(e, [_spread(part, sizes) for part in children(e)])
