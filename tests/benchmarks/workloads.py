"""The workloads: their sizes, their arguments, and in which order the gradients are asked for.

Each stands for a kind of network: classifiers of two and of nine layers, elementwise work over rows (gelu, layer norm,
residual), attention, a recurrent network, a convolutional one. An implementation is a function
`make(workload, inputs)` that returns a function without arguments: value and gradients, in the order of `wrt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["WORKLOADS", "inputs", "layers", "wrt"]

WORKLOADS = {
    "W1:tiny": "two layers, 5×4→10→3",
    "W1:cifar": "two layers, 200×3072→100→10",
    "W1:large": "two layers, 1024×1024→1024→10",
    "W1:deep": "nine layers, 256×512",
    "W2": "gelu, layer norm, 4096×1024",
    "W4": "attention, 8×256×256",
    "W5": "LSTM, 32 steps of 64×128",
    "W7": "conv, pool, fc, 32×3×32×32",
}
"""Name and title."""

FULL: dict[str, dict[str, Any]] = {
    "W1:tiny": {"N": 5, "widths": (4, 10, 3)},
    "W1:cifar": {"N": 200, "widths": (3072, 100, 10)},
    "W1:large": {"N": 1024, "widths": (1024, 1024, 10)},
    "W1:deep": {"N": 256, "widths": (512,) * 9 + (10,)},
    "W2": {"N": 4096, "D": 1024},
    "W4": {"B": 8, "T": 256, "D": 256},
    "W5": {"T": 32, "N": 64, "D": 128, "H": 128},
    "W7": {"N": 32, "K": 10},
}
SMALL: dict[str, dict[str, Any]] = {
    "W1:tiny": {"N": 5, "widths": (4, 10, 3)},
    "W1:cifar": {"N": 20, "widths": (48, 10, 10)},
    "W1:large": {"N": 70, "widths": (30, 40, 10)},
    "W1:deep": {"N": 70, "widths": (12,) * 9 + (10,)},
    "W2": {"N": 200, "D": 24},
    "W4": {"B": 3, "T": 7, "D": 8},
    "W5": {"T": 32, "N": 5, "D": 6, "H": 4},
    "W7": {"N": 6, "K": 10},
}
"""For tests, which compare numbers and take no time."""


def layers(workload: str) -> int:
    """How many layers a classifier has."""
    return len(FULL[workload]["widths"]) - 1


def wrt(workload: str) -> list[str]:
    """What gets a gradient, in the order in which an implementation returns them."""
    if workload.startswith("W1"):
        count = layers(workload)
        return [f"W{k}" for k in range(1, count + 1)] + [f"b{k}" for k in range(1, count + 1)]
    return {
        "W2": ["X", "g", "b"],
        "W4": ["Wq", "Wk", "Wv", "Wo"],
        "W5": ["Wx", "Wh", "b"],
        "W7": ["Wc", "bc", "Wf", "bf"],
    }[workload]


def inputs(workload: str, dtype: str, small: bool = False) -> Mapping[str, Any]:
    """The arguments by name, the same on every call."""
    size = (SMALL if small else FULL)[workload]
    rng = np.random.default_rng(7)

    def normal(*shape: int, scale: float = 1.0) -> Any:
        return (scale * rng.standard_normal(shape)).astype(dtype)

    if workload.startswith("W1"):
        widths = size["widths"]
        found = {"X": normal(size["N"], widths[0]), "y": rng.integers(0, widths[-1], size["N"])}
        for k, (rows, columns) in enumerate(pairwise(widths), start=1):
            found[f"W{k}"] = normal(rows, columns, scale=(1.6 / rows) ** 0.5)
            found[f"b{k}"] = normal(columns, scale=0.1)
        return found
    if workload == "W2":
        D = size["D"]
        return {"X": normal(size["N"], D), "g": 1 + normal(D, scale=0.4), "b": normal(D, scale=0.1)}
    if workload == "W4":
        D = size["D"]
        weights = {name: normal(D, D, scale=D**-0.5) for name in wrt("W4")}
        return {"X": normal(size["B"], size["T"], D), **weights}
    if workload == "W5":
        D, H = size["D"], size["H"]
        return {
            "X": normal(size["T"], size["N"], D), "Wx": normal(D, 4 * H, scale=D**-0.5),
            "Wh": normal(H, 4 * H, scale=H**-0.5), "b": normal(4 * H, scale=0.1),
        }  # fmt: skip
    N, K = size["N"], size["K"]
    return {
        "X": normal(N, 3, 32, 32), "y": rng.integers(0, K, N), "Wc": normal(16, 3, 3, 3, scale=0.2),
        "bc": normal(16, scale=0.1), "Wf": normal(4096, K, scale=0.02), "bf": normal(K, scale=0.1),
    }  # fmt: skip
