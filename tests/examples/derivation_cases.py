"""What a closed form is: a program of examples/derivations, its arguments, and what the page says it must give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "CASES", "SIZES", "Arrays", "Case", "arguments_of", "case", "onehot", "outputs_of", "row_count", "sigma", "softmax",
]  # fmt: skip

Arrays: TypeAlias = "dict[str, Any]"
Closed: TypeAlias = "Callable[[Any, Any], tuple[Arrays, Arrays]]"

# Sizes for the letters of the page: all different, one sample, a single one of everything, more samples.
SIZES: tuple[Mapping[str, int], ...] = (
    {"N": 5, "D": 3, "H": 4, "C": 3, "K": 2, "m": 3, "n": 4, "l": 2, "d": 3, "h": 5},
    {"N": 1, "D": 4, "H": 2, "C": 5, "K": 3, "m": 2, "n": 3, "l": 4, "d": 2, "h": 3},
    dict.fromkeys("NDHCKmnldh", 1),
    {"N": 17, "D": 2, "H": 3, "C": 4, "K": 1, "m": 5, "n": 2, "l": 3, "d": 4, "h": 2},
)


@dataclass(frozen=True)
class Case:
    """A program's closed form: the row it belongs to, its formula in short, its arguments and outputs with shapes."""

    program: str
    row: str
    formula: str
    arguments: str
    outputs: str
    closed: Closed


CASES: dict[str, Case] = {}


def case(program: str, formula: str, arguments: str, outputs: str) -> Callable[[Closed], Closed]:
    def keep(closed: Closed) -> Closed:
        row = program.partition("_")[0].upper()
        CASES[program] = Case(program, row, formula, arguments, outputs, closed)
        return closed

    return keep


def _specified(text: str, sizes: Mapping[str, int]) -> list[tuple[str, tuple[int, ...], str]]:
    """Names, shapes and the size that labels stay below, of a text such as `S[N, C] y[N]<C`."""
    found = []
    for name, dims, below in re.findall(r"(\w+)\[([^\]]*)\](?:<(\w+))?", text):
        shape = tuple(eval(size, {}, dict(sizes)) for size in dims.split(",") if size.strip())
        found.append((name, shape, below))
    return found


def arguments_of(case: Case, sizes: Mapping[str, int], seed: int = 0) -> Arrays:
    """Random arguments: numbers that are not near 0, labels that occur."""
    rng = np.random.default_rng([seed, *sizes.values()])
    arguments: Arrays = {}
    for name, shape, below in _specified(case.arguments, sizes):
        if below:
            arguments[name] = rng.integers(0, sizes[below], shape)
        else:
            arguments[name] = np.asarray(rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape))
    return arguments


def outputs_of(case: Case, sizes: Mapping[str, int], seed: int = 1) -> Arrays:
    """Random cotangents, one per output, with its shape."""
    rng = np.random.default_rng([seed, *sizes.values()])
    return {name: np.asarray(rng.standard_normal(shape)) for name, shape, _ in _specified(case.outputs, sizes)}


# ---------------------------------------------------------------- what the page uses

def onehot(y: Any, C: int) -> Any:
    return np.eye(C)[y]


def softmax(S: Any) -> Any:
    E = np.exp(S)
    return E / E.sum(axis=-1, keepdims=True)


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def row_count(a: Any) -> int:
    return int(a.shape[0])
