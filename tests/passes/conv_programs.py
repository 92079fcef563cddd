"""Convolutional programs of many kinds, with arguments: what the passes for them are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["PROGRAMS", "arguments"]

HEAD = 'S = flatten(P, 1) @ Wf\nL = softmax_ce(S, y, reduction="mean")'

PROGRAMS: dict[str, str] = {
    "relu before the pool": f"""
        input X[N, 3, 8, 8], y[N]: int
        param W[4, 3, 3, 3], b[4], Wf[64, 5]
        C = relu(conv2d(X, W, b, padding=1))
        P = max_pool2d(C, 2)
        {HEAD}""",
    "two layers, relu behind the pool": f"""
        input X[N, 2, 10, 10], y[N]: int
        param W1[4, 2, 3, 3], b1[4], W2[6, 4, 3, 3], b2[6], Wf[6, 5]
        A = relu(max_pool2d(conv2d(X, W1, b1), 2))
        P = relu(max_pool2d(conv2d(A, W2, b2), 2))
        {HEAD}""",
    "strides, no bias": f"""
        input X[N, 2, 9, 9], y[N]: int
        param W1[4, 2, 3, 3], W2[3, 4, 2, 2], Wf[12, 5]
        A = tanh(conv2d(X, W1, stride=2, padding=1))
        P = sigmoid(conv2d(A, W2, stride=(2, 3)))
        {HEAD}""",
    "dilation and groups": f"""
        input X[N, 4, 9, 9], y[N]: int
        param W1[6, 2, 3, 3], b1[6], W2[6, 1, 2, 2], Wf[6, 5]
        A = leaky_relu(conv2d(X, W1, b1, dilation=2, groups=2, padding=2))
        P = mean(conv2d(A, W2, groups=6), axis=(2, 3), keepdims=true)
        {HEAD}""",
    "kernels of one entry, a residual sum": f"""
        input X[N, 3, 6, 6], y[N]: int
        param W1[4, 3, 1, 1], b1[4], W2[4, 4, 3, 3], Wf[4, 5]
        A = relu(conv2d(X, W1, b1))
        B = relu(conv2d(A, W2, padding=1) + A)
        P = mean(B, axis=(2, 3))
        {HEAD}""",
    "a pool of overlapping windows with padding": f"""
        input X[N, 2, 9, 9], y[N]: int
        param W[4, 2, 3, 3], b[4], Wf[100, 5]
        P = max_pool2d(relu(conv2d(X, W, b, padding=1)), 3, stride=2, padding=1)
        {HEAD}""",
    "a pool that leaves entries over": f"""
        input X[N, 2, 9, 8], y[N]: int
        param W[4, 2, 3, 3], b[4], Wf[36, 5]
        P = max_pool2d(relu(conv2d(X, W, b)), 2)
        {HEAD}""",
    "average pools": f"""
        input X[N, 2, 8, 8], y[N]: int
        param W[4, 2, 3, 3], b[4], Wf[36, 5]
        A = avg_pool2d(relu(conv2d(X, W, b, padding=1)), 2)
        P = avg_pool2d(A, 2, stride=1)
        {HEAD}""",
    "one axis": f"""
        input X[N, 3, 12], y[N]: int
        param W1[4, 3, 3], b1[4], W2[5, 4, 2], Wf[10, 5]
        A = max_pool1d(relu(conv1d(X, W1, b1, padding=1)), 3)
        P = max_pool1d(conv1d(A, W2, padding=1), 2, stride=2)
        {HEAD}""",
    "batch norm": f"""
        input X[N, 2, 6, 6], y[N]: int
        param W[4, 2, 3, 3], g[4], b[4], Wf[16, 5]
        P = max_pool2d(relu(batch_norm(conv2d(X, W), g, b)), 2)
        {HEAD}""",
    "group norm": f"""
        input X[N, 2, 6, 6], y[N]: int
        param W[4, 2, 3, 3], g[4], b[4], Wf[16, 5]
        P = avg_pool2d(relu(group_norm(conv2d(X, W), 2, g, b)), 2)
        {HEAD}""",
    "dropout of what is flat, a gradient of the images": f"""
        param X[N, 2, 6, 6]
        input y[N]: int, m[N, 16]
        param W[4, 2, 3, 3], b[4], Wf[16, 5]
        A = max_pool2d(relu(conv2d(X, W, b)), 2)
        P = dropout(reshape(A, (N, 16)), m, p=0.5)
        {HEAD}""",
    "joined and cut": f"""
        input X[N, 2, 6, 6], y[N]: int
        param W1[3, 2, 3, 3], W2[3, 2, 1, 1], Wf[54, 5]
        A = conv2d(X, W1, padding=1)
        B = conv2d(X, W2)
        P = concatenate((A, B), axis=1)[:, :, 1:4, 2:5]
        {HEAD}""",
    "down and up again": """
        input X[N, 2, 8, 8]
        param W1[4, 2, 2, 2], b1[4], W2[4, 2, 2, 2], b2[2]
        Z = tanh(conv2d(X, W1, b1, stride=2))
        Y = conv_transpose2d(Z, W2, b2, stride=2)
        L = mse(Y, X, reduction="mean")""",
    "images of vectors": """
        input z[N, 3], X[N, 2, 7, 7]
        param V[3, 16], W[4, 2, 3, 3]
        Y = conv_transpose2d(reshape(z @ V, (N, 4, 2, 2)), W, stride=2, padding=(1, 0), output_padding=1)
        L = sum((pad(Y, ((0, 0), (0, 0), (1, 2), (1, 0))) - X) ** 2)""",
    "images as results": """
        input X[N, 2, 6, 6]
        param W[3, 2, 3, 3], b[3]
        C = relu(conv2d(X, W, b))
        P = max_pool2d(C, 2)
        L = sum(P ** 2)
        output C, P, L
        loss L""",
    "one image": """
        input X[2, 6, 6]
        param W[3, 2, 3, 3], b[3]
        P = max_pool2d(tanh(conv2d(X, W, b)), 2)
        L = sum(P ** 2)""",
    "sizes with names": """
        input X[N, C, H, V], y[N]: int
        param W[F, C, 3, 3], b[F], Wf[F, K]
        A = max_pool2d(relu(conv2d(X, W, b, padding=1)), 2)
        S = mean(A, axis=(2, 3)) @ Wf
        L = softmax_ce(S, y)""",
    "a gradient inside": """
        input X[N, 2, 6, 6]
        param W[3, 2, 3, 3]
        S = sum(tanh(max_pool2d(conv2d(X, W), 2)))
        g = grad(S, W)
        L = S + sum(g ** 2)""",
    "no loss": """
        input X[N, 2, 6, 6]
        param W[3, 2, 3, 3], b[3]
        P = avg_pool2d(relu(conv2d(X, W, b)), 2)
        output P""",
    "the largest over places": f"""
        input X[N, 2, 6, 6], y[N]: int
        param W[4, 2, 3, 3], b[4], Wf[4, 5]
        P = max(relu(conv2d(X, W, b)), axis=(2, 3))
        {HEAD}""",
}

SIZES = {"N": 6, "C": 2, "H": 7, "V": 6, "F": 4, "K": 5}


def arguments(module: Any, dtype: Any = np.float64, seed: int = 0, **sizes: int) -> dict[str, Any]:
    """Arrays for a module's arguments, by the shapes that its docstring tells."""
    import re

    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    shown: Mapping[str, str] = dict(re.findall(r"^    (\w+): \(([^)]*)\)", module.__doc__, re.MULTILINE))
    for name in (*module.INPUTS, *module.PARAMETERS):
        shape = [int({**SIZES, **sizes}.get(n.strip(), n)) for n in shown[name].split(",") if n.strip()]  # type: ignore[call-overload]
        made[name] = rng.integers(0, 5, shape) if name == "y" else rng.standard_normal(shape).astype(dtype)
    return made
