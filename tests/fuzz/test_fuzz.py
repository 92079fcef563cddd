"""A fixed number of fuzzing's inputs, the same on every run; `python tests/fuzz/run.py` goes on for as long as asked.

Whatever the input: exit status 0 or 1, no traceback, an error with a code, a place and words for people, the same text
twice; and what is accepted computes the same at every level as in the reference evaluator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from fuzz.commands import Outcome, every_command
from fuzz.inputs import KINDS, Input

FOUND = sorted((Path(__file__).parent / "found").glob("*.g"))
SHARES = 4
"""Each kind is in so many tests, for workers to share."""
COUNTS = {"bytes": 100, "grammatical": 20, "mutants": 25, "programs": 3, "mutated-programs": 10}
"""So many inputs of each kind a test has."""


def test_every_kind_has_its_share() -> None:
    assert set(COUNTS) == set(KINDS)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("kind", COUNTS)
def test_inputs(kind: str, share: int, tmp_path: Path) -> None:
    found = Counter(outcome.verdict for _, outcome in _outcomes(kind, share, tmp_path))
    assert sum(found.values()) == COUNTS[kind]
    if kind == "programs":
        assert found["accepted"] == COUNTS[kind]
    if kind == "bytes":
        assert found["refused"] >= 0.9 * COUNTS[kind]


def _outcomes(kind: str, share: int, folder: Path) -> Iterator[tuple[Input, Outcome]]:
    for number, made in enumerate(islice(KINDS[kind](share), COUNTS[kind])):
        try:
            where = folder / str(number)
            where.mkdir()
            yield made, every_command(made.data, where, made.files, grade=number % 20 == 0)
        except AssertionError as error:
            raise AssertionError(f"{made.made_of}: {error}\n{made.data!r}") from error


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_fuzzing_found(path: Path, tmp_path: Path) -> None:
    """Programs that once broke something."""
    every_command(path.read_bytes(), tmp_path)


def test_inputs_are_the_same_every_time() -> None:
    for kind, source in KINDS.items():
        first, second = (list(islice(source(9), 5)) for _ in range(2))
        assert first == second, kind
