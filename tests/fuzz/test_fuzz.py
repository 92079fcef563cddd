"""A fixed number of fuzzing's inputs, the same on every run; `python tests/fuzz/run.py` goes on for as long as asked.

Whatever the input: exit status 0 or 1, no traceback, an error with a code, a place and words for people, the same text
twice; and what is accepted computes the same at every level as in the reference evaluator.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from fuzz.commands import Outcome, every_command
from fuzz.differential import compare
from fuzz.forms import CALCULUS, FORMS, SEVERAL
from fuzz.inputs import KINDS, Input
from fuzz.translation import meanings
from fuzz.twin import differing
from graphc.ops.table import names

FOUND = sorted((Path(__file__).parent / "found").glob("*.g"))
SHARES = 4
"""Each kind is in so many tests, for workers to share."""
COUNTS = {"bytes": 100, "grammatical": 20, "mutants": 25, "programs": 3, "mutated-programs": 10, "wide": 1}
"""So many inputs of each kind a test has."""
BY_SIGNS = {"greater_equal", "less_equal", "not_equal"}
DIFFERENT = 25
"""So many wide programs a test compares with autograd."""


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


@pytest.mark.parametrize("share", range(SHARES))
def test_wide_programs_compute_what_autograd_does(share: int) -> None:
    """Values, gradients and steps, at every level and in one more way, in both floating types, at three sizes."""
    samples = 0
    for made in islice(KINDS["wide"](share), DIFFERENT):
        assert made.program is not None
        try:
            samples += compare(made.program).samples
        except AssertionError as error:
            raise AssertionError(f"{made.made_of}: {error}\n{made.program.text}") from error
    assert samples >= 1.5 * DIFFERENT


def test_every_operation_stands_in_wide_programs() -> None:
    """The forms have all of them by their names, or by the signs and brackets that mean them."""
    forms = " ".join(form for family in (*FORMS.values(), SEVERAL, CALCULUS) for form in family)
    said = set(re.findall(r"\b(\w+)\(", forms))
    assert set(names()) - said <= BY_SIGNS


def test_another_hash_seed_changes_nothing() -> None:
    inputs = [made.data for kind in COUNTS for made in islice(KINDS[kind](7), 4)]
    assert differing(inputs) == []


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


def test_the_translation_keeps_integers() -> None:
    known = meanings()
    for x, kind in ((np.array([1, 2]), "i"), (np.array([True, False]), "b"), (np.array([0.5, 1.0]), "f")):
        assert known["broadcast_to"](x, (3, 2)).dtype.kind == kind
        assert known["where"](np.array([True, False]), x, x).dtype.kind == kind


def test_a_run_too_short_for_a_twin_finds_nothing_different() -> None:
    assert differing([]) == []
