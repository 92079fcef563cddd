"""Buffers by live ranges: who gets whose array, and how many there are."""

from __future__ import annotations

import random

from graphc.passes.storage import Range, share


def test_a_dead_operand_gives_its_array() -> None:
    found = share([Range(0, "NH", 0, 1), Range(1, "NH", 1, 2, over=(0,))])
    assert found[0] == found[1]


def test_an_operand_that_lives_on_does_not() -> None:
    found = share([Range(0, "NH", 0, 5), Range(1, "NH", 1, 2, over=(0,))])
    assert found[0] != found[1]


def test_an_operand_is_not_overwritten_by_what_reads_it_as_a_whole() -> None:
    found = share([Range(0, "NH", 0, 1), Range(1, "NH", 1, 2)])
    assert found[0] != found[1]


def test_arrays_of_other_kinds_are_not_shared() -> None:
    found = share([Range(0, "NH", 0, 0), Range(1, "NC", 1, 1), Range(2, "NH", 2, 2)])
    assert found[0] == found[2] != found[1]


def test_results_are_kept() -> None:
    found = share([Range(0, "NH", 0, float("inf")), Range(1, "NH", 1, 2), Range(2, "NH", 3, 4)])
    assert found[0] not in (found[1], found[2])
    assert found[1] == found[2]


def test_a_long_chain_needs_two_arrays() -> None:
    ranges = [Range(k, "NH", k, k + 1) for k in range(1000)]
    assert len(set(share(ranges).values())) == 2


def test_values_that_live_at_once_never_share() -> None:
    rng = random.Random(0)
    for _ in range(200):
        ranges = []
        for k in range(40):
            first = rng.randrange(60)
            over = tuple(r.value for r in ranges if r.last == first)[:1]
            ranges.append(Range(k, rng.choice("ab"), first, first + rng.randrange(20), over))
        found = share(ranges)
        for a in ranges:
            for b in ranges:
                meets = a.value < b.value and a.first <= b.last and b.first <= a.last
                given = (a.value in b.over and a.last == b.first) or (b.value in a.over and b.last == a.first)
                if meets and not given:
                    assert found[a.value] != found[b.value] or a.kind != b.kind, (a, b)
