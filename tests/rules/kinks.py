"""Gradients at kinks and ties: what the contract and the operations' documentation say they are.

Each entry: a program, its arguments, and the gradients for a cotangent of ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["KINKS"]

Entry = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def _one(call: str, x: list[float], dx: list[float]) -> Entry:
    """An operation of one vector."""
    return f"input x[{len(x)}]\ny = {call}\n", {"x": x}, {"x": dx}


def _two(call: str, x: list[float], y: list[float], dx: list[float], dy: list[float]) -> Entry:
    """An operation of two vectors."""
    text = f"input x[{len(x)}], y[{len(y)}]\nz = {call}\n"
    return text, {"x": x, "y": y}, {"x": dx, "y": dy}


KINKS: list[Entry] = [
    _one("relu(x)", [0.0, 1.0, -1.0], [0, 1, 0]),
    _one("abs(x)", [0.0, 2.0, -2.0], [0, 1, -1]),
    _one("sign(x)", [0.0, 2.0], [0, 0]),
    _one("leaky_relu(x, slope=0.2)", [0.0, 1.0, -1.0], [0.2, 1, 0.2]),
    _one("elu(x, alpha=0.5)", [0.0, 1.0, 1000.0], [0.5, 1, 1]),
    _one("selu(x)", [0.0, 1.0, 1000.0], [1.7580993408473766, 1.0507009873554805, 1.0507009873554805]),
    _one("celu(x, alpha=0.5)", [0.0, 1.0, 1000.0, -1000.0], [1, 1, 1, 0]),
    _one("relu6(x)", [0.0, 6.0, 3.0, 7.0], [0, 0, 1, 0]),
    _one("hardtanh(x)", [-1.0, 1.0, 0.5, 2.0], [0, 0, 1, 0]),
    _one("hardsigmoid(x)", [-3.0, 3.0, 0.0], [0, 0, 1 / 6]),
    _one("hardswish(x)", [-3.0, 3.0, 0.0, 5.0], [0, 1, 0.5, 1]),
    _one("clip(x, -1, 1)", [-1.0, 1.0, 0.0, 2.0], [1, 1, 1, 0]),
    _one("clip(x, none, 1)", [1.0, 0.0, 2.0], [1, 1, 0]),
    _one("clip(x, -1, none)", [-1.0, 0.0, -2.0], [1, 1, 0]),
    _two("clip(x, y, none)", [1.0, 0.0, 2.0], [1.0, 1.0, 1.0], [1, 0, 1], [0, 1, 0]),
    _two("clip(x, none, y)", [1.0, 0.0, 2.0], [1.0, 1.0, 1.0], [1, 1, 0], [0, 0, 1]),
    _two("maximum(x, y)", [1.0, 2.0, 0.0], [1.0, 1.0, 3.0], [0.5, 1, 0], [0.5, 0, 1]),
    _two("minimum(x, y)", [1.0, 2.0, 0.0], [1.0, 1.0, 3.0], [0.5, 0, 1], [0.5, 1, 0]),
    _two("hypot(x, y)", [0.0, 3.0, 0.0, 2.0], [0.0, 4.0, 2.0, 0.0], [0, 0.6, 0, 1], [0, 0.8, 1, 0]),
    _two("x ** y", [0.0, 0.0, 1.0], [2.0, 0.0, 3.0], [0, 0, 3], [0, 0, 0]),
    _one("max(x)", [2.0, 1.0, 2.0, 2.0], [1 / 3, 0, 1 / 3, 1 / 3]),
    _one("min(x)", [1.0, 1.0, 2.0], [0.5, 0.5, 0]),
    _one("norm(x)", [0.0, 0.0], [0, 0]),
    _one("norm(x, ord=1)", [0.0, -2.0], [0, -1]),
    _one("norm(x, ord=3)", [0.0, 0.0], [0, 0]),
    _one("norm(x, ord=3)", [0.0, -2.0], [0, -1]),
    _one('norm(x, ord="inf")', [2.0, -2.0, 1.0], [0.5, -0.5, 0]),
    _one("std(x)", [1.5, 1.5, 1.5], [0, 0, 0]),
    _one("prod(x)", [0.0, 2.0, 3.0], [6, 0, 0]),
    _one("prod(x)", [0.0, 2.0, 0.0], [0, 0, 0]),
    _one("cumprod(x)", [2.0, 0.0, 3.0], [1, 8, 0]),
    _one("sqrt(x)", [0.0, 4.0], [float("inf"), 0.25]),
    _two("mae(x, y)", [1.0, 2.0], [1.0, 0.0], [0, 1], [0, -1]),
    _two("huber(x, y)", [1.0, 3.0, 0.0], [0.0, 0.0, 1.0], [1, 1, -1], [-1, -1, 1]),
    _two("hinge(x, y)", [1.0, 0.5, 2.0], [1.0, 1.0, 1.0], [0, -1, 0], [0, -0.5, 0]),
    _two("kl_div(x, y)", [0.5, 1.0, 0.0], [0.0, 1.0, 1.0], [0, -1, -1], [0, 0, 1]),
    _two("bce(x, y)", [0.0, 1.0], [1.0, 0.0], [-1e12, 1e12], [100, -100]),
    _one("logsumexp(x)", [-float("inf"), -float("inf")], [0, 0]),
    (
        "input c[2]: bool, a[2], b[2]\ny = where(c, a, b)\n",
        {"c": [True, False], "a": [1.0, 2.0], "b": [3.0, 4.0]}, {"a": [1, 0], "b": [0, 1]},
    ),
    (  # the last margin is exactly 0
        "input S[1, 3], k[1]: int\nl = svm_loss(S, k)\n",
        {"S": [[2.0, 3.0, 1.0]], "k": [0]}, {"S": [[-1, 1, 0]]},
    ),
    ("input x[1, 1, 2, 2]\ny = max_pool2d(x, 2)\n", {"x": [[[[1.0, 2.0], [2.0, 2.0]]]]}, {"x": [[[[0, 1], [0, 0]]]]}),
    (
        "input x[2], lo[], hi[]\ny = clip(x, lo, hi)\n",
        {"x": [1.0, 2.0], "lo": 1.0, "hi": 2.0}, {"x": [1, 1], "lo": 0, "hi": 0},
    ),
    (  # bounds that contradict each other: the upper one wins
        "input x[3], lo[], hi[]\ny = clip(x, lo, hi)\n",
        {"x": [1.0, 4.0, 2.0], "lo": 3.0, "hi": 2.0}, {"x": [0, 0, 0], "lo": 0, "hi": 3},
    ),
    (  # bounds that leave one number
        "input x[2], lo[], hi[]\ny = clip(x, lo, hi)\n",
        {"x": [1.0, 3.0], "lo": 2.0, "hi": 2.0}, {"x": [0, 0], "lo": 1, "hi": 1},
    ),
    ("input x[2, 2]\ny = logsumexp(x, axis=1)\n", {"x": [[1.0, 1.0], [800.0, -800.0]]}, {"x": [[0.5, 0.5], [1, 0]]}),
]  # fmt: skip
