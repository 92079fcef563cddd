"""Convolutions and pools in given memory: which statements stand in the emitted function, and which arrays it holds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.emitter.prelude import HELPERS


def emitted(text: str) -> tuple[str, str]:
    """`value_and_grad` of the -O2 module, and the function that allocates for it."""
    module = graphc.compile(text, level=2, verify=False)
    function = module[module.index("def value_and_grad") : module.index("class Workspace")]
    start = module.index("def memory_of_value_and_grad")
    return function, module[start : module.index("\ndef ", start)]


def net(pool: str, size: str = "8, 8") -> str:
    return f"input X[N, 2, {size}]\nparam W[3, 2, 3, 3]\nL = sum(tanh(max_pool2d(conv2d(X, W, padding=1), {pool})))"


def test_columns_are_made_in_place_and_multiplied_in_place() -> None:
    function, _ = emitted(net("2"))
    assert function.count("im2col(pad_X, (3, 3), out=columns)") == 1
    assert re.search(r"W\.reshape\(3, 18\)\.dot\(columns, product_W\.reshape\(3, 64\*N\)\)", function)
    assert re.search(r"unpooled\.reshape\(3, 64\*N\)\.dot\(columns\.T, dW\.reshape\(3, 18\)\)", function)


def test_what_a_pool_sends_back_goes_where_its_operand_was() -> None:
    """Each entry is in one window: it is read, then overwritten, and nothing needs to be set to zero."""
    function, memory = emitted(net("2"))
    assert ".fill(0)" not in function
    assert memory.count("np.empty((3, 8, 8, N)") == 1 and "product_W = unpooled = " in memory


def test_entries_that_no_window_sees_are_set_to_zero() -> None:
    function, memory = emitted(net("2", "9, 8"))
    assert function.count(".fill(0)") == 1 and "np.copyto(" in function
    assert "np.empty((3, 9, 8, N)" in memory


def test_windows_that_overlap_add_up() -> None:
    function, _ = emitted(net("3, stride=1"))
    loop = function[function.index("[:-1]:") :]
    assert re.search(r"np\.add\((\w+)\[at\], part, \1\[at\]\)", loop)
    assert function.count(".fill(0)") == 1


def test_a_pool_of_two_entries_is_one_maximum() -> None:
    text = "input X[N, 2, 8]\nparam W[3, 2, 3]\nL = sum(tanh(max_pool1d(conv1d(X, W, padding=1), 2)))"
    function, _ = emitted(text)
    assert function.count("np.maximum(") == 1
    assert "[2:]" not in function


def test_channels_are_the_rows_of_a_loop() -> None:
    """One channel of all samples at a time, so that what a pool reads four times stays in a cache."""
    function, memory = emitted(net("2"))
    assert re.search(r"for .*product_W_rows.* in loop:", function)
    assert re.search(r"tile_rows\(3, \d+\*N, X\.dtype\)", memory)


def test_the_sum_of_each_channel_is_a_product() -> None:
    text = "input X[N, 2, 8, 8]\nparam W[3, 2, 3, 3], b[3]\nL = sum(tanh(conv2d(X, W, b)))"
    function, _ = emitted(text)
    assert re.search(r"\.reshape\(len\(\w+\), 36\*N\)\.dot\(ones\w*, db\w*\)", function)
    assert "np.add.reduce" not in function


@pytest.mark.parametrize(
    ("shape", "size", "more"),
    [
        ((2, 7, 4), (3,), {}),
        ((2, 7, 6, 4), (3, 2), {"stride": (2, 1), "dilation": (1, 2)}),
        ((1, 5, 5, 1), (1, 1), {}),
        ((2, 5, 5, 0), (2, 2), {"stride": (3, 3)}),
        ((0, 5, 5, 3), (2, 2), {}),
    ],
)
def test_all_windows_are_copied_at_once(shape: tuple[int, ...], size: tuple[int, ...], more: dict[str, Any]) -> None:
    """The columns are those that a slice for each entry takes; they are no view, also where a window is one entry."""
    names: dict[str, Any] = {"np": np}
    for name in ("window_counts", "windows", "im2col"):
        exec(HELPERS[name], names)
    x = np.arange(float(np.prod(shape))).reshape(shape)
    entries = names["windows"](shape[1:-1], size, behind=1, **more)
    rows = np.stack([x[entry] for entry in entries], axis=1)
    expected = rows.reshape(shape[0] * len(entries), int(np.prod(rows.shape[2:])))
    found = names["im2col"](x, size, **more)
    assert np.array_equal(found, expected) and found.flags.writeable and not np.shares_memory(found, x)
    out = np.full_like(expected, np.nan)
    assert names["im2col"](x, size, out=out, **more) is out and np.array_equal(out, expected)
    assert HELPERS["im2col"].count("for ") == 3, "sizes alone are looped over"


def test_the_border_of_an_image_keeps_its_order_in_memory() -> None:
    """np.pad would put samples that are last in memory in front again, and takes long for a small array."""
    module = graphc.compile(net("2"), level=1, verify=False)
    assert "np.pad" not in module and "with_border(X, ((0, 0), (0, 0), (1, 1), (1, 1)))" in module
    names: dict[str, Any] = {"np": np}
    exec(HELPERS["with_border"], names)
    x = np.moveaxis(np.arange(24.0).reshape(3, 4, 2), -1, 0)
    wide = names["with_border"](x, ((0, 0), (1, 0), (2, 3)))
    assert np.array_equal(wide, np.pad(x, ((0, 0), (1, 0), (2, 3)))) and np.moveaxis(wide, 0, -1).flags.c_contiguous
