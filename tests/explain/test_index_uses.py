"""What counts from 1 in a derivation and what from 0: indices, labels, and integers that are computed with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphc.cli import main

CASES = [
    ("param x[n]; L = sum(x*arange(n))", ["L = Σ_i x_i (i − 1)", "∂L/∂x_i = i − 1"]),
    ("param x[n]; L = sum(x*arange(1, n+1))", ["L = Σ_i x_i i", "∂L/∂x_i = i "]),
    ("param x[n]; L = sum(x*(2*arange(n) + 1))", ["∂L/∂x_i = 2 i − 1"]),
    ("param x[n]; L = sum(x*(arange(n)//2))", ["∂L/∂x_i = ⌊(i − 1) / 2⌋"]),
    ("param x[n]; L = sum(x*(x > arange(n)))", ["∂L/∂x_i = 1{x_i > i − 1}"]),
    ("param x[n]; L = sum(x[arange(n)//2])", ["L = Σ_i x_{⌊(i − 1) / 2⌋ + 1}"]),
    ("param x[n]; L = sum(roll(x, 1)*x)", ["L = Σ_i x_{mod(i, n) + 1} x_i"]),
    ("param x[n]; input y[N]: int; L = sum(x[y])", ["Σ_i x_{y_i}", "count from 1; δ"]),
    (
        "param x[n]; input y[N]: int; L = sum(x[y]*y)",
        ["count from 1, but y from 0, as in the program; δ", "x_{y_i + 1}", "1{j = y_i + 1}", "onehot(y)ᵀ ∂L/∂u₂",
         "∂L/∂u ⊙ y"],
    ),
    ("param W[M]; input k[N]: int; L = sum(W[k]*(k > 2))", ["L = Σ_i W_{k_i + 1} 1{k_i > 2}"]),
    (
        "param S[N,C]; input y[N]: int; L = softmax_ce(S, y+1)",
        ["= P_ij − 1{j = y_i + 1}", "for j ≠ y_i + 1", "∂L/∂u_i (P_{i,y_i + 1} − 1) for j = y_i + 1"],
    ),
    ("param S[N,C]; input y[N]: int; L = svm_loss(S, 2-y)", ["Σ_{c≠4 − y_i} max(0, S_ic − S_{i,4 − y_i} + 1)"]),
    (
        "param E[V,d]; input y[N]: int; L = sum(E[-y]**2)",
        ["E_{2 − y_i,j}", "A computed index below 1 counts on from the end: 0 is the last entry."],
    ),
]


@pytest.mark.parametrize(("program", "formulas"), CASES)
def test_counting(program: str, formulas: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.g").write_text(program + "\n")
    assert main(["derive", str(tmp_path / "net.g")]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    for formula in formulas:
        assert formula in text, formula
    assert "1{y_i + 1 ≥" not in text, "labels are in range, or the module says so"


def test_places_that_are_written_out_are_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.g").write_text("param x[n]; L = sum(roll(x, 1)*x) + sum(x*arange(n))\n")
    assert main(["derive", str(tmp_path / "net.g"), "--expand", "3x2"]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "∂L/∂x_1 = x_3 + x_2 " in text and "∂L/∂x_3 = x_2 + x_1 + 2 " in text


def test_labels_of_a_loss_are_in_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.g").write_text("param S[N,C]; input y[N]: int; L = softmax_ce(S, y+1)\n")
    assert main(["derive", str(tmp_path / "net.g")]) == 0
    assert "from the end" not in capsys.readouterr().out
