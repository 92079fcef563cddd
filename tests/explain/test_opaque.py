"""Gradients that are told by an operation's rule: the formula means what the rule does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphc.cli import main


def derived(program: str, folder: Path, capsys: pytest.CaptureFixture[str], format: str = "text") -> str:
    path = folder / "net.g"
    path.write_text(program, encoding="utf-8")
    assert main(["derive", str(path), "--format", format]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("L = (N+1)*c*sum(a)", ["u = (N + 1) c", "∂ℓ/∂c = ∂ℓ/∂u (N + 1) by"]),
        ("L = (1-N)*c", ["L = (1 − N) c", "∂ℓ/∂c = ∂ℓ/∂L (1 − N) by"]),
        ("L = c/(N-1)/sum(a)", ["u = c / (N − 1)", "∂ℓ/∂c = ∂ℓ/∂u / (N − 1) by"]),
        ("L = c**(N-1)", ["L = c^(N − 1)", "∂ℓ/∂c = ∂ℓ/∂L (N − 1) ⊙ c^(N − 1 − 1) by"]),
        ("L = c**(-N)", ["L = c^(−N)", "∂ℓ/∂c = ∂ℓ/∂L (−N) ⊙ c^(−N − 1) by"]),
        ("L = c-(N+1)", ["L = c − (N + 1)"]),
    ],
)
def test_an_operand_that_is_a_sum_stands_in_brackets(
    statement: str, rows: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rank of `c` is open: without an index definition the rules say what the gradients are."""
    text = " ".join(derived(f"input a[N]; param c\n{statement}\n", tmp_path, capsys).split())
    assert [row for row in rows if row not in text] == []


def test_the_letter_of_an_unnamed_loss_is_one_letter_in_mathematics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "input a[N]; param c\nL = (N+1)*c*sum(a)\n"
    page = derived(program, tmp_path, capsys, "latex")
    assert r"\frac{\partial \ell }{\partial u} &=  \partial  \ell /\partial  L" in page and r"\text{l}" not in page
    page = derived(program, tmp_path, capsys, "markdown")
    blocks = re.findall(r"^```math\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert blocks and all("ℓ" not in block for block in blocks)


@pytest.mark.parametrize(
    ("power", "shown"),
    [
        ("N-1", r"c^{N\, - \, 1\, - \, 1}"),
        ("0.75", r"u &= c^{0.75}"),
        ("c", r"u &= c^{c}"),
        ("sqrt(N+1)", r"c^{\sqrt{N\, +\, 1}}"),
    ],
)
def test_all_of_an_exponent_is_raised_in_latex(
    power: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown in derived(f"input a[N]; param c\nL = c**({power})*sum(a)\n", tmp_path, capsys, "latex")
