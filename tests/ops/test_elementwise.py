"""Functions applied entry by entry: against NumPy, at kinks, far out, and of integers and plain numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.emitter.prelude import HELPERS
from ops.programs import array, body, compiled, error_of, hold

X = array(3, 4)
POSITIVE = np.abs(X)
UNIT = X / 2
ABOVE_ONE = 1 + POSITIVE

FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "abs(x)": (np.abs, X),
    "exp(x)": (np.exp, X),
    "expm1(x)": (np.expm1, X),
    "log(x)": (np.log, POSITIVE),
    "log1p(x)": (np.log1p, POSITIVE),
    "log2(x)": (np.log2, POSITIVE),
    "log10(x)": (np.log10, POSITIVE),
    "sqrt(x)": (np.sqrt, POSITIVE),
    "rsqrt(x)": (lambda x: x**-0.5, POSITIVE),
    "square(x)": (lambda x: x * x, X),
    "reciprocal(x)": (np.reciprocal, X),
    "sin(x)": (np.sin, X),
    "cos(x)": (np.cos, X),
    "tan(x)": (np.tan, UNIT),
    "arcsin(x)": (np.arcsin, UNIT),
    "arccos(x)": (np.arccos, UNIT),
    "arctan(x)": (np.arctan, X),
    "sinh(x)": (np.sinh, X),
    "cosh(x)": (np.cosh, X),
    "tanh(x)": (np.tanh, X),
    "arcsinh(x)": (np.arcsinh, X),
    "arccosh(x)": (np.arccosh, ABOVE_ONE),
    "arctanh(x)": (np.arctanh, UNIT),
    "erf(x)": (scipy.special.erf, X),
    "relu(x)": (lambda x: np.where(x > 0, x, 0), X),
    "leaky_relu(x)": (lambda x: np.where(x > 0, x, 0.01 * x), X),
    "leaky_relu(x, slope=2)": (lambda x: np.where(x > 0, x, 2 * x), X),
    "elu(x)": (lambda x: np.where(x > 0, x, np.exp(x) - 1), X),
    "elu(x, 0.5)": (lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)), X),
    "selu(x)": (lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)), X),
    "celu(x, alpha=2)": (lambda x: np.where(x > 0, x, 2 * (np.exp(x / 2) - 1)), X),
    "gelu(x)": (lambda x: x * scipy.special.ndtr(x), X),
    'gelu(x, approximate="tanh")': (
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), X,
    ),
    "silu(x)": (lambda x: x / (1 + np.exp(-x)), X),
    "mish(x)": (lambda x: x * np.tanh(np.log(1 + np.exp(x))), X),
    "sigmoid(x)": (scipy.special.expit, X),
    "log_sigmoid(x)": (scipy.special.log_expit, X),
    "softplus(x)": (lambda x: np.log(1 + np.exp(x)), X),
    "softsign(x)": (lambda x: x / (1 + np.abs(x)), X),
    "relu6(4 * x)": (lambda x: np.clip(4 * x, 0, 6), X),
    "hardtanh(x)": (lambda x: np.clip(x, -1, 1), X),
    "hardtanh(x, -0.5, max_val=2)": (lambda x: np.clip(x, -0.5, 2), X),
    "hardsigmoid(3 * x)": (lambda x: np.clip(x / 2 + 0.5, 0, 1), X),
    "hardswish(3 * x)": (lambda x: 3 * x * np.clip(x / 2 + 0.5, 0, 1), X),
    "clip(x, -0.5, 0.7)": (lambda x: np.clip(x, -0.5, 0.7), X),
    "clip(x, none, 0.7)": (lambda x: np.minimum(x, 0.7), X),
    "clip(x, lo=-0.5)": (lambda x: np.maximum(x, -0.5), X),
    "maximum(x, 0.5)": (lambda x: np.maximum(x, 0.5), X),
    "where(x > 0, x**2, sin(x))": (lambda x: np.where(x > 0, x**2, np.sin(x)), X),
    "where(x > 0, 2.0, 1.0) * x": (lambda x: np.where(x > 0, 2, 1) * x, X),
    "2**x": (lambda x: 2**x, X),
    "x**D": (lambda x: x**4, X),
}  # fmt: skip


@pytest.mark.parametrize("expression", FUNCTIONS)
def test_values_and_gradients(expression: str) -> None:
    reference, x = FUNCTIONS[expression]
    hold(f"input x[N, D]\ny = {expression}", {"x": x}, lambda x: reference(x))


@pytest.mark.parametrize("expression", FUNCTIONS)
def test_second_derivatives(expression: str) -> None:
    hold(f"input x[N, D]\nL = sum(cos({expression}))\ng = grad(L, x)\nM = sum(g * g * x)\noutput M",
         {"x": FUNCTIONS[expression][1]}, levels=(1,), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("expression", ["sign(x)", "floor(x)", "ceil(x)", "round(x)"])
def test_steps_have_no_gradient(expression: str) -> None:
    x = np.array([-2.5, -1.5, -0.3, 0.0, 0.4, 0.5, 2.5])
    module = compiled(f"input x[N]\ny = {expression}")
    y, cache = module.forward(x)
    np.testing.assert_array_equal(y, getattr(np, expression[:-3])(x))
    np.testing.assert_array_equal(module.backward(cache, np.ones(7))["x"], np.zeros(7))


BINARY = {
    "maximum(x, y)": np.maximum,
    "minimum(x, y)": np.minimum,
    "arctan2(x, y)": np.arctan2,
    "hypot(x, y)": np.hypot,
    "logaddexp(x, y)": np.logaddexp,
    "power(abs(x), y)": lambda x, y: np.abs(x) ** y,
    "abs(x)**(y + 1)": lambda x, y: np.abs(x) ** (y + 1),
    "clip(x, y, 0.9)": lambda x, y: np.clip(x, y, 0.9),
    "where(x > y, x * y, y)": lambda x, y: np.where(x > y, x * y, y),
    "dropout(x, y > 0, p=0.2)": lambda x, y: x * (y > 0) / 0.8,
    "dropout(x, y)": lambda x, y: x * y / 0.5,
}


@pytest.mark.parametrize("shapes", [("[N, D]", "[N, D]"), ("[N, D]", "[D]"), ("[N, 1]", "[1, D]"), ("", "")])
@pytest.mark.parametrize("expression", BINARY)
def test_binary_functions_broadcast(expression: str, shapes: tuple[str, str]) -> None:
    sizes = {"[N, D]": (3, 4), "[D]": (4,), "[N, 1]": (3, 1), "[1, D]": (1, 4), "": (3, 4)}
    x, y = array(*sizes[shapes[0]], seed=1), array(*sizes[shapes[1]], seed=2)
    declared = f"input x{shapes[0]}, y{shapes[1]}\n" if shapes[0] else ""
    hold(f"{declared}z = {expression}", {"x": x, "y": y}, lambda x, y: BINARY[expression](x, y))


# ---------------------------------------------------------------- kinks

KINKS = [
    ("abs(x)", [-1.0, 0.0, 1.0], [-1, 0, 1]),
    ("relu(x)", [-1.0, 0.0, 1.0], [0, 0, 1]),
    ("relu6(x)", [0.0, 1.0, 6.0, 7.0], [0, 1, 0, 0]),
    ("leaky_relu(x, 0.25)", [-1.0, 0.0, 1.0], [0.25, 0.25, 1]),
    ("elu(x, 3)", [0.0, 1.0], [3, 1]),
    ("celu(x, 3)", [0.0, 1.0], [1, 1]),
    ("hardtanh(x)", [-2.0, -1.0, 0.0, 1.0, 2.0], [0, 0, 1, 0, 0]),
    ("hardsigmoid(x)", [-3.0, 0.0, 3.0], [0, 1 / 6, 0]),
    ("hardswish(x)", [-4.0, -3.0, 0.0, 3.0, 4.0], [0, 0, 0.5, 1, 1]),
    ("clip(x, -1, 1)", [-2.0, -1.0, 0.0, 1.0, 2.0], [0, 1, 1, 1, 0]),
    ("clip(x, none, 1)", [0.0, 1.0, 2.0], [1, 1, 0]),
    ("clip(x, -1, none)", [-2.0, -1.0, 0.0], [0, 1, 1]),
    ("maximum(x, 0)", [-1.0, 0.0, 1.0], [0, 0.5, 1]),
    ("minimum(x, 0)", [-1.0, 0.0, 1.0], [1, 0.5, 0]),
    ("maximum(x, x)", [0.0, 1.0], [1, 1]),
    ("hypot(x, 0)", [0.0, 2.0], [0, 1]),
    ("x**0", [0.0, 2.0], [0, 0]),
    ("x**1", [0.0, 2.0], [1, 1]),
    ("x**2", [0.0, 2.0], [0, 4]),
    ("x**3", [0.0, 2.0], [0, 12]),
    ("x**1.5", [0.0, 4.0], [0, 3]),
    ("x**17", [0.0, 1.0], [0, 17]),
    ("where(x, 3, 4) * x", [0.0, 1.0], [4, 3]),
]


@pytest.mark.parametrize(("expression", "x", "gradient"), KINKS)
def test_kinks(expression: str, x: list[float], gradient: list[float]) -> None:
    module = compiled(f"input x[N]\nL = sum({expression})")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, gradients = module.value_and_grad(np.array(x))
    np.testing.assert_allclose(gradients["x"], gradient, rtol=1e-14)


def test_the_derivative_of_the_root_at_zero_is_infinite() -> None:
    module = compiled("input x[N]\nL = sum(sqrt(x))")
    with np.errstate(divide="ignore"):
        assert module.value_and_grad(np.zeros(1))[1]["x"][0] == np.inf


def test_powers_of_zero_have_finite_derivatives() -> None:
    module = compiled("input x[N], y[N]\nL = sum(x**y)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradients = module.value_and_grad(np.array([0.0, 0, 0, 2, 2]), np.array([0.0, 1, 2, 0, 1]))
    assert value == 4
    np.testing.assert_allclose(gradients["x"], [0, 1, 0, 0, 1])
    np.testing.assert_allclose(gradients["y"], [0, 0, 0, math.log(2), 2 * math.log(2)])


def test_contradicting_bounds_give_the_upper_one() -> None:
    module = compiled("input x[N], lo[], hi[]\nL = sum(clip(x, lo, hi))")
    value, gradients = module.value_and_grad(np.array([0.0, 1.5, 5.0]), 2.0, 1.0)
    assert value == 3
    assert (gradients["x"].tolist(), gradients["lo"], gradients["hi"]) == ([0, 0, 0], 0, 3)


# ---------------------------------------------------------------- far out

FAR = np.array([-1e3, -100.0, -40.0, 40.0, 100.0, 1e3])
ENDS: dict[str, tuple[float, float, float, float]] = {  # value at -1000 and 1000, derivative there
    "sigmoid(x)": (0, 1, 0, 0),
    "log_sigmoid(x)": (-1000, 0, 1, 0),
    "softplus(x)": (0, 1000, 0, 1),
    "silu(x)": (0, 1000, 0, 1),
    "mish(x)": (0, 1000, 0, 1),
    "gelu(x)": (0, 1000, 0, 1),
    'gelu(x, "tanh")': (0, 1000, 0, 1),
    "elu(x)": (-1, 1000, 0, 1),
    "celu(x, 0.5)": (-0.5, 1000, 0, 1),
    "selu(x)": (-1.7580993408473766, 1050.7009873554805, 0, 1.0507009873554805),
    "tanh(x)": (-1, 1, 0, 0),
    "erf(x)": (-1, 1, 0, 0),
    "logaddexp(x, 0)": (0, 1000, 0, 1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("expression", ENDS)
def test_no_overflow_at_either_end(expression: str, dtype: Any) -> None:
    module = compiled(f"input x[N]\ny = {expression}\nL = sum(y)\noutput L, y\nloss L")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs, gradients = module.value_and_grad(FAR.astype(dtype))
    low, high, rising, level = ENDS[expression]
    np.testing.assert_allclose(outputs.y[[0, -1]], [low, high], rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(gradients["x"][[0, -1]], [rising, level], rtol=1e-6, atol=1e-30)
    assert outputs.y.dtype == gradients["x"].dtype == dtype


def test_the_sigmoid_keeps_its_digits_where_it_is_small() -> None:
    x = np.linspace(-700, 40, 1000)
    y, _ = compiled("input x[N]\ny = sigmoid(x)").forward(x)
    np.testing.assert_allclose(y, scipy.special.expit(x), rtol=1e-15 * 4)


# ---------------------------------------------------------------- the error function


def _erf() -> Any:
    names: dict[str, Any] = {"np": np}
    exec(HELPERS["erf"], names)
    return names["erf"]


def test_erf_is_precise_everywhere() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20001), np.logspace(-300, 1, 5001), -np.logspace(-20, 1, 5001)])
    wanted = np.array([math.erf(v) for v in x])
    have = _erf()(x)
    np.testing.assert_allclose(have, wanted, rtol=1e-15, atol=0)
    assert np.max(np.abs(have - wanted)) <= 2.3e-16


def test_erf_keeps_shape_and_type() -> None:
    erf = _erf()
    for count in (1, 100):  # few entries and many
        special = erf(np.tile([0.0, -0.0, np.inf, -np.inf, np.nan], count))
        np.testing.assert_array_equal(special, np.tile([0, 0, 1, -1, np.nan], count))
        assert np.signbit(special[1]) and not np.signbit(special[0])
    single = array(2, 3, 4).astype(np.float32)
    assert erf(single.T).dtype == np.float32
    np.testing.assert_allclose(erf(single.T), scipy.special.erf(single.T), rtol=1e-6)
    assert erf(0.5) == pytest.approx(math.erf(0.5), rel=1e-15)
    assert erf(np.array([1, 2])).dtype == np.float64
    assert erf(np.zeros((0, 3))).shape == (0, 3)
    large = array(40001)
    np.testing.assert_allclose(erf(large), scipy.special.erf(large), rtol=1e-15)


# ---------------------------------------------------------------- the text


@pytest.mark.parametrize(("p", "text"), [
    (2, "x * x"), (3, "x * x * x"), (-1, "1 / x"), (-2, "1 / (x * x)"), (0.5, "np.sqrt(x)"), (-0.5, "1 / np.sqrt(x)"),
    (1.5, "x**1.5"), (40, "x**40"),
])  # fmt: skip
def test_powers_by_numbers(p: float, text: str) -> None:
    assert body(f"input x[N]\ny = x**({p})")[1] == f"y = {text}"


@pytest.mark.parametrize("p", range(-16, 17))
def test_whole_powers_are_products(p: int) -> None:
    text = f"input x[N]\ny = x**({p})"
    hold(text, {"x": POSITIVE[0]}, lambda x: x ** float(p), levels=(1,))
    assert not any("**" in line or "power" in line for line in body(text) + body(text, "backward"))


def test_relu_reads_as_an_expert_writes_it() -> None:
    assert body("input x[N, D]\ny = relu(x)")[1] == "y = np.maximum(x, 0)"


# ---------------------------------------------------------------- integers and plain numbers

INTEGERS = [
    "exp(i)", "sqrt(i)", "erf(i)", "i**0.5", "i**2.5", "i**(-1)", "i**(-2)", "2.5**i", "x**i", "sigmoid(i)", "gelu(i)",
    "softplus(i)", "elu(i)", "arctan2(i, x)", "hypot(i, i)", "logaddexp(i, 0)", "exp(i > 1)", "where(i > 1, 1.0, 0.0)",
    "where(i > 1, x, 0)", "where(i, x, i)", "clip(i, 0.5, 2)", "sign(i) * x", "abs(i > 1) * x", "sqrt(N) * x",
    "sqrt(N / 2) * x", "exp(-N) * x", "maximum(N, 2) * x", "erf(2) * x", "log(2.0) * x", "N**0.5 * x", "2**N * x",
    "x**N", "N**x", "gelu(0.5) * x", "sigmoid(N) * x", "norm(i)", "mean(i)", "std(i)", "logsumexp(i)", "softmax(i)",
]  # fmt: skip


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("expression", INTEGERS)
def test_integers_and_numbers_keep_single_precision(expression: str, level: int) -> None:
    module = compiled(f"input x[N], i[N]: int\ny = {expression}", level=level)
    x, i = np.array([0.5, 1.5, 2.5]), np.array([1, 2, 3])
    single, _ = module.forward(x.astype(np.float32), i)
    double, _ = module.forward(x, i)
    assert np.asarray(single).dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-6)


CHOSEN = [
    "where(t < 10, 0.1, 0.01) * x", "x - where(t < 10, 0.1, where(t < 20, 0.01, 1 / N)) * x",
    "x + where(t > 1, 1, 0.5)", "exp(-where(t < 10, 0.1, 0.01)) * x", "where(t > 1, 1.0, 2.0)**2 * x",
    "where(t > 1, 1, 0.5) * i + x",
    "(2 // where(t > 1, 0.0, 1.0)) * x", "(2 % where(t > 1, 0.0, 1.0)) * x", "x / where(t > 1, 0.0, 1.0)",
    "stop_gradient(where(t > 1, 1.0, 2.0)) * x", "x * (1 / where(t > 1, 0.0, 1.0))",
]  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("expression", CHOSEN)
def test_one_of_two_numbers_keeps_single_precision(expression: str, level: int) -> None:
    """Steps that get shorter, say: NumPy's choice would be of double precision, and so all that it meets."""
    text = f"input t[], i[N]: int\nparam x[N]\ny = {expression}\nL = sum(x * y)\noutput y, L\nloss L\nx <- x - 0.1 * y"
    module = graphc.load(text, level=level, verify=False)
    for t in (0.5, 15.0):
        given = {"t": np.array(t), "i": np.array([3, 1, 2]), "x": np.array([0.5, -1.5, 2.0])}
        given = {name: given[name] for name in (*module.INPUTS, *module.PARAMETERS)}
        with np.errstate(all="ignore"):
            double, both = module.value_and_grad(**given), module.step(**given)
            given = {n: v.astype(np.float32) if v.dtype == float else v for n, v in given.items()}
            single, new = module.value_and_grad(**given), module.step(**given)
        for have, want in ((single[0].y, double[0].y), (single[1]["x"], double[1]["x"]), (new["x"], both["x"])):
            assert (have.dtype, want.dtype) == (np.float32, np.float64)
            np.testing.assert_allclose(have, want, rtol=1e-6)


KINDS = [
    "clip(3, x, 5) * x", "clip(N, x, 2 * N) - x", "exp(-relu(relu(N))**2) * x", "exp(-maximum(N, 2)**2) * x",
    "exp(N > 2) * x", "tanh(true) * x + sigmoid(N > 5)", "where(N > 2, 0.1, 1) * x", "where(N > 2, 1, 2) * x / 3",
]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("expression", KINDS)
def test_numbers_and_truths_among_floats_keep_their_precision(expression: str, level: int) -> None:
    module = compiled(f"param x[N]\ny = {expression}\nL = sum(y)\noutput y, L\nloss L", level=level)
    x = np.array([0.5, -1.5, 2.5])
    double, wanted = module.value_and_grad(x)
    single, have = module.value_and_grad(x.astype(np.float32))
    for one, other in ((single.y, double.y), (have["x"], wanted["x"])):
        assert (one.dtype, other.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_functions_of_truth_values_have_all_digits(level: int) -> None:
    y, _ = compiled("input x[N]\ny = x * tanh(true) + exp(N > 2)", level=level).forward(X[0, :3])
    np.testing.assert_allclose(y, X[0, :3] * math.tanh(1) + math.e, rtol=1e-14)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_sign_stands_before_a_truth_value(level: int) -> None:
    """NumPy refuses it: -((a <= b) * c / N) is not written -(a <= b) * c / N."""
    text = "param x[N], v[N]\nz = exp(-where(x[-1] <= N, var(v), 2)**2)\nL = z * z\noutput L\nloss L"
    v = np.array([0.5, -0.5, 1.0])
    L, gradients = graphc.load(text, level=level).value_and_grad(X[0, :3], v)
    slope = -4 * L * v.var() * 2 * (v - v.mean()) / 3
    np.testing.assert_allclose(gradients["v"], slope, rtol=1e-12)


def test_one_of_two_numbers_is_written_as_python_does() -> None:
    text = "input t[]\nparam x[N]\nL = sum(x**3)\nx <- x - where(t < 10, 0.1, where(t < 20, 0.01, 1e-3)) * grad(L, x)"
    assert "0.1 if t < 10 else 0.01 if t < 20 else 0.001" in graphc.compile(text, verify=False)


@pytest.mark.parametrize(
    "expression", ["abs(i)", "sign(i)", "floor(i)", "square(i)", "relu(i)", "maximum(i, 2)", "i**3"]
)
def test_integers_stay_integers(expression: str) -> None:
    y, _ = compiled(f"input i[N]: int, x[N]\ny = {expression}\nz = x\noutput y").forward(np.array([1, 2, 3]), X[0, :3])
    assert y.dtype.kind == "i"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("program", "message"), [
    ('y = gelu(x, "erf")', '`approximate` of `gelu` is "erf"; it is "none" or "tanh"'),
    ("y = dropout(x, m, 1)", "`p` of `dropout` is 1; it is a probability"),
    ("y = dropout(x, m, p=-0.5)", "`p` of `dropout` is -0.5; it is a probability"),
    ("input x[N], y[D]\nz = maximum(x, y)", "shapes (N,) and (D,) do not broadcast"),
    ("input x[N], y[D]\nz = where(x > 0, x, y)", "shapes (N,) and (D,) do not broadcast"),
])  # fmt: skip
def test_refused(program: str, message: str) -> None:
    assert message in error_of(program)


def test_sums_and_products_of_booleans_are_booleans() -> None:
    """As in NumPy; differences, which NumPy refuses, are those of the numbers 0 and 1."""
    text = "input b[4]: bool, c[4]: bool\np = b + b\nq = b * c + c * b\nr = b - c\ns = -b\nt = 2 * b\nu = b * c * 1.0"
    b, c = np.array([True, True, False, False]), np.array([True, False, True, False])
    wanted = [b, b & c, b.astype(int) - c, -b.astype(int), 2 * b, (b & c) * 1.0]
    for level in (0, 1, 2):
        outputs, _ = compiled(text, level).forward(b, c)
        for have, want in zip(outputs, wanted, strict=True):
            assert have.dtype.kind == want.dtype.kind and np.array_equal(have, want)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_power_of_a_truth_value_alone(level: int) -> None:
    """Python's own True has no methods of arrays."""
    assert graphc.load("L = sum(True**2) + sum(False**3)", level=level).forward()[0] == 1


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("stop_gradient(x + 1) * b", lambda x, b: (x + 1) * b),
        ("b - stop_gradient(x - b)", lambda x, b: b - (x - b)),
        ("stop_gradient(-x)**2 * b", lambda x, b: x * x * b),
        ("stop_gradient(x - b)[1] * b", lambda x, b: (x - b)[1] * b),
        ("b / stop_gradient(x * 2)", lambda x, b: b / (x * 2)),
    ],
)
def test_what_lets_a_value_through_keeps_the_brackets_round_it(text: str, want: Callable[..., Any]) -> None:
    arguments = {"x": array(3), "b": array(3, seed=1)}
    hold(f"input x[N]\nparam b[N]\ny = {text}", arguments, want, levels=(0, 1, 2), gradient=False)


def test_the_root_of_a_size_is_a_number_of_python() -> None:
    """A call of NumPy takes ten times as long, and its number would have a type."""
    text = "input X[N, K]\nY = X / sqrt(K)"
    assert "K**0.5" in "\n".join(body(text))
    assert "np.sqrt(K - 3)" in "\n".join(body("input X[N, K]\nY = X / sqrt(K - 3)"))  # which may be negative
    for size in (1, 4):
        hold(text, {"X": array(3, size)}, lambda X: X / np.sqrt(X.shape[1]), levels=(0, 1, 2))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(("expression", "wanted"), [
    ("b**0 + b**0", [2, 2, 2]), ("b**1 + b", [2, 0, 2]), ("b**2 + b", [2, 0, 2]),  # powers count
    ("where(logical_not(i), 1, 2)", [1, 2, 2]), ("where(logical_not(x), 1, 2)", [2, 1, 2]),  # ~1 is -2
])  # fmt: skip
def test_truth_values_and_numbers_in_each_others_place(expression: str, wanted: list[int], level: int) -> None:
    text = f"input b[N]: bool, i[N]: int\nparam x[N]\nz = {expression}\nL = sum(x*z + 0*b*i)\noutput L, z\nloss L"
    module = compiled(text, level)
    given = {"b": np.array([True, False, True]), "i": np.array([0, 1, -2]), "x": np.array([1.5, 0, -1])}
    outputs, gradients = module.value_and_grad(**given)
    np.testing.assert_array_equal(outputs.z, wanted)
    np.testing.assert_array_equal(gradients["x"], wanted)
