"""`pad` with an array's own entries: as NumPy has them, with gradients, and refused where an axis is too short."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.language.diagnostics import GraphcError
from ops.programs import array, compiled, hold

MODES = ("edge", "reflect", "symmetric", "wrap")
WIDTHS: dict[str, Any] = {
    "1": 1, "(2, 1)": (2, 1), "((1, 2), (0, 3))": ((1, 2), (0, 3)), "((0, 0), (2, 2))": ((0, 0), (2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mode", MODES)
def test_values_and_gradients(mode: str, width: str) -> None:
    for sizes in ("N, D", "4, 5", "N, 5"):
        text = f'param x[{sizes}]\nY = pad(x, {width}, "{mode}")\noutput Y'
        hold(text, {"x": array(4, 5)}, lambda x: np.pad(x, WIDTHS[width], mode), levels=(0, 1, 2))


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives(mode: str) -> None:
    text = f'param x[n], v[n]\nL = sum(exp(pad(x, 2, mode="{mode}")))\nH = hvp(L, x, v)\nM = sum(H * v)\nloss M'
    hold(text, {"x": array(5), "v": array(5, seed=1)}, levels=(0, 1, 2))


@pytest.mark.parametrize(("mode", "needed"), [("edge", 1), ("reflect", 3), ("symmetric", 2), ("wrap", 2)])
def test_an_axis_that_is_too_short_is_refused(mode: str, needed: int) -> None:
    text = 'param x[N, {}]\nL = sum(pad(x, ((0, 0), (2, 0)), "{}"))'
    module = compiled(text.format("D", mode))
    assert module.forward(np.ones((2, needed)))[0] == 2 * (needed + 2)
    with pytest.raises(ValueError, match=f'dimension D of x is {needed - 1}, but pad with mode="{mode}" needs'):
        module.forward(np.ones((2, needed - 1)))
    graphc.compile(text.format(needed, mode), verify=False)
    with pytest.raises(GraphcError, match="reaches beyond an axis of size"):
        graphc.compile(text.format(needed - 1, mode))


@pytest.mark.parametrize(("call", "message"), [
    ('pad(x, 1, "mean")', '"constant", "edge", "reflect", "symmetric", "wrap"'),
    ('pad(x, 1, "edge", value=2)', 'a border with mode="edge" has no value'),
    ('pad(x, -1, "edge")', "the width of a border is not negative"),
])  # fmt: skip
def test_what_it_cannot_be(call: str, message: str) -> None:
    with pytest.raises(GraphcError, match=message):
        graphc.compile(f"param x[N, D]\nL = sum({call})")


def test_without_a_border_it_is_the_array() -> None:
    assert "concatenate" not in graphc.compile('param x[N]\nL = sum(pad(x, 0, "wrap"))', verify=False)
