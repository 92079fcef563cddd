"""The optimisers written in the language: twenty steps against the same written by hand in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from graphc.api import compile as compile_text
from modules import execute

EXAMPLES = Path(__file__).parents[2] / "examples" / "optimisers"
STEPS = 20
LEVELS = (0, 1, 2)
TYPES = (np.float32, np.float64)

State = dict[str, Any]


def gradients(X: Any, y: Any, W1: Any, W2: Any) -> tuple[Any, Any]:
    """Those of the mean cross-entropy of tanh(X W1) W2, by hand."""
    Z = np.tanh(X @ W1)
    scores = Z @ W2
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    P[np.arange(len(y)), y] -= 1
    P /= len(y)
    return X.T @ ((P @ W2.T) * (1 - Z**2)), Z.T @ P


def sgd(state: State) -> State:
    G1, G2 = gradients(state["X"], state["y"], state["W1"], state["W2"])
    return {"W1": state["W1"] - state["eta"] * G1, "W2": state["W2"] - state["eta"] * G2}


def momentum(state: State) -> State:
    G1, G2 = gradients(state["X"], state["y"], state["W1"], state["W2"])
    V1, V2 = 0.9 * state["V1"] + G1, 0.9 * state["V2"] + G2
    return {"V1": V1, "V2": V2, "W1": state["W1"] - state["eta"] * V1, "W2": state["W2"] - state["eta"] * V2}


def adam(state: State) -> State:
    t = state["t"] + 1
    new: State = {"t": t}
    for k, G in enumerate(gradients(state["X"], state["y"], state["W1"], state["W2"]), 1):
        new[f"M{k}"] = 0.9 * state[f"M{k}"] + 0.1 * G
        new[f"S{k}"] = 0.999 * state[f"S{k}"] + 0.001 * G**2
        mean, square = new[f"M{k}"] / (1 - 0.9 ** float(t)), new[f"S{k}"] / (1 - 0.999 ** float(t))
        new[f"W{k}"] = state[f"W{k}"] - state["eta"] * mean / (np.sqrt(square) + 1e-8)
    return new


BY_HAND: dict[str, tuple[Callable[[State], State], tuple[str, ...]]] = {
    "sgd": (sgd, ()), "momentum": (momentum, ("V",)), "adam": (adam, ("M", "S")),
}  # fmt: skip


def start(name: str, dtype: Any) -> State:
    """Data, weights and the state before the first step, in the order of the arguments."""
    rng = np.random.default_rng(12)
    weights = {"W1": rng.standard_normal((3, 5)), "W2": rng.standard_normal((5, 4))}
    state: State = {"X": rng.standard_normal((7, 3)), "y": rng.integers(0, 4, 7), **weights}
    for letter in BY_HAND[name][1]:
        state |= {f"{letter}{k}": np.zeros(weights[f"W{k}"].shape) for k in (1, 2)}
    if name == "adam":
        state["t"] = np.array(0)
    state["eta"] = np.array(0.05)
    return {key: value.astype(dtype) if value.dtype.kind == "f" else value for key, value in state.items()}


def module(name: str, level: int) -> ModuleType:
    return execute(compile_text((EXAMPLES / f"{name}.g").read_text(encoding="utf-8"), level=level), name)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("name", BY_HAND)
def test_twenty_steps(name: str, dtype: Any, level: int) -> None:
    net, by_hand = module(name, level), BY_HAND[name][0]
    state, wanted = start(name, dtype), start(name, np.float64)
    tolerance = 1e-12 if dtype == np.float64 else 3e-4
    for _ in range(STEPS):
        before = {key: value.copy() for key, value in state.items()}
        new = net.step(**state)
        for key, value in state.items():
            np.testing.assert_array_equal(value, before[key], err_msg=f"the step has changed its argument {key}")
        expected = by_hand(wanted)
        assert set(new) == set(expected)
        for key, value in new.items():
            assert value.shape == np.shape(state[key])
            assert value.dtype == state[key].dtype, key
            assert not any(np.shares_memory(value, old) for old in state.values()), key
            np.testing.assert_allclose(value, expected[key], rtol=tolerance, atol=tolerance, err_msg=key)
        state, wanted = {**state, **new}, {**wanted, **expected}
    if name == "adam":
        assert state["t"] == STEPS


@pytest.mark.parametrize("name", BY_HAND)
def test_the_loss_falls(name: str) -> None:
    net, state = module(name, 1), start(name, np.float64)
    first, _ = net.forward(**state)
    for _ in range(STEPS):
        state |= net.step(**state)
    last, _ = net.forward(**state)
    assert last < 0.9 * first


def test_arguments_may_be_given_by_position() -> None:
    net, state = module("momentum", 1), start("momentum", np.float64)
    by_name, by_place = net.step(**state), net.step(*(state[key] for key in ("X", "y", "W1", "W2", "V1", "V2", "eta")))
    for key, value in by_name.items():
        np.testing.assert_array_equal(value, by_place[key])


def test_updates_read_the_values_from_before_the_step() -> None:
    text = "input a[], b[], n[]: int\na <- b + 1\nb <- a * 2\nn <- n + 1\nL = a * b"
    for level in LEVELS:
        net = execute(compile_text(text, level=level), "swap")
        new = net.step(np.array(2.0), np.array(5.0), np.array(7))
        assert {key: float(value) for key, value in new.items()} == {"a": 6.0, "b": 4.0, "n": 8.0}
        assert new["n"].dtype.kind == "i"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_step_counts_before_it_computes(level: int) -> None:
    text = compile_text((EXAMPLES / "adam.g").read_text(encoding="utf-8"), level=level, verify=False)
    step = text[text.index("def step(") : text.index("def check(")]
    assert step.index("k = t + 1") < step.index("Z = np.tanh(X @ W1)")
    assert step.count("# L = softmax_ce(") == 1
    assert level == 0 or "dZW2 /= N" in step
