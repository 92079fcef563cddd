"""Symbolic sizes: arithmetic means what it means for integers, and equal polynomials are equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.ir.bounds import maximum, minimum
from graphc.ir.dims import Dim, broadcast_dim, dim, numel

NAMES = ("N", "D", "H")
many = settings(max_examples=300)

sizes = st.fixed_dictionaries({name: st.integers(1, 12) for name in NAMES})
leaves: st.SearchStrategy[Any] = st.one_of(st.sampled_from(NAMES).map(dim), st.integers(-4, 6).map(dim))


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] - p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
        inner.map(lambda d: -d),
    )


polynomials = st.recursive(leaves, _grown, max_leaves=6)


def _with_atoms(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    positive = st.one_of(st.integers(1, 5).map(dim), st.sampled_from(NAMES).map(dim))
    return st.one_of(
        _grown(inner),
        st.tuples(inner, positive).map(lambda p: p[0] // p[1]),
        st.tuples(inner, positive).map(lambda p: p[0] % p[1]),
        st.tuples(inner, inner).map(lambda p: maximum(*p)),
    )


dims = st.recursive(leaves, _with_atoms, max_leaves=6)


# ---------------------------------------------------------------- arithmetic


@given(dims, dims, sizes)
@many
def test_arithmetic_is_that_of_integers(a: Dim, b: Dim, at: dict[str, int]) -> None:
    x, y = a.evaluate(at), b.evaluate(at)
    assert (a + b).evaluate(at) == x + y
    assert (a - b).evaluate(at) == x - y
    assert (a * b).evaluate(at) == x * y
    assert (-a).evaluate(at) == -x
    assert (a**2).evaluate(at) == x**2
    assert maximum(a, b).evaluate(at) == max(x, y)


@given(dims, st.one_of(st.integers(1, 7).map(dim), st.sampled_from(NAMES).map(dim)), sizes)
@many
def test_division_is_that_of_integers(a: Dim, b: Dim, at: dict[str, int]) -> None:
    x, y = a.evaluate(at), b.evaluate(at)
    assert (a // b).evaluate(at) == x // y
    assert (a % b).evaluate(at) == x % y


@given(polynomials, polynomials, polynomials, st.integers(-3, 3), sizes)
@many
def test_bounds_of_sizes_are_those_of_integers(a: Dim, b: Dim, c: Dim, n: int, at: dict[str, int]) -> None:
    x, y, z = (d.evaluate(at) for d in (a, b, c))
    assert (maximum(a - b, dim(0)) + n * minimum(a, b)).evaluate(at) == max(x - y, 0) + n * min(x, y)
    assert (minimum(b + c, a + c) + c + maximum(a, b)).evaluate(at) == min(x, y) + z + z + max(x, y)


def test_what_divides_leaves_a_quotient() -> None:
    H = dim("H")
    assert (H - 4) // 2 + 1 == (H - 2) // 2 == H // 2 - 1
    assert (4 * H + 5) // 2 == 2 * H + 2
    assert (H + 7) % 2 == (H - 1) % 2
    assert (2 * H + 5) % 2 == 1
    assert H // 2 != (H + 1) // 2


@given(dims, st.integers(-3, 5), sizes)
@many
def test_integers_stand_on_either_side(a: Dim, n: int, at: dict[str, int]) -> None:
    x = a.evaluate(at)
    assert (n + a).evaluate(at) == n + x
    assert (n - a).evaluate(at) == n - x
    assert (n * a).evaluate(at) == n * x
    assert a + n == n + a


@pytest.mark.parametrize("operation", [lambda a: a // 0, lambda a: a % 0, lambda a: a // dim(0)])
def test_division_by_zero(operation: Callable[[Dim], Dim]) -> None:
    with pytest.raises(ZeroDivisionError):
        operation(dim("N"))


# ---------------------------------------------------------------- normal forms


@given(polynomials, polynomials, polynomials)
@many
def test_equal_polynomials_have_one_normal_form(a: Dim, b: Dim, c: Dim) -> None:
    for left, right in (
        (a + b, b + a), ((a + b) + c, a + (b + c)), (a * b, b * a), ((a * b) * c, a * (b * c)),
        (a * (b + c), a * b + a * c), (a - a, dim(0)), (a - b, -(b - a)), (a + 0, a), (a * 1, a), (a * 0, dim(0)),
    ):  # fmt: skip
        assert left == right
        assert hash(left) == hash(right)
        assert left.terms == right.terms
        assert str(left) == str(right)


def test_monomials_of_one_degree_and_the_same_names_have_an_order() -> None:
    """B**2*M and B*M**2: which comes first does not hang on how they came about."""
    B, K, M, N = map(dim, "BKMN")
    sizes = (M, K + 1 - N, M + 1 - B, B)
    assert numel(sizes) == M * numel(sizes[1:])
    assert B * B * M + B * M * M == B * M * M + B * B * M


@given(polynomials, polynomials)
@many
def test_polynomials_that_differ_somewhere_are_not_equal(a: Dim, b: Dim) -> None:
    """Polynomials of such degree that agree on this grid are the same; those that are equal agree everywhere."""
    grid = [{"N": n, "D": d, "H": h} for n in range(1, 8) for d in range(1, 8) for h in range(1, 8)]
    assert (a == b) == all(a.evaluate(at) == b.evaluate(at) for at in grid)


@given(dims)
@many
def test_no_coefficient_is_zero_and_no_monomial_stands_twice(a: Dim) -> None:
    assert all(coefficient for _, coefficient in a.terms)
    assert all(power > 0 for monomial, _ in a.terms for _, power in monomial)
    assert len({monomial for monomial, _ in a.terms}) == len(a.terms)


@given(st.integers(-5, 9))
def test_numbers(n: int) -> None:
    assert dim(n).value == n
    assert dim(n) == n
    assert dim(n).symbol is None
    assert list(dim(n).names()) == []


def test_names() -> None:
    assert dim("N").symbol == "N"
    assert dim("N").value is None
    assert (2 * dim("N")).symbol is None
    assert (dim("N") ** 2).symbol is None
    assert set((dim("N") * dim("D") + dim("H") // 2).names()) == {"N", "D", "H"}
    assert dim("?x.0:1").is_open
    assert not dim("N").is_open
    assert (dim("?x.0:1") // 2 + dim("N")).is_open


# ---------------------------------------------------------------- text


@given(dims, sizes)
@many
def test_the_text_is_a_python_expression_of_the_same_value(a: Dim, at: dict[str, int]) -> None:
    assert eval(a.text(), {"max": max, "min": min}, dict(at)) == a.evaluate(at)
    assert eval(f"7 * {a.text(tight=True)}", {"max": max, "min": min}, dict(at)) == 7 * a.evaluate(at)
    renamed = {f"{name}_": size for name, size in at.items()}
    assert eval(a.text(lambda name: f"{name}_"), {"max": max, "min": min}, renamed) == a.evaluate(at)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (dim("N") + 1, "N + 1"), (2 * dim("N"), "2*N"), (dim("H") - dim("K") + 1, "H + 1 - K"), (dim("N") ** 2, "N**2"),
        (dim("N") // 2, "N//2"), (dim(0), "0"), (-dim("N"), "-N"), (1 - dim("N"), "1 - N"),
        ((dim("N") + 1) // 2, "(N + 1)//2"), (dim("N") - dim("N") // 2, "N - N//2"), (-(dim("N") // 2), "-(N//2)"),
    ],
)  # fmt: skip
def test_text(size: Dim, text: str) -> None:
    assert str(size) == text


# ---------------------------------------------------------------- substitution, division, solving


@given(dims, st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, polynomials)), sizes)
@many
def test_substitution_commutes_with_evaluation(a: Dim, bindings: dict[str, Dim], at: dict[str, int]) -> None:
    inner = {**at, **{name: b.evaluate(at) for name, b in bindings.items()}}
    try:
        want = a.evaluate(inner)
    except ZeroDivisionError:
        return
    try:
        have = a.substitute(bindings)
    except ZeroDivisionError:
        return  # a divisor became 0
    assert have.evaluate(at) == want


@given(dims)
@many
def test_substituting_nothing_changes_nothing(a: Dim) -> None:
    assert a.substitute({}) is a
    assert a.substitute({"Q": dim(3)}) is a
    assert a.substitute(dict(zip(NAMES, map(dim, NAMES), strict=True))) == a


@given(polynomials, polynomials)
@many
def test_an_exact_quotient_times_the_divisor_is_the_dividend(a: Dim, b: Dim) -> None:
    quotient = a.divided_by(b) if b.terms else None
    if quotient is not None:
        assert quotient * b == a


@given(polynomials, st.tuples(st.integers(1, 4), st.sampled_from(NAMES), st.integers(0, 2)))
@many
def test_a_multiple_is_divided(a: Dim, monomial: tuple[int, str, int]) -> None:
    coefficient, name, power = monomial
    divisor = coefficient * dim(name) ** power
    assert (a * divisor).divided_by(divisor) == a
    assert (a * divisor) // divisor == a
    assert (a * divisor) % divisor == 0


def test_what_does_not_divide() -> None:
    N, D = dim("N"), dim("D")
    assert (N + 1).divided_by(N) is None
    assert (N * D).divided_by(N**2) is None
    assert (3 * N).divided_by(dim(2)) is None
    assert N.divided_by(N + D) is None
    assert (N + D).divided_by(N + D) == 1


@given(polynomials, polynomials, st.sampled_from(NAMES))
@many
def test_a_linear_size_is_taken_apart(a: Dim, b: Dim, name: str) -> None:
    slope, rest = (d.substitute({name: dim(2)}) for d in (a, b))  # neither holds the name any more
    parts = (slope * dim(name) + rest).linear_in(name)
    assert parts == (slope, rest)


@given(dims, st.sampled_from(NAMES), sizes)
@many
def test_what_linear_in_says_holds(a: Dim, name: str, at: dict[str, int]) -> None:
    parts = a.linear_in(name)
    if parts is not None:
        slope, rest = parts
        assert name not in {*slope.names(), *rest.names()}
        assert slope.evaluate(at) * at[name] + rest.evaluate(at) == a.evaluate(at)


def test_what_is_not_linear() -> None:
    N, D = dim("N"), dim("D")
    assert (N * N).linear_in("N") is None
    assert (N // 2).linear_in("N") is None
    assert (N * (N // 2)).linear_in("N") is None
    assert (N * D + D).linear_in("N") == (D, D)
    assert D.linear_in("N") == (dim(0), D)


@given(dims, sizes)
@many
def test_what_is_said_to_be_nonnegative_is(a: Dim, at: dict[str, int]) -> None:
    if a.is_nonnegative():
        assert a.evaluate(at) >= 0 or any(m and not all(isinstance(s, str) for s, _ in m) for m, _ in a.terms)


# ---------------------------------------------------------------- broadcasting


@given(polynomials, polynomials, sizes)
@many
def test_broadcasting_of_declared_sizes(a: Dim, b: Dim, at: dict[str, int]) -> None:
    """Equal, or one of them 1; everything else is refused, whatever the numbers would be."""
    together = broadcast_dim(a, b)
    if a == b or b == 1:
        assert together == a
    elif a == 1:
        assert together == b
    else:
        assert together is None


@given(st.sampled_from([1, 2, 5]), st.sampled_from([1, 2, 5]))
def test_broadcasting_of_open_sizes_is_left_to_run_time(n: int, m: int) -> None:
    a, b = dim("?x.0:1"), dim("?y.1:2")
    together = broadcast_dim(a, b)
    assert together is not None
    if n == m or 1 in (n, m):
        assert together.evaluate({"?x.0:1": n, "?y.1:2": m}) == max(n, m)
    assert broadcast_dim(a, dim(3)) == 3
    assert broadcast_dim(dim(3), a) == 3
    assert broadcast_dim(a, a) == a
    assert broadcast_dim(a, dim(1)) == a


@given(st.lists(st.sampled_from([0, 1, 3]), min_size=3, max_size=3))
def test_of_open_sizes_that_broadcast_each_is_named_once(actual: list[int]) -> None:
    names = [f"?x.{k}:3" for k in range(3)]
    a, b, c = map(dim, names)
    together = broadcast_dim(broadcast_dim(a, b) or a, c)
    assert together is not None
    assert together == broadcast_dim(a, broadcast_dim(b, c) or b) == broadcast_dim(together, a)
    assert str(together).count("x.shape[2]") == 1
    for size in {0, 3} - {n for n in actual if n != 1}:  # those that are not 1 are equal
        at = {name: size if n != 1 else 1 for name, n in zip(names, actual, strict=True)}
        want = size if set(at.values()) != {1} else 1
        shown = together.text(lambda name, at=at: str(at[name]))  # type: ignore[misc]  # a default binds it
        assert together.evaluate(at) == eval(shown) == want


@given(st.lists(st.sampled_from([*NAMES, 1, 2, 3]), max_size=4), sizes)
@many
def test_number_of_entries(shape: list[str | int], at: dict[str, int]) -> None:
    product = 1
    for size in shape:
        product *= size if isinstance(size, int) else at[size]
    assert numel(tuple(map(dim, shape))).evaluate(at) == product
