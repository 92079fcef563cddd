"""What a program means to somebody who knows Python: its statements, run by autograd's NumPy.

It knows nothing of the compiler. A statement is a line of Python; derivatives inside a program (`grad`, `jacobian`, …)
run the lines before it again with one of their names put in the place of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial, reduce
from types import CodeType
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.numpy.numpy_boxes import ArrayBox

from graphc.ops.table import names
from ops.references import reference

__all__ = ["Translation", "meanings"]

OF_TRUTHS = {
    "abs", "add", "all", "any", "argmax", "argmin", "attention", "broadcast_to", "ceil", "clip", "concatenate",
    "diag", "dot", "einsum", "embedding", "equal", "expand_dims", "flatten", "flip", "floor", "floor_divide",
    "full_like", "greater", "greater_equal", "inner", "kron", "less", "less_equal", "matmul", "max", "maximum", "min",
    "minimum", "moveaxis", "multiply", "not_equal", "ones_like", "outer", "pad", "prod", "quadratic", "remainder",
    "repeat", "reshape", "roll", "round", "sign", "split", "squeeze", "stack", "stop_gradient", "sum", "swapaxes",
    "take", "take_along_axis", "tensordot", "tile", "trace", "transpose", "tril", "triu", "where", "zeros_like",
}  # fmt: skip
"""What gives truth values or integers of truth values."""
FAR = -1e30
"""What stands around the array of a max pool: smaller than everything, and 0 times it is 0."""


class Translation:
    """Lines of Python that assign names, with the sizes of the dimensions that they speak of."""

    def __init__(self, lines: Sequence[str], sizes: Mapping[str, int], functions: str = "") -> None:
        self.lines = [_compiled(line) for line in lines]
        self.given: dict[str, Any] = {**meanings(), **sizes}
        exec(_compiled(functions), self.given)

    def run(
        self, arguments: Mapping[str, Any], upto: int | None = None, instead: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """All names after the lines before `upto`; those of `instead` have the values given there."""
        instead = instead or {}
        known: dict[str, Any] = {**self.given, **arguments, **instead}
        for k, line in enumerate(self.lines[:upto]):
            known["calculus"] = Calculus(self, arguments, k, instead)
            exec(line, known)
            known.update(instead)
        return known


class Calculus:
    """The derivatives that a line may ask for, of an expression with respect to a name."""

    def __init__(
        self, translation: Translation, arguments: Mapping[str, Any], line: int, instead: Mapping[str, Any]
    ) -> None:
        self.translation, self.arguments, self.line, self.instead = translation, arguments, line, instead

    def _as_function(self, expression: str, name: str) -> tuple[Callable[[Any], Any], Any]:
        code = _compiled(expression, "eval")

        def value(x: Any) -> Any:
            known = self.translation.run(self.arguments, self.line, {**self.instead, name: x})
            return eval(code, known)

        return value, self.translation.run(self.arguments, self.line, self.instead)[name]

    def grad(self, expression: str, name: str) -> Any:
        function, at = self._as_function(expression, name)
        return autograd.grad(function)(at)

    def jacobian(self, expression: str, name: str) -> Any:
        function, at = self._as_function(expression, name)
        return autograd.jacobian(function)(at)

    def hessian(self, expression: str, name: str) -> Any:
        function, at = self._as_function(expression, name)
        return autograd.jacobian(autograd.grad(function))(at)

    def vjp(self, expression: str, name: str, v: Any) -> Any:
        function, at = self._as_function(expression, name)
        return autograd.grad(lambda x: anp.sum(function(x) * v))(at)

    def jvp(self, expression: str, name: str, v: Any) -> Any:
        """By the whole Jacobian."""
        function, at = self._as_function(expression, name)
        rank = np.ndim(at)
        return anp.sum(autograd.jacobian(function)(at) * v, axis=tuple(range(-rank, 0)))

    def hvp(self, expression: str, name: str, v: Any) -> Any:
        function, at = self._as_function(expression, name)
        return autograd.grad(lambda x: anp.sum(autograd.grad(function)(x) * v))(at)


@cache
def _compiled(text: str, mode: str = "exec") -> CodeType:
    return compile(text, text, mode)


@cache
def meanings() -> dict[str, Any]:
    """What every operation's name means."""
    known = {name: function for name in names() if (function := reference(name)) is not None}
    known = {
        name: _of_numbers(function) if name not in OF_TRUTHS else function
        for name, function in {**known, **_OWN}.items()
    }
    return {**known, "true": True, "false": False, "none": None, "shape": np.shape, "np": np}


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with truth values as numbers: NumPy's `exp` of them is one of half precision."""

    def number(x: Any) -> Any:
        if isinstance(x, list):
            return [number(item) for item in x]
        return x * 1.0 if isinstance(x, (np.ndarray, np.bool_)) and x.dtype == bool else x

    return lambda *operands, **attributes: function(*map(number, operands), **attributes)


# ---------------------------------------------------------------- what autograd cannot do, or does otherwise


def _plain(x: Any) -> Any:
    while hasattr(x, "_value"):
        x = x._value
    return x


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    return tuple(range(rank)) if axis is None else tuple(a % rank for a in np.atleast_1d(axis))


def _flattened(x: Any, axis: Any) -> tuple[Any, list[int]]:
    """The array with the axes made one, the last; and the shape that the reduced array has with them kept."""
    axes = _axes(axis, np.ndim(x))
    kept = [a for a in range(np.ndim(x)) if a not in axes]
    sizes = np.shape(x)
    y = anp.transpose(x, [*kept, *axes]) if axes else x
    count = int(np.prod([sizes[a] for a in axes]))
    return anp.reshape(y, [*(sizes[a] for a in kept), count]), [1 if a in axes else sizes[a] for a in range(len(sizes))]


def _prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    y, kept = _flattened(x, axis)
    parts = [y[..., k] for k in range(np.shape(y)[-1])]
    result = reduce(lambda a, b: a * b, parts, np.ones(np.shape(y)[:-1]))
    return anp.reshape(result, kept) if keepdims else result


def _var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    y, kept = _flattened(x, axis)
    off = y - anp.mean(y, axis=-1, keepdims=True)
    result = anp.sum(off * off, axis=-1) / max(np.shape(y)[-1] - ddof, 0)
    return anp.reshape(result, kept) if keepdims else result


def _norm(x: Any, ord: Any = 2, axis: Any = None, keepdims: bool = False) -> Any:
    if str(ord) != "2":
        function = reference("norm")
        assert function is not None
        return function(x, ord=ord, axis=axis, keepdims=keepdims)
    squares = anp.sum(x * x, axis=axis, keepdims=keepdims)
    zero = _plain(squares) == 0
    return anp.where(zero, 0.0, anp.sqrt(anp.where(zero, 1.0, squares)))


def _cumulated(combine: Callable[[Any, Any], Any], x: Any, axis: int | None = None) -> Any:
    if axis is None:
        x, axis = anp.ravel(x), 0
    y = anp.moveaxis(x, axis, 0)
    parts: list[Any] = []
    for k in range(np.shape(y)[0]):
        parts.append(y[k] if k == 0 else combine(parts[-1], y[k]))
    return anp.moveaxis(anp.stack(parts, axis=0), 0, axis) if parts else x


def _diag(x: Any, k: int = 0) -> Any:
    if np.ndim(x) == 1:
        n = np.shape(x)[0]
        places = np.zeros((n, n + abs(k), n + abs(k)))
        places[np.arange(n), np.arange(n) + max(-k, 0), np.arange(n) + max(k, 0)] = 1
        return anp.einsum("i,ijk->jk", x, places)
    n, m = np.shape(x)
    at = np.arange(max(min(n - max(-k, 0), m - max(k, 0)), 0))
    return x[max(-k, 0) + at, max(k, 0) + at]


def _take_along_axis(x: Any, i: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return anp.ravel(x)[i]
    places = list(np.ix_(*(np.arange(n) for n in np.shape(i))))
    places[axis] = i
    return x[tuple(places)]


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _windows(x: Any, size: Any, stride: Any, padding: Any, dilation: Any, around: float = 0.0) -> Any:
    """(..., H, W) → (..., rows, columns, k * l)."""
    (k, l), (sh, sw), (ph, pw), (dh, dw) = map(_pair, (size, stride, padding, dilation))
    lead = ((0, 0),) * (np.ndim(x) - 2)
    x = anp.pad(x * 1.0, (*lead, (ph, ph), (pw, pw)), "constant", constant_values=around)
    rows, columns = (np.shape(x)[-2] - dh * (k - 1) - 1) // sh + 1, (np.shape(x)[-1] - dw * (l - 1) - 1) // sw + 1
    down = (np.arange(rows) * sh)[:, None, None, None] + (np.arange(k) * dh)[:, None]
    across = (np.arange(columns) * sw)[:, None, None] + np.arange(l) * dw
    down, across = np.broadcast_arrays(down, across)
    found = x[(..., down, across)]
    return anp.reshape(found, (*np.shape(found)[:-2], k * l))


def _conv2d(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    o, per, k, l = np.shape(w)
    seen = _windows(x, (k, l), stride, padding, dilation)
    flat = anp.reshape(w, (o, per, k * l))
    parts = [
        anp.einsum(
            "ncijk,ock->noij", seen[:, g * per : (g + 1) * per], flat[g * (o // groups) : (g + 1) * (o // groups)]
        )
        for g in range(groups)
    ]
    y = anp.concatenate(parts, axis=1)
    return y if b is None else y + anp.reshape(b, (-1, 1, 1))


def _conv_transpose2d(
    x: Any,
    w: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    (sh, sw), (ph, pw), (dh, dw), (oh, ow) = map(_pair, (stride, padding, dilation, output_padding))
    _, c, height, width = np.shape(x)
    _, _, k, l = np.shape(w)
    tall, wide = (height - 1) * sh + dh * (k - 1) + 1 + oh, (width - 1) * sw + dw * (l - 1) + 1 + ow

    def placed(n: int, whole: int, step: int, offset: int) -> Any:
        at = np.zeros((n, whole))
        at[np.arange(n), np.arange(n) * step + offset] = 1
        return at

    parts = []
    for g in range(groups):
        mine = slice(g * (c // groups), (g + 1) * (c // groups))
        parts.append(sum(
            anp.einsum("nchw,co,hH,wW->noHW", x[:, mine], w[mine, :, i, j], placed(height, tall, sh, i * dh),
                       placed(width, wide, sw, j * dw))
            for i in range(k) for j in range(l)
        ))  # fmt: skip
    y = anp.concatenate(parts, axis=1)[:, :, ph : tall - ph, pw : wide - pw]
    return y if b is None else y + anp.reshape(b, (-1, 1, 1))


def _max_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    seen = _windows(x, size, size if stride is None else stride, padding, dilation, FAR)
    first = np.argmax(_plain(seen), axis=-1)
    return anp.sum(seen * np.eye(np.shape(seen)[-1])[first], axis=-1)


def _avg_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True) -> Any:
    step = size if stride is None else stride
    total = anp.sum(_windows(x, size, step, padding, 1), axis=-1)
    if count_include_pad:
        return total / np.prod(_pair(size))
    return total / np.sum(_windows(np.ones(np.shape(x)), size, step, padding, 1), axis=-1)


def _flat(function: Callable[..., Any], x: Any, *more: Any, **options: Any) -> Any:
    """A function of images for signals: images one entry high."""

    def wide(value: Any, none: Any) -> Any:
        return (none, value) if isinstance(value, int) else value

    none = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
    options = {name: wide(value, none[name]) if name in none else value for name, value in options.items()}
    more = tuple((1, m) if isinstance(m, int) else m if m is None or np.ndim(m) < 3 else m[:, :, None] for m in more)
    y = function(x[..., None, :], *more, **options)
    return y[..., 0, :]


def _floor_divide(x: Any, y: Any) -> Any:
    return np.floor_divide(_plain(x), _plain(y))


def _remainder(x: Any, y: Any) -> Any:
    return x - _floor_divide(x, y) * y


# Operators that autograd's arrays lack, or whose gradient forgets that an operand was broadcast.
ArrayBox.__pos__ = lambda x: x
ArrayBox.__floordiv__ = _floor_divide
ArrayBox.__rfloordiv__ = lambda x, y: _floor_divide(y, x)
ArrayBox.__mod__ = _remainder
ArrayBox.__rmod__ = lambda x, y: _remainder(y, x)


def _hypot(x: Any, y: Any) -> Any:
    return _norm(anp.stack([x + 0 * y, y + 0 * x], axis=-1), axis=-1)


def _clip(x: Any, lo: Any = None, hi: Any = None) -> Any:
    y = x if lo is None else anp.where(x < lo, lo + 0 * x, x)
    return y if hi is None else anp.where(y > hi, hi + 0 * y, y)


def _where(c: Any, a: Any, b: Any) -> Any:
    none = np.zeros(np.broadcast_shapes(np.shape(c), np.shape(a), np.shape(b)), bool)  # integers stay what they are
    return anp.where(c, a + none, b + none)


def _split(x: Any, sections: Any, axis: int = 0) -> Any:
    return anp.split(x, sections, axis)


_OWN: dict[str, Callable[..., Any]] = {
    "prod": _prod,
    "var": _var,
    "std": lambda x, axis=None, ddof=0, keepdims=False: anp.sqrt(_var(x, axis, ddof, keepdims)),
    "norm": _norm,
    "cumsum": partial(_cumulated, lambda a, b: a + b),
    "cumprod": partial(_cumulated, lambda a, b: a * b),
    "diag": _diag,
    "take_along_axis": _take_along_axis,
    "conv2d": _conv2d,
    "conv1d": partial(_flat, _conv2d),
    "conv_transpose2d": _conv_transpose2d,
    "conv_transpose1d": partial(_flat, _conv_transpose2d),
    "max_pool2d": _max_pool2d,
    "max_pool1d": partial(_flat, _max_pool2d),
    "avg_pool2d": _avg_pool2d,
    "avg_pool1d": partial(_flat, _avg_pool2d),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "hypot": _hypot,
    "clip": _clip,
    "where": _where,
    "split": _split,
    "hardtanh": lambda x, min_val=-1, max_val=1: _clip(x, min_val, max_val),
    "round": lambda x, decimals=0: x if np.result_type(_plain(x)).kind == "b" else np.round(_plain(x), decimals),
    "floor": lambda x: np.floor(_plain(x)),
    "ceil": lambda x: np.ceil(_plain(x)),
    "sign": lambda x: np.sign(_plain(x)),
    "zeros_like": lambda x: np.zeros_like(_plain(x)),
    "ones_like": lambda x: np.ones_like(_plain(x)),
    "full_like": lambda x, v: np.full_like(_plain(x), v) if np.asarray(_plain(x)).dtype.kind != "f" else x * 0 + v,
    "zeros": np.zeros,
    "ones": np.ones,
    "full": lambda shape, value: value * np.ones(shape),
    "eye": lambda n, m=None, k=0: np.eye(n, m, k),
    "arange": lambda *ends, dtype="float": np.arange(*ends) * (1 if dtype == "int" else 1.0),
    "one_hot": lambda i, n: np.eye(n)[i],
    "argmax": lambda x, axis=None, keepdims=False: np.argmax(_plain(x), axis=axis, keepdims=keepdims),
    "argmin": lambda x, axis=None, keepdims=False: np.argmin(_plain(x), axis=axis, keepdims=keepdims),
    "all": lambda x, axis=None, keepdims=False: np.all(_plain(x), axis=axis, keepdims=keepdims),
    "any": lambda x, axis=None, keepdims=False: np.any(_plain(x), axis=axis, keepdims=keepdims),
    "stack": lambda xs, axis=0: anp.stack(xs, axis=axis),
    "concatenate": lambda xs, axis=0: anp.concatenate(xs, axis=axis),
}  # fmt: skip
