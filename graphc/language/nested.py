"""Values known when a program is compiled, in the forms that nodes have them in: nested tuples, numbers, words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.language.values import Value
from graphc.ops.base import CallError, DynamicShape

__all__ = ["counted", "describe", "floats", "frozen", "leaves", "nested_shape", "normal"]


def normal(value: Value) -> Value:
    """An attribute in hashable form: lists become tuples, sizes that are numbers become numbers."""
    if isinstance(value, (list, tuple)):
        return tuple(normal(item) for item in value)
    if isinstance(value, Dim) and value.value is not None:
        return value.value
    return value


def frozen(value: Value) -> Any:
    """The entries of a constant array, nested as tuples. Raises CallError for a size that is no number."""
    if isinstance(value, (list, tuple)):
        return tuple(frozen(item) for item in value)
    if isinstance(value, Dim):
        if value.value is None:
            raise CallError(f"the size {value} is known at run time only and cannot stand in a constant array")
        return value.value
    return value


def leaves(value: Any) -> Iterator[Any]:
    """The entries of nested tuples, in order."""
    if isinstance(value, tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def counted(node: Node) -> Iterator[tuple[Dim, Dim]]:
    """Of the integers that an `arange` counts: how long an axis must be for the ends, and these."""
    start, step = dim(node.attr("start")), node.attr("step")
    last = start + (node.type.dims[0] - 1) * step
    top, bottom = (last, start) if step > 0 else (start, last)
    yield top + 1, top
    if not bottom.is_nonnegative():
        yield -bottom, bottom


def floats(value: Any) -> Any:
    """Nested tuples of numbers as floating ones."""
    return tuple(map(floats, value)) if isinstance(value, tuple) else float(value)


def nested_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested tuples; None where they are of different lengths."""
    if not isinstance(value, tuple):
        return ()
    shapes = {nested_shape(item) for item in value} or {()}
    if len(shapes) != 1 or None in shapes:
        return None
    inner = shapes.pop()
    assert inner is not None
    return (len(value), *inner)


def describe(value: Value) -> str:
    """A value in the words of a complaint."""
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 40 else value[:39] + "…"}"'
    if value is None:
        return "`none`"
    if value is Ellipsis:
        return "`...`"
    if isinstance(value, DynamicShape):
        return "a shape that is known at run time only"
    if isinstance(value, (tuple, list)):
        return f"a {'list' if isinstance(value, list) else 'tuple'} of {len(value)}"
    return f"`{value}`"
