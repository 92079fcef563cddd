"""Which values are plain numbers of Python in the generated code: they have no type of their own."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.graph import Node

__all__ = ["FACTORS", "PLAIN", "is_plain"]

# Operators that give plain numbers of plain numbers.
PLAIN = {"add", "subtract", "multiply", "divide", "floor_divide", "remainder", "negative"}
COMPARING = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
FACTORS = {"multiply", "negative", "number", "square", "sqrt"}
"""Operations whose result is 0 exactly where an operand is."""


def is_plain(node: Node, known: Callable[[int], bool]) -> bool:
    """Whether a value is a plain number of Python in the generated code; `known` says that of its operands."""
    if node.type.shape != ():
        return False
    if node.op in ("const", "size", "size_of", "count_of", "number"):
        return True
    if node.op in ("as_float", "as_int", "stop_gradient"):
        return known(node.operands[0])
    if node.op == "where":  # one of two
        return node.type.is_float and known(node.operands[1]) and known(node.operands[2])
    return (node.op in PLAIN or node.op in COMPARING) and all(map(known, node.operands))
