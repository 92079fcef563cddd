"""Parts of an array that are joined, and those that are added up: they overlap, or do not fill it."""

from __future__ import annotations

from typing import Any

import pytest

import graphc
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.fold import fold
from graphc.passes.simplify import simplify
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
    (  # a part that two sums share: both are joined
        "input Z[N, 4], V[N, 4]\ns = Z[:, :2] + V[:, :2]\nc = sin(s) * Z[:, 2:] * cos(V[:, 2:])",
        {"Z": array(3, 4), "V": array(3, 4)}, ["concatenate", "concatenate"],
    ),
    (  # one of two sums is joined, what it shares with the other stays for that
        "input Z[N, 4], V[N, 4]\ns = Z[:, :2] + V[:, :2]\nc = sin(s) * Z[:, 2:] * cos(V[:, 1:3])",
        {"Z": array(3, 4), "V": array(3, 4)}, ["unslice", "unslice", "concatenate"],
    ),
    ("input Z[n, m]\nc = sin(Z[0, 1:]) * cos(Z[0, 1:])\nd = Z**2", {"Z": array(2, 3)}, ["unslice"]),
    ("input Z[n]\nc = sum(Z[::2] * exp(Z[::2])) + sum(Z[1::2])", {"Z": array(5)}, ["unslice", "unslice"]),
]


@pytest.mark.parametrize(("program", "arguments", "joins"), PARTS)
def test_parts_that_fill_an_array_are_joined(program: str, arguments: dict[str, Any], joins: list[str]) -> None:
    graph = fold(eliminate_dead_code(graphc.differentiate(graphc.parse(program))))
    made = [node.op for node in eliminate_dead_code(graph) if node.op in ("concatenate", "stack", "unslice")]
    assert made == joins
    hold(program, arguments)


SHARED = "input Z[N, 4], V[N, 4]\ns = Z[:, :2] + V[:, :2]\nc = sin(s) * Z[:, :2] * Z[:, 1:3] * V[:, 1:3] * V[:, :2]"


def test_a_part_that_two_sums_share_is_not_added_up_in_both() -> None:
    """Where nothing fills the array it is made once, and each sum adds it."""
    graph = fold(simplify(eliminate_dead_code(graphc.differentiate(graphc.parse(SHARED)))))
    graph = eliminate_dead_code(graph)
    ds = next(node.id for node in graph if node.op == "unslice" and len(graph.users()[node.id]) == 2)
    assert [user.op for user in map(graph.__getitem__, graph.users()[ds])] == ["add", "add"]
    hold(SHARED, {"Z": array(3, 4), "V": array(3, 4)})


def test_equal_parts_of_a_size_with_a_name_are_joined() -> None:
    """The module checks that N is even; where it does not, what lies behind the parts gets zeros."""
    lines = body("input x[N, D]\na, b = split(x, 2)\ny = a * b", "backward")
    assert any("np.concatenate([da, db], axis=0)" in line for line in lines)
    lines = body("input x[N]\na = x[:N//2]\nb = x[N//2:2*(N//2)]\ny = a * b", "backward")
    assert not any("concatenate" in line for line in lines)
