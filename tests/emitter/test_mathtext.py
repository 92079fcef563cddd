"""The mathematics in the comments of `backward`, and the names that the code finds for itself."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import graphc
from graphc.emitter.mathtext import _level, _place
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source
from ops.programs import body


def equations(text: str, level: int = 1) -> list[str]:
    """The equations beside and below the statements of `backward`."""
    source = graphc.compile(text, level=level, verify=False)
    backward = source.partition("def backward")[2].partition("\ndef ")[0]
    found: list[str] = []
    for line in backward.splitlines():
        if line.startswith("    #"):
            parts = re.split(r"    +", line.removeprefix("    #").strip())
            found += [part for part in parts if re.match(r"d?\w+ \+?= ", part) and part not in text]
    return found


@pytest.mark.parametrize(("text", "wanted"), [
    ("param X[N, D], W[D, H], b[H]\nY = X@W + b", ["db = 1ᵀ dY", "dX = dY Wᵀ", "dW = Xᵀ dY"]),
    ("param Z[N, H]\nH = relu(Z)", ["dZ = dH ⊙ 1{H > 0}"]),
    ("param S[N, C]\ninput y[N]: int\nL = softmax_ce(S, y)", ["dS = (P - onehot(y)) dL"]),
    ("param x[n], A[m, n]\ny = A@x", ["dA = dy xᵀ", "dx = Aᵀ dy"]),
    ("param x[n], A[n, m]\ny = x@A", ["dA = x dyᵀ", "dx = A dy"]),
    ("param x[n], y[n]\nz = x@y\noutput z", ["dx = dz y", "dy = x dz"]),
    ("param X[m, n], s[m]\nZ = s[:, None] * X", ["dX = diag(s) dZ", "ds = (dZ ⊙ X) 1"]),
    ("param x[n], y[m]\nZ = x[:, None] * y * 2", ["dZ_product = 2 dZ", "dy = 1ᵀ (diag(x) dZ_product)"]),
    ("param X[N, m], Y[N, n], A[l, m, n]\nZ = bilinear(X, Y, A)",
     ["dX = dZ AY", "dY = (dZ ⊙ X) A", "dA = (dZ ⊙ X)ᵀ Y"]),
    ("param X[N, D]\nY = X[:, 0]", ["dX = 0[:, 0 ← dY]"]),
    ("param X[N, D]\nY = reshape(X, (D, N))", ["dX = reshape(dY)"]),
    ("param X[N, D]\nconst M = [1, 2, 3]\nY = exp(X) * 2\nL = sum(Y)", ["dX = 2 dL exp(X)"]),
    ("param r[n, 3]\nd = r[:, None, :] - r[None, :, :]", ["dr = Σ₁ dd - Σ₀ dd"]),
    ("param r[n, 3], w[n, n, 3]\nL = sum(w * (r[:, None, :] - r)**2)",
     ["dw = dL (r[:, None] - r)²", "dr = Σ₁ ddifference_r - Σ₀ ddifference_r"]),
    ("param x[n]\ninput k[]\ny = x**k", ["dx = k dy ⊙ x^(k - 1)"]),
    ("input X[N, D]\nparam w[D]\nm = 1 - X@w\nL = sum(relu(m)) + 2*sum(w)", ["dm = dL 1{m > 0}"]),
    ("param A[n, n], b[n]\nx = solve(A, b)", ["db = A⁻ᵀ dx", "dA = -db xᵀ"]),
    ("input A[n, n], b[n]\nparam w[n]\nL = sum(w * (b@inv(A)))", ["dw = dL (A⁻ᵀ b)"]),
    ("input A[n, n], b[n]\nparam w[n]\nL = sum(w * (b@inv(A.T)))", ["dw = dL (A⁻¹ b)"]),
    ("input u[N], v[N], w[H]\nparam W[N, H]\nL = sum(W * ((v - u)[:, None]*w))", ["dW = dL ((v - u) wᵀ)"]),
    ("param x[n], y[n]\nz = x / y", ["dx = dz / y", "dy = -dx ⊙ z"]),
])  # fmt: skip
def test_equations(text: str, wanted: list[str]) -> None:
    found = equations(text)
    for equation in wanted:
        assert equation in found, found


def test_an_equation_says_what_it_is_written_over() -> None:
    found = equations("param Z[N, H], g[H], b[H]\ninput t[N, H]\nY = batch_norm(Z, g, b)\nL = sum(t*Y**2)", level=0)
    assert "dZ = (dxhat - mean(dxhat) - xhat ⊙ mean(dxhat ⊙ xhat)) / deviation" in found, found


def test_a_residual_is_added_to_the_gradient_behind_a_layer_norm_and_its_parts_have_no_other_name() -> None:
    text = "input X[N, T, D], g[D], b[D], W[D, D]\nR = X @ W\nM = layer_norm(R, g, b)\nY = R + M"
    backward = body(text, "backward")
    assert "dR += dY" in backward and not any("standardise" in line for line in backward)


def test_a_sum_of_many_factors_is_written_over_the_names_in_the_code() -> None:
    text = "input D[n, n], Y[n, n]\nparam s[], a[]\nK = a**2 * exp(-D / (2*s**2))\nL = sum(tanh(K) * Y)"
    found = equations(text)
    assert not any("…" in each for each in found), found


def test_gradients_that_a_program_asks_for_have_equations_in_forward() -> None:
    text = "input X[N, D], y[N]\nparam w[D]\nr = X@w - y\nL = sum(r**2)\ng = grad(L, w)\noutput L, g\nloss L"
    source = graphc.compile(text, verify=False)
    forward = source[source.index("def forward") : source.index("def backward")]
    assert "    g = 2 (Xᵀ r)\n" in forward, forward


@pytest.mark.parametrize(("text", "wanted"), [
    ("param W[D], a[D], b[D], c[D]\nL = sum(W * (-((-a)*b + c)))", "dW = dL (-((-a) ⊙ b + c))"),
    ("param W[D], a[D], b[D], c[D]\nL = sum(W * (-((-a)*b)))", "dW = dL (a ⊙ b)"),
])  # fmt: skip
def test_a_sign_before_a_sum_is_not_that_of_its_first_term(text: str, wanted: str) -> None:
    assert wanted in equations(text, level=0)


def test_what_is_one_number_is_asked_once_of_each_value() -> None:
    """Of a value that is used twice, in values that are used twice, it took twice as long with each of these."""
    text = "broadcast_to(s, (N,))"
    for _ in range(30):
        text = f"d({text})"
    assert equations(f"param M[N, D], s[]\ndef d(x) = x * x + x\nL = sum(M * {text}[:, None])", level=0)


def test_what_several_equations_need_has_one_of_its_own() -> None:
    found = equations("input x[N, d]\nparam W[d, d], b[d]\ny = tanh(x@W + b)")
    assert found == ["dy_tanh = dy ⊙ (1 - y²)", "db = 1ᵀ dy_tanh", "dW = xᵀ dy_tanh"]


def test_a_long_row_of_equations_stands_below_its_statement() -> None:
    text = graphc.compile("input x[N, d]\nparam W[d, d], b[d], V[d, d]\ny = tanh(x@W + tanh(x@V) + b)", verify=False)
    comments = [line for line in text.splitlines() if line.startswith("    #")]
    assert all(len(line) <= 106 for line in comments)
    assert any(line.startswith("    #     d") for line in comments)


@pytest.mark.parametrize(("mask", "level", "wanted"), [
    ("x > 0", 1, "dx = dZ if x > 0 else 2 dZ"),
    ("(x > 0) * (y > 0)", 1, "dx = dZ if 1{x > 0} ⊙ 1{y > 0} else 2 dZ"),
    ("(x > 0) * (y > 0)", 0, "dx = dZ ⊙ (1{x > 0} ⊙ 1{y > 0}) + 2 dZ ⊙ ¬(1{x > 0} ⊙ 1{y > 0})"),
    ("(x > 0) + (y > 0)", 1, "dx = dZ if 1{x > 0} + 1{y > 0} else 2 dZ"),
])  # fmt: skip
def test_cases_by_a_mask_that_is_made_of_masks(mask: str, level: int, wanted: str) -> None:
    text = f"param x[N]\ninput y[N]\nZ = where({mask}, x, 2*x)\nL = sum(Z*Z)"
    assert wanted in equations(text, level)


@pytest.mark.parametrize(("template", "level"), [
    ("x", 6), ("xᵀ", 6), ("exp(x + y)", 6), ("|x + y|", 6), ("x y", 4), ("x ⊙ y", 3), ("x / y", 3), ("x + y z", 2),
    ("-x", 2), ("x > y", 1), ("a, b", 0), ("log(1 + exp(x)) − x ⊙ y", 2), ("[(x y) ⊙ z] 1", 4),
])  # fmt: skip
def test_how_tightly_a_template_binds(template: str, level: int) -> None:
    assert _level(template) == level


@pytest.mark.parametrize(("before", "after", "place"), [
    ("", "", 0), ("exp(", ")", 0), ("", "ᵀ", 6), ("", "²", 6), ("", "+ {y}", 2), ("{x} -", "", 3), ("{x} /", "", 5),
    ("", "⊙ {y}", 3), ("{x} ⊙", "", 4), ("", "{y}ᵀ", 4), ("{x}", "", 5), ("-", "", 3), ("{x} >", "", 2),
])  # fmt: skip
def test_how_tightly_a_place_binds(before: str, after: str, place: int) -> None:
    assert _place(before, after) == place


@pytest.mark.parametrize(("text", "name"), [
    ("input x[N, d]\nparam W[d, d], b[d]\ny = tanh(x@W + b)", "dy_tanh"),
    ("param x[m], A[m, n], y[n]\nz = x @ A @ y\noutput z", "xA"),
    ("param x[n]\ns = sum(1/(1 + x**2))\nL = s**2 + s*sum(exp(x))", "sum_exp"),
])  # fmt: skip
def test_names_that_the_code_finds_for_itself(text: str, name: str) -> None:
    lines = [*body(text, "forward"), *body(text, "backward")]
    assert any(line.startswith(f"{name} = ") for line in lines), lines


def test_a_constant_array_keeps_its_name() -> None:
    lines = body("param W[2, 2]\nconst M = [[1, 0], [1, 1]]\nY = exp(W * M)", "backward")
    assert any(line.startswith("M = np.array(") for line in lines)
    assert any(line.endswith("* M") or "* M)" in line for line in lines)


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.g"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_statement_of_backward_has_its_rule(path: Path) -> None:
    program = Source(path.read_text(encoding="utf-8"), path.name, str(path))
    source = compile_source(program, Options(verify=False)).module
    lines = source.partition("def backward")[2].partition("\ndef ")[0].splitlines()
    for line, below in itertools.pairwise(lines):
        if line.startswith("    # ") and not line.startswith("    #  "):
            assert re.search(r"\.g:\d+    \w+ \+?= ", line) or re.match(r"    #     \w+ \+?= ", below), line


def test_what_a_statement_adds_to_a_gradient() -> None:
    found = equations("input x[N, d]\nparam W[d, d]\nh_0 = x\nfor k in 0:9 { h_{k+1} = tanh(h_{k} @ W) }")
    assert "dW = h_8ᵀ dh_tanh" in found
    assert "dW += h_7ᵀ dh_tanh" in found
    assert "dW += xᵀ (dh_1 ⊙ (1 - h_1²))" in found  # the whole sum would be too long


def test_a_value_that_is_overwritten_is_not_itself_in_its_equation() -> None:
    text = "input X[N, D], y[N]: int\nparam W[D, C]\nS = X@W\nL = softmax_ce(S, y)/N\nW <- W - grad(L, W)"
    source = graphc.compile(text, verify=False)
    assert "(P - onehot(y))" in source.partition("def step")[2]


def test_what_a_rule_computes_of_values_is_not_called_a_gradient() -> None:
    lines = body("param z[n]\ny = sigmoid(z)\nJ = jacobian(y, z)\noutput J", "backward")
    assert "one_minus_y = 1 - y" in lines
    assert not any(line.startswith("dz = 1") for line in lines)


def test_a_name_that_is_given_again_stands_for_its_last_value_only() -> None:
    text = "param X[m, 3], A[l, m, n], Y[n, 3]\nfor j in 0:3 { z_{j} = bilinear(X[:, j], Y[:, j], A) }\n"
    found = equations(text + "Z = stack([z_0, z_1, z_2], axis=1)")
    joined = [equation for equation in found if equation.startswith("dY = ")]
    assert joined and all(equation.count("dAy") <= 1 for equation in joined), found


def test_a_sum_that_multiplies_is_seen_to_end() -> None:
    assert "dXw = (Σ dL) (X w - y)" in equations("L = sum((X@w - y)**2)/2 + lam*sum(w**2)")


def test_what_is_transposed_twice_by_other_axes_has_its_name() -> None:
    split = "param B[N, 2, T, d], W[2*d, D]\nA = tanh(B)\nY = reshape(swapaxes(A, 1, 2), (N, T, 2*d))@W"
    assert "dW = (Aᵀ)ᵀ dY" in equations(split)
    block = (Path(__file__).parent.parent.parent / "examples" / "transformer_block.g").read_text(encoding="utf-8")
    assert "dWo = flat_Aᵀ dR" in equations(block)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_statements_that_follow_each_other_stand_under_one_comment(level: int) -> None:
    text = "input X[N, D], y[N]: int\nparam W[D, C]\nL = softmax_ce(X@W, y)\nW <- W - 0.1*grad(L, W)"
    step = graphc.compile(text, level=level, verify=False).partition("def step")[2].partition("\ndef ")[0]
    comments = [line for line in step.splitlines() if "# L = " in line]
    assert len(comments) == 1, comments
    assert "    dW = Xᵀ dXW\n" in step


def test_what_is_computed_again_for_a_gradient_stands_under_its_comment() -> None:
    text = "param X[N, D]\nA = gelu(X, approximate=\"tanh\")\nL = sum(A**2)"
    module = graphc.compile(text, level=2, verify=False)
    backward = module.partition("def backward_in")[2].partition("\ndef ")[0]
    assert sum("# A = gelu" in line for line in backward.splitlines()) == 1


@pytest.mark.parametrize(("text", "level"), [
    ("param z[N]\nL = sum(softplus(z))", 0), ("param z[N]\nL = sum(softplus(z)**2)", 0),
    ("param z[N]\ninput t[N]\nL = bce_with_logits(z, t)", 0), ("param z[N]\nL = -sum(log_sigmoid(2 * z))", 1),
])  # fmt: skip
def test_sigmoids_are_written_as_such_however_they_are_computed(text: str, level: int) -> None:
    found = equations(text, level)
    assert not any("1{" in line or " e " in line or line.startswith("e =") for line in found)
    assert any("σ(" in line for line in found) or "sigmoid" in " ".join(found), found


def test_a_sigmoid_of_minus_a_sum_is_not_that_of_its_first_term() -> None:
    text = "param z[N], w[N]\nL = sum(log_sigmoid(z)) + sum(log_sigmoid(z + w))"
    found = " ".join(equations(text))
    assert "σ(-z)" in found and "σ(-(z + w))" in found and "max(1{" not in found, found


def test_equations_name_what_stands_in_the_code() -> None:
    """The S of the rule of a Cholesky factor is overwritten; its comment says S, and so does the code."""
    text = "input y[N]\nparam A[N, N]\nC = cholesky(A)\nL = sum(C**3)"
    backward = "\n".join(body(text, "backward"))
    for line in equations(text):
        for name in re.findall(r"\b[A-Z]\b", line):
            assert re.search(rf"\b{name}\b", backward), (name, line)
