"""Conditions as a mathematician writes them: of a place, of a number between two others, of sizes without brackets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphc.cli import main

CASES = [
    ("param x[K]; L = sum(x[3:])", ["L = Σ_{i≤K − 3} x_{i + 3}", "∂L/∂x_k = 1{k ≥ 4}"]),
    ("param x[N,4]; L = sum(split(x, 2, axis=1)[0]**2)", ["L = Σ_{i;k≤2} x_ik²", "∂L/∂x_ij = 2 1{j ≤ 2} x_ij"]),
    ("param x[6]; L = sum(x[1:]*x[:-1])", ["L = Σ_{j≤5} x_{j + 1} x_j"]),
    ("param x[N,2*H]; input w[H]; L = sum(x[:,:H]@w)", ["L = Σ_ih x_ih w_h"]),
    ("param A[6,6]; L = sum(tril(A[:, :3])**2)", ["L = Σ_{i;j≤3} 1{j ≤ i} A_ij²"]),
    ("param x[8]; L = sum(concatenate([x[:2], x[4:6]])**2 * x[1:5])", ["L = Σ_{j≤4} (1{j ≤ 2} x_j + 1{j ≥ 3}"]),
    ("param x[N]; L = sum(x[::-1]**3)", ["L = Σ_i x_{N + 1 − i}³"]),
    ("param S[N,C]; input y[N]: int; L = sum(relu(S - S[arange(N), y][:, None] + 1))",
     ["1{j = y_i} Σ_k 1{S_ik − S_{i,y_i} + 1 > 0}"]),
    ("param X[N,D]; L = sum(X[1:, :2])", ["∂L/∂X_id = 1{i ≥ 2} 1{d ≤ 2}"]),
    (
        "param x[n]; L = sum((x[1:] - x[:-1])**2)",
        ["∂L/∂x_i = 2 1{i ≥ 2} (x_i − x_{i − 1}) − 2 1{i ≤ n − 1} (x_{i + 1} − x_i)"],
    ),
    ("param x[n]; L = sum(x[2:-1])", ["∂L/∂x_i = 1{3 ≤ i ≤ n − 1}"]),
    ("param x[M], y[N], z[K]; L = sum(concatenate([x, y, z])**2)", ["1{j ≥ M + N + 1} z_{j − M − N}"]),
    ("param x[n]; L = sum(clip(x, 0, 1))", ["∂L/∂x_i = 1{0 ≤ x_i ≤ 1}", "∂L/∂x = 1{0 ≤ x ≤ 1}"]),
    ("param x[n]; L = sum(relu6(x))", ["∂L/∂x_i = 1{0 < x_i < 6}"]),
    ("param x[n], t[n]; L = huber(x, t)", ["∂L/∂x_i = min(max(x_i − t_i, −1), 1)"]),
    ("param x[n]; L = norm(x, ord=3)", ["(Σ_i |x_i|³)^(1 / 3)", "/ (Σ_j |x_j|³)^(2 / 3)"]),
    ("param x[n], y[n]; L = 1/(norm(x)*norm(y))", ["∂u/∂y_i = √(Σ_j x_j²) y_i / √(Σ_j y_j²)"]),
    ("param x[n]; L = sum(gelu(x))", ["erf(x_i / √(2))", "2 x_i exp(−x_i² / 2) / (√(π) √(2))"]),
    ("param x[n], p[]; L = sum(x**p)", ["∂L/∂p = (xᵀ)^p log(x)"]),
    ("param X[n,n]; L = trace(X, k=1)", ["X_{i,i + 1}", "∂L/∂X_ij = 1{j = i + 1}"]),
    ("param X[n,n]; L = logdet(X)", ["∂L/∂X = X⁻ᵀ "]),
    ("param X[n,n]; L = det(X)", ["∂L/∂X = L X⁻ᵀ "]),
    ("param X[n,m]; L = max(X)", ["∂L/∂X = (1 / Σ 1{X = L}) 1{X = L} "]),
    ("param X[n,n], B[n,k]; L = sum(solve(X, B))", ["∂L/∂X = −X⁻ᵀ ∂L/∂u uᵀ "]),
    (
        "param p[N]; input t[N]; L = bce(p, t)",
        ["L = −Σ_i t_i log(p_i) − Σ_i log(1 − p_i) (1 − t_i)", "∂L/∂p_i = (1 − t_i) / (1 − p_i) − t_i / p_i",
         "∂L/∂p = (1 − t) / (1 − p) − t / p ", "The logarithms of bce are at least −100"],
    ),
    ("param A[n,n]; L = sum(tril(A, k=-1)**2)", ["L = Σ_ij 1{j ≤ i − 1} A_ij²"]),
    ("param A[m,n], B[n,p], C[p,q]; L = sum((A@B)@C)", ["L = Σ_ijkl A_ij B_jk C_kl"]),
    ("input A[n,n]; param x[n]; L = x@A@x", ["L = Σ_ij x_i A_ij x_j", "Σ_j A_ij x_j + Σ_j x_j A_ji"]),
]


@pytest.mark.parametrize(("program", "formulas"), CASES)
def test_formulas(program: str, formulas: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.g").write_text(program + "\n")
    assert main(["derive", str(tmp_path / "net.g")]) == 0
    derived = capsys.readouterr().out
    text = re.sub(r"\s+", " ", derived)
    for formula in formulas:
        assert formula in text, formula
    assert "∂L/∂L" not in text


def test_nothing_comes_back_through_what_has_no_gradient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A use by argmax was counted as one of two uses, of which the other was nowhere."""
    (tmp_path / "net.g").write_text("param X[N,D]\nL = sum(one_hot(argmax(X, axis=1), D) * X)\n")
    assert main(["derive", str(tmp_path / "net.g")]) == 0
    text = capsys.readouterr().out
    assert "  ∂L/∂X_id = u₂_id\n" in text and "(∂L/∂X" not in text and "All uses" not in text


def test_a_column_and_a_row_are_no_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.g").write_text("param x[n], y[m]\nL = sum((x[:,None] - y)**2)\n")
    assert main(["derive", str(tmp_path / "net.g")]) == 0
    text = capsys.readouterr().out
    assert "∂L/∂y_j = −2 Σ_i (x_i − y_j)" in text and "(x − yᵀ)" not in text


@pytest.mark.parametrize("program", [program for program, _ in CASES])
def test_no_script_is_raised_twice(program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TeX refuses `x^{\\top}^{p}` and `x_{1}_{2}`, and of the minus of text it has no sign."""
    (tmp_path / "net.g").write_text(program + "\n")
    for layout in ("denominator", "numerator"):
        assert main(["derive", str(tmp_path / "net.g"), "--format", "latex", "--layout", layout]) == 0
        body = capsys.readouterr().out.partition(r"\begin{document}")[2]
        assert not re.search(r"\^\{[^{}]*\}\^|_\{[^{}]*\}_", body)
        assert "−" not in body and "⌊" not in body
