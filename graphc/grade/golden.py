"""Values and gradients of a program on drawn data, kept in an .npz file: `X` is an argument, `out:L`, `grad:W1`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from graphc.grade.reference import Reference, read_source

__all__ = ["compute", "draw_inputs", "read", "write"]

RESULTS = ("out:", "grad:")
WEIGHT = "weight:"


def draw_inputs(program: Path, seed: int) -> dict[str, Any]:
    """Arguments, and the cotangents of outputs where there is no scalar loss."""
    (setting, *_) = Reference(read_source(program)).settings(seed)
    weights = {} if setting.reference.loss else {WEIGHT + name: v for name, v in setting.cotangents.items()}
    return {**setting.arguments, **weights}


def compute(module: ModuleType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs and gradients of a generated module."""
    arguments = {name: value for name, value in inputs.items() if not name.startswith(WEIGHT)}
    weights = [value for name, value in inputs.items() if name.startswith(WEIGHT)]
    outputs, cache = module.forward(*arguments.values())
    values = outputs if isinstance(outputs, tuple) else (outputs,)
    found = {f"out:{name}": np.asarray(value) for name, value in zip(module.OUTPUTS, values, strict=True)}
    if hasattr(module, "backward"):
        found.update({f"grad:{name}": value for name, value in module.backward(cache, *weights).items()})
    return found


def write(file: Path, inputs: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Keep them; a reader sees the old file or the new one."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}.npz")
    try:
        np.savez(beside, **inputs, **results)
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def read(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments, in their order, and results."""
    with np.load(file, allow_pickle=False) as data:
        found = {name: data[name] for name in data.files}
    results = {name: value for name, value in found.items() if name.startswith(RESULTS)}
    return {name: value for name, value in found.items() if name not in results}, results
