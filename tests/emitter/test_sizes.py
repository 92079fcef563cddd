"""Only the sizes that code speaks of are named."""

from __future__ import annotations

import numpy as np

import graphc
from graphc.emitter.sizes import needed_sizes, words


def test_words_of_comments_strings_and_attributes_do_not_count() -> None:
    assert words(['x = f("N of X", X.dtype)  # (N, D)']) == {"x", "f", "X"}


def test_sizes_that_nothing_needs_go() -> None:
    sizes = ["N, D = X.shape", "H = W.shape[1]", "(K,) = b.shape"]
    assert needed_sizes(sizes, words(["y = D + 1"])) == ["D = X.shape[1]"]
    assert needed_sizes(sizes, words(["y = N * D + K"])) == ["N, D = X.shape", "(K,) = b.shape"]
    assert needed_sizes(sizes, words(["y = 1  # (N, D)"])) == []


def test_a_size_may_need_another() -> None:
    sizes = ["N, D = X.shape", "H = W.shape[1] // D"]
    assert needed_sizes(sizes, words(["y = H"])) == ["D = X.shape[1]", "H = W.shape[1] // D"]


def test_several_of_many() -> None:
    assert needed_sizes(["A, B, C, D = X.shape"], words(["A + B + D"])) == ["A, B, _, D = X.shape"]
    assert needed_sizes(["A, B, C, D = X.shape"], words(["A + D"])) == ["A = X.shape[0]", "D = X.shape[3]"]


def test_names_with_combining_marks() -> None:
    assert words(["dx\u0303 = x\u0303.shape[0] + a.x\u0303"]) == {"dx\u0303", "x\u0303", "0", "a"}
    text = "input x\u0303[\u00d1], l[\u00d1]\nmax = max(x\u0303 + l)\nloss = max + 1"
    module = graphc.load(text, wrt=["x\u0303"], level=2)
    assert float(module.value_and_grad(np.ones(3), np.zeros(3))[0]) == 2
