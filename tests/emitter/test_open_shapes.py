"""Undeclared programs: what does not fit is refused by the argument's name before anything is computed."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc


def ones(*shape: int) -> Any:
    return np.ones(shape)


def at(*places: int) -> Any:
    return np.array(places)


# Program, arguments that do not fit it, what the error says.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("y = a[0:2] + b", {"a": ones(3), "b": ones(5)}, r"argument b: dimension 0 is 5.* that of a\[0:2\] there is 2"),
    ("y = sum(a, axis=0) + b", {"a": ones(2, 3), "b": ones(4)}, r"argument b: dimension 0 is 4.*sum\(a, axis=0\).* 3"),
    ("s = a * c\ny = sum(s, axis=-1) + b", {"a": ones(2, 3), "c": ones(3), "b": ones(4)},
     r"argument b: dimension 0 is 4.* that of sum\(s, axis=-1\) \(of a, c\) there is 2"),
    ("y = mean(a, axis=0, keepdims=true) * b[None]", {"a": ones(2, 3), "b": ones(4)}, r"b\[None\]: dimension 1 is 4"),
    ("y = where(a[1:] > 0, b, c)", {"a": ones(3), "b": ones(2), "c": ones(4)}, "argument c: dimension 0 is 4"),
    ("y = mse(a[0:2], b)", {"a": ones(3), "b": ones(5)}, "argument b: dimension 0 is 5"),
    ("y = a @ w + b[0:3]", {"a": ones(2, 4), "w": ones(4, 5), "b": ones(7)}, r"b\[0:3\] of shape \(3,\).* is 3, not 5"),
    ("def f(p) = tanh(p[1:])\ny = f(a) + b", {"a": ones(3), "b": ones(4)},
     r"argument b.* a value in `y = f\(a\) \+ b`"),
    ("for k in 0:2 { z_{k+1} = z_{k}[1:] * b }", {"z_0": ones(4), "b": ones(5)}, "argument b: dimension 0 is 5"),
    ("g = grad(sum(a**2), a)\ny = g[1:] + b", {"a": ones(4), "b": ones(2)}, "argument b: dimension 0 is 2"),
    ("g = grad(sum(sum(a * c, axis=0)**2), a)\ny = sum(g, axis=0)[0:2] * 2 + b",
     {"a": ones(3, 2), "c": ones(2), "b": ones(3)}, "argument b: dimension 0 is 3"),
    ("y = x[5] * 2", {"x": ones(5)}, "dimension 0 of argument x is 5, but index 5 needs at least 6"),
    ("y = x[-3, ..., 0]", {"x": ones(2, 4)}, "dimension 0 of argument x is 2, but index -3 needs at least 3"),
    ("y = tanh(x)[..., 4]", {"x": ones(2, 4)}, r"dimension -1 of tanh\(x\) is 4, but index 4 needs at least 5"),
    ("y = x[0, 1]", {"x": ones(3)}, "argument x must have at least 2 dimensions, not 1"),
    ("y = x[1:]", {"x": ones()}, "argument x must have at least 1 dimension, not 0"),
    ("y = sum(x[0:1], axis=2)", {"x": ones(3, 3)}, r"x\[0:1\] must have at least 3 dimensions, not 2"),
    ("y = x[i]", {"x": ones(3), "i": at(0, 3)}, "argument i must hold integers from -3 to 2, not 3"),
    ("y = x[i]", {"x": ones(3), "i": at(-4)}, "argument i must hold integers from -3 to 2, not -4"),
    ("y = x[:, i]", {"x": ones(3, 2), "i": at(2)}, "argument i must hold integers from -2 to 1, not 2"),
    ("y = x[i, j]", {"x": ones(3, 3), "i": at(0, 1), "j": at(0, 1, 2)}, "argument j: dimension 0 is 3"),
    ("y = x[0, :, i] + b", {"x": ones(2, 3, 4), "i": at(0, 1), "b": ones(5)}, "argument b: dimension 0 is 5"),
    ("y = x[argmax(a, axis=1)]", {"x": ones(2), "a": np.eye(3)},
     r"argmax\(a, axis=1\) must hold integers from -2 to 1"),
    ("y = x[[0, 4]]", {"x": ones(3)}, "dimension 0 of argument x is 3, but index 4 needs at least 5"),
    ("y = x[arange(4)]", {"x": ones(3)}, "dimension 0 of argument x is 3, but index 3 needs at least 4"),
    ("y = take(x, i)", {"x": ones(3), "i": at(5)}, "argument i must hold integers from -3 to 2, not 5"),
    ("y = take(tanh(x), i, axis=0)", {"x": ones(), "i": at(0)}, r"tanh\(x\) must have at least 1 dimension, not 0"),
    ("y = take_along_axis(x, i, axis=0)", {"x": ones(3, 2), "i": at(0)}, "argument i of shape .* equally many dim"),
    ("y = take_along_axis(x, i, axis=0) + b", {"x": ones(3, 2), "i": at(0)[None], "b": ones(3)},
     "argument b: dimension 0 is 3"),
    ("y = take_along_axis(x, i, axis=0)", {"x": ones(3), "i": at(7)}, "argument i must hold integers from -3 to 2"),
    ("y = take_along_axis(x, i, axis=0)", {"x": ones(3, 2), "i": np.zeros((1, 3), int)},
     "argument i: dimension 1 is 3"),
    ("y = embedding(i, W)", {"i": at(3), "W": ones(3, 2)}, "argument i must hold integers from -3 to 2, not 3"),
    ("y = scatter_add(x, i, u)", {"x": ones(3), "i": at(3), "u": ones()}, "argument i must hold integers from -3 to 2"),
    ("y = scatter_add(x, i, u)", {"x": ones(3), "i": at(0, 1), "u": ones(4)}, "argument u of shape"),
    ("y = one_hot(i, 3)", {"i": at(3)}, "argument i must hold integers from -3 to 2, not 3"),
    ("y = one_hot(i, 3) * b", {"i": at(1), "b": ones(2)}, "argument b: dimension 0 is 2"),
    ("y = reshape(a * b, (3, 2))", {"a": ones(5), "b": ones()},
     r"a \* b of shape \(5,\) cannot take the shape \(3, 2\)"),
    ("y = reshape(a, shape(b))", {"a": ones(5), "b": ones(4)},
     r"argument a of shape \(5,\) cannot take the shape \(4,\)"),
    ("y = broadcast_to(a, (2, 3))", {"a": ones(2)}, r"argument a of shape \(2,\) .* dimension 0 is 2, not 3"),
    ("y = broadcast_to(a, shape(b))", {"a": ones(2), "b": ones(3)}, "argument a of shape .* the shape of argument b"),
    ("L = trace(a)\ny = broadcast_to(a, (2, 3))", {"a": ones(3, 2)}, "argument a of shape .* dimension 0 is 3, not 2"),
    ("y = max(x)", {"x": ones(2, 0)}, r"argument x of shape \(2, 0\) has no entries, and max needs at least 1"),
    ("y = argmin(x[1:], axis=0)", {"x": ones(1, 2)}, r"dimension 0 of x\[1:\] is 0, but argmin needs at least 1"),
    ("input n[N]\ny = b[N - 1] + sum(n)", {"n": ones(3), "b": ones(2)},
     "dimension 0 of argument b is 2, but index N - 1 needs"),
    ("y = squeeze(a, axis=0)", {"a": ones(2)}, "dimension 0 of argument a is 2"),
    ("y = expand_dims(a, axis=2) + a", {"a": ones()}, "argument a must have at least 2 dimensions"),
    ("y = swapaxes(a, -1, -2) + b", {"a": ones(2, 3), "b": ones(3)}, "argument b: dimension 0 is 3"),
    ("y = shape(x)[1] * x", {"x": ones(3)}, "argument x must have at least 2 dimensions, not 1"),
    ("y = softmax(x[0:2], axis=1)", {"x": ones(3)}, r"x\[0:2\] must have at least 2 dimensions, not 1"),
    ("y = cumsum(a) + b", {"a": ones(2, 2), "b": ones(3)}, "argument b: dimension 0 is 3"),
    ("y = full_like(a[1:], b)", {"a": ones(3), "b": ones(3)}, "argument b of shape"),
]  # fmt: skip


@cache
def loaded(text: str, level: int) -> ModuleType:
    return graphc.load(text, level=level, verify=False)


def numbered(cases: list[tuple[str, dict[str, Any], Any]]) -> list[str]:
    return [f"{k}-{text}" for k, (text, _, _) in enumerate(cases)]


@pytest.mark.parametrize(("text", "given", "said"), REFUSED, ids=numbered(REFUSED))
def test_what_does_not_fit_is_named(text: str, given: dict[str, Any], said: str) -> None:
    for level in (0, 1, 2):
        net = loaded(text, level)
        calls = [lambda net=net: net.forward(**given)]
        if level == 2:
            calls.append(lambda net=net: net.forward(**given, workspace=net.Workspace(**given)))
        for call in calls:
            with pytest.raises(ValueError) as caught:
                call()
            assert re.search(said, str(caught.value)), f"-O{level}: {caught.value}"


# Program, arguments that fit it, the value.
A, B = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 3.0])
TAKEN: list[tuple[str, dict[str, Any], Any]] = [
    ("y = a[0:2] + b", {"a": B, "b": ones(4, 1)}, B[0:2] + ones(4, 1)),
    ("y = a[0:2] + b", {"a": A, "b": ones(1)}, A + 1),
    ("y = sum(a, axis=0) + b", {"a": A, "b": A}, A.sum(axis=0) + A),
    ("y = x[-3]", {"x": B}, B[0]),
    ("y = x[:, i]", {"x": A, "i": at(-1, 0)}, A[:, [-1, 0]]),
    ("y = x[..., i, None] * x[0]", {"x": A, "i": at(0, 2, 1)}, A[..., [0, 2, 1], None] * A[0]),
    ("y = x[0, :, i] + b", {"x": A[None], "i": at(0, 2), "b": ones(2, 2)}, A[None][0, :, [0, 2]] + 1),
    ("y = x[i]", {"x": ones(0), "i": np.zeros(0, int)}, ones(0)),
    ("y = reshape(a, shape(b)) * b", {"a": A, "b": ones(3, 2)}, A.reshape(3, 2)),
    ("y = take_along_axis(x, i, axis=0)", {"x": A, "i": np.zeros((4, 1), int)}, np.repeat(A[:1], 4, axis=0)),
    ("y = layer_norm(a[0:2]) * 0 + a[0:2]", {"a": A}, A),
    ("y = 0 * sum(b @ a) + a / norm(a, keepdims=true)", {"a": A, "b": ones(4, 2)}, A / np.sqrt(55)),
    ("y = grad(norm(a, keepdims=true)[0, 0] + 0 * sum(b @ a), a)", {"a": A, "b": ones(4, 2)}, A / np.sqrt(55)),
    ("y = take_along_axis(x, i, axis=0) + x", {"x": A, "i": np.zeros((2, 1), int)}, A[[0, 0]] + A),
]  # fmt: skip


@pytest.mark.parametrize(("text", "given", "value"), TAKEN, ids=numbered(TAKEN))
def test_what_fits_is_computed(text: str, given: dict[str, Any], value: Any) -> None:
    for level in (0, 1, 2):
        net = loaded(text, level)
        found, cache = net.forward(**given)
        assert found.shape == value.shape and np.abs(found - value).max(initial=0) <= 1e-12
        gradients = net.backward(cache, np.ones_like(found))
        assert all(gradients[name].shape == given[name].shape for name in gradients)


def test_indices_are_checked_at_every_use_of_a_workspace() -> None:
    net = loaded("y = x[i] * 2", 2)
    workspace = net.Workspace(B, at(0, 1))
    assert (net.forward(B, at(-1, 2), workspace=workspace)[0] == [6, 6]).all()
    with pytest.raises(ValueError, match="argument i must hold integers from -3 to 2, not 3"):
        net.forward(B, at(0, 3), workspace=workspace)


def test_what_the_program_settles_is_not_asked_for() -> None:
    """Checks stand only where sizes are open: a mean beside what it is of, or one index, each once."""
    text = graphc.compile("y = (a - mean(a, axis=0, keepdims=true)) * 2 + a\nz = a[1] + sum(a[1])", verify=False)
    check = text[text.index("def check(") :].split("\n\n\n")[0]
    assert "fit_together" not in check and check.count("if a.ndim < 1:") == 1 and check.count("if a.shape[0] < 2:") == 1
    text = graphc.compile("for k in 0:5 { z_{k+1} = z_{k} * x[k] }", verify=False)
    check = text[text.index("def check(") :].split("\n\n\n")[0]
    assert check.count("x.shape[0] <") == 1 and "x.shape[0] < 5" in check and check.count("fit_together(") == 1


def test_a_size_that_is_divided_is_asked_to_leave_nothing_over() -> None:
    net = graphc.load("param x[N, D]; y = reshape(x, (N, 2, D//2)); z = reshape(x, (2, D//2, N))", verify=False)
    assert net.forward(ones(3, 4))[0].y.shape == (3, 2, 2)
    with pytest.raises(ValueError, match=r"argument x of shape \(3, 5\) cannot take the shape \(3, 2, 2\)"):
        net.forward(ones(3, 5))


@pytest.mark.parametrize("text", [
    "s = reshape(b, (-1, 3)); y = reshape(s, (3, 2)); z = max_pool1d(b, 2)",
    "h = one_hot(i, 4); y = svm_loss(kron(a, b), i, reduction='none')",
])  # fmt: skip
def test_what_a_later_statement_says_of_an_argument(text: str) -> None:
    for level in (0, 1, 2):
        assert graphc.compile(text, level=level, verify=False)


def test_arguments_called_as_the_helpers_are() -> None:
    text = "wrong = sum(without_axes, axis=(0, 2), keepdims=true)\ny = wrong[0] + too_few_axes[1:]\nM = wrong_rank * 2"
    net = graphc.load("param wrong_rank[N, D]\n" + text, verify=False)
    found = net.forward(ones(2, 3), ones(2, 3, 4), ones(4))[0]
    assert found.y.shape == (3, 3) and (found.M == 2).all()
    with pytest.raises(ValueError, match="argument without_axes must have at least 3 dimensions, not 2"):
        net.forward(ones(2, 3), ones(2, 3), ones(4))
