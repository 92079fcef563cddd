"""The larger and the smaller of sizes have one form; equal forms are equal sizes, and sizes cut from one are equal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir import bounds
from graphc.ir.bounds import maximum, minimum
from graphc.ir.dims import Dim, DimLike, broadcast_dim, dim
from graphc.ops.cuts import Cut, length, normal_cut, written_end

N, M, K, D = map(dim, "NMKD")
many = settings(max_examples=100, deadline=None)
sizes = st.fixed_dictionaries({name: st.integers(0, 12) for name in "NMKD"})


def _bounded(leaves: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda p: p[0] + p[1]), pairs.map(lambda p: p[0] - p[1]), pairs.map(lambda p: maximum(*p)),
            pairs.map(lambda p: minimum(*p)), st.tuples(st.integers(1, 3), inner).map(lambda p: p[0] * p[1]),
        )  # fmt: skip

    return st.recursive(leaves, grown, max_leaves=most)


numbers = st.integers(-4, 6).map(dim)
along_one = _bounded(st.one_of(st.just(N), numbers), 6)
along_difference = _bounded(st.one_of(st.just(N - M), numbers), 6)
polynomials = st.builds(lambda a, b, c, n: a * N + b * M + c * N * D + n, *[st.integers(-2, 2)] * 3, st.integers(-4, 4))
anything = _bounded(st.one_of(st.sampled_from([N, M, K, N * D, N // 2]), numbers), 6)


class Clipping:
    """Who keeps the requirements on sizes, where slices may be clipped."""

    def at_least(self, size: Dim, minimum: Dim | int, what: str) -> None:
        raise AssertionError(f"{what}: {size} >= {minimum}")

    def may_clip(self) -> bool:
        return True


def cut(size: DimLike, start: DimLike | None, stop: DimLike | None, step: int | None = None) -> Dim:
    """The size of `x[start:stop:step]` along an axis of this size."""
    size = dim(size)
    return length(size, normal_cut(Clipping(), size, Cut(start, stop, step)))


# ---------------------------------------------------------------- values


@given(anything, anything, sizes)
@many
def test_bounds_are_those_of_integers(a: Dim, b: Dim, at: dict[str, int]) -> None:
    x, y = a.evaluate(at), b.evaluate(at)
    assert maximum(a, b).evaluate(at) == max(x, y)
    assert minimum(a, b).evaluate(at) == min(x, y)
    assert eval(str(maximum(a, b)), {"max": max, "min": min}, dict(at)) == max(x, y)
    assert eval(f"2*{minimum(a, b).text(tight=True)}", {"max": max, "min": min}, dict(at)) == 2 * min(x, y)


@given(anything, sizes)
@many
def test_what_is_said_to_be_nonnegative_is(a: Dim, at: dict[str, int]) -> None:
    if a.is_nonnegative():
        assert a.evaluate(at) >= 0


@given(anything, st.integers(1, 5), sizes)
@many
def test_quotients_of_bounds_are_those_of_integers(a: Dim, n: int, at: dict[str, int]) -> None:
    assert (a // n).evaluate(at) == a.evaluate(at) // n
    assert (a % n).evaluate(at) == a.evaluate(at) % n


@given(anything, st.sampled_from([dim(0), dim(2), M, K + 1, maximum(M - 1, dim(0)), minimum(K, dim(3))]), sizes)
@many
def test_substitution_commutes_with_evaluation(a: Dim, by: Dim, at: dict[str, int]) -> None:
    assert a.substitute({"N": by}).evaluate(at) == a.evaluate({**at, "N": by.evaluate(at)})
    assert a.substitute({"N": dim("N")}) == a


# ---------------------------------------------------------------- one form


@pytest.mark.parametrize("inner", [along_one, along_difference], ids=["of a size", "of a difference"])
@given(data=st.data())
@many
def test_along_one_size_equal_bounds_have_one_form(inner: st.SearchStrategy[Dim], data: st.DataObject) -> None:
    a, b, c = (data.draw(inner) for _ in range(3))
    for left, right in (
        (maximum(a, b), maximum(b, a)), (maximum(a, b) + minimum(a, b), a + b),
        (maximum(a, maximum(b, c)), maximum(maximum(a, b), c)), (maximum(a, minimum(a, b)), a),
        (maximum(a, minimum(b, c)), minimum(maximum(a, b), maximum(a, c))), (minimum(a, b), -maximum(-a, -b)),
        (maximum(a + c, b + c), maximum(a, b) + c), (maximum(3 * a, 3 * b), 3 * maximum(a, b)),
        (maximum(maximum(a, dim(0)) - 2, dim(0)), maximum(a - 2, dim(0))), (maximum(a, a), a),
    ):  # fmt: skip
        assert left == right
        assert left.terms == right.terms
        assert str(left) == str(right)


@given(along_one, along_one)
@many
def test_along_one_size_different_forms_are_different_sizes(a: Dim, b: Dim) -> None:
    """Kinks of such small numbers lie before 40; between integers they are seen where the slope is."""
    places = [n / 12 for n in range(480)]
    assert (a == b) == all(abs(a.evaluate({"N": n}) - b.evaluate({"N": n})) < 1e-6 for n in places)  # type: ignore[dict-item]


@given(polynomials, polynomials, polynomials)
@many
def test_equal_bounds_of_polynomials_have_one_form(a: Dim, b: Dim, c: Dim) -> None:
    for left, right in (
        (maximum(a, b), maximum(b, a)), (maximum(a, b) + minimum(a, b), a + b),
        (maximum(a, maximum(b, c)), maximum(maximum(a, b), c)), (maximum(a, minimum(a, b)), a),
        (minimum(a, minimum(b, c)), minimum(minimum(c, a), b)), (maximum(a + c, b + c), maximum(a, b) + c),
        (maximum(2 * a, 2 * b), 2 * maximum(a, b)), (maximum(a, b, c), maximum(c, b, a)),
    ):  # fmt: skip
        assert left == right
        assert str(left) == str(right)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.sampled_from([N, 2 * N, N + 1, N + M, N * D]))
@many
def test_slices_that_cut_an_axis_into_parts_add_up_to_it(places: list[int], size: Dim) -> None:
    ends = [None, *sorted(places), None]
    assert sum((cut(size, a, b) for a, b in pairwise(ends)), dim(0)) == size


@pytest.mark.parametrize("size", [N, N + M, 2 * N], ids=str)
def test_slices_at_names_add_up_to_the_axis(size: Dim) -> None:
    assert cut(size, None, K) + cut(size, K, None) == size
    assert cut(size, None, K) + cut(size, K, 2 * K) + cut(size, 2 * K, None) == size
    assert cut(size, None, K) + cut(size, K, K + 2) + cut(size, K + 2, K + 5) + cut(size, K + 5, None) == size
    assert cut(size, None, -K) + cut(size, -K, None) == size


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=8), st.integers(0, 3))
@many
def test_a_slice_of_slices_is_one_slice(steps: list[tuple[int, bool]], last: int) -> None:
    size, front, back = N, 0, 0
    for count, at_front in steps:
        size = cut(size, count, None) if at_front else cut(size, None, -count) if count else size
        front, back = front + count * at_front, back + count * (not at_front)
    assert size == maximum(N - front - back, dim(0))
    assert cut(size, None, last) == minimum(size, dim(last)) == cut(cut(size, None, last + 2), None, last)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_rolls_keep_the_size(steps: list[int]) -> None:
    size = N
    for step in steps:
        size = cut(size, step, None) + cut(size, None, step)
    assert size == N


@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4))
def test_windows_pads_and_strides(before: int, window: int, step: int) -> None:
    padded = N + 2 * before
    assert cut(padded, before, N + before) == N
    assert cut(cut(N, before, None), None, None, step) == cut(N, before, None, step)
    assert cut(cut(N, None, window), None, None, step) == cut(N, None, window, step)
    assert cut(padded, None, None, step) == (padded + step - 1) // step


@given(st.integers(-6, 6), st.integers(0, 3), st.sampled_from([N, N + 1, 2 * N]))
def test_what_was_written_for_a_clipped_place_is_found_again(end: int, before: int, size: Dim) -> None:
    size = cut(size, before, None)
    place = minimum(size, dim(end)) if end >= 0 else maximum(size + end, dim(0))
    clipped = place != (end if end >= 0 else size + end)
    assert written_end(place, size) == (dim(end) if clipped else None)


def test_what_nothing_brings_into_one_form_is_limited() -> None:
    size = N
    with pytest.raises(OverflowError, match="too large"):
        for name in "ABCEFGHIJKLM" * 4:
            size = maximum(size - dim(name), dim(0)) * dim(name) + minimum(size, 2 * dim(name))


# ---------------------------------------------------------------- signs


@pytest.mark.parametrize(
    "size", [dim(-2) // N, (-N) // 2, N % -M, N - M // 2, dim(0) - N, maximum(N - 3, dim(0)) - 1], ids=str
)
def test_what_may_be_negative(size: Dim) -> None:
    assert not size.is_nonnegative()


@pytest.mark.parametrize(
    "size",
    [N // 2, N % M, -((-N) // 2), minimum(N, M), minimum(N, dim(3)), N - minimum(N, M), maximum(N - M, dim(0)) * K,
     maximum(N, M) - M, cut(N, 1, 3), cut(N, 1, -1), dim(0), (N - M) ** 2 - N * N + 2 * N * M],
    ids=str,
)  # fmt: skip
def test_what_is_not_negative(size: Dim) -> None:
    assert size.is_nonnegative()


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (minimum(N, dim(3)), "min(N, 3)"), (maximum(N, dim(3)), "max(N, 3)"), (maximum(N - 3, dim(0)), "max(N - 3, 0)"),
        (minimum(N, M), "min(M, N)"), (maximum(M, N), "max(M, N)"), (cut(N, 1, 3), "min(max(N - 1, 0), 2)"),
        (cut(N, 1, -1), "max(N - 2, 0)"), (N - minimum(N, dim(3)), "max(N - 3, 0)"),
        (-minimum(N, M), "max(M - N, 0) - M"),
        (minimum(N, dim(3)) * D * 2, "2*D*min(N, 3)"), (minimum(N, dim(3)) + minimum(N, M), "min(M, N) + min(N, 3)"),
        (minimum(N, K, dim(3)), "min(K, N, 3)"), (maximum(N, K, dim(3)), "max(K, N, 3)"),
        (cut(N, K, None), "max(N - K, 0)"),
        (cut(N, None, K), "min(K, N)"), (N + minimum(N, dim(2)), "N + min(N, 2)"),
        (maximum(2 * N - 3, dim(0)), "max(2*N - 3, 0)"),
        (minimum(N, K - 2), "min(K - 2, N)"), (cut(N, 1, None, 2), "N//2"), (cut(N, None, 9, 2), "min((N + 1)//2, 5)"),
    ],
)  # fmt: skip
def test_text(size: Dim, text: str) -> None:
    assert str(size) == text


def test_bounds_broadcast_where_they_are_equal() -> None:
    assert broadcast_dim(cut(N, 1, None) + cut(N, None, 1), N) == N
    assert broadcast_dim(cut(N, 1, None), N) is None


def test_the_end_of_a_cut_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stage asks for it again: of a program that cuts at many places this was half of a compile."""
    worked_out: list[Dim] = []
    bound = bounds._bound

    def noted(e: Dim) -> Dim:
        worked_out.append(e)
        return bound(e)

    monkeypatch.setattr(bounds, "_bound", noted)
    bounds._positive.cache_clear()  # it lives as long as the process, and may know these ends from another test
    cuts = "\n".join(f"L_{k + 1} = L_{k} + sum(x[{k}:{k + 3}]**2)" for k in range(20))
    graphc.compile(f"param x[M_of_cuts]\nL_0 = sum(x)\n{cuts}\noutput L_20", verify=False)
    assert 20 <= len(worked_out) <= 40
