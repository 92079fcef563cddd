"""What is as long as a tile stands in whole arrays in which nothing is: which, and that the numbers are right."""

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

TWO_LAYERS = """input X[N, D], T[N, C]
param W1[D, H], b1[H], W2[H, C], b2[C]
A = sigmoid(X @ W1 + b1)
Y = sigmoid(A @ W2 + b2)
L = mean((Y - T)**2)
"""
# The gradient of V is ready before the last loop, which works in tiles: that of U is not.
THREE_LOOPS = """input X[N, D]
param U[D, H], V[H, H], c[H]
A = X @ U
B = silu(A) * c
E = B @ V
F = silu(E) * sin(E)
L = sum(F * F)
"""
# What the loop reads by rows is needed in all of it: its rows of the first tile are written again by the second.
ONE_LOOP = """input X[N, D], b[D]
param A[N, D]
Z = X * A
E = exp(Z) * sin(Z)
F = cos(E * b) * Z
L = sum(F * E) + sum(sin(F))
"""
BATCHES = """input X[N, T, D]
param W[D, H], V[H, H]
A = silu(X @ W)
B = silu(A @ V) * A
L = sum(logsumexp(B, axis=2)) + sum(mean(B, axis=1) ** 2)
"""
PROGRAMS = {"two": TWO_LAYERS, "three": THREE_LOOPS, "one": ONE_LOOP, "batches": BATCHES}
SHAPES = {
    "two": {"X": (70, 9), "T": (70, 2), "W1": (9, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)},
    "three": {"X": (70, 3), "U": (3, 5), "V": (5, 5), "c": (5,)},
    "one": {"X": (70, 3), "A": (70, 3), "b": (3,)},
    "batches": {"X": (20, 4, 3), "W": (3, 5), "V": (5, 5)},
}


def memory(text: str) -> str:
    """The function that makes memory for `value_and_grad`."""
    source = graphc.compile(text, level=2, verify=False)
    return source[source.index("def memory_of_value_and_grad") :].partition("\n\n\n")[0]


def test_the_gradient_that_comes_last_is_room_for_all_loops() -> None:
    text = memory(TWO_LAYERS)
    assert "X.dtype, dW1)" in text and re.search(r"room_in\(.*, dA\)|, dW2, dA\)", text)
    assert "np.empty((step_" not in text and "np.empty(max(" not in text
    assert text.index("dW1 = np.empty(") < text.index("room_in(")


def test_a_gradient_that_is_ready_before_a_loop_is_none_for_it() -> None:
    lines = [line for line in memory(THREE_LOOPS).split("\n") if "room_in(" in line]
    assert lines and not any("dV" in line and "dU" in line for line in lines)


def test_an_array_that_the_loop_uses_is_none() -> None:
    assert "room_in(" not in memory(ONE_LOOP)


@pytest.mark.parametrize("tile", ["131072", "300", "100", "1"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_numbers_are_those_of_the_literal_derivation(name: str, tile: str) -> None:
    """Also where no array is as long as a tile, and where a tile is a row."""
    source = graphc.compile(PROGRAMS[name], level=2, verify=False)
    given = {key: array(*shape, seed=k) for k, (key, shape) in enumerate(SHAPES[name].items())}
    fast = module_from(re.sub(r"TILE = \d+", f"TILE = {tile}", source), "idle.g")
    agree_in_a_workspace(fast, compiled(PROGRAMS[name], 0), given)


@pytest.mark.parametrize("text", [
    *PROGRAMS.values(), *(path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.g"))),
])  # fmt: skip
def test_no_array_is_in_use_where_a_tile_stands(text: str) -> None:
    """From the statement that writes it to the last one that reads it, and all of a loop that does."""
    try:
        planned = Planned(text)
    except KeyError:  # a large program, of which no joint function is written
        return
    graph, plan = planned.graph, planned.plan
    at = {id: k for k, item in enumerate(plan.items) for id in item.nodes}
    used: dict[int, list[int]] = {}  # array -> the items that write or read values in it
    for k, item in enumerate(plan.items):
        for id in item.nodes:
            stack = [id]
            while stack:
                u = stack.pop()
                used.setdefault(plan.array.get(u, -1), []).append(k)
                stack += [v for v in graph[u].operands if plan.kind.get(v) in ("view", "inline")]
                if u == id or plan.kind.get(u) in ("view", "inline"):
                    for v in graph[u].operands:
                        used.setdefault(plan.array.get(v, -1), []).append(k)
    lives: dict[int, list[tuple[int, int]]] = {}  # array -> from where to where each value is needed
    readers = graph.users()
    for id in plan.full & plan.array.keys():
        ends, stack = [at[id]], [id]
        while stack:
            for user in readers.get(stack.pop(), ()):
                ends.append(at.get(user, 0))
                stack += [user] if plan.kind.get(user) in ("view", "inline") else []
        kept = id in graph.roots or any(plan.kind.get(root) == "view" for root in graph.roots)
        lives.setdefault(plan.array[id], []).append((at[id], len(plan.items) if kept else max(ends)))
    for unit, offered in plan.idle.items():
        tiles = [unit] if unit >= 0 else [number for number, room in plan.rooms.items() if room == -1 - unit]
        items = {k for number in tiles for k in used.get(number, [])}
        for number in offered:
            for first, last in lives[number]:
                assert not any(first <= k <= last for k in items), (unit, number)


def test_a_net_of_arrays_as_long_as_tiles_needs_little_more_than_these() -> None:
    fast, size = compiled(TWO_LAYERS, 2), 128
    given = {key: np.ones(shape) for key, shape in {
        "X": (size, 512), "T": (size, 8), "W1": (512, size), "b1": (size,), "W2": (size, 8), "b2": (8,),
    }.items()}  # fmt: skip
    tracemalloc.start()
    workspace = fast.Workspace(**given)
    fast.value_and_grad(**given, workspace=workspace)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    arrays = 2 * size * size + 512 * size  # of the hidden layer, twice, and the gradient of W1
    assert peak < 8 * (arrays + size * size + 4 * 8 * size) + 40_000  # a limit that is a tile, and what has 8 columns
