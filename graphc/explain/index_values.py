"""Index expressions as numbers: `Σ_k A_ik B_kj` at i, j is the array that `A @ B` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.explain.functions import FUNCTIONS
from graphc.explain.terms import Add, Entry, Expr, Extreme, Func, Index, Is, Mul, Num, Power, Size, Sum, Tensor

__all__ = ["evaluate"]

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
