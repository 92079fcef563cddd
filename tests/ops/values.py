"""Numbers for tests: where nothing is near a kink, and in the domains that operations declare."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["in_domain", "spread"]

Shape = tuple[int, ...]


def spread(rng: np.random.Generator, *shapes: Shape) -> list[Any]:
    """Numbers of both signs, all of them (over all the arrays) well apart from one another, from 0 and from halves.

    So no small step crosses a tie or a kink.
    """
    if not shapes:
        return []
    total = sum(int(np.prod(shape)) for shape in shapes)
    half = max(4, total // 2 + 1)
    sizes = 0.2 + 1.5 * (np.arange(half) + rng.uniform(0.3, 0.7, half)) / half
    numbers = rng.permutation(np.concatenate([sizes, -sizes - 0.02]))[:total]
    nearest = np.round(numbers * 2) / 2
    numbers = np.where(np.abs(numbers - nearest) < 0.012, nearest + np.copysign(0.013, numbers - nearest), numbers)
    parts = np.split(numbers, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def in_domain(x: Any, domain: str, rng: np.random.Generator) -> Any:
    """Spread numbers moved into a domain, monotonically where it is about entries."""
    if domain == "positive":
        return 0.3 + np.exp(x) / 2
    if domain == "unit":
        return x / 2
    if domain == "probability":
        return 0.5 + x / 4.2
    if domain == "above_one":
        return 1.2 + np.exp(x) / 2
    if domain == "simplex":
        y = np.exp(x)
        return y / y.sum(axis=-1, keepdims=True) if x.ndim else np.ones(())
    if domain in ("spd", "invertible"):
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            return np.abs(x) + 0.3
        eye = np.eye(x.shape[-1])
        return x @ np.swapaxes(x, -1, -2) + eye if domain == "spd" else x + 3 * eye
    assert domain in ("normal", "nonzero"), f"no values of the domain {domain!r} are known here"
    return x
