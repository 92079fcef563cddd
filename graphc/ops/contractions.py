"""Sums of products, which NumPy has as one call: no array of the products is made.

Programs write `sum(x * y)`; these operations come of it where speed counts (graphc/passes/strength.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, PRODUCT, SUM, Text
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown, promote, shape_text
from graphc.ops.base import NumpyContext, Op, register
from graphc.ops.integers import integers

__all__: list[str] = []


def _less_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    if types[2].rank != 0:
        raise ShapeError("one number is subtracted", operand=2)
    shape, labels = solver.shape(types[0], 2), solver.shape(types[1], 1)
    if not shape or len(labels) != len(shape) - 1 or any(map(lambda a, b: not solver.equal(a, b), shape, labels)):
        raise ShapeError(f"labels of shape {shape_text(labels)} do not fit rows of {shape_text(shape)}", operand=1)
    return Type(shape, promote(types[0].dtype, types[2].dtype))


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


def _less_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    P, y, s = operands
    known = not isinstance(node.type.shape, Unknown)
    size = ctx.dim(node.type.dims[-1]) if known else f"{P.within(ATOM)}.shape[-1]"
    return Text(f"{P} - {s.within(PRODUCT)} * {ctx.helper('one_hot')}({y}, {size}, bool)", SUM)


def _rows_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"np.einsum('...i,...i', {operands[0]}, {operands[1]})")


register(Op(
    name="vdot", family="linalg", operands=("x", "y"), infer=_whole_type, numpy="np.vdot({x}, {y})", hidden=True,
    evaluate=lambda x, y: np.sum(np.multiply(x, y)), math="Σ {x} ⊙ {y}",
    doc="The sum of the products of all entries of two arrays of one shape.", source="NumPy: vdot",
))  # fmt: skip
register(Op(
    name="subtract_at_labels", family="indexing", operands=("P", "y", "s"), infer=_less_type, hidden=True,
    numpy=_less_text, precedence=SUM, indices=("y",), domain={"y": "labels"},
    call=lambda lowering, P, y, s: lowering.add("subtract_at_labels", [P, integers(lowering, y), s]),
    evaluate=lambda P, y, s: P - s * np.eye(np.shape(P)[-1])[np.asarray(y)], math="{P} - {s} onehot({y})",
    doc="Each row with a number subtracted at its label.", source="derivations A1",
))  # fmt: skip
register(Op(
    name="vecdot", family="linalg", operands=("x", "y"), infer=_rows_type, numpy=_rows_text, hidden=True,
    evaluate=lambda x, y: np.sum(np.multiply(x, y), axis=-1), math="({x} ⊙ {y}) 1",
    doc="The sums of the products of entries along the last axis of two arrays of one shape.",
    source="NumPy: vecdot",
))  # fmt: skip
