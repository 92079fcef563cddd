"""An `arange`, and what is made of it in whole numbers, as labels and as indices."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.language.diagnostics import GraphcError
from ops.programs import array, body, compiled, hold

N = 5
X = array(N, N)
COUNTED = {
    "arange(N)": np.arange(N),
    "flip(arange(N))": np.arange(N)[::-1],
    "(arange(N) + 1) % N": (np.arange(N) + 1) % N,
    "arange(N) // 2": np.arange(N) // 2,
    "minimum(arange(N), 2)": np.minimum(np.arange(N), 2),
    "roll(2*arange(N) - arange(N), 1)": np.roll(np.arange(N), 1),
    "N - 1 - arange(N)": N - 1 - np.arange(N),
    "concatenate([arange(2), arange(N - 2)])": np.concatenate([np.arange(2), np.arange(N - 2)]),
}


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", COUNTED)
def test_labels(text: str, level: int) -> None:
    module = compiled(f"param X[N, N]\nL = softmax_ce(X, {text})", level)
    loss, grads = module.value_and_grad(X)
    shifted = np.exp(X - X.max(axis=1, keepdims=True))
    P = shifted / shifted.sum(axis=1, keepdims=True)
    assert abs(loss + np.log(P[np.arange(N), COUNTED[text]]).sum()) <= 1e-12
    assert np.abs(grads["X"] - (P - np.eye(N)[COUNTED[text]])).max() <= 1e-12


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", COUNTED)
def test_indices(text: str, level: int) -> None:
    module = compiled(f"param X[N, N]\nL = sum(sin(X[{text}, (arange(N))[:, None]]))", level)
    loss, _ = module.value_and_grad(X)
    assert abs(loss - np.sin(X[COUNTED[text], np.arange(N)[:, None]]).sum()) <= 1e-12


@pytest.mark.parametrize("text", [
    "arange(N) / 2", "arange(N) + 0.5", "1.5 * arange(N)", "arange(N) + X[0]", "arange(0, 3, 0.5) * 2",
])  # fmt: skip
def test_no_integers(text: str) -> None:
    with pytest.raises(GraphcError, match="an index must hold integers"):
        graphc.compile(f"param X[N, N]\nL = sum(X[{text}])")


def test_as_a_value_it_is_floating() -> None:
    module = compiled("param X[N, N]\nk = arange(N)\nL = sum(X[k] @ k)", 1)
    loss, _ = module.value_and_grad(X.astype(np.float32))
    assert loss.dtype == np.float32 and abs(loss - (X @ np.arange(N)).sum()) <= 1e-4


COMPUTED = [  # what 8 bits, or no sign, cannot hold
    "sum(x * (2*y - 1))", "sum(x * -y)", "sum(x * (y - z))", "sum(x * (y*z + 300))",
    "sum(x * abs(y[::-1] - 3) * maximum(z, 2))", "sum(x * prod(y + 1))", "sum(x * z**3)",
    "sum(x * where(y > z, y, -z))",
    "sum(x * softmax(y))", "sum(x) + bce_with_logits(y, z)", "sum(x * hardswish(z))",
    "sum(x[:, None] * one_hot(y % 4, 4)) + softmax_ce(stack((y, z)), [1, 2])",
    "sum(x) + svm_loss(stack((y, z)), [1, 2])",
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint32, np.uint64])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_integers_of_few_bits_do_not_wrap_around(level: int, dtype: type) -> None:
    x, y, z = array(4), np.array([0, 3, 100, 7]), np.array([5, 0, 90, 2])
    many = "".join(f", a_{k}" for k in range(40))  # arguments that are checked in a loop
    for text in [*COMPUTED, f"sum(x * (2*y - 1)){many.replace(',', ' +')}"]:
        more = [0.5] * (40 if "a_" in text else 0)
        names = f"\ninput {many[2:].replace(',', '[],')}[]" if more else ""
        module = compiled(f"input y[n]: int, z[n]: int\nparam x[n]{names}\noutput L, u\nL = {text}\nu = y + z", level)
        values, grads = module.value_and_grad(y, z, x, *more)
        narrow = y.astype(dtype), z.astype(dtype), x, *more
        found = [module.value_and_grad(*narrow)]
        if level == 2:
            found.append(module.value_and_grad(*narrow, workspace=module.Workspace(*narrow)))
        for have, slopes in found:
            assert abs(have.L - values.L) <= 1e-12 * abs(values.L)
            assert np.abs(slopes["x"] - grads["x"]).max() <= 1e-12 * np.abs(grads["x"]).max()
            assert have.u.dtype == np.int64 and np.array_equal(have.u, y + z)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_labels_that_nothing_is_computed_with_stay_as_they_are(level: int) -> None:
    text = (
        "input y[n]: int, i[n, k]: int\nparam S[n, C]\nL = softmax_ce(S, y) + sum(S[arange(n), y]) + nll(S, y[::1])\n"
        "M = sum(take_along_axis(S, i, axis=1)) + sum(embedding(y, S)) + sum(S * (y == 2)[:, None])"
        " + sum(one_hot(y, 9))\nloss L\noutput L, M"
    )
    assert "np.int64" not in graphc.compile(text, level=level, verify=False)
    for more in ("t = y[::-1]", "t = y"):  # as results they have the same type in a workspace
        assert "np.int64" in graphc.compile(f"{text}, t\n{more}", level=level, verify=False)
    for update in ("y <- y", "y <- y[::-1]"):  # and so has what a training step returns
        assert "np.int64" in graphc.compile(f"{text}\n{update}", level=level, verify=False)


@pytest.mark.parametrize("order", ["=", ">"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_integers_that_64_bits_with_a_sign_do_not_hold_are_refused(level: int, order: str) -> None:
    declared = "input y[n]: int, as_int64[n]: int\nparam w[n]\n"
    module = compiled(declared + "L = sum(w*(y - 3)) + sum(w*(as_int64 - 1))", level)
    w, largest = np.ones(2), 2**63 - 1
    few, many = (np.array([k, 3], f"{order}u8") for k in (largest, 2**63 + 5))
    loss, _ = module.value_and_grad(few, few, w)
    assert abs(loss - 2.0**64) <= 1e-12 * 2.0**64
    for y, z, name in ((many, few, "y"), (few, many, "as_int64")):
        with pytest.raises(ValueError, match=rf"^argument {name} must hold integers below 2\*\*63, not {2**63 + 5}$"):
            module.value_and_grad(y, z, w)
    empty, none = np.empty(0, f"{order}u8"), np.empty(0)
    assert module.value_and_grad(empty, empty, none)[0] == 0


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("new", ["t", "t[::-1]", "t[0:n]", "t + 1"])
def test_a_step_returns_integers_of_64_bits(new: str, level: int) -> None:
    module = compiled(f"input t[n]: int\nparam w[n]\nL = sum(w)\nt <- {new}", level)
    t = np.array([3, 255], np.uint8)
    have = module.step(t, np.ones(2))["t"]
    want = {"t": [3, 255], "t[::-1]": [255, 3], "t[0:n]": [3, 255], "t + 1": [4, 256]}[new]
    assert have.dtype == np.int64 and have.tolist() == want


@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_is_made_of_booleans(level: int) -> None:
    m, n = np.array([True, False, True]), np.array([True, True, False])
    module = compiled(
        "input m[k]: bool, n[k]: bool\na = outer(m, n)\nb = -a\nc = a - a[::-1]\nd = kron(m, n)\ne = (m // n) * 300\n"
        "f = m % n + 1000\noutput a, b, c, d, e, f",
        level,
    )
    a = np.outer(m, n)
    i = m.astype(int)
    with np.errstate(divide="ignore"):
        e, f = i // n.astype(int) * 300, i % n.astype(int) + 1000
        wanted = (a, -a.astype(int), a.astype(int) - a[::-1], np.kron(m, n), e, f)
        found = [module.forward(m, n)[0]]
        if level == 2:
            found.append(module.forward(m, n, workspace=module.Workspace(m, n))[0])
    for have in found:
        for value, want in zip(have, wanted, strict=True):
            assert value.dtype == want.dtype and np.array_equal(value, want)


def test_the_larger_of_sizes_is_python_s() -> None:
    """A mean of samples of which there may be none: it was `int(np.maximum(N, 1))`."""
    text = "input x[N]\nparam w[N]\nL = sum((w - x)**2) / maximum(N, 1) + sum(w) / minimum(maximum(N//2, 2), 9)"
    for level in (1, 2):
        lines = "\n".join(body(text, "forward", level))
        assert "max(N, 1)" in lines and "min(max(N//2, 2), 9)" in lines and "np.m" not in lines, lines
    for n in (0, 1, 6, 40):
        hold(text, {"x": array(n), "w": array(n, seed=1)}, levels=(0, 1, 2))
    hold("input k[]: int\nparam w[N]\nL = sum(w) / maximum(k, N)", {"k": np.array(2), "w": array(3)}, levels=(0, 1, 2))
