"""The workloads in autograd; `losses` are written over an array library, so that JAX takes them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.workloads import layers, wrt

__all__ = ["loss_of", "make"]


def make(workload: str, inputs: Mapping[str, Any]) -> Callable[[], tuple[Any, list[Any]]]:
    """A function that computes value and gradients of a workload. Raises ImportError where autograd is not there."""
    import autograd
    import autograd.numpy as anp

    names = wrt(workload)
    fixed = {name: value for name, value in inputs.items() if name not in names}

    def loss(values: list[Any]) -> Any:
        return loss_of(anp, workload, {**fixed, **dict(zip(names, values, strict=True))})

    run = autograd.value_and_grad(loss)
    values = [inputs[name] for name in names]
    return lambda: run(values)


def loss_of(xp: Any, workload: str, p: Mapping[str, Any]) -> Any:
    """The loss of a workload by the functions of an array library."""
    if workload.startswith("W1"):
        H, count = p["X"], layers(workload)
        for k in range(1, count + 1):
            H = H @ p[f"W{k}"] + p[f"b{k}"]
            H = xp.maximum(H, 0) if k < count else H
        return cross_entropy(xp, H, p["y"])
    return {"W2": _rows, "W4": _attention, "W5": _lstm, "W7": _conv}[workload](xp, p)


def cross_entropy(xp: Any, S: Any, y: Any) -> Any:
    shifted = S - xp.max(S, axis=1, keepdims=True)
    return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=1)) - shifted[xp.arange(len(y)), y])


def _rows(xp: Any, p: Mapping[str, Any]) -> Any:
    X = p["X"]
    A = 0.5 * X * (1 + xp.tanh((2 / xp.pi) ** 0.5 * (X + 0.044715 * X * X * X)))
    centred = A - xp.mean(A, axis=1, keepdims=True)
    xhat = centred / xp.sqrt(xp.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    Y = X + xhat * p["g"] + p["b"]
    return 0.5 * xp.sum(Y * Y)


def _attention(xp: Any, p: Mapping[str, Any]) -> Any:
    X = p["X"]
    B, T, D = X.shape
    S = xp.matmul(X @ p["Wq"], xp.swapaxes(X @ p["Wk"], 1, 2)) * D**-0.5
    E = xp.exp(S - xp.max(S, axis=2, keepdims=True))
    Y = xp.matmul(E / xp.sum(E, axis=2, keepdims=True), X @ p["Wv"]) @ p["Wo"]
    return 0.5 * xp.sum(Y * Y) / (B * T)


def _lstm(xp: Any, p: Mapping[str, Any]) -> Any:
    X, H = p["X"], p["Wh"].shape[0]
    T, N, _ = X.shape
    h = c = xp.zeros((N, H), dtype=X.dtype)
    total = 0.0
    for t in range(T):
        z = X[t] @ p["Wx"] + h @ p["Wh"] + p["b"]
        s = 0.5 * xp.tanh(0.5 * z[:, : 3 * H]) + 0.5
        c = s[:, H : 2 * H] * c + s[:, :H] * xp.tanh(z[:, 3 * H :])
        h = s[:, 2 * H :] * xp.tanh(c)
        total = total + xp.sum(h * h)
    return 0.5 * total / N


def _conv(xp: Any, p: Mapping[str, Any]) -> Any:
    X = p["X"]
    N = X.shape[0]
    wide = xp.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    parts = [wide[:, :, i : i + 32, j : j + 32] for i in range(3) for j in range(3)]
    columns = xp.stack(parts, axis=2).reshape((N, 27, 1024))
    C = xp.maximum(p["Wc"].reshape((16, 27)) @ columns + p["bc"][:, None], 0)
    P = xp.max(xp.max(C.reshape((N, 16, 16, 2, 16, 2)), axis=5), axis=3)
    return cross_entropy(xp, P.reshape((N, 4096)) @ p["Wf"] + p["bf"], p["y"])
