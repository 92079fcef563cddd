"""Numerical derivatives to hold the generated ones against: float64, along random directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def directional_derivative(
    function: Callable[[Array], float], x: npt.ArrayLike, direction: npt.ArrayLike, step: float = 2e-3
) -> tuple[float, float]:
    """The derivative of `function` at `x` along `direction`, and an estimate of its error.

    Central differences at `step`, `step`/2 and `step`/4, extrapolated twice (Richardson): the truncation error falls
    with the sixth power of the step. The estimate is the last extrapolation's change. The direction is scaled so that
    no entry moves further than `step` times the size of `x`; a kink within that distance spoils the result, and the
    estimate shows it.
    """
    x = np.asarray(x, dtype=np.float64)
    v = np.asarray(direction, dtype=np.float64)
    if not v.any():
        return 0.0, 0.0
    reach = step * max(1.0, float(np.max(np.abs(x)))) / float(np.max(np.abs(v)))

    def difference(h: float) -> float:
        return (float(function(x + h * v)) - float(function(x - h * v))) / (2 * h)

    coarse, middle, fine = (difference(reach / 2**k) for k in range(3))
    once, again = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    twice = (16 * again - once) / 15
    return twice, abs(twice - again)


def assert_gradients(
    value: Callable[..., float],
    arguments: Mapping[str, npt.ArrayLike],
    gradients: Mapping[str, npt.ArrayLike],
    *,
    seed: int = 0,
    directions: int = 3,
    rtol: float = 1e-7,
    step: float = 2e-3,
) -> None:
    """Hold each gradient against the numerical derivative of the scalar `value(**arguments)`.

    For a function of several outputs let `value` be their inner product with fixed cotangents. The tolerance is
    relative to |gradient|·|direction|, or to the derivative if that is larger, with a floor for the rounding of `value`
    itself. The estimate of the numerical error never widens it: where that is too large to judge by, the check fails
    and says so.
    """
    rng = np.random.default_rng(seed)
    rounding = 1e-11 * max(1.0, abs(float(value(**arguments))))
    floating = {name: np.asarray(array) for name, array in arguments.items()}
    for name, given in gradients.items():
        x, gradient = floating[name].astype(np.float64), np.asarray(given)
        assert gradient.shape == x.shape, f"gradient of {name} has shape {gradient.shape}, the variable {x.shape}"

        def along(moved: Array, name: str = name) -> float:
            return value(**{**arguments, name: moved})

        for _ in range(directions):
            v = rng.standard_normal(x.shape)
            numeric, uncertainty = directional_derivative(along, x, v, step)
            analytic = float(np.vdot(gradient, v))
            size = float(np.linalg.norm(gradient) * np.linalg.norm(v))
            tolerance = rtol * max(size if math.isfinite(size) else 0.0, abs(numeric)) + rounding
            assert uncertainty <= tolerance, (
                f"the numerical derivative with respect to {name} is not reliable here: "
                f"{numeric!r} ± {uncertainty:.1e}, wanted ± {tolerance:.1e}"
            )
            err = abs(analytic - numeric)
            assert err <= tolerance, (
                f"gradient of {name}: {analytic!r} along a random direction, numerically {numeric!r}; "
                f"they differ by {err:.1e}, allowed is {tolerance:.1e}"
            )
