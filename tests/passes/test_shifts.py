"""What cancels behind exponentials is not differentiated, and what does not is."""

from __future__ import annotations

import pytest

from ops.programs import array, body, hold

SHIFTED = "param S[N, C]\ninput T[N, C]\nm = {}\nE = exp(S - {})\n"
ROWS = SHIFTED.format("max(S, axis=1, keepdims=true)", "m")
FLAT = SHIFTED.format("max(S, axis=1)", "m[:, None]")


def _through_the_largest(text: str) -> bool:
    return any("extreme" in line or "==" in line for line in [*body(text), *body(text, "backward")])


@pytest.mark.parametrize("rest", [
    "P = E / sum(E, axis=1, keepdims=true)\nL = sum(T * P**2)",
    "P = E / sum(E, axis=1)[:, None]\nL = sum(T * P)",
    "P = E / sum(E, axis=1, keepdims=true)\nL = -sum(T * log(P)) / N",
    "L = sum((m + log(sum(E, axis=1, keepdims=true))) * T)",
    "L = sum(T * (S - m - log(sum(E, axis=1, keepdims=true))))",
    "L = sum(sum(T * E, axis=1) / sum(E, axis=1))",
    "L = sum((E + 2 * E * T) / (-sum(E, axis=1, keepdims=true)))",
])  # fmt: skip
def test_what_cancels(rest: str) -> None:
    text = ROWS + rest
    assert not _through_the_largest(text)
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)}, levels=(0, 1, 2))


@pytest.mark.parametrize("rest", [
    "P = E / sum(E, axis=1)[:, None]\nL = sum(T * P)",
    "L = sum((m + log(sum(E, axis=1))) * T[:, 0])",
])  # fmt: skip
def test_axes_that_are_dropped(rest: str) -> None:
    assert not _through_the_largest(FLAT + rest)
    hold(FLAT + rest, {"S": array(3, 4), "T": array(3, 4, seed=1)})


@pytest.mark.parametrize("rest", [
    "L = sum((max(S, axis=1) + log(sum(exp(S - max(S, axis=1)[:, None]), axis=1))) * T[:, 0])",
    "L = log(sum(exp(S - max(S)))) + max(S) + sum(T)",
])  # fmt: skip
def test_one_value_that_is_written_twice(rest: str) -> None:
    text = "param S[N, C]\ninput T[N, C]\n" + rest
    assert not _through_the_largest(text)
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)}, levels=(0, 1, 2))


def test_one_of_two_that_are_alike_may_cancel_alone() -> None:
    text = ROWS + "P = E / sum(E, axis=1, keepdims=true)\nL = sum(T * P) + sum(max(S, axis=1, keepdims=true))"
    backward = "\n".join([*body(text), *body(text, "backward")])
    assert "dm" not in backward and "dE * E" in backward
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)}, levels=(0, 1, 2))


def test_one_number_for_all_rows() -> None:
    text = "param S[N, C]\ninput T[N, C]\nE = exp(S - max(S))\nP = E / sum(E, axis=1, keepdims=true)\nL = sum(T * P)"
    assert not _through_the_largest(text)
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)})


@pytest.mark.parametrize("rest", [
    "L = sum(T * E)",
    "P = E / sum(E, axis=0, keepdims=true)\nL = sum(T * P)",
    "P = E / (1 + sum(E, axis=1, keepdims=true))\nL = sum(T * P)",
    "P = E**2 / sum(E, axis=1, keepdims=true)\nL = sum(T * P)",
    "P = E / sum(E, axis=1, keepdims=true) + m\nL = sum(T * P)",
    "P = log(sum(E, axis=1, keepdims=true)) - m\nL = sum(T * P)",
    "P = E * sum(E, axis=1, keepdims=true)\nL = sum(T * P)",
    "P = (E + T) / sum(E, axis=1, keepdims=true)\nL = sum(T * P)",
    "P = tanh(S - m) * E\nL = sum(T * P)",
])  # fmt: skip
def test_what_does_not_cancel(rest: str) -> None:
    text = ROWS + rest
    assert _through_the_largest(text)
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)})


def test_rows_divided_by_what_was_taken_from_the_columns() -> None:
    text = "param S[N, N]\ninput T[N, N]\nE = exp(S - max(S, axis=1, keepdims=true))\n"
    text += "P = E / sum(E, axis=1)[None, :]\nL = sum(T * P)"
    assert _through_the_largest(text)
    hold(text, {"S": array(3, 3), "T": array(3, 3, seed=1)})


def test_a_result_that_does_not_cancel_is_differentiated() -> None:
    text = ROWS + "P = E / sum(E, axis=1, keepdims=true)\noutput P, E"
    assert _through_the_largest(text)


def test_the_gradient_of_the_largest_itself() -> None:
    text = ROWS + "P = E / sum(E, axis=1, keepdims=true)\nL = sum(T * P)"
    assert any(line.startswith("dm = ") for line in body(text, "backward", wrt=["m", "S"]))


def test_second_derivatives() -> None:
    text = ROWS + "P = E / sum(E, axis=1, keepdims=true)\nL = sum(T * P)\n"
    text += "g = grad(L, S)\nM = sum(g**2)\nloss M\noutput M"
    assert not _through_the_largest(text)
    hold(text, {"S": array(3, 4), "T": array(3, 4, seed=1)})
