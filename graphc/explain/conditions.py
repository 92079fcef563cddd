"""Conditions in simple form.

    1{i = i}                            is 1
    1{n i + j = n k + l}                is 1{i = k} 1{j = l}
    1{i < n + 1}, i one of n places     is 1
    1{1{j = y} > 0}                     is 1{j = y}
    1{max(x, 0) < 6}                    is 1{x < 6}
"""

from __future__ import annotations

from graphc.explain.index_ranges import decided, only_place
from graphc.explain.products import add, mul
from graphc.explain.terms import ONE, ZERO, Add, Expr, Func, Index, Is, Mul, Num, Size, children, free, key, number

__all__ = ["when"]

_MEANING = {
    "=": lambda a, b: a == b, "≠": lambda a, b: a != b, "<": lambda a, b: a < b, "≤": lambda a, b: a <= b,
    ">": lambda a, b: a > b, "≥": lambda a, b: a >= b,
}  # fmt: skip
_OPPOSITE = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}
_TURNED = {"<": ">", "≥": "≤", ">": "<", "≤": "≥"}


def _is_condition(e: Expr) -> bool:
    return isinstance(e, Is) or (isinstance(e, Mul) and all(isinstance(f, Is) for f in e.factors))


def when(left: Expr, relation: str, right: Expr) -> Expr:
    """1 where the relation holds, else 0."""
    if isinstance(right, Num) and _is_condition(left):
        holds = [_MEANING[relation](value, right.value) for value in (1, 0)]
        if holds[0] == holds[1]:
            return ONE if holds[0] else ZERO
        if holds[0]:
            return left
        if isinstance(left, Is):
            return Is(_OPPOSITE[left.relation], left.left, left.right)
    inner = _cut_elsewhere(left, right)
    if inner is not None:
        return when(inner, relation, right)
    if isinstance(left, Num) and isinstance(right, Num):
        return ONE if _MEANING[relation](left.value, right.value) else ZERO
    if key(left) == key(right):
        return ONE if relation in "=≤≥" else ZERO
    places = [i for i in (left, right) if isinstance(i, (Index, Num))]
    if relation == "=" and len(places) == 2 and any(isinstance(i, Index) and i.dim == 1 for i in places):
        return ONE  # an axis of size 1 has one place
    if relation == "=" and isinstance(left, Add) and isinstance(right, Add):
        pairs = _same_steps(left, right)
        if pairs is not None:
            return mul(*(when(a, "=", b) for a, b in pairs))
    known = decided(left, relation, right)
    if known is not None:
        return ONE if known else ZERO
    only = only_place(left, relation, right) if isinstance(left, Index) else None
    if only is not None:
        return when(left, "=", only)
    if relation not in "=≠" and not isinstance(left, Index) and free(left) and free(right):
        return _between(left, relation, right)
    return Is(relation, left, right)


def _cut_elsewhere(left: Expr, right: Expr) -> Expr | None:
    """What is cut off at another number than the one it is compared with: x of `max(x, 0)` beside 6."""
    if not (isinstance(left, Func) and len(left.arguments) == 2 and isinstance(right, Num)):
        return None
    x, bound = left.arguments
    if not isinstance(bound, Num):
        return None
    below = left.name in ("max", "at_least", "above") and bound.value < right.value
    above = left.name in ("min", "at_most", "below") and bound.value > right.value
    return x if below or above else None


def _between(left: Expr, relation: str, right: Expr) -> Is:
    """How two indices lie: `N − 1 − j ≤ N − 1 − i` is `i ≤ j`, and `1 − j ≤ i − N` is `i ≥ N + 1 − j`."""
    difference = add(left, mul(number(-1), right))
    terms = children(difference) if isinstance(difference, Add) else ()
    plus = [t for t in terms if isinstance(t, Index)]
    minus = [i for i in (mul(number(-1), t) for t in terms) if isinstance(i, Index)]
    rest = [t for t in terms if t not in plus and mul(number(-1), t) not in minus]
    if plus and minus and len(terms) == 2:
        return Is(relation, plus[0], minus[0])
    if 2 not in (len(plus), len(minus)) or (plus and minus) or not all(map(_is_constant, rest)):
        return Is(relation, left, right)
    if plus:
        return Is(relation, plus[1], add(plus[1], mul(number(-1), difference)))
    return Is(_TURNED[relation], minus[1], add(minus[1], difference))


def _is_constant(e: Expr) -> bool:
    return all(isinstance(f, (Num, Size)) for f in (e.factors if isinstance(e, Mul) else (e,)))


def _same_steps(left: Add, right: Add) -> list[tuple[Expr, Expr]] | None:
    """Two places that are counted by the same steps are equal where their indices are: `n i + j = n k + l`."""
    sides: list[dict[str, Index]] = []
    for side in (left, right):
        steps: dict[str, Index] = {}
        for term in side.terms:
            factors = term.factors if isinstance(term, Mul) else (term,)
            if not isinstance(factors[-1], Index) or not all(isinstance(f, (Num, Size)) for f in factors[:-1]):
                return None
            steps[key(mul(*factors[:-1]))] = factors[-1]
        sides.append(steps)
    if set(sides[0]) != set(sides[1]) or any(sides[0][step].dim != sides[1][step].dim for step in sides[0]):
        return None
    return [(sides[0][step], sides[1][step]) for step in sides[0]]
