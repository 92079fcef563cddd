"""Every public operation at -O2 in a workspace: a call after the first allocates no arrays.

The sizes of a case get names, and then large numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from allocating import allocated, in_one_tile, small_buffers
from graphc.ops.table import lookup, names
from ops.cases import Case, accepted, cases
from ops.running import quietly
from ops.values import in_domain

# What a size of a case becomes, by the largest rank of its arguments; larger sizes stay larger, so that windows fit.
SIZES = {
    1: {2: 9000, 3: 10000, 4: 11000, 5: 12000, 6: 13000},
    2: {2: 150, 3: 180, 4: 200, 5: 210, 6: 222},
    3: {2: 20, 3: 30, 4: 40, 5: 50, 6: 60, 7: 70, 8: 80},
    4: {2: 10, 3: 12, 4: 16, 5: 24, 6: 30, 7: 33},
}
OF_ALL_PAIRS = {"outer", "diag", "tensordot", "kron"}  # the results have entries for all pairs: short vectors do
LEAST = 60_000  # bytes of the largest argument: smaller cases show nothing
ALLOWED = 30_000
MEASURED = 3  # cases of an operation
NUMPY_HAS_NO_FORM = {
    **dict.fromkeys(
        ["cholesky", "det", "inv", "logdet", "pinv", "slogdet", "solve"], "numpy.linalg makes its results and copies"
    ),
}
SMALL_RESULTS = {  # nothing to measure: their arguments are numbers or sizes, or they have none
    "arange", "eye", "full", "ones", "zeros",
}  # fmt: skip


def enlarged(case: Case) -> dict[str, Any]:
    """The arguments of a case in other sizes: their numbers over and over."""
    rank = max((np.ndim(value) for value in case.arguments.values()), default=0)
    sizes = SIZES.get(2 if case.op in OF_ALL_PAIRS else rank, {})
    domains, rng = lookup(case.op).domain, np.random.default_rng(3)
    given: dict[str, Any] = {}
    for name, value in case.arguments.items():
        array = np.asarray(value)
        given[name] = np.resize(array, [sizes.get(n, n) for n in array.shape])
        if domains.get(name) in ("spd", "invertible", "simplex"):
            given[name] = in_domain(rng.uniform(-0.1, 0.1, given[name].shape), domains[name], rng)
    return given


def large(name: str) -> list[Case]:
    """Some cases whose sizes may be others."""
    found = []
    for case in cases(name):
        sizes = [value.nbytes for value in enlarged(case).values()]
        fits = bool(sizes) and max(sizes) < 1_000_000
        if fits and name in OF_ALL_PAIRS:
            fits = float(np.prod(sizes)) < 64 * 1e7
        elif fits:
            fits = max(sizes) >= LEAST
        if fits and accepted(case, symbolic=True) is None:
            found.append(case)
    return [found[k * len(found) // MEASURED] for k in range(MEASURED)] if len(found) > MEASURED else found


@pytest.mark.parametrize("name", [name for name in names() if name not in {*NUMPY_HAS_NO_FORM, *SMALL_RESULTS}])
def test_nothing_is_allocated(name: str) -> None:
    found = []
    measured = 0
    with quietly(), small_buffers():
        for case in large(name):
            peaks = allocated(in_one_tile(case.text(symbolic=True)), enlarged(case))
            measured += 1
            found += [f"{peak} bytes in {function}: {case.body}" for function, peak in peaks.items() if peak > ALLOWED]
    assert not found, found
    assert measured, "no case of this operation is large"


PICKED = [
    "x[i]", "x[:, i]", "x[..., i]", "x[:, 1:9, 2]", "x[..., None]", "x[:, i, 2]", "x[i, :, 1]", "x[1:, i, ::2]",
    "x[0, i]", "x[:, i, j]", "x[i, :, j]", "x[i, j]", "x[i, None]", "x[i, 3:9]",
]  # fmt: skip


@pytest.mark.parametrize("index", PICKED)
def test_what_an_index_picks_lives_in_the_workspace(index: str) -> None:
    rng = np.random.default_rng(0)
    given = {"x": rng.standard_normal((60, 70, 80))}
    given |= {name: rng.integers(0, 60, 200) for name in "ij" if name in index}
    declared = "".join(f"input {name}[P]: int\n" for name in given if name != "x")
    with quietly(), small_buffers():
        peaks = allocated(in_one_tile(f"param x[A, B, C]\n{declared}y = {index}\nL = sum(y * y)"), given)
    assert max(peaks.values()) <= ALLOWED, peaks


SHOWN = ["x[::-1]", "x[:, ::-1]", "x[::2]", "x[:, 1:]", "x.T", "x[::-1].T", "broadcast_to(x[:1], (A, B))"]
READ = [
    "swapaxes({0}, 0, 1) @ tanh({0})", "sum({0}, axis=0)", "var({0}, axis=1)", "sum({0} * tanh({0}))",
    "reshape({0}, (-1,))", "take({0}, i, axis=0)", "cumsum({0}, axis=1)", "where({0} > 0, {0}, {0}[::-1])",
]  # fmt: skip


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("shown", SHOWN)
def test_what_shows_an_array_otherwise_is_not_copied_in_every_call(shown: str, read: str) -> None:
    """NumPy copies it without a word where it does not read it as it is."""
    text = f"input i[P]: int\nparam x[A, B]\ny = {read.format(shown)}\nL = sum(y * sin(y))"
    given = {"i": np.arange(9), "x": np.random.default_rng(0).standard_normal((240, 60))}
    with quietly(), small_buffers():
        peaks = allocated(in_one_tile(text), given)
    assert max(peaks.values()) <= ALLOWED, peaks
