"""What simplifications see of a node that is about to be made: the example of the file, and who is alone."""

from __future__ import annotations

from typing import Any

import pytest

import graphc
from graphc.ir.types import ShapeError
from graphc.passes import simplify as simplifier
from graphc.passes.place import Place
from graphc.passes.simplify import simplify


def places(text: str, op: str, monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The places that the simplifier meets of an operation."""
    seen: list[Place] = []

    def look(place: Place) -> int | None:
        if place.op == op:
            seen.append(place)
        return None

    monkeypatch.setattr(simplifier, "worth_trying", lambda *node: ((look,), ()))
    simplify(graphc.parse(text))
    return seen


def test_an_operand_that_nothing_else_uses_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    (place,) = places("input A[n], s[]\nL = sum(A * s)", "sum", monkeypatch)
    assert place.node(0).op == "multiply" and place.type.shape == ()
    assert place.alone(place.operands[0])


@pytest.mark.parametrize("text", [
    "input A[n], s[]\nL = sum(A * s) + sum(exp(A * s))",
    "input A[n], s[]\nZ = A * s\nL = sum(Z)",  # the user wants to see Z
])  # fmt: skip
def test_one_that_is_used_again_or_has_a_name_is_not(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = places(text, "sum", monkeypatch)[0]
    uses = {place.operands[0]: 2} if "exp" in text else place.uses
    assert not Place(place.maker, place.op, place.operands, place.attrs, place.type, uses).alone(place.operands[0])


def test_types_are_inferred_for_other_operands(monkeypatch: pytest.MonkeyPatch) -> None:
    (place,) = places("input A[n, m], B[m, k]\nL = sum(A @ B)", "matmul", monkeypatch)
    assert str(place.inferred(place.operands)) == "(n, k)"
    with pytest.raises(ShapeError):
        place.inferred(place.operands[::-1])


def test_a_value_is_repeated_only_where_its_type_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    (place,) = places("input a[m], B[n, m]\nL = sum(a * B)", "multiply", monkeypatch)
    kinds: list[Any] = [place.builder[place.repeat(u, place.type)].op for u in place.operands]
    assert kinds == ["broadcast_to", "argument"]
