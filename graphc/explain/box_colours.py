"""What boxes of a kind are filled with, in every picture: a parameter's is yellow."""

from __future__ import annotations

__all__ = ["COLOURS"]

COLOURS = {
    "input": "#e8eef7", "param": "#fdeccb", "value": "#ffffff", "operation": "#f4f4f4", "output": "#ddf0e0",
    "loss": "#f8d9d7", "seed": "#f4f4f4", "gradient": "#e9e0f5",
}  # fmt: skip
