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
    body = re.sub(r"\n {8,}|\n(?=    \))|(?<=\n) +", "", body[: body.index("\n    loop")])  # a statement a line
    rows = r"(?:step_|repeated_rows\(N, step_, H(?:, False)?\))"
    made = re.compile(rf"np\.empty\(\({rows}, H\).*|tile_in\(room_in\(.*\), {rows}, H *\)")
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


@pytest.mark.parametrize("condition", ["width >= 1", "few", "not few"])
def test_a_row_that_numpy_repeats_gives_the_same_numbers(condition: str) -> None:
    """As in programs of larger arrays: of rows that are the same in all of one tile, or two, there is one."""
    source = graphc.compile(NORM, level=2, verify=False)
    asked = "few and count * width >= 16384"
    assert asked in source
    for tile in ("131072", "1200", "64"):
        fast = module_from(source.replace(asked, condition).replace("131072", tile), "spreads.g")
        agree_in_a_workspace(fast, compiled(NORM, 0), GIVEN)


def test_a_bias_is_written_out_once_for_short_rows_and_the_zeros_are_not() -> None:
    """Where there is one tile: of the zeros each call would pay for it."""
    source = graphc.compile("input X[N, D]\nparam W[D, H], b[H]\nL = sum(relu(X @ W + b)**3)", level=2, verify=False)
    memory = source[source.index("def memory_of_value_and_grad") :]
    rows = re.findall(r"repeated_rows\(N, step_, H(.*?)\)", memory[: memory.index("\n    loop")])
    assert ", False" in rows and "" in rows
    called: dict[str, object] = {}
    exec(source[source.index("def repeated_rows") :].partition("\n\n\n")[0], called)
    repeated = called["repeated_rows"]
    assert callable(repeated)
    assert [repeated(2048, 2048, 10), repeated(2048, 2048, 10, False), repeated(2048, 1024, 10)] == [1, 2048, 1024]
    assert [repeated(64, 64, 256, False), repeated(128, 64, 256), repeated(192, 64, 256)] == [1, 1, 64]
    assert repeated(32, 32, 256) == 32  # of few entries


def test_what_is_one_tile_needs_no_tile_of_a_bias_and_none_of_zeros() -> None:
    source = graphc.compile(
        "input X[N, D]\nparam W[D, H], b[H], V[H, C]\nL = sum((relu(X @ W + b) @ V)**2)", level=2, verify=False
    )
    fast = module_from(source, "spreads.g")
    for rows, shape in ((128, 1), (96, 1), (512, 64), (32, 32)):  # tiles of 64 rows; the last is of few entries
        given = {"X": array(rows, 4), "W": array(4, 256), "b": array(256), "V": array(256, 3)}
        fast.value_and_grad(**given, workspace=(workspace := fast.Workspace(**given)))
        loops = [part for part in workspace.value_and_grad if type(part) is list]
        first = next(loop[0] for loop in loops if loop[0][0].shape[1:] == (256,))
        assert min(part.shape[0] for part in first) == shape, rows
