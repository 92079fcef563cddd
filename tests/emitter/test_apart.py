"""A statement's lines may stand in several places of a function at -O2: each has the mathematics of its own lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import graphc
from graphc.explain.report import function_text

EXAMPLES = Path(__file__).parents[2] / "examples"
REGULAR = """\
input X[N, D], y[N]: int
param W1[D, H], b1[H], W2[H, C], b2[C]
Z = X@W1 + b1
H = relu(Z)
S = H@W2 + b2
L = softmax_ce(S, y, reduction="mean") + 0.01*(sum(W1**2) + sum(W2**2))
"""
EQUATION = re.compile(r"(?<=    )(\w+) \+?= ")  # not the statement, which stands first


def blocks(text: str, function: str) -> list[tuple[list[str], str]]:
    """The comments of a function, each with the code below it."""
    found: list[tuple[list[str], str]] = []
    for line in function_text(text, function).split("\n"):
        if line.strip().startswith("# ") and (not found or found[-1][1]):
            found.append(([], ""))
        if line.strip().startswith("# "):
            found[-1][0].append(line.strip()[2:])
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}" if line.strip() else found[-1][1])
    return found


@pytest.mark.parametrize("name", ["", "vae.g", "gaussian_process.g", "transformer_block.g", "gmm.g", "convnet.g"])
def test_equations_stand_above_what_computes_them(name: str) -> None:
    text = graphc.compile((EXAMPLES / name).read_text() if name else REGULAR, level=2, verify=False)
    for function in ("value_and_grad", "backward_in"):
        for comment, code in blocks(text, function):
            for line in comment:
                for left in EQUATION.findall(line if "<string>:" in line else f"    {line}"):
                    assert re.search(rf"\b{left}(_rows)?(_\d+)?(_flat)?\b", code), (left, comment)


def test_a_statement_in_several_places() -> None:
    text = graphc.compile(REGULAR, level=2, verify=False)
    said = [line for comment, _ in blocks(text, "value_and_grad") for line in comment if line.startswith("S = H@W2")]
    first, second = (line.split("    ", 2)[2] for line in said[1:])
    assert first == "db2 = 1ᵀ dS    dH = dS W2ᵀ" and second.startswith("dW2 = ")


def test_results_without_an_array_stand_together() -> None:
    text = graphc.compile((EXAMPLES / "vae.g").read_text(), level=2, verify=False)
    *_, (comment, code) = blocks(text, "value_and_grad")
    assert comment == ["results, in memory of the workspace"]
    assert [line.split(".")[0].strip() for line in code.split("\n") if ".fill(" in line] == [
        "L_result", "reconstruction_result", "divergence_result",
    ]  # fmt: skip
    assert "outputs = Outputs(L_result, reconstruction_result, divergence_result)" in code
