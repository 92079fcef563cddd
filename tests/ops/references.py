"""What each operation ought to be, written with autograd's NumPy: one text gives independent values and gradients.

Where NumPy has a function of the name it is the reference; the rest follows PyTorch's functional API.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import erf

from ops.special import convolution, convolution1d, pooled, pooled1d, transposed, transposed1d

__all__ = ["REFERENCES", "reference"]

REFERENCES: dict[str, Callable[..., Any]] = {}


def reference(name: str) -> Callable[..., Any] | None:
    """The reference of an operation; it takes what a call takes, operands by position."""
    if name in REFERENCES:
        return REFERENCES[name]
    function: Callable[..., Any] | None = getattr(anp, name, None)
    return function


def _is(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        REFERENCES[name] = function
        return function

    return keep


def _reduced(losses: Any, reduction: str) -> Any:
    return {"sum": anp.sum, "mean": anp.mean, "none": lambda x: x}[reduction](losses)


# ---------------------------------------------------------------- entry by entry

_ENTRIES: Mapping[str, Callable[..., Any]] = {
    "erf": erf,
    "rsqrt": lambda x: 1 / anp.sqrt(x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: anp.where(x > 0, x, 0.0),
    "leaky_relu": lambda x, slope=0.01: anp.where(x > 0, x, slope * x),
    "elu": lambda x, alpha=1: anp.where(x > 0, x, alpha * anp.expm1(x)),
    "celu": lambda x, alpha=1: anp.where(x > 0, x, alpha * anp.expm1(x / alpha)),
    "selu": lambda x: 1.0507009873554805 * anp.where(x > 0, x, 1.6732632423543772 * anp.expm1(x)),
    "gelu": lambda x, approximate="none": (
        x * 0.5 * (1 + erf(x / math.sqrt(2))) if approximate == "none"
        else 0.5 * x * (1 + anp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    ),
    "sigmoid": lambda x: 1 / (1 + anp.exp(-x)),
    "silu": lambda x: x / (1 + anp.exp(-x)),
    "mish": lambda x: x * anp.tanh(anp.log1p(anp.exp(x))),
    "log_sigmoid": lambda x: -anp.log1p(anp.exp(-x)),
    "softplus": lambda x: anp.log1p(anp.exp(x)),
    "softsign": lambda x: x / (1 + anp.abs(x)),
    "relu6": lambda x: anp.where(x > 6, 6.0, anp.where(x > 0, x, 0.0)),
    "hardtanh": lambda x, min_val=-1, max_val=1: anp.where(
        x > max_val, 1.0 * max_val, anp.where(x > min_val, x, 1.0 * min_val)
    ),
    "hardsigmoid": lambda x: anp.where(x > 3, 1.0, anp.where(x > -3, x / 6 + 0.5, 0.0)),
    "hardswish": lambda x: x * anp.where(x > 3, 1.0, anp.where(x > -3, x / 6 + 0.5, 0.0)),
    "clip": lambda x, lo, hi: anp.minimum(np.inf if hi is None else hi, anp.maximum(-np.inf if lo is None else lo, x)),
    "hypot": lambda x, y: anp.sqrt(x * x + y * y),
    "dropout": lambda x, mask, p=0.5: x * mask / (1 - p),
    "stop_gradient": lambda x: np.array(getattr(x, "_value", x)),
    "sign": np.sign,
    "full_like": lambda x, v: x * 0 + v,
    "where": lambda c, a, b: c * a + (1 - np.asarray(c)) * b,  # autograd's own forgets to sum over broadcast axes
}  # fmt: skip
REFERENCES.update(_ENTRIES)

# ---------------------------------------------------------------- reductions


@_is("softmax")
def softmax(x: Any, axis: Any = -1) -> Any:
    e = anp.exp(x)
    return e / anp.sum(e, axis=axis, keepdims=True)


@_is("log_softmax")
def log_softmax(x: Any, axis: Any = -1) -> Any:
    return x - anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=True))


@_is("logsumexp")
def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))


@_is("norm")
def norm(x: Any, ord: Any = 2, axis: Any = None, keepdims: bool = False) -> Any:
    ord = float(ord)
    size = anp.abs(x)
    if np.ndim(x) == 0 or axis == ():
        return size if ord else 1.0 * (x != 0)
    if np.isinf(ord):
        return (anp.max if ord > 0 else anp.min)(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return anp.sum(1.0 * (x != 0), axis=axis, keepdims=keepdims)
    return anp.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


# ---------------------------------------------------------------- linear algebra

REFERENCES |= {
    "linear": lambda X, A, b=None: anp.matmul(X, anp.transpose(A)) + (0 if b is None else b),
    "bilinear": lambda X, Y, A, b=None: anp.einsum("...j,ijk,...k->...i", X, A, Y) + (0 if b is None else b),
    "quadratic": lambda x, A, y: anp.einsum("...i,ij,...j->...", x, A, y),
    "inv": anp.linalg.inv,
    "det": anp.linalg.det,
    "logdet": lambda A: anp.linalg.slogdet(A)[1],
    "cholesky": lambda A: anp.linalg.cholesky(A),
    "pinv": anp.linalg.pinv,
    "solve": lambda A, B: anp.linalg.solve(A, B) if np.ndim(B) != 1 else anp.linalg.solve(A, B[:, None])[..., 0],
    "trace": lambda x, k=0: anp.trace(x, offset=k),
    "outer": lambda x, y: anp.outer(anp.ravel(x), anp.ravel(y)),
    "slogdet": lambda A: anp.linalg.slogdet(A),
}


@_is("kron")
def kron(A: Any, B: Any) -> Any:
    rank = max(np.ndim(A), np.ndim(B))
    a, b = ((1,) * (rank - np.ndim(X)) + np.shape(X) for X in (A, B))
    apart = anp.reshape(A, [size for n in a for size in (n, 1)]) * anp.reshape(B, [size for n in b for size in (1, n)])
    return anp.reshape(apart, [n * m for n, m in zip(a, b, strict=True)])

# ---------------------------------------------------------------- shaping and indexing


def _fits(x: Any, shape: Any) -> bool:
    """Whether an array broadcasts to a shape; then adding zeros does it, with a gradient."""
    try:
        return np.broadcast_shapes(np.shape(x), shape) == tuple(shape)
    except (ValueError, TypeError):
        return False


@_is("flatten")
def flatten(x: Any, start: int = 0) -> Any:
    if not -max(np.ndim(x), 1) <= start < max(np.ndim(x), 1):
        raise ValueError("no such axis")
    first = start % max(np.ndim(x), 1)
    return anp.reshape(x, (*np.shape(x)[:first], int(np.prod(np.shape(x)[first:]))))


@_is("repeat")
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    if axis is None:
        x, axis = anp.ravel(x), 0
    return x[(slice(None),) * (axis % np.ndim(x)) + (np.repeat(np.arange(np.shape(x)[axis]), repeats),)]


@_is("tile")
def tile(x: Any, reps: Any) -> Any:
    reps = np.atleast_1d(reps)
    rank = max(np.ndim(x), len(reps))
    reps = (1,) * (rank - len(reps)) + tuple(reps)
    shape = (1,) * (rank - np.ndim(x)) + np.shape(x)
    return anp.reshape(x, shape)[np.ix_(*(np.tile(np.arange(n), r) for n, r in zip(shape, reps, strict=True)))]


@_is("roll")
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return anp.reshape(roll(anp.ravel(x), shift, 0), np.shape(x))
    axes = np.atleast_1d(axis)
    for a, s in zip(axes, np.broadcast_to(shift, axes.shape), strict=True):
        n = np.shape(x)[a]
        x = x[(slice(None),) * (a % np.ndim(x)) + ((np.arange(n) - s) % max(n, 1),)]
    return x



REFERENCES |= {
    "concatenate": lambda *xs, axis=0: (
        anp.concatenate(xs, axis=axis) if axis is not None else anp.concatenate([anp.ravel(x) for x in xs])
    ),
    "stack": lambda *xs, axis=0: anp.stack(xs, axis=axis),
    "broadcast_to": lambda x, shape: x + np.zeros(shape, bool) if _fits(x, shape) else np.broadcast_to(x, shape),
    "transpose": lambda x, axes=None: anp.transpose(x, None if axes is None else [a % np.ndim(x) for a in axes]),
    "squeeze": lambda x, axis=None: anp.squeeze(x, axis=axis),
    "moveaxis": lambda x, source, destination: anp.moveaxis(x, source, destination),
    "pad": lambda x, width, value=0: anp.pad(x, width, "constant", constant_values=value),
    "flip": lambda x, axis=None: x[
        tuple(
            slice(None, None, -1) if axis is None or i in {a % np.ndim(x) for a in np.atleast_1d(axis)} else slice(None)
            for i in range(np.ndim(x))
        )
    ],
    "take": lambda x, i, axis=0: (
        anp.ravel(x)[np.asarray(i)] if axis is None else x[(slice(None),) * (axis % np.ndim(x)) + (np.asarray(i),)]
    ),
    "take_along_axis": lambda x, i, axis=-1: np.take_along_axis(x, i, axis),
    "embedding": lambda i, W: W[i],
    "scatter_add": lambda x, i, u: x + anp.einsum("s...,sn->n...", anp.reshape(
        u + np.zeros((*np.shape(i), *np.shape(x)[1:])), (np.size(i), *np.shape(x)[1:])),
        np.eye(np.shape(x)[0])[np.ravel(i)]),
    "one_hot": lambda i, n: np.eye(n)[i],
}  # fmt: skip

# ---------------------------------------------------------------- networks

REFERENCES |= {  # by loops: values only
    "conv1d": convolution1d,
    "conv2d": convolution,
    "conv_transpose1d": transposed1d,
    "conv_transpose2d": transposed,
    "max_pool1d": pooled1d,
    "max_pool2d": pooled,
    "avg_pool1d": partial(pooled1d, largest=False),
    "avg_pool2d": partial(pooled, largest=False),
}


def _affine(x: Any, gamma: Any, beta: Any, shape: Any) -> Any:
    x = x if gamma is None else x * anp.reshape(gamma, shape)
    return x if beta is None else x + anp.reshape(beta, shape)


@_is("layer_norm")
def layer_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Any:
    mean, var = anp.mean(x, axis=-1, keepdims=True), anp.var(x, axis=-1, keepdims=True)
    return _affine((x - mean) / anp.sqrt(var + eps), gamma, beta, (-1,))


@_is("rms_norm")
def rms_norm(x: Any, gamma: Any = None, eps: float = 1e-5) -> Any:
    return _affine(x / anp.sqrt(anp.mean(x * x, axis=-1, keepdims=True) + eps), gamma, None, (-1,))


@_is("batch_norm")
def batch_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Any:
    axes = (0, *range(2, np.ndim(x)))
    shape = (1, -1) + (1,) * (np.ndim(x) - 2)
    mean, var = anp.mean(x, axis=axes, keepdims=True), anp.var(x, axis=axes, keepdims=True)
    return _affine((x - mean) / anp.sqrt(var + eps), gamma, beta, shape)


@_is("group_norm")
def group_norm(x: Any, groups: int, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Any:
    parts = anp.reshape(x, (np.shape(x)[0], groups, -1))
    mean, var = anp.mean(parts, axis=2, keepdims=True), anp.var(parts, axis=2, keepdims=True)
    shape = (1, -1) + (1,) * (np.ndim(x) - 2)
    return _affine(anp.reshape((parts - mean) / anp.sqrt(var + eps), np.shape(x)), gamma, beta, shape)


@_is("attention")
def attention(Q: Any, K: Any, V: Any, mask: Any = None, causal: bool = False, scale: float | None = None) -> Any:
    scores = anp.matmul(Q, anp.swapaxes(K, -1, -2)) * (np.shape(Q)[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores + (anp.where(mask, 0.0, -np.inf) if np.asarray(mask).dtype == bool else mask)
    if causal:
        scores = scores + np.where(np.tril(np.ones(np.shape(scores)[-2:], bool)), 0.0, -np.inf)
    e = anp.exp(scores)
    return anp.matmul(e / anp.sum(e, axis=-1, keepdims=True), V)


# ---------------------------------------------------------------- losses


def _at(S: Any, y: Any) -> Any:
    """The entry of each row at its label."""
    return anp.sum(S * np.eye(np.shape(S)[-1])[y], axis=-1)


@_is("softmax_ce")
def softmax_ce(S: Any, y: Any, reduction: str = "sum") -> Any:
    P = log_softmax(S)
    return _reduced(-_at(P, y) if np.ndim(y) < np.ndim(S) else -anp.sum(y * P, axis=-1), reduction)


@_is("nll")
def nll(logP: Any, y: Any, reduction: str = "sum") -> Any:
    return _reduced(-_at(logP, y), reduction)


@_is("svm_loss")
def svm_loss(S: Any, y: Any, margin: float = 1, reduction: str = "sum") -> Any:
    over = S - anp.expand_dims(_at(S, y), -1) + margin
    return _reduced(anp.sum(anp.where(over > 0, over, 0.0), axis=-1) - margin * (margin > 0), reduction)


@_is("mse")
def mse(a: Any, b: Any, reduction: str = "sum") -> Any:
    return _reduced((a - b) ** 2, reduction)


@_is("mae")
def mae(a: Any, b: Any, reduction: str = "sum") -> Any:
    return _reduced(anp.abs(a - b), reduction)


@_is("huber")
def huber(a: Any, b: Any, delta: float = 1, reduction: str = "sum") -> Any:
    d = anp.abs(a - b)
    return _reduced(anp.where(d <= delta, d * d / 2, delta * (d - delta / 2)), reduction)


@_is("bce")
def bce(p: Any, t: Any, reduction: str = "sum") -> Any:
    return _reduced(-(t * anp.log(p) + (1 - t) * anp.log(1 - p)), reduction)


@_is("bce_with_logits")
def bce_with_logits(z: Any, t: Any, reduction: str = "sum") -> Any:
    return _reduced(anp.logaddexp(0.0, z) - z * t, reduction)


@_is("hinge")
def hinge(s: Any, t: Any, reduction: str = "sum") -> Any:
    slack = 1 - s * t
    return _reduced(anp.where(slack > 0, slack, 0.0), reduction)


@_is("kl_div")
def kl_div(logp: Any, q: Any, reduction: str = "sum") -> Any:
    return _reduced(q * (anp.log(q) - logp), reduction)
