"""Arrays as long as tiles of different widths in one room: how many there are, and that no two are needed at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from graphc.emitter.rooms import find_rooms
from graphc.ir.dims import dim
from graphc.language.source import Source
from graphc.passes.storage import Range, share
from graphc.pipeline import Options, compile_source
from ops.programs import array, compiled

# Layers of three widths: in each loop an array as long as a tile, and a row that is spread over another one.
LAYERS = """
input X[N, D], T[N, C]
param W[D, H], b[H], V[H, K], c[K], U[K, C], d[C]
A = tanh(X @ W + b)
B = tanh(A @ V + c)
E = tanh(B @ U + d) - T
L = sum(E**2)
"""
# The rows that are spread for the first loop are read in the last one; between them another loop works in tiles.
ACROSS = """
input X[N, D], T[N, C]
param g[D], W[D, C], c[C], V[C, D]
A = sin(X * g)
B = sin(A @ W + c) * c
E = (B @ V - X) * g
L = sum(E**2) + sum(exp(B))
"""
GIVEN = {
    "X": array(70, 3), "T": array(70, 2), "W": array(3, 4), "b": array(4), "V": array(4, 5), "c": array(5),
    "U": array(5, 2), "d": array(2),
}  # fmt: skip
GIVEN_ACROSS = {"X": array(70, 3), "g": array(3), "W": array(3, 2), "c": array(2), "V": array(2, 3), "T": array(70, 2)}


def memory_lines(text: str) -> list[str]:
    """The lines that make memory for `value_and_grad`."""
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def memory_of_value_and_grad") :]
    return body[: body.index("\n    loop")].split("\n")


def test_tiles_of_three_widths_are_in_one_room() -> None:
    lines = memory_lines(LAYERS)
    assert sum(" = np.empty(max(" in line or " = room_in(max(" in line for line in lines) == 1
    assert sum("tile_in(room, " in line for line in lines) == 3
    one = [line for line in lines if "np.empty((step" in line or "tile_in(room_in(" in line]
    assert len(one) == 1  # one loop needs two of its tiles at once


def test_a_room_is_as_long_as_the_longest_array() -> None:
    """Of arrays as long as a tile: two of 128 KiB and what is much smaller, and not four."""
    net = graphc.load(LAYERS, level=2, verify=False)
    sizes = {"N": 4096, "D": 2, "H": 64, "K": 128, "C": 32}
    shapes = {"X": "ND", "T": "NC", "W": "DH", "b": "H", "V": "HK", "c": "K", "U": "KC", "d": "C"}
    given = {name: np.zeros([sizes[size] for size in shape]) for name, shape in shapes.items()}
    tracemalloc.start()
    workspace = net.Workspace(**given)
    net.value_and_grad(**given, workspace=workspace)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    whole = 8 * sum(sizes["N"] * sizes[k] for k in "HHKKC")
    rest = 8 * sum(array.size for name, array in given.items() if name not in "XT") + 8 * sizes["N"]
    assert held <= whole + rest + 3 * 131072


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
@pytest.mark.parametrize(("text", "given"), [(LAYERS, GIVEN), (ACROSS, GIVEN_ACROSS)], ids=["layers", "across"])
@pytest.mark.parametrize("rows", [70, 1, 0])
def test_the_numbers_are_those_of_the_literal_derivation(
    text: str, given: dict[str, np.ndarray], tile: str, rows: int
) -> None:
    source = graphc.compile(text, level=2, verify=False)
    assert "tile_in(" in source
    fast = module_from(source.replace("131072", tile), "rooms.g")
    values = {name: given[name][:rows] if name in "XT" else given[name] for name in [*fast.INPUTS, *fast.PARAMETERS]}
    agree_in_a_workspace(fast, compiled(text, 0), values)


def test_on_threads_each_has_its_own_tiles() -> None:
    options = Options(level=2, verify=False, threads=2)
    assert "tile_in(" not in compile_source(Source(LAYERS), options).module


# ---------------------------------------------------------------- lives

NARROW, WIDE = (dim("N"), (dim("C"),)), (dim("N"), (dim("H"),))


def rooms_of(*ranges: Range) -> dict[int, int]:
    return find_rooms(ranges, {range.value: range.value for range in ranges}, ())


def tile(value: int, key: object, width: str, first: float, last: float, dtype: str = "float") -> Range:
    return Range(value, (key, (dim(width) if width != "1" else dim(1),), dtype), first, last)


def test_what_is_needed_at_different_times_shares_a_room() -> None:
    assert set(rooms_of(tile(0, WIDE, "H", 0, 3), tile(1, NARROW, "C", 4, 5))) == {0, 1}


@pytest.mark.parametrize(
    "other",
    [
        tile(1, NARROW, "C", 3, 5),  # needed while the other one is read for the last time
        tile(1, NARROW, "C", -0.5, 9),  # spread before the loop, and read behind it
        tile(1, WIDE, "C", 4, 5),  # of the same loops: they would be of different sizes
        tile(1, NARROW, "1", 4, 5),  # a number a row
        tile(1, NARROW, "C", 4, 5, "bool"),
    ],
)
def test_what_does_not_share_a_room(other: Range) -> None:
    assert rooms_of(tile(0, WIDE, "H", 0, 3), other) == {}


def test_whole_arrays_share_no_room() -> None:
    ranges = [tile(0, WIDE, "H", 0, 3), tile(1, NARROW, "C", 4, 5)]
    assert find_rooms(ranges, {0: 0, 1: 1}, {1}) == {}


@drawn_from(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 4)), max_size=20))
def test_no_room_is_needed_for_two_at_once(drawn: list[tuple[int, int, int]]) -> None:
    keys = [(dim("N"), (dim(f"W{k}"),)) for k in range(4)]
    ranges = [tile(v, keys[k], f"W{k}", first, first + long) for v, (k, first, long) in enumerate(drawn)]
    array = share(ranges)
    rooms = find_rooms(ranges, array, ())
    for a in ranges:
        for b in ranges:
            room = rooms.get(array[a.value])
            if room is not None and room == rooms.get(array[b.value]) and array[a.value] != array[b.value]:
                assert a.last < b.first or b.last < a.first
                assert a.kind != b.kind
