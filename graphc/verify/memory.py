"""An -O2 module's functions in given memory, held against its pure ones, which the numerical derivatives vouch for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["differences"]

TOLERANCE = 1e-6  # of the largest number around: what another order of sums may make of float64


def differences(
    module: Any, arguments: Mapping[str, Any], cotangents: tuple[Any, ...], outputs: Any, gradients: Mapping[str, Any]
) -> str | None:
    """What a workspace's values or gradients differ in from these, or None. It is used twice: memory is not trusted."""
    extra = {"cotangents": cotangents} if cotangents else {}
    workspace = module.Workspace(*arguments.values())
    given = outputs if isinstance(outputs, tuple) else (outputs,)
    scale = max((_largest(each) for each in (*arguments.values(), *given, *gradients.values())), default=0.0)
    for _ in range(2):
        values, found = module.value_and_grad(*arguments.values(), **extra, workspace=workspace)
        if not _alike(values, outputs, scale):
            return "the values of `value_and_grad` in a workspace differ from those of `forward`"
        for name, gradient in gradients.items():
            if not _alike(found[name], gradient, scale):
                return f"the gradient of `{name}` by `value_and_grad` in a workspace differs from that of `backward`"
    values, cache = module.forward(*arguments.values(), workspace=workspace)
    if not _alike(values, outputs, scale):
        return "the values of `forward` in a workspace differ from those without"
    found = module.backward(cache, *cotangents, workspace=workspace)
    for name, gradient in gradients.items():
        if not _alike(found[name], gradient, scale):
            return f"the gradient of `{name}` by `backward` in a workspace differs from that without"
    return None


def _alike(have: Any, want: Any, scale: float) -> bool:
    if isinstance(want, tuple):
        return len(have) == len(want) and all(_alike(a, b, scale) for a, b in zip(have, want, strict=True))
    have, want = np.asarray(have), np.asarray(want)
    if have.shape != want.shape or have.dtype != want.dtype:
        return False
    if not have.size or not np.isfinite(want.astype(float)).all():
        return True  # of what is not finite nothing is checked
    return bool(np.abs(have.astype(float) - want.astype(float)).max() <= TOLERANCE * max(scale, 1.0))


def _largest(value: Any) -> float:
    """The largest finite number of an array."""
    numbers = np.abs(np.asarray(value, dtype=float))
    return float(numbers[np.isfinite(numbers)].max(initial=0.0))
