"""What stands inside other expressions, and what is a line of its own."""

from __future__ import annotations

import numpy as np
import pytest

import graphc

BY_ENTRIES = """
param X[2, 2], W[2, 3]
y_0 = X[0, 0]*W[0, 0] + X[0, 1]*W[1, 0]
y_1 = X[0, 0]*W[0, 1] + X[0, 1]*W[1, 1]
L = sin(y_0) + sin(y_1)
"""


def test_entries_stand_where_they_are_read() -> None:
    text = graphc.compile(BY_ENTRIES)
    assert "y_1 = X[0, 0] * W[0, 1] + X[0, 1] * W[1, 1]" in text
    assert "part" not in text  # no names for what `X[0, 1]` says


def test_rows_and_columns_stand_where_they_are_read() -> None:
    text = graphc.compile("param A[2, m, n], x[m, 3]\nL = sum(A[0].T @ x[:, -1]) + sum(tanh(A[0]) * x[:, -1][:, None])")
    assert "A[0].T @ x[:, -1]" in text
    assert "np.tanh(A[0])" in text


def test_a_stretch_that_is_read_twice_keeps_its_name() -> None:
    text = graphc.compile("param z[N, 2*K]\nL = sum(tanh(z[:, :K]) * exp(z[:, :K]))")
    assert "part_z = z[:, :K]" in text


@pytest.mark.parametrize("level", [0, 1, 2])
def test_an_entry_is_read_before_its_array_is_written_over(level: int) -> None:
    program = "param a[3]\nb = exp(a)\nc = b / sum(b)\nd = tanh(c)\nL = d[0]*c[0]*b[0] + d[2]*b[0]*c[2] + sum(d*c)"
    net = graphc.load(program, level=level)
    a = np.array([0.3, -0.2, 0.5])
    b = np.exp(a)
    c = b / b.sum()
    d = np.tanh(c)
    assert np.isclose(net.forward(a)[0], d[0] * c[0] * b[0] + d[2] * b[0] * c[2] + (d * c).sum())


def test_what_is_put_into_an_array_numpy_repeats_by_itself() -> None:
    text = graphc.compile("param x[N, D]\ninput i[M]: int\nL = sum(x[1:]) + 2*sum(x[i])")
    assert "dx[1:] += dL" in text and "np.add.at(dx, i, 2 * dL)" in text
    assert "broadcast_to" not in text
    picked = graphc.compile("param S[C, N]\ninput y[N]: int\nL = -sum(S[y, arange(N)])")
    assert "dS[y, np.arange(N)] = -dL" in picked


def test_at_one_place_nothing_has_to_be_added_up() -> None:
    text = graphc.compile("param B[K, M]\ninput o[2]: int\nL = sum(tanh(B[:, o[0]]) * B[:, o[1]])")
    assert "np.add.at" not in text


def test_a_part_of_a_gradient_stands_in_the_statement_that_reads_it() -> None:
    program = "param F[N, K]\nG = concatenate([zeros((N, 1)), F], axis=1)\nL = sum(tanh(G) * G) + sum(F**3)"
    assert "dF += dG[:, 1:]" in graphc.compile(program)
