"""Functions of one matrix, or of each matrix of a stack: parts of it, inverses, determinants, factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.bounds import maximum, minimum
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, broadcast_shapes, promote, shape_text
from graphc.ops.base import REQUIRED, CallError, Lowering, NumpyContext, Op, register

# ---------------------------------------------------------------- diagonals and triangles


def _matrix(solver: Solver, type: Type) -> tuple[Dim, ...]:
    shape = solver.shape(type, rank=2, what="matrix")
    if len(shape) < 2:
        raise ShapeError(f"a matrix is wanted here, not an array of shape {shape_text(shape)}", operand=0)
    return shape


def _diagonal_length(shape: tuple[Dim, ...], k: int) -> Dim:
    """How long the k-th diagonal is. The main one is as long as an axis, however that is written; another is empty
    beyond the corner, as in NumPy. Raises ShapeError."""
    count = minimum(shape[-2] + min(k, 0), shape[-1] - max(k, 0))
    if count.value is not None and count.value < 0:
        raise ShapeError(f"a matrix of shape {shape_text(shape)} has no diagonal {k}", operand=0)
    return maximum(count, dim(0)) if k else count


def _diagonal_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, count = _matrix(solver, types[0]), attrs.get("count")
    return types[0].with_shape((*shape[:-2], _diagonal_length(shape, attrs["k"]) if count is None else count))


def _diagonal_call(lowering: Lowering, x: int, *, k: int, count: Dim | int | None) -> int:
    """A length is noted only where the matrix does not tell it: of n by n the first diagonal above has
    `max(n - 1, 0)` entries, and n - 1 if it was made of so many."""
    noted = count is not None and dim(count) != _diagonal_length(lowering.shape(x), k)
    return lowering.add("diagonal", [x], {"k": k, "count": dim(count)} if noted and count is not None else {"k": k})


def _offset(k: Any) -> int:
    if isinstance(k, Dim):
        k = k.value
    if isinstance(k, bool) or not isinstance(k, int):
        raise CallError("`k` is an integer: the diagonal's place", argument="k")
    return k


def _diagonal_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    k = node.attr("k")
    if ctx.type(node.operands[0]).rank == 2:
        return Text(f"np.diagonal({operands[0]}{f', {k}' if k else ''})")
    return Text(f"np.diagonal({operands[0]}, {k}, -2, -1)")


register(Op(
    name="diagonal", family="linalg", operands=("x",), attributes={"k": 0, "count": None}, positional=("k",),
    infer=_diagonal_type, call=_diagonal_call, numpy=_diagonal_text,
    evaluate=lambda x, *, k=0, count=None: np.diagonal(x, k, -2, -1), hidden=True, view=True, cost="free",
    math="diag({x})", doc="The k-th diagonal of a matrix.", source="NumPy: diagonal",
))  # fmt: skip


def _from_diagonal_value(x: Any, *, k: int, shape: tuple[int, ...]) -> Any:
    result = np.zeros(shape, np.asarray(x).dtype)
    for i in range(np.shape(x)[-1]):
        result[..., i + max(-k, 0), i + max(k, 0)] = np.asarray(x)[..., i]
    return result


def _from_diagonal_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    k, shape = node.attr("k"), node.attr("shape")
    size = ctx.type(node.operands[0]).dims[-1]
    if len(shape) == 2 and shape[0] == shape[1] == size + abs(k):
        return Text(f"np.diag({operands[0]}{f', {k}' if k else ''})")
    return Text(f"{ctx.helper('from_diagonal')}({operands[0]}, {k}, {ctx.shape(shape)})")


register(Op(
    name="from_diagonal", family="linalg", operands=("x",), attributes={"k": REQUIRED, "shape": REQUIRED},
    infer=lambda solver, types, attrs: types[0].with_shape(attrs["shape"]),
    call=lambda lowering, x, *, k, shape: lowering.add(
        "from_diagonal", [x], {"k": k, "shape": tuple(dim(n) for n in shape)}
    ),
    numpy=_from_diagonal_text, evaluate=_from_diagonal_value, hidden=True, math="diag({x})",
    doc="Zeros with the k-th diagonal filled: the transpose of taking it.", source="NumPy: diag",
))  # fmt: skip


def _diag_call(lowering: Lowering, x: int, *, k: Any) -> int:
    k = _offset(k)
    shape = lowering.shape(x)
    if len(shape) == 1:
        size = shape[0] + abs(k)
        return lowering.add("from_diagonal", [x], {"k": k, "shape": (size, size)})
    if len(shape) != 2:
        raise ShapeError(f"`diag` takes a vector or a matrix, not an array of shape {shape_text(shape)}", operand=0)
    return lowering.add("diagonal", [x], {"k": k})


register(Op(
    name="diag", family="linalg", operands=("x",), attributes={"k": 0}, positional=("k",),
    evaluate=lambda x, *, k=0: np.diag(x, k), call=_diag_call, math="diag({x})",
    doc="The matrix with a vector as its k-th diagonal; of a matrix, its k-th diagonal.", source="NumPy: diag",
    aliases={"v": "x"},
))  # fmt: skip


def _trace_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    _matrix(solver, types[0])
    return Type((), promote("int", types[0].dtype))


def _trace_call(lowering: Lowering, x: int, *, k: Any) -> Any:
    k = _offset(k)
    rank = len(lowering.shape(x, 2))
    if rank <= 2:
        return lowering.add("trace", [x], {"k": k})
    # as in NumPy, of a stack the first two axes
    turned = lowering.call("transpose", x, axes=(*range(2, rank), 0, 1))
    return lowering.call("sum", lowering.add("diagonal", [turned], {"k": k}), axis=-1)


register(Op(
    name="trace", family="linalg", operands=("x",), attributes={"k": 0}, positional=("k",), infer=_trace_type,
    numpy=lambda ctx, node, xs: Text(f"np.trace({xs[0]}{f', {k}' if (k := node.attr('k')) else ''})"),
    evaluate=lambda x, *, k=0: np.trace(x, k), call=_trace_call, math="tr {x}",
    doc="The sum of the k-th diagonal.", source="NumPy: trace",
    aliases={"a": "x", "offset": "k"},
))  # fmt: skip


def _triangle(name: str, doc: str) -> None:
    register(Op(
        name=name, family="linalg", operands=("x",), attributes={"k": 0}, positional=("k",),
        infer=lambda solver, types, attrs: types[0].with_shape(_matrix(solver, types[0])),
        numpy=lambda ctx, node, xs: Text(f"np.{name}({xs[0]}{f', {k}' if (k := node.attr('k')) else ''})"),
        evaluate=lambda x, *, k=0: getattr(np, name)(x, k),
        call=lambda lowering, x, *, k: lowering.add(name, [x], {"k": _offset(k)}),
        math=f"{name}({{x}})", doc=doc, source=f"NumPy: {name}",
        aliases={"m": "x"},
    ))  # fmt: skip


_triangle("triu", "The matrix with zeros below its k-th diagonal.")
_triangle("tril", "The matrix with zeros above its k-th diagonal.")


# ---------------------------------------------------------------- inverses and determinants

def _square(solver: Solver, type: Type) -> tuple[Dim, ...]:
    shape = _matrix(solver, type)
    if not solver.equal(shape[-2], shape[-1]):
        raise ShapeError(f"a square matrix is wanted here, not {shape_text(shape)}", operand=0,
                         label=f"it has {shape[-2]} rows and {shape[-1]} columns")  # fmt: skip
    return shape


def _square_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(_square(solver, types[0]))


def _number_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(_square(solver, types[0])[:-2])


register(Op(
    name="inv", family="linalg", operands=("A",), infer=_square_type, numpy="np.linalg.inv({A})",
    evaluate=lambda A: np.linalg.inv(A), domain={"A": "invertible"}, math="{A}⁻¹",
    doc="The inverse of a matrix.", source="NumPy: linalg.inv",
    aliases={"a": "A"},
))  # fmt: skip


def _solve_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    A = _square(solver, types[0])
    B = solver.shape(types[1], rank=2)
    if not B:
        raise ShapeError("the right side of `solve` is a scalar", operand=1)
    rows = B[-2] if len(B) > 1 else B[-1]
    if not solver.equal(A[-1], rows):
        raise ShapeError("operands of `solve` do not agree", operand=1,
                         label=f"{A[-1]} unknowns, but a right side of {rows} rows")  # fmt: skip
    batch = broadcast_shapes(solver, A[:-2], B[:-2])
    assert isinstance(batch, tuple)
    return Type((*batch, *B[-2:]))


def _solve_call(lowering: Lowering, A: int, B: int) -> Any:
    """One right side of several systems becomes a column; a matrix beside a stack of systems gets their rank, so that
    all versions of NumPy agree on what is meant."""
    rank, right = len(lowering.shape(A, 2)), len(lowering.shape(B, 2))
    if right == 1 and rank == 2:
        return lowering.add("solve_vector", [A, B])
    if right == 1:
        column = lowering.call("expand_dims", B, axis=1)
        return lowering.call("squeeze", _solve_call(lowering, A, column), axis=-1)
    if 2 <= right < rank:
        B = lowering.call("expand_dims", B, axis=tuple(range(rank - right)))
    return lowering.add("solve", [A, B])


register(Op(
    name="solve", family="linalg", operands=("A", "B"), infer=_solve_type, numpy="np.linalg.solve({A}, {B})",
    evaluate=lambda A, B: np.linalg.solve(A, B), call=_solve_call, domain={"A": "invertible"}, math="{A}⁻¹ {B}",
    doc="X with A X = B; B may be one vector.", source="NumPy: linalg.solve",
    aliases={"a": "A", "b": "B"},
))  # fmt: skip
register(Op(
    name="solve_vector", family="linalg", operands=("A", "b"), infer=_solve_type, numpy="np.linalg.solve({A}, {b})",
    evaluate=lambda A, b: np.linalg.inv(A) @ b, domain={"A": "invertible"}, hidden=True, math="{A}⁻¹ {b}",
    doc="x with A x = b for one vector.", source="NumPy: linalg.solve",
))  # fmt: skip
register(Op(
    name="det", family="linalg", operands=("A",), infer=_number_type, numpy="np.linalg.det({A})",
    evaluate=lambda A: np.linalg.det(A), domain={"A": "invertible"}, math="det {A}",
    doc="The determinant; its gradient is that of invertible matrices.", source="NumPy: linalg.det",
    aliases={"a": "A"},
))  # fmt: skip
register(Op(
    name="logdet", family="linalg", operands=("A",), infer=_number_type, numpy="np.linalg.slogdet({A})[1]",
    evaluate=lambda A: np.log(np.abs(np.linalg.det(A))), domain={"A": "spd"}, math="log |det {A}|",
    doc="The logarithm of the determinant (of its absolute value, where it is negative).",
    source="NumPy: linalg.slogdet; PyTorch: logdet",
    aliases={"input": "A"},
))  # fmt: skip
register(Op(
    name="det_sign", family="linalg", operands=("A",), infer=_number_type, numpy="np.linalg.slogdet({A})[0]",
    evaluate=lambda A: np.sign(np.linalg.det(A)), domain={"A": "invertible"}, hidden=True, math="sign det {A}",
    doc="The sign of the determinant; no gradient.", source="NumPy: linalg.slogdet",
))  # fmt: skip
register(Op(
    name="slogdet", family="linalg", operands=("A",), evaluate=lambda A: tuple(np.linalg.slogdet(A)),
    call=lambda lowering, A: (lowering.add("det_sign", [A]), lowering.add("logdet", [A])),
    domain={"A": "invertible"}, math="sign det {A}, log |det {A}|",
    doc="Two results: the determinant's sign, and the logarithm of its absolute value.", source="NumPy: linalg.slogdet",
    aliases={"a": "A"},
))  # fmt: skip
register(Op(
    name="cholesky", family="linalg", operands=("A",), infer=_square_type, numpy="np.linalg.cholesky({A})",
    evaluate=lambda A: np.linalg.cholesky(A), domain={"A": "spd"}, math="chol {A}",
    doc="The lower triangular L with L Lᵀ = A; it reads the lower triangle of A, where its gradient lies too.",
    source="NumPy: linalg.cholesky",
    aliases={"a": "A"},
))  # fmt: skip


def _pinv_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = _matrix(solver, types[0])
    return Type((*shape[:-2], shape[-1], shape[-2]))


register(Op(
    name="pinv", family="linalg", operands=("A",), infer=_pinv_type, numpy="np.linalg.pinv({A})",
    evaluate=lambda A: np.linalg.pinv(A), math="{A}⁺",
    doc="The pseudo-inverse; its gradient is that of a matrix whose rank does not change.",
    source="NumPy: linalg.pinv",
    aliases={"a": "A"},
))  # fmt: skip
