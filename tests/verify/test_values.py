"""What `forward` returns is held against the program as it is written: wrong values are refused, rounding is not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir.interpret import Rounded
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source
from graphc.verify.gradients import verify
from graphc.verify.values import differing

TEXT = "input X[N, D]\nparam w[D], b[]\nZ = X @ w + b\nL = mean(tanh(Z)**2)"


@pytest.mark.parametrize(("right", "wrong"), [
    ("X @ w + b", "X @ w - b"), ("X @ w + b", "X @ w"), (".sum() / N", ".sum()"), (".sum() / N", ".sum() / N + 1e-5"),
])  # fmt: skip
def test_a_module_with_another_value_is_refused_whatever_its_gradient(right: str, wrong: str) -> None:
    made = compile_source(Source(TEXT), Options(verify=False))
    head, forward, rest = re.split(r"(?=^def forward)|(?=^def backward)", made.module, flags=re.MULTILINE)
    spoilt = head + forward.replace(f"= {right} ", f"= {wrong} ").replace(f"{right}\n", f"{wrong}\n") + rest
    assert spoilt != made.module
    diagnostics = Diagnostics()
    verify(made.graph, spoilt, diagnostics)
    assert diagnostics.has_errors
    assert "the value of `L` that `forward` returns is not what the program says" in diagnostics.errors[0].message


def test_of_a_program_without_gradients_too() -> None:
    made = compile_source(Source("input i[N]: int\nk = 2 * i"), Options(verify=False))
    for right, wrong, refused in (("2 * i", "3 * i", True), ("2 * i", "i + i", False)):
        head, forward = re.split(r"(?=^def forward)", made.module, flags=re.MULTILINE)
        diagnostics = Diagnostics()
        verify(made.graph, head + forward.replace(f"k = {right}", f"k = {wrong}"), diagnostics)
        assert diagnostics.has_errors == refused


@pytest.mark.parametrize(("right", "wrong", "refused"), [
    ("W - 0.1 * dW", "W + 0.1 * dW", True), ("Y / N", "Y", True), ("Y / N", "1 / N * Y", False),
    ("X.T @ dS", "X.T @ np.sort(dS, axis=0)", True),
])  # fmt: skip
def test_of_a_training_step_too(right: str, wrong: str, refused: bool) -> None:
    text = "input X[N, D], Y[N, C]\nparam W[D, C]\nS = X @ W\nL = sum(S * Y) / N\nW <- W - 0.1 * grad(L, W)"
    made = compile_source(Source(text), Options(verify=False))
    head, step, rest = re.split(r"(?=^def step)|(?=^def check)", made.module, flags=re.MULTILINE)
    diagnostics = Diagnostics()
    spoilt = step.replace(right, wrong)
    assert spoilt != step
    verify(made.graph, head + spoilt + rest, diagnostics)
    assert diagnostics.has_errors == refused
    if refused:
        assert "the value of `W` that `step` returns is not what the program says" in diagnostics.errors[0].message


@pytest.mark.parametrize("text", [
    "param x[N]\nL = sum((sum(softmax(x)) == 1) * x)",  # equal or not by rounding
    "param x[N]\nL = sum((x / 3 * 3 == x) * x)",
    "param x[N]\nL = sum((x * 0.1 * 10 == x) * x)",  # equal as one writes it, not as NumPy computes it
    "param x[N]\nL = sum(where(x * 7 * 0.1 == 0.7 * x, x, -x))",
    "param x[N], y[N], s[]\nL = sum((s * x + s * y == s * (y + x)) * x)",
    "param x[N], y[N], s[]\nL = sum(x) * ((s * x) @ y == s * (x @ y))",
    "param x[N], y[N], s[]\nL = sum(x)\nk = x * s + y * s == s * (x + y)\noutput L, k",
    "param x[N], y[N], s[]\nL = sum(x)\nk = argmax((x * s + y * s) / (x + y))\noutput L, k",
    "param W[N, D], v[D]\nL = sum(W)\nk = W @ W.T @ W @ v == W @ (W.T @ (W @ v))\noutput L, k",
    "param x[N], s[]\nL = sum(x * s) - s * sum(x)",  # 0 up to rounding
    "param A[n, n]\nL = logdet(A @ A.T + 1e-9 * eye(n))",
    "param A[n, n], b[n]\nL = b @ solve(outer(b, b), b)",  # singular: solved or not by rounding
    "param x[N]\nL = sum(x / (sum(x) - sum(x, axis=0)))",  # nothing finite
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_rounding_is_no_error(text: str, level: int) -> None:
    graphc.compile(text, level=level)


def test_values_that_are_compared() -> None:
    x = np.linspace(0.1, 1.0, 5)

    def evaluate(rounded: Rounded | None) -> dict[str, Any]:
        double = x * 2 if rounded is None else rounded("multiply", (x, 2.0), x * 2)
        return {"y": double, "z": np.sign(np.sin(1e15 * double))}

    right = evaluate(None)
    assert differing(evaluate, right) is None
    assert differing(evaluate, {**right, "z": -right["z"]}) is None  # all rounding
    for wrong in (right["y"] + 1e-3, right["y"][:4], np.full(5, np.nan)):
        assert differing(evaluate, {**right, "y": wrong}) == "y"
