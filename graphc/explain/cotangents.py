"""The cotangent of a value as a tensor of its own: that of `W` is written `∂L/∂W`, its entries `∂L/∂W_dh`."""

from __future__ import annotations

from graphc.explain.terms import Tensor

__all__ = ["gradient", "is_gradient"]


def gradient(tensor: Tensor, which: int = 0) -> Tensor:
    """The cotangent of a value; with a number one of several contributions to it."""
    return Tensor(f"∂{tensor.id}#{which}" if which else f"∂{tensor.id}", tensor.name, shape=tensor.shape)


def is_gradient(tensor: Tensor) -> bool:
    return isinstance(tensor.id, str) and tensor.id.startswith("∂")
