"""What the program names is read by its name, whatever views it is made of."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from ops.programs import array, body, hold

ATTENTION = """\
input X[N, T, D]
param Wq[D, D], Wk[D, D], Wv[D, D]
def heads_of(x) = swapaxes(reshape(x, (N, T, 2, D//2)), 1, 2)
Q = heads_of(X@Wq)
K = heads_of(X@Wk)
V = heads_of(X@Wv)
P = softmax(Q @ swapaxes(K, 2, 3))
L = sum((P @ V)**2)
"""


def test_transposed_views_keep_their_names() -> None:
    text = graphc.compile(ATTENTION, verify=False)
    for line in ("Q = (X @ Wq).reshape", "K = (X @ Wk).reshape", "V = (X @ Wv).reshape", "Q @ K.swapaxes(-1, -2)"):
        assert line in text
    assert "dQ = dscores @ K" in text or "@ K" in text.partition("def backward")[2]


def test_a_transpose_of_the_program_is_a_statement() -> None:
    assert "    Wt = W.T" in graphc.compile("input X[N, D]\nparam W[H, D]\nWt = W.T\nL = sum(X@Wt)", verify=False)


def test_transposes_that_cancel_leave_nothing() -> None:
    text = graphc.compile("input X[N, D]\nparam W[D, H]\nWt = W.T\nL = sum(X@Wt.T)", verify=False)
    assert "X @ W)" in text or "X @ W " in text
    assert "= W.T" not in text.partition("def forward")[2]


# ---------------------------------------------------------------- gradients

def test_a_gradient_of_a_product_without_a_name_is_called_after_it() -> None:
    text = graphc.compile("param h_3[N, H], V[H, C]\ninput y[N]: int\nL = softmax_ce(h_3 @ V, y)")
    assert "dproduct_h_3 = P.copy()" in text and "dV = h_3.T @ dproduct_h_3" in text


def test_the_gradient_of_a_product_of_vectors_is_called_after_it() -> None:
    assert "dxA = dz * y" in graphc.compile("param x[m], A[m, n], y[n]\nz = x @ A @ y")


def test_what_is_added_in_another_shape_is_the_gradient_from_the_first_term_on() -> None:
    """What is reshaped where it is made is an array of its own: the next terms are added to it."""
    program = """\
param X[N, 3], A[m, n, k]
input a[m], y[n*k]
for j in 0:3 { z_{j} = a*(reshape(A, (m, n*k))@y)*X[0, j] }
L = sum(z_0**2 + z_1**2 + z_2**2)"""
    backward = graphc.compile(program).partition("def backward")[2]
    terms = re.findall(r"    (dA \+?=) np.outer\(.*\)\.reshape\(m, n, k\)", backward)
    assert terms == ["dA =", "dA +=", "dA +="], backward
    assert len(re.findall(r"#.*dA \+?= .* yᵀ", backward)) == 3, backward


@pytest.mark.parametrize(("product", "name"), [
    ("X @ W", "XW"), ("Q @ K.T", "QKT"), ("X.T @ X", "XTX"), ("Ahat @ H", "Ahat_H"), ("A @ P_{2}", "AP_2"),
    ("features @ weights", "product_features"),
])  # fmt: skip
def test_a_product_is_called_by_its_factors(product: str, name: str) -> None:
    found = body(f"Y = exp({product}) + tanh({product})")
    assert any(line.startswith(f"{name} = ") for line in found), found


@pytest.mark.parametrize(("kind", "name"), [("int", "float_k"), ("bool", "indicator_k")])
def test_what_becomes_floating_is_called_by_what_it_was(kind: str, name: str) -> None:
    """A truth value as a number is an indicator; an integer is none."""
    found = body(f"input x[N], k[N]: {kind}\nY = 2**(k * 1.0) + x**(k * 1.0)")
    assert any(line.startswith(f"{name} = ") for line in found), found


DEF = "def layer(x, W) { z = x@W; return sin(z) }\ninput x[N, D]\nparam U[D, D], V[D, D]\n"


def test_what_several_statements_call_alike_is_told_apart_by_what_they_assign() -> None:
    found = body(f"{DEF}h = layer(x, U)\ny = layer(h, V)\nL = sum(y**2)")
    assert "z_h = x @ U" in found and "z_y = h @ V" in found, found
    loop = "param W_{0:3}[D, D]\nh_{0} = x\nfor k in 0:3 { h_{k+1} = layer(h_{k}, W_{k}) }\nL = sum(h_3**2)"
    found = body(DEF + loop)
    assert "z_1 = x @ W_0" in found and "z_3 = h_2 @ W_2" in found, found
    hold(f"{DEF}h = layer(x, U)\ny = layer(h, V)\nL = sum(y**2)", {k: array(3, 3) for k in "xUV"})


def test_one_at_a_time_bears_the_word_itself() -> None:
    found = body("input X[N, 3]\nA = softmax(X)\nB = softmax(X.T)")
    assert not any("_A = " in line or "_B = " in line for line in found), found


def test_what_is_called_a_gradient_has_its_sign() -> None:
    """Of exp(-d2 / s) the gradient of d2 / s is -dPhi Phi; what has lost the sign on the way is no `dratio_d2`."""
    text = graphc.compile("param s[K], d[N, K]\nd2 = d**2\nPhi = exp(-d2 / s)\nL = sum(Phi**2)")
    assert "dratio" not in text.partition("def backward")[2]


# ---------------------------------------------------------------- what is overwritten

def test_what_several_statements_read_keeps_its_name_when_it_is_overwritten() -> None:
    program = "input X[N, D], t[N, H]\nparam W[D, H], g[H], b[H]\nY = layer_norm(silu(X@W), g, b)\nL = sum((Y - t)**2)"
    forward = body(program)
    assert "XW = X @ W" in forward, "a product of matrices is not called by what becomes of it"
    assert "xhat = np.divide(centred, deviation, out=centred)" in forward
    assert "slope = np.add(s, silu * (1 - s), out=s)" in forward or any("out=s)" in line for line in forward)
    for line in forward:
        name, _, value = line.partition(" = ")
        assert not (" @ " in value and name in ("centred", "xhat", "silu", "slope", "Y")), line
    hold(program, {"X": array(4, 3), "t": array(4, 2), "W": array(3, 2), "g": array(2), "b": array(2)})


def test_what_one_statement_reads_is_written_into_under_one_name() -> None:
    assert "A /= A.sum(axis=1, keepdims=True)" in body("input X[N, 3]\nA = softmax(X)")
    assert "dS *= dL" in body("param S[N, 3]\ninput y[N]: int\nL = softmax_ce(S, y)", "backward")


def test_an_affine_map_is_called_by_its_weights() -> None:
    assert "affine_W = X @ W + b" in body("input X[N, D]\nparam W[D, H], b[H]\nL = sum(softplus(X@W + b))")


def test_numbers_that_several_statements_read_are_added_as_numbers() -> None:
    program = "param u[N], s[]\nz = u @ u\nh_1 = z + 1\n"
    program += "for k in 1:4 { h_{k+1} = (h_{k} + (z + 1)) / 2; b_{k} = h_{k+1} * s }\n"
    program += "L = tanh(b_2) + h_4 * h_4 + tanh(b_3)"
    hold(program, {"u": array(3), "s": array()}, levels=(0, 1, 2))


def test_a_long_expression_is_divided_where_it_stands() -> None:
    """By what broadcasting repeats: in one expression NumPy would make another array."""
    program = "input X[N, D]\nparam W[D, H], gamma[H], beta[H]\nZ = X @ W\nL = sum(tanh(batch_norm(Z, gamma, beta))**2)"
    assert "dZ /= deviation" in body(program, "backward")


def test_a_cotangent_is_called_after_the_value_that_it_is_of() -> None:
    text = graphc.compile("input t[N]\nparam m[N], s[N]\nr = -0.5*((t - m)/exp(s))**2\nL = sum(exp(r))", verify=False)
    assert "dratio = " in text.partition("def backward")[2], "not `minus`, by the operation"
    gate = "def gate(z) {\n    g = sigmoid(z*z)\n    return g\n}\nparam x[N]\ny = gate(x)*gate(2*x)\nL = sum(y)"
    assert "dg_sigmoid = " in graphc.compile(gate, level=0, verify=False)


# ---------------------------------------------------------------- forward and backward

RUNGE = """\
input z_0[N, D]
param W[D, D]
def f(z, W) = tanh(z@W)
for k in 0:3 {
  a_{k} = f(z_{k}, W)
  b_{k} = f(z_{k} + 0.5*a_{k}, W)
  z_{k+1} = z_{k} + b_{k}
}
L = sum(z_3**2)
"""


@pytest.mark.parametrize("level", [0, 1])
def test_what_forward_saves_has_the_same_name_in_backward(level: int) -> None:
    """A value without a name does not take that of the program's `z_2`."""
    saved = ", ".join(body(RUNGE, "forward", level)).partition("return ")[2].partition(", (")[2].rstrip("), ")
    names = re.findall(r"\w+", saved)
    read = ", ".join(body(RUNGE, "backward", level)).partition(" = cache")[0].strip("(, ")
    assert re.findall(r"\w+", read) == names
    assert "z_1" in names and "z_2" in names
    hold(RUNGE, {"z_0": array(3, 2), "W": array(2, 2)}, levels=(level,))


def test_a_gradient_beside_an_argument_of_its_name() -> None:
    """The comment says `dout` of the argument, and of the gradient what the code calls it."""
    text = graphc.compile("input dout[N, D]\nparam x[N, D]\nout = tanh(x)\nL = sum(out * dout)")
    assert "    dout_2 = dL dout\n" in text and "    dout_2 = dL * dout " in text
    assert "dx = dout_2 ⊙ (1 - out²)" in text


def test_a_cotangent_has_the_number_of_its_value() -> None:
    text = "input A[N, D], P[N, D], Q[N, D]\nparam w[D]\na = A*w\np = P*w\nq = Q*w\n"
    found = body(f"{text}L = sum(relu(sum((a - p)**2, axis=1) - sum((a - q)**2, axis=1) + 0.2))", "backward")
    for line in found:
        for name in re.findall(r"^ddifference_a\w* = ", line):
            assert name[1:].partition(" ")[0] in line.partition(" = ")[2], line


@pytest.mark.parametrize(("text", "line"), [
    ("input q[d], K[T, d]\nparam w[d]\ns = K@(q*w) / d**0.5\nL = sum(s**2)", "root_d = d**0.5"),
    ("input X[N, D], y[N]\nparam w[D]\np = sigmoid(X@w)\nL = -mean(y*log(p) + (1-y)*log(1-p))", "terms = "),
    ("param logits[N, C], q[N, C]\nL = sum(q * log_softmax(logits))", "P = "),
    ("input v[N, D]\nparam w[D]\nL = mean(exp(v@w)) - mean(v@w) - mean(w * exp(v@w)[:, None])", "minus_ratio_dL = -"),
])  # fmt: skip
def test_words(text: str, line: str) -> None:
    found = [*body(text), *body(text, "backward")]
    assert any(each.startswith(line) for each in found), found


# ---------------------------------------------------------------- signs and sums

@pytest.mark.parametrize(("text", "wanted"), [
    ("param x[N]\nL = -mean(x)", "L = -x.sum() / N"),
    ("param x[N]\nL = -(N // 2) * sum(x)", "L = -(N//2) * x.sum()"),
    ("param x[N], y[N]\nL = -dot(x, y) * 3", "L = -(x @ y * 3)"),
    ("param x[], y[]\nL = -(x * y)", "L = -x * y"),
    ("param x[], y[]\nL = -(-x * y)", "L = x * y"),
    ("param x[N], y[N]\nL = -(x * y)", "L = -x * y"),
    ("param x[N], y[N]\nL = -(x / y / 2)", "L = -x_over_y / 2"),
])  # fmt: skip
def test_a_sign_before_a_number(text: str, wanted: str) -> None:
    found = body(text)
    assert wanted in found, found
    hold(text, {name: np.array(1.5) if "[]" in text else array(5) for name in ("x", "y") if f"{name}[" in text})


def test_what_goes_on_adding_is_written_in_place() -> None:
    """Two terms of one statement are two statements on the gradient that earlier ones began, and one in the comment."""
    text = "input P_0[n, n]\nparam A[n, n]\nfor t in 0:4 { P_{t+1} = A@P_{t}@A.T }\nL = sum(P_4**2)"
    source = graphc.compile(text)
    assert source.count("\n    dA += ") == 6 and "total" not in source.partition("def backward")[2]
    assert "dA += dP_2ᵀ AP_1 + dP_product P_1ᵀ" in source
    hold(text, {"P_0": array(3, 3), "A": array(3, 3) / 2}, levels=(0, 1, 2))


def test_what_is_subtracted_or_divides_is_not_called_after_the_result() -> None:
    text = "input g[D], v[D], t[]\nparam w[D]\nL = sum(g*w)\nloss L\n"
    text += "w <- w - 0.001*((0.9*v + 0.1*grad(L, w))/(1 - 0.9**t))/(sqrt(0.999*v + 0.001*g**2) + 1e-8)"
    lines = body(text, "step")
    assert sum(line.startswith("new_w = ") for line in lines) == 1, lines
    assert any(line.startswith("total = np.sqrt(") for line in lines), lines


@pytest.mark.parametrize(("text", "line"), [
    ("param w[N]\nL = sum(exp(0.5*w)) + sum(exp(w))", "exp_half_w = np.exp(0.5 * w)"),
    ("param w[N]\nL = sum(exp(2*w) * w)", "exp_twice_w = np.exp(2 * w)"),
    ("param w[N]\nL = sum(sigmoid(-w)) - sum(w)", "sigmoid_minus_w /= 1 + sigmoid_minus_w"),
    ("param w[N], s[]\nL = sum(exp(w*s) * w)", "exp_scaled_w = np.exp(w * s)"),
    ("def cell(x) { z = tanh(x); return sqrt(1 - z) * (1 - z) }\nparam w[N]\nL = sum(cell(w))", "one_minus_z = 1 - z"),
])  # fmt: skip
def test_what_is_computed_of_a_multiple_says_of_which(text: str, line: str) -> None:
    assert line in body(text)


def test_two_masks_of_one_value_are_told_apart() -> None:
    found = body("param w[D]\ninput X[N, D], y[N]\nr = y - X@w\nL = mean(maximum(0.9*r, -0.1*r))")
    assert {"mask_r = r > 0", "nonnegative_r = r >= 0"} <= set(found), found


def test_the_sign_of_a_number_stands_where_the_number_does() -> None:
    text = "param w[D], v[D]\ninput X[N, D], Z[N, D]\na = exp(X@w)\nb = exp(Z@v)\nL = mean(b) - mean(a)"
    assert "dw = X.T @ (-dL_over_N * a)" in body(text, "backward")


def test_a_multiple_of_the_incoming_cotangent() -> None:
    text = "param V[N, D], W[N, D]\nL = 0.5*(sum(exp(V)) + sum(exp(W)))"
    assert "half_dL = 0.5 * dL" in body(text, "backward")


def test_the_terms_of_a_gradient_are_called_after_it() -> None:
    text = "param W[D, D]\ninput x[N, D]\nh = tanh(x@W)\nL = sum(tanh(h@W))"
    found = body(text, "backward", level=0)
    assert any(line.startswith("dW_term = h.T @ ") for line in found), found
    assert any(line.startswith("dW = dW_term + x.T @ ") for line in found), found


def test_the_cotangent_behind_an_activation_in_a_body_is_called_after_it() -> None:
    text = (
        "def gate(x, h, W, U) { r = sigmoid(x@W + h@U); return r*h }\n"
        "input x[N, D], h[N, H]\nparam W[D, H], U[H, H]\nL = sum(gate(x, h, W, U)**2)"
    )
    found = body(text, "backward")
    assert {"dW = x.T @ dr_sigmoid", "dU = h.T @ dr_sigmoid"} <= set(found), found


def test_what_is_subtracted_from_a_gradient_or_becomes_it_is_called_after_it() -> None:
    text = "input a[N, D], p[N, D], n[N, D]\nparam W[D, K]\nA = a@W\nd = A - p@W\ne = A - n@W\nL = sum(d**3 * e)"
    found = body(text, "backward")
    assert any(line.startswith("minus_dW_terms = ") for line in found), found
    text = 'param A[l, m, n]\ninput x[N, m], y[N, n]\nz = einsum("lmn,am,an->al", A, x, y)\nL = sum(z**2)'
    found = body(text, "backward")
    assert "dA = (dz.T @ flat).reshape(l, m, n)" in found, found


def test_a_cotangent_whose_sign_stands_elsewhere_says_so() -> None:
    """That of an inverse is -K.T @ dK @ K.T: without its sign it is no `dK_inv`."""
    text = (
        "def f(B, y) { S = B@B + B; K = inv(S); return sum(K**2) + dot(y, S@y) }\n"
        "param A[n, n]\ninput y[n]\nL = f(A, y)"
    )
    found = body(text, "backward")
    assert any(line.startswith("minus_dK_inv = K.T @ ") for line in found), found


def test_products_with_parts_and_their_gradients_are_called_after_the_whole() -> None:
    text = (
        "param X[N, m], Y[N, n], A[2, m, n]\ninput G[N, 2]\n"
        "for i in 0:2 { Z_{i} = sum((X@A[i]) * Y, axis=1) }\nL = sum(stack((Z_0, Z_1), axis=1) * G)"
    )
    assert {"XA_0 = X @ A[0]", "XA_1 = X @ A[1]"} <= set(body(text))
    found = body(text, "backward")
    assert {"dA_1 = X.T @ dXA", "dX += dXA @ A[0].T", "dA = np.stack([dA_0, dA_1], axis=0)"} <= set(found), found


def test_the_gradients_of_the_layers_of_a_stack() -> None:
    text = (
        "input x[N, d], t[N, d]\nparam W[2, d, d], b[2, d]\nz_0 = x\n"
        "for k in 0:2 { z_{k+1} = tanh(z_{k}@W[k] + b[k]) }\nL = mse(z_2, t)"
    )
    found = body(text, "backward")
    wanted = {"dW_1 = z_1.T @ dz_2_tanh", "db_0 = dz_1_tanh.sum(axis=0)", "dW = np.stack([dW_0, dW_1], axis=0)"}
    assert wanted <= set(found), found


def test_a_name_for_a_part_does_not_keep_its_terms_apart() -> None:
    """The gradient of `x[2]` bore a name, so that its terms were not collected: `-dL * (a * a) + dL * total_a`."""
    text = "param a[N], b[N], x[3, N]\nL = sum(a*x[2] + b*x[2] - a**2*x[2])"
    backward = graphc.compile(text, verify=False).partition("def backward")[2]
    assert "dx[2] = (b - a * a + a) * dL" in backward


def test_a_sum_of_a_thousand_terms_of_one_statement() -> None:
    """Each was looked for within the one before: it ended in a traceback."""
    terms = " + ".join(f"A[{k}]*sum(sin({k + 2}*w))" for k in range(1100))
    assert "dw" in graphc.compile(f"param w[H], A[1100]\nL = {terms}", verify=False)
