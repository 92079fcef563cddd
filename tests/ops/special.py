"""What the machinery of `ops.cases` cannot make up by itself: values of attributes, and cases written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ops.values import in_domain, spread

__all__ = ["ATTRIBUTES", "JOINT", "NARROW", "NO_GRADIENT", "SPECIAL"]

# Values to try for an attribute of this name, or of one operation; the first stands for a required one.
ATTRIBUTES: Mapping[str | tuple[str, str], Sequence[Any]] = {
    "axis": [0, -1, 1, (0, 1), (0, -1), (-2,), None],
    ("expand_dims", "axis"): [0, -1, 1, (0, 2), (0, -1)],
    ("squeeze", "axis"): [0, -1, 1, (0, 1), None],
    "keepdims": [True],
    "ddof": [1],
    "k": [1, -1, 4],
    "slope": [0.2],
    "alpha": [0.5, 2],
    "min_val": [-0.6],
    "max_val": [0.6],
    "approximate": ["tanh"],
    "p": [0.3, 0],
    "n": [5],
    "ord": [1, 3, "inf", "-inf", 2.5, 0],
    "value": [0, 1.5],
    ("flatten", "start"): [1, -1],
    ("tensordot", "axes"): [1, 0, ((1,), (0,)), ((0,), (0,)), ((-1,), (-2,))],
    ("transpose", "axes"): [(1, 0), (0, 1), (2, 0, 1), (0, -1, -2), (3, 1, 0, 2)],
    "repeats": [2, 3],
    "reps": [2, (2, 1), (2, 1, 3), (1,)],
    "width": [1, (1, 2), ((1, 0), (0, 2)), ((0, 1), (1, 1), (2, 0)), 0],
    "shift": [1, -2, 5],
    "shape": [(2, 3), (3,), (2, 2, 3), (6,), (3, 2), (-1,), (2, -1), (1, 3), (), (4, 2, 3)],
    "reduction": ["mean", "none"],
    "delta": [0.4],
    "margin": [0.5],
    "eps": [0.1],
    "size": [2, (1, 2)],
    "scale": [0.3],
    "causal": [True],
    "stride": [1, 2, (2, 1)],
    "padding": [1],
    "dilation": [2],
    "groups": [2],
    "count_include_pad": [False],
}

# Attributes that only make sense together.
JOINT: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "moveaxis": [
        {"source": 0, "destination": -1}, {"source": -1, "destination": 0}, {"source": (0, 1), "destination": (-1, -2)},
        {"source": (0, 2), "destination": (1, 0)},
    ],
    "swapaxes": [
        {"axis1": 0, "axis2": 1}, {"axis1": -1, "axis2": 0}, {"axis1": 1, "axis2": 2}, {"axis1": 0, "axis2": 0},
    ],
    "roll": [
        {"shift": 1}, {"shift": -2, "axis": 0}, {"shift": 5, "axis": -1}, {"shift": (1, -1), "axis": (0, 1)},
        {"shift": 1, "axis": (0, 1)},
    ],
}

# Operations for which numbers up to 7 are too large for a good numerical derivative.
NARROW = {"tan", "sinh", "cosh", "exp", "expm1", "pinv", "kron", "quadratic", "bilinear", "prod", "cumprod", "det"}

# Operations without a gradient, or whose gradient is zero by definition and not by calculus.
NO_GRADIENT = {
    "all", "any", "arange", "argmax", "argmin", "ceil", "equal", "eye", "floor", "floor_divide", "full", "greater",
    "greater_equal", "less", "less_equal", "not_equal", "one_hot", "ones", "ones_like", "round", "sign",
    "stop_gradient", "zeros", "zeros_like",
}  # fmt: skip


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng([20, *seed])


def _arrays(**shapes: tuple[int, ...]) -> dict[str, Any]:
    """Spread numbers under these names."""
    rng = _rng(*map(len, shapes.values()), sum(map(sum, shapes.values())))
    return dict(zip(shapes, spread(rng, *shapes.values()), strict=True))


def _of(domain: str, **shapes: tuple[int, ...]) -> dict[str, Any]:
    return {name: in_domain(x, domain, _rng(1)) for name, x in _arrays(**shapes).items()}


def _case(
    body: str, arguments: Mapping[str, Any], reference: Callable[..., Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A case by hand; `reference` takes the arguments in order and gives the value, or a tuple of values."""
    return {"body": body, "arguments": arguments, "reference": reference, **more}


# ---------------------------------------------------------------- references by loops


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def convolution(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Cross-correlation, entry by entry: (N, C, H, W) with (O, C / groups, K, L)."""
    (sh, sw), (ph, pw), (dh, dw) = _pair(stride), _pair(padding), _pair(dilation)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, _, height, width = x.shape
    o, per, k, l = w.shape
    rows, columns = (height - dh * (k - 1) - 1) // sh + 1, (width - dw * (l - 1) - 1) // sw + 1
    y = np.zeros((n, o, rows, columns))
    for f in range(o):
        first = f // (o // groups) * per
        for i in range(rows):
            for j in range(columns):
                down, across = (slice(at, at + d * (n - 1) + 1, d) for at, d, n in ((i * sh, dh, k), (j * sw, dw, l)))
                part = x[:, first : first + per, down, across]
                y[:, f, i, j] = (part * w[f]).sum(axis=(1, 2, 3))
    return y if b is None else y + b[:, None, None]


def convolution1d(
    x: Any, w: Any, b: Any = None, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Any:
    return convolution(x[:, :, None], w[:, :, None], b, (1, stride), (0, padding), (1, dilation), groups)[:, :, 0]


def transposed(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of the convolution with w of (C, O / groups, K, L): each entry of x adds a copy of w."""
    (sh, sw), (ph, pw), (dh, dw), (oh, ow) = _pair(stride), _pair(padding), _pair(dilation), _pair(output_padding)
    n, c, height, width = x.shape
    _, per, k, l = w.shape
    y = np.zeros((n, groups * per, (height - 1) * sh + dh * (k - 1) + 1 + oh, (width - 1) * sw + dw * (l - 1) + 1 + ow))
    for channel in range(c):
        first = channel // (c // groups) * per
        for i in range(height):
            for j in range(width):
                down, across = (slice(at, at + d * (m - 1) + 1, d) for at, d, m in ((i * sh, dh, k), (j * sw, dw, l)))
                y[:, first : first + per, down, across] += x[:, channel, i, j][:, None, None, None] * w[channel]
    y = y[:, :, ph : y.shape[2] - ph, pw : y.shape[3] - pw]
    return y if b is None else y + b[:, None, None]


def transposed1d(
    x: Any, w: Any, b: Any = None, stride: int = 1, padding: int = 0, output_padding: int = 0, groups: int = 1,
    dilation: int = 1,
) -> Any:
    apart = x[:, :, None], w[:, :, None], b, (1, stride), (0, padding), (0, output_padding), groups, (1, dilation)
    return transposed(*apart)[:, :, 0]


def pooled(
    x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, count_include_pad: bool = True,
    largest: bool = True,
) -> Any:
    """The largest entry, or the mean, of each window of the last two axes; see `count_include_pad` of PyTorch."""
    (k, l), (sh, sw), (ph, pw) = _pair(size), _pair(size if stride is None else stride), _pair(padding)
    dh, dw = _pair(dilation)
    border = [(0, 0)] * (x.ndim - 2) + [(ph, ph), (pw, pw)]
    counted = np.pad(np.ones(x.shape), border, constant_values=float(count_include_pad))
    x = np.pad(x, border, constant_values=-np.inf if largest else 0)
    rows, columns = (x.shape[-2] - dh * (k - 1) - 1) // sh + 1, (x.shape[-1] - dw * (l - 1) - 1) // sw + 1
    y = np.zeros((*x.shape[:-2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            at = (..., slice(i * sh, i * sh + dh * (k - 1) + 1, dh), slice(j * sw, j * sw + dw * (l - 1) + 1, dw))
            window, count = x[at], counted[at].sum(axis=(-2, -1))
            y[..., i, j] = window.max(axis=(-2, -1)) if largest else window.sum(axis=(-2, -1)) / count
    return y


def pooled1d(x: Any, size: int, stride: int | None = None, padding: int = 0, dilation: int = 1, **more: Any) -> Any:
    step = (1, size if stride is None else stride)
    return pooled(x[..., None, :], (1, size), step, (0, padding), (1, dilation), **more)[..., 0, :]


def attended(Q: Any, K: Any, V: Any, mask: Any = None, causal: bool = False, scale: float | None = None) -> Any:
    """softmax(Q Kᵀ · scale) V over the last two axes; `mask` is true where a query may look."""
    scores = np.einsum("...qd,...kd->...qk", Q, K) * (Q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ V


def grouped(x: Any, gamma: Any, beta: Any, groups: int, eps: float = 1e-5) -> Any:
    parts = x.reshape(x.shape[0], groups, -1)
    mean, var = parts.mean(axis=2, keepdims=True), parts.var(axis=2, keepdims=True)
    shape = (-1,) + (1,) * (x.ndim - 2)
    return ((parts - mean) / np.sqrt(var + eps)).reshape(x.shape) * gamma.reshape(shape) + beta.reshape(shape)


# ---------------------------------------------------------------- cases by hand

_IMAGE = _arrays(x=(2, 4, 5, 6), w=(6, 4, 3, 2), b=(6,))
_SMALL = _arrays(x=(2, 2, 4, 4))
_HEADS = _arrays(Q=(2, 2, 4, 3), K=(2, 2, 5, 3), V=(2, 2, 5, 2))
_FLAT = _arrays(Q=(4, 3), K=(5, 3), V=(5, 2))
_MASK = np.arange(20).reshape(4, 5) % 3 != 1
_BOOLS = np.array([[True, False, True], [False, True, True]])


def _convolutions() -> list[dict[str, Any]]:
    made = []
    for body, options in (
        ("y = conv2d(x, w, b)", {}),
        ("y = conv2d(x, w, b, stride=2, padding=1)", {"stride": 2, "padding": 1}),
        ("y = conv2d(x, w, b, stride=(1, 2), padding=(2, 0))", {"stride": (1, 2), "padding": (2, 0)}),
        ("y = conv2d(x, w, b, dilation=(2, 1), padding=1)", {"dilation": (2, 1), "padding": 1}),
    ):
        made.append(_case(body, _IMAGE, lambda *a, options=options: convolution(*a, **options)))
    made.append(_case("y = conv2d(x, w)", {n: _IMAGE[n] for n in "xw"}, convolution))
    two = _arrays(x=(1, 4, 4, 3), w=(6, 2, 2, 2), b=(6,))
    made.append(_case("y = conv2d(x, w, b, groups=2)", two, lambda *a: convolution(*a, groups=2)))
    depth = _arrays(x=(2, 3, 4, 4), w=(3, 1, 3, 3))
    made.append(_case("y = conv2d(x, w, groups=3, padding=1)", depth, lambda *a: convolution(*a, groups=3, padding=1)))
    point = _arrays(x=(2, 3, 2, 2), w=(4, 3, 1, 1))
    made.append(_case("y = conv2d(x, w)", point, convolution))
    empty = _arrays(x=(0, 2, 3, 3), w=(1, 2, 2, 2))
    made.append(_case("y = conv2d(x, w)", empty, convolution))
    return made


def _convolutions1d() -> list[dict[str, Any]]:
    signal = _arrays(x=(2, 4, 7), w=(6, 4, 3), b=(6,))
    half = _arrays(x=(2, 4, 7), w=(6, 2, 3))
    return [
        _case("y = conv1d(x, w, b)", signal, convolution1d),
        _case("y = conv1d(x, w, b, stride=2, padding=1)", signal, lambda *a: convolution1d(*a, stride=2, padding=1)),
        _case("y = conv1d(x, w, b, dilation=2)", signal, lambda *a: convolution1d(*a, dilation=2)),
        _case("y = conv1d(x, w, groups=2)", half, lambda *a: convolution1d(*a, groups=2)),
    ]


def _transposed() -> list[dict[str, Any]]:
    image = _arrays(x=(2, 3, 3, 4), w=(3, 2, 3, 2), b=(2,))
    return [
        _case("y = conv_transpose2d(x, w, b)", image, transposed),
        _case("y = conv_transpose2d(x, w)", {n: image[n] for n in "xw"}, transposed),
        _case("y = conv_transpose2d(x, w, b, stride=2)", image, lambda *a: transposed(*a, stride=2)),
        _case("y = conv_transpose2d(x, w, b, stride=2, padding=1)", image,
              lambda *a: transposed(*a, stride=2, padding=1)),
        _case("y = conv_transpose2d(x, w, groups=2, dilation=(2, 1))", _arrays(x=(1, 4, 2, 3), w=(4, 3, 2, 2)),
              lambda *a: transposed(*a, groups=2, dilation=(2, 1))),
    ]


def _pools(name: str, largest: bool) -> list[dict[str, Any]]:
    odd = _arrays(x=(2, 2, 5, 6))
    return [
        _case(f"y = {name}(x, 2)", _SMALL, lambda x: pooled(x, 2, largest=largest)),
        _case(f"y = {name}(x, size=(3, 2), stride=1)", odd, lambda x: pooled(x, (3, 2), 1, largest=largest)),
        _case(f"y = {name}(x, 3, stride=2, padding=1)", odd, lambda x: pooled(x, 3, 2, 1, largest=largest)),
    ]


def _pools1d(name: str, largest: bool) -> list[dict[str, Any]]:
    signal = _arrays(x=(2, 3, 6))
    return [
        _case(f"y = {name}(x, 2)", signal, lambda x: pooled1d(x, 2, largest=largest)),
        _case(f"y = {name}(x, 3, stride=2, padding=1)", signal, lambda x: pooled1d(x, 3, 2, 1, largest=largest)),
    ]


def _einsums() -> list[dict[str, Any]]:
    a, b, c = (2, 3), (3, 4), (4, 2)
    table: list[tuple[str, dict[str, tuple[int, ...]]]] = [
        ("ij,jk->ik", {"a": a, "b": b}), ("ij,jk,kl->il", {"a": a, "b": b, "c": c}), ("ij->ji", {"a": a}),
        ("ij->", {"a": a}), ("ij->j", {"a": a}), ("ii->i", {"a": (3, 3)}), ("ii", {"a": (3, 3)}),
        ("i,j->ij", {"a": (2,), "b": (3,)}), ("i,i->", {"a": (3,), "b": (3,)}), ("ij,ij->i", {"a": a, "b": a}),
        ("bij,bjk->bik", {"a": (2, 3, 4), "b": (2, 4, 2)}), ("...ij,...jk->...ik", {"a": (2, 1, 3), "b": (2, 3, 2)}),
        ("ij,kj->ik", {"a": a, "b": (4, 3)}), ("ij,j->i", {"a": a, "b": (3,)}),
        ("ijk,kj->i", {"a": (2, 3, 4), "b": (4, 3)}),
        ("ij,kl->ijkl", {"a": a, "b": (2, 2)}), ("i,ij,j->", {"a": (2,), "b": a, "c": (3,)}),
        ("ij,jk", {"a": (2, 1), "b": (1, 3)}), ("nd,dh,h->n", {"a": a, "b": b, "c": (4,)}), ("i->", {"a": (0,)}),
        ("ij,jk->ik", {"a": (2, 0), "b": (0, 3)}), (",i->i", {"a": (), "b": (3,)}), ("iij->j", {"a": (2, 2, 3)}),
    ]  # fmt: skip
    made = []
    for subscripts, shapes in table:
        text = f'y = einsum("{subscripts}", {", ".join(shapes)})'
        made.append(_case(text, _arrays(**shapes), lambda *v, subscripts=subscripts: np.einsum(subscripts, *v)))
    made.append(_case('y = einsum("ij,jk->ik", a, a)', _arrays(a=(3, 3)), lambda a: a @ a))
    return made


SPECIAL: Mapping[str, Sequence[dict[str, Any]]] = {
    "round": [
        _case("y = round(x, 1)", _arrays(x=(2, 3)), lambda x: np.round(x, 1)),
        _case("y = round(x * 40, decimals=-1)", _arrays(x=(2, 3)), lambda x: np.round(x * 40, -1)),
    ],
    "repeat": [
        _case("y = repeat(x, [1, 2], axis=0)", _arrays(x=(2, 3)), lambda x: np.repeat(x, [1, 2], axis=0)),
        _case("y = repeat(x, [0, 3, 1], axis=-1)", _arrays(x=(2, 3)), lambda x: np.repeat(x, [0, 3, 1], axis=-1)),
    ],
    "pad": [
        _case("y = pad(x, 1, 3)", _arrays(x=(2, 3)), lambda x: np.pad(x, 1, constant_values=3)),
        _case('y = pad(x, 1, "constant", constant_values=2)', _arrays(x=(2,)),
              lambda x: np.pad(x, 1, constant_values=2)),
    ],
    "norm": [
        _case("y = norm(x, ord=none, axis=1)", _arrays(x=(2, 3)), lambda x: np.linalg.norm(x, axis=1)),
        _case("y = norm(x, ord=2.5, axis=1)", _arrays(x=(2, 3)), lambda x: np.linalg.norm(x, 2.5, axis=1)),
    ],
    "conv2d": _convolutions(),
    "conv1d": _convolutions1d(),
    "conv_transpose2d": _transposed(),
    "max_pool2d": _pools("max_pool2d", True),
    "avg_pool2d": _pools("avg_pool2d", False),
    "max_pool1d": _pools1d("max_pool1d", True),
    "avg_pool1d": _pools1d("avg_pool1d", False),
    "attention": [
        _case("y = attention(Q, K, V)", _HEADS, attended),
        _case("y = attention(Q, K, V, scale=0.4)", _FLAT, lambda *a: attended(*a, scale=0.4)),
        _case("y = attention(Q, K, V, causal=true)", _FLAT, lambda *a: attended(*a, causal=True)),
        _case("y = attention(Q, K, V, mask=mask)", {**_FLAT, "mask": _MASK}, attended),
        _case("y = attention(Q, K, V, mask=mask)", {**_HEADS, "mask": _MASK}, attended),
    ],
    "group_norm": [
        _case("y = group_norm(x, 2, gamma, beta)", _arrays(x=(2, 4, 3), gamma=(4,), beta=(4,)),
              lambda *a: grouped(*a, groups=2)),
        _case("y = group_norm(x, 1, gamma, beta, eps=0.1)", _arrays(x=(2, 2, 2, 3), gamma=(2,), beta=(2,)),
              lambda *a: grouped(*a, groups=1, eps=0.1)),
    ],
    "einsum": _einsums(),
    "split": [
        _case("a, b = split(x, 2)", _arrays(x=(4, 3)), lambda x: tuple(np.split(x, 2))),
        _case("a, b = split(x, 2); y = a * b", _arrays(x=(4, 3)), lambda x: x[:2] * x[2:]),
        _case("a, b, c = split(x, 3, axis=1); y = a * b - c", _arrays(x=(2, 6)),
              lambda x: x[:, :2] * x[:, 2:4] - x[:, 4:]),
        _case("a, b, c = split(x, [1, 3], axis=1)", _arrays(x=(2, 5)), lambda x: tuple(np.split(x, [1, 3], 1))),
        _case("a, b, c = split(x, 3, axis=-1)", _arrays(x=(2, 2, 6)), lambda x: tuple(np.split(x, 3, -1))),
        _case("a, b = split(x, [0])", _arrays(x=(3,)), lambda x: tuple(np.split(x, [0]))),
    ],
    "slogdet": [
        _case("sign, l = slogdet(A)", _of("invertible", A=(3, 3)), lambda A: tuple(np.linalg.slogdet(A))),
        _case("sign, l = slogdet(A)", _of("invertible", A=(2, 3, 3)), lambda A: tuple(np.linalg.slogdet(A))),
        _case("sign, l = slogdet(A)", {"A": -_of("invertible", A=(3, 3))["A"]}, lambda A: tuple(np.linalg.slogdet(A))),
    ],
    "logdet": [
        _case("y = logdet(A)", _of("invertible", A=(3, 3)), lambda A: np.linalg.slogdet(A)[1]),
        _case("y = logdet(A)", _of("invertible", A=(2, 3, 3)), lambda A: np.linalg.slogdet(A)[1]),
    ],
    "solve": [
        _case("y = solve(A, B)", {**_of("invertible", A=(3, 3)), **_arrays(B=(3, 2))}, np.linalg.solve),
        _case("y = solve(A, B)", {**_of("invertible", A=(3, 3)), **_arrays(B=(3,))}, np.linalg.solve),
        _case("y = solve(A, B)", {**_of("invertible", A=(2, 3, 3)), **_arrays(B=(2, 3, 2))}, np.linalg.solve),
        _case("y = solve(A, A)", _of("invertible", A=(3, 3)), lambda A: np.eye(3)),
    ],
    "pinv": [
        _case("y = pinv(A)", _arrays(A=(4, 2)), np.linalg.pinv),
        _case("y = pinv(A)", _arrays(A=(2, 3)), np.linalg.pinv),
        _case("y = pinv(A)", _of("invertible", A=(3, 3)), np.linalg.inv),
        _case("y = pinv(A)", _arrays(A=(2, 4, 2)), np.linalg.pinv),
    ],
    "arange": [
        _case("y = arange(3) * x", _arrays(x=(3,)), lambda x: np.arange(3) * x),
        _case("y = arange(1, 6, 2) + x", _arrays(x=(3,)), lambda x: np.arange(1, 6, 2) + x),
        _case("y = x * arange(shape(x)[0])", _arrays(x=(4,)), lambda x: np.arange(4) * x),
        _case("y = x * arange(3, 0, -1)", _arrays(x=(2, 3)), lambda x: np.arange(3, 0, -1) * x),
    ],
    "eye": [
        _case("y = eye(3) * x", _arrays(x=(3, 3)), lambda x: np.eye(3) * x),
        _case("y = eye(2, 3, 1) @ x", _arrays(x=(3, 2)), lambda x: np.eye(2, 3, 1) @ x),
        _case("y = x + eye(shape(x)[0])", _arrays(x=(3, 3)), lambda x: np.eye(3) + x),
    ],
    "zeros": [_case("y = zeros((2, 3)) + x", _arrays(x=(3,)), lambda x: np.zeros((2, 3)) + x)],
    "ones": [
        _case("y = ones((2, 3)) * x", _arrays(x=(3,)), lambda x: np.ones((2, 3)) * x),
        _case("y = ones(shape(x)) + x", _arrays(x=(2, 1)), lambda x: 1 + x),
    ],
    "full": [_case("y = full((2, 3), 2.5) * x", _arrays(x=(2, 1)), lambda x: np.full((2, 3), 2.5) * x)],
    "one_hot": [
        _case("y = one_hot(i, 4) * x", {"i": np.array([3, 0, 0]), **_arrays(x=(3, 1))},
              lambda i, x: np.eye(4)[i] * x),
        _case("y = one_hot(i, shape(x)[1]) * x", {"i": np.array([[1, 0], [2, 2]]), **_arrays(x=(1, 3))},
              lambda i, x: np.eye(3)[i] * x),
    ],
    "where": [
        _case("y = where(x > 0, x * 2, b)", _arrays(x=(2, 3), b=(3,)), lambda x, b: np.where(x > 0, x * 2, b)),
        _case("y = where(c, 1, x)", {"c": _BOOLS, **_arrays(x=(3,))}, lambda c, x: np.where(c, 1, x)),
        _case("y = where(c, x, 0.0)", {"c": _BOOLS, **_arrays(x=())}, lambda c, x: np.where(c, x, 0.0)),
    ],
    "dropout": [
        _case("y = dropout(x, mask, p=0.25)", {**_arrays(x=(2, 3)), "mask": _BOOLS * 1.0},
              lambda x, mask: x * mask / 0.75),
    ],
    "clip": [
        _case("y = clip(x, -0.5, 0.7)", _arrays(x=(3, 4)), lambda x: np.clip(x, -0.5, 0.7)),
        _case("y = clip(x, none, 0.4)", _arrays(x=(3, 4)), lambda x: np.minimum(x, 0.4)),
        _case("y = clip(x, -0.4, none)", _arrays(x=(3, 4)), lambda x: np.maximum(x, -0.4)),
    ],
    "power": [
        _case("y = x**2", _arrays(x=(2, 3)), lambda x: x**2),
        _case("y = x**3", _arrays(x=(3,)), lambda x: x**3),
        _case("y = x**-1", _arrays(x=(3,)), lambda x: 1 / x),
        _case("y = x**4 + x**5", _arrays(x=(2, 3)), lambda x: x**4 + x**5),
        _case("y = x**-3", _arrays(x=(2, 3)), lambda x: x**-3.0),
        _case("y = x**0.5", _of("positive", x=(2, 3)), np.sqrt),
        _case("y = x**-0.5", _of("positive", x=(2, 3)), lambda x: 1 / np.sqrt(x)),
        _case("y = x**1.7", _of("positive", x=(2, 3)), lambda x: x**1.7),
        _case("y = x**0", _arrays(x=(2, 3)), np.ones_like),
        _case("y = x**1", _arrays(x=(2, 3)), lambda x: x),
        _case("y = 2**x", _arrays(x=(2, 3)), lambda x: 2.0**x),
        _case("y = x**x", _of("positive", x=(2, 3)), lambda x: x**x),
    ],
    "softmax_ce": [
        _case("y = softmax_ce(S, P)", {**_arrays(S=(4, 3)), **_of("simplex", P=(4, 3))},
              lambda S, P: np.sum(P * (np.log(np.exp(S).sum(axis=1, keepdims=True)) - S))),
        _case('y = softmax_ce(S, P, reduction="none")', {**_arrays(S=(4, 3)), **_of("simplex", P=(4, 3))},
              lambda S, P: np.sum(P * (np.log(np.exp(S).sum(axis=1, keepdims=True)) - S), axis=1)),
        _case('y = softmax_ce(S, Q, reduction="none")', _arrays(S=(2, 2, 3), Q=(2, 2, 3)),
              lambda S, Q: np.sum(Q * (np.log(np.exp(S).sum(axis=-1, keepdims=True)) - S), axis=-1)),
        _case("y = softmax_ce(S, k)", {**_arrays(S=(4, 3)), "k": np.array([0, 2, 1, 2])},
              lambda S, k: np.sum(np.log(np.exp(S).sum(axis=1)) - S[np.arange(4), k])),
        _case('y = softmax_ce(S, k, reduction="mean")', {**_arrays(S=(4, 3)), "k": np.array([0, 2, 1, 2])},
              lambda S, k: np.mean(np.log(np.exp(S).sum(axis=1)) - S[np.arange(4), k])),
        _case('y = softmax_ce(S, k, reduction="none")', {**_arrays(S=(4, 3)), "k": np.array([0, 2, 1, 2])},
              lambda S, k: np.log(np.exp(S).sum(axis=1)) - S[np.arange(4), k]),
    ],
    "scatter_add": [
        _case("y = scatter_add(x, i, u)", {**_arrays(x=(4, 2)), "i": np.array([1, 1, 3]), **_arrays(u=(3, 2))},
              lambda x, i, u: x + np.eye(4)[i].T @ u),
        _case("y = scatter_add(x, i, u)", {**_arrays(x=(3,)), "i": np.array([0, 0, -1, 0]), **_arrays(u=(4,))},
              lambda x, i, u: x + np.eye(3)[i].T @ u),
    ],
    "take": [
        _case("y = take(x, 1)", _arrays(x=(3, 2)), lambda x: x[1]),
        _case("y = take(x, [2, 0, 2], axis=1)", _arrays(x=(2, 3)), lambda x: x[:, [2, 0, 2]]),
        _case("y = take(x, i, axis=-1)", {**_arrays(x=(2, 3)), "i": np.array([[0, -1], [2, 2]])}, lambda x, i: x[:, i]),
    ],
    "max": [  # equal entries share the gradient; along a random direction there is no derivative
        _case("y = max(x, axis=0)", {"x": np.ones((2, 3))}, lambda x: x.max(axis=0), smooth=False),
    ],
    "transpose": [
        _case("y = x.T", _arrays(x=(2, 3)), lambda x: x.T),
        _case("y = x.T @ x", _arrays(x=(4, 3)), lambda x: x.T @ x),
    ],
    "concatenate": [
        _case("y = concatenate([a, b], axis=1)", _arrays(a=(2, 1), b=(2, 3)), lambda a, b: np.concatenate([a, b], 1)),
        _case("y = concatenate([a, a * 2, b], axis=-1)", _arrays(a=(2, 1), b=(2, 3)),
              lambda a, b: np.concatenate([a, a * 2, b], -1)),
        _case("y = concatenate([a, b])", _arrays(a=(2, 3), b=(4, 3)), lambda a, b: np.concatenate([a, b])),
    ],
    "stack": [_case("y = stack([a, a, b], axis=1)", _arrays(a=(2,), b=(2,)), lambda a, b: np.stack([a, a, b], 1))],
    "reshape": [
        _case("y = reshape(x, (shape(x)[1], shape(x)[0]))", _arrays(x=(2, 3)), lambda x: x.reshape(3, 2)),
        _case("y = reshape(x, -1)", _arrays(x=(2, 3)), lambda x: x.reshape(-1)),
    ],
    "broadcast_to": [
        _case("y = broadcast_to(x, (4, shape(x)[0]))", _arrays(x=(3,)), lambda x: np.broadcast_to(x, (4, 3))),
    ],
    "multiply": [  # what indexing, which has no name, is made of
        _case("y = x[1] * x[:, 0:1]", _arrays(x=(2, 3)), lambda x: x[1] * x[:, 0:1]),
        _case("y = x[..., None] * x[::-1, ::2][:, None]", _arrays(x=(3, 3)),
              lambda x: x[..., None] * x[::-1, ::2][:, None]),
        _case("y = x[i] * x[-1]", {**_arrays(x=(4, 2)), "i": np.array([3, 3, 0])}, lambda x, i: x[i] * x[-1]),
        _case("y = x[i, j]", {**_arrays(x=(4, 2)), "i": np.array([3, 3, 0]), "j": np.array([1, 1, -1])},
              lambda x, i, j: x[i, j]),
        _case("y = x[:, i]", {**_arrays(x=(2, 4, 2)), "i": np.array([3, 3, 0])}, lambda x, i: x[:, i]),
        _case("y = x[1:-1, -2:]", _arrays(x=(4, 3)), lambda x: x[1:-1, -2:]),
        _case("y = x[2:0:-1]", _arrays(x=(4, 2)), lambda x: x[2:0:-1]),
        _case("y = x[0:0] * 2", _arrays(x=(4, 2)), lambda x: x[0:0] * 2),
    ],
}
