"""A list of values where one array is meant.

    y = [a, b]              `stack([a, b])` makes one array of it
    y = [a, [b, c]]         nothing does
"""

from __future__ import annotations

from graphc.ir.graph import Builder
from graphc.language.source import Span
from graphc.language.values import Tensor, Value, is_number

__all__ = ["joined"]

LONGEST_QUOTED = 80
"""A longer expression is not repeated in a help."""


def joined(builder: Builder, value: Value, span: Span) -> str | None:
    """The help for a list of values of one shape, which an operation joins; None for others."""
    if not isinstance(value, list) or _shape(builder, value) is None:
        return None
    text = span.text if len(span.text) <= LONGEST_QUOTED and "\n" not in span.text else "[…]"
    return f"`stack({text})` makes one array of it"


def _shape(builder: Builder, value: Value) -> tuple[object, ...] | None:
    """The shape of a nested list as an array, (None,) of what has an unknown one; None where it has none."""
    if isinstance(value, Tensor):
        shape = builder.type(value.id).shape
        return shape if isinstance(shape, tuple) else (None,)
    if not isinstance(value, list):
        return () if is_number(value) else None
    shapes = {_shape(builder, item) for item in value}
    if len(shapes) != 1 or (inner := shapes.pop()) is None or (len(inner) > 1 and None in inner):
        return None
    return (len(value), *inner)
