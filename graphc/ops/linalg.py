"""Products of matrices and vectors, and the transpose of a matrix.

The normal form of a product has operands of rank two or more, so that the rule is one line and holds for batches:
a vector on the left becomes a row, one on the right a column, and the axis is dropped again. `passes/fold.py` puts
the vectors back into the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, PRODUCT, Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, broadcast_shapes, promote, shape_text
from graphc.ops.base import Lowering, NumpyContext, Op, register
from graphc.ops.einsum import last_axes, solver_of

# ---------------------------------------------------------------- the product


def _matmul_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    a = solver.shape(types[0], rank=2, what="matrix")
    b = solver.shape(types[1], rank=2, what="matrix")
    for i, shape in enumerate((a, b)):
        if not shape:
            raise ShapeError("an operand of `@` is a scalar", operand=i, label="this is a number, not a matrix",
                             help="write `*` for the product with a number")  # fmt: skip
    left, inner, row = a[-1], b[-2] if len(b) > 1 else b[-1], a[:-2]
    if not solver.equal(left, inner):
        raise _disagreement(a, b)
    outer = (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ())
    try:
        batch = broadcast_shapes(solver, row, b[:-2])
    except ShapeError as error:
        raise ShapeError(
            f"operands of `@` do not agree: {shape_text(a)} and {shape_text(b)}",
            label=f"batch dimensions {shape_text(row)} and {shape_text(b[:-2])} do not broadcast",
        ) from error
    assert isinstance(batch, tuple)
    return Type(batch + outer, promote(types[0].dtype, types[1].dtype))


def _disagreement(a: tuple[Dim, ...], b: tuple[Dim, ...]) -> ShapeError:
    """The error for inner dimensions that differ; it proposes a transpose where that would mend it."""
    left, inner = a[-1], b[-2] if len(b) > 1 else b[-1]
    help, operand = None, 1
    if len(b) > 1 and b[-1] == left:
        help = "transpose the right operand: `.T`"
    elif len(a) > 1 and a[-2] == inner:
        help, operand = "transpose the left operand: `.T`", 0
    elif len(a) > 1 and len(b) > 1 and a[-2] == b[-1]:
        help = "exchange the operands"
    return ShapeError(
        "operands of `@` do not agree", label=f"inner dimensions {left} and {inner} differ", help=help,
        operand=operand,
    )  # fmt: skip


def _matmul_call(lowering: Lowering, A: int, B: int) -> int:
    a = lowering.shape(A, 2)
    b = lowering.shape(B, 2)
    if not a or not b or (len(a) > 1 and len(b) > 1):
        return lowering.add("matmul", [A, B])
    agree = a[-1] == (b[-2] if len(b) > 1 else b[-1])
    if not agree:  # let the shape function speak of the operands as they were written
        lowering.add("matmul", [A, B])
    if len(a) == 1:
        A = lowering.add("expand_dims", [A], {"axis": (0,)})
    if len(b) == 1:
        B = lowering.add("expand_dims", [B], {"axis": (1,)})
    product = lowering.add("matmul", [A, B])
    rank = max(len(a), len(b), 2)
    dropped = ((rank - 2,) if len(a) == 1 else ()) + ((rank - 1,) if len(b) == 1 else ())
    return lowering.add("squeeze", [product], {"axis": dropped})


def _matmul_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    left, right = operands
    # `A @ B @ C` reads well; a product by entries beside `@` wants its parentheses, though Python needs none.
    place = PRODUCT if _is_chain(left.text) else PRODUCT + 1
    return Text(f"{left.within(place)} @ {right.within(PRODUCT + 1)}", PRODUCT)


def _is_chain(text: str) -> bool:
    """Whether the only operators outside brackets are `@`."""
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character in "*/%":
            return False
    return True


register(Op(
    name="matmul", family="linalg", operands=("A", "B"), infer=_matmul_type, numpy=_matmul_text, precedence=PRODUCT,
    evaluate=np.matmul, call=_matmul_call, math="{A} {B}", ufunc="np.matmul",
    doc="The matrix product A @ B over the last two axes, the others broadcast; a vector is a row on the left and a "
        "column on the right. An undeclared operand is a matrix.",
    source="NumPy: matmul; derivations A0, B2, E1",
))  # fmt: skip


# ---------------------------------------------------------------- the transpose of a matrix

def _swap_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape: Shape = types[0].shape
    if isinstance(shape, Unknown):
        return types[0].with_shape(Unknown.of("mT", shape, least=shape.least))
    if len(shape) < 2:
        raise ShapeError(f"a matrix is wanted here, not an array of shape {shape_text(shape)}", operand=0)
    return types[0].with_shape((*shape[:-2], shape[-1], shape[-2]))


def _swap_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    if ctx.type(node.operands[0]).rank == 2:
        return Text(f"{operands[0].within(ATOM)}.T")
    return Text(f"{operands[0].within(ATOM)}.swapaxes(-1, -2)")


register(Op(
    name="mT", family="linalg", operands=("x",), infer=_swap_type, numpy=_swap_text,
    evaluate=lambda x: np.swapaxes(x, -1, -2), hidden=True, view=True, cost="free", math="{x}ᵀ",
    doc="The transpose of a matrix: the last two axes change places.", source="NumPy: matrix_transpose",
))  # fmt: skip


# ---------------------------------------------------------------- products by other names

def _dot_call(lowering: Lowering, a: int, b: int) -> Any:
    left, right = lowering.type(a).rank, lowering.type(b).rank
    if left == 0 or right == 0:
        return lowering.call("multiply", a, b)
    if (left is None or left <= 2) and (right is None or right <= 2):
        return _matmul_call(lowering, a, b)
    places = len(lowering.shape(b, 2))
    lowering.shape(a, 2)
    return last_axes(lowering, a, b, -2 if places > 1 else -1)


register(Op(
    name="dot", family="linalg", operands=("a", "b"), evaluate=np.dot, call=_dot_call, math="{a} {b}",
    doc="The product of vectors and matrices; of arrays of higher rank the sum over the last axis of a and the second "
        "last of b; with a scalar the product by entries.",
    source="NumPy: dot",
))  # fmt: skip


def _inner_call(lowering: Lowering, a: int, b: int) -> Any:
    left, right = lowering.type(a).rank, lowering.type(b).rank
    if left == 0 or right == 0:
        return lowering.call("multiply", a, b)
    left = len(lowering.shape(a, right or 1))
    right = len(lowering.shape(b, left))
    if right == 1:
        return _matmul_call(lowering, a, b)
    if right == 2 and left <= 2:
        return _matmul_call(lowering, a, lowering.add("mT", [b]))
    return last_axes(lowering, a, b, -1)


register(Op(
    name="inner", family="linalg", operands=("a", "b"), evaluate=np.inner, call=_inner_call,
    math="{a} {b}ᵀ", doc="The sum over the last axis of both; an undeclared operand is a vector.",
    source="NumPy: inner",
))  # fmt: skip


def _outer_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    (n,), (m,) = solver.shape(types[0], rank=1, what="vector"), solver.shape(types[1], rank=1, what="vector")
    return Type((n, m), promote(types[0].dtype, types[1].dtype))


def _outer_call(lowering: Lowering, x: int, y: int) -> int:
    vectors = [v if len(lowering.shape(v, 1)) == 1 else lowering.call("reshape", v, shape=(-1,)) for v in (x, y)]
    return lowering.add("outer", vectors)


register(Op(
    name="outer", family="linalg", operands=("x", "y"), infer=_outer_type, numpy="np.outer({x}, {y})",
    evaluate=np.outer, call=_outer_call, math="{x} {y}ᵀ",
    doc="The products of all pairs of entries of two vectors (other arrays are flattened).",
    source="NumPy: outer; derivations B4",
    aliases={"a": "x", "b": "y"},
))  # fmt: skip


def _kron_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    a, b = solver.shape(types[0], rank=2), solver.shape(types[1], rank=2)
    rank = max(len(a), len(b))
    one = (dim(1),)
    sizes = zip(one * (rank - len(a)) + a, one * (rank - len(b)) + b, strict=True)
    return Type(tuple(n * m for n, m in sizes), promote(types[0].dtype, types[1].dtype))


def _kron_call(lowering: Lowering, A: int, B: int) -> int:
    product = "multiply" if 0 in (lowering.type(A).rank, lowering.type(B).rank) else "kron"
    return lowering.add(product, [A, B])


register(Op(
    name="kron", family="linalg", operands=("A", "B"), infer=_kron_type, numpy="np.kron({A}, {B})", evaluate=np.kron,
    call=_kron_call, math="{A} ⊗ {B}",
    doc="The Kronecker product: each entry of A times the whole of B.", source="NumPy: kron",
    aliases={"a": "A", "b": "B"},
))  # fmt: skip


# ---------------------------------------------------------------- layers

def _linear_call(lowering: Lowering, X: int, A: int, b: int | None = None) -> int:
    lowering.shape(A, 2)
    rank = len(lowering.shape(X, 2))
    Y: int = lowering.call("matmul", A, X) if rank == 1 else lowering.call("matmul", X, lowering.call("transpose", A))
    return Y if b is None else lowering.call("add", Y, b)


register(Op(
    name="linear", family="linalg", operands=("X", "A", "b"), optional=("b",),
    evaluate=lambda X, A, b=None: np.matmul(X, np.transpose(A)) + (0 if b is None else b), call=_linear_call,
    math="{X} {A}ᵀ + {b}", doc="The linear layer with samples as rows, Y = X Aᵀ + b; one sample may be a vector.",
    source="PyTorch: linear; derivations B3",
    aliases={"input": "X", "weight": "A", "bias": "b"},
))  # fmt: skip


def _quadratic_call(lowering: Lowering, x: int, A: int, y: int) -> Any:
    rank = next((r for r in (lowering.type(x).rank, lowering.type(y).rank) if r is not None), 1)
    matrix = lowering.shape(A, 2)
    if len(matrix) != 2:
        raise ShapeError(f"`A` of `quadratic` is a matrix, not of shape {shape_text(matrix)}", operand=1)
    ranks = {len(lowering.shape(x, rank)), len(lowering.shape(y, rank))}
    if ranks not in ({1}, {2}):
        raise ShapeError("`quadratic` takes two vectors, or two matrices with the samples as rows", operand=0)
    if ranks == {2}:
        _agree(lowering, "quadratic", ((x, 0, lowering.shape(y)[0]),))
    return lowering.call("quadratic_form" if ranks == {1} else "quadratic_rows", x, A, y)


register(Op(
    name="quadratic", family="linalg", operands=("x", "A", "y"), call=_quadratic_call,
    evaluate=lambda x, A, y: np.einsum("...i,ij,...j->...", x, A, y), math="{x}ᵀ {A} {y}",
    doc="The bilinear form xᵀ A y of two vectors; of two matrices, one number per row.", source="derivations B5, B8",
))  # fmt: skip


def _agree(lowering: Lowering, name: str, wanted: Sequence[tuple[int, int, Dim]]) -> None:
    """Sizes of operands (operand, axis, size) must be these. Raises ShapeError."""
    for operand, (value, axis, size) in enumerate(wanted):
        have = lowering.shape(value)[axis]
        if not solver_of(lowering).equal(have, size):
            raise ShapeError(f"operands of `{name}` do not agree", operand=operand,
                             label=f"its size {have} should be {size}")  # fmt: skip


def _bilinear_call(lowering: Lowering, X: int, Y: int, A: int, b: int | None = None) -> Any:
    rank = next((r for r in (lowering.type(X).rank, lowering.type(Y).rank) if r is not None), 2)
    ranks = {len(lowering.shape(X, rank)), len(lowering.shape(Y, rank))}
    sizes = lowering.shape(A, 3)
    if ranks not in ({1}, {2}):
        raise ShapeError("`bilinear` takes two vectors, or two matrices with the samples as rows", operand=0)
    if len(sizes) != 3:
        raise ShapeError(f"`A` of `bilinear` is a stack of matrices, not of shape {shape_text(sizes)}", operand=2)
    _agree(lowering, "bilinear", ((X, -1, sizes[1]), (Y, -1, sizes[2])))
    if ranks == {2}:
        _agree(lowering, "bilinear", ((Y, 0, lowering.shape(X)[0]),))
    Z = lowering.call("bilinear_pair" if ranks == {1} else "bilinear_rows", X, Y, A)
    return Z if b is None else lowering.call("add", Z, b)


def _bilinear_value(X: Any, Y: Any, A: Any, b: Any = None) -> Any:
    columns = [np.sum(np.matmul(X, slice) * Y, axis=-1) for slice in np.asarray(A)]
    return np.stack(columns, axis=-1) + (0 if b is None else b)


register(Op(
    name="bilinear", family="linalg", operands=("X", "Y", "A", "b"), optional=("b",),
    evaluate=_bilinear_value, call=_bilinear_call, math="[({X} {A}ᵢ) ⊙ {Y}] 1 + {b}ᵢ",
    doc="The bilinear layer with samples as rows, Z_i = [(X A_i) ⊙ Y].sum(1) + b_i; one pair may be two vectors.",
    source="PyTorch: bilinear; derivations B9–B12",
    aliases={"input1": "X", "input2": "Y", "weight": "A", "bias": "b"},
))  # fmt: skip
