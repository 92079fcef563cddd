"""Axis attributes in normal form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.dims import dim
from graphc.ops.axes import normal_axes, normal_axis
from graphc.ops.base import CallError


@pytest.mark.parametrize(("axis", "rank", "expected"), [
    (0, 3, 0), (2, 3, 2), (-1, 3, 2), (-3, 3, 0), (-1, None, -1), (5, None, 5), (dim(1), 2, 1),
])  # fmt: skip
def test_one_axis(axis: Any, rank: int | None, expected: int) -> None:
    assert normal_axis(axis, rank) == expected


@pytest.mark.parametrize(("axis", "rank", "message"), [
    (3, 3, "axis 3 is out of range for an array of 3 dimensions"),
    (-2, 1, "axis -2 is out of range for an array of 1 dimension"),
    (0, 0, "axis 0 is out of range for a scalar, which has no axis"),
    (1.0, 3, "`axis` is 1.0; an axis is an integer known at compile time"),
    (True, 3, "`axis` is true"),
    ("x", None, '`axis` is "x"'),
    (dim("N"), 3, "`axis` is the size N"),
])  # fmt: skip
def test_what_is_no_axis(axis: Any, rank: int | None, message: str) -> None:
    with pytest.raises(CallError) as error:
        normal_axis(axis, rank)
    assert error.value.message.startswith(message)
    assert error.value.argument == "axis"


def test_the_message_speaks_of_the_attribute() -> None:
    with pytest.raises(CallError) as error:
        normal_axis(4, 2, "axis1")
    assert error.value.message == "axis1 4 is out of range for an array of 2 dimensions"
    assert error.value.help == "axes run from 0 to 1, or from -2 to -1"


@pytest.mark.parametrize(("axis", "rank", "expected"), [
    (None, 3, None), (1, 3, (1,)), (-1, 3, (2,)), ((-1, 0), 3, (0, 2)), ([2, 1], 3, (1, 2)), ((), 2, ()),
    ((2, 0), None, (0, 2)), ((-1, -2), None, (-2, -1)), ((-1, 0), None, (-1, 0)),
])  # fmt: skip
def test_several_axes(axis: Any, rank: int | None, expected: Any) -> None:
    assert normal_axes(axis, rank) == expected


@pytest.mark.parametrize(("axis", "rank"), [((0, 0), 2), ((0, -2), 2), ((1, 1), None)])
def test_a_repeated_axis(axis: Any, rank: int | None) -> None:
    with pytest.raises(CallError, match="is given twice"):
        normal_axes(axis, rank)


CALLS = ["sum(a, (-1, 0))", "max(a, axis=(0, -1))", "std(a, axis=(0, -1))", "flip(a, (0, -1))"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("level", [1, 2])
def test_of_a_vector_the_first_axis_and_the_last_are_one(call: str, level: int) -> None:
    """Of an array that is not declared they are two: it was checked with a vector, and said to be a bug of ours."""
    module = graphc.load(f"L = sum({call}**2)", level=level)
    with pytest.raises(ValueError, match=r"argument a must have at least 2 dimensions, not 1"):
        module.forward(np.ones(3))
    assert np.isfinite(module.value_and_grad(np.arange(24.0).reshape(2, 3, 4))[0])


@pytest.mark.parametrize("call", ["roll(x, (1, 1), axis=(0, -1))", "roll(x, 1, axis=(0, -1))"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_along_one_axis_after_the_other_it_may_be_the_same(call: str, level: int) -> None:
    """As in NumPy: of a vector that is not declared the entries are moved twice."""
    module = graphc.load(f"Y = {call}", level=level, verify=False)
    for x in (np.arange(5.0), np.arange(6.0).reshape(2, 3)):
        assert np.array_equal(module.forward(x)[0], np.roll(x, (1, 1), axis=(0, -1)))
    with pytest.raises(ValueError, match=r"argument x must have at least 1 dimension, not 0"):
        module.forward(np.array(1.0))
