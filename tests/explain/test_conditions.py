"""Conditions in simple form hold where the conditions themselves hold, whatever the sizes are."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from graphc.explain.conditions import when
from graphc.explain.deltas import within
from graphc.explain.index_values import evaluate
from graphc.explain.indices import total
from graphc.explain.products import add, apply, mul
from graphc.explain.terms import ONE, ZERO, Expr, Index, Is, fresh, number, size
from graphc.ir.bounds import maximum, minimum
from graphc.ir.dims import Dim, dim

N, H = dim("N"), dim("H")
CUT = maximum(N - 1, dim(0))
RELATIONS = "=≠<≤>≥"


def place(source: random.Random, indices: list[Index]) -> Expr:
    """A place that is counted by indices, sizes and numbers."""
    terms: list[Expr] = [number(source.randint(-2, 2))]
    terms += [mul(number(source.choice((-1, 1))), i) for i in source.sample(indices, source.randint(0, 2))]
    terms += [size(source.choice((N, -N, H, N + H, N - 1)))] * source.randint(0, 1)
    if not source.randint(0, 3):
        terms.append(apply("mod", add(source.choice(indices), number(1)), size(source.choice((N, dim(3))))))
    return add(*terms)


@pytest.mark.parametrize("fourth", [dim(1), CUT], ids=str)
@pytest.mark.parametrize("seed", range(200))
def test_a_condition_in_simple_form_is_the_condition(seed: int, fourth: Dim) -> None:
    source = random.Random(seed)
    indices = [fresh(n) for n in (N, H, N + H, fourth, N + 1)]
    left, right = place(source, indices), place(source, indices)
    if source.randint(0, 1):
        left = source.choice(indices)
    relation = source.choice(RELATIONS)
    made, plain = when(left, relation, right), Is(relation, left, right)
    summed = total(indices[2], mul(made, add(indices[2], number(2))))
    for n, h in itertools.product((1, 2, 4), (1, 3)):
        sizes = {"N": n, "H": h}
        wanted = evaluate(plain, indices, {}, sizes)
        np.testing.assert_array_equal(evaluate(made, indices, {}, sizes), wanted)
        weights = np.arange(n + h).reshape(n + h, 1, 1) + 2
        rest = [i for i in indices if i is not indices[2]]
        np.testing.assert_array_equal(evaluate(summed, rest, {}, sizes), (wanted * weights).sum(axis=2))


@pytest.mark.parametrize(("relation", "bound", "wanted"), [
    ("<", ZERO, ZERO), ("≥", ZERO, ONE), ("≤", size(N), ONE), (">", size(N), ZERO), ("=", size(N + 1), ZERO),
    ("≠", number(-1), ONE),
])  # fmt: skip
def test_what_holds_for_every_index_is_no_condition(relation: str, bound: Expr, wanted: Expr) -> None:
    assert when(fresh(N + 1), relation, bound) == wanted


def test_an_index_of_what_is_left_by_a_cut_lies_below_what_is_left() -> None:
    """`max(N − 1, 0)` is `N − 1` where it has entries, and an index of any size is within it."""
    assert when(fresh(CUT), "<", size(N - 1)) == when(fresh(CUT), "<", size(CUT)) == ONE
    for size_ in (CUT, minimum(CUT, H), minimum(N, H)):
        assert within(fresh(size_), size_) == ONE


def test_a_bound_that_leaves_one_place_is_that_place() -> None:
    index = fresh(N + 1)
    assert when(index, "≥", size(N)) == Is("=", index, size(N))
    assert when(index, "≤", ZERO) == when(index, "<", number(1)) == Is("=", index, ZERO)
