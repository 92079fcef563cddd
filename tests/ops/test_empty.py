"""Sizes of 0: what NumPy and PyTorch make of them, at every level and in a workspace; else an error that says which."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ops.programs import array, body, compiled, hold

Arrays = dict[str, Any]


def modules(text: str, arguments: Arrays) -> Iterator[tuple[ModuleType, dict[str, Any]]]:
    """The module at every level, with the keywords of its calls: at -O2 with and without a workspace."""
    for level in (0, 1, 2):
        module = compiled(text, level)
        yield module, {}
        if level == 2:
            yield module, {"workspace": module.Workspace(**arguments)}


def agree(text: str, arguments: Arrays, value: Any, gradients: Arrays) -> None:
    """Hold the value, and the gradients for cotangents of ones, at every level."""
    for module, keywords in modules(text, arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of no entries NumPy's mean warns, and so does a logarithm
            result, cache = module.forward(**arguments, **keywords)
            np.testing.assert_equal(np.asarray(result), np.asarray(value))
            one = () if np.shape(value) == () else (np.ones_like(result),)
            found = module.backward(cache, *one, **keywords)
            assert listed(found) == listed(gradients)
            if hasattr(module, "value_and_grad"):
                cotangents = {"cotangents": one[0]} if one else {}
                result, found = module.value_and_grad(**arguments, **cotangents, **keywords)
                np.testing.assert_equal(np.asarray(result), np.asarray(value))
                assert listed(found) == listed(gradients)


def listed(gradients: Arrays) -> dict[str, Any]:
    return {name: gradient.tolist() for name, gradient in gradients.items()}


def refused(text: str, arguments: Arrays, message: str) -> None:
    for level in (0, 1, 2):
        module = compiled(text, level)
        with pytest.raises(ValueError, match=message):
            module.forward(**arguments)
        if level == 2:
            with pytest.raises(ValueError, match=message):
                module.forward(**arguments, workspace=module.Workspace(**arguments))


# ---------------------------------------------------------------- nothing to choose from


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape, axis", [((3, 0), 1), ((0, 3), 0), ((0, 0), 1), ((0, 3), 1)])
def test_rows_of_no_entries(operation: str, shape: tuple[int, int], axis: int) -> None:
    x = np.zeros(shape)
    agree(f"param x[N, C]\ny = {operation}(x, axis={axis})", {"x": x}, x, {"x": x})
    agree(f"param x[{shape[0]}, {shape[1]}]\ny = {operation}(x, axis={axis})", {"x": x}, x, {"x": x})


@pytest.mark.parametrize("program", ["param x[N, C]\n", "param x\n"])
def test_the_logarithm_of_a_sum_of_nothing(program: str) -> None:
    x = np.zeros((3, 0))
    agree(f"{program}y = logsumexp(x, axis=1)", {"x": x}, np.full(3, -np.inf), {"x": x})
    agree(f"{program}y = logsumexp(x)", {"x": x}, -np.inf, {"x": x})


@pytest.mark.parametrize("options", ["", ", causal=true", ", m"])
def test_attention_to_no_keys(options: str) -> None:
    arguments = {"Q": np.ones((3, 2)), "K": np.ones((0, 2)), "V": np.ones((0, 4))}
    if "m" in options:
        arguments["m"] = np.ones((3, 0), bool)
    text = "param Q[T, d], K[S, d], V[S, e]\ninput m[T, S]: bool\nY = attention(Q, K, V" + options + ")"
    text = text if "m" in arguments else text.replace("input m[T, S]: bool\n", "")
    zeros = {name: np.zeros(arguments[name].shape) for name in "QKV"}
    agree(text, arguments, np.zeros((3, 4)), zeros)


def test_probabilities_of_no_classes() -> None:
    S = np.zeros((3, 0))
    agree("param S[N, C]\ninput q[N, C]\nL = softmax_ce(S, q)", {"S": S, "q": S}, 0.0, {"S": S})


@pytest.mark.parametrize("loss", ["softmax_ce", "svm_loss", "nll"])
@pytest.mark.parametrize("rows", [0, 3])
def test_labels_of_no_classes(loss: str, rows: int) -> None:
    arguments = {"S": np.zeros((rows, 0)), "y": np.zeros(rows, int)}
    message = "argument y must hold labels of classes, and the number of classes is 0"
    refused(f"param S[N, C]\ninput y[N]: int\nL = {loss}(S, y)", arguments, message)
    refused(f"L = {loss}(S, y)", arguments, message)


def test_labels_of_no_rows() -> None:
    arguments = {"S": np.zeros((0, 3)), "y": np.zeros(0, int)}
    agree("param S[N, C]\ninput y[N]: int\nL = softmax_ce(S, y)", arguments, 0.0, {"S": np.zeros((0, 3))})


def test_indices_of_no_entries() -> None:
    """Unlike labels: to take nothing from nothing is no error."""
    arguments = {"x": np.zeros((0, 3)), "i": np.zeros(0, int)}
    agree("param x[N, D]\ninput i[K]: int\ny = take(x, i)", arguments, np.zeros((0, 3)), {"x": np.zeros((0, 3))})


def test_the_shift_is_plain_where_there_are_labels() -> None:
    """And where the program needs some entries anyway: the text is as simple as can be."""
    plain = "S.max(axis=1, keepdims=True)"
    for text in (
        "param S[N, 3]\nP = softmax(S)",
        "param S[N, C]\ninput y[N]: int\nL = softmax_ce(S, y)",
        "param S[N, C]\ninput y[N]: int\nP = softmax(S)\nL = softmax_ce(S, y)\nloss L\noutput P, L",
        "param S[N, 2*C]\nP = softmax(S)\nm = S[:, 5]\noutput P, m",
        "param S[N, C]\nm = max(S, axis=1)\nP = softmax(S)\noutput P, m",
    ):
        assert plain in "\n".join(body(text)), text
    assert "S.max(axis=1, keepdims=True, initial=-np.inf)" in "\n".join(body("param S[N, C]\nP = softmax(S)"))


# ---------------------------------------------------------------- numbers of entries


@pytest.mark.parametrize("program", ["param x[N, C]\n", "param x\n"])
def test_the_mean_of_nothing(program: str) -> None:
    """Also where the gradient comes in as a plain number, and 1 / 0 would be an error of Python's."""
    x = np.zeros((0, 3))
    agree(f"{program}L = mean(x)", {"x": x}, np.nan, {"x": x})
    agree(f"{program}L = mean(x * x)", {"x": x}, np.nan, {"x": x})
    agree(f"{program}L = var(x)", {"x": x}, np.nan, {"x": x})


@pytest.mark.parametrize("program", ["param x[N, C]\n", "param x\n"])
@pytest.mark.parametrize("values", ["x > 0", "0 + (x > 0)"])
@pytest.mark.parametrize("reduction, value", [("sum", 0), ("prod", 1), ("all", True), ("any", False), ("mean", np.nan)])
def test_counts_of_nothing(program: str, values: str, reduction: str, value: float) -> None:
    """Booleans and integers are added up and compared like other numbers; only an extreme needs entries."""
    x = np.zeros((0, 3))
    for axis, expected in [("", value), (", axis=0", np.full(3, value))]:
        text = f"{program}y = {reduction}({values}{axis})\nL = sum(x)\noutput L, y\nloss L"
        for module, keywords in modules(text, {"x": x}):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (loss, found), cache = module.forward(x, **keywords)
            np.testing.assert_equal(np.asarray(found), expected)
            assert (loss, module.backward(cache, **keywords)["x"].tolist()) == (0, [])


# ---------------------------------------------------------------- extremes


@pytest.mark.parametrize("operation", ["max", "min", "argmax", "argmin"])
def test_extremes_of_nothing(operation: str) -> None:
    """NumPy raises an error as well; this one says which size is 0."""
    with pytest.raises(ValueError):
        getattr(np, operation)(np.zeros((3, 0)), axis=1)
    message = f"dimension C of x is 0, but {operation} needs at least 1"
    refused(f"input x[N, C]\ny = {operation}(x, axis=1)", {"x": np.zeros((3, 0))}, message)
    refused(f"input x[N, C]\ny = {operation}(x)", {"x": np.zeros((3, 0))}, message)
    value = getattr(np, operation)(np.zeros((0, 3)), axis=1)
    agree(f"param w[3]\ninput x[N, C]\ny = {operation}(x, axis=1) * w[0]", {"w": np.ones(3), "x": np.zeros((0, 3))},
          value * 1.0, {"w": np.zeros(3)})  # fmt: skip


# ---------------------------------------------------------------- numbers divided by sizes


@pytest.mark.parametrize("text", [
    "L = sum(X * v) * (1 / N)", "L = sum(X) * N**-1 + sum(v)", "L = 2 / (0.5 * N) * sum(X * v)",
    "L = sum(X * v) * (6 // N)", "L = sum(X * v) * (6 % N)", "L = sum(X * v) * rsqrt(N)",
    "L = sum(X * v) * N**-1.5", "L = sum(X * v) / sqrt(N) * (1 / sqrt(N))",
])  # fmt: skip
def test_a_number_divided_by_a_size_of_0(text: str) -> None:
    """Python has an error for it, whatever NumPy makes of arrays; here it names the size."""
    arguments = {"X": np.zeros((0, 3)), "v": np.ones(3)}
    refused(f"param X[N, D]\ninput v[D]\n{text}", arguments, "dimension N of X is 0, but a division by it needs")


def test_a_size_that_is_divided_by_one_of_0() -> None:
    text = "param X[N], W[6 // N]\nL = sum(X) * sum(W)"
    refused(text, {"X": np.zeros(0), "W": np.ones(3)}, "dimension N of X is 0, but a division by it needs")
    hold(text, {"X": np.ones(2), "W": np.ones(3)}, lambda X, W: X.sum() * W.sum())


def test_a_number_that_is_0_by_chance() -> None:
    """Nothing says so beforehand: NumPy's infinity, at every level."""
    agree("param x[N]\ny = (2.5 / (0.5 * N - 1)) * x", {"x": np.ones(2)}, np.full(2, np.inf), {"x": np.full(2, np.inf)})
    assert "y = x * (2 / (N + 0.5))" in body("param x[N]\ny = x * (2 / (N + 0.5))")


@pytest.mark.parametrize("text, value", [
    ("L = sum(X * s / N)", 0.0), ("L = sum(X / N)", 0.0), ("L = sum(X * (s / N))", 0.0), ("L = sum(X) / N", np.nan),
    ("L = mean(X)", np.nan), ("L = mse(X, X * 2, reduction=\"mean\")", np.nan), ("L = sum(mean(X, axis=1)) / 2", 0.0),
])  # fmt: skip
def test_sums_of_no_rows(text: str, value: float) -> None:
    """As the program says it: of no rows a sum is 0, also one of quotients by their number, and a mean is nan."""
    arguments = {"X": np.zeros((0, 3)), "s": np.array(2.0)}
    text = f"param X[N, D]\ninput s[]\n{text}"
    if "s" not in text.partition("\ninput s[]")[2]:
        text, arguments = text.replace("input s[]\n", ""), {"X": arguments["X"]}
    agree(text, arguments, value, {"X": np.zeros((0, 3))})


def test_a_training_step_of_no_rows() -> None:
    text = 'param X[N, D], w[D]\ninput t[N]\nL = mse(X @ w, t, reduction="mean")\nloss L\nw <- w - grad(L, w)'
    for level in (0, 1, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new = compiled(text, level).step(np.zeros((0, 3)), np.ones(3), np.zeros(0))
        assert new["w"].tolist() == [1, 1, 1]


# ---------------------------------------------------------------- shapes


def test_no_rows_in_a_shape_with_a_quotient() -> None:
    """Beside a size of 0, NumPy takes -1 for no number."""
    text = "param x[N, D]\ny = reshape(x, (N, 2, D // 2)) * 2"
    agree(text, {"x": np.zeros((0, 4))}, np.zeros((0, 2, 2)), {"x": np.zeros((0, 4))})
    with pytest.raises(ValueError, match="shape"):
        compiled(text).forward(np.zeros((2, 3)))


@pytest.mark.parametrize("index", ["1:-1", "2:-2", "0:-2", "1:-1:2"])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5])
def test_what_is_inside_of_few_entries(index: str, rows: int) -> None:
    """As NumPy has it: nothing. Where the program must know how many there are, the size is checked."""
    x = np.arange(1.0, 1 + rows)
    inside = eval(f"x[{index}]", {"x": x})
    gradient = np.isin(x, inside) * 2.0
    agree(f"param x[N]\ny = x[{index}] * 2", {"x": x}, inside * 2, {"x": gradient})


def test_what_is_inside_of_a_known_number() -> None:
    text = "param x[N], w[N-2]\ny = x[1:-1] * w"
    hold(text, {"x": np.arange(5.0), "w": np.arange(3.0)}, lambda x, w: x[1:-1] * w)
    hold("param x[N]\ny = x[2:] - 2 * x[1:-1] + x[:-2]", {"x": np.arange(5.0) ** 2}, lambda x: np.full(3, 2.0))


@pytest.mark.parametrize("channels, kernels", [(0, 3), (2, 0), (0, 0)])
def test_convolution_of_no_channels(channels: int, kernels: int) -> None:
    """A sum of nothing: what is left is the bias."""
    x, w, b = np.zeros((2, channels, 4, 4)), np.zeros((kernels, channels, 3, 3)), np.arange(kernels) + 1.0
    text = "param x[N, C, H, W], w[O, C, 3, 3], b[O]\ny = conv2d(x, w, b, padding=1)"
    value = np.broadcast_to(b[:, None, None], (2, kernels, 4, 4))
    agree(text, {"x": x, "w": w, "b": b}, value, {"x": x, "w": w, "b": np.full(kernels, 32.0)})
    text = "param x[N, O, H, W], w[O, C, 3, 3], b[C]\ny = conv_transpose2d(x, w, b)"
    x, w, b = np.zeros((2, 0, 4, 4)), np.zeros((0, 3, 3, 3)), np.ones(3)
    agree(text, {"x": x, "w": w, "b": b}, np.ones((2, 3, 6, 6)), {"x": x, "w": w, "b": np.full(3, 72.0)})


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("k", [1, -1, 3])
def test_a_diagonal_beyond_the_corner(level: int, k: int) -> None:
    module = compiled(f"param A[N, N], B[N, M]\nL = sum(diag(A, {k})**2) + sum(diag(B, {k})**2)", level)
    for n, m in ((0, 0), (0, 2), (1, 1), (2, 0), (4, 3)):
        A, B = array(n, n), array(n, m)
        for given in [{}, *([{"workspace": module.Workspace(A, B)}] if level == 2 else [])]:
            L, grads = module.value_and_grad(A, B, **given)
            np.testing.assert_allclose(L, np.sum(np.diag(A, k) ** 2) + np.sum(np.diag(B, k) ** 2))
            for name, X in (("A", A), ("B", B)):
                assert np.array_equal(grads[name], 2 * X * np.eye(*X.shape, k)), name
