"""Expressions of constants alone: what is not finite is an error where it stands."""

from __future__ import annotations

import pytest

import graphc


@pytest.mark.parametrize("expression", ["log(0)", "exp(1000)", "sqrt(-1)", "arctanh(1)", "2 * exp(1000)", "[1, 2] / 0"])
def test_what_is_not_finite_is_an_error(expression: str) -> None:
    with pytest.raises(graphc.GraphcError, match="a constant expression is not finite") as caught:
        graphc.compile(f"const c = {expression}\nY = x * c")
    assert caught.value.line == 1
    with pytest.raises(graphc.GraphcError, match="a constant expression is not finite"):
        graphc.compile(f"Y = x * ({expression})")


def test_functions_of_constants_are_constants() -> None:
    net = graphc.load("const c = sqrt(log(exp(4)))\nY = x * c * [1, 2]")
    assert net.forward([1.0, 1.0])[0].tolist() == [2.0, 4.0]


def test_numbers_that_meet_in_a_product_stay_within_their_range() -> None:
    net = graphc.load("Y = x * 1e308 * 10")
    assert abs(net.forward(1e-5)[0] / 1e304 - 1) <= 1e-12
    net = graphc.load("Y = x / 1e200 / 1e200")
    assert abs(net.forward(1e300)[0] / 1e-100 - 1) <= 1e-12


def test_a_constant_is_not_assigned() -> None:
    with pytest.raises(graphc.GraphcError, match="`n` is a constant and assigned") as caught:
        graphc.compile("const n = 3\nY = x * n\nn = x")
    assert (caught.value.line, caught.value.column) == (3, 1)


def test_a_constant_does_not_depend_on_an_argument() -> None:
    with pytest.raises(graphc.GraphcError, match="known at compile time, and `x` is an argument") as caught:
        graphc.compile("const c = 2 * x\nY = x * c")
    assert (caught.value.line, caught.value.column) == (1, 11)
    net = graphc.load("const s = 1/shape(x)[0]\nY = x * s\n")
    assert net.forward([2.0, 4.0])[0].tolist() == [1, 2]
