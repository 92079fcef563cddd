"""Derivations as a teacher writes them: every row of the source derivations comes out of its example."""

from __future__ import annotations

import re
import runpy
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphc.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "derivations"

ROWS = {
    "a0_affine": ["Y_ih = Σ_d X_id W_dh", "∂L/∂X_id = Σ_h ∂L/∂Y_ih W_dh", "∂L/∂X = ∂L/∂Y Wᵀ (N×H)(H×D) = N×D",
                  "∂L/∂W = Xᵀ ∂L/∂Y (D×N)(N×H) = D×H"],
    "a1_one_sample": ["P_j = exp(s_j) / (Σ_k exp(s_k))", "∂P_j/∂s_k = P_j (δ_jk − P_k)", "∂L/∂s_j = P_j for j ≠ y",
                      "∂L/∂s_j = P_y − 1 for j = y"],
    "a1_softmax_ce": ["L = −Σ_i log(P_{i,y_i})", "∂P_ij/∂S_ik = P_ij (δ_jk − P_ik)", "∂L/∂S_ij = P_ij − 1{j = y_i}",
                      "∂L/∂S_ik = Σ_j ∂L/∂P_ij ∂P_ij/∂S_ik = −Σ_j 1{j = y_i} P_ij (δ_jk − P_ik) / P_{i,y_i}",
                      "∂L/∂S = P − onehot(y)"],
    "a2_output_layer": ["S_ic = Σ_h H_ih W2_hc + b2_1c", "∂L/∂W2_hc = Σ_i ∂L/∂S_ic H_ih",
                        "∂L/∂W2 = Hᵀ ∂L/∂S (H×N)(N×C) = H×C", "∂L/∂b2 = 1ᵀ ∂L/∂S (1×N)(N×C) = 1×C",
                        "∂L/∂H = ∂L/∂S W2ᵀ (N×C)(C×H) = N×H", "> dW2 = H.T @ dS",
                        "> db2 = dS.sum(axis=0, keepdims=True)", "> dH = dS @ W2.T"],
    "a3_relu": ["∂H_ih/∂Z_ih = 1{Z_ih > 0}", "∂L/∂Z_ih = ∂L/∂H_ih for Z_ih > 0", "∂L/∂Z_ih = 0 otherwise",
                "∂L/∂Z = ∂L/∂H ⊙ 1{Z > 0}"],
    "a4_two_layer": ["∂L/∂S = P − onehot(y)", "∂L/∂W2 = Hᵀ ∂L/∂S", "∂L/∂b2 = 1ᵀ ∂L/∂S", "∂L/∂H = ∂L/∂S W2ᵀ",
                     "∂L/∂Z = ∂L/∂H ⊙ 1{Z > 0}", "∂L/∂W1 = Xᵀ ∂L/∂Z", "∂L/∂b1 = 1ᵀ ∂L/∂Z", "∂L/∂X = ∂L/∂Z W1ᵀ"],
    "a5_scalar_form": ["∂L/∂u₁₁ = ∂L/∂s₁ h₁", "∂L/∂c₂ = ∂L/∂s₂", "∂L/∂w₁₂ = ∂L/∂z₂ x₁", "∂L/∂z₁ = ∂L/∂h₁ for z₁ > 0",
                       "= ∂L/∂s₁ u₁₁ + ∂L/∂s₂ u₁₂"],
    "b1_reshape": ["∂L/∂X = reshape(∂L/∂Y, (N, 2*K))"],
    "b2_column_layout": ["∂L/∂X = Wᵀ ∂L/∂Y", "∂L/∂W = ∂L/∂Y Xᵀ", "∂L/∂b = ∂L/∂B 1"],
    "b3_linear_layer": ["Y_ik = Σ_j X_ij A_kj + b_k", "∂L/∂X = ∂L/∂Y A", "∂L/∂A = ∂L/∂Yᵀ X",
                        "∂L/∂b = ∂L/∂Yᵀ 1 (m×N)(N×1) = m×1"],
    "b3_linear_layer_written_out": ["∂L/∂b = ∂L/∂Yᵀ 1"],
    "b4_matrix_vector": ["∂L/∂x = Aᵀ ∂L/∂y", "∂L/∂A = ∂L/∂y xᵀ"],
    "b5_bilinear_form": ["∂z/∂x = A y", "∂z/∂y = Aᵀ x", "∂z/∂A = x yᵀ"],
    "b6_elementwise_product": ["∂L/∂x = ∂L/∂z ⊙ y", "∂L/∂y = ∂L/∂z ⊙ x"],
    "b7_column_dot": ["∂L/∂X = Y diag(∂L/∂z)", "∂L/∂Y = X diag(∂L/∂z)"],
    "b7_row_dot": ["∂L/∂X = diag(∂L/∂z) Y"],
    "b7_column_scaling": ["∂L/∂X = ∂L/∂Z diag(s)"],
    "b7_row_scaling": ["∂L/∂X = diag(s) ∂L/∂Z", "∂L/∂s = (∂L/∂Z ⊙ X) 1"],
    "b7_weighted_sum": ["Z_jk = Σ_i x_i Y_ijk", "∂L/∂x_i = Σ_jk ∂L/∂Z_jk Y_ijk", "∂L/∂Y_i = x_i ∂L/∂Z"],
    "b8_many_pairs": ["∂L/∂X = AY diag(∂L/∂Z)", "∂L/∂A = ∂L/∂AY Yᵀ"],
    "b8_many_pairs_by_diagonal": ["∂L/∂X = A Y diag(∂L/∂Z)", "∂L/∂Y = Aᵀ X diag(∂L/∂Z)", "∂L/∂A = X diag(∂L/∂Z) Yᵀ"],
    "b9_stack_of_matrices": ["∂L/∂x = Σ_j ∂L/∂z_j A_j y", "∂L/∂y = Σ_j ∂L/∂z_j A_jᵀ x", "∂L/∂A_j = ∂L/∂z_j x yᵀ"],
    "b10_stack_and_many_pairs": ["∂L/∂X = Σ_k AY_k diag(∂L/∂Z_k)", "∂L/∂A_k = ∂L/∂AY_k Yᵀ",
                                 "∂L/∂Y = Σ_k A_kᵀ ∂L/∂AY_k"],
    "b11_by_slices": ["∂L/∂X = AY₀ diag(∂L/∂z₀) + AY₁ diag(∂L/∂z₁) + AY₂ diag(∂L/∂z₂)", "3 uses add up"],
    "b11_by_samples": ["(∂L/∂A_k)_1 = ∂L/∂z₃_k X_{·4} Y_{·4}ᵀ", "4 uses add up"],
    "b11_contraction": ["∂L/∂X_ji = Σ_kp ∂L/∂Z_ki Y_pi A_kjp", "∂L/∂X = Σ_k A_k Y diag(∂L/∂Z_k)",
                        "∂L/∂A_k = X diag(∂L/∂Z_k) Yᵀ", "∂L/∂Y = Σ_k A_kᵀ X diag(∂L/∂Z_k)"],
    "b12_bilinear": ["Z_ip = Σ_kj Y_ik A_pjk X_ij + b_p", "∂L/∂X_ij = Σ_pk ∂L/∂Z_ip Y_ik A_pjk as one contraction",
                     "∂L/∂X = Σ_p diag(∂L/∂Z_p) Y A_pᵀ", "∂L/∂Y = Σ_p diag(∂L/∂Z_p) X A_p",
                     "∂L/∂A_p = Xᵀ diag(∂L/∂Z_p) Y", "∂L/∂b = ∂L/∂Zᵀ 1", "slice by slice, (N×N)(N×n)(n×m) = N×m",
                     "diag(v) M scales the rows of M by v"],
    "c1_denominator_layout": ["∂y/∂x = Mᵀ the Jacobian", "∂z/∂x = ∂y/∂x ∂z/∂y", "∂z/∂y = c", "∂z/∂x = Mᵀ ∂z/∂y"],
    "c1_layouts": ["J = jacobian(y, x)", "J_ji = M_ji"],
    "c2_numerator_layout": ["∂z/∂y = c", "∂z/∂x = ∂z/∂y M (1×m)(m×n) = 1×n"],
    "c3_rows_of_dW": ["∂L/∂W_ij = ∂L/∂z_i x_j", "∂L/∂W = ∂L/∂z xᵀ"],
    "c4_sigmoid": ["∂y_i/∂z_i = σ(z_i) (1 − σ(z_i)) = y_i (1 − y_i)",
                   "∂y/∂z = diag(y ⊙ (1 − y)) the Jacobian is diagonal"],
    "c4_sigmoid_jacobian": ["J_ij = δ_ji y_j (1 − y_j)", "∂L/∂y = diag(∂L/∂J) ⊙ (1 − 2 y)"],
    "c5_relu": ["∂y/∂z = diag(1{z > 0}) the Jacobian is diagonal"],
    "d1_worked_example": ["∂o/∂y1_ij = 1", "∂o/∂x = ∂o/∂y1 yᵀ", "∂o/∂y = xᵀ ∂o/∂y1", "∂o/∂z = ∂o/∂y1"],
    "d2_jacobian": ["J = jacobian(y1, z)", "J_ijkl = δ_ki δ_lj"],
    "d3_fan_out": ["∂o/∂z_ij = ∂o/∂ỹ_ij M_ij + ∂o/∂ỹ_ij = ∂o/∂ỹ_ij (M_ij + 1) = M_ij + 1 2 uses add up",
                   "∂o/∂x = (∂o/∂ỹ ⊙ M) yᵀ"],
    "d4_deep": ["∂z₁_ij/∂u_ij = 1 − tanh(u_ij)² = 1 − z₁_ij²", "= σ(u₂_ij) (1 − σ(u₂_ij)) = z₂_ij (1 − z₂_ij)",
                "∂L/∂W₁ = z₁ᵀ ∂L/∂u₂", "∂L/∂b₁ = 1ᵀ ∂L/∂u₂", "∂L/∂z₁ = ∂L/∂u₂ W₁ᵀ"],
    "d5_inner_weight": ["∂y/∂z = σ(z) (1 − σ(z)) = y (1 − y)", "∂y/∂z₁ = ∂y/∂z w₅", "= z₁ (1 − z₁)",
                        "∂y/∂w₁ = ∂y/∂u x₁"],
    "d6_training_step": ["∂L/∂Y = 2 (Y − T)", "∂L/∂W = Xᵀ ∂L/∂u"],
    "d7_nested": ["∂L/∂x = W₀ᵀ W₁ᵀ ∂L/∂y", "∂L/∂W₀ = W₁ᵀ ∂L/∂y xᵀ"],
    "d7_collapsed": ["∂L/∂W₁ = ∂L/∂W W₀ᵀ + ∂L/∂b b₀ᵀ", "∂L/∂W₀ = W₁ᵀ ∂L/∂W"],
    "d8_masked_weights": ["∂L/∂W = (Xᵀ ∂L/∂Y) ⊙ M"],
    "e1_matrix_product": ["∂L/∂X = ∂L/∂Y Wᵀ", "∂L/∂W = Xᵀ ∂L/∂Y"],
    "e1_by_entries": ["= ∂L/∂y₁₁ w₁₁ + ∂L/∂y₁₂ w₁₂ + ∂L/∂y₁₃ w₁₃", "= ∂L/∂y₁₁ x₁₁ + ∂L/∂y₂₁ x₂₁"],
    "e2_softmax_then_log": ["∂L/∂Z_ic = −1{c = y_i} / Z_{i,y_i}", "∂Z_ij/∂S_ik = Z_ij (δ_jk − Z_ik)",
                            "∂L/∂S_ij = Z_ij (∂L/∂Z_ij − Σ_k ∂L/∂Z_ik Z_ik) = Z_ij − 1{j = y_i}"],
    "e2_softmax_ce": ["∂L/∂S_ij = P_ij − 1{j = y_i}"],
    "e3_multiclass_svm": ["∂L/∂S_ij = 1{S_ij − S_{i,y_i} + 1 > 0} for j ≠ y_i",
                          "∂L/∂S_ij = −Σ_{k≠y_i} 1{S_ik − S_{i,y_i} + 1 > 0} for j = y_i"],
}  # fmt: skip


def derived(program: str, *options: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["derive", str(EXAMPLES / f"{program}.g"), *options]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("program", ROWS)
def test_a_row_comes_out_as_on_the_page(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\s+", " ", derived(program, capsys=capsys))
    missing = [line for line in ROWS[program] if line not in text]
    assert not missing, text


@pytest.mark.parametrize("program", sorted(path.stem for path in EXAMPLES.glob("*.g")))
def test_every_example_is_derived_in_a_hundred_columns(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = derived(program, capsys=capsys)
    assert [line for line in text.splitlines() if len(line) > 100] == []
    assert "?" not in text, "an index without a letter"


NETWORKS = sorted(path for path in EXAMPLES.parent.glob("*.g"))


@pytest.mark.parametrize("program", NETWORKS, ids=lambda path: path.stem)
def test_whole_networks_are_derived(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", str(program)]) == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if len(line) > 100] == []
    for word in ("argument(", "seed(", "?"):  # names of the compiler's own, an index without a letter
        assert word not in text, word
    heads = re.findall(r"^\d+  (.*)$", text, re.MULTILINE)
    assert len(set(heads)) == len(heads), "a step is there twice"
    code = [line for line in text.splitlines() if line.startswith("      > d")]
    assert len(set(code)) == len(code), "a line of code is shown twice"


def test_a_pool_and_a_convolution_by_entries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", str(EXAMPLES.parent / "convnet.g")]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "H2_iquv = max_{w≤2,i′≤2} A2_{i,q,2 (u − 1) + w,2 (v − 1) + i′}" in text
    assert "1{A2_iquv = H2_iqwi′}" in text
    assert "W2_qlwi′ H1_{i,l,u − 2 + w,v − 2 + i′} 1{1 ≤ u − 2 + w ≤ 4} 1{1 ≤ v − 2 + i′ ≤ 4} + b2_q" in text


def test_attention_is_taken_apart_by_the_names_of_its_definition(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", str(EXAMPLES.parent / "transformer_block.g")]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    for line in ("A_ijlk = Σ_p weights_ijlp V_ijpk", "∂L/∂V_ij = weights_ijᵀ ∂L/∂A_ij",
                 "weights_ijlp = 1{p ≤ l} exp(scores_ijlp) / (Σ_q 1{q ≤ l} exp(scores_ijlq))",
                 "∂weights_ijlp/∂scores_ijlq = weights_ijlp (δ_pq − weights_ijlq)",
                 "∂L/∂Q_ij = ∂L/∂scores_ij K_ij / √(⌊D / 2⌋)"):  # fmt: skip
        assert line in text, line


def test_the_numerator_layout_turns_gradients_and_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\s+", " ", derived("c1_denominator_layout", "--layout", "numerator", capsys=capsys))
    for line in ("Numerator layout", "∂y/∂x = M the Jacobian", "∂z/∂x = ∂z/∂y ∂y/∂x", "∂z/∂y = cᵀ",
                 "∂z/∂x = ∂z/∂y M (1×m)(m×n) = 1×n"):  # fmt: skip
        assert line in text, line
    text = re.sub(r"\s+", " ", derived("a2_output_layer", "--layout", "numerator", capsys=capsys))
    for line in ("∂L/∂W2 = ∂L/∂S H (C×N)(N×H) = C×H", "∂L/∂H = W2 ∂L/∂S", "∂L/∂b2 = ∂L/∂S 1"):
        assert line in text, line


def test_entries_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = derived("a0_affine", "--expand", "2x3", capsys=capsys)
    assert "∂L/∂X_11 = ∂L/∂Y_11 W_11 + ∂L/∂Y_12 W_12 + ∂L/∂Y_13 W_13" in text
    assert "∂L/∂W_23 = ∂L/∂Y_13 X_12 + ∂L/∂Y_23 X_22" in text
    text = derived("a0_affine", "--expand", "N=1,D=2,H=2", capsys=capsys)
    assert "∂L/∂X_12 = ∂L/∂Y_11 W_21 + ∂L/∂Y_12 W_22" in text
    assert main(["derive", str(EXAMPLES / "a0_affine.g"), "--expand", "big"]) == 2
    assert main(["derive", str(EXAMPLES / "a0_affine.g"), "--expand", "N=2,N=3"]) == 2


@pytest.mark.parametrize(
    ("source", "sizes", "complaint"),
    [
        ("param W[D]; L = sum(W**2)", "D=2,Q=3", "its dimensions are D"),
        ("param W[Dim]; L = sum(W**2)", "Din=2", "did you mean `Dim`?"),
        ("param W[3]; L = sum(W**2)", "D=2", "no dimension of it has a name"),
        ("L = sum((X @ W)**2)", "N=2,Q=3", "its dimensions are N, D, H"),
    ],
)
def test_a_size_that_there_is_not_is_an_error(
    source: str, sizes: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "net.g"
    program.write_text(source)
    assert main(["derive", str(program), "--expand", sizes]) == 1
    told = capsys.readouterr()
    assert "no argument of the program has a dimension `" in told.err and complaint in told.err and not told.out


def test_entries_of_undeclared_values_are_written_out_in_the_sizes_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, "Z = X @ W; L = sum(Z)", "--expand", "N=1,D=2,H=3")
    assert "∂L/∂W_23 = ∂L/∂Z_13 X_12 >" in text


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("param u[1,1,N]; L = sum(u**2)", "∂L/∂u_1 = 2 u_1 entry by entry, 1×N"),
        ("param u[B,1,N]; L = sum(u**2)", "∂L/∂u_b = 2 u_b entry by entry, 1×N"),
        ("param u[1,M,N]; L = sum(u**2)", "∂L/∂u_1 = 2 u_1 entry by entry, M×N"),
        ("param u[1,N,1]; L = sum(u**2)", "∂L/∂u_1 = 2 u_1 entry by entry, N×1"),
        ("param v[N]; input u[1,1,N]; L = sum(u*v)", "∂L/∂v = u_1ᵀ entry by entry, N×1"),
        ("param y[B,M,N]; input u[1,1,N]; L = sum(u*y)", "∂L/∂y_b = 1 u_1 (M×1)(1×N) = M×N"),
        ("param W[N,M]; input u[1,1,N]; Z = u@W; L = sum(Z**2)", "∂L/∂W = u_1ᵀ ∂L/∂Z_1 (N×1)(1×M) = N×M"),
    ],
)
def test_slices_of_one_row_lie_as_their_gradients_do(
    source: str, row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert row in _derived(tmp_path, capsys, source)


def test_only_what_leads_to_the_variable_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = derived("a4_two_layer", "--wrt", "W2", capsys=capsys)
    assert "> dW2 = H.T @ dS" in text
    assert "∂L/∂W1" not in text and "∂L/∂b2" not in text and "∂L/∂H" not in text


def test_comments_are_left_out_with_all_that_is_in_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.g"
    program.write_text("param x[3]\n# one\fa = 1\u2028b = 2\nL = sum(x * x)\n", encoding="utf-8")
    assert main(["derive", str(program)]) == 0
    shown = capsys.readouterr().out
    assert "L = sum(x * x)" in shown and "a = 1" not in shown and "b = 2" not in shown


def test_operations_without_a_definition_by_entries_show_their_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "inverse.g"
    program.write_text("param A[n, n]\nB = inv(A)\nL = sum(B**2)\n")
    assert main(["derive", str(program)]) == 0
    text = capsys.readouterr().out
    assert "by the rule of inv" in text and "∂L/∂A = " in text
    assert "B = A⁻¹" in text and "∂L/∂A = −Bᵀ ∂L/∂B Bᵀ" in text


@pytest.mark.parametrize(
    ("program", "rows"),
    [
        ("param s[]; input A[N, N]; L = s*det(A)", ["u = det A", "∂L/∂s = u"]),
        ("param s[]; L = s*2 + sum(a)", ["u = Σ a", "∂L/∂s = 2"]),  # the rank of `a` is open
        ("param s[]; L = s*det(A) + det(A)", ["u = det A", "∂L/∂s = u"]),
    ],
)
def test_parts_that_have_neither_gradient_nor_definition_get_a_name(
    program: str, rows: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.g"
    path.write_text(program)
    assert main(["derive", str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert [row for row in rows if row not in text] == []


def test_a_program_of_integers_has_nothing_to_derive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "count.g"
    program.write_text("input i[N]: int\nj = i + 1\n")
    assert main(["derive", str(program)]) == 0
    assert "nothing to differentiate" in capsys.readouterr().out


def test_a_name_that_there_is_not_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", str(EXAMPLES / "a3_relu.g"), "--wrt", "Q"]) == 1
    assert "no value has the name `Q`" in capsys.readouterr().err


def test_an_undeclared_program_is_derived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "card.g"
    program.write_text("Z = X@W1 + b1; H = relu(Z); S = H@W2 + b2; L = softmax_ce(S, y)\n")
    assert main(["derive", str(program), "--wrt", "W1,b1"]) == 0
    text = capsys.readouterr().out
    text = re.sub(r"\s+", " ", text)
    for line in ("N is X.shape[0], D is W1.shape[0], H is W2.shape[0], C is W2.shape[1].",
                 "Z_ih = Σ_d X_id W1_dh + b1_h",
                 "∂L/∂W1 = Xᵀ ∂L/∂Z (D×N)(N×H) = D×H", "∂L/∂b1 = 1ᵀ ∂L/∂Z (1×N)(N×H) = 1×H"):  # fmt: skip
        assert line in text, line


def test_no_index_is_called_as_a_size_or_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.g"
    program.write_text("param i[n], j[n, l], k[l]\nL = sum((i @ j) * k)\n")
    assert main(["derive", str(program)]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "∂L/∂i_p = Σ_q j_pq k_q so ∂L/∂i = j k (n×l)(l×1) = n×1" in text


def test_a_diagonal_is_not_read_as_the_whole_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.g"
    program.write_text("param C[n, n], s[], d[K, n]\nQ = d[:, None, :]*eye(n) + s*eye(n)\n"
                       "L = sum(log(diag(C))) + sum(Q**2)\n")  # fmt: skip
    assert main(["derive", str(program)]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "∂L/∂C = diag(1 / diag(C))" in text
    assert "∂L/∂d_ki = ∂L/∂Q_kii" in text and "∂L/∂d =" not in text


def _derived(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, *options: str) -> str:
    program = tmp_path / "net.g"
    program.write_text(source)
    assert main(["derive", str(program), *options]) == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.mark.parametrize("largest", ["max(S, axis=1, keepdims=true)", "m"])
def test_the_largest_entry_before_a_softmax_is_not_differentiated(
    largest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = "m = max(S, axis=1, keepdims=true)\n" if largest == "m" else ""
    source = f"param S[N, C]\ninput T[N, C]\n{named}E = exp(S - {largest})\n"
    text = _derived(tmp_path, capsys, source + "P = E / sum(E, axis=1, keepdims=true)\nL = sum(T*P)\n")
    assert "m cancels in what follows: nothing is differentiated through it." in text
    assert "E_ic = exp(S_ic − m_i1)" in text and "∂L/∂S = ∂L/∂E ⊙ E" in text
    assert "∂L/∂m" not in text and "1{" not in text.partition("1 where")[2]


def test_what_is_divided_by_a_product_of_sizes_is_divided_by_all_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "param X[N, 2*H]\nu = sum(X)\nL = exp(u/(2*N*H))/(N - 1)\n"
    text = _derived(tmp_path, capsys, source)
    for line in ("L = exp(u / (2 H N)) / (N − 1)", "∂L/∂u = L / (2 H N)"):
        assert line in text, line
    assert "N×(2*H)" in text
    assert r"{2 \, H \, N}" in _derived(tmp_path, capsys, source, "--format", "latex")


def test_what_is_summed_over_has_no_case_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _derived(tmp_path, capsys, "input i[M]: int, j[M]: int\nparam x[N, 2]\nd = x[i] - x[j]\nL = sum(exp(d))\n")
    assert "∂L/∂x_kl = Σ_m ∂L/∂d_ml 1{k = i_m} − Σ_m ∂L/∂d_ml 1{k = j_m}" in text
    assert "for k" not in text and "?" not in text


def test_onehot_has_a_row_for_each_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _derived(tmp_path, capsys, "input c[B]: int, o[B, K]: int\nparam E[V, d], F[V, d]\nv = E[c]\nu = F[o]\n"
                                      "L = sum(exp(v)) + sum(exp(u))\n")  # fmt: skip
    assert "∂L/∂E = onehot(c)ᵀ ∂L/∂v (V×B)(B×d) = V×d" in text
    assert "onehot(o_b)ᵀ ∂L/∂u_b (V×K)(K×d) = V×d" in text
    turned = _derived(tmp_path, capsys, "input c[B]: int\nparam E[V, d]\nv = E[c]\nL = sum(exp(v))\n",
                      "--layout", "numerator")  # fmt: skip
    assert "∂L/∂E = ∂L/∂v onehot(c) (d×B)(B×V) = d×V" in turned


@pytest.mark.parametrize(("index", "first", "second"), [
    ("i", "i_1 = 2", "i_2 = 2"), ("i+1", "i_1 + 1 = 2", "i_2 + 1 = 2"), ("i+arange(M)", "i_1 = 2", "i_2 + 1 = 2"),
])  # fmt: skip
def test_labels_count_from_one_where_entries_are_written_out(
    index: str, first: str, second: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is compared with a number of the program is not the label's place."""
    source = f"param x[V]\ninput i[M]: int, k[M]: int\nu = x[{index}] * (k > 0)\nL = sum(u**2)\n"
    text = _derived(tmp_path, capsys, source, "--expand", "2x2")
    last = text.rpartition("∂L/∂x_2 = ")[2]
    assert f"_1 1{{{first}}}" in last and f"_2 1{{{second}}}" in last and "1{k_1 > 0}" in text


@pytest.mark.parametrize(("condition", "wanted"), [
    ("== arange(C)+1", ["1{y_1 − 1 = 1}", "1{y_1 ≠ 2}"]), ("< arange(C)", ["1{y_1 < 1}", "1{y_1 ≥ 1}"]),
])  # fmt: skip
def test_conditions_on_one_label_count_alike(
    condition: str, wanted: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"input y[N]: int\nparam S[N, C]\nL = sum(where(reshape(y, (N, 1)) {condition}, S, S**2))\n"
    first = _derived(tmp_path, capsys, source, "--expand", "2x2").partition("∂L/∂S_11 = ")[2].partition("\n")[0]
    assert all(each in first for each in wanted), first


@pytest.mark.parametrize(("layout", "lines"), [
    ("denominator", ["(∂L/∂w)_2 = ∂L/∂u 1 entry by entry, D×1", "∂L/∂w = ∂L/∂u 1 + 2 w D×1"]),
    ("numerator", ["(∂L/∂w)_2 = ∂L/∂u 1ᵀ entry by entry, 1×D", "∂L/∂w = ∂L/∂u 1ᵀ + 2 wᵀ 1×D"]),
])  # fmt: skip
def test_ones_alone_lie_as_any_other_gradient_of_a_vector(
    layout: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "param w[D]\nu = sum(w)\nL = u**2 + sum(w**2)\n"
    text = _derived(tmp_path, capsys, source, "--layout", layout)
    for line in lines:
        assert line in text, line


@pytest.mark.parametrize(("source", "lines"), [
    ("u = x[1:]", ["u_j = x_{j + 1}", "∂L/∂x_i = ∂L/∂u_{i − 1} 1{i ≥ 2}"]),
    ("u = concatenate([x[::-1], x])", ["1{j ≤ N} x_{N + 1 − j}", "1{j ≥ N + 1} x_{j − N}"]),
    ("u = cumsum(flip(x, 0))", ["∂u_i/∂x_j = 1{i ≥ N + 1 − j}", "∂L/∂x_i = Σ_j ∂L/∂u_j 1{j ≥ N + 1 − i}"]),
    ("u = flip(cumsum(x), 0)", ["u_i = Σ_j 1{j ≤ N + 1 − i} x_j"]),
    ("s = sum(x)\nu = exp(s/(N//2))*(s/(N - 1))", ["exp(s / ⌊N / 2⌋)", "s / (N − 1)"]),
])  # fmt: skip
def test_sizes_have_no_more_brackets_than_they_need(
    source: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, f"param x[N]\n{source}\nL = sum(u**2)\n")
    for line in lines:
        assert line in text, line


@pytest.mark.parametrize(("source", "lines"), [
    ("u = concatenate([x[::-1], x])", ["∂L/∂x_i = ∂L/∂u_{N + 1 − i} + ∂L/∂u_{i + N}"]),
    ("u = concatenate([X, ones((N, 1))], axis=1) @ concatenate([X.T, x[None]])",
     ["u_ij = Σ_k 1{k ≤ D} X_jk X_ik + x_j", "∂L/∂x_i = Σ_k ∂L/∂u_ki"]),
    ("u = X @ diag(z)", ["u_id = X_id z_d", "∂L/∂X_id = ∂L/∂u_id z_d", "∂L/∂z_d = Σ_i ∂L/∂u_id X_id"]),
    ("u = pad(x, 2)", ["∂u_j/∂x_i = 1{i = j − 2}", "∂L/∂x_i = ∂L/∂u_{i + 2}"]),
    ("u = roll(x, 1)", ["∂L/∂x_i = ∂L/∂u_{mod(i, N) + 1}"]),
    ("u = X * tile(z[None], (N, 1))", ["u_id = X_id z_d"]),
    ("u = tile(w, (N, 1))", ["u_id = w_1d", "∂L/∂w_1d = Σ_i ∂L/∂u_id"]),
    ("u = repeat(w, N, axis=0)", ["u_id = w_1d", "∂L/∂w_1d = Σ_i ∂L/∂u_id"]),
    ("u = where(one_hot(y, D) > 0, X, 0)", ["u_id = 1{d = y_i} X_id"]),
    ("u = where(one_hot(y, D) == 0, X, 0)", ["u_id = 1{d ≠ y_i} X_id"]),
])  # fmt: skip
def test_conditions_that_hold_for_every_index_are_not_written(
    source: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = "input y[N]: int\nparam x[N], z[D], w[1, D], X[N, D]\n"
    text = _derived(tmp_path, capsys, f"{arguments}{source}\nL = sum(u**2)\n")
    for line in lines:
        assert line in text, line


def test_an_index_of_what_a_cut_leaves_is_within_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "param x[T]\nd = x[1:] - x[:-1]\nL = sum(d**2)\n"
    text = _derived(tmp_path, capsys, source)
    assert "∂L/∂d_i = 2 d_i so ∂L/∂d = 2 d entry by entry" in text
    assert "∂L/∂d_{t − 1} 1{t ≥ 2} − ∂L/∂d_t 1{t ≤ T − 1}" in text


@pytest.mark.parametrize(("source", "form"), [
    ("L = sum(X[:2]@W)", "∂L/∂W = X_{1:min(N, 2)}ᵀ 1 1ᵀ (D×min(N, 2))(min(N, 2)×1)(1×H) = D×H"),
    ("u = X[:2]@W", "∂L/∂W = X_{1:min(N, 2)}ᵀ ∂L/∂u (D×min(N, 2))(min(N, 2)×H) = D×H"),
    ("u = Q[:2]@W", "∂L/∂W = Q_{1:2}ᵀ ∂L/∂u (D×2)(2×H) = D×H"),
    ("u = Q.T[:, :3]@tanh(W[:3])", ""),
    ("u = tanh(V[:, :D])@W", "∂L/∂W = tanh(V_{·,1:D}ᵀ) ∂L/∂u (D×K)(K×H) = D×H"),
    ("u = concatenate([W, R])", "∂L/∂W = ∂L/∂u_{1:D} entry by entry, D×H"),
    ("u = concatenate([W, V], axis=1)", "∂L/∂W = ∂L/∂u_{·,1:H} entry by entry, D×H"),
    ("u = split(X@W, 2, axis=0)[0]", ""),
    ("u = Q[:1]@W", "∂L/∂W = Q_{1·} ∂L/∂u (D×1)(1×H) = D×H"),
    ("u = Q[1:3]@W", ""), ("u = F[:2, 0]@W", ""),
])  # fmt: skip
def test_a_part_of_a_matrix_is_not_read_as_all_of_it(
    source: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The form says the part, or there is none."""
    concatenated = source.endswith("axis=1)")
    shapes = f"X[N, D], W[D, H], Q[5, D], R[K, H], {'V[D, K]' if concatenated else 'V[K, 2*D]'}, F[5, 4, D]"
    text = _derived(tmp_path, capsys, f"param {shapes}\n{source}\n", "--wrt", "W")
    assert f"so {form}" in text if form else "so ∂L/∂W" not in text


@pytest.mark.parametrize("of", ["x[:3]", "x[:3]**2", "tanh(y[:2])", "concatenate([x, y])"])
def test_the_jacobian_of_a_part_is_no_square_matrix(
    of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, f"param x[5], y[N]\nu = {of}\n")
    assert "∂u_" in text and "∂u/∂x =" not in text and "∂u/∂y =" not in text


def test_a_part_of_the_matrices_of_a_stack_is_said_by_its_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, "param X[B, N, D], W[D, H]\nZ = X[:2]@W\n")
    assert "so ∂L/∂X_b = 1{b ≤ 2} ∂L/∂Z_b Wᵀ" in text


def test_what_stands_below_a_line_has_no_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _derived(tmp_path, capsys, "param x[N]\nu = sum(x)\nL = u/(N - 1)\n", "--format", "latex")
    assert r"\frac{u}{N - 1}" in text


@pytest.mark.parametrize(("of", "form"), [
    ("u = E[y[1]]", "onehot(y_{2·})ᵀ ∂L/∂u (C×N)(N×d) = C×d"),
    ("u = E[y[:, 1]]", "onehot(y_{·2})ᵀ ∂L/∂u (C×B)(B×d) = C×d"),
    ("u = E[y[0, 1]]", "onehot(y_12) ∂L/∂uᵀ (C×1)(1×d) = C×d"), ("u = E[z]", "onehot(z)ᵀ ∂L/∂u (C×N)(N×d) = C×d"),
    ("u = E[z[1]]", "onehot(z_2) ∂L/∂uᵀ (C×1)(1×d) = C×d"),
    ("u = E[w[0]]", "Σ_b onehot(w_1b)ᵀ ∂L/∂u_b (C×N)(N×d) = C×d"),
])  # fmt: skip
def test_onehot_is_of_the_labels_that_are_taken(
    of: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = "input y[B, N]: int, z[N]: int, w[A, B, N]: int\nparam E[C, d]\n"
    assert f"∂L/∂E = {form}" in _derived(tmp_path, capsys, f"{inputs}{of}\nL = sum(u**2)\n")


@pytest.mark.parametrize("of", [
    "u = E[z[::-1]]", "u = E[z[1:]]", "u = sum(x[z][1:])", "u = E[z[:n]]", "u = E[w[:, :, 0]]",
    "u = softmax_ce(S[1:], z[1:], reduction=\"none\")", "u = softmax_ce(S, z[::-1], reduction=\"none\")",
])  # fmt: skip
def test_labels_in_another_order_or_a_part_of_them_are_no_onehot(
    of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = "input z[n + 2]: int, w[A, B, N]: int\nparam E[C, d], S[n + 2, C], x[C]\n"
    text = _derived(tmp_path, capsys, f"{inputs}{of}\nL = sum(u**2)\n")
    assert "∂L/∂" in text and "onehot" not in text


@pytest.mark.parametrize(("index", "place"), [
    ("i", "i_m"), ("i+1", "i_m + 1"), ("i-1", "i_m − 1"), ("2*i", "2 (i_m − 1) + 1"), ("i-j", "i_m − j_m + 1"),
    ("i[::-1]+1", "i_{M + 1 − m} + 1"), ("i+arange(M)", "i_m − 1 + m"),
])  # fmt: skip
def test_integers_that_are_computed_for_an_index_count_from_one(
    index: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is one more or less is the integer, not the place that it stands at."""
    text = _derived(tmp_path, capsys, f"input i[M]: int, j[M]: int\nparam x[V]\nu = x[{index}]\nL = sum(u**2)\n")
    assert f"u_m = x_{{{place}}} " in text and f"1{{v = {place}}}" in text


def test_the_lines_that_add_to_an_array_are_shown_and_those_of_another_value_of_the_name_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, "input c[B]: int\nparam E[V, d]\nv = E[c]\nL = sum(exp(v))\n")
    assert re.search(r"> dE = np\.zeros\(.*?\) > np\.add\.at\(dE, c, .*?\)", text)
    text = _derived(tmp_path, capsys, "param x[N, D], g[D], b[D]\nu = layer_norm(x, g, b)\nt = tanh(u)\n"
                                      "v = layer_norm(t, g, b)\nL = sum(v**3)\n", "-O2")  # fmt: skip
    assert text.count("> xhat = ") == 2 and "> xhat = (x - mean_x) / deviation_u > dx = " in text, text


def test_a_delta_within_a_sum_of_sums_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _derived(tmp_path, capsys, "input X[N, K]\nparam s[K]\nlp = -X*exp(-2*s) - 3*s\nL = sum(exp(lp))\n")
    assert "∂L/∂s_k = 2 exp(−2 s_k) Σ_i ∂L/∂lp_ik X_ik − 3 Σ_i ∂L/∂lp_ik 2 uses add up" in text


def test_a_reversed_axis_is_counted_from_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _derived(tmp_path, capsys, "param e[N]\nR = cumsum(exp(e[::-1]))[::-1]\nL = sum(log(R))\n")
    assert "R_i = Σ_j 1{j ≤ N + 1 − i} exp(e_{N + 1 − j})" in text
    assert "∂L/∂e_i = exp(e_i) Σ_j ∂L/∂R_j 1{j ≤ i}" in text


def test_a_part_of_a_loop_says_of_which_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "net.g"
    program.write_text("def f(x, W) = tanh(x@W)\ninput x_0[N, d]\nparam W_{0:2}[d, d]\n"
                       "for k in 0:2 { x_{k+1} = tanh(x_{k}@W_{k}) }\ny = f(x_2, W_0)\n")  # fmt: skip
    assert main(["derive", str(program)]) == 0
    text = capsys.readouterr().out
    assert "u_2 = x_{k}@W_{k}   [k = 1]" in text and "u_2 stands for x_{k}@W_{k}   [k = 1]." in text
    assert "u_3, in y = f(x_2, W_0)" in text


def test_functions_own_operations_and_gradients_inside_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layers.g").write_text(
        "def layer(x, W, b) { u = x@W + b; return tanh(u) }\n"
        "op swish(x, *, beta) = x * sigmoid(beta * x)\n"
        "rule swish(x, *, beta) -> y { s = sigmoid(beta * x); dx = dy * (s + beta * y * (1 - s)) }\n"
    )
    program = tmp_path / "net.g"
    program.write_text(
        'import "layers.g"\ninput X[N, D], t[N, K]\nparam W[D, K], b[K], w[K], A[K, K]\n'
        "Y = swish(layer(X, W, b), beta=2)\nL = mse(Y, t)\nq = dot(w, A@w)\ng = grad(q, w)\nM = L + sum(g**2)\n"
        "loss M\noutput M\nw <- w - 0.1*grad(M, w)\n"
    )
    assert main(["derive", str(program)]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    for line in ("σ(2 ", "u stands for", "g = grad(q, w)", "g_k = ", "so ∂M/∂W = Xᵀ ∂M/∂u", "∂M/∂A = ∂M/∂g wᵀ"):
        assert line in text, line
    assert main(["derive", str(program), "--wrt", "Y,W"]) == 0
    assert "Wanted: the gradients of M with respect to Y, W." in capsys.readouterr().out


# ---------------------------------------------------------------- formats

DERIVED = EXAMPLES / "derived"


@cache
def fresh(folder: Path) -> Path:
    runpy.run_path(str(DERIVED / "make.py"))["make"](folder)
    return folder


def test_the_derivations_in_the_repository_are_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in DERIVED.iterdir() if path.suffix not in (".py", "") and path.is_file()}
    for name in sorted(made):
        here, there = (DERIVED / name).read_text("utf-8"), (tmp_path / name).read_text("utf-8")
        assert here == there, f"{name} is out of date: run examples/derivations/derived/make.py"


def test_markdown_has_balanced_mathematics(capsys: pytest.CaptureFixture[str]) -> None:
    text = derived("a4_two_layer", "--format", "markdown", capsys=capsys)
    blocks = re.findall(r"^```math\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10
    for block in blocks:
        assert_balanced(block)
    assert r"\frac{\partial L}{\partial \mathit{W2}} &= H^{\top} \, \frac{\partial L}{\partial S}" in text


@pytest.mark.parametrize("program", ["a4_two_layer", "b12_bilinear", "d3_fan_out", "e3_multiclass_svm"])
def test_latex_is_a_whole_document(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = derived(program, "--format", "latex", capsys=capsys)
    assert text.startswith("\\documentclass") and text.rstrip().endswith("\\end{document}")
    body = re.sub(r"\\begin\{verbatim\}.*?\\end\{verbatim\}", "", text, flags=re.DOTALL)
    assert_balanced(body)
    assert [c for c in text if not c.isascii()] == [], "letters that not every TeX has"


def assert_balanced(latex: str) -> None:
    """Braces, environments and \\left \\right come in pairs."""
    bare = re.sub(r"\\\\|\\[{}]", "", latex)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0, latex
    assert depth == 0, latex
    assert latex.count(r"\left") - latex.count(r"\leftarrow") == latex.count(r"\right") - latex.count(r"\rightarrow")
    opened = re.findall(r"\\begin\{(\w+\*?)\}", latex)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+\*?)\}", latex))


class Page(HTMLParser):
    """Which elements there are, and whether they close."""

    def __init__(self) -> None:
        super().__init__()
        self.void = {"meta", "br", "link", "img"}
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


@pytest.mark.parametrize("program", ["a4_two_layer", "b12_bilinear", "e2_softmax_then_log"])
def test_html_needs_nothing_from_elsewhere(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = derived(program, "--format", "html", capsys=capsys)
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.seen["math"] >= 5 and page.seen["svg"] == 1 and page.seen["nav"] == 1
    assert "script" not in page.seen and "link" not in page.seen
    assert all(address.startswith("#") for address in page.addresses)
    assert "prefers-color-scheme: dark" in text


def test_long_formulas_are_broken_at_their_signs(capsys: pytest.CaptureFixture[str]) -> None:
    page = derived("../transformer_block", "--format", "latex", capsys=capsys)
    assert page.count(r"&\quad") >= 4 and r"\sqrt{" in page and page.isascii()
    page = derived("e3_multiclass_svm", "--format", "html", capsys=capsys)
    assert page.count('<div class="more">') == 1
    assert '<mi mathvariant="normal">for</mi><mspace width="0.3em"></mspace>' in page


def test_a_file_that_was_edited_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "net.md"
    arguments = ["derive", str(EXAMPLES / "a3_relu.g"), "--format", "markdown", "-o", str(target)]
    assert main(arguments) == 0 and main(arguments) == 0
    assert main([*arguments, "--layout", "numerator"]) == 0, "its own file may be replaced"
    target.write_text("notes of mine\n" + target.read_text("utf-8"), "utf-8")
    assert main(arguments) == 1


@pytest.mark.parametrize(("source", "assumed"), [
    ("param c\ninput x[N]\nL = sum(x * c)\n", "c (N,)"),
    ("Z = X@W1 + b1; L = softmax_ce(Z@W2 + b2, y)\n", "b1 (H,), b2 (C,)"),
    ("param c[]\ninput x[N]\nL = sum(x * c)\n", None),
])  # fmt: skip
def test_a_shape_that_is_assumed_is_said_to_be(
    source: str, assumed: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, source)
    said = f"Shapes that the program leaves open may be others at run time; assumed here: {assumed}."
    assert (said in text) if assumed else "may be others" not in text


def test_a_long_chain_of_products_is_several_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one step each of its gradients had a letter for every product, and no form with matrices."""
    names = [f"W_{k}" for k in range(12)]
    source = f"param W_{{0:12}}[d, d]\ninput x[N, d]\nL = sum(x @ {' @ '.join(names)})\n"
    text = _derived(tmp_path, capsys, source)
    assert "∂L/∂W₇ = W₆ᵀ W₅ᵀ W₄ᵀ W₃ᵀ W₂ᵀ W₁ᵀ W₀ᵀ xᵀ ∂L/∂u " in text
    assert "∂L/∂W₁₁ = W₁₀ᵀ W₉ᵀ W₈ᵀ uᵀ 1 1ᵀ " in text
    assert text.count("so ∂L/∂") == 13


def test_no_two_indices_have_one_letter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"W{k}" for k in range(60)]
    source = f"input {', '.join(f'{name}[d, d]' for name in names)}\nparam x[d]\nL = sum({' @ '.join(names)} @ x)\n"
    text = _derived(tmp_path, capsys, source)
    places = re.findall(r"W\d+_(?:\{(.*?)\}|(\S+))", text)
    letters = [re.findall("[a-z]′*", braced or plain) for braced, plain in places]
    assert letters and all(len(set(pair)) == 2 for pair in letters)


def test_a_gradient_beside_an_argument_of_its_name_keeps_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _derived(tmp_path, capsys, "input X[N, D], dY[N, H]\nparam W[D, H]\nY = X@W\nL = sum(Y * dY)\n")
    assert "> dY_2 = dL * dY" in text and "> dW = X.T @ dY_2" in text


@pytest.mark.parametrize(("file", "options", "begins"), [
    ("d.html", [], "<!DOCTYPE html>"), ("d.tex", [], "\\documentclass"), ("d.md", [], "# The derivation"),
    ("d.txt", [], "The derivation"), ("d", [], "The derivation"), ("d.html", ["--format", "text"], "The derivation"),
])  # fmt: skip
def test_the_ending_of_the_file_says_the_format(file: str, options: list[str], begins: str, tmp_path: Path) -> None:
    assert main(["derive", str(EXAMPLES / "a0_affine.g"), "-o", str(tmp_path / file), *options]) == 0
    assert (tmp_path / file).read_text(encoding="utf-8").startswith(begins)
