"""Mistakes in a value as a whole: a function of it is left out, it is turned, summed, or off by a factor.

    dw = np.square(r)       r                       the square is left out
    dW: (D, H)              dW.T                    the gradient is transposed
                            dW.sum(axis=0)          it is summed over an axis that it has
                            2 * dW                  a factor 2 too many stands there
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from graphc.grade.at_hand import TURNED, WRAPPING, AtHand, taken
from graphc.grade.kinds import Mistake, scales
from graphc.ir.graph import Node

__all__ = ["of_function", "of_gradient", "scaled"]


def of_function(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A function of one value, or a transposition, that is left out."""
    if len(node.operands) != 1:
        return
    operand = node.operands[0]
    if node.op in TURNED:
        yield Mistake("transpose", f"{at.say(operand)} is not transposed", {node.id: taken(operand)})
    elif np.shape(at.values[node.id]) == np.shape(at.values[operand]):
        kind = {"square": "power", "negative": "sign", "sqrt": "power"}.get(node.op, "chain")
        yield Mistake(kind, f"the {node.op} of {at.say(operand)} is left out", {node.id: taken(operand)})


def of_gradient(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A gradient as a whole: summed where nothing is to be summed, or turned."""
    if node.id not in at.targets:
        return
    rank = np.ndim(at.values[node.id])
    name = at.name(node.id)
    if rank == 2:
        yield Mistake("transpose", f"{name} is transposed", {node.id: at.then(node, np.transpose)}, 3)
    for axis in range(rank):
        for keep in (False, True):
            for reduce, word in ((np.sum, "summed"), (np.mean, "averaged")):
                make = at.then(node, partial(reduce, axis=axis, keepdims=keep))
                yield Mistake("sum", f"{name} is {word} over axis {axis}, which it has", {node.id: make}, 3)


def scaled(at: AtHand, node: Node) -> Iterator[Mistake]:
    """A gradient, a product or a sum that is off by a number of the program or a size."""
    if not node.type.is_float or node.op in WRAPPING | TURNED:
        return
    named = node.id in at.targets
    if named or node.op in ("matmul", "sum"):
        for value, kind, text in scales(at.setting):
            make = at.then(node, partial(np.multiply, value))
            yield Mistake(kind, f"in {at.name(node.id)} {text}", {node.id: make}, 1 if named else 2)
