"""What is compared: our modules, NumPy by hand, and other libraries, which may be there or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["BASE", "IMPLEMENTATIONS", "TOLERANCES", "digest", "disagreement", "make"]

Run = Callable[[], "tuple[Any, list[Any]]"]

BASE = "expert"
"""What the others are compared with."""

IMPLEMENTATIONS = {
    "expert": "NumPy by hand, memory allocated once",
    "graphc -O2": "generated, with a workspace",
    "graphc -O1": "generated, pure functions",
    "naive": "NumPy by hand, as in a textbook",
    "autograd": "autograd over NumPy",
    "jax": "JAX, jit",
    "torch": "PyTorch, eager",
}
"""Name and what it is."""

TOLERANCES = {"float64": 1e-9, "float32": 2e-3}
"""How far results may be from those of `naive` in float64, relative to the length of a gradient."""


def make(name: str, workload: str, inputs: Mapping[str, Any]) -> Run:
    """An implementation of a workload. Raises ImportError where its library is not there."""
    if name.startswith("graphc"):
        from benchmarks import generated

        return generated.make(workload, inputs, level=int(name[-1]), workspace=name.endswith("2"))
    module = import_module(f"benchmarks.{name}{'' if name in ('expert', 'naive') else '_peer'}")
    return partial(_call, module.make(workload, inputs))


def _call(run: Run) -> tuple[Any, list[Any]]:
    return run()


def digest(result: tuple[Any, list[Any]]) -> list[list[float]]:
    """What results are compared by: the value, and of each gradient its length and its product with a fixed array."""
    value, gradients = result
    numbers = [[float(value)]]
    for gradient in gradients:
        array = np.asarray(gradient, dtype=np.float64)
        against = np.random.default_rng(array.size).standard_normal(array.size)
        numbers.append([float(np.linalg.norm(array)), float(array.ravel() @ against)])
    return numbers


def disagreement(digest: list[list[float]], wanted: list[list[float]]) -> float:
    """The largest difference of two digests, relative to the lengths of the gradients."""
    if len(digest) != len(wanted):
        return float("inf")
    worst = abs(digest[0][0] - wanted[0][0]) / (abs(wanted[0][0]) + 1e-12)
    for mine, other in zip(digest[1:], wanted[1:], strict=True):
        scale = other[0] + 1e-12
        worst = max([worst, *(abs(a - b) / scale for a, b in zip(mine, other, strict=True))])
    return worst if worst == worst else float("inf")
