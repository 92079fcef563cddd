"""The inputs of the fuzzing by kind, each the same for the same seed and number."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.corpus import corpus
from fuzz.grammatical import grammatical
from fuzz.mutations import mutate, random_bytes
from fuzz.program import Wide
from fuzz.wide import wide
from properties.programs import programs

__all__ = ["KINDS", "Input"]

T = TypeVar("T")
BATCH = 20
"""So many programs hypothesis draws at a time; within one batch it tries not to repeat itself."""


@dataclass(frozen=True)
class Input:
    """A program's bytes, the files beside it, and what it was made of."""

    data: bytes
    made_of: str
    files: dict[str, str] = field(default_factory=dict, hash=False)
    program: Wide | None = field(default=None, hash=False)
    """The same with its meaning in Python, to be compared with autograd."""


def _bytes(start: int) -> Iterator[Input]:
    for number in _count(start):
        yield Input(random_bytes(random.Random(number)), f"bytes {number}")


def _mutants(start: int) -> Iterator[Input]:
    seeds = corpus()
    for number in _count(start):
        rng = random.Random(number)
        base, other = rng.choice(seeds), rng.choice(seeds)
        yield Input(mutate(rng, base.text, other.text), f"mutant {number} of {base.name}", base.files)


def _grammatical(start: int) -> Iterator[Input]:
    for text, number in _drawn(grammatical(), start):
        yield Input(text.encode("utf-8", "surrogatepass"), f"grammatical {number}")


def _programs(start: int) -> Iterator[Input]:
    for program, number in _drawn(programs(), start):
        yield Input(program.text.encode(), f"program {number}")


def _mutated_programs(start: int) -> Iterator[Input]:
    seeds = corpus()
    for program, number in _drawn(programs(), start):
        rng = random.Random(number)
        yield Input(mutate(rng, program.text, rng.choice(seeds).text), f"mutated program {number}")


def _wide(start: int) -> Iterator[Input]:
    for number in _count(start):
        program = wide(number)
        yield Input(program.text.encode(), f"wide program {number}", program=program)


KINDS: dict[str, Callable[[int], Iterator[Input]]] = {
    "bytes": _bytes, "mutants": _mutants, "grammatical": _grammatical, "programs": _programs,
    "mutated-programs": _mutated_programs, "wide": _wide,
}  # fmt: skip


def _count(start: int) -> Iterator[int]:
    number = start * 1_000_000
    while True:
        yield number
        number += 1


def _drawn(strategy: st.SearchStrategy[T], start: int) -> Iterator[tuple[T, int]]:
    """What hypothesis draws, each with a number of its own."""
    numbers = _count(start)
    for batch in _count(start):
        yield from zip(_batch(strategy, batch), numbers, strict=False)


def _batch(strategy: st.SearchStrategy[T], number: int) -> list[T]:
    drawn: list[T] = []

    @seed(number)
    @settings(
        max_examples=BATCH, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def collect(value: T) -> None:
        drawn.append(value)

    collect()
    return drawn
