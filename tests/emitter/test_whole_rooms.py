"""Whole arrays of different shapes in one room: which, that it is as long as the longest, and that no two are needed
at once."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import graphc
from emitter.plans import Planned, agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

# The scores are read for the last time where the first layer's gradient is written.
LAYERS = """input X[N, D], T[N, C]
param W[D, H], V[H, K], U[K, C]
A = tanh(X @ W)
B = tanh(A @ V)
L = sum((B @ U - T)**2)
"""
# The terms of a sum are needed at once, as their operands have been.
TERMS = """input X[N, D], T[N, C], R[N, K]
param W[D, H], V[H, C], U[H, K]
A = tanh(X @ W)
L = sum((A @ V - T)**2) + sum(exp(A @ U) * R)
"""
PROGRAMS = {"layers": LAYERS, "terms": TERMS}
GIVEN = {
    "layers": {"X": (30, 3), "T": (30, 2), "W": (3, 4), "V": (4, 5), "U": (5, 2)},
    "terms": {"X": (30, 3), "T": (30, 2), "R": (30, 5), "W": (3, 4), "V": (4, 2), "U": (4, 5)},
}
ROOM = re.compile(r"^    (room\w*) = np\.empty\((?:max\((.*)\)|(.*)), X\.dtype\)$", re.MULTILINE)


def memory(text: str) -> str:
    """The function that makes memory for `value_and_grad`."""
    source = graphc.compile(text, level=2, verify=False)
    return source[source.index("def memory_of_value_and_grad") :].partition("\n\n\n")[0]


def test_arrays_of_two_shapes_are_in_a_room_as_long_as_the_longer_one() -> None:
    made = memory(LAYERS)
    (room,) = ROOM.findall(made)
    assert set(room[1].split(", ")) == {"K*N", "H*N"}
    assert len(re.findall(r"= room\[:[KH]\*N\]\.reshape\(N, [KH]\)$", made, re.MULTILINE)) == 2


def test_a_room_is_as_long_as_what_is_never_shorter() -> None:
    made = memory(LAYERS.replace("V[H, K], U[K, C]", "V[H, H + K], U[H + K, C]"))
    assert [one for _, _, one in ROOM.findall(made)] == ["H*N + K*N"]


@pytest.mark.parametrize(
    "sizes", [(30, 3, 4, 5, 2), (3, 40, 30, 2, 5), (1, 1, 1, 1, 1), (0, 3, 4, 5, 2), (5, 2, 1, 9, 1)]
)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("tile", ["131072", "1"])
def test_the_numbers_are_those_of_the_literal_derivation(name: str, sizes: tuple[int, ...], tile: str) -> None:
    """Whichever of the arrays in a room is longer."""
    size = dict(zip((30, 3, 4, 5, 2), sizes, strict=True))
    given = {
        key: array(*(size[n] for n in shape), seed=k) for k, (key, shape) in enumerate(GIVEN[name].items())
    }  # fmt: skip
    source = graphc.compile(PROGRAMS[name], level=2, verify=False)
    assert ROOM.search(source)
    agree_in_a_workspace(module_from(source.replace("131072", tile), "rooms.g"), compiled(PROGRAMS[name], 0), given)


@pytest.mark.parametrize("text", [
    *PROGRAMS.values(), *(path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.g"))),
])  # fmt: skip
def test_no_two_arrays_of_a_room_are_needed_at_once(text: str) -> None:
    """From the statement that writes a value to the last one that reads it, and all of a loop that does."""
    try:
        planned = Planned(text)
    except KeyError:  # a large program, of which no joint function is written
        return
    graph, plan = planned.graph, planned.plan
    at = {id: k for k, item in enumerate(plan.items) for id in item.nodes}
    users = graph.users()
    spans: dict[int, list[tuple[int, int, int]]] = {}  # room -> from where to where one of its arrays is needed
    for id in plan.full & plan.array.keys():
        room = plan.rooms.get(plan.array[id])
        if room is None:
            continue
        assert id not in graph.roots
        ends, stack = [at[id]], [id]
        while stack:
            for user in users.get(stack.pop(), ()):
                ends.append(at.get(user, 0))
                stack += [user] if plan.kind.get(user) in ("view", "inline") else []
        spans.setdefault(room, []).append((at[id], max(ends), plan.array[id]))
    for each in spans.values():
        for first, last, number in each:
            assert not any(other != number and first <= end and begin <= last for begin, end, other in each)


def test_arrays_that_are_needed_one_after_the_other_take_the_memory_of_one() -> None:
    fast, size = compiled(LAYERS, 2), 600
    given = {key: np.ones(shape) / size for key, shape in {
        "X": (size, 8), "T": (size, 8), "W": (8, size), "V": (size, size), "U": (size, 8),
    }.items()}  # fmt: skip
    tracemalloc.start()
    workspace = fast.Workspace(**given)
    fast.value_and_grad(**given, workspace=workspace)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (4 * size * size + 12 * 8 * size) + 3 * 131072  # A, dA or B, dB, dV
