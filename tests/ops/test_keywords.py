"""Arguments by name: an operation's own names, and those that NumPy and PyTorch have for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ops.table import lookup, names
from ops.cases import cases, language
from ops.running import Program

LEFT_OUT = {
    "out", "dtype", "where", "initial", "casting", "order", "subok", "signature", "like", "mode", "copy", "device",
    "promote", "kwargs", "optimize", "hermitian", "rcond", "rtol", "axis1", "axis2", "mean", "upper",
}  # fmt: skip
"""What NumPy's functions take besides and we do not: types, memory, other algorithms."""


def _numpy(name: str) -> Callable[..., Any] | None:
    function = getattr(np, name, None) or getattr(np.linalg, name, None)
    return None if isinstance(function, np.ufunc) else function  # their arrays have no names


def _named_by_numpy() -> Iterator[tuple[str, str]]:
    for name in names():
        function = _numpy(name)
        try:
            parameters = inspect.signature(function).parameters if function is not None else {}
        except ValueError:  # a function in C without a signature
            continue
        known = {*lookup(name).operands, *lookup(name).attributes}
        for parameter in parameters.values():
            by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            other_shape = parameter.name == "shape" and name.endswith("_like")
            if by_name and not other_shape and (parameter.name in known or parameter.name not in LEFT_OUT):
                yield name, parameter.name


@pytest.mark.parametrize(("name", "keyword"), list(_named_by_numpy()))
def test_numpy_s_own_keywords_are_taken(name: str, keyword: str) -> None:
    op = lookup(name)
    known = {*(operand.lstrip("*") for operand in op.operands), *op.attributes, *op.aliases}
    assert keyword in known, f"`{name}` has no argument `{keyword}`"


CALLS = {  # where no generated case is a call with the operation's arguments alone
    "broadcast_to": ("y = broadcast_to(x[0], (4, 3))", "y = broadcast_to(array=x[0], shape=(4, 3))"),
    "conv1d": ("y = conv1d(x[None], x[None])", "y = conv1d(input=x[None], weight=x[None], bias=none)"),
    "conv2d": ("y = conv2d(x[None, None], x[None, None])", "y = conv2d(input=x[None, None], weight=x[None, None])"),
    "conv_transpose2d": ("y = conv_transpose2d(x[None, None], x[None, None])",
                         "y = conv_transpose2d(input=x[None, None], weight=x[None, None], bias=none)"),
    "eye": ("y = eye(3, 2) @ x[:2]", "y = eye(N=3, M=2) @ x[:2]"),
    "full": ("y = full((2, 3), 1.5) * x[0]", "y = full(shape=(2, 3), fill_value=1.5) * x[0]"),
    "group_norm": ("y = group_norm(x, 1, x[0])", "y = group_norm(input=x, num_groups=1, weight=x[0])"),
    "reshape": ("y = reshape(x, (1, 9))", "y = reshape(a=x, newshape=(1, 9))"),
    "slogdet": ("s, y = slogdet(x)", "s, y = slogdet(a=x)"),
    "stack": ("y = stack([x, x], 1)", "y = stack(arrays=[x, x], axis=1)"),
    "split": ("a, b, c = split(x, 3, 1)", "a, b, c = split(ary=x, indices_or_sections=3, axis=1)"),
}


@pytest.mark.parametrize("name", [name for name in names() if lookup(name).aliases])
def test_another_name_means_the_same(name: str) -> None:
    """A call with keywords alone, once with the operation's names and once with the others."""
    op = lookup(name)
    own = {own: other for other, own in op.aliases.items()}
    assert set(own) <= {*(operand.lstrip("*") for operand in op.operands), *op.attributes}
    assert not set(op.aliases) & {*op.operands, *op.attributes}
    if name in CALLS:
        declared, x = "input x[3, 3]\n", {"x": np.arange(9.0).reshape(3, 3) ** 2}
        _same(*(Program(declared + text, x) for text in CALLS[name]))
        return
    checked = 0
    for case in cases(name):
        if any(0 in np.shape(value) for value in case.arguments.values()):
            continue  # whose mean is nan, with a warning
        if checked == 4 or not set(case.arguments) <= set(op.operands) or case.body.count("(") != 1 or case.reference:
            continue
        given = {**{n: n for n in case.arguments}, **{n: language(value) for n, value in case.attributes.items()}}
        declared = case.text().removesuffix(case.body + "\n")
        plain, other = (
            Program(f"{declared}result = {name}({', '.join(f'{table.get(n, n)}={given[n]}' for n in given)})\n",
                    case.arguments)
            for table in ({}, own)
        )  # fmt: skip
        _same(plain, other)
        checked += 1
    assert checked, "no case of the operation is a call with its own arguments alone"


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        ("concatenate([x, 2*x], 1)", "concatenate(xs=[x, 2*x], axis=1)"),
        ("stack((x, 2*x))", "stack(xs=(x, 2*x))"),
        ('einsum("ij,jk->ik", x, 2*x)', 'einsum("ij,jk->ik", xs=[x, 2*x])'),
        ('einsum("ij->ji", x)', 'einsum(xs=x, subscripts="ij->ji")'),
    ],
)
def test_a_list_of_arrays_has_a_name_too(plain: str, named: str) -> None:
    """It is what `graphc ops` calls them."""
    x = {"x": np.arange(9.0).reshape(3, 3)}
    _same(*(Program(f"param x[3, 3]\ny = {call}", x) for call in (plain, named)))


def _same(plain: Program, other: Program) -> None:
    assert plain.outputs.keys() == other.outputs.keys()
    for have, want in ((other.outputs, plain.outputs), (other.gradients, plain.gradients)):
        assert all(np.array_equal(have[name], value) for name, value in want.items())


def test_an_argument_is_given_once() -> None:
    with pytest.raises(graphc.GraphcError, match="`lo` is given twice"):
        graphc.parse("y = clip(x, lo=0, a_min=1)")
    for call in ("concatenate([x], xs=[x])", "stack(xs=[x], arrays=[x])"):
        with pytest.raises(graphc.GraphcError, match="`xs` is given twice"):
            graphc.parse(f"param x[2]\ny = {call}")
    with pytest.raises(graphc.GraphcError, match="`axis` is given twice"):
        graphc.parse("y = softmax(x, 0, dim=1)")
