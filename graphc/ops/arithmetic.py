"""The operators of the language: arithmetic with broadcasting, comparisons, signs, powers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.emitter.expressions import COMPARE, PRODUCT, SUM, UNARY, Text, binary, unary
from graphc.ir.graph import Node
from graphc.ir.types import Solver, Type, broadcast_shapes, promote
from graphc.ops.base import NumpyContext, Op, register

__all__ = ["elementwise_type"]


def elementwise_type(dtype: Callable[..., str] = promote) -> Callable[[Solver, list[Type], dict[str, Any]], Type]:
    """The shape function of an elementwise operation: operands broadcast, `dtype` gives the kind of the result."""

    def infer(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
        shape = types[0].shape
        for other in types[1:]:
            shape = broadcast_shapes(solver, shape, other.shape)
        return Type(shape, dtype(*(t.dtype for t in types)))

    return infer


def _number(*dtypes: str) -> str:
    """A difference of booleans is one of integers: NumPy has none."""
    return promote("int", *dtypes)


def _operator(symbol: str) -> Callable[[NumpyContext, Node, list[Text]], Text]:
    def text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
        floating = [ctx.type(u).is_float and ctx.type(u).rank != 0 for u in node.operands]
        left, right = (_plainly(text) if floating[1 - k] else text for k, text in enumerate(operands))
        return binary(symbol, left, right)

    return text


def _quotient(symbol: str, ufunc: str) -> Callable[[NumpyContext, Node, list[Text]], Text]:
    def text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
        left, right = node.operands
        if node.type.is_float and ctx.plain(left) and ctx.plain(right) and not ctx.nonzero(right):
            return Text(f"float(np.{ufunc}({operands[0]}, {operands[1]}))")  # Python would raise an error
        return _operator(symbol)(ctx, node, operands)

    return text


def _plainly(text: Text) -> Text:
    """`2` for `2.0`, which beside an array of floating numbers is the same."""
    return Text(text.text[:-2], text.precedence) if re.fullmatch(r"-?\d{1,15}\.0", text.text) else text


def _declare(name: str, symbol: str, ufunc: str, precedence: int, dtype: Callable[..., str], math: str, doc: str,
             augmented: bool = True) -> None:  # fmt: skip
    register(Op(
        name=name, family="arithmetic", operands=("x", "y"), infer=elementwise_type(dtype),
        numpy=_quotient(symbol, ufunc) if symbol in ("/", "//", "%") else _operator(symbol),
        precedence=precedence, evaluate=getattr(np, ufunc), elementwise=True, cost="cheap", ufunc=f"np.{ufunc}",
        augmented=f"{symbol}=" if augmented else None, math=math, doc=doc, source=f"NumPy: {ufunc}",
    ))  # fmt: skip


_declare("add", "+", "add", SUM, promote, "{x} + {y}", "x + y, with broadcasting.")
_declare("subtract", "-", "subtract", SUM, _number, "{x} - {y}", "x - y, with broadcasting.")
_declare("multiply", "*", "multiply", PRODUCT, promote, "{x} ⊙ {y}", "x * y entry by entry, with broadcasting.")
_declare("divide", "/", "divide", PRODUCT, lambda *d: "float", "{x} / {y}", "x / y, with broadcasting.")
_declare("floor_divide", "//", "floor_divide", PRODUCT, _number, "⌊{x} / {y}⌋", "x // y; gradient zero.", False)
_declare("remainder", "%", "remainder", PRODUCT, _number, "{x} mod {y}",
         "x % y with the sign of y; its gradient with respect to y is -floor(x / y).", False)  # fmt: skip
for _name, _symbol in (
    ("less", "<"), ("less_equal", "<="), ("greater", ">"), ("greater_equal", ">="), ("equal", "=="),
    ("not_equal", "!="),
):  # fmt: skip
    _declare(_name, _symbol, _name, COMPARE, lambda *d: "bool", f"{{x}} {_symbol} {{y}}",
             f"x {_symbol} y: booleans, no gradient.", False)  # fmt: skip


def _negative_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    """A sign; in front of a product by entries or a quotient it needs no parentheses: `-(x / N)` is `-x / N`."""
    (x,) = operands
    first = ctx.node(node.operands[0])
    quotient = x.precedence == PRODUCT and first.op in SIGNED
    while first.op in SIGNED:
        first = ctx.node(first.operands[0])
    signed = first.type.is_float or (first.type.shape == () and first.type.dtype != "bool")
    if quotient and signed and x.text[0] != "-" and not re.search("//|[@%]", x.text):
        return Text(f"-{x}", PRODUCT)
    return unary("-", x)


SIGNED = ("multiply", "divide")

register(Op(
    name="negative", family="arithmetic", operands=("x",), infer=elementwise_type(_number), numpy=_negative_text,
    precedence=UNARY, evaluate=np.negative, elementwise=True, cost="cheap", ufunc="np.negative", math="-{x}",
    doc="The negative.", source="NumPy: negative",
))  # fmt: skip
