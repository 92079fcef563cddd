"""A sum of sums is one: how many are left, and that it is the same sum."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.pipeline import optimise


def sums(text: str) -> int:
    graph = optimise(graphc.differentiate(graphc.parse(text)), 1)
    return sum(node.op == "sum" for node in graph)


@pytest.mark.parametrize(("taken", "count"), [
    ("sum(sum(x, axis=(2, 3), keepdims=true), axis=0)", 1),
    ("sum(sum(x, axis=-1), axis=0)", 1),
    ("sum(sum(x, axis=1), axis=(0, 1))", 1),
    ("sum(sum(x, axis=(0, 2)), axis=1)", 1),
    ("sum(sum(x, axis=(1, 3), keepdims=true), axis=(0, 1))", 1),
    ("sum(sum(x, axis=1, keepdims=true), axis=(0, 1), keepdims=true)", 1),
    ("sum(sum(x, axis=1, keepdims=true), axis=1)", 1),
    ("sum(sum(sum(x, axis=3), axis=2), axis=1)", 1),
    ("sum(sum(x, axis=1), axis=1, keepdims=true)", 2),  # which axis is kept cannot be said in one
])  # fmt: skip
def test_a_sum_of_sums_is_one(taken: str, count: int) -> None:
    text = f"input x[A, B, C, D]\nparam w\ny = {taken}\nL = sum(w * y**3)"
    backward = f"param x[A, B, C, D]\nL = sum(({taken})**3)"
    assert sums(text.replace("L = sum(w * y**3)", "output y")) == count
    for shape in ((2, 3, 4, 5), (1, 3, 1, 2), (2, 0, 3, 1)):
        x = np.random.default_rng(0).standard_normal(shape)
        (L, grads), (other, others) = (
            graphc.load(backward, level=level).value_and_grad(x=x) for level in (0, 1)
        )  # fmt: skip
        np.testing.assert_allclose(other, L, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(others["x"], grads["x"], rtol=1e-12, atol=1e-12)


def test_a_sum_that_is_used_again_stays() -> None:
    assert sums("input x[A, B, C]\nr = sum(x, axis=2)\ns = sum(r, axis=1)\noutput r, s") == 2


def test_the_gradient_of_a_bias_of_images_is_one_sum() -> None:
    text = graphc.compile("input X[N, C, H, W]\nparam k[C]\nL = sum(tanh(X + k[:, None, None]))")
    assert ".sum(axis=(0, 2, 3))" in text
