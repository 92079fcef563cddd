"""Sums of vectors are numbers where that is what meets the vectors, and arrays of one entry where it is not."""

from __future__ import annotations

import pytest

from ops.programs import array, body, hold

VECTOR = {"z": array(4), "w": array(4, seed=1)}


@pytest.mark.parametrize(("text", "line"), [
    ("param z[n]\np = softmax(z)\nL = sum(p**3)", "p /= p.sum()"),
    ("param z[n]\np = softmax(z)\nL = sum(p**3)", "p = np.exp(z - z.max(initial=-np.inf))"),
    ("param z[n], w[n]\nL = sum(w * log_softmax(z))", "total = e.sum()"),
    ("param z[n]\ninput w[n]\np = w - z*mean(z, keepdims=true)\nL = sum(p**3)", "mean_z = z.mean()"),
    ("param z[n]\nL = sum(z**3 / exp(sum(z, axis=0, keepdims=true)))", "np.exp(z.sum())"),
])  # fmt: skip
def test_a_number_meets_the_vector(text: str, line: str) -> None:
    assert line in "\n".join(body(text)), body(text)
    hold(text, {name: value for name, value in VECTOR.items() if f"{name}[" in text}, levels=(0, 1, 2))


@pytest.mark.parametrize("text", [
    "param z[n]\ns = sum(z, axis=0, keepdims=true)\nL = sum(z / s)",  # has a name, and so a shape
    "param z[n]\ns = exp(sum(z, axis=0, keepdims=true))\nL = sum(z * s)",
    "param z[n]\nL = sum(concatenate([z, z / sum(z, axis=0, keepdims=true), sum(z, axis=0, keepdims=true)])**2)",
    "param z[n]\ny = reshape(sum(z, axis=0, keepdims=true), (1, 1))\noutput y",
    "param z[n]\ninput w[m, n]\nL = sum(tanh(w * sum(z, axis=0, keepdims=true)))",  # meets a matrix
])  # fmt: skip
def test_what_is_needed_as_an_array_stays_one(text: str) -> None:
    assert ".sum(keepdims=True)" in "\n".join(body(text)), body(text)
    given = {"z": array(4), "w": array(3, 4, seed=1)}
    hold(text, {name: value for name, value in given.items() if f"{name}[" in text}, levels=(0, 1, 2))


@pytest.mark.parametrize("size", [0, 1])
def test_of_no_entry_and_of_one(size: int) -> None:
    hold("param z[n]\np = softmax(z)\nL = sum(p * z)", {"z": array(size)}, levels=(0, 1, 2))


def test_rows_keep_their_axis() -> None:
    text = "param Z[N, C]\nP = softmax(Z)\nL = sum(P**3)"
    assert "P /= P.sum(axis=1, keepdims=True)" in body(text)
    hold(text, {"Z": array(3, 4)})
