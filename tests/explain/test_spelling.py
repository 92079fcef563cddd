"""The normal spelling: what is written parses to the same tree, and writing it again changes nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.explain.spelling import expression, statement_lines
from graphc.language import tree
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source, Span
from graphc.language.syntax import parse

STATEMENTS = [
    "Y = a - (b - c) - d",
    "Y = a / (b * c) % d // e",
    "Y = -x**2",
    "Y = (-x)**2",
    "Y = x**-y**z",
    "Y = (x**y)**z",
    "Y = -(a + b) * +c",
    "Y = (a < b) == (c >= d)",
    "Y = (a @ b).T @ c.T",
    "Y = (-a).T",
    "Y = (a + b)[0]",
    "Y = x[:, 1:3, ::-1, ..., none, i]",
    "Y = x[(1, 2)]",
    "Y = x[a:b + 1]",
    "Y = concatenate((a, b), axis=-1)",
    "Y = (a,)",
    "Y = [1, 2.5, 1e-3]",
    "Y = [[1, 0], [2, 1]]",
    'Y = einsum("ij,jk->ik", A, B)',
    "Y = f(true, false, none)",
    "a, b = split(x, 2)",
    "W <- W - eta * grad(L, W)",
    "z_{k + 1} = z_{k} + h_{l, t}",
    "input X[N, 2 * D], y[N]: int",
    "param W",
    "param a[], W_{0:3}[d, d]: float32",
    "const eta = 0.1",
    "output S, L",
    "loss L",
    'import "layers.g"',
    "import 'say \"hi\".g'",
    "def f(x, p=2) = x + p",
    "op scaled(x, *, by=1, to) = x * by",
]
BLOCKS = [
    "def layer(x, W) {\n    Z = x @ W\n    return Z, relu(Z)\n}",
    "op swish(x) {\n    s = sigmoid(x)\n    return x * s\n}",
    "rule swish(x, *, axis) -> y {\n    dx = dy * y\n}",
    "for k in 0:10:2 {\n    for j in 0:k {\n        h_{k, j} = x\n    }\n}",
]


def parsed(text: str) -> tuple[tree.Statement, ...]:
    diagnostics = Diagnostics()
    module = parse(Source(text), diagnostics)
    diagnostics.raise_if_errors()
    return module.statements


def written(statements: tuple[tree.Statement, ...]) -> str:
    return "\n".join(line for statement in statements for line in statement_lines(statement))


def bare(node: Any) -> Any:
    """A tree without its places."""
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return tuple(map(bare, node))
    if dataclasses.is_dataclass(node):
        return type(node).__name__, tuple(bare(getattr(node, field.name)) for field in dataclasses.fields(node))
    return node


@pytest.mark.parametrize("text", STATEMENTS + BLOCKS)
def test_the_normal_spelling_is_kept(text: str) -> None:
    assert written(parsed(text)) == text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Y=((a))+(b*c)", "Y = a + b * c"),
        ("Y = (a+b)+c", "Y = a + b + c"),
        ("Y = -(x**2)", "Y = -x**2"),
        ("Y = (f(x)).T", "Y = f(x).T"),
        ("Y = True", "Y = true"),
        ("def f(x) { return x }", "def f(x) = x"),
    ],
)
def test_other_spellings_become_it(text: str, normal: str) -> None:
    assert written(parsed(text)) == normal


def _expressions() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["x", "y", "2", "0.5", "z_{1}", "f()"])
    operators = ["+", "-", "*", "/", "//", "%", "@", "**", "<", "=="]

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(operators), inner).map(lambda p: f"({p[0]}){p[1]}({p[2]})"),
            inner.map(lambda e: f"-({e})"),
            inner.map(lambda e: f"({e}).T"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}, :]"),
            st.tuples(inner, inner).map(lambda p: f"f({p[0]}, k={p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}, {p[1]})"),
        )

    return st.recursive(leaves, extend, max_leaves=12)


@given(_expressions())
def test_what_is_written_is_the_same_tree(text: str) -> None:
    (statement,) = parsed(f"Y = {text}")
    assert isinstance(statement, tree.Assign)
    normal = expression(statement.value)
    (again,) = parsed(f"Y = {normal}")
    assert isinstance(again, tree.Assign)
    assert bare(again.value) == bare(statement.value)
    assert expression(again.value) == normal
    assert len(normal) <= len(text) + 4 * text.count(",") + 2 * sum(map(text.count, "+-*/%@<="))
