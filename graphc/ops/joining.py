"""Putting arrays together and taking them apart; repeating, padding and turning them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphc.emitter.expressions import ATOM, Text
from graphc.ir.dims import Dim, dim
from graphc.ir.graph import Node
from graphc.ir.types import ShapeError, Solver, Type, promote, shape_text
from graphc.ops.axes import normal_axes, normal_axis
from graphc.ops.base import REQUIRED, CallError, Lowering, NumpyContext, Op, register
from graphc.ops.borders import BORDERS, bordered
from graphc.ops.cuts import WHOLE, Cut, bounded, plain
from graphc.ops.indexing import lower_index

# ---------------------------------------------------------------- concatenate, stack


def _common_rank(lowering: Lowering, xs: Sequence[int], name: str) -> int:
    """The rank of operands that must all have the same; an undeclared one takes it from the others."""
    if not xs:
        raise CallError(f"`{name}` needs at least one array")
    rank = next((r for r in (lowering.type(x).rank for x in xs) if r is not None), None)
    ranks = [len(lowering.shape(x, rank)) for x in xs]
    if len(set(ranks)) > 1:
        place = next(i for i, r in enumerate(ranks) if r != ranks[0])
        shapes = ", ".join(shape_text(lowering.type(x).shape) for x in xs)
        raise ShapeError(f"the arrays of `{name}` have different ranks: {shapes}", operand=place)
    return ranks[0]


def _concatenate_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    axis = attrs["axis"]
    shapes = [solver.shape(t) for t in types]
    first = shapes[0]
    total = dim(0)
    for i, shape in enumerate(shapes):
        total = total + shape[axis]
        _agree(solver, first, shape, i, "concatenate", axis)
    return Type((*first[:axis], total, *first[axis + 1 :]), promote(*(t.dtype for t in types)))


def _agree(solver: Solver, first: tuple[Dim, ...], shape: tuple[Dim, ...], place: int, name: str, free: int) -> None:
    """Sizes of two arrays must be equal, but for one axis. Raises ShapeError."""
    for k, (a, b) in enumerate(zip(first, shape, strict=True)):
        if k != free and not solver.equal(a, b):
            raise ShapeError(
                f"the arrays of `{name}` do not agree: {shape_text(first)} and {shape_text(shape)}", operand=place,
                label=f"sizes {a} and {b} of axis {k} differ",
            )  # fmt: skip


def _concatenate_call(lowering: Lowering, *xs: int, axis: Any) -> int:
    if axis is None:
        xs = tuple(lowering.call("flatten", x) for x in xs)
        axis = 0
    rank = _common_rank(lowering, xs, "concatenate")
    if rank == 0:
        raise ShapeError("scalars cannot be concatenated", operand=0, help="`stack([a, b])` makes an array of them")
    place = normal_axis(axis, rank)
    return xs[0] if len(xs) == 1 else lowering.add("concatenate", xs, {"axis": place})


register(Op(
    name="concatenate", family="shaping", operands=("*xs",), attributes={"axis": 0}, positional=("axis",),
    infer=_concatenate_type, call=_concatenate_call,
    numpy=lambda ctx, node, xs: Text(f"np.concatenate([{', '.join(map(str, xs))}], axis={node.attr('axis')})"),
    evaluate=lambda *xs, axis=0: np.concatenate(xs, axis), math="[{xs}]",
    doc="Arrays one after the other along an axis.", source="NumPy: concatenate",
))  # fmt: skip


def _stack_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shapes = [solver.shape(t) for t in types]
    for i, shape in enumerate(shapes):
        _agree(solver, shapes[0], shape, i, "stack", -1)
    axis = attrs["axis"]
    return Type((*shapes[0][:axis], dim(len(types)), *shapes[0][axis:]), promote(*(t.dtype for t in types)))


def _stack_call(lowering: Lowering, *xs: int, axis: Any) -> int:
    rank = _common_rank(lowering, xs, "stack")
    return lowering.add("stack", xs, {"axis": normal_axis(axis, rank + 1)})


def _stack_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    listed = "[" + ", ".join(map(str, operands)) + "]"
    if node.type.rank == 1:  # of numbers, among them perhaps plain ones of Python
        return Text(f"np.array({listed}{f', dtype={ctx.dtype()}' if node.type.is_float else ''})")
    return Text(f"np.stack({listed}, axis={node.attr('axis')})")


register(Op(
    name="stack", family="shaping", operands=("*xs",), attributes={"axis": 0}, positional=("axis",),
    infer=_stack_type, numpy=_stack_text, evaluate=lambda *xs, axis=0: np.stack(xs, axis), call=_stack_call,
    math="[{xs}]", doc="Arrays of one shape along a new axis.", source="NumPy: stack", aliases={"arrays": "xs"},
))  # fmt: skip


# ---------------------------------------------------------------- split

def _split_call(lowering: Lowering, x: int, *, sections: Any, axis: Any) -> tuple[int, ...]:
    shape = lowering.shape(x)
    place = normal_axis(axis, len(shape))
    size = shape[place]
    if isinstance(sections, Dim):
        sections = plain(sections)
    if isinstance(sections, int) and not isinstance(sections, bool):
        if sections < 1:
            raise CallError(f"an array cannot be split into {sections} parts", argument="sections")
        part = size // sections
        if size.value is not None and size.value % sections:
            raise ShapeError(f"axis {place} of size {size} cannot be split into {sections} equal parts", operand=0)
        bounded(lowering, part * sections, size, f"a split into {sections} equal parts")
        whole = (WHOLE,) * (len(shape) - place - 1)
        ends = [plain(part * k) for k in range(1, sections)]
        last = None if part * sections == size else plain(part * sections)  # each part is as long as the others
        return tuple(
            lowering.add("slice", [x], {"index": (*(WHOLE,) * place, (start, stop, None), *whole)})
            for start, stop in pairwise([None, *ends, last])
        ) if sections > 1 else (x,)
    places = sections if isinstance(sections, (tuple, list)) else [None]
    if any(isinstance(at, bool) or not isinstance(at, (int, Dim)) for at in places):
        raise CallError("`split` takes the number of parts, or a list of the places to cut at", argument="sections")
    before = (Cut(),) * place
    return tuple(
        lower_index(lowering, x, (*before, Cut(start, stop))) for start, stop in pairwise([None, *sections, None])
    )


register(Op(
    name="split", family="shaping", operands=("x",), attributes={"sections": REQUIRED, "axis": 0},
    positional=("sections", "axis"), call=_split_call, view=True,
    evaluate=lambda x, *, sections, axis=0: tuple(np.split(x, sections, axis)), math="{x}[…]",
    doc="The parts of an array along an axis: equally many entries in each, or cut at the given places.",
    source="NumPy: split",
    aliases={"ary": "x", "indices_or_sections": "sections"},
))  # fmt: skip


# ---------------------------------------------------------------- pad

def _widths(width: Any, rank: int) -> tuple[tuple[Any, Any], ...]:
    """NumPy's forms of `pad_width` as one pair per axis. Raises CallError."""

    def is_size(value: Any) -> bool:
        return isinstance(value, (int, Dim)) and not isinstance(value, bool)

    pairs: list[tuple[Any, Any]]
    if is_size(width):
        pairs = [(width, width)]
    elif isinstance(width, (tuple, list)) and len(width) == 2 and all(map(is_size, width)):
        pairs = [(width[0], width[1])]
    elif isinstance(width, (tuple, list)) and len(width) == 1 and is_size(width[0]):
        pairs = [(width[0], width[0])]
    elif isinstance(width, (tuple, list)) and all(
        isinstance(w, (tuple, list)) and len(w) in (1, 2) and all(map(is_size, w)) for w in width
    ):
        pairs = [(w[0], w[-1]) for w in width]
    else:
        raise CallError("`width` is a number, a pair (before, after), or a pair for each axis", argument="width")
    if len(pairs) == 1:
        pairs = pairs * rank
    if len(pairs) != rank:
        raise CallError(f"`width` has {len(pairs)} pairs for an array of rank {rank}", argument="width")
    for size in (plain(size) for pair in pairs for size in pair):
        if isinstance(size, int) and size < 0:
            raise CallError("the width of a border is not negative", argument="width")
    return tuple((plain(a), plain(b)) for a, b in pairs)


def _pad_call(lowering: Lowering, x: int, *, width: Any, mode: Any, value: Any) -> int:
    if not isinstance(mode, str) and value == 0:  # `pad(x, 1, 3)`: the value, where NumPy has the mode
        mode, value = "constant", mode
    if mode != "constant" and mode not in BORDERS:
        modes = ", ".join(f'"{name}"' for name in ("constant", *BORDERS))
        raise CallError(f"`mode` of `pad` is one of {modes}", argument="mode")
    widths = _widths(width, len(lowering.shape(x)))
    if mode in BORDERS:
        if value != 0:
            raise CallError(f'a border with mode="{mode}" has no value', argument="value")
        return bordered(lowering, x, widths, mode)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CallError("`value` of `pad` is a number", argument="value")
    return x if all(pair == (0, 0) for pair in widths) else lowering.add("pad", [x], {"width": widths, "value": value})


def _pad_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape = solver.shape(types[0])
    return types[0].with_shape(tuple(n + a + b for n, (a, b) in zip(shape, attrs["width"], strict=True)))


def _pad_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    widths: tuple[tuple[Any, Any], ...] = node.attr("width")
    pairs = [f"({ctx.dim(a)}, {ctx.dim(b)})" for a, b in widths]
    value = node.attr("value")
    if len(set(widths)) > 1:
        given = f"{operands[0]}, ({', '.join(pairs)}){f', {value!r}' if value else ''}"
        return Text(f"{ctx.helper('with_border')}({given})")
    shown = str(ctx.dim(widths[0][0])) if widths[0][0] == widths[0][1] else pairs[0]
    return Text(f"np.pad({operands[0]}, {shown}{f', constant_values={value!r}' if value else ''})")


register(Op(
    name="pad", family="shaping", operands=("x",), attributes={"width": REQUIRED, "mode": "constant", "value": 0},
    positional=("width", "mode", "value"), infer=_pad_type, numpy=_pad_text, call=_pad_call,
    evaluate=lambda x, *, width, value=0: np.pad(x, width, constant_values=value), math="pad({x})",
    doc="The array with a border of `value`; `width` as NumPy's pad_width. With the modes edge, reflect, symmetric\n"
        "and wrap the border has the array's own entries.",
    source="NumPy: pad",
    aliases={"array": "x", "pad_width": "width", "constant_values": "value"},
))  # fmt: skip


# ---------------------------------------------------------------- tile, repeat

def _count(value: Any, name: str) -> Dim | int:
    if isinstance(value, bool) or not isinstance(value, (int, Dim)) or (isinstance(value, int) and value < 0):
        raise CallError(f"`{name}` counts repetitions: an integer or a dimension, not negative", argument=name)
    return plain(value)


def _tile_call(lowering: Lowering, x: int, *, reps: Any) -> int:
    rank = len(lowering.shape(x))
    counts = tuple(_count(r, "reps") for r in (reps if isinstance(reps, (tuple, list)) else (reps,)))
    counts = (1,) * (rank - len(counts)) + counts
    if len(counts) > rank:
        x = lowering.call("expand_dims", x, axis=tuple(range(len(counts) - rank)))
    if all(c == 1 for c in counts):
        return x
    shape = lowering.shape(x)
    if all(c == 1 or n == 1 for n, c in zip(shape, counts, strict=True)):  # an expert broadcasts
        wide = tuple(n * c for n, c in zip(shape, counts, strict=True))
        return lowering.call("broadcast_to", x, shape=wide)  # type: ignore[no-any-return]
    return lowering.add("tile", [x], {"reps": counts})


register(Op(
    name="tile", family="shaping", operands=("x",), attributes={"reps": REQUIRED}, positional=("reps",),
    infer=lambda solver, types, attrs: types[0].with_shape(
        tuple(n * r for n, r in zip(solver.shape(types[0]), attrs["reps"], strict=True))
    ),
    numpy=lambda ctx, node, xs: Text(
        f"np.tile({xs[0]}, ({', '.join(str(ctx.dim(r)) for r in node.attr('reps'))}{',' * (node.type.rank == 1)}))"
    ),
    evaluate=lambda x, *, reps: np.tile(x, reps), call=_tile_call, empty_view=True, math="tile({x})",
    doc="The whole array repeated along its axes.", source="NumPy: tile",
    aliases={"A": "x"},
))  # fmt: skip


def _repeat_call(lowering: Lowering, x: int, *, repeats: Any, axis: Any) -> int:
    if axis is None:
        x, axis = lowering.call("flatten", x), 0
    shape = lowering.shape(x)
    place = normal_axis(axis, len(shape))
    if isinstance(repeats, (tuple, list)) and len(repeats) != 1:  # a number for each entry
        counts = [n for n in (_count(n, "repeats") for n in repeats) if isinstance(n, int)]
        if len(counts) < len(repeats) or shape[place] != len(counts):
            raise CallError(f"`repeats` are {len(repeats)} numbers, for {shape[place]} entries", argument="repeats")
        picked = tuple(k for k, n in enumerate(counts) for _ in range(n))
        return lowering.call("take", x, lowering.tensor(picked, "int"), axis=place)  # type: ignore[no-any-return]
    count = _count(repeats[0] if isinstance(repeats, (tuple, list)) else repeats, "repeats")
    if count == 1:
        return x
    if shape[place] == 1:
        wide = (*shape[:place], count, *shape[place + 1 :])
        return lowering.call("broadcast_to", x, shape=wide)  # type: ignore[no-any-return]
    return lowering.add("repeat", [x], {"repeats": count, "axis": place})


def _repeat_type(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    shape, axis = solver.shape(types[0]), attrs["axis"]
    return types[0].with_shape((*shape[:axis], shape[axis] * attrs["repeats"], *shape[axis + 1 :]))


register(Op(
    name="repeat", family="shaping", operands=("x",), attributes={"repeats": REQUIRED, "axis": None},
    positional=("repeats", "axis"), infer=_repeat_type, call=_repeat_call,
    numpy=lambda ctx, node, xs: Text(
        f"np.repeat({xs[0]}, {ctx.dim(node.attr('repeats'))}, axis={node.attr('axis')})"
    ),
    evaluate=lambda x, *, repeats, axis=None: np.repeat(x, repeats, axis), math="repeat({x})",
    doc="Each entry repeated along an axis (none: the entries of the flattened array).", source="NumPy: repeat",
    aliases={"a": "x"},
))  # fmt: skip


# ---------------------------------------------------------------- flip, roll

def _same(solver: Solver, types: list[Type], attrs: dict[str, Any]) -> Type:
    return types[0]


def _flip_call(lowering: Lowering, x: int, *, axis: Any) -> int:
    rank = lowering.type(x).rank
    axes = tuple(range(rank)) if axis is None and rank is not None else normal_axes(axis, rank)
    return x if axes == () else lowering.add("flip", [x], {"axis": axes})


def _flip_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: tuple[int, ...] | None = node.attr("axis")
    rank = ctx.type(node.operands[0]).rank
    if rank is None:
        shown = "" if axes is None else f", axis={axes[0] if len(axes) == 1 else axes}"
        return Text(f"np.flip({operands[0]}{shown})")
    items = ["::-1" if axes is None or i in axes else ":" for i in range(rank)]
    while items[-1] == ":":
        items.pop()
    return Text(f"{operands[0].within(ATOM)}[{', '.join(items)}]")


register(Op(
    name="flip", family="shaping", operands=("x",), attributes={"axis": None}, positional=("axis",), infer=_same,
    numpy=_flip_text, evaluate=lambda x, *, axis=None: np.flip(x, axis), call=_flip_call, view=True, cost="free",
    math="flip({x})", doc="The entries in opposite order along the axes (none: all).", source="NumPy: flip",
    aliases={"m": "x"},
))  # fmt: skip


def _roll_call(lowering: Lowering, x: int, *, shift: Any, axis: Any) -> int:
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,)
    for s in shifts:
        if isinstance(s, bool) or not isinstance(s, (int, Dim)):
            raise CallError("`shift` of `roll` is an integer or a size", argument="shift")
    steps = tuple(plain(s) for s in shifts)
    together = (plain(sum(shifts, dim(0))),)  # one after the other along the same axis
    if axis is None and lowering.type(x).rank == 0:
        return x
    if axis is None:
        return lowering.add("roll", [x], {"shift": together, "axis": None})
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = lowering.type(x).rank
    axes = tuple(normal_axis(a, rank) for a in given)
    if len(steps) == 1:
        steps = steps * len(axes)
    if len(axes) == 1:
        steps = together
    if len(steps) != len(axes):
        raise CallError(f"{len(steps)} shifts for {len(axes)} axes", argument="shift")
    return lowering.add("roll", [x], {"shift": steps, "axis": axes})


def _roll_text(ctx: NumpyContext, node: Node, operands: list[Text]) -> Text:
    axes: tuple[int, ...] | None = node.attr("axis")
    shifts = [str(ctx.dim(s)) if isinstance(s, Dim) else str(s) for s in node.attr("shift")]
    shift = shifts[0] if len(shifts) == 1 else f"({', '.join(shifts)})"
    shown = "" if axes is None else f", axis={axes[0] if len(axes) == 1 else axes}"
    return Text(f"np.roll({operands[0]}, {shift}{shown})")


def _roll_value(x: Any, *, shift: tuple[int, ...], axis: tuple[int, ...] | None = None) -> Any:
    return np.roll(x, shift[0] if axis is None and isinstance(shift, tuple) else shift, axis)


register(Op(
    name="roll", family="shaping", operands=("x",), attributes={"shift": REQUIRED, "axis": None},
    positional=("shift", "axis"), infer=_same, numpy=_roll_text, evaluate=_roll_value, call=_roll_call,
    math="roll({x})", doc="The entries moved along the axes, those beyond the end coming in at the front.",
    source="NumPy: roll",
    aliases={"a": "x"},
))  # fmt: skip

