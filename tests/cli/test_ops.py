"""`graphc ops`: the list, and one operation explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphc.explain.example import CALLS
from graphc.ops.table import lookup, names
from graphc.rules.table import rule_names

Run = Callable[..., Any]

NO_GRADIENT = {
    "all", "any", "arange", "argmax", "argmin", "ceil", "equal", "eye", "floor", "floor_divide", "full", "greater",
    "greater_equal", "less", "less_equal", "not_equal", "one_hot", "ones", "ones_like", "round", "sign",
    "stop_gradient", "zeros", "zeros_like",
}  # fmt: skip


def part(text: str, title: str) -> str:
    """What stands under a title."""
    _, _, rest = text.partition(f"\n{title}:\n")
    return rest.partition("\n\n" if title != "has in its backward" else "\0")[0]


def test_the_list_has_every_operation_once(graphc: Run) -> None:
    done = graphc("ops")
    assert (done.status, done.err) == (0, "")
    listed = [line.split("(")[0].strip() for line in done.out.splitlines() if line.startswith("  ")]
    assert sorted(name for name in listed if name in set(names())) == names()
    assert {"grad", "jvp", "shape"} <= set(listed)
    assert "mT" not in listed  # for rules only
    assert "\nreductions\n" in done.out


def test_every_line_says_what_the_operation_does(graphc: Run) -> None:
    for line in graphc("ops").out.splitlines():
        if line.startswith("  "):
            call, _, doc = line.strip().partition("  ")
            assert call.endswith(")") and doc.strip(), line
            assert len(line) <= 120


def test_one_with_its_rule_and_definition(graphc: Run) -> None:
    out = graphc("ops", "softmax").out
    assert out.startswith("softmax(x, axis=-1)\n")
    assert "rule softmax(x, *, axis) -> y {" in part(out, "rule") and "dx = g - y *" in part(out, "rule")
    assert "op softmax(x, *, axis=-1) {" in part(out, "definition")
    assert "derivations A1" in part(out, "source")
    assert "Y = softmax(x)" in part(out, "for example")
    assert "dx = " in part(out, "has in its backward")


def test_one_with_an_operator(graphc: Run) -> None:
    out = graphc("ops", "matmul").out
    assert "dA = dY @ mT(B);  dB = mT(A) @ dY" in part(out, "rule")
    assert "Y = A @ B" in part(out, "for example")
    assert "dA = dY @ B.T" in part(out, "has in its backward")


def test_remarks_on_kinks_stand_with_the_rule(graphc: Run) -> None:
    assert "# 0 at 0" in part(graphc("ops", "abs").out, "rule")
    assert "# At (0, 0)" in part(graphc("ops", "hypot").out, "rule")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("concatenate", "a builder in Python, in graphc/rules/python.py"),
        ("dot", "none of its own: a call becomes other operations"),
        ("reciprocal", "none of its own: the definition is differentiated"),
        ("eye", "none: it has no operand"),
    ],
)
def test_what_stands_in_for_a_rule(graphc: Run, name: str, said: str) -> None:
    assert said in part(graphc("ops", name).out, "rule")


def test_an_operation_for_rules_says_so(graphc: Run) -> None:
    done = graphc("ops", "mT")
    assert done.status == 0 and "programs do not call it" in done.out


def test_a_function_that_is_no_operation(graphc: Run) -> None:
    assert graphc("ops", "grad").out.startswith("grad(L, W)\n")


@pytest.mark.parametrize(("name", "said"), [
    ("sofmax", "did you mean `softmax`?"), ("xyzzy", "`graphc ops` lists"),
    ("cross_entropy", "write `softmax_ce(S, y)`"),
])  # fmt: skip
def test_an_unknown_name(graphc: Run, name: str, said: str) -> None:
    done = graphc("ops", name)
    assert (done.status, done.out) == (2, "")  # no program is wrong, the command line is
    assert said in done.err


@pytest.mark.parametrize("name", names(hidden=True))
def test_every_operation_can_be_explained(graphc: Run, name: str) -> None:
    done = graphc("ops", name)
    assert (done.status, done.err) == (0, "")
    op = lookup(name)
    assert op.doc or op.hidden
    assert all(word in done.out for word in op.doc.split())
    if name in rule_names():
        assert f"rule {name}(" in part(done.out, "rule")
    assert bool(part(done.out, "for example")) is not op.hidden
    assert bool(part(done.out, "has in its forward")) is not op.hidden
    assert bool(part(done.out, "has in its backward")) is not (name in NO_GRADIENT or op.hidden)
    if not op.hidden:
        assert part(done.out, "formula") and part(done.out, "source")


def test_what_a_call_becomes_is_shown_with_its_rules(graphc: Run) -> None:
    out = graphc("ops", "conv1d").out
    assert "    rule convolve(x, w, *, stride, dilation, groups) -> y {\n" in out
    assert "have theirs: `reshape`\n" in graphc("ops", "flatten").out


def test_every_example_is_of_an_operation() -> None:
    assert set(CALLS) <= set(names())
