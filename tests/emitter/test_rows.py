"""Rows picked and added at -O2: into memory that exists, entry by entry."""

from __future__ import annotations

import tracemalloc
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import compiled

BAG = """
input i[N, T]: int, y[N]: int
param E[V, D], W[D, C]
L = softmax_ce(mean(embedding(i, E), axis=1) @ W, y, reduction="mean")
"""


def drawn(n: int = 500, t: int = 8, kind: Any = np.int64) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "i": rng.integers(-90, 90, (n, t)).astype(kind), "y": rng.integers(0, 5, n),
        "E": rng.standard_normal((90, 30)), "W": rng.standard_normal((30, 5)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def bag() -> ModuleType:
    return graphc.load(BAG, level=2)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.int8])
def test_gradients_of_rows_that_come_several_times_and_from_the_end(bag: ModuleType, kind: Any) -> None:
    given = drawn(kind=kind)
    want = graphc.load(BAG).value_and_grad(**given)
    for options in ({}, {"workspace": bag.Workspace(**given)}):
        have = bag.value_and_grad(**given, **options)
        assert abs(have[0] - want[0]) <= 1e-12
        assert all(np.abs(have[1][name] - want[1][name]).max() <= 1e-12 for name in "EW")


def test_single_entries_are_added(bag: ModuleType) -> None:
    found: list[tuple[tuple[int, ...], int]] = []

    class Adding:
        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

        class add:  # as NumPy calls it
            def __new__(cls, *given: Any, **options: Any) -> Any:
                return np.add(*given, **options)

            reduce = np.add.reduce

            @staticmethod
            def at(target: Any, index: Any, values: Any) -> None:
                found.append(((target.ndim, index.ndim, values.ndim), index.size))
                np.add.at(target, index, values)

    given = drawn()
    workspace = bag.Workspace(**given)
    bag.np = Adding()  # type: ignore[attr-defined]
    try:
        bag.value_and_grad(**given, workspace=workspace)
    finally:
        bag.np = np  # type: ignore[attr-defined]
    assert all(ranks == (1, 1, 1) for ranks, _ in found)
    assert max(size for _, size in found) <= 8192
    assert sum(size for _, size in found) == 500 * 8 * 30


def test_no_array_of_picked_rows_is_allocated(bag: ModuleType) -> None:
    given = drawn(3000)
    workspace = bag.Workspace(**given)
    bag.value_and_grad(**given, workspace=workspace)
    tracemalloc.start()
    bag.value_and_grad(**given, workspace=workspace)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 600_000, f"{peak} bytes"  # the picked rows have 5.8 MB, a part's places and entries 130 KB each


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("param A[V, P, Q]\ninput i[N]: int\nL = sum(A[i] * A[i])", {"A": (4, 2, 3)}),
        ("param A[V]\ninput i[N]: int\nL = sum(A[i] ** 3)", {"A": (4,)}),
        ("param A[V, Q]\ninput i[]: int\nL = sum(A[i] ** 3)", {"A": (4, 3)}),
        ("param A[V, Q]\ninput i[N]: int\nL = sum(A[:, i] ** 2 * 3)", {"A": (2, 4)}),
        ("param A[V, V]\ninput i[N]: int\nL = sum(A[i, i] ** 2)", {"A": (4, 4)}),
        ("param A[V, Q], B[V, Q]\ninput i[N]: int\nZ = A * B\nL = sum(concatenate([Z[i], Z[i]], axis=0)**2)",
         {"A": (4, 2), "B": (4, 2)}),
    ],
)  # fmt: skip
def test_other_indices(text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    given: dict[str, Any] = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    given["i"] = np.array(-1) if "i[]" in text else np.array([1, -1, 1, 0, 3])[: 5 if "Q]\ninput i[N]" in text else 4]
    net, plain = compiled(text, 2), compiled(text, 0)
    have = net.value_and_grad(**given, workspace=net.Workspace(**given))
    want = plain.value_and_grad(**given)
    assert abs(have[0] - want[0]) <= 1e-12
    assert all(np.abs(have[1][name] - want[1][name]).max() <= 1e-12 for name in want[1])


def test_indices_out_of_range_are_refused(bag: ModuleType) -> None:
    given = drawn()
    workspace = bag.Workspace(**given)
    given["i"] = given["i"].copy()
    given["i"][3, 3] = 90
    with pytest.raises(ValueError, match="argument i must hold integers from -90 to 89, not 90"):
        bag.value_and_grad(**given, workspace=workspace)


def test_indices_that_nobody_checked_do_not_wrap() -> None:
    net = compiled("param A[V, Q], S[N, C]\n"
                   "L = sum(A[argmax(S, axis=1)] ** 2)", 2)  # fmt: skip
    given = {"A": np.ones((2, 2)), "S": np.eye(3)}
    with pytest.raises((IndexError, ValueError)):
        net.value_and_grad(**given, workspace=net.Workspace(**given))


def test_places_take_no_more_memory_than_there_are_entries() -> None:
    """64 KiB are fifty times what a small table and its gradient take."""
    net = graphc.load("param E[V, D]\ninput i[N]: int\nL = sum(E[i]**2)", level=2)
    for rows, columns in ((3, 2), (40, 1000), (2, 20000), (0, 3)):
        E, i = np.ones((5, columns)), np.arange(rows) % 5
        workspace = net.Workspace(E, i)
        _, grads = net.value_and_grad(E, i, workspace=workspace)
        assert np.array_equal(grads["E"], 2 * np.bincount(i, minlength=5)[:, None] * E)
        integers = [part.size for part in workspace.value_and_grad if getattr(part, "dtype", None) == np.dtype(int)]
        assert sorted(integers) == sorted([columns, max(columns, min(8192, rows * columns))])
