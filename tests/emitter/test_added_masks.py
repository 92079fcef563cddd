from __future__ import annotations

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
