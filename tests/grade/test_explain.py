"""Which gradient is the first wrong one, what is a consequence, and what is said about it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from graphc.grade.child import Answer, ask
from graphc.grade.explain import Verdict, compare, judge
from graphc.grade.grading import request_for
from graphc.grade.reference import Reference, read_source

PROGRAM = """\
input X[N, D], t[N, K]
param W[D, H], b[H], V[H, K]
Z = X@W + b
H = relu(Z)
L = 0.5*sum((H@V - t)**2)
loss L
"""
RIGHT = """\
import numpy as np
def backward(X, t, W, b, V):
    Z = X @ W + b
    H = np.maximum(Z, 0)
    dY = H @ V - t
    dV = H.T @ dY
    dH = dY @ V.T
    dZ = dH * (Z > 0)
    dW = X.T @ dZ
    db = dZ.sum(axis=0)
    return {"W": dW, "b": db, "V": dV}
"""


def judged(source: str, program: str = PROGRAM) -> Verdict:
    module = ModuleType("student")
    exec(compile(source, "student.py", "exec"), module.__dict__)
    reference = Reference(read_source(program))
    setting = reference.settings(0)[0]
    return judge(setting, ask(module, setting.data(), request_for(reference)))


def test_consequences_are_no_mistakes_of_their_own() -> None:
    verdict = judged(RIGHT.replace("(Z > 0)", "(Z < 0)"))
    (finding,) = verdict.findings
    assert finding.name == "Z"
    assert finding.line == 8
    assert finding.formula == "dH ⊙ 1{H > 0}"
    assert set(finding.explains) == {"W", "b"}
    assert {row.name: (row.verdict, row.follows) for row in verdict.rows} == {
        "W": ("wrong", True), "b": ("wrong", True), "V": ("right", False),
    }  # fmt: skip


def test_two_mistakes_are_both_found() -> None:
    verdict = judged(RIGHT.replace("(Z > 0)", "(Z < 0)").replace("dZ.sum(axis=0)", "dZ.mean(axis=0)"))
    assert [(f.name, f.kind) for f in verdict.findings] == [("Z", "mask"), ("b", "1/N")]


def test_one_upon_another_without_intermediate_values() -> None:
    hidden = RIGHT.replace("dZ", "q").replace("dH", "p").replace("dY", "o")
    verdict = judged(hidden.replace("o = H @ V - t", "o = 2 * (H @ V - t)").replace("(Z > 0)", "(Z < 0)"))
    assert [(f.kind) for f in verdict.findings] == ["factor 2", "mask"]


def test_another_convention_for_an_intermediate_value_is_no_mistake() -> None:
    other = RIGHT.replace("dY = H @ V - t", "dY = 2 * (H @ V - t)").replace("H.T @ dY", "H.T @ dY / 2")
    other = other.replace("dY @ V.T", "dY @ V.T / 2")
    assert judged(other).ok
    verdict = judged(other.replace("db = dZ.sum(axis=0)", "db = -dZ.sum(axis=0)"))
    assert [(f.name, f.kind) for f in verdict.findings] == [("b", "sign")]


def test_a_value_that_is_changed_in_place_was_right() -> None:
    in_place = RIGHT.replace("dZ = dH * (Z > 0)", "dZ = dH; dZ[Z <= 0] = 0")
    assert judged(in_place).ok
    verdict = judged(in_place.replace("X.T @ dZ", "-X.T @ dZ"))
    assert [(f.name, f.kind) for f in verdict.findings] == [("W", "sign")]


def test_a_wrong_forward_pass_is_no_mistake_of_the_backward_pass() -> None:
    source = RIGHT.replace("np.maximum(Z, 0)", "np.tanh(Z)").replace("def backward", "def value_and_grad")
    source = source.replace("return {", "return ((H @ V - t)**2).sum() / 2, {")
    verdict = judged(source)
    assert not verdict.ok
    assert verdict.findings[0].name == "H"
    assert verdict.findings[0].line == 4


@pytest.mark.parametrize(("loss", "clause"), [
    ("(a * a).mean()", ", as if a division by n too many stands there"),
    ("2 * (a * a).sum()", ", as if a factor 2 too many stands there"),
    ("(a**4).sum()", ""),
])  # fmt: skip
def test_a_loss_that_is_wrong_by_a_factor_says_by_which(loss: str, clause: str) -> None:
    source = f"def forward(a):\n    L = {loss}\n    return L, a\n\ndef backward(cache):\n    return {{'a': cache}}\n"
    finding = judged(source, "param a[n]\nL = sum(a*a)\nloss L\n").findings[0]
    assert finding.text == f"the value of `L` is wrong already, in the forward pass{clause}"


def test_gradients_of_one_another_are_noticed() -> None:
    program = "param a[n], b[n]\nL = sum(a*a*b)\nloss L\n"
    verdict = judged("def backward(a, b):\n    return {'a': a * a, 'b': 2 * a * b}\n", program)
    assert {f.kind for f in verdict.findings} == {"copy"}


def test_what_nobody_can_explain() -> None:
    verdict = judged(RIGHT.replace("db = dZ.sum(axis=0)", "db = np.arange(H.shape[1]) ** 0.3"))
    (finding,) = verdict.findings
    assert (finding.name, finding.kind) == ("b", None)
    assert finding.formula == "1ᵀ dZ"


def test_missing_unknown_and_strange_results() -> None:
    reference = Reference(read_source("param a[n], b[n]\nL = sum(a*b)\nloss L\n"))
    setting = reference.settings(0)[0]
    answer = Answer(gradients={"a": setting.gradient("a")}, unknown=["zz"])
    verdict = judge(setting, answer)
    assert [row.verdict for row in verdict.rows] == ["right", "missing"]
    assert not verdict.ok
    assert verdict.unknown == ["zz"]


def test_comparison() -> None:
    assert compare(np.ones(3), np.ones(3)) == (True, 0.0)
    assert not compare(np.ones((1, 3)), np.ones(3))[0]
    assert not compare(np.full(3, 1.001), np.ones(3))[0]
    assert compare(np.full(3, 1.0001, dtype=np.float32), np.ones(3))[0]
    assert not compare(np.full(3, np.nan), np.ones(3))[0]
    assert compare(np.empty((0, 3)), np.empty((0, 3)))[0]


def test_gradients_within_the_program_belong_to_its_forward_pass() -> None:
    program = "param x[n]\nL = sum(x**3)\ng = grad(L, x)\noutput g\n"
    reference = Reference(read_source(program))
    setting = reference.settings(0)[0]
    weights = setting.data()["dg"]
    right = {"x": 6 * setting.arguments["x"] * weights}
    assert judge(setting, Answer(gradients=right)).ok
    (finding,) = judge(setting, Answer(gradients={"x": -right["x"]})).findings
    assert finding.kind == "sign"


@pytest.mark.parametrize(
    ("spoils", "kind"), [("dY /= len(t)", "1/N"), ("dY = 2 * dY", "factor 2"), ("dY *= -1", "sign")]
)
def test_what_spoils_a_right_value_is_one_mistake(spoils: str, kind: str) -> None:
    verdict = judged(RIGHT.replace("    dV =", f"    {spoils}\n    dV ="), PROGRAM.replace("H@V - t", "Y - t").replace(
        "L = ", "Y = H@V\nL = "
    ))  # fmt: skip
    (finding,) = verdict.findings
    assert (finding.name, finding.line, finding.kind) == ("Y", 6, kind)
    assert set(finding.explains) == {"W", "b", "V"}
