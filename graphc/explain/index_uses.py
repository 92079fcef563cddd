"""What integers of a program are used for: in `x[y] * y` as indices and as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphc.explain.terms import Entry, Expr, Index, Is, Tensor, children, is_label

__all__ = ["has_computed_index", "indexed_and_computed_with"]


def indexed_and_computed_with(expressions: Iterable[Expr]) -> set[Tensor]:
    """The integers that are indices in one place and numbers in another."""
    uses = [use for e in expressions for use in _uses(e, as_place=False)]
    places, values = ({tensor for tensor, as_place in uses if as_place is wanted} for wanted in (True, False))
    return places & values


def _uses(e: Expr, as_place: bool) -> Iterator[tuple[Tensor, bool]]:
    if isinstance(e, Entry):
        if e.tensor.integer:
            yield e.tensor, as_place
        as_place = True
    elif isinstance(e, Is):
        as_place = any(map(_has_index, children(e)))
    for part in children(e):
        yield from _uses(part, as_place)


def _has_index(e: Expr) -> bool:
    return isinstance(e, Index) or (not isinstance(e, Entry) and any(map(_has_index, children(e))))


def has_computed_index(e: Expr) -> bool:
    """Whether an entry stands at a place that is computed from integers of the program: `E[-y]`."""
    if isinstance(e, Entry) and any(is_label(i) and not isinstance(i, Entry) for i in e.indices):
        return True
    return any(map(has_computed_index, children(e)))
