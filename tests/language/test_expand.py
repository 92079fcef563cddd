"""What the definition of an operation with a rule of its own asks of its operands: the module checks it as well."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from ops.programs import compiled, hold

THIRD = """\
op third(x) = x[2] * 2
rule third(x) -> y { dx = 2 * dy * one_hot(2, shape(x)[0]) }
"""
LOSSES = """\
op losses(S, y) = nll(S, y, reduction="none")
rule losses(S, y) -> l { dS = -one_hot(y, shape(S)[1]) * expand_dims(dl, axis=-1);  dy = none }
"""


@pytest.mark.parametrize("level", [0, 1, 2])
def test_sizes(level: int) -> None:
    module = compiled(f"{THIRD}param x[N]\ny = third(x)", level)
    assert module.forward(np.arange(3.0))[0] == 4
    with pytest.raises(ValueError, match="dimension N of x is 2, but index 2 needs at least 3"):
        module.forward(np.arange(2.0))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("operation", ["losses", "twice"])
def test_labels(level: int, operation: str) -> None:
    """Also in an operation that uses another one."""
    rule = "rule twice(S, y) -> l { dS = 2 * vjp(losses(S, y), S, dl);  dy = none }"
    twice = f"op twice(S, y) = 2 * losses(S, y)\n{rule}\n"
    text = f"{LOSSES}{twice if operation == 'twice' else ''}param S[N, C]\ninput y[N]: int\nL = sum({operation}(S, y))"
    module = compiled(text, level)
    assert module.forward(np.eye(3), np.arange(3))[0] == (-3 if operation == "losses" else -6)
    for label in (-1, 3):
        with pytest.raises(ValueError, match=f"argument y must hold integers from 0 to 2, not {label}"):
            module.forward(np.eye(3), np.array([0, label, 1]))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_labels_that_are_computed(level: int) -> None:
    module = compiled(f"{LOSSES}param S[N, C]\ninput k[N]: int\nL = sum(losses(S, k * 2))", level)
    assert module.forward(np.eye(3), np.array([0, 1, 1]))[0] == -2
    with pytest.raises(ValueError, match="must hold integers from 0 to 2, not 4"):
        module.forward(np.eye(3), np.array([0, 1, 2]))


def test_a_variance_of_too_few() -> None:
    """NumPy divides by nothing, which is nan."""
    with pytest.warns(RuntimeWarning):
        assert np.isnan(compiled("param x[N]\nv = var(x, ddof=1)").forward(np.zeros(0))[0])
    with pytest.warns(RuntimeWarning):
        assert np.isnan(compiled("v = var(x, axis=0, ddof=2)").forward(np.zeros(1))[0])
    hold("param x[N]\nv = std(x, ddof=1)", {"x": np.array([1.0, 3.0])}, lambda x: np.std(x, ddof=1))


@pytest.mark.parametrize("rules", [
    "rule f(x) -> y { dx = vjp(y, x, dy) }",
    "rule f(x) -> y { dx = dy * grad(sum(f(x)), x) }",
    "rule f(x) -> y { dx = dy * grad(sum(g(x)), x) }; op g(x) = x*x; rule g(x) -> y { dx = vjp(f(x), x, dy) }",
])  # fmt: skip
def test_a_rule_that_differentiates_its_own_operation_has_no_end(rules: str) -> None:
    for result in ("f(x)", "2*x"):  # an unused rule is checked as well
        with pytest.raises(graphc.GraphcError, match=r"the rule of `[fg]` differentiates `[fg]` itself"):
            graphc.compile(f"op f(x) = x*x\n{rules}\nparam x[N]\ny = {result}")


def test_with_other_arguments_it_has_no_end_either() -> None:
    rule = "op p(x, *, n) = x**n\nrule p(x, *, n) -> y { dx = vjp(p(x, n=n+1), x, dy) }"
    program = f"{rule}\nparam x[N]\nL = sum(p(x, n=2))"
    with pytest.raises(graphc.GraphcError, match="the rule of `p` differentiates `p` itself"):
        graphc.compile(program)
