"""`assert_gradients` takes functions in their usual shapes, and its message says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graphc.testing import array, assert_gradients, assert_same

PROGRAM = """\
input X[N, D], t[N]
param w[D], b[]
Z = X@w + b
L = mse(tanh(Z), t, reduction="mean")
loss L
"""


def parts(X: Any, t: Any, w: Any, b: Any) -> tuple[Any, Any, Any]:
    Y = np.tanh(X @ w + b)
    dZ = 2 * (Y - t) / len(t) * (1 - Y**2)
    return ((Y - t) ** 2).mean(), X.T @ dZ, dZ.sum()


def as_dict(X: Any, t: Any, w: Any, b: Any) -> dict[str, Any]:
    _, dw, db = parts(X, t, w, b)
    return {"w": dw, "db": db}


def as_tuple(X: Any, t: Any, w: Any, b: Any) -> tuple[Any, Any]:
    _, dw, db = parts(X, t, w, b)
    return db, dw


def unnamed(X: Any, t: Any, w: Any, b: Any) -> tuple[Any, ...]:
    return tuple(reversed(parts(X, t, w, b)[1:]))


def value_too(X: Any, t: Any, w: Any, b: Any) -> tuple[Any, tuple[Any, Any]]:
    loss, dw, db = parts(X, t, w, b)
    return loss, (dw, db)


def forward(X: Any, t: Any, w: Any, b: Any) -> tuple[Any, Any]:
    return parts(X, t, w, b)[0], (X, t, w, b)


def backward(cache: Any) -> dict[str, Any]:
    return as_dict(*cache)


def backward_without_mean(cache: Any) -> dict[str, Any]:
    X, t, w, b = cache
    Y = np.tanh(X @ w + b)
    dZ = 2 * (Y - t) * (1 - Y**2)
    return {"w": X.T @ dZ, "b": dZ.sum()}


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (as_dict, None),
        (as_tuple, None),
        (unnamed, ["b", "w"]),
        (value_too, None),
        ((forward, backward), None),
        (SimpleNamespace(forward=forward, backward=backward), None),
    ],
)
def test_the_usual_shapes(given: Any, order: list[str] | None) -> None:
    assert_gradients(given, PROGRAM, order=order)


def test_the_wrong_order_is_wrong() -> None:
    with pytest.raises(AssertionError, match="WRONG SHAPE"):
        assert_gradients(unnamed, PROGRAM)


def test_the_message_says_why() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_gradients((forward, backward_without_mean), PROGRAM)
    said = str(caught.value)
    assert "`dZ` should be" in said
    assert "/ N" in said
    assert "is left out" in said


def test_given_inputs(tmp_path: Path) -> None:
    (tmp_path / "net.g").write_text(PROGRAM, encoding="utf-8")
    inputs = {"X": np.ones((2, 3)), "t": np.zeros(2), "w": np.zeros(3), "b": np.zeros(())}
    # Where everything is zero, all gradients are: even a wrong function agrees.
    assert_gradients(lambda X, t, w, b: {"w": 0 * w, "b": 0 * b}, tmp_path / "net.g", inputs)
    with pytest.raises(AssertionError):
        assert_gradients(lambda X, t, w, b: {"w": 0 * w, "b": 0 * b}, tmp_path / "net.g")


def test_tolerance() -> None:
    def nearly(X: Any, t: Any, w: Any, b: Any) -> dict[str, Any]:
        return {name: value * (1 + 1e-4) for name, value in as_dict(X, t, w, b).items()}

    assert_gradients(nearly, PROGRAM, rtol=1e-3)
    with pytest.raises(AssertionError):
        assert_gradients(nearly, PROGRAM)


def test_an_argument_that_nobody_knows() -> None:
    with pytest.raises(TypeError, match="`weights_of_mine`"):
        assert_gradients(lambda X, weights_of_mine: {}, PROGRAM)


def test_cotangents_of_outputs_without_a_loss() -> None:
    def vjp(x: Any, W: Any, dY: Any) -> dict[str, Any]:
        return {"W": x.T @ dY}

    def wrong(x: Any, W: Any, dY: Any) -> dict[str, Any]:
        return {"W": x.T @ np.ones_like(dY)}

    assert_gradients(vjp, "input x[N, D]\nparam W[D, H]\nY = x@W\n")
    with pytest.raises(AssertionError):
        assert_gradients(wrong, "input x[N, D]\nparam W[D, H]\nY = x@W\n")


class Tensor:
    """An array of another library: no NumPy array, not even a sequence."""

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.data if dtype is None else self.data.astype(dtype)


class Exported:
    """An array that shows itself by DLPack alone."""

    def __init__(self, data: Any) -> None:
        self.data = np.array(data)

    def __dlpack__(self, **options: Any) -> Any:
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()


class Attached(Tensor):
    """As PyTorch's: part of a graph until it is detached."""

    def detach(self) -> Tensor:
        return Tensor(self.data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("call detach() first")


@pytest.mark.parametrize("kind", [Tensor, Exported, Attached])
def test_arrays_of_other_libraries(kind: Callable[[Any], Any]) -> None:
    def foreign(X: Any, t: Any, w: Any, b: Any) -> dict[str, Any]:
        assert isinstance(X, Tensor)
        return {name: kind(value) for name, value in as_dict(X.data, t.data, w.data, b.data).items()}

    assert np.array_equal(array(kind([1.0, 2.0])), [1.0, 2.0])
    assert_gradients(foreign, PROGRAM, convert=Tensor)


def test_assert_same() -> None:
    assert_same({"a": Tensor([1.0, 2.0])}, {"a": np.array([1.0, 2.0])})
    for other in ({"a": [1.0, 2.1]}, {"a": [1.0]}, {"b": [1.0, 2.0]}):
        with pytest.raises(AssertionError):
            assert_same(other, {"a": np.array([1.0, 2.0])})
