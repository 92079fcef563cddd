"""What conditions in a formula are about: places, which count from 1 on paper, or numbers.

    1{2 ≤ j} 1{j ≤ n}      bounds a place from both sides
    Σ_j 1{j ≠ y_i} a_j     is a sum over all but a label
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.explain.products import mul
from graphc.explain.terms import Entry, Expr, Index, Is, Mul, Num, children, is_label, key

__all__ = ["has_entries", "has_values", "indices_of", "is_place", "off_label", "ranges"]


def ranges(factors: Sequence[Expr]) -> dict[Expr, tuple[Is, Is]]:
    """Conditions in a product that bound one place, or one number, from both sides."""
    found: dict[Expr, tuple[Is, Is]] = {}
    bounds = [f for f in factors if isinstance(f, Is) and not indices_of(f.right) and (
        is_place(f.left) or isinstance(f.right, Num))]  # fmt: skip
    for low in bounds:
        if low not in found and (low.relation == "≥" or (low.relation == ">" and not is_place(low.left))):
            for high in bounds:
                if high.relation in "<≤" and high not in found and key(high.left) == key(low.left):
                    found[low] = found[high] = low, high
                    break
    return found


def off_label(body: Expr, index: Index) -> tuple[Expr, Expr | None]:
    """A sum over all but the label: the body without the condition, and the label."""
    if isinstance(body, (Mul, Is)):
        factors = body.factors if isinstance(body, Mul) else (body,)
        for factor in factors:
            if isinstance(factor, Is) and factor.relation == "≠" and index in (factor.left, factor.right):
                label = factor.right if factor.left == index else factor.left
                if is_label(label):
                    return mul(*(f for f in factors if f is not factor)), label
    return body, None


def is_place(e: Expr) -> bool:
    """Whether an expression is made of indices: a place, not a value."""
    return bool(indices_of(e)) and not has_entries(e)


def has_entries(e: Expr) -> bool:
    return isinstance(e, Entry) or any(map(has_entries, children(e)))


def has_values(e: Expr) -> bool:
    """Whether there are entries that are no places."""
    return not e.tensor.integer if isinstance(e, Entry) else any(map(has_values, children(e)))


def indices_of(e: Expr) -> set[Index]:
    return {e} if isinstance(e, Index) else {i for part in children(e) for i in indices_of(part)}
