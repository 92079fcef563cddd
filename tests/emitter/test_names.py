"""What the program names is read by its name, whatever views it is made of."""

from __future__ import annotations

import graphc

ATTENTION = """\
input X[N, T, D]
param Wq[D, D], Wk[D, D], Wv[D, D]
def heads_of(x) = swapaxes(reshape(x, (N, T, 2, D//2)), 1, 2)
Q = heads_of(X@Wq)
K = heads_of(X@Wk)
V = heads_of(X@Wv)
P = softmax(Q @ swapaxes(K, 2, 3))
L = sum((P @ V)**2)
"""


def test_transposed_views_keep_their_names() -> None:
    text = graphc.compile(ATTENTION, verify=False)
    for line in ("Q = (X @ Wq).reshape", "K = (X @ Wk).reshape", "V = (X @ Wv).reshape", "Q @ np.swapaxes(K, -1, -2)"):
        assert line in text
    assert "dQ = dscores @ K" in text or "@ K" in text.partition("def backward")[2]


def test_a_transpose_of_the_program_is_a_statement() -> None:
    assert "    Wt = W.T" in graphc.compile("input X[N, D]\nparam W[H, D]\nWt = W.T\nL = sum(X@Wt)", verify=False)


def test_transposes_that_cancel_leave_nothing() -> None:
    text = graphc.compile("input X[N, D]\nparam W[D, H]\nWt = W.T\nL = sum(X@Wt.T)", verify=False)
    assert "X @ W)" in text or "X @ W " in text
    assert "= W.T" not in text.partition("def forward")[2]
