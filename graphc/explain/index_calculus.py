"""What is done with index expressions: the derivative by an entry, cases at a label, names for parts, and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.explain.conditions import when
from graphc.explain.functions import FUNCTIONS
from graphc.explain.indices import rebuild, renewed, substitute, total
from graphc.explain.products import add, apply, mul, power
from graphc.explain.terms import (
    ONE,
    ZERO,
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
    free,
    key,
    number,
    size,
)  # fmt: skip

__all__ = [
    "at_labels", "at_places", "cases", "contribution", "derivative", "evaluate", "expanded", "fold", "mentioned",
    "mentions",
]  # fmt: skip


def derivative(e: Expr, tensor: Tensor, at: Sequence[Index]) -> Expr:
    """∂e / ∂tensor[at]. The indices `at` are new ones: deltas say where the entry is one that `e` speaks of."""
    if not mentions(e, tensor):
        return ZERO
    match e:
        case Entry():
            if e.tensor != tensor:
                return ZERO
            return mul(*(when(here, "=", there) for here, there in zip(e.indices, at, strict=True)))
        case Add():
            return add(*(derivative(term, tensor, at) for term in e.terms))
        case Mul():
            return add(
                *(
                    mul(*e.factors[:k], derivative(factor, tensor, at), *e.factors[k + 1 :])
                    for k, factor in enumerate(e.factors)
                )
            )
        case Power():
            outer = mul(e.exponent, power(e.base, add(e.exponent, number(-1))))
            result = mul(outer, derivative(e.base, tensor, at))
            if mentions(e.exponent, tensor):
                result = add(result, mul(e, apply("log_or_zero", e.base), derivative(e.exponent, tensor, at)))
            return result
        case Func():
            slopes = FUNCTIONS[e.name].derivative(e, e.arguments, e.parameters)
            return add(*(mul(s, derivative(a, tensor, at)) for s, a in zip(slopes, e.arguments, strict=True)))
        case Sum():
            return total(e.index, derivative(e.body, tensor, at))
        case Extreme() if e.kind == "prod":
            other = renewed(e)
            assert isinstance(other, Extreme)
            skip = power(other.body, when(other.index, "≠", e.index))
            return total(e.index, mul(Extreme("prod", other.index, skip), derivative(e.body, tensor, at)))
        case Extreme() if e.kind == "first":
            window: list[Index] = []
            body: Expr = e
            while isinstance(body, Extreme) and body.kind == "first":
                window.append(body.index)
                body = body.body
            result = mul(when(body, "=", renewed(e)), derivative(body, tensor, at))
            for index in reversed(window):
                result = total(index, result)
            return result
        case Extreme():
            extreme = when(e.body, "=", renewed(e))
            ties = renewed(Sum(e.index, extreme))
            return mul(total(e.index, mul(extreme, derivative(e.body, tensor, at))), power(ties, number(-1)))
        case _:
            return ZERO


def mentions(e: Expr, tensor: Tensor) -> bool:
    """Whether the expression has an entry of the tensor in it."""
    if isinstance(e, Entry) and e.tensor == tensor:
        return True
    return not isinstance(e, Is) and any(mentions(part, tensor) for part in children(e))


def mentioned(e: Expr) -> set[Tensor]:
    """The tensors that the expression has entries of."""
    found = {e.tensor} if isinstance(e, Entry) else set()
    return found.union(*map(mentioned, children(e))) if not isinstance(e, Is) else set()


def contribution(
    e: Expr, out: Sequence[Index], cotangent: Tensor | None, tensor: Tensor, at: Sequence[Index]
) -> Expr:
    """The chain rule: Σ over a value's entries of its cotangent times ∂value/∂tensor[at]. None is a cotangent of 1."""
    body = derivative(e, tensor, at)
    if cotangent is not None:
        body = mul(Entry(cotangent, tuple(out)), body)
    for index in out:
        body = total(index, body)
    return body


# ---------------------------------------------------------------- forms

def expanded(e: Expr) -> Expr:
    """Products of sums multiplied out, inside sums over indices as well."""
    match e:
        case Mul():
            factors = [expanded(f) for f in e.factors]
            for k, factor in enumerate(factors):
                if isinstance(factor, Add):
                    rest = factors[:k] + factors[k + 1 :]
                    return add(*(expanded(mul(*map(renewed, rest), renewed(term))) for term in factor.terms))
            return mul(*factors)
        case Sum():
            body = expanded(e.body)
            return total(e.index, body)
        case Add():
            return add(*map(expanded, e.terms))
        case _:
            return e


def cases(e: Expr) -> list[tuple[Is, Expr]]:
    """The expression apart from a label and at it: `j ≠ y_i`, `j = y_i`; nothing where it does not ask for one."""
    for condition in _conditions(e):
        index, label = condition.left, condition.right
        if isinstance(label, Index):
            index, label = label, index
        if isinstance(index, Index) and isinstance(label, Entry) and index in free(e):
            apart, at = when(index, "≠", label), when(index, "=", label)
            assert isinstance(apart, Is) and isinstance(at, Is)
            return [(apart, _decide(e, at, False)), (at, substitute(_decide(e, at, True), {index: label}))]
    return []


def _conditions(e: Expr) -> list[Is]:
    if isinstance(e, Is):
        return [e] if e.relation in "=≠" else []
    return [condition for part in children(e) for condition in _conditions(part)]


def _decide(e: Expr, at: Is, holds: bool) -> Expr:
    if isinstance(e, Is) and e.relation in "=≠" and {key(e.left), key(e.right)} == {key(at.left), key(at.right)}:
        return ONE if (e.relation == "=") == holds else ZERO
    return rebuild(e, [_decide(part, at, holds) for part in children(e)])


def fold(e: Expr, definition: Expr, indices: Sequence[Index], tensor: Tensor) -> Expr:
    """The expression with the tensor's name where its definition stands: `exp(S_ij) / Σ_k exp(S_ik)` is `P_ij`."""
    if not isinstance(definition, (Mul, Func, Power, Extreme)):
        return e
    if isinstance(e, Entry) or not children(e):
        return e
    e = rebuild(e, [fold(part, definition, indices, tensor) for part in children(e)])
    if isinstance(definition, Mul):
        return _fold_product(e, definition, indices, tensor)
    found: dict[Index, Expr] = {}
    if match(definition, e, set(indices), found) and set(found) == set(indices):
        return Entry(tensor, tuple(found[i] for i in indices))
    return e


def _fold_product(e: Expr, definition: Mul, indices: Sequence[Index], tensor: Tensor) -> Expr:
    if not isinstance(e, Mul):
        return e
    lead = next((f for f in definition.factors if free(f) >= set(indices)), None)
    if lead is None:
        return e
    for factor in e.factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, ONE)
        found: dict[Index, Expr] = {}
        if not match(lead, base, set(indices), found) or set(found) != set(indices):
            continue
        if not (isinstance(exponent, Num) and exponent.value >= 1):
            continue
        here = substitute(definition, found)
        rest = mul(e, power(here, number(-1)))
        if _size(rest) < _size(e) and _divisors(rest) <= _divisors(e):  # `a` is not better as `a x / x`
            entry = Entry(tensor, tuple(found[i] for i in indices))
            masks = {key(f) for f in (here.factors if isinstance(here, Mul) else ()) if isinstance(f, Is)}
            if masks and isinstance(rest, Mul):  # where a condition does not hold the value itself is 0
                rest = mul(*(f for f in rest.factors if key(f) not in masks))
            return _fold_product(mul(entry, rest), definition, indices, tensor)
    return _fold_sums(e, definition, indices, tensor)


def _divisors(e: Expr) -> set[str]:
    """What a product is divided by."""
    factors = e.factors if isinstance(e, Mul) else (e,)
    powers = [(f.base, f.exponent) for f in factors if isinstance(f, Power)]
    return {key(base) for base, exponent in powers if isinstance(exponent, Num) and exponent.value < 0}


def _fold_sums(e: Mul, definition: Mul, indices: Sequence[Index], tensor: Tensor) -> Expr:
    """`Σ_k a_k exp(S_ik) / Σ_l exp(S_il)`: what is divided by may belong to what is summed."""
    divisors = [f for f in e.factors if isinstance(f, Power) and isinstance(f.exponent, Num) and f.exponent.value < 0]
    for factor in e.factors:
        if isinstance(factor, Sum) and divisors:
            inner = mul(factor.body, *divisors)
            folded = _fold_product(inner, definition, indices, tensor)
            if _size(folded) < _size(inner):
                rest = (f for f in e.factors if f is not factor and f not in divisors)
                return mul(*rest, total(factor.index, folded))
    return e


def at_labels(e: Expr) -> Expr:
    """Beside `1{j = y_i}` each j is y_i: `1{j = y_i} P_ij / P_{i,y_i}` is `1{j = y_i}`."""
    e = rebuild(e, [at_labels(part) for part in children(e)])
    if not isinstance(e, Mul):
        return e
    for condition in e.factors:
        if isinstance(condition, Is) and condition.relation == "=":
            index, label = condition.left, condition.right
            if isinstance(label, Index):
                index, label = label, index
            if isinstance(index, Index) and isinstance(label, Entry) and label.tensor.integer:
                rest = mul(*(f for f in e.factors if f is not condition))
                return mul(condition, substitute(rest, {index: label}))
    return e


def at_places(e: Expr, known: Sequence[tuple[Expr, Index]] = ()) -> Expr:
    """Beside `1{u = 2 i + j}` the place `2 i + j` is u, and so within the array that u runs through."""
    for place, index in known:
        if key(e) == key(place):
            return index
        if isinstance(e, Is) and e.relation in "≥<" and _is_inside(e, place, index):
            return ONE
    if isinstance(e, Mul):
        told = [pair for factor in e.factors for pair in _told(factor)]
        known = [*known, *told]
        return mul(*(f if any(_told(f)) else at_places(f, known) for f in e.factors))
    return rebuild(e, [at_places(part, known) for part in children(e)])


def _told(e: Expr) -> list[tuple[Expr, Index]]:
    """The place and the index that a condition says are one."""
    if not isinstance(e, Is) or e.relation != "=":
        return []
    sides = ((e.left, e.right), (e.right, e.left))
    return [(place, index) for place, index in sides if isinstance(place, Add) and isinstance(index, Index)]


def _is_inside(bound: Is, place: Expr, index: Index) -> bool:
    """Whether a bound of the place, or of one beside it, holds for every index."""
    beside = add(bound.left, mul(number(-1), place))
    if bound.relation == "≥":
        return key(beside) == key(bound.right)
    return key(add(bound.right, mul(number(-1), beside))) == key(size(index.dim))


def _size(e: Expr) -> int:
    return 1 + sum(_size(part) for part in children(e))


def match(pattern: Expr, e: Expr, variables: set[Index], found: dict[Index, Expr]) -> bool:
    """Whether the expression is the pattern with values for its variables, which are then in `found`."""
    if isinstance(pattern, Index):
        if pattern in variables:
            known = found.setdefault(pattern, e)
            return key(known) == key(e)
        return pattern == e
    if type(pattern) is not type(e):
        return False
    if isinstance(pattern, (Sum, Extreme)) and isinstance(e, (Sum, Extreme)):
        if pattern.index.dim != e.index.dim:
            return False
        return match(pattern.body, substitute(e.body, {e.index: pattern.index}), variables, found)
    mine, theirs = children(pattern), children(e)
    if len(mine) != len(theirs) or _head(pattern) != _head(e):
        return False
    return all(match(a, b, variables, found) for a, b in zip(mine, theirs, strict=True))


def _head(e: Expr) -> object:
    match e:
        case Num() | Size():
            return key(e)
        case Entry():
            return e.tensor
        case Func():
            return (e.name, e.parameters)
        case Is():
            return e.relation
        case _:
            return type(e).__name__


# ---------------------------------------------------------------- numbers

_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal, "≠": np.not_equal, "<": np.less, "≤": np.less_equal, ">": np.greater, "≥": np.greater_equal,
}  # fmt: skip


def evaluate(e: Expr, out: Sequence[Index], arrays: Mapping[Tensor, Any], sizes: Mapping[str, int]) -> Any:
    """The array that has the expression's values, its axes being the indices `out`."""
    places = {index: len(out) - 1 - k for k, index in enumerate(out)}
    shape = tuple(index.dim.evaluate(sizes) for index in out)
    # Entries outside an array are multiplied by a condition that is 0 there; what they are does not matter.
    with np.errstate(all="ignore"):
        return np.broadcast_to(_Numbers(arrays, sizes).of(e, places), shape) + 0.0


class _Numbers:
    """Each index is an axis, counted from the right, so that NumPy's broadcasting does the rest."""

    def __init__(self, arrays: Mapping[Tensor, Any], sizes: Mapping[str, int]) -> None:
        self.arrays, self.sizes = arrays, sizes

    def of(self, e: Expr, places: dict[Index, int]) -> Any:
        match e:
            case Num():
                return float(e.value)
            case Size():
                return float(e.dim.evaluate(self.sizes))
            case Index():
                count = e.dim.evaluate(self.sizes)
                return np.arange(count).reshape(-1, *(1,) * places[e])
            case Entry():
                return self._entry(e, places)
            case Add():
                return sum(self.of(term, places) for term in e.terms)
            case Mul():
                return self._product([self.of(f, places) for f in e.factors], e)
            case Power():
                return np.power(np.asarray(self.of(e.base, places), float), self.of(e.exponent, places))
            case Func():
                return FUNCTIONS[e.name].value(*(self.of(a, places) for a in e.arguments))
            case Is():
                close = _RELATIONS[e.relation](self.of(e.left, places), self.of(e.right, places))
                return np.asarray(close, float)
            case Sum() | Extreme():
                place = max(places.values(), default=-1) + 1
                count = e.index.dim.evaluate(self.sizes)
                body = np.asarray(self.of(e.body, {**places, e.index: place}))
                body = np.broadcast_to(body, np.broadcast_shapes(body.shape, (count, *(1,) * place)))
                kind = {"first": "max"}.get(e.kind, e.kind) if isinstance(e, Extreme) else "sum"
                reduced = getattr(np, kind)(body, axis=body.ndim - 1 - place)
                return reduced

    def _product(self, values: list[Any], e: Mul) -> Any:
        """A condition that does not hold makes 0, whatever it stands beside."""
        holds: Any = True
        result: Any = 1.0
        for value, factor in zip(values, e.factors, strict=True):
            if isinstance(factor, Is):
                holds = np.logical_and(holds, np.asarray(value) != 0)
            else:
                result = result * value
        return np.where(holds, result, 0.0)

    def _entry(self, e: Entry, places: dict[Index, int]) -> Any:
        array = np.asarray(self.arrays[e.tensor])
        if not e.indices:
            return array
        indices = []
        for axis, index in enumerate(e.indices):
            value = np.asarray(self.of(index, places)).astype(int)
            indices.append(np.clip(value, -array.shape[axis], array.shape[axis] - 1))
        return array[tuple(indices)]
