"""The derivative by cases: where a branch is not taken there is nothing of it, whatever its derivative is there."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.passes import differentiate
from graphc.passes.branches import Branches
from ops.programs import array, body, compiled, hold

AROUND = np.array([-2.0, -0.75, 0.25, 0.5, 3.0, 0.0, 800.0, -800.0])


def _gradient(text: str, level: int, x: np.ndarray = AROUND) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(compiled(text, level).value_and_grad(x)[1]["x"])


def _expected(x: np.ndarray, slope: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.array([eval(slope, {"x": each, "np": np}) for each in x])


@pytest.mark.parametrize(("text", "slope"), [
    ("where(x > 0, sqrt(x), 0)", "0.5 / x**0.5 if x > 0 else 0"),
    ("where(x > 0, x * log(x), 0)", "np.log(x) + 1 if x > 0 else 0"),
    ("where(x > 0, x * log(x) + sqrt(x), x**2)", "np.log(x) + 1 + 0.5 / x**0.5 if x > 0 else 2 * x"),
    ("where(x > 0, x, exp(x) - 1)", "1 if x > 0 else np.exp(x)"),
    ("where(x > 0, x**(-0.5), 0)", "-0.5 * x**-1.5 if x > 0 else 0"),
    ("where(x > 0, silu(log(x)), relu(-x))",
     "(1 / (1 + 1 / x)) * (1 + np.log(x) / (1 + x)) / x if x > 0 else -1.0 * (x < 0)"),
    ("where(x == 0, 1, sin(x) / x)", "0 if x == 0 else np.cos(x) / x - np.sin(x) / x**2"),
    ("where(x < 50, log(1 + exp(x)), x)", "1 / (1 + np.exp(-x)) if x < 50 else 1"),
    ("where(abs(x) < 1, arccos(x), 2 * x)", "-1 / (1 - x**2)**0.5 if abs(x) < 1 else 2"),
    ("where(x > 0, where(x < 1, sqrt(x * (1 - x)), log(x)), 0)",
     "0 if x <= 0 else (0.5 - x) / (x * (1 - x))**0.5 if x < 1 else 1 / x"),
    ("where(x > 0, 1 / x, where(x < -1, sqrt(-x), x))",
     "-1 / x**2 if x > 0 else -0.5 / (-x)**0.5 if x < -1 else 1"),
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_derivative_by_cases(text: str, slope: str, level: int) -> None:
    np.testing.assert_allclose(_gradient(f"input x[N]\nL = sum({text})", level), _expected(AROUND, slope), rtol=1e-9)


def test_a_branch_of_several_statements() -> None:
    text = "input x[N]\nr = sqrt(x)\nh = r * 3 + x\nz = where(x > 0, h, -x)\nL = sum(z * z)"
    x = np.array([-2.0, 0.25, 4.0])
    for level in (0, 1, 2):
        np.testing.assert_allclose(_gradient(text, level, x), [-4, 2 * 1.75 * 4, 2 * 10 * 1.75], rtol=1e-12)


def test_a_value_of_a_branch_may_be_asked_for_itself() -> None:
    text = "input x[N]\nr = sqrt(x)\nL = sum(where(x > 0, 3 * r, x))"
    for level in (0, 1, 2):
        module = compiled(text, level, wrt=["r", "x"])
        with np.errstate(all="ignore"):
            gradients = module.value_and_grad(np.array([-4.0, 4.0]))[1]
        np.testing.assert_allclose(gradients["r"], [0, 3])
        np.testing.assert_allclose(gradients["x"], [1, 0.75])


def test_what_others_use_as_well_is_masked_before() -> None:
    """The root is needed everywhere, and so is its derivative."""
    text = "input x[N]\nr = sqrt(x)\nL = sum(where(x > 1, r, x)) + sum(r)"
    for level in (0, 1, 2):
        np.testing.assert_allclose(_gradient(text, level, np.array([0.25, 4.0])), [2, 0.5])


def test_along_axes_that_an_operand_lacks() -> None:
    text = "param X[N, D], n[N]\nL = sum(where(n[:, None] > 0, X / n[:, None], X * n[:, None])**2)"
    given = {"X": array(3, 4), "n": np.array([0.5, -2.0, 1.5])}
    hold(text, given)
    for level in (0, 1, 2):
        with np.errstate(all="ignore"):
            _, gradients = compiled(text, level).value_and_grad(X=given["X"], n=np.array([0.0, -2.0, 1.5]))
        assert all(np.isfinite(gradient).all() for gradient in gradients.values())


def test_a_root_of_what_the_condition_is_of_and_all_else_is_not() -> None:
    x, n = array(3, 4), np.array([0.25, -2.0, 4.0])
    for text in ("param x[N, D], n[N]\nm = n[:, None]\nL = sum(where(m > 0, x * sqrt(m), x))",
                 "m = n[:, None]\nL = sum(where(m > 0, x * sqrt(m), x))"):  # fmt: skip
        for level in (0, 1, 2):
            with np.errstate(invalid="ignore"):
                _, gradients = compiled(text, level).value_and_grad(x=x, n=n)
            expected = [0, 0, 0] + x.sum(axis=1) * np.array([1, 0, 0.25])
            np.testing.assert_allclose(gradients["n"], expected, rtol=1e-12)
            np.testing.assert_allclose(gradients["x"], np.array([0.5, 1, 2])[:, None] * np.ones((3, 4)))


def test_arguments_without_a_declaration() -> None:
    text = "L = sum(where(a > 0, sqrt(a) * b, b / a))"
    a, b = np.array([[-1.0, 4.0], [0.25, -2.0]]), np.array([1.0, 2.0])
    for level in (0, 1, 2):
        with np.errstate(invalid="ignore"):
            _, gradients = compiled(text, level).value_and_grad(a=a, b=b)
        np.testing.assert_allclose(gradients["a"], [[-1, 0.5], [1, -0.5]], rtol=1e-12)
        np.testing.assert_allclose(gradients["b"], [-0.5, 1.5], rtol=1e-12)


def test_a_branch_with_finite_derivatives_is_masked_by_a_product() -> None:
    text = "input x[N], y[N]\nL = sum(where(x > 0, x * y, y + 2))"
    assert not any("np.where" in line for line in body(text, "backward", 0))


@pytest.mark.parametrize("text", [
    "where(c, exp(x), x * y)", "where(c, sqrt(1 + x * x), exp(y)) * y",
    "where(c, where(x > y, exp(x), y), log(2 + y * y))",
    "where(c, exp(x), exp(x))", "where(c, x, exp(y - x)) + where(c, exp(y), x)",
])  # fmt: skip
def test_values_gradients_and_second_derivatives(text: str) -> None:
    given = {"x": array(3, 4), "y": array(3, 4, seed=1), "c": array(3, 4, seed=2) > 0}
    text = f"param x[N, D], y[N, D]\ninput c[N, D]: bool\nz = {text}\n"
    hold(text + "L = sum(z * z)", given, levels=(0, 1, 2))
    hold(text + "g = grad(sum(z * z), x)\nL = sum(g * g * y)", given, levels=(0, 1, 2))


def test_products_with_jacobian_and_hessian_and_their_gradients() -> None:
    """Of √x for positive x, else x²: along v the derivative is v / (2 √x), the second one -v / (4 x √x)."""
    text = "input x[N], v[N]\nf = where(x > 0, sqrt(x), x**2)\n"
    x, v = np.array([4.0, -3.0]), np.array([2.0, 5.0])
    for level in (0, 1, 2):
        with np.errstate(all="ignore"):
            value, gradients = compiled(text + "L = sum(jvp(f, x, v))", level).value_and_grad(x, v)
            np.testing.assert_allclose(value, 0.5 - 30)
            np.testing.assert_allclose(gradients["x"], [-2 / 32, 10])
            value, gradients = compiled(text + "L = sum(hvp(sum(f), x, v))", level).value_and_grad(x, v)
            np.testing.assert_allclose(value, -2 / 32 + 10)
            np.testing.assert_allclose(gradients["x"], [2 * 3 / (8 * 32), 0])
            np.testing.assert_allclose(gradients["v"], [-1 / 32, 2])


NARROW = ["L = sum(where(c, r, X)) + sum(where(c, r, b))", "L = sum(where(c, r, X)) + sum(where(c, r * r, b))",
          "L = sum(where(c, r, X) * X + where(c, r, b))", "L = sum(where(c, r * 2, X)**2)"]  # fmt: skip


@pytest.mark.parametrize("rest", NARROW)
def test_what_is_narrower_than_its_choices(rest: str) -> None:
    """Used twice, once in a wider array: contributions are summed before they meet."""
    for shape, b in (("D", [0.2, 2.0]), ("", 1.3), ("N, 1", [[0.2], [2.0], [1.5]])):
        text = f"param b[{shape}], X[N, D]\nc = b > 1\nr = exp(b)\n{rest}"
        hold(text, {"b": np.array(b), "X": array(3, 2)}, levels=(0, 1, 2))


def test_a_narrower_value_of_a_branch_asked_for_itself() -> None:
    text = "param b[D], X[N, D]\nc = b > 1\nr = exp(b)\nL = sum(where(c, r, X)) + sum(where(c, r, b))"
    for level in (0, 1, 2):
        _, gradients = compiled(text, level, wrt=["r"]).value_and_grad(b=np.array([0.2, 2.0]), X=array(3, 2))
        np.testing.assert_allclose(gradients["r"], [0, 4])
    text = "param b[D], X[N, D]\nr = sqrt(b)\nK = sum(where(b > 0, r, X) * X)\ng = grad(K, r)\nL = sum(g)"
    X = array(3, 2)
    value, _ = compiled(text).value_and_grad(b=np.array([0.5, 2.0]), X=X)
    np.testing.assert_allclose(value, X.sum())


@pytest.mark.parametrize("rest", [
    "L = sum(where(x > 0, r, 0)) + sum(where(x > 0, 2 * r, 0))", "L = sum(where(x > 0, r, 0) + where(0 < x, 0, x))",
])  # fmt: skip
def test_conditions_that_are_written_alike_are_one(rest: str) -> None:
    got = _gradient(f"input x[N]\nr = sqrt(x)\n{rest}", 0, np.array([-4.0, 4.0]))
    assert np.isfinite(got).all()


def test_masked_scores_are_multiplied_by_the_mask() -> None:
    """A size is no divisor that is 0 at some entries, and neither is a number at those of an array."""
    for scale in ("sqrt(D)", "D", "t"):
        scores = f"S = where(m, Q @ Q.T / {scale}, -1e9)"
        text = f"param Q[N, D], t[]\ninput m[N, N]: bool\n{scores}\nL = sum(softmax(S)**2 * t)"
        assert not any("np.where" in line for line in body(text, "backward"))


def test_what_only_enters_a_branch_is_multiplied_by_the_mask() -> None:
    text = "param x[N], y[N]\nL = sum(where(x > 0, exp(x), y))"
    [dx, dy] = [line for line in body(text, "backward", 0) if line.strip().startswith(("dx =", "dy ="))]
    assert "np.where" in dx + dy and "np.where" not in (dy if "dy =" in dy else dx)


@pytest.mark.parametrize("step", [
    "where(y > {n}, exp({z}) * x, x)", "where(x > 0, sqrt({z}), y)", "{z} + where(x > {n}, sqrt(x), y)",
])  # fmt: skip
def test_as_many_choices_take_as_much_work(step: str) -> None:
    """Uses of branches looked at, of twice and four times the choices."""
    asked = []
    for count in (40, 80, 160):
        lines = [f"z_{k + 1} = {step.format(z=f'z_{k}', n=k)}" for k in range(count)]
        calls = 0

        class Counted(Branches):
            def of_use(self, user: int, id: int) -> tuple[tuple[int, bool], ...]:
                nonlocal calls
                calls += 1
                return super().of_use(user, id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(differentiate, "Branches", Counted)
            program = "\n".join(["input x[N], y[N]", "z_0 = y", *lines, f"L = sum(z_{count})"])
            graphc.differentiate(graphc.parse(program))
        asked.append(calls)
    assert asked[1] <= 2.1 * asked[0] and asked[2] <= 2.1 * asked[1]


def test_a_rule_that_uses_its_own_values_often() -> None:
    """What is made of the cotangent is known of each value, not asked for again along every way."""
    steps = "; ".join(f"a{k + 1} = a{k} * a{k} + a{k}" for k in range(60))
    rule = f"rule s(v) -> y {{ a0 = v * 0; {steps}; dv = dy * (v > 0) * (1 + a60) }}"
    net = compiled(f"op s(v) = relu(v)\n{rule}\ninput x[N]\nL = sum(sqrt(s(x)))")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(net.value_and_grad(np.array([-1.0, 4.0]))[1]["x"], [0, 0.25])
