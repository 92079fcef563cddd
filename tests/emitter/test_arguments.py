"""What is said of arguments that do not fit each other where their shapes are not declared."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import graphc
from ops.programs import array, compiled

A, B = np.ones((3, 4)), np.ones((2, 5))


@pytest.mark.parametrize("text", [
    "y = a + b", "y = where(a > 0, a, b)", "y = maximum(a, b)", "y = tanh(a) + exp(b)", "L = mse(a, b)",
    "z = a * 2; y = z / (1 + b**2)", "y = a * b + sum(a)", "y = arctan2(a, b)",
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_arguments_that_do_not_broadcast_are_named(text: str, level: int) -> None:
    net = graphc.load(text, level=level, verify=False)
    for b, axis, size, wanted in ((B, 0, 2, 3), (np.ones((1, 5)), 1, 5, 4), (np.ones(3), 0, 3, 4)):
        found = f"argument b: dimension {axis} is {size}, its shape is {b.shape}"
        said = re.escape(f"{found}; that of argument a there is {wanted}")
        with pytest.raises(ValueError, match=said):
            net.forward(A, b)
    net.forward(A, np.ones((3, 1)))
    net.forward(np.ones(4), np.ones((2, 1, 1)))


@pytest.mark.parametrize(("text", "arguments", "said"), [
    ("y = a + b + c", {"a": np.ones((3, 1)), "b": np.ones(4), "c": np.ones((2, 4))}, "argument c: dimension 0 is 2"),
    ("y = a + b; z = a * d", {"a": A, "b": A, "d": B}, "argument d: dimension 0 is 2"),
    ("y = X@W + Y@V", {"X": A, "W": A.T, "Y": np.ones((5, 4)), "V": A.T}, "of X is 3 and n4 of Y is 5"),
    ("input Z[N, 3]\ny = X@W + Z", {"Z": A[:, :3], "X": A, "W": A.T[:, :2]}, "n3 of W is 2 and the other is 3"),
    ("input Z[N, 3]\ny = X@W + Z", {"Z": B[:, :3], "X": A, "W": A.T}, "of X is 3 and N of Z is 2"),
])  # fmt: skip
def test_sizes_that_do_not_broadcast_are_named(text: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        graphc.load(text, verify=False).forward(**arguments)


def test_many_arguments_are_checked_in_linear_space() -> None:
    """A sum of more than that of them is NumPy's to refuse."""
    for count in (40, 400):
        text = f"y_0 = x_0\nfor k in 1:{count} {{ y_{{k}} = y_{{k-1}} + x_{{k}} }}\noutput y_{count - 1}"
        graph = graphc.parse(text)
        assert sum(map(len, graph.together)) <= 64
        assert len(graph.together) == 1


def test_of_several_demands_on_a_size_the_greatest_is_checked() -> None:
    text = graphc.compile("input X[T, D]\nh_0 = X[0]\nfor t in 1:9 { h_{t} = tanh(h_{t-1}) + X[t] }\noutput h_8")
    assert text.count("if T < ") == 1
    assert 'too_small("T of X", T, 9, "index 8")' in text


X, LABELS, W = np.ones((3, 4)), np.array([0, 1, 1]), np.ones((4, 2))
SCORES = "input X[N, D], y[N]: int\nparam W[D, C], b[]\nL = softmax_ce(X@W + b, y)"


@pytest.mark.parametrize(("given", "usual"), [
    ({}, True),
    ({"X": X.astype("f"), "W": W.astype("f"), "b": np.array(0.5, "f")}, True),
    ({"y": LABELS.astype("u1")}, True),
    ({"X": X.astype("f")}, False),
    ({"X": X.tolist()}, False),
    ({"X": X.astype(int)}, False),
    ({"b": 0.5}, True),
    ({"X": X.astype("f"), "W": W.astype("f"), "b": 0.5}, True),
    ({"X": X.astype("f"), "b": 0.5}, False),
    ({"X": X.tolist(), "b": 0.5}, False),
    ({"b": 1}, False),
    ({"b": np.float64(0.5)}, True),
    ({"b": np.float32(0.5)}, False),
    ({"b": np.int64(1)}, False),
    ({"y": LABELS.tolist()}, False),
    ({"X": X.astype("e"), "W": W.astype("e"), "b": np.array(0.5, "e")}, False),
    ({"X": np.ma.masked_array(X)}, False),
])  # fmt: skip
def test_arrays_of_one_type_need_no_loop_over_the_arguments(
    given: dict[str, Any], usual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = graphc.load(SCORES, verify=False)
    arrays, calls = net.arrays, []
    monkeypatch.setattr(net, "arrays", lambda *items: calls.append(items) or arrays(*items))
    arguments = {"X": X, "y": LABELS, "W": W, "b": np.array(0.5), **given}
    L, grads = net.value_and_grad(**arguments)
    assert len(calls) == (0 if usual and np.__version__[0] != "1" else 1)
    np.testing.assert_allclose(L, net.forward(X, LABELS, W, 0.5)[0], rtol=1e-3)
    assert grads["W"].dtype == arguments["W"].dtype


@pytest.mark.skipif(np.__version__[0] == "1", reason="-O2 needs NumPy 2")
def test_a_number_of_numpy_is_taken_by_a_workspace_as_the_array_is(monkeypatch: pytest.MonkeyPatch) -> None:
    net = graphc.load(SCORES, level=2, verify=False)
    for made, given in itertools.product((np.array(0.5), np.float64(0.5), 0.5), repeat=2):
        workspace = net.Workspace(X, LABELS, W, made)
        with monkeypatch.context() as patch:
            patch.setattr(net, "check", None)  # the usual case: there is nothing to check
            L, grads = net.value_and_grad(X, LABELS, W, given, workspace=workspace)
        wanted, others = net.value_and_grad(X, LABELS, W, np.array(0.5))
        np.testing.assert_allclose([L, grads["b"]], [wanted, others["b"]], atol=1e-12)
    with pytest.raises(ValueError, match="argument b is float32 of shape"):
        net.value_and_grad(X, LABELS, W, np.float32(0.5), workspace=workspace)


@pytest.mark.skipif(np.__version__[0] == "1", reason="-O2 needs NumPy 2")
def test_a_number_of_python_fits_a_workspace_of_float32() -> None:
    net = graphc.load(SCORES, level=2, verify=False)
    arguments = X.astype("f"), LABELS, W.astype("f")
    for made, given in itertools.product((np.array(0.5, "f"), np.float32(0.5), 0.5), repeat=2):
        _, grads = net.value_and_grad(*arguments, given, workspace=net.Workspace(*arguments, made))
        assert grads["b"].dtype == grads["W"].dtype == np.float32


@pytest.mark.parametrize("text", [
    "param x[N], a[], b[]\nL = sum(x) * a + b",
    "param x[N], a[], b[], c[]\nL = sum(x) * a + b * c",
    "param a[], b[]\nL = a * b",
    "param x[N], a[]\nL = sum(x) * a",
])  # fmt: skip
def test_numbers_get_the_types_that_they_get_among_others(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way past the loop over the arguments gives each argument the type and number that the loop gives it."""
    net = graphc.load(text, verify=False)
    kinds = [np.array(0.1, "f"), np.array(0.1), 0.1, np.float32(0.1), np.float64(0.1), 3, np.array(3)]
    names = net.PARAMETERS
    vectors = [np.ones(3, "f"), np.ones(3), [1.0, 2.0], np.ones(3, int)]
    for given in itertools.product(*(vectors if name == "x" else kinds for name in names)):
        *have, types = net.check(*given)
        with monkeypatch.context() as patch:
            patch.setattr(net, "number_as_array", lambda number, beside: number)
            *want, others = net.check(*given)
        assert types == others, given
        assert [(a.dtype, a.tolist()) for a in have] == [(a.dtype, a.tolist()) for a in want], given


@pytest.mark.parametrize("given", [
    {"X": X.astype(complex)}, {"X": X > 0, "W": [[1, "a"]]}, {"y": LABELS.astype(float)}, {"y": LABELS > 0},
])  # fmt: skip
def test_arrays_of_another_kind_are_refused(given: dict[str, Any]) -> None:
    net = graphc.load(SCORES, verify=False)
    with pytest.raises(ValueError, match=f"argument {list(given)[-1]} must be an array of"):
        net.forward(**{"X": X, "y": LABELS, "W": W, "b": np.array(0.5), **given})


def test_a_declared_type_is_given_to_the_argument() -> None:
    text = graphc.compile("input X[N]: float32\nparam w[N]\nL = sum(X * w)")
    assert "is np.ndarray" not in text
    net = graphc.load("input X[N]: float32\nparam w[N]\nL = sum(X * w)")
    assert net.value_and_grad(np.ones(3), np.ones(3))[1]["w"].dtype == np.float64


def test_a_long_condition_stands_on_several_lines() -> None:
    text = graphc.compile("y = " + " + ".join(f"argument_{k}" for k in range(30)), verify=False)
    lines = [line for line in text.splitlines() if ".dtype is" in line or "is type(" in line]
    assert len(lines) > 4
    assert max(map(len, lines)) <= 100
    net = graphc.load("y = " + " + ".join(f"argument_{k}" for k in range(30)), verify=False)
    assert net.forward(*[np.ones(2)] * 30)[0].tolist() == [30, 30]


def test_what_is_declared_of_a_type_is_taken_in_it_whatever_it_comes_in() -> None:
    net = graphc.load("input x[N]: float32\nparam w[N]: float32\nL = sum(x * w**2)\n")
    for given in (np.float32, np.float64, np.float16, np.int64, list):
        w = [1, 2] if given is list else np.array([1, 2], given)
        L, grads = net.value_and_grad(np.array([0.1, 0.2]), w)
        assert (L.dtype, grads["w"].dtype) == (np.float32, np.float32)
        np.testing.assert_array_equal(grads["w"], np.array([0.2, 0.8], np.float32))


def test_a_shape_that_is_compared_is_looked_at_once() -> None:
    """Its number of dimensions is part of it, and the message the same; of what shows sizes the number comes first."""
    text = "input X[N, D], t[N, 1], y[N]: int\nparam V[2*D, D//2], b[]\nL = sum(X * t) + sum(V) + b + softmax_ce(X, y)"
    source = graphc.compile(text, verify=False)
    check = source[source.index("def check") : source.index("def arrays")]
    assert check.count(".ndim") == 2, check  # of X and b
    net = compiled(text)
    right = {"X": array(3, 4), "t": array(3, 1), "y": np.zeros(3, int), "V": array(8, 2), "b": array()}
    net.value_and_grad(**right)
    for name, wrong, message in [
        ("X", array(3), r"must have shape \(N, D\), and its shape is \(3,\)"),
        ("t", array(3), r"must have shape \(N, 1\), and its shape is \(3,\)"),
        ("y", np.zeros((3, 1), int), r"must have shape \(N,\), and its shape is \(3, 1\)"),
        ("V", array(8), r"must have shape \(2\*D, D//2\), and its shape is \(8,\)"),
        ("b", array(1), r"must have shape \(\), and its shape is \(1,\)"),
        ("t", array(2, 1), r": dimension 0 must be N of X, which is 3, not 2"),
        ("V", array(8, 3), r": dimension 1 must be D//2 of X, which is 2, not 3"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"^argument {name}:? ?{message.removeprefix(': ')}"):
            net.value_and_grad(**{**right, name: wrong})


def test_floating_types_are_one_of_two() -> None:
    """What is in the other byte order, or of half or extended precision, is seen to."""
    net = compiled("param x[n]\nL = sum(x**2)")
    for dtype in (">f8", ">f4", "f2", "g", "i4"):
        _, grads = net.value_and_grad(np.arange(3).astype(dtype))
        np.testing.assert_array_equal(grads["x"], [0, 2, 4])


def test_what_is_asked_of_a_shape_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many arguments have it; and where all is declared nothing is looked for that a run would show."""
    from graphc.emitter.arguments import _ShapeChecks
    from graphc.emitter.open_shapes import OpenShapes

    asked: list[Any] = []
    difference = _ShapeChecks._difference
    monkeypatch.setattr(_ShapeChecks, "_difference", lambda *of: asked.append(of[1:]) or difference(*of))
    monkeypatch.setattr(OpenShapes, "_visit", lambda self, node: pytest.fail("every shape is known"))
    for layers in (4, 40):
        graphc.compile(
            f"input X[N, D]\nparam W_{{0:{layers}}}[D, D], b_{{0:{layers}}}[D]\nh_0 = X\n"
            f"for k in 0:{layers} {{ h_{{k+1}} = tanh(h_{{k}} @ W_{{k}} + b_{{k}}) }}\nL = sum(h_{layers})",
            verify=False,
        )
        assert len(asked) == 2
        asked.clear()
