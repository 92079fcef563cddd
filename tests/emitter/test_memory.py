"""Names of arrays that nobody reads any more are given again, so that their memory is free in long programs."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc

LSTM = Path(__file__).parent.parent / "benchmarks" / "programs" / "w5_lstm.g"
N = H = 32


@pytest.fixture(scope="module")
def arguments() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"X": (32, N, H), "Wx": (H, 4 * H), "Wh": (H, 4 * H), "b": (4 * H,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def beyond(function: Any) -> tuple[int, Any]:
    """How many bytes a function takes at most beyond what its result holds."""
    function()
    tracemalloc.start()
    result = function()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - held, result


def test_a_long_loop_holds_what_it_saves_and_one_step(arguments: dict[str, Any]) -> None:
    net = graphc.load(LSTM)
    array = N * H * 8
    extra, (_, cache) = beyond(lambda: net.forward(**arguments))
    # One step: the four gates side by side, twice while they are added, and a few arrays of one gate.
    assert extra <= 14 * array, f"{extra / array} arrays"
    extra, _ = beyond(lambda: net.backward(cache))
    # The cotangents dh_k and dc_k of all steps, which have names of their own; of one step the gradients of the gates,
    # by themselves and side by side, and those of the weights.
    assert extra <= (2 * 32 + 20) * array, f"{extra / array} arrays"


def test_names_come_again_at_each_step() -> None:
    text = graphc.compile(LSTM.read_text(encoding="utf-8"))
    forward = text.partition("def forward(")[2].partition("\ndef ")[0]
    assert forward.count("    z = X[") == 32
    assert "z_2" not in forward


def test_what_is_still_read_keeps_its_name() -> None:
    text = "param a[n], b[n]\nx = tanh(exp(a)) + 0.5\ny = exp(b) * tanh(x)\nL = sum(x * y * exp(a))"
    net, plain = graphc.load(text), graphc.load(text, level=0)
    given = {"a": np.linspace(-1, 1, 5), "b": np.linspace(0, 1, 5)}
    have, want = net.value_and_grad(**given), plain.value_and_grad(**given)
    assert abs(have[0] - want[0]) <= 1e-12
    assert all(np.abs(have[1][name] - want[1][name]).max() <= 1e-12 for name in "ab")
