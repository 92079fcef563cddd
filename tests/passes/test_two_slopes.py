"""The larger and the smaller of two multiples of one array: which are replaced, the numbers, and the work."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from counting import entrywise_calls
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.two_slopes import by_slope

HEAD = "param x[N]\ninput y[N]\n"


def is_replaced(text: str) -> bool:
    graph = eliminate_dead_code(by_slope(graphc.parse(HEAD + text))[0])
    return not any(node.op in ("maximum", "minimum") for node in graph)


@pytest.mark.parametrize("expression", [
    "maximum(0.9 * x, -0.1 * x)", "maximum((0.9 - 1) * x, 0.9 * x)", "minimum(x * 2, x)", "maximum(x, 0.1 * x)",
    "maximum(x, 1e-6 * x)", "maximum(-x, x)", "minimum(-x, 0.5 * x)", "maximum(2 * (x * y), x * y)",
    "maximum(-3 * x, -0.5 * x)",
])  # fmt: skip
def test_two_multiples_of_one_array_are_replaced(expression: str) -> None:
    text = f"{HEAD}m = {expression}\nL = sum(m * m * y) + sum(m)"
    assert is_replaced(f"m = {expression}\nL = sum(m * m)")
    literal, pure, fast = (graphc.load(text, level=level) for level in (0, 1, 2))
    x = np.concatenate([np.linspace(-2, 2, 9), [0.0, 0.0], np.random.default_rng(0).standard_normal(20)])
    given = {"x": x, "y": np.cos(x)}
    want = literal.value_and_grad(**given)
    for have in pure.value_and_grad(**given), fast.value_and_grad(**given, workspace=fast.Workspace(**given)):
        assert abs(want[0] - have[0]) <= 1e-12 * max(1, abs(want[0]))
        np.testing.assert_allclose(have[1]["x"], want[1]["x"], rtol=1e-12, atol=1e-12)  # at 0 too, where they tie


@pytest.mark.parametrize("expression", [
    "maximum(x, 0 * x)", "maximum(x, 0)", "maximum(2 * x, 2 * x)", "maximum(2 * x, y)", "maximum(y * x, x)",
    "maximum(2 * x, x + 1)", "maximum(x[0], 2 * x)",
])  # fmt: skip
def test_all_others_stay(expression: str) -> None:
    assert not is_replaced(f"L = sum({expression})")


def test_a_named_multiple_stays_where_it_is_asked_for() -> None:
    text = HEAD + "up = 0.9 * x\nm = maximum(up, -0.1 * x)\nL = sum(m * y)\noutput up, L\nloss L"
    module = graphc.load(text, level=2)
    x = np.array([1.0, -2.0, 0.0])
    assert np.array_equal(module.forward(x, np.ones(3))[0].up, 0.9 * x)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("expression", ["maximum(x, 0.01 * x)", "minimum(x, -3 * x)"])
def test_the_value_itself_is_what_it_was(expression: str, level: int) -> None:
    """To the last bit: only the derivative is that of the sum."""
    module = graphc.load(f"{HEAD}m = {expression}\nL = sum(m * y)\noutput m, L\nloss L", level=level)
    x = np.random.default_rng(0).standard_normal(50).astype("f")
    with np.errstate(all="raise"):
        m = module.forward(x, np.ones_like(x))[0].m
    assert np.array_equal(m, np.maximum(x, 0.01 * x) if "max" in expression else np.minimum(x, -3 * x))


@pytest.mark.parametrize("wrt", [["up"], ["down", "x"], ["twin"], ["m"], ["other", "m"]])
def test_what_a_gradient_is_asked_of_stays_apart(wrt: list[str]) -> None:
    """A multiple of which one is asked for is used by the choice, and of two equal values each has its own."""
    text = HEAD + (
        "up = 0.9 * x\ndown = -0.1 * x\ntwin = tanh(x)\nother = tanh(x)\nm = maximum(0.7 * x, -0.2 * x)\n"
        "L = sum(maximum(up, down) * y) + sum(twin * other * twin) + sum(m)"
    )
    x, y = np.array([1.0, -2.0, 0.0]), np.array([1.0, 2.0, 3.0])
    want, *others = (graphc.load(text, level=level, wrt=wrt).value_and_grad(x, y)[1] for level in (0, 1, 2))
    for have in others:
        for name in wrt:
            np.testing.assert_allclose(have[name], want[name], rtol=1e-12)


@pytest.mark.parametrize("choice", ["maximum(0.9 * r, -0.1 * r)", "minimum(r, 0.1 * r)", "maximum(-2 * r, 2 * r)"])
def test_what_a_mask_leaves_out_may_be_nan(choice: str) -> None:
    text = f"input y[N], seen[N]: bool\nparam x[N]\nr = y - x\nL = sum(where(seen, {choice}, 0))"
    y, x = np.array([1.0, np.nan, -2.0]), np.ones(3)
    want, *others = (graphc.load(text, level=level).value_and_grad(y, ~np.isnan(y), x) for level in (0, 1, 2))
    for have in others:
        np.testing.assert_allclose(have[0], want[0], rtol=1e-12)
        np.testing.assert_allclose(have[1]["x"], want[1]["x"], rtol=1e-12)


@pytest.mark.parametrize("level", [1, 2])
def test_two_masks_are_made(level: int) -> None:
    """Of which the slope is made, once for all: three are not multiplied with a gradient each."""
    module = graphc.load(HEAD + "L = mean(maximum(0.9 * (x - y), -0.1 * (x - y)))", level=level)
    x = np.ones(5)
    memory = {"workspace": module.Workspace(x, x)} if level == 2 else {}
    names = [name for name, _ in entrywise_calls(module, lambda: module.value_and_grad(x, x, **memory))]
    # At -O2 the sum is one of products with the slope.
    assert names.count("maximum") == (level < 2) and not {"equal", "sign"} & set(names)
    if level == 2:
        assert names.count("greater") == names.count("greater_equal") == 1 and "less" not in names
        assert len([name for name in names if name in ("multiply", "add", "subtract", "abs")]) <= 8


@pytest.mark.filterwarnings("ignore:invalid value")  # their sum is none
def test_what_is_infinite_stays_so() -> None:
    text = HEAD + "m = maximum(x, 0.1 * x)\nL = sum(m * y)\noutput m, L\nloss L"
    x = np.array([np.inf, -np.inf, np.nan])
    assert np.array_equal(graphc.load(text, level=2).forward(x, np.ones(3))[0].m, x, equal_nan=True)


def test_a_second_derivative_and_a_step_are_right() -> None:
    text = "param x[N]\ninput y[N]\nL = sum(maximum(x * y, 0.5 * (x * y))**2)\nx <- x - 0.1 * grad(L, x)\nloss L"
    literal, module = (graphc.load(text, level=level) for level in (0, 1))
    x, y = np.linspace(-1, 1, 7), np.cos(np.arange(7.0))
    np.testing.assert_allclose(module.step(x, y)["x"], literal.step(x, y)["x"], rtol=1e-12)
    text = text[: text.index("x <-")] + "g = grad(L, x)\nM = sum(g * y)\noutput M\nloss M"
    literal, module = (graphc.load(text, level=level) for level in (0, 1))
    np.testing.assert_allclose(module.value_and_grad(x, y)[1]["x"], literal.value_and_grad(x, y)[1]["x"], rtol=1e-12)


def test_a_negative_slope_is_subtracted() -> None:
    """`… * 0.5 - 0.1` is what one writes, and not `… * 0.5 + -0.1`."""
    text = graphc.compile("param x[N]\nh = maximum(0.9 * x, -0.1 * x)\nL = sum(h * h)")
    assert "* 0.5 - 0.1" in text
    assert "+ -" not in text


def test_a_sum_alone_is_one_of_products_and_the_value_that_others_read_is_not() -> None:
    """At -O2; an infinite entry is one in the sum as well."""
    text = HEAD + "m = maximum(x, 0.1 * x)\n"
    alone, both = (graphc.compile(text + rest, level=2) for rest in ("L = sum(m)", "L = sum(m) + sum(m * y)"))
    assert "np.maximum(" not in alone and "np.maximum(" in both
    net = graphc.load(text + "L = sum(m)", level=2)
    x = np.array([-1.0, np.inf, 0.0, 2.0])
    value, gradients = net.value_and_grad(x, x, workspace=net.Workspace(x, x))
    assert value == np.inf and gradients["x"].tolist() == [0.1, 1.0, 0.55, 1.0]
