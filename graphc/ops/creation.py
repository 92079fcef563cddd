"""Arrays that a program makes from nothing, or from the shape of another one. They have no gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.emitter.expressions import Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown, broadcast_shapes, shape_text
from graphc.ops.base import REQUIRED, CallError, DynamicShape, Lowering, NumpyContext, Op, register
from graphc.ops.core import shape_attribute
from graphc.ops.cuts import plain

# ---------------------------------------------------------------- of a given shape


def _given_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return Type(tuple(dim(size) for size in attrs["shape"]))


def _shown(ctx: NumpyContext, node: Node) -> str:
    """The shape, of a vector its size."""
    shape = node.attr("shape")
    return str(ctx.dim(shape[0])) if len(shape) == 1 else ctx.shape(shape)


def _filled(name: str, ufunc: str, doc: str) -> None:
    def call(lowering: Lowering, *, shape: Any) -> int:
        if isinstance(shape, DynamicShape):
            result: int = lowering.call(f"{name}_like", shape.of)
            return result
        return lowering.add(name, [], {"shape": shape_attribute(shape)})

    register(Op(
        name=name, family="shaping", operands=(), attributes={"shape": REQUIRED}, positional=("shape",),
        infer=_given_type, call=call, cost="cheap", math="0" if name == "zeros" else "1", doc=doc,
        numpy=lambda ctx, node, xs: Text(f"{ufunc}({_shown(ctx, node)}, dtype={ctx.dtype()})"),
        evaluate=lambda *, shape: getattr(np, name)(shape), source=f"NumPy: {name}",
    ))  # fmt: skip
    def like(lowering: Lowering, x: int) -> int:
        type = lowering.type(x)
        if type.shape != ():
            return lowering.add(f"{name}_like", [x])
        number = getattr(np, name)((), type.dtype).item()
        return lowering.tensor(number)  # NumPy has no array like a number, but makes a float64 of it

    register(Op(
        name=f"{name}_like", family="shaping", operands=("x",), infer=lambda solver, types, attrs: types[0],
        call=like, numpy=f"{ufunc}_like({{x}})", evaluate=getattr(np, f"{name}_like"), cost="cheap",
        math="0" if name == "zeros" else "1", doc=f"{doc.rstrip('.')} of another array.",
        source=f"NumPy: {name}_like", aliases={"a": "x"},
    ))  # fmt: skip


_filled("zeros", "np.zeros", "Zeros in a shape.")
_filled("ones", "np.ones", "Ones in a shape.")


def _full_call(lowering: Lowering, *, shape: Any, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CallError("`value` of `full` is a number", argument="value",
                        help="`broadcast_to(x, shape)` fills a shape with a tensor")  # fmt: skip
    if isinstance(shape, DynamicShape):
        result: int = lowering.call("full_like", shape.of, lowering.tensor(float(value)))
        return result
    return lowering.add("full", [], {"shape": shape_attribute(shape), "value": value})


register(Op(
    name="full", family="shaping", operands=(), attributes={"shape": REQUIRED, "value": REQUIRED},
    positional=("shape", "value"), infer=_given_type, call=_full_call, cost="cheap", math="{value}",
    numpy=lambda ctx, node, xs: Text(
        f"np.full({_shown(ctx, node)}, {node.attr('value')!r}, dtype={ctx.dtype()})"
    ),
    evaluate=lambda *, shape, value: np.full(shape, float(value)), doc="One number in a shape.", source="NumPy: full",
    aliases={"fill_value": "value"},
))  # fmt: skip


def _full_like_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    x, v = types
    known = not isinstance(x.shape, Unknown) and not isinstance(v.shape, Unknown)
    if known and broadcast_shapes(solver, v.shape, x.shape) != x.shape:
        raise ShapeError(f"shape {shape_text(v.shape)} does not fill {shape_text(x.shape)}", operand=1)
    return x


def _full_like_call(lowering: Lowering, x: int, v: int) -> int:
    if lowering.type(x) != Type((), "float") or lowering.type(v).shape != ():
        return lowering.add("full_like", [x, v])
    return v if lowering.type(v).is_float else lowering.add("as_float", [v])


register(Op(
    name="full_like", family="shaping", operands=("x", "v"), infer=_full_like_type, numpy="np.full_like({x}, {v})",
    call=_full_like_call, evaluate=np.full_like, cost="cheap", math="{v}",
    doc="The value v in the shape of x; v may be an array that broadcasts to it.", source="NumPy: full_like",
    aliases={"a": "x", "fill_value": "v"},
))  # fmt: skip


# ---------------------------------------------------------------- the identity

def _size(value: Any, name: str) -> Dim | int:
    if isinstance(value, bool) or not isinstance(value, (int, Dim)):
        raise CallError(f"`{name}` is a size: an integer or a dimension", argument=name)
    return plain(value)


def _eye_call(lowering: Lowering, *, n: Any, m: Any, k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int):
        raise CallError("`k` is an integer: the diagonal's place", argument="k")
    rows = _size(n, "n")
    columns = rows if m is None else _size(m, "m")
    return lowering.add("eye", [], {"n": rows, "m": columns, "k": k})


def _eye_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    n, m, k = node.attr("n"), node.attr("m"), node.attr("k")
    sizes = str(ctx.dim(n)) if m == n else f"{ctx.dim(n)}, {ctx.dim(m)}"
    return Text(f"np.eye({sizes}, {f'k={k}, ' if k else ''}dtype={ctx.dtype()})")


register(Op(
    name="eye", family="shaping", operands=(), attributes={"n": REQUIRED, "m": None, "k": 0},
    positional=("n", "m", "k"), infer=lambda solver, types, attrs: Type((dim(attrs["n"]), dim(attrs["m"]))),
    numpy=_eye_text, evaluate=lambda *, n, m=None, k=0: np.eye(n, m, k), call=_eye_call, cost="cheap", math="I",
    doc="Ones on the k-th diagonal of an n × m matrix, else zeros.", source="NumPy: eye",
    aliases={"N": "n", "M": "m"},
))  # fmt: skip


# ---------------------------------------------------------------- counting

def _arange_call(lowering: Lowering, *, start: Any, stop: Any, step: Any, dtype: Any) -> int:
    if dtype not in ("float", "int"):
        raise CallError('`dtype` of `arange` is "float" or "int"', argument="dtype")
    if stop is None:
        start, stop = 0, start
    for name, value in (("start", start), ("stop", stop), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, (int, float, Dim)):
            raise CallError(f"`{name}` of `arange` is a number or a size", argument=name)
    if isinstance(step, Dim) or step == 0:
        raise CallError("`step` of `arange` is a number other than 0", argument="step")
    if any(isinstance(v, float) for v in (start, stop, step)) and any(isinstance(v, Dim) for v in (start, stop)):
        raise CallError("`arange` counts over sizes in whole steps", argument="step")
    if dtype == "int" and any(isinstance(v, float) for v in (start, stop, step)):
        raise CallError("integers are counted from an integer on, in whole steps", argument="dtype")
    return lowering.add("arange", [], {"start": start, "stop": stop, "step": step, "dtype": dtype})


def _arange_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    start, stop, step = attrs["start"], attrs["stop"], attrs["step"]
    if isinstance(step, float) or isinstance(start, float) or isinstance(stop, float):
        return Type((dim(max(0, math.ceil((stop - start) / step))),), attrs["dtype"])
    span = dim(stop) - start if step > 0 else dim(start) - stop
    count = span if abs(step) == 1 else (span + (abs(step) - 1)) // abs(step)
    if count.value is not None:
        count = dim(max(0, count.value))
    return Type((count,), attrs["dtype"])


def _arange_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    start, stop, step = (node.attr(name) for name in ("start", "stop", "step"))
    shown = [str(ctx.dim(v)) if isinstance(v, Dim) else repr(v) for v in (start, stop, step)]
    if step == 1:
        shown = shown[:2] if start != 0 else shown[1:2]
    if node.attr("dtype") == "float":
        shown.append(f"dtype={ctx.dtype()}")
    return Text(f"np.arange({', '.join(shown)})")


register(Op(
    name="arange", family="shaping", operands=(),
    attributes={"start": REQUIRED, "stop": None, "step": 1, "dtype": "float"}, positional=("start", "stop", "step"),
    infer=_arange_type, numpy=_arange_text,
    evaluate=lambda *, start, stop, step=1, dtype="float": np.arange(start, stop, step, dtype=dtype),
    call=_arange_call, cost="cheap", math="(0 … n−1)",
    doc="The numbers from start (0) up to stop, which is left out; floating, or integers where it is an index or a\n"
        'label or the dtype is "int".',
    source="NumPy: arange",
))  # fmt: skip
