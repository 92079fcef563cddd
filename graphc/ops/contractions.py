"""Sums of products, which NumPy has as one call: no array of the products is made.

Programs write `sum(x * y)`; these operations come of it where speed counts (graphc/passes/strength.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown, promote, shape_text
from graphc.ops.base import NumpyContext, Op, register

__all__: list[str] = []


def _alike(solver: Solver, types: list[Type]) -> None:
    first, second = (t.shape for t in types)
    if isinstance(first, Unknown) or isinstance(second, Unknown):
        return
    agree = len(first) == len(second) and all(solver.equal(a, b) for a, b in zip(first, second, strict=True))
    if not agree:
        raise ShapeError(f"shapes {shape_text(first)} and {shape_text(second)} differ", operand=1)


def _whole_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    _alike(solver, types)
    return Type((), promote(*(t.dtype for t in types)))


def _rows_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    _alike(solver, types)
    shape = solver.shape(types[0], 2)
    if not shape:
        raise ShapeError("numbers have no rows", operand=0)
    return Type(shape[:-1], promote(*(t.dtype for t in types)))


def _rows_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"np.einsum('...i,...i', {operands[0]}, {operands[1]})")


register(Op(
    name="vdot", family="linalg", operands=("x", "y"), infer=_whole_type, numpy="np.vdot({x}, {y})", hidden=True,
    evaluate=lambda x, y: np.sum(np.multiply(x, y)), math="Σ {x} ⊙ {y}",
    doc="The sum of the products of all entries of two arrays of one shape.", source="NumPy: vdot",
))  # fmt: skip
register(Op(
    name="vecdot", family="linalg", operands=("x", "y"), infer=_rows_type, numpy=_rows_text, hidden=True,
    evaluate=lambda x, y: np.sum(np.multiply(x, y), axis=-1), math="({x} ⊙ {y}) 1",
    doc="The sums of the products of entries along the last axis of two arrays of one shape.",
    source="NumPy: vecdot",
))  # fmt: skip
