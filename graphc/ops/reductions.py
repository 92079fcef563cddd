"""Reductions: sums, means, extrema and products over axes.

The normal form of an axis is None (all of them) or a sorted tuple. What a rule needs to speak of a reduced value beside
the array it came from (`restore`, `drop`, `count`) chooses by the attributes and leaves only plain operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, LOOSE, PRODUCT, Text
from graphc.ir.bounds import maximum
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Shape, Solver, Type, Unknown
from graphc.ops.axes import normal_axes
from graphc.ops.base import CallError, Lowering, NumpyContext, Op, register
from graphc.ops.elementwise import floating, number_type

__all__ = ["Axes", "axes_of", "least_of_none", "reduced", "reduction_arguments", "reduction_text"]

Axes = tuple[int, ...] | None

REDUCED: Mapping[str, Any] = {"axis": None, "keepdims": False}


def axes_of(lowering: Lowering, x: int, axis: Any, keepdims: Any) -> Axes:
    """The axes of a reduction in normal form: None where they are all there are. Raises CallError."""
    if not isinstance(keepdims, bool):
        raise CallError("`keepdims` is true or false", argument="keepdims")
    rank = lowering.type(x).rank
    axes = normal_axes(axis, rank)
    lowering.has_axes(x, axes or ())
    return None if axes is not None and len(axes) == rank else axes


def reduced(shape: Shape, axes: Axes, keepdims: bool) -> Shape:
    """The shape that a reduction leaves."""
    if axes is None and not keepdims:
        return ()
    if isinstance(shape, Unknown):
        return Unknown.of("reduced", shape, axes, keepdims)
    gone = set(range(len(shape))) if axes is None else {a % len(shape) for a in axes}
    kept = tuple(dim(1) if i in gone else size for i, size in enumerate(shape))
    return kept if keepdims else tuple(size for i, size in enumerate(kept) if i not in gone)


def reduction_text(x: Text, method: str, axes: Axes, keepdims: bool, dtype: str | None = None) -> Text:
    """`x.sum(axis=0, keepdims=True)`"""
    return Text(f"{x.within(ATOM)}.{method}({', '.join(reduction_arguments(axes, keepdims, dtype))})")


def reduction_arguments(axes: Axes, keepdims: bool, dtype: str | None = None) -> list[str]:
    """The keyword arguments of a reduction, those that are not NumPy's defaults."""
    arguments = [] if axes is None else [f"axis={axes[0] if len(axes) == 1 else axes}"]
    arguments += ["keepdims=True"] if keepdims else []
    return arguments if dtype is None else [*arguments, f"dtype={dtype}"]


def _type(dtype: Callable[[str], str]) -> Callable[[Solver, list[Type], dict[str, Any]], Type]:
    def infer(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
        return Type(reduced(types[0].shape, attrs["axis"], attrs["keepdims"]), dtype(types[0].dtype))

    return infer


def _text(method: str) -> Callable[[NumpyContext, Node, list[Text]], Text]:
    def text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
        made_floating = node.type.is_float and not ctx.type(node.operands[0]).is_float
        dtype = ctx.dtype() if made_floating else None
        axes, keepdims = node.attr("axis"), node.attr("keepdims")
        if axes is not None and not keepdims and len(axes) == ctx.type(node.operands[0]).rank:
            axes = None  # over all of them
        return reduction_text(operands[0], method, axes, keepdims, dtype)

    return text


def _call(name: str, alone: Callable[[Lowering, int], int]) -> Callable[..., int]:
    """The normal form of a reduction; `alone` makes what it is of an entry by itself: over no axes at all."""

    def call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> int:
        if isinstance(axis, float) and name in ("max", "min"):
            raise CallError(f"`axis` of `{name}` is {axis}, not an integer", argument="axis",
                            help=f"of two values take `{name}imum(a, b)`")  # fmt: skip
        axes = axes_of(lowering, x, axis, keepdims)
        if axes == () or lowering.type(x).rank == 0:
            return alone(lowering, x)
        if name in ("max", "min"):
            _not_empty(lowering, x, axes, name)
        elif name == "largest" and not lowering.type(x).is_float:  # no integer is -inf
            _not_empty(lowering, x, axes, "max")
        return lowering.add(name, [x], {"axis": axes, "keepdims": keepdims})

    return call


def _not_empty(lowering: Lowering, x: int, axes: Axes, name: str) -> None:
    """Note that the axes of an extreme are not empty: of no entries NumPy finds none."""
    shape = lowering.type(x).shape
    if not isinstance(shape, Unknown):
        for size in shape if axes is None else [shape[a] for a in axes]:
            lowering.at_least(size, 1, name)


def _itself(lowering: Lowering, x: int) -> int:
    return x


def _counted(lowering: Lowering, x: int) -> int:
    return lowering.add("as_int", [x]) if lowering.type(x).dtype == "bool" else x


def _floating(lowering: Lowering, x: int) -> int:
    return x if lowering.type(x).is_float else lowering.add("divide", [x, lowering.tensor(1)])


def _truth(lowering: Lowering, x: int) -> int:
    return x if lowering.type(x).dtype == "bool" else lowering.add("not_equal", [x, lowering.tensor(0)])


def _same(dtype: str) -> str:
    return dtype


def _declare(
    name: str, evaluate: Callable[..., Any], dtype: Callable[[str], str], alone: Callable[[Lowering, int], int],
    math: str, doc: str,
) -> None:  # fmt: skip
    register(Op(
        name=name, family="reductions", operands=("x",), attributes=REDUCED, positional=("axis", "keepdims"),
        infer=_type(dtype), numpy=_text(name), evaluate=evaluate, call=_call(name, alone), math=math, doc=doc,
        source=f"NumPy: {name}", aliases={"a": "x"},
    ))  # fmt: skip


def _by(ufunc: Any) -> Callable[..., Any]:
    """A reduction by a function of two numbers, for reference."""

    def evaluate(x: Any, *, axis: Axes = None, keepdims: bool = False) -> Any:
        return ufunc.reduce(np.asarray(x), axis=axis, keepdims=keepdims)

    return evaluate


def _mean_value(x: Any, *, axis: Axes = None, keepdims: bool = False) -> Any:
    total = np.sum(floating(x), axis=axis, keepdims=keepdims)
    return np.divide(total, np.divide(np.size(x), max(np.size(total), 1)))


_declare("sum", _by(np.add), number_type, _counted, "Σ {x}", "The sum over axes, by default over all.")
_declare("prod", _by(np.multiply), number_type, _counted, "Π {x}",
         "The product over axes. The gradient is right where entries are zero.")  # fmt: skip
_declare("mean", _mean_value, lambda dtype: "float", _floating, "mean({x})",
         "The sum over axes, divided by the number of entries that were added.")  # fmt: skip
_declare("max", _by(np.maximum), _same, _itself, "max({x})",
         "The largest entry along axes, of which none may be empty; ties share the gradient.")  # fmt: skip
_declare("min", _by(np.minimum), _same, _itself, "min({x})",
         "The smallest entry along axes, of which none may be empty; ties share the gradient.")  # fmt: skip
_declare("all", _by(np.logical_and), lambda dtype: "bool", _truth, "∀ {x}",
         "Whether all entries along axes are true; no gradient.")  # fmt: skip
_declare("any", _by(np.logical_or), lambda dtype: "bool", _truth, "∃ {x}",
         "Whether some entry along axes is true; no gradient.")  # fmt: skip


def least_of_none(ctx: NumpyContext, node: Node) -> list[str]:
    """The argument of NumPy's maximum that makes it -inf over no entries, where that may be asked of it."""
    x, axes = ctx.type(node.operands[0]), node.attr("axis")
    if isinstance(x.shape, Unknown):
        return ["initial=-np.inf"]
    sizes = x.dims if axes is None else [x.dims[a] for a in axes]
    return [] if not x.is_float or all(map(ctx.positive, sizes)) else ["initial=-np.inf"]


def _largest_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    arguments = reduction_arguments(node.attr("axis"), node.attr("keepdims")) + least_of_none(ctx, node)
    return Text(f"{operands[0].within(ATOM)}.max({', '.join(arguments)})")


def _largest_value(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return x.max(axis=axis, keepdims=keepdims)
    return x.max(axis=axis, keepdims=keepdims, initial=-np.inf)


register(Op(
    name="largest", family="reductions", operands=("x",), attributes=REDUCED, infer=_type(_same), numpy=_largest_text,
    evaluate=_largest_value, call=_call("largest", _itself), hidden=True, math="max({x})",
    doc="The largest entry along axes, of none -inf: a shift that keeps exponentials in range; no gradient.",
    source="NumPy: max (initial)",
))  # fmt: skip


# ---------------------------------------------------------------- positions


def _position_call(name: str) -> Callable[..., int]:
    def call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> int:
        if isinstance(axis, tuple):
            raise CallError(f"`axis` of `{name}` is one axis, or none for a position among all", argument="axis")
        rank = lowering.type(x).rank
        axes = normal_axes(axis, rank)
        axes_of(lowering, x, axis, keepdims)
        _not_empty(lowering, x, axes, name)
        if rank == 0:
            return lowering.tensor(0)
        return lowering.add(name, [x], {"axis": None if rank == 1 else axes, "keepdims": keepdims})

    return call


def _position_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    return reduction_text(operands[0], node.op, node.attr("axis"), node.attr("keepdims"))


def _first(name: str) -> Callable[..., Any]:
    """The position of the first extreme entry, for reference: by comparison with the extremum."""

    def evaluate(x: Any, *, axis: Axes = None, keepdims: bool = False) -> Any:
        x = np.asarray(x)
        best = (np.maximum if name == "argmax" else np.minimum).reduce(x, axis=axis, keepdims=True)
        found = (x == best) if axis is not None else (x == best).ravel()
        along = axis[0] if axis is not None else 0
        position = np.logical_not(np.logical_or.accumulate(found, axis=along)).sum(axis=along)
        shape = reduced(tuple(map(dim, x.shape)), axis, keepdims)
        assert isinstance(shape, tuple)
        return position.reshape([size.value for size in shape])

    return evaluate


for _name, _which in (("argmax", "largest"), ("argmin", "smallest")):
    register(Op(
        name=_name, family="reductions", operands=("x",), attributes=REDUCED, positional=("axis", "keepdims"),
        infer=_type(lambda dtype: "int"), numpy=_position_text, evaluate=_first(_name), call=_position_call(_name),
        math=f"{_name}({{x}})", doc=f"The position of the {_which} entry along an axis, the first of several; without "
        "axis among all entries. No gradient.", source=f"NumPy: {_name}", aliases={"a": "x"},
    ))  # fmt: skip


# ---------------------------------------------------------------- what rules need


def _restore_call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> Any:
    if keepdims or axis is None or lowering.type(x).rank == 0:
        return x
    return lowering.call("expand_dims", x, axis=axis)


def _drop_call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> Any:
    return x if keepdims or axis is None else lowering.call("squeeze", x, axis=axis)


def _kept_call(name: str) -> Callable[..., Any]:
    def call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> Any:
        return lowering.call(name, x, axis=axis, keepdims=keepdims or axis is not None)

    return call


def _count_call(lowering: Lowering, x: int, *, axis: Any, ddof: Any) -> Any:
    shape = lowering.type(x).shape
    axes = normal_axes(axis, lowering.type(x).rank)
    if not isinstance(shape, Unknown):
        size = numel(shape if axes is None else tuple(shape[a] for a in axes))
        if isinstance(ddof, (int, Dim)):
            return lowering.tensor(maximum(size - ddof, dim(0)))
        count = lowering.tensor(size)
    elif isinstance(ddof, int):
        return lowering.add("count_of", [x], {"axis": axes, "ddof": ddof})
    else:
        count = lowering.add("count_of", [x], {"axis": axes, "ddof": 0})
    return lowering.call("subtract", count, lowering.tensor(ddof)) if ddof else count


def _count_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: Axes = node.attr("axis")
    x = operands[0].within(ATOM)
    ddof = node.attr("ddof")
    count = f"{x}.size" if axes is None else " * ".join(f"{x}.shape[{a}]" for a in axes)
    if ddof:
        return Text(f"max({count} - {ddof}, 0)")
    return Text(count, ATOM if axes is None or len(axes) == 1 else PRODUCT)


def _count_value(x: Any, *, axis: Axes = None, ddof: int = 0) -> int:
    shape = np.shape(x)
    count = 1
    for size in shape if axis is None else [shape[a] for a in axis]:
        count *= size
    return max(count - ddof, 0) if ddof else count


def _hidden(name: str, call: Callable[..., Any], doc: str, attributes: Mapping[str, Any] = REDUCED) -> None:
    register(Op(
        name=name, family="reductions", operands=("x",), attributes=attributes, call=call, hidden=True,
        doc=doc, cost="free", source="NumPy: keepdims",
    ))  # fmt: skip


_hidden("restore", _restore_call, "A reduced value with the axes put back where they are needed for broadcasting.")
_hidden("drop", _drop_call, "What `sum_kept` and `largest_kept` make, without the axes that the caller did not keep.")
_hidden("sum_kept", _kept_call("sum"), "The sum in a shape that broadcasts against the array.")
_hidden("largest_kept", _kept_call("largest"), "The largest entry in a shape that broadcasts against the array.")
_hidden("count", _count_call, "The number of entries along axes, less ddof.", {"axis": None, "ddof": 0})
register(Op(
    name="count_of", family="reductions", operands=("x",), attributes={"axis": None, "ddof": 0}, hidden=True,
    cost="free", infer=lambda solver, types, attrs: Type(()), numpy=_count_text, evaluate=_count_value, math="|{x}|",
    doc="The number of entries along axes of a value of unknown rank, less ddof and at least 0: a plain number, which "
    "takes the type of what it meets.", source="NumPy: ndarray.size",
))  # fmt: skip


def _ties_call(lowering: Lowering, x: int, *, axis: Any, keepdims: Any) -> int:
    axes = axes_of(lowering, x, axis, keepdims)
    return lowering.add("ties", [x], {"axis": axes, "keepdims": keepdims or axis is not None})


register(Op(
    name="ties", family="reductions", operands=("x",), attributes=REDUCED, infer=_type(lambda dtype: "float"),
    numpy=_text("sum"), evaluate=lambda x, *, axis, keepdims: np.count_nonzero(x, axis, keepdims=keepdims) * 1.0,
    call=_ties_call, hidden=True, math="#{x}", domain={"x": "boolean"}, source="NumPy: count_nonzero",
    doc="How many entries along axes are true: a number of the program's floating type that broadcasts against them.",
))  # fmt: skip


def _finite_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    (x,) = operands
    if node.type.rank == 0:  # a choice of Python's takes a fifth of the time of NumPy's
        return Text(f"{x} if np.isfinite({x}) else 0", LOOSE)
    return Text(f"np.where(np.isfinite({x}), {x}, 0)")


register(Op(
    name="finite", family="reductions", operands=("x",), infer=lambda solver, types, attrs: types[0],
    numpy=_finite_text, evaluate=lambda x: np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0),
    hidden=True, math="{x}", cost="cheap", elementwise=True,
    doc="The value, or 0 where it is infinite: a shift that keeps exponentials in range, and cancels; no gradient.",
    source="SciPy: logsumexp",
))  # fmt: skip
