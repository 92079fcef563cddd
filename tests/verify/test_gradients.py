"""The check before anything is written: right gradients pass, wrong ones never, and doubt is said.

Modules are spoilt by hand, rules are wrong on purpose; the checker must name the variable, the rule and the line.
"""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Compiled, Options, compile_source
from graphc.verify.gradients import Report, verify
from graphc.verify.numerical import TOLERANCE, Slope, derivative, deviation, grain, kinked
from graphc.verify.program import Program
from graphc.verify.sampling import samples

CARD = "Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)"
MLP = "input X[N, D], y[N]: int\nparam W1[D, H], b1[H], W2[H, C], b2[C]\n" + CARD.replace("; ", "\n")


def compiled(text: str, level: int = 1, **options: Any) -> Compiled:
    return compile_source(Source(text), Options(level=level, **options))


def verified(
    text: str, level: int = 1, wrt: tuple[str, ...] | None = None, **more: Any
) -> tuple[Report, Diagnostics]:
    """The verification of a program's module as it is."""
    made = compiled(text, level, verify=False, wrt=wrt)
    diagnostics = Diagnostics()
    return verify(made.graph, made.module, diagnostics, **more), diagnostics


def spoilt(text: str, name: str, spoil: str, level: int = 1, **more: Any) -> tuple[Report, Diagnostics]:
    """The verification of a module whose `backward` spoils one gradient at the end; `g` is the gradient."""
    made = compiled(text, level, verify=False, **more)
    source, count = re.subn(
        r"^(    return )(grads if types is None else .*|grads)$",
        rf'    g = grads["{name}"] = np.array(grads["{name}"])\n    {spoil}\n\1\2',
        made.module, count=1, flags=re.MULTILINE,
    )  # fmt: skip
    if not count:  # `return {"W": …}` without a name for the dict
        source, count = re.subn(
            r"^    return (\{.*\}.*)$",
            rf'    grads = \1\n    g = grads["{name}"] = np.array(grads["{name}"])\n    {spoil}\n    return grads',
            made.module, count=1, flags=re.MULTILINE,
        )  # fmt: skip
    assert count == 1, f"backward ends otherwise:\n{made.module}"
    diagnostics = Diagnostics()
    return verify(made.graph, source, diagnostics), diagnostics


# ---------------------------------------------------------------- what is right passes


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("text", [CARD, MLP, "input x[N]\ny = tanh(x)\noutput y", "L = sum(log(a))", "L = logdet(A)"])
def test_right_gradients_pass(text: str, level: int) -> None:
    report, diagnostics = verified(text, level=level)
    assert report.ok
    assert not diagnostics.has_errors
    assert all(row.directions for row in report.rows)
    assert report.worst <= TOLERANCE


def test_every_variable_has_a_row() -> None:
    report, _ = verified(MLP)
    assert [row.name for row in report.rows] == ["W1", "b1", "W2", "b2"]
    assert report.rows[0].shape == "(D, H)"
    assert report.directions == sum(row.directions for row in report.rows)
    assert report.seconds > 0


def test_intermediate_values_are_checked_as_well() -> None:
    made = compiled(MLP, wrt=("S", "H", "W1"))
    assert made.report is not None
    assert [row.name for row in made.report.rows] == ["S", "H", "W1"]
    assert all(row.directions for row in made.report.rows)


def test_given_sizes_are_used() -> None:
    report, diagnostics = verified("input x[N, D]\nL = sum(tanh(x))", sizes={"N": 7, "D": 1})
    assert report.ok
    assert not diagnostics.has_errors


# ---------------------------------------------------------------- what is wrong does not


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
@pytest.mark.parametrize(
    "spoil", ["g *= 1.001", "g *= -1", "g += 1e-2", "g[...] = 0", "g.flat[0] += 0.1", "g[...] = g[..., ::-1]", "g *= 2"]
)
@pytest.mark.parametrize("level", [0, 1])
def test_a_spoilt_gradient_is_an_error_that_names_the_variable(name: str, spoil: str, level: int) -> None:
    report, diagnostics = spoilt(MLP, name, spoil, level)
    assert diagnostics.has_errors, f"{spoil} of {name} passed: {report}"
    assert f"`{name}`" in diagnostics.errors[0].message
    assert diagnostics.errors[0].code == "E0403"
    assert not next(row for row in report.rows if row.name == name).ok
    assert all(row.ok for row in report.rows if row.name != name)


# ---------------------------------------------------------------- many variables together, when time is short

DEEP = "\n".join([
    "input X[N, D]", "param W_{0:60}[D, D], b_{0:60}[D]", "h_{0} = X",
    "for k in 0:60 { h_{k+1} = tanh(h_{k} @ W_{k} + b_{k}) }", "L = sum(h_{60}**2)",
])  # fmt: skip
"""The gradients of the first weights are a million million times as small as those of the last."""

VANISHING = DEEP.replace("tanh(", "0.01 * tanh(")
"""The gradients of the first weights are smaller than any difference, whatever the weights are."""

LONG = "\n".join([
    "input X[N, D]", "param W_{0:300}[D, D], b_{0:300}[D]", "h_{0} = X",
    "for k in 0:300 { h_{k+1} = tanh(h_{k} @ W_{k} + b_{k}) }", "L = sum(h_{300}**2)",
])  # fmt: skip
"""At random weights the gradients of all but the last vanish."""

LONGER = {
    "layers": LONG.replace("300", "800"),
    "entries": LONG.replace("300", "800").replace("[D, D]", "[D]").replace("@", "*"),
    "undeclared": "\n".join(LONG.replace("300", "400").split("\n")[2:]),
    "residual": LONG.replace("300", "400").replace("= tanh(", "= h_{k} + tanh("),
    "convolutions": "\n".join([
        "input X[N, C, 4, 4]", "param W_{0:300}[C, C, 3, 3]", "h_{0} = X",
        "for k in 0:300 { h_{k+1} = relu(conv2d(h_{k}, W_{k}, padding=1)) }", "L = sum(h_{300}**2)",
    ]),
}  # fmt: skip
"""The longer the way is, the nearer must each step be to one that keeps values and gradients as large as they are."""


def test_variables_whose_gradients_differ_by_much_pass_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.verify.gradients.SECONDS", 0.0)
    report, diagnostics = verified(DEEP)
    assert report.ok, [row for row in report.rows if not row.ok]
    assert not diagnostics.has_errors
    assert all(row.directions for row in report.rows)


def test_what_no_numerical_derivative_sees_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.verify.gradients.SECONDS", 0.0)
    report, diagnostics = verified(VANISHING)
    assert report.ok and not diagnostics.has_errors
    assert all(row.directions for row in report.rows if int(row.name[2:]) >= 58)
    assert not any(row.directions for row in report.rows if int(row.name[2:]) < 40)
    unseen = [row.name for row in report.rows if not row.directions]
    assert len(diagnostics.warnings) == 1, "what no numerical derivative sees is said, and in one sentence"
    assert f"and {len(unseen) - 3} others were not checked" in diagnostics.warnings[0].message


@pytest.mark.parametrize("name", ["W_59", "b_58", "W_57"])
@pytest.mark.parametrize("spoil", ["g *= 1.01", "g *= -1", "g += 1e-2"])
def test_the_wrong_one_of_many_is_named(name: str, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.verify.gradients.SECONDS", 0.0)
    report, diagnostics = spoilt(DEEP, name, spoil)
    assert diagnostics.has_errors
    assert f"`{name}`" in diagnostics.errors[0].message
    assert [row.name for row in report.rows if not row.ok] == [name]


def noted_programs(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """The programs that are verified from now on."""
    programs: list[Program] = []

    class Noted(Program):
        def __init__(self, joint: Any, module: Any, compared: int) -> None:
            super().__init__(joint, module, compared)
            programs.append(self)

    monkeypatch.setattr("graphc.verify.gradients.Program", Noted)
    return programs


@pytest.mark.parametrize("kind", LONGER)
def test_of_a_large_program_every_variable_is_checked_in_few_evaluations(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A point is looked for at which no gradient vanishes."""
    programs = noted_programs(monkeypatch)
    monkeypatch.setattr("graphc.verify.gradients.SECONDS", 1000.0)
    report, diagnostics = verified(LONGER[kind])
    assert report.ok and not diagnostics.errors and not diagnostics.warnings
    assert all(row.directions for row in report.rows) and len(report.rows) >= 300
    assert programs[0].evaluations <= 15


def test_a_large_program_whose_gradients_vanish_everywhere_is_not_looked_at_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the best of several points two looks say as much as sixty: the gradient is 0, and so are the differences."""
    programs = noted_programs(monkeypatch)
    monkeypatch.setattr("graphc.verify.gradients.SECONDS", 1000.0)
    steps = "\n".join(f"z_{k + 1} = sigmoid(tanh(z_{k}) * 0.1)" for k in range(1000))
    report, diagnostics = verified(f"input X[N, D]\nz_0 = X * 1.5\n{steps}\nL = sum(z_1000)")
    assert report.ok and [warning.code for warning in diagnostics.warnings] == ["W0402"]
    assert not any(row.directions for row in report.rows)
    assert programs[0].evaluations <= 20


def test_gradients_that_are_all_zero_at_a_point_are_not_checked_there() -> None:
    """A value too small for a number is 0 whatever moves: that a gradient of 0 is right there says nothing."""
    text = LONG.replace("tanh(", "0.001 * tanh(")
    report, diagnostics = verified(text)
    assert report.ok and len(diagnostics.warnings) == 1
    assert not any(row.directions for row in report.rows if int(row.name[2:]) < 290)


@pytest.mark.parametrize("name", ["W_299", "b_150", "W_0"])
@pytest.mark.parametrize("spoil", ["g *= 1.01", "g *= -1"])
def test_the_wrong_one_of_a_large_program_is_named(name: str, spoil: str) -> None:
    report, diagnostics = spoilt(LONG, name, spoil)
    assert f"`{name}`" in diagnostics.errors[0].message
    assert [row.name for row in report.rows if not row.ok] == [name]


def test_a_gradient_of_the_wrong_shape_is_an_error() -> None:
    _, diagnostics = spoilt(MLP, "b1", 'grads["b1"] = g[None]')
    assert diagnostics.has_errors


def test_a_wrong_intermediate_gradient_is_an_error() -> None:
    _, diagnostics = spoilt(MLP, "H", "g *= 1.01", wrt=("H", "W1"))
    assert diagnostics.has_errors
    assert "`H`" in diagnostics.errors[0].message


def test_backward_that_fails_is_an_error_and_no_doubt() -> None:
    for spoil in ("g[99]", "undefined", "g @ g @ g @ np.ones(7)"):
        _, diagnostics = spoilt(MLP, "W1", spoil)
        assert diagnostics.has_errors, spoil


def test_a_gradient_that_is_not_finite_is_no_pass() -> None:
    report, diagnostics = spoilt(MLP, "W1", "g.flat[0] = np.nan")
    assert diagnostics.has_errors or diagnostics.warnings
    assert not report.rows[0].directions


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mistake_at_size_one_only_is_found(axis: int) -> None:
    """Of every dimension a size of 1 is among the samples."""
    _, diagnostics = spoilt("input x[N, D]\nL = sum(x * x)", "x", f"g *= 3 if g.shape[{axis}] == 1 else 1")
    assert diagnostics.has_errors


# ---------------------------------------------------------------- rules of the program's own

RIGHT = (
    "op f(x, w) = tanh(x) * w\nrule f(x, w) -> y {{ dx = {dx};  dw = {dw} }}\n"
    "input x[N, D], w[D]\nL = sum(f(x, w)**2)\n"
)
GOOD_X, GOOD_W = "dy * w * (1 - tanh(x)**2)", "dy * tanh(x)"


def own(dx: str = GOOD_X, dw: str = GOOD_W) -> str:
    return RIGHT.format(dx=dx, dw=dw)


def test_a_right_rule_of_ones_own_passes() -> None:
    report = compiled(own()).report
    assert report is not None and report.ok


@pytest.mark.parametrize(
    ("dx", "dw", "wrong"),
    [
        ("-dy * w * (1 - tanh(x)**2)", GOOD_W, "x"),
        ("dy * w * (1 + tanh(x)**2)", GOOD_W, "x"),
        ("dy * w", GOOD_W, "x"),
        ("1.0001 * dy * w * (1 - tanh(x)**2)", GOOD_W, "x"),
        (GOOD_X, "dy * x", "w"),
        (GOOD_X, "2 * dy * tanh(x)", "w"),
        (GOOD_X, "dy", "w"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_a_wrong_rule_of_ones_own_is_an_error_at_its_line(dx: str, dw: str, wrong: str, used: bool) -> None:
    text = own(dx, dw)
    if not used:
        text = text.replace("L = sum(f(x, w)**2)", "L = sum(x * w)")
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text)
    assert "E0304" in str(caught.value)
    assert f"`{wrong}`" in caught.value.message
    assert caught.value.line == 2


@pytest.mark.parametrize(("body", "said"), [
    ("dx = 3*x*x", "a contribution is `dy`, the gradient of the result, times the derivative"),
    ("dx = 2*dy*x*x", None),
    ("g = 2*dy; dx = g*x*x", None),
])  # fmt: skip
def test_a_derivative_without_the_cotangent_is_told(body: str, said: str | None) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"op cube(x) = x*x*x; rule cube(x) -> y {{ {body} }}; L = sum(cube(x))")
    assert caught.value.errors[0].help == said


@pytest.mark.parametrize("second", ["f(x, k=3)", "f(w, k=3)"])
def test_a_rule_is_checked_as_each_use_needs_it(second: str) -> None:
    """Also where the whole program's gradients hardly depend on it."""
    text = "op f(x, *, k) = x * k\nrule f(x, *, k) -> y { dx = 2 * dy }\nparam x[N, D], w[D]\n"
    text += f"L = sum(f(x, k=2)**2) + sum(w**2) + 1e-9 * sum({second})"
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text)
    assert "E0304" in str(caught.value) and caught.value.line == 2


def test_a_size_may_be_a_compile_time_argument_of_ones_own_operation() -> None:
    """The check of the rule has numbers for it, those that the operands' sizes have: it fell over a name."""
    text = "op scaled(x, *, by) = x * by\nrule scaled(x, *, by) -> y { dx = dy * by }\n"
    text += "op turned(x, *, to) = reshape(x, to)\nrule turned(x, *, to) -> y { dx = reshape(dy, shape(x)) }\n"
    text += "param x[N, D]\nL = sum(sin(scaled(x, by=2*D - 1)) * turned(turned(x, to=(D, N)), to=(N, -1)))"
    module, x = graphc.load(text), np.arange(6.0).reshape(2, 3)
    L, gradients = module.value_and_grad(x)
    np.testing.assert_allclose(L, (np.sin(5 * x) * x).sum())
    np.testing.assert_allclose(gradients["x"], 5 * np.cos(5 * x) * x + np.sin(5 * x))
    with pytest.raises(graphc.GraphcError, match="the rule of `scaled` gives a wrong gradient"):
        graphc.load(text.replace("dy * by", "dy * (by + 1)"))


def test_none_for_an_operand_that_has_a_gradient_is_found_where_it_is_used() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(own(dx="none"))
    assert "`x`" in str(caught.value)
    assert "by this line of the rule of `f`" in str(caught.value)
    assert "bug in graphc" not in str(caught.value)


def test_none_for_an_operand_whose_gradient_nobody_wants_is_right() -> None:
    text = "op masked(x, m) = x*m\nrule masked(x, m) -> y { dx = dy*m; dm = none }\n"
    report = compiled(text + "input m[n]\nparam x[n]\nL = sum(masked(x, m)**2)").report
    assert report is not None and report.ok and report.directions


@pytest.mark.parametrize("text", [
    "param x[n]\nL = sum(stop_gradient(x) * x)",
    "op rounded(x) = x + stop_gradient(round(x) - x)\nrule rounded(x) -> y { dx = dy }\nL = sum(rounded(x)**2)",
    "param x[n]\ns = stop_gradient(x * x)\nL = sum(s * x)\nP = sum(grad(L, x) * x)\nloss P",
])  # fmt: skip
def test_what_gradients_do_not_flow_through_stands_still(text: str) -> None:
    report, diagnostics = verified(text)
    assert report.ok and report.rows[0].directions and not diagnostics.warnings
    report, diagnostics = spoilt(text, "x", "g *= 1.001")
    assert diagnostics.has_errors


def test_a_narrow_contribution_is_an_error() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(own(dx="sum(dy)"))
    assert "E0303" in str(caught.value)


def test_a_missing_line_is_an_error() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(own().replace(";  dw = dy * tanh(x)", ""))
    assert "E0302" in str(caught.value)


def test_without_verification_it_compiles() -> None:
    assert "def backward" in graphc.compile(own(dx="-dy * w"), verify=False)


# ---------------------------------------------------------------- doubt


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("input x[3]\nL = sum(sin(1e13 * x))", "two step sizes give different numerical derivatives"),
        ("input x[3]\nL = sum(log(-x**2 - 1))", "`L` is not finite at the sampled points"),
        ("input x[3]\ny = log(-exp(x))", "`y` is not finite at the sampled points"),
        ("input x[3]\nL = sqrt(sum(0 * x))", "it is not finite at the sampled points"),
        (
            "input x[3]\nL = sum(x) + 1e14",
            "it is so small beside the value that a numerical derivative is all rounding",
        ),
        ("input x[3, 3]\nL = sum(inv(0 * x))", "the program refuses the sampled arguments (Singular matrix)"),
        ("input x[N - 9, 5 - N], y[N]\nloss L\nL = sum(x)", "no sizes were found that fit the program"),
        ("input x[10000, 10000]\nL = sum(x)", "its arrays are too large to be sampled"),
    ],
)
def test_what_cannot_be_checked_is_a_warning_that_says_why(text: str, why: str) -> None:
    made = compiled(text, wrt=("x",))
    assert made.report is not None and not made.report.directions
    assert [w.code for w in made.warnings.warnings] == ["W0402"]
    assert made.warnings.warnings[0].message == f"the gradient of `x` was not checked: {why}"
    assert not made.warnings.has_errors


def test_a_gradient_that_is_not_finite_keeps_no_other_from_being_checked() -> None:
    report, diagnostics = verified("param x[n], w[n]\nL = sqrt(sum(0 * x)) + sum(w**2)")
    assert [(row.name, row.directions > 0) for row in report.rows] == [("x", False), ("w", True)]
    assert len(diagnostics.warnings) == 1


@pytest.mark.parametrize(
    ("definition", "dx", "why"),
    [
        ("sin(1e13 * x)", "dy * 1e13 * cos(1e13 * x)", "for `x`, two step sizes give different numerical derivatives"),
        ("log(-exp(x))", "dy", "for `x`, no difference of two values near the sampled points is finite"),
        ("sqrt(x)", "dy / (x - x)", "for `x`, it is not finite at the sampled points"),
        ("inv(0 * eye(2)) @ x", "dy", "Singular matrix"),
        ("x[..., 5:9] @ eye(4)", "pad(dy, ((0, 0), (5, 0)))", "no shape of the operands that was tried fits"),
    ],
)
def test_a_rule_that_cannot_be_checked_is_a_warning_that_says_why(definition: str, dx: str, why: str) -> None:
    made = compiled(f"op f(x) = {definition}\nrule f(x) -> y {{ dx = {dx} }}\nparam x\nL = sum(x)")
    assert [w.message for w in made.warnings.warnings] == [f"the rule of `f` was not checked: {why}"]


# ---------------------------------------------------------------- the numerical derivative


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (lambda t: math.exp(2 * t), 2.0), (lambda t: t**3 + 5 * t, 5.0), (lambda t: 7.0, 0.0),
        (lambda t: math.sin(1e5 * t), 1e5), (lambda t: 1e9 + t, 1.0), (lambda t: 1e-9 * t, 1e-9),
        (lambda t: abs(t + 0.1), 1.0), (lambda t: abs(t + 1e-4), 1.0),
    ],
)  # fmt: skip
def test_derivative(function: Any, want: float) -> None:
    slope = derivative(function)
    err = abs(slope.value - want)
    assert err <= max(1e-5 * abs(want), slope.error)
    assert deviation(want, slope, abs(want)) <= TOLERANCE or math.isnan(deviation(want, slope, abs(want)))


@pytest.mark.parametrize(
    ("function", "most"),
    [(lambda t: math.exp(2 * t), 4), (lambda t: 5 * t, 4), (lambda t: 7.0, 16), (lambda t: 1.0 + 1e-7 * t, 12),
     (lambda t: math.sin(1e5 * t), 24), (lambda t: 1e9 * math.sin(1e9 * t), 24)],
)  # fmt: skip
def test_few_values_are_enough(function: Any, most: int) -> None:
    seen: list[float] = []

    def noted(t: float) -> float:
        seen.append(t)
        return float(function(t))

    derivative(noted)
    assert len(seen) <= most


def test_the_step_suits_the_function() -> None:
    """Where a function is flat beside its value rounding drowns a small step; where it is steep a large one is wrong.
    """
    flat, steep = (derivative(f) for f in (lambda t: 1.0 + 1e-7 * math.sin(t), lambda t: math.sin(1e4 * t)))
    assert abs(flat.value - 1e-7) <= 1e-12 and not flat.rough
    assert abs(steep.value - 1e4) <= 1e-1 and not steep.rough


def test_the_estimate_covers_the_error() -> None:
    for rate in (0.3, 1.0, 5.0, 40.0, 300.0):
        slope = derivative(lambda t, rate=rate: math.exp(rate * t))
        assert abs(slope.value - rate) <= max(10 * slope.error, 1e-12 * rate), rate


@pytest.mark.parametrize("function", [lambda t: float(t > 0), lambda t: math.nan, lambda t: 0.0 if t < 0 else math.inf])
def test_a_jump_or_nothing_says_nothing_against_a_gradient(function: Any) -> None:
    off = deviation(0.5, derivative(function), 0.5)
    assert math.isnan(off) or off <= TOLERANCE


def test_stairs_that_a_large_step_sees_as_a_ramp_have_no_slope() -> None:
    slope = derivative(lambda t: 1e3 + math.floor(4e3 * t + 0.5))
    assert deviation(0.0, slope, 0.0) == 0.0
    compiled("param x[4], y[2, 1, 4]\nz = x // y")  # one y is small


def test_a_sum_of_numbers_that_cancel_is_as_coarse_as_they_are() -> None:
    """Its value says nothing of that. What bends is not coarse, nor is a kink."""
    coarse = lambda t: (1e4 + 1e-6 * math.sin(t)) - 1e4  # noqa: E731
    assert 1e-13 <= grain(coarse) <= 1e-11
    assert abs(derivative(coarse).value - 1e-6) > 1e3 * derivative(coarse).error, "as if it were as fine as it is small"
    slope = derivative(coarse, coarse=grain(coarse))
    assert abs(slope.value - 1e-6) <= slope.error
    for smooth in (math.exp, lambda t: math.sin(30 * t), lambda t: t**3):
        assert grain(smooth) <= 1e-15
    for kink in (abs, lambda t: max(t, 0.0), lambda t: abs(t - 1e-5)):
        assert grain(kink) == 0


ORDINAL = """\
input X[N, D]
param w[D], c[3]
t = cumsum(concatenate((c[0:1], exp(c[1:])), axis=0))
q = sigmoid(t[None, :] - (X@w)[:, None])
p = q[:, 1:] - q[:, :-1]
L = -sum(log(p))
"""


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_stairs_within_are_no_kink(seed: int) -> None:
    """Of two probabilities that are nearly 1 the difference has few digits, and its logarithm is all steps."""
    report, diagnostics = verified(ORDINAL, seed=seed)
    assert report.ok and not diagnostics.has_errors


SATURATED = "input x[N, D]\nparam w_{0:20}[D, D]\nL = sum(tanh(" + " + ".join(f"x@w_{k}" for k in range(20)) + "))"


def test_a_loss_of_saturated_values_is_checked() -> None:
    """Ones of both signs, which cancel, and between them what has a gradient."""
    report, diagnostics = verified(SATURATED)
    assert report.ok and not diagnostics.has_errors
    assert all(row.directions for row in report.rows)
    report, diagnostics = spoilt(SATURATED, "w_4", "g *= 1.001")
    assert not report.ok and "`w_4`" in diagnostics.errors[0].message


def test_deviation() -> None:
    exact = Slope(2.0, 0.0, False)
    assert deviation(2.0, exact, 2.0) == 0.0
    assert deviation(2.1, exact, 2.0) == pytest.approx(0.1 / 2.1)
    assert deviation(-2.0, exact, 2.0) == 2.0
    assert math.isnan(deviation(2.0, Slope(2.0, 1e-3, False), 2.0))
    assert math.isnan(deviation(math.nan, exact, 2.0))
    assert math.isnan(deviation(3.0, Slope(2.0, 0.0, True), 2.0))
    assert math.isnan(deviation(1e-20, Slope(0.0, 0.0, False), 1e-20)), "any gradient so small would pass"
    assert deviation(0.0, Slope(0.0, 1e-9, False), 0.0) == 0.0


# ---------------------------------------------------------------- samples


def test_samples_have_distinct_sizes_and_sizes_of_one() -> None:
    graph = graphc.differentiate(graphc.parse("input X[N, D], W[D, H]\nL = sum(tanh(X @ W))"))
    drawn = [sample for _, sample in zip(range(8), samples(graph, 0), strict=False)]
    shapes = [{name: np.shape(value) for name, value in sample.items()} for sample in drawn]
    assert any(1 in s["X"] or 1 in s["W"] for s in shapes)
    assert any(len({*s["X"], *s["W"]}) == 3 for s in shapes)
    assert all(s["X"][1] == s["W"][0] for s in shapes)


@pytest.mark.parametrize("text", [
    # each divides a gradient by four at least: its argument has to be four times as steep, and near 0
    "input x[N, D]\nparam W_{0:90}[D, D], b_{0:90}[D]\nz_0 = x\n"
    "for k in 0:90 { z_{k+1} = sigmoid(z_{k}@W_{k} + b_{k}) }\nL = sum(z_90)",
    # of n shares near 1 / n each divides a gradient by n: its argument has to be n times as steep
    "input x[N, D]\nparam W_{0:90}[D, D]\nz_0 = x\n"
    "for k in 0:90 { z_{k+1} = softmax(z_{k}@W_{k}) }\nL = sum(z_90**2)",
], ids=["sigmoids", "softmaxes"])  # fmt: skip
def test_gradients_of_a_long_chain_do_not_vanish_at_every_point(text: str) -> None:
    report, diagnostics = verified(text)
    assert report.ok and not diagnostics.has_errors
    assert all(row.directions for row in report.rows)
    report, _ = spoilt(text, "W_3", "g *= 1.01")
    assert not report.ok


def test_undeclared_sizes_that_must_agree_do() -> None:
    """Else few samples fit, and those that do come from whatever domain was the turn: where tanh has no slope."""
    text = "L = sum(tanh(x0 @ w0) + tanh(x1 @ w1) + tanh(x2 @ w2))"
    report, _ = verified(text)
    assert report.ok and report.worst > 0
    report, _ = spoilt(text, "w1", "g *= 1.01")
    assert not report.ok


def test_values_beside_which_1_is_rounding_say_nothing_against_a_rule() -> None:
    """With x of 1e17 `y + s * (1 - y)` is 0, and not 1."""
    text = (
        "op swish(x) = x * sigmoid(x)\nrule swish(x) -> y { dx = dy * (y + sigmoid(x) * (1 - y)) }\n"
        "input x[N, D]\nparam W[D, D]\nz_0 = x\nfor k in 0:40 { z_{k+1} = swish(z_{k} @ W) }\nL = sum(z_40)"
    )
    report, diagnostics = verified(text)
    assert report.ok and report.rows[0].directions and not diagnostics.has_errors
    report, _ = spoilt(text, "W", "g *= 1.01")
    assert not report.ok


def test_samples_are_the_same_every_time() -> None:
    graph = graphc.differentiate(graphc.parse("input X[N, D]\nL = sum(X)"))
    first, second = (next(iter(samples(graph, 3))) for _ in range(2))
    np.testing.assert_array_equal(first["X"], second["X"])


def test_an_undeclared_argument_takes_every_shape_that_fits() -> None:
    graph = graphc.differentiate(graphc.parse("input X[N, D]\nL = sum(tanh(X + b))"))
    shapes = set()
    for _, sample in zip(range(24), samples(graph, 0), strict=False):
        n, d = sample["X"].shape
        shapes.add(tuple("N" if s == n else "D" if s == d else str(s) for s in sample["b"].shape) if n != d else None)
    assert {("D",), ("1",), ()} <= shapes or {("D",), ()} <= shapes


def test_a_value_inside_a_program_with_a_derivative_along_a_direction() -> None:
    """What the transposition of the transpose leaves behind has no value, and nothing asks for one."""
    text = "input x[N]\nparam W[N, N]\nv = W @ x\nL = sum(jvp(tanh(v), x, x)**2)\noutput L"
    graphc.compile(text, wrt=["W", "v"])


@pytest.mark.parametrize("function", ["sigmoid", "square"])
def test_a_check_of_a_large_program_ends_with_what_it_has(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock by which an evaluation takes a fifth of a second: where gradients vanish or explode at all points,
    no more of them are made than in three seconds."""
    made = 0
    evaluate = Program._forward

    def counted(program: Program, sample: Any) -> Any:
        nonlocal made
        made += 1
        return evaluate(program, sample)

    monkeypatch.setattr(Program, "_forward", counted)
    monkeypatch.setattr("graphc.verify.gradients.time.thread_time", lambda: made / 5)
    n = 900
    report = compile_source(Source(
        f"input x[N, D]\nparam W_{{0:{n}}}[D, D], b_{{0:{n}}}[D]\nz_0 = x\n"
        f"for k in 0:{n} {{ z_{{k+1}} = {function}(z_{{k}} @ W_{{k}} + b_{{k}}) }}\nL = sum(z_{n})\n"
    ), Options()).report  # fmt: skip
    assert report is not None and 5 <= made <= 15
    assert all(row.directions or row.doubts for row in report.rows), "what was not checked has a reason"


def test_a_rule_may_use_a_product_with_a_jacobian() -> None:
    """What that is derived from is dead code, which has no cotangent."""
    text = """op twice(x) = 2 * tanh(x)
rule twice(x) -> y { dx = dy * jvp(2 * tanh(x), x, ones_like(x)) }
param x[n]
L = sum(twice(x)**2)"""
    report, diagnostics = verified(text)
    assert report.ok and not diagnostics.has_errors and report.rows[0].directions
    with pytest.raises(graphc.GraphcError, match="gives a wrong gradient for `x`"):
        graphc.compile(text.replace("jvp(2", "jvp(3"))


def test_the_least_of_equal_numbers_has_a_kink() -> None:
    """Its gradient is shared, and differences see another one: that is no mistake, and nothing checked."""
    report, diagnostics = verified("param x[n]\nz = stack((tanh(x), tanh(x), tanh(x)))\nL = min(z)", wrt=("z",))
    assert report.ok and not diagnostics.has_errors and not report.rows[0].directions
    assert "`z` was not checked: the value has a kink" in diagnostics.warnings[0].message


@pytest.mark.parametrize(("f", "has_one"), [
    (lambda t: abs(t), True), (lambda t: min(t, 3 * t) + t**2, True), (lambda t: np.sin(t), False),
    (lambda t: np.exp(20 * t), False), (lambda t: abs(t - 1e-2), False), (lambda t: abs(t)**1.5 + t, False),
])  # fmt: skip
def test_kinks(f: Any, has_one: bool) -> None:
    assert kinked(f, 1.0) == has_one


@pytest.mark.parametrize("text", [
    "L = sum(x, axis=2)", "L = sum(x[0, 0, 0])", "L = sum(x[:, :, 1]**2)", "L = sum(softmax(x, axis=3)**2)",
    "L = sum(sum(x, axis=-3) * y)", "L = sum(x, axis=5)",
])  # fmt: skip
def test_an_argument_that_needs_more_than_two_axes_is_checked(text: str) -> None:
    """Such a program refuses the matrices that are tried first."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "def backward(" in graphc.compile(text)
