"""What is spread over tiles shares arrays with what tiles hold, and keeps its numbers as long as a loop needs them."""

from __future__ import annotations

import re

import pytest

import graphc
from emitter.plans import agree_in_a_workspace
from graphc.api import module_from
from ops.programs import array, compiled

NORM = """input X[N, D]
param W[D, H], g[H], h[H], V[H, C]
Z = X @ W
m = mean(Z, axis=0)
v = mean((Z - m)**2, axis=0)
q = (Z - m) / sqrt(v + 0.1)
L = sum((relu(q * g + h) @ V)**2)
"""
GIVEN = {"X": array(70, 3), "W": array(3, 4), "g": array(4), "h": array(4, seed=1), "V": array(4, 2)}


def arrays_of_tiles(text: str) -> list[list[str]]:
    """The names in each array as long as a tile, in the memory of `value_and_grad`."""
    source = graphc.compile(text, level=2, verify=False)
    body = source[source.index("def memory_of_value_and_grad") :]
    body = body[: body.index("\n    loop")]
    made = re.compile(r"np\.empty\(\(step_, H\).*|tile_in\(room_in\(.*\), step_, H\)")
    found: list[list[str]] = []
    for line in body.split("\n"):
        *names, last = line.strip().split(" = ")
        if made.fullmatch(last):
            found.append(names)
        for others in found:  # a long line goes on
            others += names if last in others else []
    return found


def test_no_row_that_is_spread_takes_an_array_that_is_free() -> None:
    """m, g, h, the reciprocal deviation and two multiples of rows are six; at most four are needed at once."""
    found = [names for names in arrays_of_tiles(NORM) if names != ["factors"]]  # truth values, as numbers
    assert sum(name.endswith(("_spread", "_spread_2")) for names in found for name in names) == 6
    assert len(found) == 4, found
    assert any(len(names) > 1 and any(name.endswith("_spread") for name in names) for names in found)


@pytest.mark.parametrize("tile", ["131072", "64", "1"])
def test_the_numbers_are_those_of_the_literal_derivation(tile: str) -> None:
    source = graphc.compile(NORM, level=2, verify=False)
    fast = module_from(source.replace("131072", tile), "spreads.g")
    agree_in_a_workspace(fast, compiled(NORM, 0), GIVEN)
