"""Mistakes in products: a matrix that is not transposed, a factor that is left out or is another value.

    dW = X.T @ dZ       X @ dZ               a transposition is missing
                        X.T @ dH             another gradient stands there
    dZ = dH * (Z > 0)   dH                   the mask is left out
    dS = (P - Y) / N    P - Y                the division by N is left out
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from graphc.grade.at_hand import TURNED, AtHand, taken
from graphc.grade.kinds import Mistake
from graphc.grade.reference import Make
from graphc.ir.graph import Node

__all__ = ["of_matmul", "of_product"]


def of_matmul(at: AtHand, node: Node) -> Iterator[Mistake]:
    """Transposed or swapped matrices, another one in the place of one, one sample alone, entries times entries."""
    left, right = node.operands
    shown = [at.reference.say(u) for u in node.operands]
    for swapped, flip_right, flip_left in product((False, True), repeat=3):
        if not (swapped or flip_right or flip_left):
            continue
        pair = [_transposed(shown[0], flip_left), _transposed(shown[1], flip_right)]
        says = " ".join(reversed(pair) if swapped else pair)
        make = _multiplied(left, right, flip_left, flip_right, swapped)
        text = f"it is `{says}` in place of `{shown[0]} {shown[1]}`"
        yield Mistake("transpose", text, {node.id: make}, int(swapped))
    for place, operand in enumerate(node.operands):
        source = _untransposed(at, operand)
        backward = source in at.reference.backward
        for other in at.like(source, backward):
            text = f"{at.name(other)} stands in place of {at.name(source)}"
            make = at.replaced(node, place, _turned(other) if source != operand else taken(other))
            yield Mistake("chain" if backward else "operand", text, {node.id: make}, 2)
    for last, which in ((True, "last"), (False, "first")):
        text = f"only the {which} term of the sum `{shown[0]} {shown[1]}` counts"
        yield Mistake("samples", text, {node.id: _one_term(left, right, last)})
    if np.ndim(at.values[left]) == 2:
        text = f"`{shown[0]} {shown[1]}` is taken entry by entry"
        yield Mistake("product", text, {node.id: lambda v: v[left] * v[right]})


def _untransposed(at: AtHand, id: int) -> int:
    node = at.graph[id]
    return node.operands[0] if node.op in TURNED else id


def _transposed(text: str, turn: bool) -> str:
    """How the transpose of what is called so is called."""
    if not turn:
        return text
    if text.endswith("ᵀ"):
        return text[:-1]
    return f"{text}ᵀ" if text.isidentifier() else f"({text})ᵀ"


def _turned(id: int) -> Make:
    return lambda values: np.swapaxes(values[id], -1, -2)


def _multiplied(left: int, right: int, flip_left: bool, flip_right: bool, swapped: bool) -> Make:
    first = _turned(left) if flip_left else taken(left)
    second = _turned(right) if flip_right else taken(right)
    return lambda values: second(values) @ first(values) if swapped else first(values) @ second(values)


def _one_term(left: int, right: int, last: bool) -> Make:
    """The product of the last, or the first, column of one and row of the other."""

    def make(values: Mapping[int, Any]) -> Any:
        a, b = values[left], values[right]
        cut = slice(-1, None) if last else slice(0, 1)
        return a[..., cut] @ (b[..., cut, :] if np.ndim(b) > 1 else b[cut])

    return make


def of_product(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A factor or a divisor that is left out, squared, or another value; a divisor that is a factor."""
    left, right = node.operands
    yield _left_out(at, node, kept=left, lost=right)
    if node.op == "multiply":
        yield _left_out(at, node, kept=right, lost=left)
    else:
        text = f"{at.say(right)} is a factor and no divisor"
        yield Mistake("power", text, {node.id: lambda v: np.multiply(v[left], v[right], dtype=np.float64)})
    for place, operand in enumerate(node.operands):
        if operand in at.reference.fixed:
            continue
        if operand not in at.reference.carriers:
            squared = at.replaced(node, place, _squared(operand))
            yield Mistake("power", f"{at.name(operand)} is squared", {node.id: squared})
        kind = "chain" if operand in at.targets else "operand"
        for other in at.like(operand, operand in at.reference.backward):
            text = f"{at.name(other)} stands in place of {at.name(operand)}"
            yield Mistake(kind, text, {node.id: at.replaced(node, place, taken(other))}, 2)


def _squared(id: int) -> Make:
    return lambda values: np.square(values[id])


def _left_out(at: AtHand, node: Node, kept: int, lost: int) -> Mistake:
    """What it is called when a factor or a divisor is left out."""
    change = {node.id: at.filled(node, kept)}
    what = "the division by" if node.op == "divide" else "the factor"
    if at.inner(lost).type.dtype == "bool":
        return Mistake("mask", f"the mask {at.say(lost)} is left out", change)
    if lost not in at.reference.fixed:
        return Mistake("chain", f"{what} {at.name(lost)} is left out", change)
    if _has_size(at, lost):
        return Mistake("1/N", f"{what} {at.say(lost)} is left out", change)
    value = np.asarray(at.values[lost], dtype=np.float64)
    number = float(value.flat[0]) if value.size else 1.0
    kind = "factor 2" if abs(number) in (2.0, 0.5) else "constant"
    return Mistake(kind, f"the factor {number:g} is left out", change)


def _has_size(at: AtHand, id: int) -> bool:
    stack = [id]
    while stack:
        node = at.graph[stack.pop()]
        if node.op in ("size", "count", "size_of"):
            return True
        stack += [u for u in node.operands if at.graph[u].op != "shape_of"]
    return False
