"""Products that need no transposes, and those of which the program's own transposes stay."""

from __future__ import annotations

from ops.programs import array, body, hold

ROW_DOTS = "param X[m, n], Y[m, n]\ninput g[m]\nL = dot(diag(X@Y.T), g)"


def test_rows_are_scaled_where_they_stand() -> None:
    assert not any(".T" in line for line in body(ROW_DOTS, "backward"))
    hold(ROW_DOTS, {"X": array(2, 3), "Y": array(2, 3, seed=1), "g": array(2)}, levels=(0, 1, 2))


def test_a_transpose_of_the_program_stays() -> None:
    text = "input X[N, C]\nparam w[C]\nm = max((X * w).T, axis=1)\nL = sum(m * m)"
    assert "(X * w).T.max(axis=1)" in "\n".join(body(text))
    hold(text, {"X": array(4, 3), "w": array(3)}, levels=(0, 1, 2))


def test_a_product_that_the_program_turns_twice_stays() -> None:
    text = "input X[N, C], c[N]\nh = (X.T * c).T\nL = sum(h * h)"
    assert "h = (X.T * c).T" in body(text)
    hold(text, {"X": array(4, 3), "c": array(4)}, levels=(0, 1, 2))
