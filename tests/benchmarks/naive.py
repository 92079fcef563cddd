"""The textbook by hand: forward and backward in plain NumPy as one derives them, with fresh arrays for everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.workloads import layers

__all__ = ["make"]

Result = tuple[Any, list[Any]]


def make(workload: str, inputs: Mapping[str, Any]) -> Callable[[], Result]:
    """A function that computes value and gradients of a workload."""
    p = dict(inputs)
    if workload.startswith("W1"):
        return lambda: classifier(p, layers(workload))
    return {"W2": lambda: rows(p), "W4": lambda: attention(p), "W5": lambda: lstm(p), "W7": lambda: conv(p)}[workload]


def cross_entropy(S: Any, y: Any) -> tuple[Any, Any]:
    """The mean cross-entropy of scores and labels, and its gradient."""
    n = np.arange(len(S))
    E = np.exp(S - S.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    loss = -np.log(P[n, y]).mean()
    dS = P.copy()
    dS[n, y] -= 1
    return loss, dS / len(S)


def classifier(p: Mapping[str, Any], count: int) -> Result:
    H = [p["X"]]
    for k in range(1, count):
        H.append(np.maximum(H[-1] @ p[f"W{k}"] + p[f"b{k}"], 0))
    S = H[-1] @ p[f"W{count}"] + p[f"b{count}"]
    loss, dZ = cross_entropy(S, p["y"])
    dW, db = [], []
    for k in range(count, 0, -1):
        dW.append(H[k - 1].T @ dZ)
        db.append(dZ.sum(axis=0))
        if k > 1:
            dZ = (dZ @ p[f"W{k}"].T) * (H[k - 1] > 0)
    return loss, dW[::-1] + db[::-1]


def rows(p: Mapping[str, Any]) -> Result:
    X, g, b = p["X"], p["g"], p["b"]
    c = (2 / np.pi) ** 0.5
    t = np.tanh(c * (X + 0.044715 * X**3))
    A = 0.5 * X * (1 + t)
    centred = A - A.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    xhat = centred / deviation
    Y = X + xhat * g + b
    loss = 0.5 * (Y**2).sum()
    dY = Y
    dg, db = (dY * xhat).sum(axis=0), dY.sum(axis=0)
    dxhat = dY * g
    mean, along = dxhat.mean(axis=1, keepdims=True), (dxhat * xhat).mean(axis=1, keepdims=True)
    dA = (dxhat - mean - xhat * along) / deviation
    slope = 0.5 * (1 + t) + 0.5 * X * (1 - t**2) * c * (1 + 3 * 0.044715 * X**2)
    return loss, [dY + dA * slope, dg, db]


def attention(p: Mapping[str, Any]) -> Result:
    X, (B, T, D) = p["X"], p["X"].shape
    scale = D**-0.5
    Q, K, V = X @ p["Wq"], X @ p["Wk"], X @ p["Wv"]
    S = Q @ K.transpose(0, 2, 1) * scale
    E = np.exp(S - S.max(axis=2, keepdims=True))
    P = E / E.sum(axis=2, keepdims=True)
    O = P @ V
    Y = O @ p["Wo"]
    loss = 0.5 * (Y**2).sum() / (B * T)
    dY = Y / (B * T)
    dO = dY @ p["Wo"].T
    dP, dV = dO @ V.transpose(0, 2, 1), P.transpose(0, 2, 1) @ dO
    dS = P * (dP - (dP * P).sum(axis=2, keepdims=True)) * scale
    dQ, dK = dS @ K, dS.transpose(0, 2, 1) @ Q

    def weight(left: Any, right: Any) -> Any:
        return left.reshape(B * T, D).T @ right.reshape(B * T, D)

    return loss, [weight(X, dQ), weight(X, dK), weight(X, dV), weight(O, dY)]


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm(p: Mapping[str, Any]) -> Result:
    X, Wx, Wh, b = p["X"], p["Wx"], p["Wh"], p["b"]
    T, N, _ = X.shape
    H = Wh.shape[0]
    h, c = np.zeros((N, H), X.dtype), np.zeros((N, H), X.dtype)
    loss, steps = 0.0, []
    for t in range(T):
        z = X[t] @ Wx + h @ Wh + b
        i, f, o, g = sigmoid(z[:, :H]), sigmoid(z[:, H : 2 * H]), sigmoid(z[:, 2 * H : 3 * H]), np.tanh(z[:, 3 * H :])
        before, h_before = c, h
        c = f * before + i * g
        u = np.tanh(c)
        h = o * u
        loss += 0.5 * (h**2).sum() / N
        steps.append((i, f, o, g, before, h_before, u, h))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh, dc = np.zeros((N, H), X.dtype), np.zeros((N, H), X.dtype)
    for t in reversed(range(T)):
        i, f, o, g, before, h_before, u, h = steps[t]
        dh = dh + h / N
        dc = dc + dh * o * (1 - u**2)
        dz = np.concatenate(
            [dc * g * i * (1 - i), dc * before * f * (1 - f), dh * u * o * (1 - o), dc * i * (1 - g**2)], axis=1
        )
        dWx += X[t].T @ dz
        dWh += h_before.T @ dz
        db += dz.sum(axis=0)
        dh, dc = dz @ Wh.T, dc * f
    return loss, [dWx, dWh, db]


def conv(p: Mapping[str, Any]) -> Result:
    X, Wc, Wf = p["X"], p["Wc"], p["Wf"]
    N = len(X)
    wide = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(wide, (3, 3), axis=(2, 3))  # (N, 3, 32, 32, 3, 3)
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * 32 * 32, 27)
    Z = (columns @ Wc.reshape(16, 27).T + p["bc"]).reshape(N, 32, 32, 16).transpose(0, 3, 1, 2)
    C = np.maximum(Z, 0)
    blocks = C.reshape(N, 16, 16, 2, 16, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, 16, 16, 16, 4)
    first = blocks.argmax(axis=4)[..., None]
    P = np.take_along_axis(blocks, first, axis=4).reshape(N, 4096)
    loss, dS = cross_entropy(P @ Wf + p["bf"], p["y"])
    dP = (dS @ Wf.T).reshape(N, 16, 16, 16, 1)
    dblocks = np.zeros_like(blocks)
    np.put_along_axis(dblocks, first, dP, axis=4)
    dC = dblocks.reshape(N, 16, 16, 16, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, 16, 32, 32)
    dZ = (dC * (Z > 0)).transpose(0, 2, 3, 1).reshape(N * 32 * 32, 16)
    return loss, [(dZ.T @ columns).reshape(16, 3, 3, 3), dZ.sum(axis=0), P.T @ dS, dS.sum(axis=0)]
