"""Expressions of constants alone: what is not finite is an error where it stands."""

from __future__ import annotations

import pytest

import graphc


@pytest.mark.parametrize("expression", ["log(0)", "exp(1000)", "sqrt(-1)", "arctanh(1)", "2 * exp(1000)", "[1, 2] / 0"])
def test_what_is_not_finite_is_an_error(expression: str) -> None:
    with pytest.raises(graphc.GraphcError, match="a constant expression is not finite") as caught:
        graphc.compile(f"const c = {expression}\nY = x * c")
    assert caught.value.line == 1
    with pytest.raises(graphc.GraphcError, match="a constant expression is not finite"):
        graphc.compile(f"Y = x * ({expression})")


def test_functions_of_constants_are_constants() -> None:
    net = graphc.load("const c = sqrt(log(exp(4)))\nY = x * c * [1, 2]")
    assert net.forward([1.0, 1.0])[0].tolist() == [2.0, 4.0]


def test_numbers_that_meet_in_a_product_stay_within_their_range() -> None:
    net = graphc.load("Y = x * 1e308 * 10")
    assert abs(net.forward(1e-5)[0] / 1e304 - 1) <= 1e-12
    net = graphc.load("Y = x / 1e200 / 1e200")
    assert abs(net.forward(1e300)[0] / 1e-100 - 1) <= 1e-12


def test_a_constant_is_not_assigned() -> None:
    with pytest.raises(graphc.GraphcError, match="`n` is a constant and assigned") as caught:
        graphc.compile("const n = 3\nY = x * n\nn = x")
    assert (caught.value.line, caught.value.column) == (3, 1)


def test_a_constant_does_not_depend_on_an_argument() -> None:
    with pytest.raises(graphc.GraphcError, match="known at compile time, and `x` is an argument") as caught:
        graphc.compile("const c = 2 * x\nY = x * c")
    assert (caught.value.line, caught.value.column) == (1, 15)
    net = graphc.load("const s = 1/shape(x)[0]\nY = x * s\n")
    assert net.forward([2.0, 4.0])[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("constant", "errors"),
    [
        ("[[1, x], [y, 2]]", [(16, "`x` is an argument"), (21, "`y` is an argument")]),
        ("[1, x, x, y]", [(15, "`x` is an argument"), (21, "`y` is an argument")]),
        ("x + 2 * y", [(11, "`x` is an argument"), (19, "`y` is an argument")]),
        ("[foo(x), bar(y)]", [(12, "the name `foo`"), (20, "the name `bar`")]),
        ("[1, N]", [(15, "the size N is known at run time only")]),
        ("[[1, N], [2*N, N]]", [(16, "the size N is"), (21, "the size 2*N is")]),
        ("ones(shape(x))", [(11, "`x` is an argument")]),
    ],
)
def test_each_part_that_is_no_constant_is_reported_at_its_place(
    constant: str, errors: list[tuple[int, str]]
) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"const M = {constant}\ninput a[N]\nL = sum(M) * sum(a)")
    found = caught.value.errors
    assert [(1, column) for column, _ in errors] == [(e.line, e.column) for e in found]
    assert [part for (_, part), e in zip(errors, found, strict=True) if part not in e.message] == []


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("input x[3]\nconst M = [1, shape(x)[0]]\nL = sum(x) * sum(M)", 24),
        ("const M = [1, shape(x)[0]]\nconst n = 3\ninput x[n]\nL = sum(x) * sum(M)", 24),
        ("input x[3]\nconst n = shape(x)[0]\nconst k = [n, 2*n]\nL = sum(x) * sum(k)", 54),
        ("const M = [1, shape(x)[0]]\nL = sum(x) * sum(M)", 24),
        ("input x[N]\nconst n = shape(x)[0]\nL = sum(x) * n", 18),
        ("param W_{0:2}[3]\nconst n = shape(W_{1})[0]\nL = sum(W_0) * n + 0*sum(W_1)", 18),
        ("param W_1[3]\nconst n = shape(W_{1})[0]\nL = sum(W_1) * n", 18),
        ("input x[3]\nconst n = shape(x)[0]\nfor k in 0:n { a_{k} = x[k] }\nL = a_0 + a_1 + a_2", 6),
        ("const x_1 = 2\nconst n = x_1 + 1\ninput x[n]\nL = sum(x) * n", 18),
    ],
)
def test_sizes_of_arguments_stand_in_constants(program: str, value: float) -> None:
    """A declared argument is one argument, also where a constant above its declaration asks for its shape."""
    net = graphc.load(program)
    x = [1.0, 2.0, 3.0]
    assert net.forward(*[x] * (len(net.INPUTS) + len(net.PARAMETERS)))[0] == value


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("input x[3]; const M = shape(x)[0]; input y[M]; L = sum(x) * sum(y)", "`M` is a size in a declaration"),
        ("const M = shape(x)[0]; input x[M]; L = sum(x) * M", "`M` is a size in a declaration"),
        ("input x[3]; const M = c*shape(x)[0]; const c = 2.5; L = sum(x) * M", "`c` is used before the statement"),
        ("input x[N]; const M = [1, shape(x)[0]]; L = sum(x) * sum(M)", "the size N is known at run time only"),
    ],
)
def test_a_constant_that_knows_a_shape_is_no_size_of_a_declaration(program: str, message: str) -> None:
    with pytest.raises(graphc.GraphcError, match=message):
        graphc.compile(program)
