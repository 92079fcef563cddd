"""The workloads in JAX, compiled (`jit`), on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.autograd_peer import loss_of
from benchmarks.workloads import wrt

__all__ = ["make"]


def make(workload: str, inputs: Mapping[str, Any]) -> Callable[[], tuple[Any, list[Any]]]:
    """A function that computes value and gradients of a workload. Raises ImportError where JAX is not there."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)  # else float64 becomes float32
    names = wrt(workload)
    fixed = {name: jnp.asarray(value) for name, value in inputs.items() if name not in names}
    values = [jnp.asarray(inputs[name]) for name in names]

    def loss(values: list[Any], fixed: Mapping[str, Any]) -> Any:
        return loss_of(jnp, workload, {**fixed, **dict(zip(names, values, strict=True))})

    compiled = jax.jit(jax.value_and_grad(loss))

    def run() -> tuple[Any, list[Any]]:
        value, gradients = jax.block_until_ready(compiled(values, fixed))
        return value, list(gradients)

    return run
