"""Shapes, joins and repetitions: normal forms, the text they become, unknown ranks, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import array, body, compiled, error_of, hold

CASES: list[tuple[str, str, Any]] = [
    ("reshape(X, (D*H, -1))", "X[D, H, K]", lambda X: X.reshape(8, 3)),
    ("reshape(X, (-1, 2))", "X[D, H, K]", lambda X: X.reshape(-1, 2)),
    ("reshape(X, -1)", "X[D, H, K]", lambda X: X.reshape(-1)),
    ("flatten(X, start=1)", "X[D, H, K]", lambda X: X.reshape(4, 6)),
    ("transpose(X)", "X[D, H, K]", lambda X: X.T),
    ("X.T", "X[D, H, K]", lambda X: X.T),
    ("transpose(X, (1, 2, 0))", "X[D, H, K]", lambda X: X.transpose(1, 2, 0)),
    ("moveaxis(X, (0, 2), (1, 0))", "X[D, H, K]", lambda X: np.moveaxis(X, (0, 2), (1, 0))),
    ("expand_dims(X, (0, -1))", "X[D, H, K]", lambda X: X[None, ..., None]),
    ("squeeze(expand_dims(X, (1, 3)))", "X[D, H, K]", lambda X: X),
    ("pad(X, ((1, 2), (0, 0), (0, 1)), value=-1)", "X[D, H, K]",
     lambda X: np.pad(X, ((1, 2), (0, 0), (0, 1)), constant_values=-1)),
    ("tile(X, (2, 1, 1, 3))", "X[D, H, K]", lambda X: np.tile(X, (2, 1, 1, 3))),
    ("repeat(X, 2)", "X[D, H, K]", lambda X: np.repeat(X, 2)),
    ("repeat(X, D, axis=-1)", "X[D, H, K]", lambda X: np.repeat(X, 4, -1)),
    ("flip(X, (0, -1))", "X[D, H, K]", lambda X: np.flip(X, (0, -1))),
    ("roll(X, (1, -7), axis=(0, 1))", "X[D, H, K]", lambda X: np.roll(X, (1, -7), axis=(0, 1))),
    ("roll(X, 5)", "X[D, H, K]", lambda X: np.roll(X, 5)),
    ("stack([X, 2*X], axis=-1)", "X[D, H, K]", lambda X: np.stack([X, 2 * X], -1)),
    ("concatenate([X, X[:, :1], X], axis=-2)", "X[D, H, K]", lambda X: np.concatenate([X, X[:, :1], X], -2)),
    ("concatenate([X, X], axis=none)", "X[D, H, K]", lambda X: np.concatenate([X, X], None)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "declared", "expected"), CASES)
def test_shapes(text: str, declared: str, expected: Any) -> None:
    hold(f"input {declared}\nZ = {text}", {"X": array(4, 2, 3)}, expected)


UNKNOWN: list[tuple[str, Any]] = [
    ("reshape(x, (2, 6))", lambda x: x.reshape(2, 6)), ("expand_dims(x, -1) * 2", lambda x: x[..., None] * 2),
    ("squeeze(expand_dims(x, 0))", lambda x: x), ("flip(x)", lambda x: np.flip(x)),
    ("flip(x, axis=-1)", lambda x: np.flip(x, -1)),
    ("roll(x, 1, axis=-1)", lambda x: np.roll(x, 1, -1)), ("zeros(shape(x)) + x", lambda x: x),
    ("ones_like(x) * x", lambda x: x), ("reshape(2*x, shape(x))", lambda x: 2 * x), ("x.T", lambda x: x.T),
    ("swapaxes(x, -1, -2)", lambda x: x.T),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), UNKNOWN)
def test_operands_of_unknown_rank(text: str, expected: Any) -> None:
    hold(f"Z = {text}", {"x": array(3, 4)}, expected)


def test_what_needs_a_rank_names_the_declaration() -> None:
    for text in ("flatten(x)", "tile(x, 2)", "pad(x, 1)", "transpose(x[0], (1, 0, 2))"):
        assert re.search("declare (its shape|the shape of `x`), for", error_of(f"Z = {text}"))


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("input X[N, D]\nZ = X.T", "Z = X.T"),
        ("input X[B, N, D]\nZ = swapaxes(X, 1, 2)", "Z = X.swapaxes(-1, -2)"),
        ("input X[B, N, D]\nZ = moveaxis(X, 0, -1)", "Z = X.transpose(1, 2, 0)"),
        ("input X[N, C, H]\nZ = reshape(X, (N, -1))", "Z = X.reshape(N, C*H)"),
        ("input X[N, C]\nZ = flatten(X)", "Z = X.reshape(-1)"),
        ("input x[N]\nZ = expand_dims(x, 1)", "Z = x[:, None]"),
        ("input X[N, D]\nZ = expand_dims(X, -1)", "Z = X[..., None]"),
        ("input X[N, D]\nZ = expand_dims(X, 0)", "Z = X[None]"),
        ("input X[N, 1]\nz = squeeze(X)", "z = X.squeeze(axis=1)"),
        ("input X[N, D]\nZ = flip(X, axis=1)", "Z = X[:, ::-1]"),
        ("input X[N, D], Y[N, K]\nZ = concatenate([X, Y], axis=1)", "Z = np.concatenate([X, Y], axis=1)"),
        ("input X[N, D]\nZ = pad(X, 1)", "Z = np.pad(X, 1)"),
    ],
)
def test_text(program: str, line: str) -> None:
    assert line in body(program), body(program)


def test_what_changes_nothing_is_left_out() -> None:
    program = "input X[N, D]\nZ = 2 * roll(squeeze(pad(reshape(transpose(X.T), (N, D)), 0)), 0)"
    assert "Z = 2 * np.roll(X, 0)" in body(program)


def test_created_arrays_take_the_type_of_the_program() -> None:
    made = "zeros((N, 3)) + ones(3) * full((N, 1), 2) + eye(N, 3, 1) + arange(3) + arange(3, 0, -1)"
    program = f"input X[N, 3]\nZ = X + {made}"
    hold(program, {"X": array(4, 3)}, lambda X: X + 2 + np.eye(4, 3, 1) + np.arange(3) + np.arange(3, 0, -1))
    hold("input x[4]\nZ = x * arange(0, 1, 0.25)", {"x": array(4)}, lambda x: x * np.arange(0, 1, 0.25))
    hold("input X[N, D], v[D]\nZ = full_like(X, v) * X", {"X": array(2, 3), "v": array(3)}, lambda X, v: X * v)


def test_numbers_stacked_with_tensors() -> None:
    arguments = {"a": array(), "b": array(), "x": array(3)}
    hold("z = stack([a, 0.5, b]) * x", arguments, lambda a, b, x: np.array([a, 0.5, b]) * x)


def test_split() -> None:
    hold("input X[N, D]\na, b = split(X, 2)", {"X": array(4, 3)}, lambda X: tuple(np.split(X, 2)))
    hold("input X[N, 5]\na, b, c = split(X, [1, -2], axis=1)", {"X": array(4, 5)},
         lambda X: tuple(np.split(X, [1, -2], 1)))  # fmt: skip
    module = compiled("input X[N, D]\na, b = split(X, 2)")
    with pytest.raises(ValueError, match="split into 2 equal parts"):
        module.forward(array(5, 3))


def test_a_quotient_is_left_to_numpy() -> None:
    program = "input X[N, D]\nZ = reshape(X, (-1, 4))"
    assert "Z = X.reshape(-1, 4)" in body(program)
    hold(program, {"X": array(6, 2)}, lambda X: X.reshape(-1, 4))


ERRORS = [
    ("input X[N, D]\nZ = reshape(X, (N, 3))", "cannot take the shape (N, 3)"),
    ("input X[4, 3]\nZ = reshape(X, (5, -1))", "12 entries are not a multiple of 5"),
    ("input X[4, 3]\nZ = reshape(X, (-1, -1))", "only one size may be -1"),
    ("input X[N, D]\nZ = squeeze(X, axis=0)", "has not size 1"),
    ("input X[N, D]\nZ = transpose(X, (0, 0))", "`axes` must name each of the 2 axes once"),
    ("input X[N, D], Y[M, E]\nZ = concatenate([X, Y])", "sizes D and E of axis 1 differ"),
    ("input X[N, D], Y[M]\nZ = concatenate([X, Y])", "different ranks: (N, D), (M,)"),
    ("input X[N, D], Y[M, D]\nZ = stack([X, Y])", "sizes N and M of axis 0 differ"),
    ("input X[5, D]\na, b = split(X, 2)", "cannot be split into 2 equal parts"),
    ("input X[N, D]\nZ = pad(X, -1)", "the width of a border is not negative"),
    ("input X[N, D]\nZ = pad(X, ((1, 1), (2, 2), (3, 3)))", "3 pairs for an array of rank 2"),
    ("input X[N, D]\nZ = X * zeros((N, -1))", "a size is not negative"),
    ("input X[N, D]\nZ = X * arange(0, D, 0.5)", "`arange` counts over sizes in whole steps"),
]


@pytest.mark.parametrize(("program", "message"), ERRORS)
def test_errors(program: str, message: str) -> None:
    assert message in error_of(program)


def test_a_slice_of_one_entry_is_squeezed() -> None:
    """Then the axis must have an entry, which is checked."""
    x = array(3, 4)
    hold("input x[N, M]\ny = squeeze(x[:, :1])", {"x": x}, lambda x: np.squeeze(x[:, :1]), levels=(0, 1, 2))
    hold("input x[N, M]\ny = squeeze(x[1:2])", {"x": x}, lambda x: np.squeeze(x[1:2]))
    with pytest.raises(ValueError, match="dimension M of x is 0, but slice :1 needs at least 1"):
        compiled("input x[N, M]\ny = squeeze(x[:, :1])").forward(np.zeros((3, 0)))


@pytest.mark.parametrize("arguments", ["(1, 2)", "(1, 2), axis=0", "(1, 2), axis=(0, 1)", "3, axis=(0, 1)", "(N, 1)"])
def test_several_shifts(arguments: str) -> None:
    x = array(3, 4)
    want = eval(f"lambda x: np.roll(x, {arguments.replace('N', '3')})", {"np": np})
    hold(f"input x[N, M]\ny = roll(x, {arguments})", {"x": x}, want)


@pytest.mark.parametrize("call", ["concatenate(x)", "stack(x, axis=1)", "concatenate(())", "stack([])", "stack(3)"])
def test_what_is_joined_is_a_list(call: str) -> None:
    """NumPy takes the rows of one array for the list."""
    assert re.search("list of arrays|at least one array", error_of(f"input x[2, 3]\nY = {call}"))


def test_a_list_of_numbers_is_joined() -> None:
    for text in ("Y = x * stack((1, a))", "Y = x * stack([1, 2 * a / 2])"):
        hold(f"const a = 2\ninput x[2]\n{text}", {"x": array(2)}, lambda x: x * np.array([1.0, 2.0]))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("number", ["2.5", "D", "grad(s, s)"])
@pytest.mark.parametrize("text", [
    "zeros_like({})", "ones_like({})", "full_like({}, 3)", "full_like({}, 0.5)", "roll({}, 1)",
    "kron([[1, 2]], {})[0, 0]", "argmax({})", "{}**0",
])  # fmt: skip
def test_what_is_like_a_number_has_the_type_of_the_program(text: str, number: str, level: int) -> None:
    """NumPy makes a float64 of it, and then of everything it meets."""
    net = compiled(f"param r[D]\ns = sum(r)\nq = {text.format(number)} * 0.5\nY = q + r\noutput Y", level)
    r = np.ones(3, np.float32)
    functions = {name: getattr(np, name) for name in ("zeros_like", "ones_like", "full_like", "roll", "kron", "argmax")}
    value = {"D": 3, "grad(s, s)": 1.0}.get(number, 2.5)
    expected = eval(text.format(repr(value)), functions) * 0.5 + 1
    Y, cache = net.forward(r)
    assert Y.dtype == np.float32 and np.abs(Y - expected).max() <= 1e-6
    assert net.backward(cache, np.ones_like(Y))["r"].dtype == np.float32


@pytest.mark.parametrize("columns", ["repeat(b[:, None], N, axis=1)", "tile(b[:, None], (1, N))"])
def test_one_column_many_times_is_broadcast(columns: str) -> None:
    source = graphc.compile(f"input X[n, N]\nparam W[m, n], b[m]\nZ = W@X + {columns}")
    assert "Z = W @ X + b[:, None]" in source
    assert "db = dZ.sum(axis=1)" in source
