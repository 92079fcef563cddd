"""Reductions: against NumPy over all kinds of axes, ties, zeros in products, infinite entries, what they read like."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.emitter.prelude import HELPERS
from ops.programs import array, body, compiled, error_of, hold

# No two entries are close to one another, in size neither: extrema have no ties within a numerical step.
_rng = np.random.default_rng(3)
X = (_rng.permutation(np.linspace(0.2, 1.5, 24)) * _rng.choice([-1.0, 1.0], 24)).reshape(3, 2, 4)
ALL = (0, 1, 2)


def _norm(p: float) -> Any:
    return lambda x, axis, keepdims: (np.abs(x) ** p).sum(axis=axis, keepdims=keepdims) ** (1 / p)


REDUCTIONS: dict[str, Any] = {
    "sum(x{})": np.sum,
    "mean(x{})": np.mean,
    "max(x{})": np.max,
    "min(x{})": np.min,
    "prod(x{})": np.prod,
    "var(x{})": np.var,
    "var(x{}, ddof=1)": lambda x, axis, keepdims: np.var(x, axis=axis, keepdims=keepdims, ddof=1),
    "std(x{})": np.std,
    "std(x{}, ddof=1)": lambda x, axis, keepdims: np.std(x, axis=axis, keepdims=keepdims, ddof=1),
    "logsumexp(x{})": scipy.special.logsumexp,
    "norm(x{})": _norm(2),
    "norm(x{}, ord=1)": _norm(1),
    "norm(x{}, ord=3)": _norm(3),
    "norm(x{}, ord=1.5)": _norm(1.5),
    'norm(x{}, ord="inf")': lambda x, axis, keepdims: np.abs(x).max(axis=axis, keepdims=keepdims),
    'norm(x{}, ord="-inf")': lambda x, axis, keepdims: np.abs(x).min(axis=axis, keepdims=keepdims),
}
AXES: dict[str, tuple[Any, bool]] = {
    "": (None, False),
    ", axis=0": (0, False),
    ", axis=-1": (-1, False),
    ", axis=(0, 2)": ((0, 2), False),
    ", axis=(-1, 0)": ((-1, 0), False),
    ", axis=(0, 1, 2)": (ALL, False),
    ", axis=1, keepdims=true": (1, True),
    ", axis=(1, 2), keepdims=true": ((1, 2), True),
    ", keepdims=true": (None, True),
}


@pytest.mark.parametrize("declared", ["input x[A, B, C]\n", ""], ids=["declared", "undeclared"])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_values_and_gradients(name: str, axes: str, declared: str) -> None:
    axis, keepdims = AXES[axes]
    hold(f"{declared}y = {name.format(axes)}", {"x": X},
         lambda x: REDUCTIONS[name](x, axis=axis, keepdims=keepdims))  # fmt: skip


@pytest.mark.parametrize("axes", ["", ", axis=1", ", axis=(0, 2), keepdims=true"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_second_derivatives(name: str, axes: str) -> None:
    hold(f"input x[A, B, C]\nM = sum(cos({name.format(axes)}))\ng = grad(M, x)\nL = sum(g * g * x)\noutput L",
         {"x": X}, levels=(1,), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running(name: str, axis: int | None) -> None:
    written = "" if axis is None else f", axis={axis}"
    for declared in ("input x[A, B, C]\n", ""):
        hold(f"{declared}y = {name}(x{written})", {"x": X}, lambda x: getattr(np, name)(x, axis=axis))


def test_the_axis_may_stand_in_second_place() -> None:
    hold("input x[A, B, C]\ny = sum(x, 0)", {"x": X}, lambda x: x.sum(axis=0))
    hold("input x[A, B, C]\ny = norm(x, 1, -1)", {"x": X}, lambda x: np.abs(x).sum(axis=-1))


def test_of_a_scalar() -> None:
    for name in ("sum", "mean", "max", "min", "prod", "norm", "logsumexp"):
        hold(f"input x[]\ny = {name}(x)", {"x": np.array(0.7)}, lambda x: x * 1.0)
    hold("input x[]\ny = var(x)", {"x": np.array(0.7)}, lambda x: 0 * x)


def test_over_no_axes() -> None:
    for name in ("sum", "mean", "max", "prod"):
        hold(f"input x[A, B, C]\ny = {name}(x, axis=())", {"x": X}, lambda x: x * 1.0)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [-1, 0, (1, 2)])
def test_softmax(name: str, axis: Any) -> None:
    for declared in ("input x[A, B, C]\n", ""):
        hold(f"{declared}y = {name}(x, axis={axis})", {"x": X}, lambda x: getattr(scipy.special, name)(x, axis=axis))


def test_softmax_does_not_overflow() -> None:
    x = np.array([[1000.0, 0.0, -np.inf], [-1000.0, -1000.0, -1000.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, _ = compiled("input x[N, C]\ny = softmax(x)").forward(x)
        z, _ = compiled("input x[N, C]\ny = log_softmax(x)").forward(x)
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(z, [[0, -1000, -np.inf], [-np.log(3)] * 3])


# ---------------------------------------------------------------- no gradient


@pytest.mark.parametrize(("expression", "expected"), [
    ("argmax(x)", 5), ("argmin(x)", 1), ("argmax(x, axis=1)", [2, 2]), ("argmin(x, axis=0)", [0, 0, 0]),
    ("argmax(x, axis=0, keepdims=true)", [[1, 1, 1]]), ("argmax(x, keepdims=true)", [[5]]),
    ("all(x > 0)", False), ("any(x > 4, axis=1)", [False, True]),
    ("all(x, axis=0, keepdims=true)", [[True, False, True]]),
])  # fmt: skip
def test_positions_and_truth(expression: str, expected: Any) -> None:
    x = np.array([[1.0, 0.0, 3.0], [4.0, 2.0, 7.0]])
    y, _ = compiled(f"input x[N, D]\ny = {expression}\nL = sum(x)\noutput y").forward(x)
    np.testing.assert_array_equal(y, expected)
    assert np.asarray(y).dtype.kind in "ib"


def test_the_first_of_equal_ones() -> None:
    y, _ = compiled("input x[N, D]\ny = argmax(x, axis=1)\nz = x\noutput y").forward(np.array([[1.0, 2, 2], [3, 3, 1]]))
    assert y.tolist() == [1, 0]


# ---------------------------------------------------------------- where derivatives are a choice


def _gradient(expression: str, x: Any) -> Any:
    x = np.asarray(x, float)
    names = ", ".join("ABC"[: x.ndim])
    module = compiled(f"input x[{names}]\nL = sum({expression})")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return module.value_and_grad(x)[1]["x"]


def test_ties_share_the_gradient() -> None:
    x = [[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]
    np.testing.assert_allclose(_gradient("max(x, axis=1)", x), [[0.5, 0.5, 0], [1 / 3] * 3])
    np.testing.assert_allclose(_gradient("max(x)", x), [[0, 0, 0], [1 / 3] * 3])
    np.testing.assert_allclose(_gradient("min(x, axis=0, keepdims=true)", x), [[1, 1, 1], [0, 0, 0]])


@pytest.mark.parametrize("order", ["2", "1", '"inf"', "3", "1.5"])
def test_the_derivative_of_a_norm_at_zero_is_zero(order: str) -> None:
    assert not _gradient(f"norm(x, {order})", np.zeros((2, 3))).any()
    assert not _gradient(f"norm(x, {order}, axis=0)", np.zeros((2, 3))).any()


def test_the_derivative_of_no_spread_is_zero() -> None:
    assert not _gradient("std(x)", np.ones(3)).any()
    assert not _gradient("std(x, axis=1, ddof=1)", np.ones((2, 3))).any()
    assert not _gradient("var(x)", np.ones(3)).any()


def test_logsumexp_of_infinite_entries() -> None:
    x = np.array([[-np.inf] * 3, [0.0, -np.inf, 1000.0], [-1000.0] * 3])
    module = compiled("input x[N, C]\ny = logsumexp(x, axis=1)\nL = sum(y)\noutput L, y\nloss L")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs, gradients = module.value_and_grad(x)
    np.testing.assert_allclose(outputs.y, [-np.inf, 1000, -1000 + np.log(3)])
    np.testing.assert_allclose(gradients["x"], [[0, 0, 0], [0, 0, 1], [1 / 3] * 3])
    assert compiled("input x[N]\ny = logsumexp(x)").forward(np.array([np.inf, 0.0]))[0] == np.inf


@pytest.mark.parametrize("zeros", range(5))
@pytest.mark.parametrize("product", [
    "prod(x)", "prod(x, axis=0)", "prod(x, axis=1)", "prod(x, axis=(0, 1))", "cumprod(x)", "cumprod(x, axis=0)",
    "cumprod(x, axis=1)",
])  # fmt: skip
def test_products_with_zeros(product: str, zeros: int) -> None:
    x = array(3, 3, seed=zeros)
    x.flat[np.random.default_rng(zeros).permutation(9)[:zeros]] = 0
    hold(f"input x[A, B]\ny = {product}", {"x": x})
    hold(f"input x[A, B]\nM = sum(sin({product}))\ng = grad(M, x)\nL = sum(g * g) + sum(g)\noutput L", {"x": x},
         levels=(1,), rtol=1e-6)  # fmt: skip


def test_the_product_of_an_undeclared_argument() -> None:
    hold("L = prod(x)", {"x": np.array([[1.0, 0.0], [2.0, 3.0]])}, lambda x: np.prod(x))


@pytest.mark.parametrize("inner", ["logsumexp", "var", "std", "mean", "sum", "max", "norm"])
def test_a_reduction_of_what_is_left_of_an_undeclared_argument(inner: str) -> None:
    function = {"logsumexp": scipy.special.logsumexp, "norm": np.linalg.norm}.get(inner) or getattr(np, inner)
    hold(f"r = {inner}(x, axis=-1)\ny = sum(r, axis=0)", {"x": X}, lambda x: np.sum(function(x, axis=-1), axis=0))


# ---------------------------------------------------------------- recurrences


@pytest.mark.parametrize("size", [0, 1, 2, 3, 8, 13])
def test_linear_recurrences_by_doubling(size: int) -> None:
    names: dict[str, Any] = {"np": np}
    exec(HELPERS["linear_scan"] + HELPERS["linear_scan_back"], names)
    a, b = array(2, size, 3, seed=1), array(2, size, 3, seed=2)
    a[:, size // 2 :, 0] = 0
    forth, back = np.zeros_like(b), np.zeros_like(b)
    for k in range(size):
        forth[:, k] = b[:, k] + (a[:, k] * forth[:, k - 1] if k else 0)
    for k in reversed(range(size)):
        back[:, k] = b[:, k] + (a[:, k + 1] * back[:, k + 1] if k + 1 < size else 0)
    np.testing.assert_allclose(names["linear_scan"](a, b, 1), forth, rtol=1e-12)
    np.testing.assert_allclose(names["linear_scan_back"](a, b, 1), back, rtol=1e-12)
    single = names["linear_scan"](a.astype(np.float32), b.astype(np.float32), 1)
    assert single.dtype == np.float32


# ---------------------------------------------------------------- the text


@pytest.mark.parametrize(("expression", "text"), [
    ("sum(x)", "x.sum()"), ("sum(x, axis=0)", "x.sum(axis=0)"), ("sum(x, axis=(0, 1))", "x.sum()"),
    ("mean(x, axis=-1)", "x.mean(axis=1)"), ("max(x, axis=1, keepdims=true)", "x.max(axis=1, keepdims=True)"),
    ("norm(x)", "np.linalg.norm(x)"), ("norm(x, axis=1)", "np.linalg.norm(x, axis=1)"),
    ("norm(x, 1)", "np.abs(x).sum()"), ("cumsum(x, axis=1)", "x.cumsum(axis=1)"),
    ("argmax(x, axis=1)", "x.argmax(axis=1)"),
])  # fmt: skip
def test_what_reductions_read_like(expression: str, text: str) -> None:
    assert f"y = {text}" in body(f"input x[N, D]\ny = {expression}\nL = sum(x)\noutput y")


def test_the_gradient_of_logsumexp_takes_up_what_forward_has() -> None:
    assert not any("np.exp" in line for line in body("input x[N, C]\nL = sum(logsumexp(x, axis=1))", "backward"))


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("program", "message"), [
    ("input x[N]\nL = sum(x, axis=1)", "axis 1 is out of range for an array of 1 dimension"),
    ("input x[N, D]\ny = sum(x, axis=(0, -2))", "axis 0 is given twice"),
    ("input x[N]\nL = sum(x, axis=N)", "`axis` is the size N; an axis is an integer known at compile time"),
    ("input x[N]\nL = sum(x, keepdims=1)", "`keepdims` is true or false"),
    ("input x[N]\nL = max(x, 0.5)", "of two values take `maximum(a, b)`"),
    ("input x[N]\ny = argmax(x, axis=(0,))", "`axis` of `argmax` is one axis"),
    ('input x[N]\nL = norm(x, "nuc")', '`ord` of `norm` is "nuc"'),
    ("input x[N, D]\ny = cumsum(x, axis=2)", "axis 2 is out of range for an array of 2 dimensions"),
])  # fmt: skip
def test_refused(program: str, message: str) -> None:
    assert message in error_of(program)


def test_a_program_of_reductions_verifies() -> None:
    text = "input x[N, D]\nL = sum(std(x, axis=0)) + norm(x) + max(x) + mean(softmax(x)) + sum(cumprod(x, axis=1))"
    assert "def backward" in graphc.compile(text)
