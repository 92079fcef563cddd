"""Programs that are large in one way: refused with the reason, or compiled, in time that grows with their length."""

from __future__ import annotations

import pytest

import graphc
from graphc.ir.types import MAX_RANK
from graphc.language import lowering, results
from graphc.language.budget import Budget
from graphc.language.diagnostics import render
from graphc.language.diagnostics_json import as_json
from graphc.language.parser import MOST_ERRORS

LONG = 8_000


def compiled(text: str) -> str:
    return graphc.compile(text, verify=False)


@pytest.mark.parametrize(
    "text",
    [
        f"param W[{'+'.join(['N'] * LONG)}]\ny = sum(W)\n",
        f"op f(x, *, a={'+'.join(['1'] * LONG)}) = x*a\nrule f(x, *, a) -> y {{ dx = dy*a }}\ny = f(x)\n",
        f"const a = {'+'.join(['1'] * LONG)}\ny = x*a\n",
        f"z_{{{'+'.join(['1'] * LONG)}}} = x\n",
    ],
    ids=["dimension", "default", "constant", "subscript"],
)
def test_a_long_chain_is_not_nested(text: str) -> None:
    assert "def forward(" in compiled(text)


def test_many_outputs_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert results.MOST_OUTPUTS >= 100_000
    monkeypatch.setattr(results, "MOST_OUTPUTS", 50)
    text = "input x[N]\nfor k in 0:51 { z_{k} = x }\n"
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(text)
    (error,) = caught.value.errors
    assert error.code == "E0213" and "output" in (error.help or "")
    assert "def forward(" in compiled(text + "output z_7\n")


def test_many_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lowering.MOST_ARGUMENTS >= 100_000
    monkeypatch.setattr(lowering, "MOST_ARGUMENTS", 50)
    names = [f"a{i}" for i in range(51)]
    for text in (f"y = {' + '.join(names)}", f"param {', '.join(names)}, b, c\ny = a0"):
        with pytest.raises(graphc.GraphcError) as caught:
            compiled(text)
        assert [error.code for error in caught.value.errors] == ["E0213"]


def test_what_has_no_such_axis_is_refused() -> None:
    """NumPy takes `np.float64(3).sum(axis=0)`."""
    for text, least in (("T = sum(A, axis=0)", 1), ("T = max(max(A*B, axis=1), axis=-1)", 2)):
        module = graphc.load(text, verify=False)
        names = (*module.INPUTS, *module.PARAMETERS)
        with pytest.raises(ValueError, match=rf"argument A( or B)? must have at least {least} dimension"):
            module.forward(*(3.0 for _ in names))


def test_loops_nest_so_deep() -> None:
    text = "for k in 0:1 {\n" * 60 + "}\n" * 60
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(text)
    assert [error.code for error in caught.value.errors] == ["E0213"]
    assert "loops nest more than 50 deep" in str(caught.value)


# ---------------------------------------------------------------- unrolling

BODY = "def f(x) = tanh(tanh(x))\ndef g(x) { for k in 0:500 { y_{k} = f(x) } ; return f(y_7) }\ninput x[N]\nz_0 = x\n"
LOOPS = {
    "an operation a step": "for k in 0:900000 { z_{k+1} = tanh(z_{k}) * 2 }",
    "nothing in it": "for i in 0:3000 { for j in 0:3000 { } }",
    "four deep": "for i in 0:100 { for j in 0:100 { for k in 0:100 { for l in 0:100 { z_{i,j,k,l} = x } } } }",
    "a triangle": "for i in 0:5000 { for j in i:0:-1 { z_{i,j} = x } }",
    "a pyramid": "for i in 0:800 { for j in 0:i { for k in j:i { z_{i,j,k} = x } } }",
    "a function with a loop": "for k in 0:9000 { z_{k+1} = g(z_{k}) }",
    "an update in it": "for i in 0:2000 { for k in 0:2000 { x <- x } }",
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_is_too_long_is_not_begun(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setattr(Budget, "step", lambda self, count, span: taken.append(count))
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(BODY + text)
    (error,) = caught.value.errors
    assert (error.code, error.line, error.column) == ("E0213", 5, 10)
    assert "the loop takes at least" in (error.label or "")
    assert sum(taken) < 100


def test_calls_that_double_are_not_begun() -> None:
    lines = ["def f_0(x) = x"] + [f"def f_{k + 1}(x) = f_{k}(x) + f_{k}(x)" for k in range(40)]
    with pytest.raises(graphc.GraphcError) as caught:
        compiled("\n".join([*lines, "input x[N]", "y = f_40(x)"]))
    (error,) = caught.value.errors
    assert (error.code, error.line, error.column) == ("E0213", 43, 5)


@pytest.mark.parametrize(
    "text",
    [
        "for i in 0:9 { for j in 0:i { for k in j:i:2 { z_{i,j,k} = f(x[0:i]) + sum(x)*i } } }",
        "for k in 0:3 { z_{k+1} = g(z_{k}) }",
        "const n = 9\ndef h(x, n=2) { for k in 0:n { y_{k} = x } ; return y_0 }\nw = h(x)",
        "const n = 9\ndef h(x) { n = 2; for k in 0:n { y_{k} = x } ; return y_0 }\nw = h(x)",
        "n = 3\nfor n2 in 0:n { m = 4 ; for k in 0:m { w_{n2,k} = x } }",
        "for k in 5:0 { z_{k+1} = x }",
        "def h(x) { for k in 0:3 { for l in k:3 { y_{k,l} = x[0, None, :].T } } ; return y_0_1 }\na = h(x[None])",
    ],
)
def test_no_more_steps_are_counted_than_taken(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[Budget, int]] = []
    monkeypatch.setattr(Budget, "ahead", lambda self, count, *_: counted.append((self, self.steps + count)))
    try:
        compiled(BODY + text)
    except graphc.GraphcError as error:
        assert "m`" in str(error)  # assigned at each step
    assert counted
    for budget, steps in counted:
        assert steps <= budget.steps


# ---------------------------------------------------------------- the rank of an array

MANY = ", ".join(["1"] * 40)
RANKS = {
    "None": f"y = a{'[None]' * 80}", "None of an undeclared one": f"y = u{'[None]' * 80}",
    "an index": f"y = u[{MANY}]", "reshape": f"y = reshape(u, ({MANY}))", "zeros": f"y = zeros(({MANY})) + u",
    "expand_dims": f"y = expand_dims(a, axis=({', '.join(map(str, range(40)))}))",
    "expand_dims of an undeclared one": f"y = expand_dims(u, axis=({', '.join(map(str, range(40)))}))",
    "broadcast_to": f"y = broadcast_to(u, ({MANY}))", "tile": f"y = tile(a, ({MANY}))",
    "stack": "z_0 = a\nfor k in 0:40 { z_{k+1} = stack([z_{k}, z_{k}]) }",
    "tensordot": "z_0 = a\nfor k in 0:40 { z_{k+1} = tensordot(z_{k}, a, axes=0) }",
    "jacobian": "z_0 = a\nfor k in 0:40 { z_{k+1} = jacobian(z_{k}, a) }",
    "einsum": f"y = einsum(\"{'a' * 33}\", u)", "one_hot": f"y = one_hot(i{'[None]' * 32}, 3)",
    "a constant": f"y = u * {'[' * 40}1{']' * 40}", "a declaration": f"input b[{MANY}]\ny = b",
    "an axis": "y = sum(u, axis=40)", "a negative axis": "y = sum(u, axis=-33)",
}  # fmt: skip


@pytest.mark.parametrize("text", RANKS.values(), ids=RANKS)
def test_an_array_has_so_many_dimensions(text: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(f"input a[2], i[2]: int\n{text}")
    (error,) = caught.value.errors
    assert (error.code, error.message) == ("E0213", f"an array has at most {MAX_RANK} dimensions")
    assert error.line and error.line > 1 and error.label and error.label.startswith("this one ")


def test_an_array_of_the_most_dimensions() -> None:
    assert "def backward(" in graphc.compile(f"param a[2]\nL = sum((a * a){'[None]' * (MAX_RANK - 1)})")


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", ["9**9**9", "2**63", "9" * 30, "2**62 * 2", "N + 9**99"])
def test_a_dimension_that_is_too_large(size: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(f"input x[{size}], y[N]\ny = sum(x)")
    error = caught.value.errors[0]
    assert (error.code, error.message, error.line) == ("E0212", "a constant expression is too large", 1)


@pytest.mark.parametrize(("size", "column"), [("N**9", 12), ("2**N", 12), ("N**-1", 12)])
def test_the_exponent_of_a_dimension(size: str, column: int) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(f"input x[{size}], y[N]\ny = sum(x)")
    error = caught.value.errors[0]
    assert (error.code, error.column) == ("E0204", column)


# ---------------------------------------------------------------- what is said stays short

LONG_NAME, LONG_TEXT = "n" * 900, "s" * 100_000
ONES = ", ".join(["1"] * 5000)
LOUD = {
    "subscripts of einsum": f'L = sum(einsum("ij,{LONG_TEXT}->k", x, x))',
    "a letter of einsum": f'L = sum(einsum("ij{"?" * 100_000}", x))',
    "an option": f'L = sum(gelu(x, approximate="{LONG_TEXT}"))', "an axis": f'L = sum(x, axis="{LONG_TEXT}")',
    "an operation": f"L = {LONG_NAME}(x)", "a keyword": f"L = sum(x, {LONG_NAME}=1)", "a type": f"input x: {LONG_NAME}",
    "sizes": "input X[{0}, 2], Y[{0}, 3]\nL = sum(X @ Y)".format("+".join(f"n{k}" for k in range(60))),
    "shapes": f"input X[{', '.join(f'n{k}' for k in range(32))}], Y[2{', 2' * 31}]\nL = sum(X + Y)",
    "a file": f'import "{LONG_TEXT}.g"', "an assignment": f"{LONG_NAME} = x\n{LONG_NAME} = x",
    "a circle": "\n".join(f"def f{k}(x) = f{(k + 1) % 300}(x)" for k in range(300)) + "\nL = f0(x)",
    "an attribute": f"L = x.{LONG_NAME}", "a constant": f"input x[2]\nL = sum([{ONES}] + x)",
    "a string that is not closed": f'L = "{LONG_TEXT}', "an index": f"input x[3]\nL = x[{ONES}]",
    "an argument": f"def f({LONG_NAME}) = 1\nL = f()", "text as a number": f'L = x @ "{LONG_TEXT}"',
    "a rule": f"op {LONG_NAME}(x) = x\nrule {LONG_NAME}(x) -> y {{ dz = dy }}\nL = sum({LONG_NAME}(x))",
}  # fmt: skip


@pytest.mark.parametrize("text", LOUD.values(), ids=LOUD)
def test_a_diagnostic_is_short_whatever_it_quotes(text: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(text)
    for error in caught.value.errors:
        assert len(render(error)) <= 2500 and len(as_json([error])) <= 3500
        assert len(error.message) <= 400 and len(error.help or "") <= 400 and len(error.notes) <= 9


@pytest.mark.parametrize("line", ["x", ")", "y = * 2"])
def test_a_text_that_is_no_program_is_not_read_to_its_end(line: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(f"{line}\n" * 30_000 + "y = nosuch(x)")
    assert len(caught.value.errors) == MOST_ERRORS + 1
    assert caught.value.errors[-1].message == "more than 10,000 statements do not parse"
    few = f"{line}\n" * 5_000 + "y = nosuch(x)"
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(few)
    assert len(caught.value.errors) == 5_001
