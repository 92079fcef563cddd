"""The larger and the smaller of two multiples of one array: which are replaced, the numbers, and the work."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from counting import entrywise_calls
from graphc.passes.two_slopes import by_size

HEAD = "param x[N]\ninput y[N]\n"


def is_replaced(text: str) -> bool:
    graph = by_size(graphc.parse(HEAD + text))
    return not any(node.op in ("maximum", "minimum") for node in graph)


@pytest.mark.parametrize("expression", [
    "maximum(0.9 * x, -0.1 * x)", "maximum((0.9 - 1) * x, 0.9 * x)", "minimum(x * 2, x)", "maximum(x, 0.1 * x)",
    "maximum(-x, x)", "minimum(-x, 0.5 * x)", "maximum(2 * (x * y), x * y)", "maximum(-3 * x, -0.5 * x)",
])  # fmt: skip
def test_two_multiples_of_one_array_are_replaced(expression: str) -> None:
    text = f"{HEAD}m = {expression}\nL = sum(m * m * y) + sum(m)"
    assert is_replaced(f"m = {expression}\nL = sum(m * m)")
    literal, fast = graphc.load(text, level=0), graphc.load(text, level=2)
    x = np.concatenate([np.linspace(-2, 2, 9), [0.0, 0.0], np.random.default_rng(0).standard_normal(20)])
    given = {"x": x, "y": np.cos(x)}
    want, have = literal.value_and_grad(**given), fast.value_and_grad(**given, workspace=fast.Workspace(**given))
    assert abs(want[0] - have[0]) <= 1e-12 * max(1, abs(want[0]))
    np.testing.assert_allclose(have[1]["x"], want[1]["x"], rtol=1e-12, atol=1e-12)  # at 0 too, where they tie


@pytest.mark.parametrize("expression", [
    "maximum(x, 0.01 * x)",  # seven bits would be lost
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


def test_no_mask_is_made() -> None:
    module = graphc.load(HEAD + "L = mean(maximum(0.9 * (x - y), -0.1 * (x - y)))", level=2)
    x = np.ones(5)
    workspace = module.Workspace(x, x)
    names = [name for name, _ in entrywise_calls(module, lambda: module.value_and_grad(x, x, workspace=workspace))]
    assert names.count("sign") == 1 and not {"greater", "less", "equal", "maximum"} & set(names)
    assert len([name for name in names if name in ("multiply", "add", "subtract", "abs")]) <= 5


@pytest.mark.filterwarnings("ignore:invalid value")  # their sum is none
def test_what_is_infinite_stays_so() -> None:
    text = HEAD + "m = maximum(x, 0.1 * x)\nL = sum(m * y)\noutput m, L\nloss L"
    x = np.array([np.inf, -np.inf, np.nan])
    assert np.array_equal(graphc.load(text, level=2).forward(x, np.ones(3))[0].m, x, equal_nan=True)
