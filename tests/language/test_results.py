"""What may be a result of a program: constants, arguments, values that depend on nothing, one value under two names."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import graphc
from graphc.ir.graph import Node
from graphc.language import scope
from graphc.language.lowering import Lowering
from graphc.language.open_loss import check_open_loss
from ops.running import close, named

X = np.array([[1.0, -2.0], [0.5, 3.0], [0.25, 4.0]])
PROGRAMS = {
    "const c = 2\noutput c": (2.0,),
    "const c = 2\ny = x * c\noutput c, y": (2.0, 2 * X),
    "const c = [1, 2]\ny = x @ c\noutput c, y": (np.array([1.0, 2.0]), X @ [1, 2]),
    "const c = true\noutput c, x\ny = x * 1": (True, X),
    "output x\ny = x * 1": (X,),
    "y = x\noutput y, x": (X, X),
    "param x[N, D]\ny = x.T\nz = x[0]\noutput x, y, z": (X, X.T, X[0]),
    "z = relu(x)\ny = z[::-1]\nw = z\noutput y, z, w": (np.maximum(X, 0)[::-1], *[np.maximum(X, 0)] * 2),
    "y = ones((2, 3))": (np.ones((2, 3)),),
    "y = 3\nz = true\nw = x * 1": (3, True, X),
    "input x[N, D]\ny = N * D\nz = zeros((D, N))\nw = x * 1": (6, np.zeros((2, 3)), X),
    "param x[N, D]\nL = 3.0\nloss L": (3.0,),
}


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_values_and_memory(text: str, level: int) -> None:
    net = graphc.load(text, level=level, verify=False)
    for dtype in (np.float64, np.float32):
        given = [X.astype(dtype)] if "x" in (*net.INPUTS, *net.PARAMETERS) else []
        for more in [{}, *([{"workspace": net.Workspace(*given)}] if level == 2 else [])]:
            outputs, _ = net.forward(*given, **more)
            results = named(outputs)
            for name, have, want in zip(net.OUTPUTS, results, PROGRAMS[text], strict=True):
                close(have, want, name)
                assert np.asarray(have).dtype.kind != "f" or not given or np.asarray(have).dtype == dtype
            arrays = [*results, *given]
            for k, one in enumerate(results):
                assert not any(np.shares_memory(one, other) for other in arrays[k + 1 :])


@pytest.mark.parametrize("value, kind", [("3", "an integer"), ("x[0] > 0", "a truth value")])
def test_a_loss_is_floating(value: str, kind: str) -> None:
    with pytest.raises(graphc.GraphcError, match=f"the loss is differentiated, and `L` is {kind}"):
        graphc.compile(f"param x[N]\nL = {value}\nloss L")


def test_a_constant_is_not_the_loss_of_itself() -> None:
    graph = graphc.parse("const c = 2.0\nL = sum(x)\noutput c, L")
    assert graph.loss == "L"
    assert graphc.parse("const c = 2.0\ny = x * c\noutput c, y").loss is None


def test_a_text_is_no_result() -> None:
    with pytest.raises(graphc.GraphcError, match="`c` cannot be a result"):
        graphc.parse('const c = "none"\noutput c')


@pytest.mark.parametrize("subscript", ["bad", "f(x)", "bad + 1"])
@pytest.mark.parametrize("word", ["output", "loss"])
def test_a_subscript_that_is_in_error_already_is_not_reported_again(word: str, subscript: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"def f(x) {{ }}\nbad = nosuch(x)\nz_1 = x\n{word} z_{{{subscript}}}")
    assert [(error.code, error.line) for error in caught.value.errors] == [("E0112", 1), ("E0219", 2)]


WRONG = {
    "output z\nloss q\nparam a[3]\nL = sum(a)": [(1, "E0201"), (2, "E0201")],
    "param a[3]\nM = a*2\nL = sum(unknown(a))\nloss M": [(3, "E0219"), (4, "E0401")],
    "param a[3]\nM = unknown(a)\nloss M\noutput M": [(2, "E0219")],  # nothing is said of what is in error already
    "loss q": [(1, "E0201")],
    # a name that is in error already may still be assigned twice, but not by the same statement or step
    "param a[2]\nL = sum(a)\nL = sum(a*2)\na = a + 1": [(3, "E0202"), (4, "E0202")],
    "param a[2]\nL = unknown(a)\nL = sum(a)": [(2, "E0219"), (3, "E0202")],
    "param a[2]\nb, c = unknown(a)\nc = unknown(a)\nL = sum(a)": [(2, "E0219"), (3, "E0202"), (3, "E0219")],
    "param a[2]\nfor k in 0:3 { b = unknown(a) }\nL = sum(a)": [(2, "E0219")],
    # so may a constant, at whatever place among several names
    "param x[2]\nconst a = 2\na = unknown(x)\nL = sum(x)": [(3, "E0202"), (3, "E0219")],
    "param x[2]\nconst a = 2\nb, a = unknown(x)\nL = sum(x)": [(3, "E0202"), (3, "E0219")],
    "param x[2]\nconst a = 2\nfor k in 0:3 { a = unknown(x) }\nL = sum(x)": [(3, "E0202"), (3, "E0219")],
    "param x[2]\nconst a = 2\nfor k in 0:3 { a = x*2 }\nL = sum(x)": [(3, "E0202")],
    "param x[2]\nconst a = 2\nconst a = unknown(3)\nL = sum(x)": [(3, "E0202"), (3, "E0219")],
    "param x[2]\nconst a = unknown(2)\nconst a = 3\nL = sum(a*x)": [(2, "E0219"), (3, "E0202")],
    "param x[2]\nconst a = unknown(2)\na = unknown(x)\nL = sum(x)": [(2, "E0219"), (3, "E0202"), (3, "E0219")],
    # a name that a later statement assigns is said to be used too early whatever else is wrong, once each
    "b = unknown(a)\na = 3*x": [(1, "E0219"), (1, "E0209")],
    "b = unknown(a*c, k=d) + a\na = 3*x\nc = a\nd = a": [(1, "E0219"), (1, "E0209"), (1, "E0209"), (1, "E0209")],
    "b = a + unknown(a)\na = 3*x": [(1, "E0209"), (1, "E0219")],
    "param p[2]\nL = sum(p)\np <- unknown(a)\na = 2*p": [(3, "E0219"), (3, "E0209")],
    "for k in 0:3 { b_{k} = unknown(a) }\na = 3*x": [(1, "E0219"), (1, "E0209")],
    "b = unknown(a)\na = unknown(b)": [(1, "E0219"), (1, "E0209"), (2, "E0219")],
    "param a[2]\nb = unknown(a)\na = 3*x": [(2, "E0219"), (3, "E0202")],
    "const a = unknown(2)\nb = unknown(a, c)": [(1, "E0219"), (2, "E0219")],
    "const a = unknown(b)\nconst b = 2\ny = a*x": [(1, "E0219"), (1, "E0209")],
    # what only a loop without a step assigns has no value
    "for k in 0:0 { a = x }\ny = a": [(2, "E0201")],
    "for k in 0:0 { a = x }\ny = unknown(a)": [(2, "E0219"), (2, "E0201")],
    # nor is anything said of what a loop whose range is in error would have assigned
    "for k in 0:n { a = x }\nb = a\nL = unknown(a)": [(1, "E0211"), (3, "E0219")],
    "for k in 0:unknown(2) { for t in 0:2 { a = x } }\nL = sum(a)": [(1, "E0219")],
    "param a[2]\nfor k in 0:n { a = x }\nL = sum(a)": [(2, "E0211"), (2, "E0202")],
    # a subscripted name that was used before is no name that is assigned twice
    "L = sum(a_1)\nfor k in 0:2 { a_{k} = x }": [(1, "E0209")],
    "L = sum(a_1)\nfor k in 0:2 { a_{k} = unknown(x) }": [(1, "E0209"), (2, "E0219")],
}


def test_the_place_of_a_constant_that_is_assigned_is_its_own_among_several() -> None:
    with pytest.raises(graphc.GraphcError) as raised:
        graphc.parse("param x[2, 2]\nconst a = 2\nb, a = split(x, 2)")
    assert (raised.value.line, raised.value.column) == (3, 4)
    assert raised.value.message == "`a` is a constant and assigned"


@pytest.mark.parametrize("text", WRONG)
def test_all_errors_are_reported(text: str) -> None:
    with pytest.raises(graphc.GraphcError) as raised:
        graphc.compile(text)
    assert [(error.span.line, error.code) for error in raised.value.errors if error.span] == WRONG[text]


def test_a_loss_of_unknown_shape_is_told_in_words() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("loss L; L = x*2")
    assert caught.value.message == "the loss is a scalar, and the shape of `L` is not known"


ONE_STATEMENT = {
    "op f(x) = x*x; rule f(x) -> y { dx = foo(dy) * bar(x) }; L = sum(f(w))": [(38, "E0219"), (48, "E0219")],
    "Z = relux(X) @ softmux(W)": [(5, "E0219"), (16, "E0219")],
    "L = sum(relux(x)) + softmux(sigmoidd(x), tahn(y))": [(9, "E0219"), (21, "E0219"), (29, "E0219"), (42, "E0219")],
    "L = a - b * foo(c) + sum(d, axis=bar(1)) + e[baz(2)]": [(13, "E0219"), (34, "E0219"), (46, "E0219")],
    "L = foo(x) + foo(y)": [(5, "E0219")],  # once is enough
    "def f(x) = x*w + w; L = f(a) + f(b)": [(14, "E0201")],
    "param X[N,D], W[H,D], V[K,D]; L = sum(X@W) + sum(X@V) + sum(X@W)": [(39, "E0203"), (50, "E0203")],
    "a = foo(x); L = a + bar(x) + a": [(5, "E0219"), (21, "E0219")],  # of a nothing more is said
}


@pytest.mark.parametrize("text", ONE_STATEMENT)
def test_errors_of_one_statement_are_all_reported(text: str) -> None:
    with pytest.raises(graphc.GraphcError) as raised:
        graphc.compile(text)
    assert [(error.span.column, error.code) for error in raised.value.errors if error.span] == ONE_STATEMENT[text]


UNWANTED = {
    "param A[n, n]\n_, l = slogdet(A)\nL = l**2": ("L",),
    "param A[n, n]\ns, l = slogdet(A)\n_, k = slogdet(2 * A)\n_, _ = slogdet(A)\nL = k": ("s", "l", "L"),
    "def last(x) { _, b = split(x, 2, 1); _, c = split(b, 2, 1); return c }\nparam A[n, 4]\nL = sum(last(A))": ("L",),
    "param A[4, n]; B_0 = A\nfor k in 0:2 { _, B_{k+1} = split(tile(B_{k}, (2, 1)), 2) }\nL = 4 * sum(B_2)": ("L",),
    "param A[n, n]\n_ = 2 * A": ("_",),
}


@pytest.mark.parametrize("text", UNWANTED)
def test_a_result_that_is_called_underscore_is_none_of_the_program_s(text: str) -> None:
    """It was an output, beside which the scalar was no longer the only one: `backward` asked for cotangents."""
    net = graphc.load(text)
    outputs = UNWANTED[text]
    assert outputs == net.OUTPUTS
    A = np.arange(16.0).reshape(4, 4) + 10 * np.eye(4)
    if outputs == ("L",) and "slogdet" in text:
        _, gradients = net.value_and_grad(A)
        close(gradients["A"], 2 * np.linalg.slogdet(A)[1] * np.linalg.inv(A).T, "A")
    elif outputs == ("L",):
        L, _ = net.forward(A)
        close(L, 4 * A.sum() if "for" in text else A[:, 3].sum(), "L")


NAMED = {
    "param A[n, n]\n_, l = slogdet(A)\ny = l * _": ("y",),
    "param A[n, n]\n_, l = slogdet(A)\noutput _, l": ("_", "l"),
    "param A[n, n]\n_, l = slogdet(A)\nloss _": ("l", "_"),
    "def f(x) { a, _ = split(x, 2); return a, _ }\nparam A[4, n]\nb, c = f(A)": ("b", "c"),
    "input x[_], y[4]\na, _ = split(y, 2)\nz = sum(x)/_ + sum(a)": ("z",),
    "param A[4, n]\na, _ = split(A, 2)\nfor k in 0:2 { b_{k} = _ * k }": ("a", "b_0", "b_1"),
    "param A[4, n], B[2, n]\na, _ = split(A, 2)\nL = sum(a)\nB <- B - _": ("L", "_"),
}


@pytest.mark.parametrize("text", NAMED)
def test_an_underscore_that_something_names_is_a_name(text: str) -> None:
    assert set(graphc.parse(text).outputs) == set(NAMED[text])


@pytest.mark.parametrize("text", [
    "param A[n, n]\n_, l = slogdet(A)\n_, k = slogdet(2*A)\nL = l + k + _",
    "param A[n, n]\n_, l = slogdet(A)\n_ = l\nL = l",
    "def f(x) { _, a = split(x, 2); _, b = split(a, 2); return b*_ }\nparam A[4, n]\nL = sum(f(A))",
])  # fmt: skip
def test_then_it_is_assigned_once(text: str) -> None:
    with pytest.raises(graphc.GraphcError, match="`_` is assigned twice"):
        graphc.parse(text)


def test_what_nobody_wants_may_be_asked_for() -> None:
    text = "param A[4, n]\na, _ = split(A, 2)\nL = sum(A * tile(a, (2, 1)))"
    net = graphc.load(text, wrt=["_", "A"])
    assert net.OUTPUTS == ("L",) and set(net.value_and_grad(np.ones((4, 3)))[1]) == {"_", "A"}
    with pytest.raises(graphc.GraphcError, match="`_`"):
        graphc.compile(f"{text}\n_, c = split(A, 2)", wrt=["_"])


PENALTY = "L = sum((X@w - t)**2) + lam*sum(w**2) - 0.5*mu*norm(w)"


def test_a_penalty_whose_factor_may_have_any_shape_is_told() -> None:
    with pytest.warns(graphc.GraphcWarning) as caught:
        graphc.compile(PENALTY, verify=False)
    (warning,) = (each.message.diagnostic for each in caught if isinstance(each.message, graphc.GraphcWarning))
    assert warning.code == "W0203" and warning.message.startswith("`L` is no loss: it has the shape of `lam` and `mu`")
    assert warning.help == "declare `input lam[], mu[]`"
    assert graphc.parse(f"input lam[], mu[]\n{PENALTY}").loss == "L"


VARIANCE = "input x[N]\nm = mean(x)\ny = m + t*sqrt(mean((x - m)**2))"
"""So many deviations from the mean: no penalty."""


def test_what_is_no_loss_is_not_told_to_be_none() -> None:
    sums = ("y = x - mean(x)", "y = x + sum(w)", "y = a * sigmoid(x@w) + b", "E = sum(x@w) - 3")
    for text in (*sums, "y = x / norm(w)", "y = sum(x)*beta + sum(x**2)", "y = lam*sum(x**2)", VARIANCE):
        graphc.compile(text, verify=False)  # a warning would be an error


def test_a_loss_with_a_penalty_is_told_what_to_declare() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"{PENALTY}\nloss L")
    assert [error.help for error in caught.value.errors] == ["declare `input lam[], mu[]`"]
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("y = x - mean(x)\nloss y")
    assert [error.help for error in caught.value.errors] == ["for example `L = sum(y)`"]


@pytest.mark.parametrize("text", [
    "L = 0.5*(sum((X@w - t)**2) + lam*(w@w))",
    "L = (mean((X@w - t)**2) + lam/2*sum(w*w))/2",
    "L = sum((X@w - t)**2) + 2*lam*sum(abs(w))",
])  # fmt: skip
@pytest.mark.parametrize(("declared", "help"), [
    ("", "declare `input lam[]`"),
    ("\nparam lam", "write `param lam[]` where it is declared"),
    ("\ninput u[3], lam", "write `input lam[]` where it is declared"),
])  # fmt: skip
def test_a_penalty_is_told_where_its_factor_is_to_be_declared(text: str, declared: str, help: str) -> None:
    text = f"input X[N, D], t[N]{declared}\nparam w[D]\n{text}"
    with pytest.warns(graphc.GraphcWarning) as caught:
        graphc.compile(text, verify=False)
    (warning,) = (each.message.diagnostic for each in caught if isinstance(each.message, graphc.GraphcWarning))
    assert (warning.code, warning.help) == ("W0203", help)


@pytest.mark.parametrize("text", [
    "h_0 = lam*sum(w); L_0 = sum(w)\nfor t in 0:N { h_{t+1} = h_{t}*1.01 + 1; L_{t+1} = L_{t} + h_{t+1} }\nL = L_N",
    "h_0 = w; L_0 = 0\nfor t in 0:N { h_{t+1} = tanh(h_{t}); L_{t+1} = L_{t} + lam*sum(h_{t+1}**2) }\nL = L_N",
])  # fmt: skip
def test_each_value_is_looked_at_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each term walked to the beginning of the loop: 4,000 steps took 49 s where they took 2.6."""
    looked = 0

    class Watched:
        def __init__(self, lowering: Lowering) -> None:
            self.builder, self.assigned, self.loss = self, lowering.assigned, lowering.loss
            self.declared, self.arguments = lowering.declared, lowering.arguments
            self.diagnostics = lowering.diagnostics
            self.op, self.type, self.get = lowering.builder.op, lowering.builder.type, lowering.builder.__getitem__

        def __getitem__(self, id: int) -> Node:
            nonlocal looked
            looked += 1
            return self.get(id)

    def watched(lowering: Lowering, outputs: dict[str, int]) -> None:
        check_open_loss(Watched(lowering), outputs)  # type: ignore[arg-type]

    monkeypatch.setattr("graphc.language.lowering.check_open_loss", watched)
    counts = []
    for steps in (50, 100):
        looked = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graphc.parse(text.replace("N", str(steps)))
        counts.append(looked)
    assert counts[0] > 50 and counts[1] < 2.2 * counts[0]


def test_sums_of_sums_are_looked_through_once() -> None:
    deep = "a_0 = sum(w)\nfor k in 0:200 { a_{k+1} = a_{k} + a_{k} }\nL = a_200 + lam*sum(w**2)"
    with pytest.warns(graphc.GraphcWarning, match="`L` is no loss"):
        graphc.compile(deep, verify=False)


def test_who_wants_a_result_is_asked_of_programs_that_have_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for in all expressions."""
    asked: list[object] = []
    monkeypatch.setattr(scope, "is_wanted", lambda body: bool(asked.append(body)))
    assert list(graphc.parse("input x[N, 4]; a, b = split(x, 2)").outputs) == ["a", "b"]
    assert not asked
    assert list(graphc.parse("input x[N, 4]; a, _ = split(x, 2)").outputs) == ["a"]
    assert len(asked) == 1


@pytest.mark.parametrize("loop", ["for k in 3:0 { z_{k} = x*k }", "for k in 0:3 { }"])
def test_a_loop_that_assigns_nothing_is_pointed_at(loop: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"param x[n]\n{loop}")
    (error,) = caught.value.errors
    assert (error.code, error.line, error.label) == ("E0217", 2, "this loop assigns nothing")
