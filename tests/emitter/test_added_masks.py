from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.emitter.added_masks import added_masks

PROGRAMS = {
    "Y = attention(Q, K, V, m)": ["m"],
    "input m[T, T]\nY = attention(Q, K, V, m.T)": ["m"],
    "input m[T, T]\nY = attention(Q, K, V, m)\noutput Y, m": [],
    "input m[T, T]\nY = attention(Q, K, V, m)\nZ = 2 * m": [],
    "input m[T, T]: bool\nY = attention(Q, K, V, m)": [],
    "param H[N, D], W2[D, C], b2[1, C]\nS = H@W2 + b2": [],
    "param H[N, D], W2[D, C], b2[C]\nS = H@W2 + b2\nL = sum(softmax(S)**2)\noutput S, L": [],
    "S = softmax(X@W + b)": [],
}


@pytest.mark.parametrize("text", PROGRAMS)
def test_only_what_is_added_to_scores_and_nothing_else_is_a_mask(text: str) -> None:
    """A bias whose sum is an output was one, too: nobody read the sum."""
    assert added_masks(graphc.parse(text)) == PROGRAMS[text]


@pytest.mark.parametrize("level", [1, 2])
def test_booleans_take_the_type_of_the_others(level: int) -> None:
    """Beside integers they made float32 of everything, and beside float64 a gradient of their own in float32."""
    net = graphc.load("L = sum(attention(Q, K, V, m)**2)", level=level)
    whole = np.arange(12).reshape(3, 4) % 5
    seen = np.array([[True, False, True], [True, True, False], [False, True, True]])
    for dtype, wanted in ((np.int64, np.float64), (np.float64, np.float64), (np.float32, np.float32)):
        q = whole.astype(dtype)
        L, grads = net.value_and_grad(q, q, q, seen)
        assert {L.dtype, *(grad.dtype for grad in grads.values())} == {np.dtype(wanted)}
        other, _ = net.value_and_grad(q, q, q, np.where(seen, 0.0, -np.inf).astype(wanted))
        assert other == L
