"""Derivatives as values of a program: against closed forms, against numerical derivatives, to third order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.dims import numel
from graphc.ir.graph import Graph
from graphc.ops.table import names
from graphc.pipeline import optimise
from ops.cases import Case, cases
from ops.programs import array, body, compiled, error_of, hold

LEVELS = (0, 1)


def optimised(text: str) -> Graph:
    """The program's own graph, without the gradients of its outputs, as it is emitted."""
    return optimise(graphc.parse(text), 1)


def value(text: str, name: str, arguments: Mapping[str, Any], level: int = 1) -> Any:
    """One value of a program."""
    outputs, _ = compiled(f"{text}\noutput {name}", level).forward(**arguments)
    return np.asarray(outputs)


def differences(function: Callable[[Any], Any], x: Any, step: float = 1e-3) -> Any:
    """The Jacobian by central differences of sixth order: the shape of the result, then that of x."""
    x = np.asarray(x, dtype=float)
    columns = []
    for place in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[place] = step
        parts = [w * (function(x + k * unit) - function(x - k * unit)) for k, w in ((1, 45), (2, -9), (3, 1))]
        columns.append(sum(parts) / (60 * step))
    result = np.asarray(function(x))
    return np.stack(columns, axis=-1).reshape((*result.shape, *x.shape))


# ---------------------------------------------------------------- Jacobians: closed forms

X, Y, Z = array(3, 2), array(2, 2, seed=1), array(3, 2, seed=2)


def test_derivation_d2_the_jacobian_of_a_summand_is_the_identity_tensor() -> None:
    text = "input x[3, 2], y[2, 2], z[3, 2]\ny1 = x@y + z\nJ = jacobian(y1, z)"
    for level in LEVELS:
        J = value(text, "J", {"x": X, "y": Y, "z": Z}, level)
        np.testing.assert_array_equal(J, np.eye(6).reshape(3, 2, 3, 2))
    assert body(text + "\noutput J")[1] == "J = np.eye(6, dtype=x.dtype).reshape(3, 2, 3, 2)"


def test_jacobians_of_a_product_of_matrices() -> None:
    text = "input x[N, D], y[D, H]\nz = x@y\nA = jacobian(z, x)\nB = jacobian(z, y)"
    x, y = array(4, 3), array(3, 2)
    for level in LEVELS:
        A, B = value(text, "A", {"x": x, "y": y}, level), value(text, "B", {"x": x, "y": y}, level)
        np.testing.assert_allclose(A, np.einsum("nm,dh->nhmd", np.eye(4), y), rtol=1e-14)
        np.testing.assert_allclose(B, np.einsum("nd,hk->nhdk", x, np.eye(2)), rtol=1e-14)


@pytest.mark.parametrize(("function", "derivative"), [
    ("sigmoid", lambda z: np.exp(-z) / (1 + np.exp(-z))**2),
    ("relu", lambda z: 1.0 * (z > 0)),
    ("tanh", lambda z: 1 / np.cosh(z)**2),
])  # fmt: skip
def test_derivations_c4_c5_the_jacobian_of_an_activation_is_diagonal(
    function: str, derivative: Callable[[Any], Any]
) -> None:
    z = array(5)
    for level in LEVELS:
        J = value(f"input z[n]\ny = {function}(z)\nJ = jacobian(y, z)", "J", {"z": z}, level)
        np.testing.assert_allclose(J, np.diag(derivative(z)), rtol=1e-14)


def test_the_jacobian_of_relu_at_zero_is_zero() -> None:
    J = value("input z[n]\nJ = jacobian(relu(z), z)", "J", {"z": np.zeros(2)})
    np.testing.assert_array_equal(J, np.zeros((2, 2)))


def test_the_jacobian_of_softmax() -> None:
    s = array(4)
    p = np.exp(s) / np.exp(s).sum()
    for level in LEVELS:
        J = value("input s[C]\nJ = jacobian(softmax(s), s)", "J", {"s": s}, level)
        np.testing.assert_allclose(J, np.diag(p) - np.outer(p, p), rtol=1e-12)


def test_the_hessian_of_a_quadratic_form() -> None:
    A, x = array(4, 4), array(4)
    for level in LEVELS:
        H = value("input A[n, n], x[n]\nH = hessian(quadratic(x, A, x), x)", "H", {"A": A, "x": x}, level)
        np.testing.assert_allclose(H, A + A.T, rtol=1e-14)


def test_the_shape_is_that_of_the_value_then_that_of_the_variable() -> None:
    text = "input x[2, 3], s[]\ny = sum(x, axis=0) * s\nL = sum(y)"
    arguments = {"x": X.reshape(2, 3), "s": np.array(0.5)}
    shapes = {
        "jacobian(y, x)": (3, 2, 3), "jacobian(y, s)": (3,), "jacobian(L, x)": (2, 3), "jacobian(L, s)": (),
        "hessian(L, x)": (2, 3, 2, 3), "hessian(L, s)": (), "jacobian(x, x)": (2, 3, 2, 3), "jacobian(s, x)": (2, 3),
    }  # fmt: skip
    for call, shape in shapes.items():
        for level in LEVELS:
            assert value(f"{text}\nJ = {call}", "J", arguments, level).shape == shape, call


# ---------------------------------------------------------------- by rows or by columns


@pytest.mark.parametrize(("text", "units"), [
    ("input x[5]\ny = x[0:2]**2", 2),
    ("input x[2]\ny = concatenate([x, x**2, x])", 2),
    ("input x[N, 3]\ny = sum(x, axis=0)", 3),
    ("input x[N, D], W[D, H]\ny = sum(x @ W, axis=0)", "H"),
    ("input x[D], W[D, H]\ny = outer(x, x) @ W", "D"),
])  # fmt: skip
def test_the_fewer_of_rows_and_columns_are_computed(text: str, units: int | str) -> None:
    graph = optimised(f"{text}\nJ = jacobian(y, x)\noutput J")
    sizes = [str(node.attr("n")) for node in graph if node.op == "eye"]
    assert sizes == [str(units)]


def test_a_jacobian_is_straight_numpy() -> None:
    text = "input x[D], W[D, H]\ny = tanh(x @ W)\nJ = jacobian(y, W)\noutput J"
    source = graphc.compile(text, verify=False)
    forward = source[source.index("def forward") : source.index("def backward")]
    assert not re.search(r"\b(for|while|vectorize|apply_along_axis)\b", forward)


# ---------------------------------------------------------------- Jacobians and Hessians: numerically

PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "layer": ("Y = tanh(x @ W + b)", {"x": array(2, 3), "W": array(3, 2), "b": array(2)}),
    "two layers": ("Y = softmax(relu(x @ W) @ V)", {"x": array(2, 3), "W": array(3, 2), "V": array(2, 2)}),
    "losses": ("Y = softmax_ce(x, y, reduction=\"none\") * mse(x, W)",
               {"x": array(3, 2), "y": np.array([1, 0, 1]), "W": array(3, 2, seed=4)}),
    "margins": ("Y = svm_loss(x, y, reduction=\"none\")**2", {"x": array(3, 3), "y": np.array([1, 0, 2])}),
    "reductions": ("Y = mean(x, axis=1) * logsumexp(x, axis=0)[0] + max(x) - var(x, axis=1) + norm(x)",
                   {"x": array(2, 3)}),
    "running": ("Y = cumsum(cumprod(x)) * prod(x)", {"x": array(4)}),
    "indexing": ("Y = x[i, :2] * x[0, 1:3] + x[::-1, ::-2]", {"x": array(2, 3), "i": np.array([1, 1])}),
    "joining": ("Y = concatenate([x.T @ x, pad(x, ((1, 0), (0, 0))), stack([x[0], roll(x[1], 1)])])",
                {"x": array(2, 3)}),
    "linear algebra": ("Y = solve(A, b) * det(A) + inv(A)[0]", {"A": array(3, 3) + 3 * np.eye(3), "b": array(3)}),
    "diagonals": ("Y = diag(A) * trace(A) + diag(diag(x))[0:2] @ tril(A)[:, 0:2].T @ x[0:2]",
                  {"A": array(3, 3)[:2, :2], "x": array(2)}),
    "normalisation": ("Y = layer_norm(x, gamma, b)", {"x": array(2, 3), "gamma": array(3), "b": array(3, seed=2)}),
    "attention": ("Y = attention(x, K, V)", {"x": array(2, 2), "K": array(3, 2), "V": array(3, 2, seed=1)}),
    "bilinear": ("Y = bilinear(x, y, A)", {"x": array(2, 3), "y": array(2, 2), "A": array(2, 3, 2)}),
    "broadcasting": ("Y = x / sum(x, axis=1, keepdims=true) * s + W",
                     {"x": array(2, 3), "s": np.array(0.7), "W": array(3)}),
}  # fmt: skip


def _declared(arguments: Mapping[str, Any]) -> str:
    kinds = {"i": ": int", "f": ""}
    return "".join(f"input {n}{list(np.shape(v))}{kinds[np.asarray(v).dtype.kind]}\n" for n, v in arguments.items())


def _floating(arguments: Mapping[str, Any]) -> list[str]:
    return [name for name, v in arguments.items() if np.asarray(v).dtype.kind == "f"]


def _of(module: ModuleType, arguments: Mapping[str, Any], variable: str) -> Callable[[Any], Any]:
    """The one output of a module as a function of one argument."""
    return lambda x: module.forward(**{**arguments, variable: x})[0]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("level", LEVELS)
def test_jacobians_agree_with_differences(name: str, level: int) -> None:
    text, arguments = PROGRAMS[name]
    plain = compiled(_declared(arguments) + text + "\noutput Y", 0)
    for variable in _floating(arguments):
        program = f"{_declared(arguments)}{text}\nJ = jacobian(Y, {variable})"
        wanted = differences(_of(plain, arguments, variable), arguments[variable])
        have = value(program, "J", arguments, level)
        assert have.shape == wanted.shape
        np.testing.assert_allclose(have, wanted, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_hessians_agree_with_differences_of_gradients(name: str) -> None:
    text, arguments = PROGRAMS[name]
    program = f"{_declared(arguments)}{text}\nL = sum(Y**2)"
    for variable in _floating(arguments):
        gradient = compiled(f"{program}\ng = grad(L, {variable})\noutput g", 0)
        wanted = differences(_of(gradient, arguments, variable), arguments[variable])
        for level in LEVELS:
            have = value(f"{program}\nH = hessian(L, {variable})", "H", arguments, level)
            assert have.shape == wanted.shape
            np.testing.assert_allclose(have, wanted, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_products_agree_with_the_jacobian_and_the_hessian(name: str) -> None:
    text, arguments = PROGRAMS[name]
    rng = np.random.default_rng(8)
    for variable in _floating(arguments):
        x = np.asarray(arguments[variable])
        program = _declared({**arguments, "v": x}) + text + "\nL = sum(Y**2)\n"
        given = {**arguments, "v": rng.standard_normal(x.shape)}
        J = value(program + f"J = jacobian(Y, {variable})", "J", given)
        H = value(program + f"H = hessian(L, {variable})", "H", given)
        v = given["v"].ravel()
        left = rng.standard_normal(J.shape[: J.ndim - x.ndim])
        for level in LEVELS:
            pushed = value(program + f"t = jvp(Y, {variable}, v)", "t", given, level)
            np.testing.assert_allclose(pushed.ravel(), J.reshape(-1, v.size) @ v, rtol=1e-9, atol=1e-10)
            turned = value(program + f"h = hvp(L, {variable}, v)", "h", given, level)
            np.testing.assert_allclose(turned.ravel(), H.reshape(-1, v.size) @ v, rtol=1e-9, atol=1e-10)
            pulling = _declared({**arguments, "u": left}) + text + f"\ng = vjp(Y, {variable}, u)"
            pulled = value(pulling, "g", {**arguments, "u": left}, level)
            np.testing.assert_allclose(pulled.ravel(), left.ravel() @ J.reshape(-1, v.size), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("text", ["Y = x**3", "Y = sin(x) * w", "Y = tanh(x) / (w + x**2)", "Y = exp(x[::-1]) * x"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_products_without_declarations(text: str, level: int) -> None:
    """The rank is open, and so the result keeps asking for shapes when the module runs."""
    for shape in ((3,), (2, 3), (1, 2)):
        arguments = {"x": array(*shape), "v": array(*shape, seed=5), "w": array(*shape, seed=7)}
        for product in ("t = jvp(Y, x, v)", "t = hvp(sum(Y), x, v)", "t = hvp(sum(Y**2), x, v)"):
            program = f"{text}\n{product}\noutput t"
            free = compiled(program, level)
            given = {name: value for name, value in arguments.items() if name in free.INPUTS}
            (have, cache), (want, kept) = free.forward(**given), compiled(_declared(given) + program).forward(**given)
            np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-12)
            gradients, wanted = free.backward(cache, want), compiled(_declared(given) + program).backward(kept, want)
            for name, gradient in wanted.items():
                np.testing.assert_allclose(gradients[name], gradient, rtol=1e-10, atol=1e-10)


# ---------------------------------------------------------------- differentiable again

AGAIN = {
    "jacobian of a layer": ("J = jacobian(tanh(x @ W), W)", {"x": array(2, 2), "W": array(2, 3)}),
    "jacobian of a softmax by columns": ("J = jacobian(softmax(x @ W), x)", {"x": array(2), "W": array(2, 3)}),
    "entry of a jacobian": ("J = jacobian(exp(x @ W), W)\nG = grad(J[0, 1, 0, 1], W)",
                            {"x": array(2, 2), "W": array(2, 2)}),
    "jacobian of a jacobian": ("J = jacobian(jacobian(x**3 * sum(x), x), x)", {"x": array(3)}),
    "jacobian of a gradient": ("J = jacobian(grad(sum(tanh(x @ W)**2), x), W)", {"x": array(2), "W": array(2, 2)}),
    "hessian of a loss": ("H = hessian(softmax_ce(x @ W, y), W)",
                          {"x": array(3, 2), "W": array(2, 2), "y": np.array([1, 0, 1])}),
    "gradient along a hessian": ("g = grad(sum(hessian(sum(sin(x) * exp(x[::-1])), x)**2), x)", {"x": array(3)}),
    "third order": ("g = grad(sum(grad(sum(grad(sum(sigmoid(x)**2), x)**2), x)**2), x)", {"x": array(3)}),
    "product of a hessian": ("h = hvp(sum(tanh(x @ W)**2), W, W)", {"x": array(2, 2), "W": array(2, 2)}),
    "third order forward": ("t = jvp(jvp(jvp(exp(x) * x, x, v), x, v), x, v)", {"x": array(3), "v": array(3, seed=5)}),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAIN)
def test_derivatives_are_values_with_gradients(name: str) -> None:
    text, arguments = AGAIN[name]
    hold(_declared(arguments) + text, arguments, rtol=1e-6, step=1e-3)


def test_the_third_derivative_of_a_power() -> None:
    text = "input x[]\na = grad(x**4, x)\nb = grad(a, x)\nc = grad(b, x)\nd = grad(c, x)"
    x = np.array(1.3)
    for level in LEVELS:
        have = np.array([float(value(text, name, {"x": x}, level)) for name in "abcd"])
        np.testing.assert_allclose(have, np.array([4 * x**3, 12 * x**2, 24 * x, 24.0]), rtol=1e-14)


def test_the_third_derivatives_of_a_product_of_exponentials() -> None:
    a, x = array(3), array(3, seed=3)
    text = "input a[3], x[3]\nL = exp(sum(a * x))\nT = jacobian(hessian(L, x), x)"
    for level in LEVELS:
        T = value(text, "T", {"a": a, "x": x}, level)
        np.testing.assert_allclose(T, np.exp(a @ x) * np.einsum("i,j,k->ijk", a, a, a), rtol=1e-13)


def test_the_product_with_a_hessian_builds_none() -> None:
    text = "input x[N, D], v[D, H]\nparam W[D, H]\nL = sum(tanh(x @ W)**2)\nh = hvp(L, W, v)\noutput h"
    graph = optimised(text)
    largest = max(numel(node.type.dims).evaluate({"N": 10, "D": 100, "H": 100}) for node in graph)
    assert largest == 100 * 100
    assert not any(node.op == "eye" for node in graph)


# ---------------------------------------------------------------- where things come together


def test_several_gradients_of_one_loss_share_their_reverse_pass() -> None:
    net = """
    input x[N, D]
    param W_{0:6}[D, D]
    z_{0} = x
    for k in 0:6 { z_{k+1} = tanh(z_{k} @ W_{k}) }
    L = sum(z_6)
    """
    plain = len(graphc.parse(net))
    first = len(graphc.parse(net + "g = grad(L, W_0)"))
    every = "\n".join(f"g_{k} = grad(L, W_{k})" for k in range(6))
    together = len(graphc.parse(net + every))
    assert first - plain > 6 * 6
    assert together == first, "the reverse pass down to the first weight makes all the others on its way"


def test_a_value_that_is_not_reached_has_zeros() -> None:
    text = "input x[2, 3], y[3]\nL = sum(x)\n"
    arguments = {"x": X.reshape(2, 3), "y": array(3)}
    calls = {"grad(L, y)": (3,), "jacobian(2 * x, y)": (2, 3, 3), "hessian(L, y)": (3, 3), "jvp(x, y, y)": (2, 3),
             "vjp(x, y, x)": (3,), "hvp(L, x, x)": (2, 3), "jacobian(floor(y), y)": (3, 3)}  # fmt: skip
    for call, shape in calls.items():
        for level in LEVELS:
            np.testing.assert_array_equal(value(f"{text}J = {call}", "J", arguments, level), np.zeros(shape))


def test_derivatives_with_respect_to_an_intermediate_value() -> None:
    text = "input x[3]\nh = x**2\ny = sin(h) + x\nL = sum(y)\n"
    x = array(3)
    for level in LEVELS:
        np.testing.assert_allclose(value(text + "g = grad(L, h)", "g", {"x": x}, level), np.cos(x**2), rtol=1e-14)
        J = value(text + "J = jacobian(y, h)", "J", {"x": x}, level)
        np.testing.assert_allclose(J, np.diag(np.cos(x**2)), rtol=1e-14)
        # nothing leads from x to x but x itself: the two uses of it are one variable
        np.testing.assert_allclose(value(text + "J = jacobian(y, x)", "J", {"x": x}, level),
                                   np.diag(2 * x * np.cos(x**2) + 1), rtol=1e-14)  # fmt: skip


def test_a_variable_that_is_used_twice_adds_up() -> None:
    x = array(3)
    J = value("input x[3]\ny = x * x[::-1] + x\nJ = jacobian(y, x)", "J", {"x": x})
    np.testing.assert_allclose(J, differences(lambda v: v * v[::-1] + v, x), rtol=1e-9, atol=1e-10)


def test_derivatives_inside_functions_and_loops() -> None:
    text = """
    def slope(x) { y = sin(x); return grad(sum(y), x) }
    def newton(x) = x - slope(x) / grad(sum(slope(x)), x)
    input x_0[3]
    for k in 0:3 { x_{k+1} = newton(x_{k}) }
    J = jacobian(slope(x_0), x_0)
    """
    x = np.array([1.2, 1.7, 1.4])
    for level in LEVELS:
        wanted = x
        for _ in range(3):
            wanted = wanted + np.cos(wanted) / np.sin(wanted)
        np.testing.assert_allclose(value(text, "x_3", {"x_0": x}, level), wanted, rtol=1e-13)
        np.testing.assert_allclose(value(text, "J", {"x_0": x}, level), np.diag(-np.sin(x)), rtol=1e-14)


def test_newton_steps_update_by_the_hessian() -> None:
    text = """
    input A[n, n], b[n]
    param x[n]
    L = quadratic(x, A, x) / 2 - b @ x
    x <- x - solve(hessian(L, x), grad(L, x))
    """
    A, b, x = array(3, 3), array(3), array(3, seed=9)
    A = A @ A.T + np.eye(3)
    for level in LEVELS:
        new = compiled(text, level).step(A=A, b=b, x=x)["x"]
        np.testing.assert_allclose(new, np.linalg.solve(A, b), rtol=1e-10)


def test_sizes_that_were_not_declared() -> None:
    text = "Y = tanh(x @ W)\nJ = jacobian(Y, W)"
    x, W = array(2, 3), array(3, 2)
    J = value(text, "J", {"x": x, "W": W})
    np.testing.assert_allclose(J, differences(lambda v: np.tanh(x @ v), W), rtol=1e-8, atol=1e-9)


def test_float32_stays_float32() -> None:
    text = "input x[N, D]\nparam W[D, H]\nJ = jacobian(sigmoid(x @ W), W)\nT = hessian(sum(sin(W)), W)"
    outputs, _ = compiled(text).forward(array(2, 3).astype(np.float32), array(3, 2).astype(np.float32))
    assert [part.dtype for part in outputs] == [np.float32, np.float32]


@pytest.mark.parametrize("v", ["2", "-2.5", "n", "true", "[3, 1, 2]", "m", "x > 0", "k"])
def test_a_cotangent_or_a_direction_is_any_number(v: str) -> None:
    """Nothing is differentiated by it: numbers, sizes, lists, masks and integers are taken as floating numbers."""
    program = f"""
        input x[3], m[3]: bool, k[3]: int, w[n]
        const c = [1, 2, 3]
        y = c * x**2
        r = vjp(y, x, {v}); f = jvp(y, x, {v}); h = hvp(sum(y * x), x, {v})
    """
    x, m, k, n = array(3), np.array([True, False, True]), np.array([2, 0, -1]), 4
    at = np.asarray(eval(v, {"x": x, "m": m, "k": k, "n": n, "true": True}), float)
    c = np.array([1, 2, 3])
    given = {"x": x, "m": m, "k": k, "w": array(n)}
    for name, want in {"r": 2 * c * x * at, "f": 2 * c * x * at, "h": 6 * c * x * at}.items():
        np.testing.assert_allclose(value(program, name, given), want, err_msg=name)


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(("text", "wanted"), [
    ("y = u * 2\nJ = jacobian(y, u)", ["rank of `u` is not known", "input u[N, D]"]),
    ("input x[3]\nz = x * sum(u)\nJ = jacobian(z, u)", ["rank of `u` is not known", "input u[N, D]"]),
    ("input x[3]\nv = u * w\ng = grad(v, u)", ["is not known here", "declare its shape"]),
    ("input x[3]\ng = grad(x, x)", ["`grad` differentiates a scalar, and this is (3,)", "vjp(Y, X, v)"]),
    ("input x[3]\nh = hessian(x, x)", ["`hessian` differentiates a scalar"]),
    ("input x[3]\nh = hvp(x, x, x)", ["`hvp` differentiates a scalar"]),
    ("input i[3]: int, x[3]\nJ = jacobian(x, i)", ["`i` holds integers, which have no gradient"]),
    ("input x[3]\nJ = jacobian(x)", ["`jacobian` takes 2 arguments, not 1", "jacobian(Y, X)"]),
    ("input x[3]\nJ = hessian(sum(x), 2)", ["`hessian` works on values of the program"]),
    ("input x[3]\ny = vjp(x, x, (x, x))", ["`vjp` works on values of the program", "one at a time: `vjp(Y, X, v)`"]),
    ("input x[3]\ny = jvp(x, x, [1, 2])", ["takes an array of the shape of `x`, (3,)", "this is (2,)"]),
    ("input x[3]\nJ = jacobian(x, x, axis=0)", ["`jacobian` has no keyword arguments"]),
])  # fmt: skip
def test_mistakes_are_named(text: str, wanted: list[str]) -> None:
    message = error_of(text)
    for part in wanted:
        assert part in message


OPEN = {  # what has a shape of its own although those on its way have none that is known
    "z = sum(x[:])": lambda x: x.sum(),
    "z = sum(mean(x, axis=-1))": lambda x: x.mean(axis=-1).sum(),
    "y = x[::-1]\nz = broadcast_to(y, (2, 3))": lambda x: np.broadcast_to(x[::-1], (2, 3)),
    "y = x/sum(x)\nz = sum(y*sin(x))": lambda x: (x / x.sum() * np.sin(x)).sum(),
    "z = sum(softmax(x[...], axis=-1)**2)": lambda x: ((np.exp(x) / np.exp(x).sum())**2).sum(),
    "y = maximum(x, 0.5)\nz = sum(y[None]*x)": lambda x: (np.maximum(x, 0.5) * x).sum(),
}


@pytest.mark.parametrize("text", OPEN)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_direction_through_values_of_unknown_rank(text: str, level: int) -> None:
    x, v = array(3), array(3) - 0.3
    function, h = OPEN[text], 1e-6
    want = (function(x + h * v) - function(x - h * v)) / (2 * h)
    assert np.abs(value(f"{text}\nt = jvp(z, x, v)", "t", {"x": x, "v": v}, level) - want).max() <= 1e-7
    again = f"{text}\nt = jvp(z, x, v)\ns = sum(t)\nr = jvp(s, x, v)"
    second = ((function(x + h * v) + function(x - h * v) - 2 * function(x)) / h**2).sum()
    assert abs(value(again, "r", {"x": x, "v": v}, level) - second) <= 2e-3


ALONG = [
    "jvp(X.T, X, v)", "jvp(cumsum(X, axis=0), X, v)", "jvp(X[1:], X, v)", "jvp(X[[1, 0]], X, v)", "jvp(X @ X.T, X, v)",
    "jvp(softmax(X), X, v)", "jvp(concatenate([X, 2*X]), X, v)", "jvp(logsumexp(X, axis=0), X, v)", "jvp(X, X, v)",
    "jvp(layer_norm(X, ones(m), zeros(m)), X, v)", "jvp(split(X, 2, axis=1)[0], X, v)", "hvp(sum(X.T @ X), X, v)",
    "vjp(pad(X, 1)[1:-1, 1:-1], X, v)", "vjp(flip(X), X, v)", "vjp(cumsum(X, axis=0), X, v)",
    "hvp(sum(conv2d(reshape(X, (1, 1, n, m)), K)**2), X, v)", "jvp(reshape(X, (m, n)), X, v)",
]  # fmt: skip


@pytest.mark.parametrize("derivative", ALONG)
def test_a_direction_that_is_undeclared_or_narrower(derivative: str) -> None:
    """It has the shape of what moves along it, or is spread to that before a rule sees it."""
    text = f"param X[n, m]\nconst K = [[[[1, -1], [2, 0.5]]]]\nh = {derivative}"
    X, v = array(3, 4), array(3, 4, seed=2)
    net = compiled(f"input v[n, m]\n{text}")
    assert np.array_equal(compiled(text).forward(X=X, v=v)[0], net.forward(X=X, v=v)[0])
    with pytest.raises(ValueError, match="argument v"):
        compiled(text).forward(X=X, v=v[:, :2])
    for shape, narrow in {"m": v[0], "1, m": v[:1], "n, 1": v[:, :1], "": v[0, 0]}.items():
        for level in (0, 1, 2) if shape == "m" else (1,):
            made = compiled(f"input v[{shape}]\n{text}", level)
            want, _ = net.forward(X=X, v=np.broadcast_to(narrow, X.shape))
            np.testing.assert_allclose(made.forward(X=X, v=narrow)[0], want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", ["hvp(sum(conv2d(x, w)**3), w, v)", "jvp(conv2d(x, w, none, 2, 1), x, v)",
                                  "vjp(conv2d(x, w), w, v)", "hvp(sum(avg_pool2d(x, 2)**3), x, v)"])  # fmt: skip
def test_an_undeclared_direction_of_a_convolution(text: str) -> None:
    net = compiled(f"param x[N, C, H, W], w[O, C, 3, 3]\nh = {text}")
    x, w = array(2, 3, 6, 6), array(4, 3, 3, 3)
    whole = np.ones((2, 4, 4, 4)) if text.startswith("vjp") else np.ones_like(x if ", x, v" in text else w)
    wanted = net.forward(x=x, w=w, v=2 * whole)[0]
    for narrow in (2 * whole[:1, :1], np.array(2.0)):
        np.testing.assert_allclose(net.forward(x=x, w=w, v=narrow)[0], wanted, rtol=1e-12, atol=1e-12)


def test_a_direction_that_is_made_of_undeclared_arguments() -> None:
    net = compiled("param X[n, m]\nh = jvp(X.T, X, u * v)")
    X, v = array(3, 4), array(4)
    assert np.array_equal(net.forward(X, np.array(2.0), v)[0], np.broadcast_to(2 * v, (3, 4)).T)
    with pytest.raises(ValueError, match="broadcast"):
        net.forward(X, np.array(2.0), array(5, 3, 4))


@pytest.mark.parametrize("product", ["vjp(x**2, x, c)", "jvp(x**2, x, c)", "hvp(sum(x**3)/3, x, c)"])
def test_an_undeclared_direction_may_be_narrower(product: str) -> None:
    net, x = compiled(f"param x[n, m]\nr = {product}"), array(2, 3)
    for c in (np.array(2.0), array(3), array(2, 1), array(2, 3)):
        np.testing.assert_allclose(net.forward(x=x, c=c)[0], 2 * x * c, rtol=1e-12)


@pytest.mark.parametrize("text", [
    "param x[n, m], W[m, k]\ny = v@W\nh = jvp(x@W, x, v)", "param x[n, n]\nh = jvp(inv(x), x, inv(v))",
    "param x[n, n]\nh = hvp(logdet(x), x, v@v)", "param x[n, m]\nh = vjp(x@x.T, x, v@v)",
    "param x[n, n]\nh = jvp(x@x, x, v.T)",
])  # fmt: skip
def test_a_direction_whose_sizes_are_open_is_asked_at_run_time(text: str) -> None:
    net = compiled(text)
    given = {name: array(3, 3) + np.eye(3) for name in ("x", "W", "v") if name in net.forward.__code__.co_varnames[:3]}
    value, _ = net.forward(**given)
    assert np.all(np.isfinite(value if isinstance(value, np.ndarray) else value[-1]))


def test_a_direction_of_what_is_undeclared() -> None:
    x, v = array(2, 3), array(3)
    slope = np.cos(x) * x + np.sin(x)
    np.testing.assert_allclose(compiled("input v[m]\nh = jvp(sin(x)*x, x, v)").forward(x=x, v=v)[0], slope * v)
    np.testing.assert_allclose(compiled("h = jvp(sin(x)*x, x, 2)").forward(x=x)[0], slope * 2)


def test_an_undeclared_loss_is_a_number() -> None:
    assert float(value("g = grad(u, u)", "g", {"u": np.array(0.3)})) == 1.0
    with pytest.raises(ValueError, match="u"):
        compiled("g = grad(u, u)").forward(u=np.ones(3))


def test_products_want_vectors_of_the_right_shape() -> None:
    for shape in ("2", "2, 3", "1, 3"):
        for text, column in {"jvp(x**2, x, v)": 18, "vjp(x**2, x, v)": 18, "hvp(sum(x**2), x, v)": 23}.items():
            with pytest.raises(graphc.GraphcError) as caught:
                graphc.compile(f"input x[3], v[{shape}]\nt = {text}")
            error = caught.value.errors[0]
            assert (caught.value.line, caught.value.column) == (2, column) and "(3,)" in error.message, error
            assert error.label == f"this is ({shape}{',' * (shape == '2')})"
    declared = "input W[D, H], v[N, D]\nt = jvp(tanh(x @ W), x, v)"
    given = {"x": array(4, 3), "W": array(3, 2), "v": array(4, 3, seed=3)}
    want = (1 - np.tanh(given["x"] @ given["W"]) ** 2) * (given["v"] @ given["W"])
    np.testing.assert_allclose(value(declared, "t", given), want)


# ---------------------------------------------------------------- every operation


def _units(shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    return np.eye(count).reshape(count, *shape)


def _small(name: str) -> list[Case]:
    """A few cases of an operation with results and arguments that are not empty and not large."""
    given = [
        case for case in cases(name)
        if all(0 < np.size(v) <= 24 for v in case.arguments.values()) and _floating(case.arguments)
    ]  # fmt: skip
    return given[:: max(1, len(given) // 4)]


@pytest.mark.parametrize("name", names())
def test_the_jacobian_of_every_operation_is_its_rule_row_by_row(name: str) -> None:
    for case in _small(name):
        graph = graphc.parse(case.text())
        result, id = next(iter(graph.outputs.items()))
        if not graph[id].type.is_float:
            continue
        plain = compiled(f"{case.text()}output {result}", wrt=_floating(case.arguments))
        y, cache = plain.forward(**case.arguments)
        rows = [plain.backward(cache, unit) for unit in _units(np.shape(y))]
        for variable in _floating(case.arguments):
            x = np.asarray(case.arguments[variable])
            wanted = np.reshape([row[variable] for row in rows], np.shape(y) + x.shape)
            for level in LEVELS:
                have = value(f"{case.text()}J = jacobian({result}, {variable})", "J", case.arguments, level)
                assert have.shape == wanted.shape, f"{case}: {variable}"
                np.testing.assert_allclose(have, wanted, rtol=1e-9, atol=1e-11, err_msg=f"{case}: {variable}, {level}")
