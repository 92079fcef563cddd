"""The judge is judged: right gradients pass, wrong ones do not, and doubt is no acquittal."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from numerical import assert_gradients, directional_derivative

RNG = np.random.default_rng(7)
A, B = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))


def value(A: npt.NDArray[np.float64], B: npt.NDArray[np.float64]) -> float:
    return float(np.sum(np.tanh(A @ B) ** 2))


def gradients() -> dict[str, npt.NDArray[np.float64]]:
    Y = np.tanh(A @ B)
    dZ = 2 * Y * (1 - Y**2)
    return {"A": dZ @ B.T, "B": A.T @ dZ}


@pytest.mark.parametrize("x", [-1.3, 0.0, 0.7, 40.0])
def test_derivative_of_sin(x: float) -> None:
    derivative, uncertainty = directional_derivative(lambda v: math.sin(v), x, 1.0)
    err = abs(derivative - math.cos(x))
    assert err <= 1e-11
    assert uncertainty <= 1e-8


def test_right_gradients_pass() -> None:
    assert_gradients(value, {"A": A, "B": B}, gradients())


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("fault", ["sign", "factor", "entry", "nan", "zero"])
def test_wrong_gradients_fail(name: str, fault: str) -> None:
    wrong = gradients()[name]
    match fault:
        case "sign":
            wrong = -wrong
        case "factor":
            wrong = wrong * (1 + 1e-5)
        case "entry":
            wrong[0, 0] += 1e-5
        case "nan":
            wrong[0, 0] = np.nan
        case "zero":
            wrong = np.zeros_like(wrong)
    with pytest.raises(AssertionError, match=f"gradient of {name}"):
        assert_gradients(value, {"A": A, "B": B}, {**gradients(), name: wrong})


def test_a_wrong_shape_fails() -> None:
    with pytest.raises(AssertionError, match="has shape"):
        assert_gradients(value, {"A": A, "B": B}, {"A": gradients()["A"].T})


def test_a_kink_nearby_is_doubt_and_not_a_pass() -> None:
    with pytest.raises(AssertionError, match="not reliable"):
        assert_gradients(lambda x: float(np.abs(x).sum()), {"x": np.full(3, 1e-4)}, {"x": np.ones(3)})


def test_a_value_that_is_nan_is_doubt_and_not_a_pass() -> None:
    with pytest.raises(AssertionError, match="not reliable"):
        assert_gradients(lambda x: math.nan, {"x": np.ones(2)}, {"x": np.ones(2)})
