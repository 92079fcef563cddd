"""An `arange`, and what is made of it in whole numbers, as labels and as indices."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.language.diagnostics import GraphcError
from ops.programs import array, compiled

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
