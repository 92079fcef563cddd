"""What a loop over tiles reads is cut when memory is made, or once before the loop: not anew in every statement."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from graphc.api import module_from
from ops.programs import array, compiled

CONV_NORM = """input X[N, C, T, T]
param W[F, C, 3, 3], g[F], h[F]
Z = conv2d(X, W, padding=1)
m = mean(Z, axis=(0, 2, 3), keepdims=true)
v = mean((Z - m)**2, axis=(0, 2, 3), keepdims=true)
A = relu((Z - m) / sqrt(v + 0.1) * reshape(g, (1, F, 1, 1)) + reshape(h, (1, F, 1, 1)))
P = mean(A, axis=(2, 3))
L = sum(P * P)
"""
STACK = """input X[T, N, D]
param W[D, H], b[H]
P = X @ W
L = sum(tanh(P[0] + b)) + sum(tanh(P[1] * b))
"""
HEADS = """input X[N, T, D]
param W[D, D], v[D]
Z = X @ W
A = swapaxes(reshape(Z, (N, T, 2, D//2)), 1, 2)
B = reshape(swapaxes(sin(A), 1, 2), (N, T, D))
L = sum(tanh(B * v) * B)
"""


def loops(text: str) -> list[str]:
    """The loops over tiles of `value_and_grad`, without what stands between them."""
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def value_and_grad") : source.index("class Workspace")]
    return re.findall(r"^    for .*\n(?:(?: {8}.*| {4}\).*)?\n)+", body, re.MULTILINE)


def test_rows_are_cut_and_reshaped_once() -> None:
    found = loops(CONV_NORM)
    assert len(found) == 1  # forward and backward of a channel: the rows of all channels part neither
    for loop in found:
        assert ".reshape(" not in loop and ".transpose(" not in loop, loop


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("text", "given"), [
    (CONV_NORM, {"X": array(3, 2, 4, 4), "W": array(5, 2, 3, 3), "g": array(5), "h": array(5, seed=1)}),
    (STACK, {"X": array(2, 70, 3), "W": array(3, 4), "b": array(4)}),
    (HEADS, {"X": array(5, 3, 4), "W": array(4, 4), "v": array(4)}),
], ids=["norm", "stack", "heads"])  # fmt: skip
def test_what_was_cut_before_shows_the_numbers_of_each_call(
    text: str, given: dict[str, np.ndarray], tile: str
) -> None:
    """Other arrays of the same shapes are met in the next call: nothing that was cut is a copy."""
    source = graphc.compile(text, level=2, verify=False)
    fast, literal = module_from(source.replace("131072", tile), "tiles.g"), compiled(text, 0)
    workspace = fast.Workspace(**given)
    for factor in (1.0, 0.5, -1.5):
        changed = {name: value * factor for name, value in given.items()}
        want, gradients = literal.value_and_grad(**changed)
        have, found = fast.value_and_grad(**changed, workspace=workspace)
        assert abs(have - want) <= 1e-11 * max(1, abs(want))
        assert all(np.abs(found[k] - g).max() <= 1e-11 * max(1, np.abs(g).max()) for k, g in gradients.items())


@pytest.mark.parametrize(("bytes_", "rows"), [(1, 131072), (40000, 3), (73728, 2), (87000, 2), (90000, 1), (400000, 1)])
def test_as_many_rows_as_come_closest_to_a_tile(bytes_: int, rows: int) -> None:
    """Of two rows of a little more than half a tile a loop of one each would take twice as many calls."""
    module = module_from(graphc.compile("param X[N, D]\nL = sum(tanh(X)**2 * X)", level=2, verify=False), "tiles.g")
    assert module.tile_rows(10**6, bytes_, np.dtype(np.int8)) == rows
    assert module.tile_rows(3, bytes_, np.dtype(np.int8)) == min(rows, 3)
    assert module.tile_rows(0, bytes_, np.dtype(np.int8)) == 0
