"""Mistakes in programs that parse: one message each, at the part that is wrong, with what would mend it."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Node
from graphc.language import crossed
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source

MISTAKES = [
    ("for k in 0:3 { z = x }", "E0202", 1, 16, "each step of a loop needs a name of its own: `z_{k}`"),
    ("for t in 0:3 { for k in 0:2 { z = x } }", "E0202", 1, 31, "each step of a loop needs a name of its own: `z_{k}`"),
    ("for step in 0:3 { z = x }", "E0202", 1, 19, "each step of a loop needs a name of its own: `z_{step}`"),
    ("for k in 0:n { z_{k} = x }", "E0211", 1, 12, "give it a number: `const n = 4`"),
    ("input x[N]\nfor k in 0:N { z_{k} = x }", "E0211", 2, 12, "give it a number: `const N = 4`"),
    ("input x[N]\nx = 3", "E0202", 2, 1, "give the value another name"),
    ("param x[N]\nL = sum(x)\nx = x - 0.1*grad(L, x)", "E0202", 3, 1,
     "a training step is written with an arrow: `x <- x - 0.1*grad(L, x)`"),
    ("param x[N]\nL = sum(x); x = x - 0.1*dx; y = 2", "E0202", 2, 13,
     "a training step is written with an arrow: `x <- x - 0.1*dx`"),
    ("param x[N]\nL = sum(x**2)\ng = grad(x, L)", "E0401", 3, 10, "the scalar stands first: `grad(L, x)`"),
    ("param x[N]\nL = sum(x**2)\ng = hvp(x, L, x)", "E0401", 3, 9, "the scalar stands first: `hvp(L, x, x)`"),
    ("param x[N], s[]\ny = s*x\ng = grad(y, s)", "E0401", 3, 10, "`vjp(Y, X, v)` takes a cotangent for other values"),
    ("param w[N]\ns = sum(w)\ng = grad(w*s, s)", "E0401", 3, 10, "`vjp(Y, X, v)` takes a cotangent for other values"),
    ("param W[N, D]\nfor k in 0:3 { W = W - 0.1*grad(sum(W**2),W) }", "E0202", 2, 16,
     "give the value another name"),
    ("param x[N]\nL = sum(x)\nx = x - 0.1*dist", "E0202", 3, 1, "give the value another name"),
    ("param x[N]\nL = sum(x)\nx = x - 0.1*grad(L,\n x)", "E0202", 3, 1,
     "a training step is written with an arrow: `x <- …`"),
    ("input X[N, 3]\ny = X[:, -4]", "E0207", 2, 5, "indices run from -3 to 2"),
    ("param x[N]\ny = [\"a\", x]", "E0205", 2, 5, None),
    ("y = []", "E0205", 1, 5, None),
    ("y = [a, [b, c]]", "E0205", 1, 5, None),
    ("y = [[a, b], [c, d]]", "E0205", 1, 5, None),
    ("y = [a, b]", "E0205", 1, 5, "`stack([a, b])` makes one array of it"),
    ("input a[N], b[M]\ny = [a, b]", "E0205", 2, 5, None),
    ("input a[N], b[N]\ny = [a,\n b]", "E0205", 2, 5, "`stack([…])` makes one array of it"),
    ("h = x\nfor k in 0:3 { for j in 0:2 { h = h*2 } }\nL = sum(h)", "E0202", 2, 31, "give this value another name"),
    ("for k in 0:1 { h = x; h = h*2 }\nL = sum(h)", "E0202", 1, 23, "give this value another name"),
    ("param W[3, 2]\nfor k in 1:4 { z_{k} = sum(W[k]) }", "E0207", 2, 28, "indices run from 0 to 2"),
    ("input x[N, D]\ny = reshape(x, N*D, 1)", "E0206", 2, 21, "they are one tuple: `reshape(x, (N*D, 1))`"),
    ("L = sum(zeros(3, 4) + x)", "E0206", 1, 18, "they are one tuple: `zeros((3, 4))`"),
    ("y = transpose(x, 1, 0)\ninput x[N, D]", "E0206", 1, 21, "they are one tuple: `transpose(x, (1, 0))`"),
    ("y = broadcast_to(x, z, z)", "E0206", 1, 24, "`broadcast_to(x, shape)`"),
    ("param a[], b[]\ninput x[2]\nW = [[a, b], [b, a]]\nL = sum(W @ x)", "E0205", 3, 5,
     "`stack([[a, b], [b, a]])` makes one array of it"),
    ("h = x\nfor i in 0:3 { h = tanh(h@W) }\nL = sum(h)", "E0202", 2, 16,
     "in a loop each step has a name of its own: `h_0` before it, then `h_{i+1} = …`"),
    ("const a = [1, [2, 3]]", "E0206", 1, 11, None),
    ("L = sum((x, y))", "E0210", 1, 9, "declare its shape, for example `input x[N, D]`"),
    ("L = max(x, y)", "E0211", 1, 12, "of two values take `maximum(a, b)`"),
    ("y = zeros(x)", "E0211", 1, 11, "a shape is a tuple of sizes; `zeros_like(x)` has the shape of `x`"),
    ("L = sum(x, axis==0)", "E0211", 1, 12, "an argument by its name is written with one `=`"),
    ('L = einsum("ij,jk->iz", A, B)', "E0206", 1, 12, None),
    ("y = eye(2.5)", "E0206", 1, 9, None),
    ("y = concatenate([x, x], 7)\ninput x[N, D]", "E0206", 1, 25, "axes run from 0 to 1, or from -2 to -1"),
    ("L = sum(x @ V)\nW <- W - 0.1 * grad(L, V)", "E0216", 2, 1,
     "use it in the program, declare `param W`, or write `=` to assign a value"),
    ("param weights\nL = sum(weights)\nweight <- weights * 2", "E0216", 3, 1, "did you mean `weights`?"),
    ("param x[n]\nx = x + 1\nL = sum(x)", "E0202", 2, 1, "give the value another name"),
    ("param W[3, 4]\nT = transpose(W, (0, 2))", "E0206", 2, 18, "axes run from 0 to 1, or from -2 to -1"),
    ("loss L\nL = x * 2\ninput x[N]", "E0401", 1, 6, "for example `total = sum(L)`"),
    (
        "op f(x) = x * 2\nrule f(x) -> y { dx = 2 * dz }\nL = sum(f(x))", "E0201", 2, 27,
        "a rule sees its operands, its result and the gradient of that: `dy` of `y`",
    ),
    (
        "def f(x) = W @ x\nL = sum(f(y))", "E0201", 1, 12,
        "a body sees its arguments, constants and dimension names only: make `W` an argument",
    ),
    ("L = (x,)", "E0205", 1, 5, "without the comma it is the value itself"),
    ("L = sum[x * x]", "E0207", 1, 5, "to call `sum`, write `sum(…)`"),
    ("input x[N / 2]\nL = sum(x)", "E0204", 1, 9, "write `//`"),
    ("param W_{0:2}[D_{0}]\nL = sum(W_0 * W_1)", "E0204", 1, 15, "for example `[N, 2*D]`"),
    ("input X[N, D]\nparam W[D, H]\nY = X*W", "E0203", 3, 5, "a product of matrices is `X @ W`"),
    ("input X[N, D]\nparam W[D, N]\nY = X*W", "E0203", 3, 5, "transpose it: `W.T`"),
    ("input X[N, D]\nparam W[D, H]\nY = X + W", "E0203", 3, 5, None),
    (
        "param A[B, n, n]\nY = A@A.T", "E0203", 2, 5,
        "`.T` turns all axes around; to exchange the last two: `swapaxes(A, -1, -2)`",
    ),
    (
        "input X[B, N, D]\nparam W[B, H, D]\nY = X@W", "E0203", 3, 5,
        "exchange its last two axes: `swapaxes(W, -1, -2)`",
    ),
    ("param a[]\nY = full((3,), a)", "E0211", 2, 16, "`broadcast_to(x, shape)` fills a shape with a tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "help"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_one_message_that_helps(text: str, code: str, line: int, column: int, help: str | None) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text, verify=False)
    (error,) = caught.value.errors
    assert (error.code, error.line, error.column, error.help) == (code, line, column, help)


def test_numbers_are_not_explained() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("input x[3]\ny = take(x, 7)")
    assert [text for text, _ in caught.value.errors[0].notes] == ["`x` is declared (3,) on line 1"]


def test_an_array_of_a_list_is_quoted_by_itself() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("param W[3, 4]\nC = concatenate([W, W.T], axis=0)")
    assert [text for text, _ in caught.value.errors[0].notes] == ["`W` is declared (3, 4) on line 1; `W.T` is (4, 3)"]


def test_what_a_name_would_be_instead_of_a_tensor() -> None:
    for text, what in (('"abc"', 'the text "abc"'), ("none", "`none`"), ("shape(x)", "a shape")):
        with pytest.raises(graphc.GraphcError) as caught:
            graphc.compile(f"y = {text}")
        assert caught.value.errors[0].message.startswith(f"`y` would not be a tensor, but {what}")


@pytest.mark.parametrize(("text", "places"), [
    ("L = sum(X@W)\nW <- W - 0.1*grad(L, Q)", [(2, 22)]),  # once, although Q is one of the variables, too
    ("param W[D, D], U[D]\nL = sum(W)\nU <- U - grad(L, U)", [(1, 16)]),
    ("input Z[N]\nparam w[N]\nL = sum(w)\nfor k in 0:3 { g_{k} = grad(L, Z) + w }", [(1, 7)]),
    ("param w[N]\nv = 2*w\nL = sum(w)\noutput L, g\ng = sum(grad(L, v))", [(5, 17)]),
    ("param w[N]\nL = sum(w)\nw <- w - grad(L, w)", []),
])  # fmt: skip
def test_a_gradient_that_is_zero_is_pointed_out(text: str, places: list[tuple[int, int]]) -> None:
    warnings = compile_source(Source(text, "net.g"), Options(verify=False)).warnings.warnings
    found = [(each.span.line, each.span.column) for each in warnings if each.code == "W0401" and each.span]
    assert found == places


@pytest.mark.parametrize(("text", "label", "help"), [
    ("L = xᵀ @ A @ y", "`xᵀ` is one name, the same as `xT`", "the transpose is written `x.T`"),
    ("param x[n], A[n, n]\nL = xᵀ@A@x", "`xᵀ` is one name, the same as `xT`", "the transpose is written `x.T`"),
    ("L = sum(x·w)", "`x·w` is one name", "to multiply, write `x * w`"),
    ("input xᵀ[3]\nL = sum(xᵀ)", None, None),
])  # fmt: skip
def test_a_name_that_reads_as_a_formula_is_pointed_out(text: str, label: str | None, help: str | None) -> None:
    warnings = compile_source(Source(text, "net.g"), Options(verify=False)).warnings.warnings
    found = [(each.label, each.help) for each in warnings if each.code == "W0201"]
    assert found == ([(label, help)] if label else [])



@pytest.mark.parametrize(("text", "help"), [
    ("a = b\nb = a\nL = sum(a)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("a = b + 1\nb = c + 1\nc = a + 1\nL = sum(a)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("h_0 = x + h_3\nfor k in 0:3 { h_{k+1} = tanh(h_{k}) }\nL = sum(h_3)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("b = h_3\nh_0 = b + x\nfor k in 0:3 { h_{k+1} = tanh(h_{k}) }\nL = sum(h_2)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("a = z_3\nz_0 = x\nfor k in 0:3 { z_{k+1} = tanh(z_{k}) }\nL = sum(a)", "move that statement up"),
    ("for k in 0:3 { h_{k} = tanh(h_{k+1}) }\nL = sum(h_0)",
     "a later step of the loop assigns it: let the loop run the other way, or use what earlier ones assign"),
    ("for k in 0:5 { h_{k} = g_{k}; g_{k} = h_{k} }\nL = sum(h_0)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("for k in 0:3 { a_{k} = b_{k}; b_{k} = k*x }\nL = sum(a_2)", "move that statement up"),
    ("const a = b + 1\nconst b = 2 * a\nL = sum(x * a)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("const a = a + 1\nL = sum(x * a)", "a constant has one value: give the result another name"),
    ("const a = c\nconst c = 3\nL = sum(x * a)", "move that statement up"),
    ("S = H * 2\nH = Z + x\nZ = 3 * S\nL = sum(S)",
     "they are computed from one another: one of them needs another name, or must be an argument"),
    ("S = H * 2\nH = Z + x\nZ = 3 * x\nL = sum(S)", "move that statement up"),
    ("const n = shape(x)[0]\nparam W_{0:n}[d, d]\nL = sum(x @ W_0)", "use a number in the place of `n`"),
    ("input x[n]\nparam W_{0:shape(x)[0]}[d, d]\nL = sum(x @ W_0)",
     "use a number in the place of `shape(x)[0]`"),
    ("param x[n]\nparam W_{0:n}[d, d]\nL = sum(x * n)", "give it a number: `const n = 4`"),
])  # fmt: skip
def test_the_help_for_what_is_not_known_yet_fits(text: str, help: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compile_source(Source(text, "net.g"), Options(verify=False))
    assert caught.value.errors[0].help == help


@pytest.mark.parametrize(("text", "names"), [
    ("a = b + 1\nb = c + 1\nc = a + 1\nL = sum(a)", ["b"]),
    ("a = b + d\nb = a\nc = d\nd = c\nL = sum(a)", ["b", "d", "d"]),
    ("for k in 0:3 { h_{k} = tanh(h_{k+1}) }\nL = sum(h_0)", ["h_1"]),
    ("h_0 = x + h_3\nfor k in 0:3 { h_{k+1} = tanh(h_{k}) }\nL = sum(h_3)", ["h_3"]),
    ("for k in 0:3 { a_{k} = b_{k}; b_{k} = k*x }\nL = sum(a_2)", ["b_0"]),
    ("const a = b + 1\nconst b = a + 1\nL = sum(x * a)", ["b"]),
    ("for k in 0:2 { a_{k} = p_{k} }\np_0 = x\np_1 = y\nL = sum(a_0 + a_1)", ["p_0", "p_1"]),
])  # fmt: skip
def test_a_circle_is_one_error_and_two_are_two(text: str, names: list[str]) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compile_source(Source(text, "net.g"), Options(verify=False))
    messages = [f"`{name}` is used before the statement that assigns it" for name in names]
    assert [error.message for error in caught.value.errors] == messages


@pytest.mark.parametrize(("call", "help"), [
    ("sum_to(x)", "did you mean `sum`?"), ("count(x)", "write `sum(c)`"), ("mT(x)", "write `A.T`"),
    ("vdot(x, x)", "write `sum(a * b)`"), ("diagonal(x)", "write `diag(A)`"),
    ("clear_labels(x, x)", "`graphc ops` lists the operations"),
])  # fmt: skip
def test_what_only_built_in_rules_use_programs_do_not_call(call: str, help: str) -> None:
    """Such operations take what their callers have made sure of, and would fail on anything else."""
    programs = [
        f"param x[3]\nL = sum(x * {call})",
        f"def f(x) = {call}\nparam x[3]\nL = sum(f(x))",
        f"op f(x) = {call}\nparam x[3]\nL = sum(f(x))",
        f"op f(x) = 2 * x\nrule f(x) -> y {{ dx = dy * {call} }}\nparam x[3]\nL = sum(f(x))",
    ]
    for text in programs:
        with pytest.raises(graphc.GraphcError) as caught:
            graphc.compile(text)
        error = caught.value.errors[0]
        assert (error.code, error.help) == ("E0219", help)


def test_names_of_numpy_mean_what_they_do_there() -> None:
    net = graphc.load("param X[n, m, k]\nL = sum(ravel(X) ** 2)")
    value, grads = net.value_and_grad(np.full((1, 2, 3), 2.0))
    assert value == 24 and (grads["X"] == 4).all()


def test_whether_something_is_not_true() -> None:
    net = graphc.load("param x[n]\ninput c[n]: bool\nL = sum(x * logical_not(c) + x * logical_not(x > 1))")
    x, c = np.array([0.5, 2.0, 3.0]), np.array([True, False, True])
    value, grads = net.value_and_grad(x, c)
    assert value == 2.5 and grads["x"].tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(("text", "operand", "help"), [
    ("L = sum(x @ (y + z))", "y + z", "declare the shape of `y` or `z`, for example `input y[N, D]`"),
    ("L = det(a * b)", "a * b", "declare the shape of `a` or `b`, for example `input a[N, D]`"),
    ("L = sum(swapaxes(tanh(u) * v, 0, 1))", "tanh(u) * v",
     "declare the shape of `u` or `v`, for example `input u[N, D]`"),
])  # fmt: skip
def test_of_an_operand_of_unknown_rank_the_arguments_are_named(text: str, operand: str, help: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text, verify=False)
    (error,) = caught.value.errors
    assert (error.code, error.column, error.help) == ("E0210", text.index(operand) + 1, help)
    assert graphc.compile(f"input {help[-8]}[N, N]\n{text}", verify=False)  # what it says mends it


@pytest.mark.parametrize("text", [
    "input X[N, D], y[N]\nparam w[D, 1], b[]\nL = sum((sigmoid(X@w + b) - y)**2)",
    "input X[N, D], y[N]\nparam w[D, 1]\nL = sum((y - X@w)**2)",
    "input X[N, D], y[N]\nparam w[D, 1]\nL = mae(X@w, y)",
    "input X[N, D], y[N]\nparam A[1, D], b[1]\nL = mse(y, linear(X, A, b))",
    "input X[N, D], y[N]\nparam V[D, H], w[H, 1]\nL = bce_with_logits(relu(X@V)@w, y)",
])  # fmt: skip
def test_a_column_less_a_vector_is_hardly_meant(text: str) -> None:
    (warning,) = compile_source(Source(text), Options(verify=False)).warnings.warnings
    assert warning.code == "W0204" and "(N, 1) and (N,) broadcast to (N, N)" in warning.message
    assert warning.span is not None
    assert warning.span.source.text == text and warning.span.line == 3, "in the program, not in graphc's own operations"


@pytest.mark.parametrize("text", [
    "input y[N]\nparam w[N]\nL = sum((w[:, None] - y)**2) + sum((tanh(w[:, None]) - w)**2)",
    "input y[N]\nparam w[N, 1]\nL = sum((w - y[None, :])**2)",
    "input y[N]\nparam X[N, D]\nL = sum((mean(X, axis=1, keepdims=true) - y)**2)",
    "input y[3]\nparam w[1]\nL = sum(w - y)",
    "input X[N, D], y[N, 1]\nparam w[D, 1]\nL = mse(X@w, y)",
    "input y[N]\nparam p[N, 1]\nL = bce(p, y)",
    "input x[N], c[N], s[1, 1]\nL = sum(exp(-(x[:, None]/s - c)**2))",
    "input x[N], c[N]\nparam a[1, 1]\nL = sum((x[:, None]@a - c)**2)",
    "input x[N], c[N], m[N, 1]\nL = sum((x[:, None]*m - c)**2)",
    "input t[T, 1], u[T]\nL = sum(exp(-(t - u)**2))",
    "input s[N, 1]\nL = sum((s - s[:, 0])**2)",
    "input q[N, D], k[N, D], a[D, 1], b[D]\nL = sum(((q@a) - k@b)**2)",
    "input x[N], c[N]\nparam a[2, 1]\nL = sum((reshape(x, (N, 1))@ones((1, 2))@a - c)**2)",
])  # fmt: skip
def test_pairs_that_are_meant_are_not_told(text: str) -> None:
    assert not compile_source(Source(text), Options(verify=False)).warnings.warnings


TAKEN_FOR_INPUTS = {
    "input X[N, D]\nparam W[D, C]\nL = sum(X @ w)": "did you mean `W`? otherwise declare it: `input w`",
    "param x[N]\nL = sum(x * pi)": "the number is `const pi = 3.141592653589793`; otherwise declare it: `input pi`",
    "param x[N]\nJ = sum(x*x)\nloss J\nx <- x - 0.1*dx":
        "the gradient is `grad(J, x)`; otherwise declare it: `input dx`",
    "param x[N]\ncost = sum(x*x)\nx <- x - eta*dx":
        "the gradient is `grad(cost, x)`; otherwise declare it: `input dx`",
}


@pytest.mark.parametrize("text", TAKEN_FOR_INPUTS)
def test_a_name_that_is_hardly_meant_as_an_input(text: str) -> None:
    made = compile_source(Source(text), Options(verify=False))
    first = made.warnings.warnings[0]
    assert (first.code, first.help) == ("W0201", TAKEN_FOR_INPUTS[text])


@pytest.mark.parametrize("text", [
    "input x[n]\nparam X[n]\nL = sum(X * x)",
    "param X[n], N[n]\nL = sum(X * x) + sum(N)",
    "Y = X @ W\nL = sum(Y * dY)",
    "input x[N], pi[N]\nL = sum(x * pi)",
    "param x[N]\nL = sum(x * x)\nx <- x - eta*grad(L, x)",
    "param x[N], t[]\ninput v[N]\nE = sum(x*v)*exp(-t)\nx <- x + dt*v\nt <- t + dt",
    "param x[N], t[]\ninput v[N]\nE = sum(x*v)*exp(-t)\nt <- t + dt\nx <- x + dt*v",
    "param x[N]\nconst t = 3\nL = sum(x)*t\nx <- x - dt*x",
    "param x[N], y[N]\nL = sum(x*y)\ny <- y - 0.1*dN",
    "param x[N]\ny = x*x\nx <- x - 0.1*dx",
])  # fmt: skip
def test_a_name_that_is_an_input(text: str) -> None:
    assert not compile_source(Source(text), Options(verify=False)).warnings.warnings


def test_a_column_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each difference walked back through all that is before it: 4,000 steps took minutes."""
    def looks(steps: int) -> int:
        text = (
            f"input X[N, D], y[N]\nparam w[D, 1]\nc_0 = X@w\nL_0 = sum(c_0)\n"
            f"for t in 0:{steps} {{ c_{{t+1}} = sin(c_{{t}}); L_{{t+1}} = L_{{t}} + sum(c_{{t+1}} - y) }}\n"
            f"output L_{steps}"
        )
        seen = 0

        def counted(node: Node) -> bool:
            nonlocal seen
            seen += 1
            return one_column(node)

        monkeypatch.setattr(crossed, "_has_one_column", counted)
        compiled = compile_source(Source(text), Options(verify=False, level=0))
        assert len(compiled.warnings.warnings) == 1, "each step of a loop says the same"
        return seen

    one_column = crossed._has_one_column
    assert looks(80) < 2.2 * looks(40)
