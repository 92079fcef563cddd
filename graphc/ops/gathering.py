"""Picking entries by arrays of indices, and adding entries at them; one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, SUM, Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import Shape, ShapeError, Solver, Type, Unknown, broadcast_shapes, shape_text
from graphc.ops.axes import normal_axis
from graphc.ops.base import REQUIRED, CallError, DynamicShape, Lowering, NumpyContext, Op, register
from graphc.ops.cuts import ARRAY, WHOLE, Index, index_texts, length, selector
from graphc.ops.indexing import gather, target_shape
from graphc.ops.integers import counting, integers, node_of

# ---------------------------------------------------------------- x[i], x[i, j], x[:, i]

def _gathered(solver: Solver, shape: Shape, pattern: Index, indices: list[Type]) -> Shape:
    """The shape that an index with arrays takes out of an array.

    As in NumPy the axes of the arrays' common shape stand where the arrays do, or in front if these are apart.
    """
    common: Shape = ()
    for type in indices:
        common = broadcast_shapes(solver, common, type.shape)
    if isinstance(shape, Unknown) or isinstance(common, Unknown):
        return Unknown.of("gather", shape if isinstance(shape, Unknown) else shape_text(shape), pattern,
                          common if isinstance(common, Unknown) else shape_text(common))  # fmt: skip
    arrays = [i for i, item in enumerate(pattern) if not (item is None or item is Ellipsis or isinstance(item, tuple))]
    together = arrays[-1] - arrays[0] == len(arrays) - 1
    result: list[Dim] = [] if together else list(common)
    sizes = iter(shape)
    for i, item in enumerate(pattern):
        if item is None or item is Ellipsis:  # of a known rank, `...` is kept only where it stands for no axis
            result += [dim(1)] if item is None else []
            continue
        size = next(sizes)
        if isinstance(item, tuple):
            result.append(length(size, item))
        elif together and i == arrays[0]:
            result.extend(common)
    return tuple(result)


def _gather_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0].with_shape(_gathered(solver, types[0].shape, attrs["pattern"], types[1:]))


def _index_items(ctx: NumpyContext, shape: Shape, pattern: Index, arrays: list[Text]) -> list[str]:
    return index_texts(ctx, None if isinstance(shape, Unknown) else shape, pattern, [str(a) for a in arrays])


def _gather_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    items = _index_items(ctx, ctx.type(node.operands[0]).shape, node.attr("pattern"), operands[1:])
    return Text(f"{operands[0].within(ATOM)}[{', '.join(items)}]")


for _name, _view in (("gather", False), ("gather_entry", True)):
    register(Op(
        name=_name, family="indexing", operands=("x", "*indices"), attributes={"pattern": REQUIRED},
        infer=_gather_type, numpy=_gather_text, hidden=True, view=_view, cost="free" if _view else "dear",
        evaluate=lambda x, *indices, pattern: np.asarray(x)[selector(pattern, indices)], math="{x}[…]",
        doc="Entries by arrays of indices: what `x[i]`, `x[i, j]`, `x[:, i]` write"
            + ("; here every index is one number, so it may be a view." if _view else "."),
        source="NumPy: advanced indexing",
    ))  # fmt: skip


def _scatter_call(lowering: Lowering, x: int, *indices: int, pattern: Index, shape: Any, **given: Any) -> int:
    attrs: dict[str, Any] = {"pattern": pattern, "like": None, "distinct": given.get("distinct", False)}
    if isinstance(shape, DynamicShape):
        return lowering.add("scatter", [x, shape.node, *indices], {**attrs, "shape": None, "like": shape.shape})
    return lowering.add("scatter", [x, *indices], {**attrs, "shape": tuple(dim(n) for n in shape)})


def scatter_texts(ctx: NumpyContext, node: Node, operands: list[Text]) -> tuple[str, str, str]:
    """The shape of a scatter's result, its index as in brackets, and the index as a value."""
    shape: tuple[Dim, ...] | None = node.attr("shape")
    target, arrays = (str(operands[1]), operands[2:]) if shape is None else (ctx.shape(shape), operands[1:])
    pattern: Index = node.attr("pattern")
    items = index_texts(ctx, shape, pattern, [str(a) for a in arrays])
    inside = ", ".join(items)
    if any(isinstance(item, tuple) and item != WHOLE for item in pattern) or ":" in items or "..." in items:
        return target, inside, f"np.s_[{inside}]"
    return target, inside, items[0] if len(items) == 1 else f"({inside})"


def _scatter_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    target, _, index = scatter_texts(ctx, node, operands)
    # indices that are all different need no adding up
    return Text(f"{ctx.helper('unslice' if node.attr('distinct') else 'scatter')}({operands[0]}, {target}, {index})")


def _scatter_value(x: Any, *indices: Any, pattern: Index, shape: Any, like: Any = None, distinct: bool = False) -> Any:
    if shape is None:
        shape, *rest = indices
        indices = tuple(rest)
    result = np.zeros(shape, np.asarray(x).dtype)
    np.add.at(result, selector(pattern, indices), x)
    return result


register(Op(
    name="scatter", family="indexing", operands=("x", "*indices"),
    attributes={"pattern": REQUIRED, "shape": REQUIRED, "like": None, "distinct": False}, infer=target_shape,
    numpy=_scatter_text, evaluate=_scatter_value, call=_scatter_call, hidden=True, math="Σ 0[… ← {x}]",
    doc="Zeros of a shape with the entries added at their indices: the transpose of `gather`.", source="NumPy: add.at",
))  # fmt: skip


# ---------------------------------------------------------------- by name

def _take_call(lowering: Lowering, x: int, i: int, *, axis: Any) -> int:
    i = integers(lowering, i)
    if axis is None:
        unknown = lowering.type(x).rank is None
        x, axis = lowering.add("ravel", [x]) if unknown else lowering.call("reshape", x, shape=-1), 0
    rank = lowering.type(x).rank
    if rank is None and axis != 0:
        rank = len(lowering.shape(x))
    place = normal_axis(axis, rank)
    if rank is None:
        return gather(lowering, x, [i], (ARRAY,))
    pattern = tuple(ARRAY if k == place else WHOLE for k in range(rank))
    return gather(lowering, x, [i], pattern)


register(Op(
    name="take", family="indexing", operands=("x", "i"), attributes={"axis": 0}, positional=("axis",),
    evaluate=lambda x, i, *, axis=0: np.take(x, i, axis), call=_take_call, indices=("i",),
    domain={"i": "index:x"}, math="{x}[{i}]", doc="The entries at the indices i along an axis (none: of all entries).",
    source="NumPy: take",
    aliases={"a": "x", "indices": "i"},
))  # fmt: skip


def _embedding_call(lowering: Lowering, i: int, W: int) -> int:
    i = integers(lowering, i)
    rank = len(lowering.shape(W, 2))
    if not rank:
        raise ShapeError("an embedding needs a table of rows", operand=1)
    return gather(lowering, W, [i], (ARRAY, *[WHOLE] * (rank - 1)))


register(Op(
    name="embedding", family="indexing", operands=("i", "W"),
    evaluate=lambda i, W: np.asarray(W)[np.asarray(i)], call=_embedding_call, indices=("i",),
    domain={"i": "index:W"}, math="{W}[{i}]", doc="The rows of W at the indices i.", source="PyTorch: embedding",
    aliases={"input": "i", "weight": "W"},
))  # fmt: skip


def _scatter_add_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    x, i, u = types
    if not isinstance(x.shape, Unknown):
        if not x.shape:
            raise ShapeError("`scatter_add` needs an array with rows", operand=0)
        if not isinstance(i.shape, Unknown) and not isinstance(u.shape, Unknown):
            rows = i.shape + x.shape[1:]
            if broadcast_shapes(solver, u.shape, rows) != rows:
                raise ShapeError(f"shape {shape_text(u.shape)} does not fit the rows, {shape_text(rows)}", operand=2)
    return x


def _scatter_add_call(lowering: Lowering, x: int, i: int, u: int) -> int:
    i, shape = integers(lowering, i), lowering.type(x).shape
    if isinstance(shape, Unknown):
        i = lowering.limit_along(i, x, 0)
    elif shape:
        i = lowering.limit(i, shape[0])
    kinds = [lowering.type(value).dtype for value in (x, u)]
    if not lowering.type(x).is_float and lowering.type(u).is_float:
        x = lowering.add("as_float", [x])
    elif kinds[0] == "bool":
        x = lowering.add("as_int", [x])
    return lowering.add("scatter_add", [x, i, u])


def _scatter_add_value(x: Any, i: Any, u: Any) -> Any:
    result = np.array(x)
    rows = np.asarray(i)
    updates = np.broadcast_to(u, rows.shape + result.shape[1:])
    for place in np.ndindex(*rows.shape):
        result[rows[place]] += updates[place]
    return result


register(Op(
    name="scatter_add", family="indexing", operands=("x", "i", "u"), infer=_scatter_add_type,
    numpy=lambda ctx, node, xs: Text(f"{ctx.helper('scatter_add')}({xs[0]}, {xs[1]}, {xs[2]})"),
    evaluate=_scatter_add_value, call=_scatter_add_call, indices=("i",), domain={"i": "index:x"},
    math="{x} + Σ {u} at {i}", doc="The array with u added at the rows i; rows that occur several times add up.",
    source="NumPy: add.at; PyTorch: Tensor.scatter_add",
))  # fmt: skip


def _part_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x, u, *arrays = operands
    shape = ctx.type(node.operands[0]).shape
    inside = ", ".join(_index_items(ctx, shape, node.attr("pattern"), arrays))
    target = f"{x.within(ATOM)}.shape" if isinstance(shape, Unknown) else ctx.shape(shape)
    part = f"{ctx.helper('unslice')}({u}, {target}, np.s_[{inside}])"
    return Text(f"{x} {'-' if node.attr('minus') else '+'} {part}", SUM)


def _part_value(x: Any, u: Any, *indices: Any, pattern: Index, minus: bool = False) -> Any:
    result = np.array(x)
    np.add.at(result, selector(pattern, indices), -np.asarray(u) if minus else u)
    return result


register(Op(
    name="add_part", family="indexing", operands=("x", "u", "*indices"),
    attributes={"pattern": REQUIRED, "minus": False}, infer=lambda solver, types, attrs: types[0], numpy=_part_text,
    precedence=SUM, evaluate=_part_value, hidden=True, math="{x} + 0[… ← {u}]",
    doc="The array with u added to entries that an index picks, each of them once; with `minus` subtracted.",
    source="NumPy: x[…] += u",
))  # fmt: skip


# ---------------------------------------------------------------- along an axis

def _along_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    x, i = types[0].shape, types[1].shape
    if isinstance(x, Unknown) or isinstance(i, Unknown):
        shapes = (s if isinstance(s, Unknown) else shape_text(s) for s in (x, i))
        return types[0].with_shape(Unknown.of("along", *shapes, attrs["axis"]))
    if len(x) != len(i):
        raise ShapeError(f"indices of shape {shape_text(i)} do not fit an array of shape {shape_text(x)}", operand=1,
                         label="both must have equally many axes")  # fmt: skip
    axis = attrs["axis"] % len(x)
    rest = broadcast_shapes(solver, (*x[:axis], dim(1), *x[axis + 1 :]), (*i[:axis], dim(1), *i[axis + 1 :]))
    assert isinstance(rest, tuple)
    return types[0].with_shape((*rest[:axis], i[axis], *rest[axis + 1 :]))


def _labels_along(lowering: Lowering, i: int, shape: Shape, axis: int) -> int | None:
    """The y of `take_along_axis(X, y[:, None], axis=1)`, which is `X[arange(N), y][:, None]`: a label per row."""
    column = node_of(lowering, i)
    if isinstance(shape, Unknown) or len(shape) != 2 or axis != 1 or column.op != "expand_dims":
        return None
    labels = column.operands[0]
    return labels if lowering.type(labels).shape == shape[:1] and column.attr("axis") == (1,) else None


def _along_call(lowering: Lowering, x: int, i: int, *, axis: Any) -> int:
    i = integers(lowering, i)
    if axis is None:
        return _along_call(lowering, lowering.call("flatten", x), i, axis=0)
    place, shape = normal_axis(axis, lowering.type(x).rank), lowering.type(x).shape
    lowering.has_axes(x, [place])
    labels = _labels_along(lowering, i, shape, place)
    if labels is not None:
        rows = lowering.add("arange", [], counting(dim(shape[0])))  # type: ignore[index]
        picked = gather(lowering, x, [rows, labels], (ARRAY, ARRAY))
        return lowering.add("expand_dims", [picked], {"axis": (1,)})
    i = lowering.limit_along(i, x, place) if isinstance(shape, Unknown) else lowering.limit(i, shape[place])
    return lowering.add("take_along_axis", [x, i], {"axis": place})


register(Op(
    name="take_along_axis", family="indexing", operands=("x", "i"), attributes={"axis": -1}, positional=("axis",),
    infer=_along_type, numpy="np.take_along_axis({x}, {i}, axis={axis})",
    evaluate=lambda x, i, *, axis=-1: np.take_along_axis(x, i, axis), call=_along_call, indices=("i",),
    domain={"i": "index:x"}, math="{x}[{i}]", doc="For each place the entry at its own index along an axis.",
    source="NumPy: take_along_axis",
    aliases={"arr": "x", "indices": "i"},
))  # fmt: skip


def _unalong_call(lowering: Lowering, x: int, i: int, *, axis: int, shape: Any, like: Any = None) -> int:
    if isinstance(shape, DynamicShape):
        attrs = {"axis": axis, "shape": None, "like": shape.shape}
        return lowering.add("scatter_along_axis", [x, i, shape.node], attrs)
    attrs = {"axis": axis, "shape": tuple(dim(n) for n in shape), "like": None}
    return lowering.add("scatter_along_axis", [x, i], attrs)


def _unalong_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    shape = node.attr("shape")
    target = str(operands[2]) if shape is None else ctx.shape(shape)
    return Text(f"{ctx.helper('scatter_along')}({operands[0]}, {operands[1]}, {node.attr('axis')}, {target})")


def _unalong_value(x: Any, i: Any, target: Any = None, *, axis: int, shape: Any, like: Any = None) -> Any:
    x = np.asarray(x)
    result = np.zeros(target if shape is None else shape, x.dtype)
    wide = np.broadcast_to(i, x.shape)
    for place in np.ndindex(*x.shape):
        to = tuple(0 if n == 1 else k for k, n in zip(place, result.shape, strict=True))
        result[(*to[: axis % x.ndim], wide[place], *to[axis % x.ndim + 1 :])] += x[place]
    return result


register(Op(
    name="scatter_along_axis", family="indexing", operands=("x", "i", "*like"),
    attributes={"axis": REQUIRED, "shape": REQUIRED, "like": None}, infer=target_shape, numpy=_unalong_text,
    evaluate=_unalong_value, call=_unalong_call, indices=("i",), hidden=True, math="Σ 0[{i} ← {x}]",
    doc="Zeros of a shape with each entry added at its own index along an axis: the transpose of `take_along_axis`.",
))  # fmt: skip


# ---------------------------------------------------------------- labels

def _one_hot_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = types[0].shape
    n = attrs["n"]
    if isinstance(shape, Unknown):
        return Type(Unknown.of("one_hot", shape, n, least=shape.least + 1))
    return Type((*shape, dim(n)))


def _one_hot_call(lowering: Lowering, i: int, *, n: Any) -> int:
    if isinstance(n, bool) or not isinstance(n, (int, Dim)):
        raise CallError("`n` of `one_hot` is a size: an integer or a dimension", argument="n")
    return lowering.add("one_hot", [lowering.limit(integers(lowering, i), dim(n))], {"n": n})


def _one_hot_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    n = node.attr("n")
    if isinstance(n, int) and n <= 256:  # the rows of a small identity matrix
        return Text(f"np.eye({n}, dtype={ctx.dtype()})[{operands[0]}]")
    return Text(f"{ctx.helper('one_hot')}({operands[0]}, {ctx.dim(n)}, {ctx.dtype()})")


register(Op(
    name="one_hot", family="indexing", operands=("i",), attributes={"n": REQUIRED}, positional=("n",),
    infer=_one_hot_type, numpy=_one_hot_text, evaluate=lambda i, *, n: np.eye(n)[np.asarray(i)], call=_one_hot_call,
    indices=("i",), domain={"i": "index:n"}, cost="cheap", math="onehot({i})",
    doc="For each index a row of n entries: 1 at the index, else 0.", source="PyTorch: one_hot",
    aliases={"tensor": "i", "num_classes": "n"},
))  # fmt: skip


def _labels(lowering: Lowering, S: int, y: int) -> tuple[int, int]:
    """Rows and their labels, checked to fit each other."""
    shape = lowering.shape(S, 2)
    lowering.index(y, shape[:-1])
    return S, integers(lowering, y)


def _pick_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    _check_labels(solver, types)
    return types[0].with_shape(types[1].shape)


def _check_labels(solver: Solver, types: list[Type]) -> None:
    shape, labels = types[0].shape, types[1].shape
    if isinstance(shape, Unknown) or isinstance(labels, Unknown):
        return
    agree = len(labels) == len(shape) - 1 and all(
        solver.equal(a, b) for a, b in zip(shape[:-1], labels, strict=True)
    )
    if not agree:
        raise ShapeError(f"labels of shape {shape_text(labels)} do not fit rows of shape {shape_text(shape)}",
                         operand=1, label="one label per row is wanted")  # fmt: skip


def _pick_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    S, y = operands
    shape = ctx.type(node.operands[0]).dims
    if len(shape) == 1:
        return Text(f"{S.within(ATOM)}[{y}]")
    if len(shape) == 2:
        return Text(f"{S.within(ATOM)}[np.arange({ctx.dim(shape[0])}), {y}]")
    return Text(f"np.take_along_axis({S}, {y.within(ATOM)}[..., None], axis=-1)[..., 0]")


def _pick_value(S: Any, y: Any) -> Any:
    return np.take_along_axis(np.asarray(S), np.asarray(y)[..., None], axis=-1)[..., 0]


register(Op(
    name="pick", family="indexing", operands=("S", "y"), infer=_pick_type, numpy=_pick_text, evaluate=_pick_value,
    call=lambda lowering, S, y: lowering.add("pick", _labels(lowering, S, y)), indices=("y",),
    domain={"y": "labels"}, hidden=True, math="{S}[i, {y}ᵢ]", doc="The entry of each row at its label.",
))  # fmt: skip


def _unpick_call(lowering: Lowering, x: int, y: int, *, n: Any) -> int:
    row = lowering.call("one_hot", y, n=n)
    product: int = lowering.call("multiply", lowering.call("expand_dims", x, axis=-1), row)
    return product


register(Op(
    name="unpick", family="indexing", operands=("x", "y"), attributes={"n": REQUIRED}, positional=("n",),
    evaluate=lambda x, y, *, n: np.asarray(x)[..., None] * np.eye(n)[np.asarray(y)], call=_unpick_call,
    indices=("y",), hidden=True, math="{x} onehot({y})",
    doc="Rows of n zeros with one entry at the label: the transpose of `pick`.",
))  # fmt: skip


def _less_one_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    _check_labels(solver, types)
    return types[0]


def _less_one_value(P: Any, y: Any) -> Any:
    return P - np.eye(np.shape(P)[-1])[np.asarray(y)]


register(Op(
    name="subtract_one_hot", family="indexing", operands=("P", "y"), infer=_less_one_type,
    numpy=lambda ctx, node, xs: Text(f"{ctx.helper('subtract_one_hot')}({xs[0]}, {xs[1]})"),
    evaluate=_less_one_value, call=lambda lowering, P, y: lowering.add("subtract_one_hot", _labels(lowering, P, y)),
    indices=("y",), domain={"y": "labels"}, hidden=True, cost="cheap", math="{P} - onehot({y})",
    doc="Each row with 1 subtracted at its label.", source="derivations A1",
))  # fmt: skip
