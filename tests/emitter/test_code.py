"""A long text is compiled in pieces, and nobody who runs it sees a difference."""

from __future__ import annotations

import linecache
import traceback

import numpy as np
import pytest

import graphc
from graphc.emitter import code as module_under_test

PROGRAM = "param W[N]\nz = exp(W)\nL = sum(z * W)"


@pytest.mark.parametrize("level", [1, 2])
def test_pieces_keep_their_lines(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graphc.load(PROGRAM, level=level)
    module_under_test.code_of.cache_clear()
    monkeypatch.setattr(module_under_test, "PIECE", 500)
    net = graphc.load(PROGRAM, level=level)
    codes = module_under_test.code_of(graphc.compile(PROGRAM, level=level), "<string>")
    module_under_test.code_of.cache_clear()
    assert len(codes) > 5
    W = np.array([0.0, 1.0])
    for value, other in zip(net.value_and_grad(W)[1].values(), whole.value_and_grad(W)[1].values(), strict=True):
        assert np.array_equal(value, other)
    with pytest.raises(ValueError, match="W") as caught:
        net.forward(np.ones((2, 2)))
    text = [line.rstrip("\n") for line in linecache.getlines(str(net.__file__))]
    for frame in traceback.extract_tb(caught.value.__traceback__)[1:]:
        assert frame.lineno is not None
        assert text[frame.lineno - 1].strip() == frame.line
        assert "check(" in frame.line or "raise" in frame.line or "wrong_rank" in frame.line


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_module_that_is_checked_verified_and_loaded_is_compiled_once(level: int) -> None:
    module_under_test.code_of.cache_clear()
    graphc.load(PROGRAM, level=level)
    assert module_under_test.code_of.cache_info().misses == 1
