"""Programs that are large in one way: refused with the reason, or compiled, in time that grows with their length."""

from __future__ import annotations

import pytest

import graphc
from graphc.language import lowering, results

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
    assert lowering.MOST_ARGUMENTS >= 50_000
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
    """Of twice as many steps with every loop, none is taken."""
    text = "for k in 0:2 {\n" * 60 + "}\n" * 60
    with pytest.raises(graphc.GraphcError) as caught:
        compiled(text)
    assert [error.code for error in caught.value.errors] == ["E0213"]
    assert "loops nest more than 50 deep" in str(caught.value)
