"""Losses: values and gradients against plain formulas, reductions, kinks, large numbers, labels, the text."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ops.programs import array, body, compiled, error_of, hold

REDUCTIONS: dict[str, Callable[[Any], Any]] = {"sum": np.sum, "mean": np.mean, "none": np.asarray}
LEVELS = (0, 1)


def _log_softmax(S: Any) -> Any:
    shifted = S - S.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _at_label(rows: Any, y: Any) -> Any:
    return np.take_along_axis(rows, np.asarray(y)[..., None], axis=-1)[..., 0]


def _svm(S: Any, y: Any, margin: float = 1) -> Any:
    margins = np.maximum(S - _at_label(S, y)[..., None] + margin, 0)
    return margins.sum(axis=-1) - max(margin, 0)


# ---------------------------------------------------------------- labels

LABELLED: dict[str, Callable[..., Any]] = {
    "softmax_ce(S, y{})": lambda S, y: -_at_label(_log_softmax(S), y),
    "svm_loss(S, y{})": _svm,
    "svm_loss(S, y, margin=0.4{})": lambda S, y: _svm(S, y, 0.4),
    "svm_loss(S, y, 0{})": lambda S, y: _svm(S, y, 0),
    "nll(S, y{})": lambda S, y: -_at_label(S, y),
}
SCORES = {
    "matrix": ("N, C", "N", (4, 3)),
    "one row": ("N, C", "N", (1, 3)),
    "one class": ("N, C", "N", (4, 1)),
    "vector": ("C", "", (3,)),
    "batch": ("B, T, C", "B, T", (2, 3, 4)),
    "no row": ("N, C", "N", (0, 3)),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("loss", LABELLED)
def test_of_labels(loss: str, scores: str, reduction: str) -> None:
    dims, labels, shape = SCORES[scores]
    if reduction == "mean" and not shape[0]:
        return
    S = array(*shape)
    y = np.random.default_rng(5).integers(0, shape[-1], shape[:-1])
    text = f"param S[{dims}]\ninput y[{labels}]: int\n" + "l = " + loss.format(f', reduction="{reduction}"')
    hold(text, {"S": S, "y": y}, lambda S, y: REDUCTIONS[reduction](LABELLED[loss](S, y)), gradient=S.size > 0)


@pytest.mark.parametrize("loss", ["softmax_ce", "svm_loss", "nll"])
def test_undeclared_scores_are_a_matrix_and_labels_integers(loss: str) -> None:
    y = np.array([0, 2, 1, 2])
    hold(f"Z = X@W\nl = {loss}(Z, y)", {"X": array(4, 2), "W": array(2, 3), "y": y})
    hold(f"l = {loss}(S, y)", {"S": array(4, 3), "y": y})


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dims", ["N, C", "C", "B, T, C"])
def test_rows_of_probabilities(dims: str, reduction: str) -> None:
    """They need not have the sum 1, and have a gradient themselves."""
    shape = (2, 3, 4)[3 - len(dims.split(",")) :]
    hold(
        f'param S[{dims}], q[{dims}]\nl = softmax_ce(S, q, reduction="{reduction}")',
        {"S": array(*shape), "q": np.abs(array(*shape, seed=1))},
        lambda S, q: REDUCTIONS[reduction](-(q * _log_softmax(S)).sum(axis=-1)),
    )


def test_labels_in_the_program() -> None:
    hold("param S[3, 4]\nL = softmax_ce(S, [3, 0, 1])", {"S": array(3, 4)},
         lambda S: -_log_softmax(S)[[0, 1, 2], [3, 0, 1]].sum())  # fmt: skip
    hold("param S[N, C]\nL = svm_loss(S, argmax(S, axis=1))", {"S": array(3, 4)},
         lambda S: _svm(S, S.argmax(axis=1)).sum())  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("loss", ["softmax_ce", "svm_loss", "nll"])
@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_labels_out_of_range(loss: str, labels: list[int], level: int) -> None:
    module = compiled(f"param S[N, C]\ninput y[N]: int\nL = {loss}(S, y)", level)
    with pytest.raises(ValueError, match="argument y must hold integers from 0 to 2"):
        module.forward(S=np.zeros((2, 3)), y=np.array(labels))


@pytest.mark.parametrize("level", LEVELS)
def test_computed_labels_out_of_range(level: int) -> None:
    module = compiled("param S[N, C], T[N, K]\nL = softmax_ce(S, argmax(T, axis=1))", level)
    with pytest.raises(ValueError, match=r"argmax\(T, axis=1\) must hold integers from 0 to 1, not 2"):
        module.forward(S=np.zeros((2, 2)), T=np.array([[0.0, 0, 1], [1, 0, 0]]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input S[N, C], y[N]\nL = softmax_ce(S, y)", "declare `input y[N]: int`"),
        ("input S[N, C], y[N]: bool\nL = svm_loss(S, y)", "labels must be integers"),
        ("input S[N, N]\nL = svm_loss(S, arange(N) / 2)", "labels must be integers"),
        ("input S[N, N]\nL = softmax_ce(S, arange(N) + 0.5)", "labels must be integers"),
        ("input S[N, C], y[M]: int\nL = softmax_ce(S, y)", "labels of shape (M,) do not fit scores of shape (N, C)"),
        ("input S[N, C], y[N, C]: int\nL = nll(S, y)", "one label per row is wanted: shape (N,)"),
        ("input S[N, C], q[N, K]\nL = softmax_ce(S, q)", "probabilities of shape (N, K) do not fit"),
        ("input S[], y[]: int\nL = softmax_ce(S, y)", "scores need an axis of classes"),
        ("input S[2, 3]\nL = softmax_ce(S, [0, 3])", "label 3 is not one of the classes 0…2"),
        ("input S[2, C]\nL = softmax_ce(S, [0, -1])", "label -1 is not one of the classes"),
        ("input S[2, C]\nL = softmax_ce(S, [0.5, 1])", "labels must be integers"),
        ('input S[N, C], y[N]: int\nL = softmax_ce(S, y, reduction="avg")', '"sum", "mean" or "none"'),
        ("input S[N, C], y[N]: int, m[]\nL = svm_loss(S, y, m)", "known at compile time"),
        ("input a[N], b[N]\nL = huber(a, b, delta=0)", "`delta` is positive"),
        ("input a[N], b[M]\nL = mse(a, b)", "N and M differ"),
    ],
)
def test_errors(text: str, said: str) -> None:
    assert said in error_of(text)


def test_a_label_of_the_program_needs_its_class_at_run_time() -> None:
    module = compiled("param S[N, C]\nL = softmax_ce(S[0:1], [3])")
    with pytest.raises(ValueError, match="label 3"):
        module.forward(S=np.zeros((2, 3)))


# ---------------------------------------------------------------- entries

ENTRIES: dict[str, Callable[..., Any]] = {
    "mse(a, b{})": lambda a, b: (a - b) ** 2,
    "mae(a, b{})": lambda a, b: np.abs(a - b),
    "huber(a, b{})": lambda a, b: np.where(np.abs(a - b) < 1, (a - b) ** 2 / 2, np.abs(a - b) - 0.5),
    "huber(a, b, delta=0.3{})": lambda a, b: np.where(
        np.abs(a - b) < 0.3, (a - b) ** 2 / 2, 0.3 * (np.abs(a - b) - 0.15)
    ),
    "bce(sigmoid(a), b{})": lambda a, b: b * np.log1p(np.exp(-a)) + (1 - b) * np.log1p(np.exp(a)),
    "bce_with_logits(a, b{})": lambda a, b: np.log1p(np.exp(a)) - a * b,
    "hinge(a, b{})": lambda a, b: np.maximum(1 - a * b, 0),
    "kl_div(a, abs(b){})": lambda a, b: np.abs(b) * (np.log(np.abs(b)) - a),
}
SHAPES = {"same": ("N, D", "N, D"), "row": ("N, D", "D"), "both ways": ("N, 1", "1, D"), "numbers": ("", "")}
SIZES = {"N": 3, "D": 4, "1": 1}


def _sized(dims: str, seed: int) -> Any:
    return array(*[SIZES[d] for d in dims.split(", ") if d], seed=seed)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("loss", ENTRIES)
def test_of_entries(loss: str, shapes: str, reduction: str) -> None:
    a, b = SHAPES[shapes]
    text = f"param a[{a}], b[{b}]\n" + "l = " + loss.format(f', reduction="{reduction}"')
    hold(text, {"a": _sized(a, 1), "b": _sized(b, 2)}, lambda a, b: REDUCTIONS[reduction](ENTRIES[loss](a, b)))


@pytest.mark.parametrize("loss", ENTRIES)
def test_undeclared_entries(loss: str) -> None:
    hold("l = " + loss.format(""), {"a": array(2, 3), "b": array(3, seed=4)}, lambda a, b: ENTRIES[loss](a, b).sum())


# ---------------------------------------------------------------- kinks and large numbers


def _gradients(text: str, level: int = 1, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """The value and the gradients; no warning may be raised on the way, and no float64 made of float32."""
    module = compiled(text, level)
    results = []
    for kind in (np.float32, np.float64):
        given = {k: np.asarray(v, kind) if np.asarray(v).dtype.kind == "f" else v for k, v in arguments.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, gradients = module.value_and_grad(**given)
        assert all(g.dtype == kind for g in gradients.values()) and value.dtype == kind
        results.append((value, gradients))
    single, double = results
    np.testing.assert_allclose(single[0], double[0], rtol=1e-5)
    return double


ENTRY = "param a[N], b[N]\nL = "


@pytest.mark.parametrize("level", LEVELS)
def test_large_scores(level: int) -> None:
    text = "param S[N, C]\ninput y[N]: int\nL = {}(S, y)"
    S, y = np.array([[1000.0, -1000, 0], [-1000, 1000, 1000]]), np.array([0, 0])
    value, gradients = _gradients(text.format("softmax_ce"), level, S=S, y=y)
    assert value == pytest.approx(2000 + np.log(2), rel=1e-14)
    np.testing.assert_allclose(gradients["S"], [[0, 0, 0], [-1, 0.5, 0.5]], atol=1e-15)
    value, gradients = _gradients(text.format("svm_loss"), level, S=S, y=y)
    assert value == 4002
    np.testing.assert_array_equal(gradients["S"], [[0, 0, 0], [-2, 1, 1]])


@pytest.mark.parametrize("level", LEVELS)
def test_a_margin_of_zero_has_no_derivative(level: int) -> None:
    _, gradients = _gradients("param S[N, C]\ninput y[N]: int\nL = svm_loss(S, y)", level,
                              S=np.array([[2.0, 1, 3]]), y=np.array([0]))  # fmt: skip
    np.testing.assert_array_equal(gradients["S"], [[-1, 0, 1]])


def test_a_small_violation_keeps_its_digits() -> None:
    """The margin of the label is not added and taken away again."""
    module = compiled("param S[N, C]\ninput y[N]: int\nL = svm_loss(S, y)")
    assert module.forward(S=np.array([[1.0, 2**-40]]), y=np.array([0]))[0] == 2**-40


@pytest.mark.parametrize("level", LEVELS)
def test_large_logits(level: int) -> None:
    z, t = np.array([1000.0, -1000, 0, 1000, -1000]), np.array([1, 0, 0.5, 0, 1])
    value, gradients = _gradients(ENTRY + "bce_with_logits(a, b)", level, a=z, b=t)
    assert value == pytest.approx(2000 + np.log(2))
    np.testing.assert_array_equal(gradients["a"], [0, 0, 0, 1, -1])
    np.testing.assert_array_equal(gradients["b"], -z)


@pytest.mark.parametrize("level", LEVELS)
def test_certain_probabilities(level: int) -> None:
    """As in PyTorch: a logarithm is at least -100, and p (1 - p) in the derivative at least 1e-12."""
    p, t = np.array([0.0, 1, 0, 1, 0.5]), np.array([0, 1, 1, 0, 0.5])
    value, gradients = _gradients(ENTRY + "bce(a, b)", level, a=p, b=t)
    assert value == pytest.approx(200 + np.log(2))
    np.testing.assert_allclose(gradients["a"], [0, 0, -1e12, 1e12, 0])
    np.testing.assert_allclose(gradients["b"], [100, -100, 100, -100, 0], atol=1e-13)


@pytest.mark.parametrize("level", LEVELS)
def test_divergence_where_a_probability_is_zero(level: int) -> None:
    value, gradients = _gradients(ENTRY + "kl_div(a, b)", level, a=np.array([-1000.0, -3, -1]), b=np.array([0, 0.5, 1]))
    assert value == pytest.approx(0.5 * (np.log(0.5) + 3) + 1)
    np.testing.assert_allclose(gradients["a"], [0, -0.5, -1])
    np.testing.assert_allclose(gradients["b"], [0, 1 + np.log(0.5) + 3, 2])


@pytest.mark.parametrize("level", LEVELS)
def test_kinks(level: int) -> None:
    _, gradients = _gradients(ENTRY + "mae(a, b)", level, a=np.array([1000.0, 1, -1]), b=np.array([0, 1.0, 0]))
    np.testing.assert_array_equal(gradients["a"], [1, 0, -1])
    _, gradients = _gradients(ENTRY + "huber(a, b)", level, a=np.array([1000.0, 1, -1, 0, 0.5]), b=np.zeros(5))
    np.testing.assert_array_equal(gradients["a"], [1, 1, -1, 0, 0.5])
    _, gradients = _gradients(ENTRY + "hinge(a, b)", level, a=np.array([1000.0, 1, -1, 0]), b=np.array([-1.0, 1, 1, 1]))
    np.testing.assert_array_equal(gradients["a"], [1, 0, -1, -1])


# ---------------------------------------------------------------- second order


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("loss", [
    "softmax_ce(S, y)", 'sum(softmax_ce(S, y, reduction="none")**2)', "softmax_ce(S, q)", "bce_with_logits(S, q)",
    "svm_loss(S*S, y)", "huber(S*S, q, delta=3)", "kl_div(S*S, q)", "bce(sigmoid(S), q)",
])  # fmt: skip
def test_second_order(loss: str, level: int) -> None:
    uses = [n for n in ("q", "y") if f" {n}" in loss]
    declared = {"q": "input q[N, C]\n", "y": "input y[N]: int\n"}
    text = "param S[N, C]\ninput v[N, C]\n" + "".join(declared[n] for n in uses)
    text += f"L = {loss}\nM = sum(v * grad(L, S))\noutput M\nloss M"
    arguments = {"S": array(3, 4), "v": array(3, 4, seed=1)}
    arguments |= {"q": np.abs(array(3, 4, seed=2))} if "q" in uses else {}
    arguments |= {"y": np.array([0, 3, 1])} if "y" in uses else {}
    hold(text, arguments, levels=(level,), single=level > 0)


# ---------------------------------------------------------------- what they read like

NET = "input X[N, D], y[N]: int\nparam W[D, C]\nS = X@W\nL = {}"


def test_softmax_ce_reads_as_one_writes_it() -> None:
    assert body(NET.format("softmax_ce(S, y)"))[2:-1] == [
        "S = X @ W",
        "shifted = S - S.max(axis=1, keepdims=True)",
        "e = np.exp(shifted)",
        "total = e.sum(axis=1, keepdims=True)",
        "P = np.divide(e, total, out=e)",
        "L = (np.log(total).squeeze(axis=1) - shifted[np.arange(N), y]).sum()",
    ]
    assert body(NET.format('softmax_ce(S, y, reduction="mean")'), "backward")[-6:-2] == [
        "dS = P.copy()", "dS[np.arange(N), y] -= 1", "dS *= dL / N", "dW = X.T @ dS",
    ]  # fmt: skip


def test_svm_loss_reads_as_one_writes_it() -> None:
    forward = body(NET.format("svm_loss(S, y)"))
    assert "margins[np.arange(N), y] = 0" in forward
    backward = body(NET.format("svm_loss(S, y)"), "backward")
    assert "dS[np.arange(N), y] = -dS.sum(axis=1)" in backward  # it is 0 there
    assert backward[-3:-2] == ["dW = X.T @ dS"]


def test_mse_reads_as_one_writes_it() -> None:
    backward = body("input T[N, C], X[N, D]\nparam W[D, C]\nY = X@W\nL = mse(Y, T)", "backward")
    assert backward[-4:-2] == ["dY = 2 * dL * difference", "dW = X.T @ dY"]
