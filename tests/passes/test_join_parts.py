"""Parts of an array that are joined, and those that are added up: they overlap, or do not fill it."""

from __future__ import annotations

from typing import Any

import pytest

import graphc
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.fold import fold
from ops.programs import array, body, hold

PARTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("input Z[N, 2*H]\nc = sin(Z[:, 0:H]) * cos(Z[:, H:])", {"Z": array(2, 4)}, ["concatenate"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1])", {"Z": array(2, 2)}, ["stack"]),
    ("input Z[N, 3]\nc = sin(Z[:, 0]) * sum(Z[:, 1:]**2, axis=1)", {"Z": array(2, 3)}, ["concatenate"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1])\nd = exp(Z)", {"Z": array(2, 2)}, ["stack"]),
    ("input Z[N, H]\nc = sin(Z[:, 1:]) * cos(Z[:, :-1])", {"Z": array(2, 3)}, ["unslice", "unslice"]),
    ("input Z[N, H]\nc = sin(Z[:, 0]) * cos(Z[:, 1])", {"Z": array(2, 3)}, ["unslice", "unslice"]),
    ("input Z[2, 2]\nc = sin(Z[:, 0]) * cos(Z[1])", {"Z": array(2, 2)}, ["unslice", "unslice"]),
    ("input Z[n]\nc = sin(Z[:-1]) + exp(Z[:-1]) * Z[1:]", {"Z": array(4)}, ["unslice", "unslice"]),
    ("input Z[n]\nc = sin(Z[:-1]) + exp(Z[:-1]) * Z[1:]", {"Z": array(1)}, ["unslice", "unslice"]),
    ("input Z[N, 2]\nc = sin(Z[:, 0]) * cos(Z[:, 1]) * exp(Z[:, 0])", {"Z": array(3, 2)}, ["stack"]),
    ("input Z[n, m]\nc = sin(Z[0, 1:]) * cos(Z[0, 1:])\nd = Z**2", {"Z": array(2, 3)}, ["unslice"]),
    ("input Z[n]\nc = sum(Z[::2] * exp(Z[::2])) + sum(Z[1::2])", {"Z": array(5)}, ["unslice", "unslice"]),
]


@pytest.mark.parametrize(("program", "arguments", "joins"), PARTS)
def test_parts_that_fill_an_array_are_joined(program: str, arguments: dict[str, Any], joins: list[str]) -> None:
    graph = fold(eliminate_dead_code(graphc.differentiate(graphc.parse(program))))
    made = [node.op for node in eliminate_dead_code(graph) if node.op in ("concatenate", "stack", "unslice")]
    assert made == joins
    hold(program, arguments)


def test_equal_parts_of_a_size_with_a_name_are_joined() -> None:
    """The module checks that N is even; where it does not, what lies behind the parts gets zeros."""
    lines = body("input x[N, D]\na, b = split(x, 2)\ny = a * b", "backward")
    assert any("np.concatenate([da, db], axis=0)" in line for line in lines)
    lines = body("input x[N]\na = x[:N//2]\nb = x[N//2:2*(N//2)]\ny = a * b", "backward")
    assert not any("concatenate" in line for line in lines)
