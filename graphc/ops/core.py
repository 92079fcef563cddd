"""Leaves, sizes, and the two operations that broadcasting is made of. Programs do not call most of them by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, POWER, Text
from graphc.emitter.text import quoted
from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, Unknown, shape_text
from graphc.ops.base import REQUIRED, NumpyContext, Op, register


def _same(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0]


def _no_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    raise AssertionError("the type of a leaf is given, not inferred")


def _const_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    from graphc.ir.dims import dim

    value, sizes = attrs["value"], []
    while isinstance(value, tuple):
        sizes.append(dim(len(value)))
        value = value[0] if value else None
    return Type(tuple(sizes), attrs["dtype"])


LONGEST, SHORT = 12, 6
"""Characters of a number that nobody reads, and of one that is read at a glance."""


def _const_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    value, dtype = node.attr("value"), node.attr("dtype")
    if not isinstance(value, tuple):
        return number(value)
    kind = ctx.dtype() if dtype == "float" else dtype
    return Text(f"np.array({_listed(value)}, dtype={kind})")


def number(value: Any) -> Text:
    """A number as Python writes it; a negative one binds like a sign."""
    from graphc.emitter.expressions import SUM, UNARY

    text = repr(value)
    if isinstance(value, float) and len(text) > LONGEST and 0 < value < 1:
        rest = 1 - value
        if len(repr(rest)) <= SHORT and 1 - rest == value:  # what the program has written as `1 - 0.9`
            return Text(f"1 - {rest!r}", SUM)
    if isinstance(value, float) and len(text) > LONGEST and -1 < value < 0:
        rest = 1 + value
        if len(repr(rest)) <= SHORT and rest - 1 == value:
            return Text(f"{rest!r} - 1", SUM)
    return Text(text, UNARY if text.startswith("-") else ATOM)


def _listed(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_listed, value)) + "]"
    return repr(value)


def _const_value(*, value: Any, dtype: str) -> Any:
    return value if not isinstance(value, tuple) else np.array(value, dtype={"float": float}.get(dtype, dtype))


# ---------------------------------------------------------------- leaves

ARGUMENT = register(Op(
    name="argument", family="core", operands=(), attributes={"name": REQUIRED}, infer=_no_type, hidden=True,
    cost="free", doc="An argument of the program.",
))  # fmt: skip
register(Op(
    name="seed", family="core", operands=(), attributes={"name": REQUIRED}, infer=_no_type, hidden=True,
    cost="free", doc="An incoming cotangent.",
))  # fmt: skip
register(Op(
    name="const", family="core", operands=(), attributes={"value": REQUIRED, "dtype": "float"}, infer=_const_type,
    numpy=_const_text, evaluate=_const_value, hidden=True, cost="free", doc="A number, or an array of them.",
))  # fmt: skip
register(Op(
    name="size", family="core", operands=(), attributes={"dim": REQUIRED},
    infer=lambda solver, types, attrs: Type((), "int"), numpy=lambda ctx, node, xs: ctx.dim(node.attr("dim")),
    hidden=True, cost="free", doc="A dimension as a number.",
))  # fmt: skip
register(Op(
    name="shape_of", family="core", operands=("x",), infer=lambda solver, types, attrs: Type((), "shape"),
    numpy="{x}.shape", evaluate=np.shape, hidden=True, cost="free", doc="The shape of a value of unknown rank.",
))  # fmt: skip
register(Op(
    name="size_of", family="core", operands=("x",), attributes={"axis": REQUIRED},
    infer=lambda solver, types, attrs: Type((), "int"), numpy="{x}.shape[{axis}]",
    evaluate=lambda x, *, axis: np.shape(x)[axis], hidden=True, cost="free",
    doc="One size of a value of unknown rank.",
))  # fmt: skip
register(Op(
    name="stop_gradient", family="core", operands=("x",), infer=_same, numpy=lambda ctx, node, xs: xs[0], view=True,
    evaluate=lambda x: x, cost="free", math="{x}", doc="The value itself, through which no gradient flows.",
    source="PyTorch: Tensor.detach",
))  # fmt: skip


def _floating_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    plain = ctx.plain(node.operands[0])  # Python's own numbers have no methods, and adapt to the arrays they meet
    return Text(f"float({operands[0]})" if plain else f"{operands[0].within(ATOM)}.astype({ctx.dtype()})")


register(Op(
    name="as_float", family="core", operands=("x",), infer=lambda solver, types, attrs: Type(types[0].shape, "float"),
    numpy=_floating_text,
    evaluate=lambda x: np.asarray(x, dtype=float), hidden=True, cost="cheap", math="{x}",
    doc="Integers or booleans in the program's floating type.",
))  # fmt: skip


def _integer_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    plain = ctx.plain(node.operands[0])  # Python's own True and False have no methods
    return Text(f"int({operands[0]})" if plain else f"{operands[0].within(ATOM)}.astype(int)")


register(Op(
    name="as_int", family="core", operands=("x",), infer=lambda solver, types, attrs: Type(types[0].shape, "int"),
    numpy=_integer_text,
    evaluate=lambda x: np.asarray(x, dtype=int), hidden=True, cost="cheap", math="{x}",
    doc="Booleans as the integers 0 and 1.",
))  # fmt: skip

def _number_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    if re.fullmatch(r"-?\d[\d.e+-]*", operands[0].text):  # is one
        return operands[0]
    root = ctx.node(node.operands[0])
    size = ctx.node(root.operands[0]).attr("dim") if root.op == "sqrt" else None
    if size is not None and size.is_nonnegative() and operands[0].text.startswith("np.sqrt("):
        return Text(f"{ctx.dim(size).within(ATOM)}**0.5", POWER)  # a tenth of the time that NumPy takes for a number
    extreme = {"maximum": "max", "minimum": "min"}.get(root.op)
    if extreme and not node.type.is_float and operands[0].text.startswith(f"np.{root.op}(") and all(
        ctx.node(u).op in ("const", "number") or ctx.node(u).attr("dim") is not None for u in root.operands
    ):  # fmt: skip
        return Text(operands[0].text.replace(f"np.{root.op}", extreme, 1))
    return Text(f"{'float' if node.type.is_float else 'int'}({operands[0]})")


register(Op(
    name="number", family="core", operands=("x",), infer=_same, numpy=_number_text,
    evaluate=lambda x: x, hidden=True, cost="free", math="{x}",
    doc="A number as Python's own, which takes the floating type of the arrays it meets.",
))  # fmt: skip


def _in_range_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x, size = operands
    either = "" if node.attr("kind") == "label" else ", negative=True"
    return Text(f"{ctx.helper('in_range')}({quoted(node.attr('what'))}, {x}, {size}{either})")


def _in_range_value(x: Any, size: int, *, kind: str, what: str) -> Any:
    low = 0 if kind == "label" else -size
    if np.size(x) and (np.min(x) < low or np.max(x) >= size):
        raise ValueError(f"{what} must lie in {low}…{size - 1}")
    return x


register(Op(
    name="in_range", family="core", operands=("x", "size"), attributes={"kind": "index", "what": "integers"},
    infer=_same, numpy=_in_range_text, evaluate=_in_range_value, hidden=True, view=True, cost="free",
    doc="Integers, after a check that they lie in 0…size-1 if they are labels, in -size…size-1 if they are indices.",
))  # fmt: skip


# ---------------------------------------------------------------- broadcasting

def _to_shape(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = attrs.get("shape")
    if shape is None:  # a second operand holds it: known at run time only
        return Type(attrs.get("like") or Unknown.of("run time", *(t.shape for t in types)), types[0].dtype)
    return Type(shape, types[0].dtype)


def _sum_to_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return _to_shape(solver, types, attrs)


def _shape_argument(ctx: NumpyContext, node: Node, operands: list[Text]) -> str:
    return str(operands[1]) if len(operands) > 1 else ctx.shape(node.attr("shape"))


def _sum_to_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return Text(f"{ctx.helper('sum_to')}({operands[0]}, {_shape_argument(ctx, node, operands)})")


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum an array over the axes along which `shape` was broadcast to it."""
    x = np.asarray(x)
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1), keepdims=True)


def _sum_to_value(x: Any, target: Any = None, *, shape: tuple[int, ...] | None = None, **_: Any) -> Any:
    return sum_to(x, shape if shape is not None else target)


register(Op(
    name="sum_to", family="core", operands=("x", "*like"), attributes={"shape": None, "like": None},
    infer=_sum_to_type, numpy=_sum_to_text, evaluate=_sum_to_value, hidden=True,
    doc="The sum over the axes along which `shape` was broadcast: the transpose of broadcasting.",
))  # fmt: skip


def _broadcast_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    result = _to_shape(solver, types, attrs)
    source, target = types[0].shape, result.shape
    if not isinstance(source, Unknown) and not isinstance(target, Unknown):
        if len(source) > len(target):
            raise ShapeError(f"shape {shape_text(source)} does not broadcast to {shape_text(target)}", operand=0)
        for size, wanted in zip(source[::-1], target[::-1], strict=False):
            if size.value != 1 and not size.is_open and not wanted.is_open and not solver.equal(size, wanted):
                raise ShapeError(
                    f"shape {shape_text(source)} does not broadcast to {shape_text(target)}", operand=0,
                    label=f"dimensions {size} and {wanted} differ",
                )
    return result


def _broadcast_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    x = operands[0].text
    if node.type.is_float and ctx.plain(node.operands[0]):  # a number of Python's would make float64 of it
        x = f"{ctx.dtype()}.type({x})"
    return Text(f"np.broadcast_to({x}, {_shape_argument(ctx, node, operands)})")


def _broadcast_value(x: Any, target: Any = None, *, shape: tuple[int, ...] | None = None, **_: Any) -> Any:
    return np.broadcast_to(x, shape if shape is not None else target)


def shape_attribute(value: Any) -> tuple[Dim, ...]:
    """A shape as a call gives it (a size or a tuple of sizes) in normal form. Raises CallError."""
    from graphc.ir.dims import dim
    from graphc.ops.base import SIZES, CallError

    items = value if isinstance(value, (tuple, list)) else (value,)
    sizes = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (int, Dim)):
            raise CallError("a shape holds sizes: integers and dimensions", argument="shape", help=SIZES)
        if isinstance(item, int) and item < 0:
            raise CallError(f"a size is not negative, and this is {item}", argument="shape")
        sizes.append(dim(item))
    return tuple(sizes)


def _broadcast_call(lowering: Any, x: int, *, shape: Any, like: Any = None) -> int:
    from graphc.ops.base import dynamic_shape

    node = dynamic_shape(shape)
    if node is not None:  # the shape of a value of unknown rank
        return lowering.add("broadcast_to", [x, node.node], {"like": node.shape})  # type: ignore[no-any-return]
    return lowering.add("broadcast_to", [x], {"shape": shape_attribute(shape)})  # type: ignore[no-any-return]


register(Op(
    name="broadcast_to", family="shaping", operands=("x", "*like"), attributes={"shape": REQUIRED, "like": None},
    positional=("shape",), infer=_broadcast_type, numpy=_broadcast_text, evaluate=_broadcast_value,
    call=_broadcast_call, view=True, cost="free", math="broadcast({x})",
    doc="The array repeated along new axes and axes of size 1 up to `shape`.", source="NumPy: broadcast_to",
    aliases={"array": "x"},
))  # fmt: skip
