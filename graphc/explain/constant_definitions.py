"""What values are that depend on no operand, or on integers alone: `eye(n)` is `δ_ij`."""

from __future__ import annotations

from typing import Any

from graphc.explain.conditions import when
from graphc.explain.definitions import Operands, Out, Undefined, define
from graphc.explain.products import add, mul
from graphc.explain.terms import ONE, ZERO, Expr, Num, number, size
from graphc.ir.dims import Dim


@define("one_hot")
def _one_hot(r: Operands, out: Out) -> Expr:
    return when(out[-1], "=", r.at(0, out[:-1]))


@define("size")
def _size(r: Operands, out: Out) -> Expr:
    return size(r.node.attr("dim"))


@define("arange")
def _arange(r: Operands, out: Out) -> Expr:
    start, step = r.node.attr("start"), r.node.attr("step", 1)
    step = 1 if step is None else step
    return add(_number(start), mul(_number(step), out[0]))


def _number(value: Any) -> Expr:
    return size(value) if isinstance(value, (int, Dim)) else number(value)


@define("eye")
def _eye(r: Operands, out: Out) -> Expr:
    return when(out[1], "=", add(out[0], size(r.node.attr("k") or 0)))


@define("causal_mask")
def _causal_mask(r: Operands, out: Out) -> Expr:
    return when(out[1], "≤", out[0])


@define("full")
def _full(r: Operands, out: Out) -> Expr:
    return _number(r.node.attr("value"))


@define("full_like")
def _full_like(r: Operands, out: Out) -> Expr:
    return r.beside(1, out)


@define("zeros", "zeros_like")
def _zeros(r: Operands, out: Out) -> Expr:
    return ZERO


@define("ones", "ones_like")
def _ones(r: Operands, out: Out) -> Expr:
    return ONE


@define("const")
def _const(r: Operands, out: Out) -> Expr:
    value = r.node.attr("value")
    if isinstance(value, tuple):
        raise Undefined("an array of numbers")
    made = number(value)
    assert isinstance(made, Num)
    return made
