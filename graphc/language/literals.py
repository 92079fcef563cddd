"""Compile-time arithmetic: numbers and sizes, bounded so that no program can make the compiler work without end."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from graphc.ir.dims import Dim, dim
from graphc.language import tree
from graphc.language.source import Span
from graphc.language.values import Fault, Value, is_number, is_size

__all__ = ["LARGEST_EXPONENT", "arithmetic", "check_number", "literal", "negate", "product"]

LARGEST_INTEGER = 2**63 - 1
LARGEST_EXPONENT = 8
"""Of a size with a name: what is written out has so many factors."""
LARGEST_DIM_TERMS = 64
LARGEST_DIM_TEXT = 500
"""So many characters the expression for a size may take; it also bounds how deep quotients nest."""


def product(first: float, second: float) -> float:
    """The product of two numbers as they are written: of 0.1 and 9.81 it is 0.981, where that of the binary numbers is
    0.9810000000000001."""
    if isinstance(first, int) and isinstance(second, int):
        return first * second
    from decimal import Decimal

    return float(Decimal(repr(first)) * Decimal(repr(second)))


_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": product, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def check_number(value: Any, span: Span | None) -> Any:
    """The number itself if it is finite and fits; a Fault otherwise."""
    if isinstance(value, complex):
        raise Fault("E0212", "a constant expression is not a real number", span)
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("E0212", "a constant expression is not finite", span)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise Fault("E0212", "a constant expression is too large", span, help="integers are limited to 64 bits")
    return value


def arithmetic(op: str, left: Value, right: Value, span: Span | None) -> Value:
    """`left op right` for compile-time operands; NotImplemented where it takes a tensor to say it.

    Raises Fault for a division by zero and for results that are not finite or too large.
    """
    try:
        if is_number(left) and is_number(right):
            if op == "**":
                return check_number(_power(left, right, span), span)
            return check_number(_NUMBERS[op](left, right), span) if op in _NUMBERS else NotImplemented
        if is_size(left) and is_size(right):
            result = _sizes(op, left, right)
            if isinstance(result, Dim):
                if result.value is not None:
                    return check_number(result.value, span)
                if len(result.terms) > LARGEST_DIM_TERMS or len(str(result)) > LARGEST_DIM_TEXT:
                    raise Fault("E0212", "a size expression is too large", span)
            return result
    except ZeroDivisionError:
        raise Fault("E0212", "a constant expression divides by zero", span) from None
    except OverflowError:
        raise Fault("E0212", "a constant expression is too large", span) from None
    return NotImplemented


def _power(base: int | float, exponent: int | float, span: Span | None) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        if abs(base) > 1 and exponent * abs(base).bit_length() > 256:
            raise Fault("E0212", "a constant expression is too large", span, help="integers are limited to 64 bits")
        return base**exponent
    return base**exponent


def _sizes(op: str, left: int | Dim, right: int | Dim) -> Any:
    if op in "+-*":
        return {"+": operator.add, "-": operator.sub, "*": operator.mul}[op](dim(left), dim(right))
    if op == "//":
        return dim(left) // dim(right)
    if op == "%":
        return dim(left) % dim(right)
    if op == "**" and isinstance(right, int) and 0 <= right <= LARGEST_EXPONENT:
        return dim(left) ** right
    if op in ("==", "!=") and dim(left) == dim(right):
        return op == "=="
    return NotImplemented


def negate(value: Value) -> Value:
    """`-value` for a compile-time number or size."""
    return -dim(value) if isinstance(value, Dim) else -value


def literal(expr: tree.Expr) -> Value:
    """The value of an expression that holds literals only: defaults of attributes."""
    if isinstance(expr, (tree.Number, tree.String, tree.Constant)):
        return expr.value
    if isinstance(expr, tree.Sequence):
        return tuple(literal(item) for item in expr.items)
    if isinstance(expr, tree.Unary):
        value = literal(expr.operand)
        return -value if expr.op == "-" else value
    if isinstance(expr, tree.Binary):
        chain = [expr]  # `1 + 1 + …` may be long
        while isinstance(chain[-1].left, tree.Binary):
            chain.append(chain[-1].left)
        result = literal(chain[-1].left)
        for each in reversed(chain):
            result = arithmetic(each.op, result, literal(each.right), each.span)
            if result is NotImplemented:
                raise Fault("E0211", "a default value must be a literal", each.span)
        return result
    raise Fault("E0211", "a default value must be a literal", expr.span)
