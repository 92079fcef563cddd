"""Between which places a place lies: `N − 1 − i` is 0 … N − 1 where `i` is an index of N entries.

An index is only there where its array has entries, so of the last place `N − 1` nothing more has to be known, and that
of `max(N − 1, 0)` entries is `N − 2`.
"""

from __future__ import annotations

from graphc.explain.products import add, mul
from graphc.explain.terms import Add, Entry, Expr, Func, Index, Is, Mul, Num, Size, children, free, number
from graphc.ir.dims import Atom, Dim, dim

__all__ = ["decided", "ends_elsewhere", "filled", "only_place"]


def decided(left: Expr, relation: str, right: Expr) -> bool | None:
    """Whether two places certainly lie so, or certainly do not; None where that is not known."""
    ends = _ends(add(left, mul(number(-1), right)))
    if ends is None:
        return None
    least, largest = ends
    above, below = _certainly(least), _certainly(-largest)
    beyond, before = _certainly(least - 1), _certainly(-largest - 1)
    holds = {"<": before, "≤": below, ">": beyond, "≥": above, "=": False, "≠": beyond or before}[relation]
    fails = {"<": above, "≤": beyond, ">": below, "≥": before, "=": beyond or before, "≠": False}[relation]
    return True if holds else False if fails else None


def only_place(index: Index, relation: str, bound: Expr) -> Expr | None:
    """The one place of an index that a bound leaves it: of `N + 1` places `j ≥ N` is only at N, counted from 0."""
    ends = _ends(add(index, mul(number(-1), bound)))
    if ends is None:
        return None
    beyond = {"≤": ends[0], "<": ends[0] + 1, "≥": ends[1], ">": ends[1] - 1}.get(relation)
    return add(bound, number({"<": -1, ">": 1}.get(relation, 0))) if beyond == 0 else None


def bounds_of(size: Dim, kind: str) -> tuple[Dim, ...]:
    """The sizes of which a size is the `min` or the `max`; none if it is anything else."""
    terms = size.displayed.terms
    if len(terms) != 1 or terms[0][1] != 1 or len(terms[0][0]) != 1:
        return ()
    ((symbol, times),) = terms[0][0]
    return tuple(symbol.args) if times == 1 and isinstance(symbol, Atom) and symbol.kind == kind else ()


def filled(size: Dim) -> Dim:
    """A size where it is that of an array with entries: `max(N − 1, 0)` is `N − 1`."""
    positive = [part for part in bounds_of(size, "max") if part != 0]
    return filled(positive[0]) if len(positive) == 1 else size


def ends_elsewhere(index: Index, body: Expr) -> bool:
    """Whether nothing in what is summed says where the index ends, `Σ_k x_ik` over half of the columns of x: no entry
    with as many places as it has, and no condition such as `1{k ≤ 2}` on all of it."""
    if index.dim == 1 or index.dim.is_open:
        return False
    factors = body.factors if isinstance(body, Mul) else (body,)
    return not any(_ends_at(index, factor) for factor in factors) and not _tells_end(index, body)


def _ends_at(index: Index, e: Expr) -> bool:
    """Whether this is a condition that the index is below what is certainly no more than it has places."""
    if not isinstance(e, Is) or e.relation not in ("<", "≤") or e.left != index:
        return False
    ends = _ends(e.right)
    return ends is not None and ends[0] == ends[1] and _certainly(index.dim - ends[1])


def _tells_end(index: Index, e: Expr) -> bool:
    if isinstance(e, Entry):
        sizes = e.tensor.shape
        for axis, place in enumerate(e.indices):
            if index in free(place) and (axis >= len(sizes) or sizes[axis].is_open or sizes[axis] == index.dim):
                return True
    return any(_tells_end(index, part) for part in children(e))


def _certainly(difference: Dim) -> bool:
    """Whether a difference of sizes is certainly not negative: `D − 2 (D//2)` is not."""
    if difference.is_nonnegative():
        return True
    bound = dim(0)
    for monomial, coefficient in difference.terms:
        term = Dim(((monomial, coefficient),))
        atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
        if coefficient < 0 and isinstance(atom, Atom) and atom.kind == "floordiv":
            whole, by = atom.args
            exact = (whole * coefficient).divided_by(by)
            if exact is None:
                return False
            term = exact  # a//b is at most a/b
        bound = bound + term
    return bound.is_nonnegative()


def _ends(value: Expr) -> tuple[Dim, Dim] | None:
    """The least and the largest value of a place that is counted by indices and steps: `N − 1 − i` is 0 … N − 1."""
    least = largest = dim(0)
    for term in value.terms if isinstance(value, Add) else (value,):
        step, last = dim(1), None
        for factor in term.factors if isinstance(term, Mul) else (term,):
            if last is None and (last := _last(factor)) is not None:
                continue
            if isinstance(factor, Size):
                step = step * factor.dim
            elif isinstance(factor, Num) and factor.value % 1 == 0:
                step = step * int(factor.value)
            else:
                return None
        if last is None:
            least, largest = least + step, largest + step
        elif _certainly(step):
            largest = largest + step * last
        elif _certainly(-step):
            least = least + step * last
        else:
            return None
    return least, largest


def _last(place: Expr) -> Dim | None:
    """The largest value of what begins at 0: of an index, and of a remainder."""
    if isinstance(place, Index):
        return filled(place.dim) - 1
    if isinstance(place, Func) and place.name == "mod":
        by = place.arguments[1]
        if isinstance(by, Num) and by.value % 1 == 0 and by.value > 0:
            return dim(int(by.value) - 1)
        return by.dim - 1 if isinstance(by, Size) else None
    return None
