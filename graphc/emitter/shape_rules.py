"""How the check of the arguments follows each operation on a value of unknown rank: what it asks for, what it leaves.

Elementwise operations, and those that leave the shape as it is, need no rule; other reductions are as `sum` is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.emitter.expressions import Text
from graphc.emitter.open_shapes import Form, OpenShapes
from graphc.emitter.text import quoted
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ir.types import Unknown
from graphc.ops.axes import least_rank
from graphc.ops.cuts import ARRAY, WHOLE, Index, axes_of, index_texts

__all__ = ["RULES"]

RULES: dict[str, Callable[[OpenShapes, Node], None]] = {}


def rule(*names: str) -> Callable[[Callable[[OpenShapes, Node], None]], None]:
    """Enter a rule for these operations."""

    def enter(function: Callable[[OpenShapes, Node], None]) -> None:
        RULES.update(dict.fromkeys(names, function))

    return enter


class _Written:
    """What the text of an index asks for: how a size is written."""

    def __init__(self, text: Callable[[str], str]) -> None:
        self.name = text

    def dim(self, size: Dim | int) -> Text:
        return Text(dim(size).text(self.name))


def _indexed(shapes: OpenShapes, form: Form, index: Sequence[Any]) -> str:
    """The shape of what a basic index takes: of an argument itself, else of an array without memory."""
    if all(item == WHOLE for item in index):
        return form.text
    places = [isinstance(item, (int, Dim)) for item in index]
    if all(places):  # whichever entries these are, their shape is the same
        return f"{form.text}[{len(index)}:]"
    if index[0] is Ellipsis and all(places[1:]):
        return f"{form.text}[:{1 - len(index)}]"
    items = index_texts(_Written(shapes.sizes.text), None, tuple(index))  # type: ignore[arg-type]  # all that it asks for
    array = form.text.removesuffix(".shape") if form.text.endswith(".shape") else f"np.broadcast_to(0, {form.text})"
    return f"{array}[{', '.join(items)}].shape"


def _writable(shapes: OpenShapes, index: Index) -> bool:
    parts = [part for item in index for part in (item if isinstance(item, tuple) else (item,))]
    return all(shapes.sizes.known(part) for part in parts if isinstance(part, Dim))


# ---------------------------------------------------------------- axes that go, come and change their order


@rule("sum")
def _reduction(shapes: OpenShapes, node: Node) -> None:
    axes, keepdims = node.attr("axis"), node.attr("keepdims")
    if isinstance(axes, int):
        axes = (axes,)
    form = shapes.has_axes(node.operands[0], axes or ())
    if form is not None and _needs_entries(shapes, node):
        _not_empty(shapes, node.operands[0], form, axes, "max" if node.op == "largest" else node.op)
    if form is None or (axes is None and not keepdims):
        return
    whole = shapes.graph[node.operands[0]].type.shape
    if axes is None:
        shapes.result(node, f"(1,) * {form.rank}", leaves=form.leaves, gone=form.gone, broadcast=False)
    elif keepdims:
        shapes.result(node, _without(shapes, form, axes, True), leaves=form.leaves, gone=form.gone, broadcast=False)
    else:
        gone = None if form.gone is None else form.gone + len(axes)
        shapes.result(node, _without(shapes, form, axes, False), leaves=form.leaves, gone=gone, broadcast=False)
    kept = shapes.form(node.id)
    if keepdims and kept is not None and whole in shapes.forms:
        wide = shapes.forms[whole]
        within = wide.within | shapes.texts.of([kept.text])
        shapes.forms[whole] = Form(wide.text, within, wide.leaves, wide.gone, wide.broadcast)


def _needs_entries(shapes: OpenShapes, node: Node) -> bool:
    """Whether this is an extreme, which there is none of no entries; of floating ones `largest` says -inf."""
    if node.op == "largest":
        return not shapes.graph[node.operands[0]].type.is_float
    return node.op in ("max", "min", "argmax", "argmin")


def _not_empty(shapes: OpenShapes, x: int, form: Form, axes: Sequence[int] | None, what: str) -> None:
    for axis in axes or ():
        shapes.is_long(x, axis, dim(1), what)
    if axes is None:
        said = quoted(shapes.label(x))
        shapes.refuse(f"{_entries(form)} == 0", "no_entries", said, form.text, quoted(what))


def _without(shapes: OpenShapes, form: Form, axes: Sequence[int], keepdims: bool) -> str:
    if not keepdims and tuple(axes) in ((0,), (-1,)):
        return f"{form.text}[{'1:' if axes[0] == 0 else ':-1'}]"
    shown = "(" + ", ".join(map(str, axes)) + ("," if len(axes) == 1 else "") + ")"
    return f"without_axes({form.text}, {shown}{', keepdims=True' if keepdims else ''})"


@rule("count_of")
def _count(shapes: OpenShapes, node: Node) -> None:
    shapes.has_axes(node.operands[0], node.attr("axis") or ())


@rule("roll")
def _rolled(shapes: OpenShapes, node: Node) -> None:
    """Along one axis after the other, which may be the same one: of a vector 0 and -1."""
    for axis in node.attr("axis") or ():
        shapes.has_axes(node.operands[0], (axis,))


@rule("size_of")
def _size(shapes: OpenShapes, node: Node) -> None:
    shapes.has_axes(node.operands[0], (node.attr("axis"),))


@rule("expand_dims")
def _expanded(shapes: OpenShapes, node: Node) -> None:
    axes: tuple[int, ...] = node.attr("axis")
    form = shapes.form(node.operands[0])
    if form is None:
        return
    shapes.has_rank(node.operands[0], least_rank(axes) - len(axes))
    if axes == (0,):
        shapes.result(node, f"(1, *{form.text})", gone=None, broadcast=False)
    elif axes == (-1,):
        shapes.result(node, f"(*{form.text}, 1)", gone=None, broadcast=False)
    else:
        shown = axes[0] if len(axes) == 1 else axes
        shapes.result(node, f"np.expand_dims(np.broadcast_to(0, {form.text}), {shown}).shape", gone=None,
                      broadcast=False)  # fmt: skip


@rule("squeeze")
def _squeezed(shapes: OpenShapes, node: Node) -> None:
    axes: tuple[int, ...] | None = node.attr("axis")
    form = shapes.has_axes(node.operands[0], axes or ())
    if form is None:
        return
    if axes is None:
        shapes.result(node, f"np.squeeze(np.broadcast_to(0, {form.text})).shape", gone=None, broadcast=False)
        return
    for axis in axes:
        what = quoted(f"{axis} of {shapes.label(node.operands[0])}")
        shapes.refuse(f"{form.size(axis)} != 1", "not_one", what, form.size(axis))
    gone = None if form.gone is None else form.gone + len(axes)
    shapes.result(node, _without(shapes, form, axes, False), leaves=form.leaves, gone=gone, broadcast=False)


@rule("transpose")
def _transposed(shapes: OpenShapes, node: Node) -> None:
    form = shapes.form(node.operands[0])
    if form is not None and node.attr("axes") is None:
        shapes.result(node, f"{form.text}[::-1]", leaves=form.leaves, gone=form.gone, broadcast=False)


@rule("mT")
def _matrix_transposed(shapes: OpenShapes, node: Node) -> None:
    form = shapes.has_axes(node.operands[0], (0, 1))
    if form is not None:
        text = f"(*{form.text}[:-2], {form.size(-1)}, {form.size(-2)})"
        shapes.result(node, text, leaves=form.leaves, gone=form.gone, broadcast=False)


# ---------------------------------------------------------------- entries in another shape


@rule("ravel")
def _raveled(shapes: OpenShapes, node: Node) -> None:
    form = shapes.form(node.operands[0])
    if form is not None:
        shapes.result(node, f"({_entries(form)},)", gone=None, broadcast=False)


def _entries(form: Form) -> str:
    if form.text.endswith(".shape"):
        return form.text.removesuffix(".shape") + ".size"
    return f"int(np.prod({form.text}))"


@rule("reshape", "reshape_like")
def _reshaped(shapes: OpenShapes, node: Node) -> None:
    form, wanted = shapes.form(node.operands[0]), shapes.form(node.id)
    before, after = shapes.graph[node.operands[0]].type.shape, node.type.shape
    if form is None or wanted is None or wanted.text == form.text:
        return
    if not isinstance(before, Unknown) and not isinstance(after, Unknown) and numel(before) == numel(after):
        return
    if not isinstance(before, Unknown) and not isinstance(after, Unknown):
        left, right = _reduced(numel(before), numel(after))
        if right - left in shapes.settled or left - right in shapes.settled:
            return
        if shapes.asking:
            shapes.settled.add(left - right)
        count, wants = left.text(shapes.sizes.text), right.text(shapes.sizes.text)
    else:
        count, wants = (
            _entries(f) if isinstance(shape, Unknown) else numel(shape).text(shapes.sizes.text)
            for f, shape in ((form, before), (wanted, after))
        )
    label = quoted(shapes.label(node.operands[0]))
    shapes.refuse(f"{count} != {wants}", "does_not_fill", label, form.text, wanted.text)


def _reduced(a: Dim, b: Dim) -> tuple[Dim, Dim]:
    """Both sides of an equation without the names that are factors of both: `N*D` and `N*(D//2)*2` are so if D is."""
    for name in sorted(set(a.names())):
        left, right = a.divided_by(dim(name)), b.divided_by(dim(name))
        while left is not None and right is not None and left.terms and right.terms:
            a, b = left, right
            left, right = a.divided_by(dim(name)), b.divided_by(dim(name))
    return a, b


@rule("broadcast_to")
def _spread(shapes: OpenShapes, node: Node) -> None:
    shape, source = node.type.shape, shapes.graph[node.operands[0]].type.shape
    if source == ():
        return
    if not isinstance(shape, Unknown):
        known = () if isinstance(source, Unknown) else source
        if isinstance(source, Unknown) or any(n not in (m, 1) for n, m in zip(known[::-1], shape[::-1], strict=False)):
            shapes.fits(node.operands[0], shape)
        return
    form, wanted = shapes.form(node.operands[0]), shapes.form(node.id)
    if form is None or wanted is None or form.text == wanted.text or shapes.texts.has(wanted.within, form.text):
        return
    shapes.fits_into(node.operands[0], form, wanted.text, shapes.shape_said(node.operands[1]))


@rule("full_like")
def _filled(shapes: OpenShapes, node: Node) -> None:
    x, v = node.operands
    shape, source = shapes.graph[x].type.shape, shapes.graph[v].type.shape
    form, wanted = shapes.form(v), shapes.form(x)
    if source in ((), shape) or form is None or wanted is None:
        return
    shapes.fits_into(v, form, wanted.text, f"the shape of {shapes.label(x)}")


# ---------------------------------------------------------------- entries by their places


@rule("slice")
def _slice(shapes: OpenShapes, node: Node) -> None:
    index: Index = node.attr("index")
    form = _places(shapes, node, index)
    if form is not None and _writable(shapes, index):
        shapes.result(node, _indexed(shapes, form, index), gone=None, broadcast=False)


def _places(shapes: OpenShapes, node: Node, index: Index) -> Form | None:
    """Require the axes and the single entries that an index speaks of; the shape it is taken of."""
    x = node.operands[0]
    form, axes = shapes.form(x), axes_of(index)
    shapes.has_rank(x, len(axes))
    if not isinstance(shapes.graph[x].type.shape, Unknown):
        return form  # its places have been checked
    for axis, item in axes:
        if isinstance(item, (int, Dim)):
            shapes.has_entry(x, axis, item)
    return form


@rule("gather", "gather_entry")
def _gather(shapes: OpenShapes, node: Node) -> None:
    x, *arrays = node.operands
    index: Index = node.attr("pattern")
    form = _places(shapes, node, index)
    if form is None or not _writable(shapes, index):
        return
    axes = axes_of(index)
    if isinstance(shapes.graph[x].type.shape, Unknown):
        for (axis, _), array in zip([a for a in axes if a[1] == ARRAY], arrays, strict=True):
            shapes.in_range(array, x, axis)
    wide = {shapes.graph[u].type.shape: u for u in reversed(arrays) if shapes.graph[u].type.shape != ()}
    forms = [shapes.form(u) for u in reversed(wide.values())]
    if any(f is None for f in forms):
        return
    texts = [f.text for f in forms if f is not None]
    if len(texts) > 1 and any(isinstance(s, Unknown) for s in wide):
        shapes.fit_together([quoted(shapes.label(u)) for u in reversed(wide.values())], texts)
    common = "" if not texts else texts[0] if len(texts) == 1 else f"np.broadcast_shapes({', '.join(texts)})"
    shapes.result(node, _picked(shapes, form, index, axes, common), gone=None, broadcast=False)


def _picked(shapes: OpenShapes, form: Form, index: Index, axes: Sequence[tuple[int, Any]], common: str) -> str:
    """The arrays' common shape beside the axes that stay: where the arrays stand, or in front if they are apart."""
    taken = [k for k, item in enumerate(index) if item is not None and item is not Ellipsis
             and not isinstance(item, tuple)]  # fmt: skip
    if index == (ARRAY, *[WHOLE] * (len(index) - 1)):
        rest = f"{form.text}[1:]"
        return f"{common} + {rest}" if common else rest
    cut = tuple(WHOLE if k in taken else item for k, item in enumerate(index))
    gone = [axis for axis, item in axes if not isinstance(item, tuple)]
    left = Form(_indexed(shapes, form, cut))
    rest = _without(shapes, left, _after_new(index, gone, axes), False)
    if not common:
        return rest
    if taken[-1] - taken[0] != len(taken) - 1:
        return f"{common} + {rest}"
    before = index[: taken[0]]
    if Ellipsis in before:
        place = -sum(item is None or isinstance(item, tuple) for item in index[taken[-1] + 1 :])
    else:
        place = len(before)
    if place == 0:
        return f"{rest} + {common}" if Ellipsis in before else f"{common} + {rest}"
    name = shapes.named(rest, "rest_shape")
    return f"{name}[:{place}] + {common} + {name}[{place}:]"


def _after_new(index: Index, gone: Sequence[int], axes: Sequence[tuple[int, Any]]) -> tuple[int, ...]:
    """The axes that go, as they are counted beside the new ones of the index."""
    behind = index.index(Ellipsis) if Ellipsis in index else len(index)
    places = [k for k, item in enumerate(index) if item is not None and item is not Ellipsis]
    shifted = []
    for (axis, _), k in zip(axes, places, strict=True):
        if axis in gone:
            shifted.append(k if k < behind else k - len(index))
    return tuple(shifted)


@rule("take_along_axis")
def _along(shapes: OpenShapes, node: Node) -> None:
    (x, i), axis = node.operands, node.attr("axis")
    shapes.has_axes(x, (axis,))
    form, indices = shapes.form(x), shapes.form(i)
    if form is None or indices is None:
        return
    shapes.refuse(f"{form.rank} != {indices.rank}", "unequal_ranks", quoted(shapes.label(x)), form.text,
                  quoted(shapes.label(i)), indices.text)  # fmt: skip
    if isinstance(shapes.graph[x].type.shape, Unknown):
        shapes.in_range(i, x, axis)
    one = shapes.named(_without(shapes, form, (axis,), True), "rest_shape")
    other = _without(shapes, indices, (axis,), True)
    shapes.fit_together([quoted(shapes.label(x)), quoted(shapes.label(i))], [one, other])
    shapes.result(node, f"np.broadcast_shapes({one}, {indices.text})", gone=None, broadcast=False)


@rule("scatter_add")
def _scattered(shapes: OpenShapes, node: Node) -> None:
    x, i, u = node.operands
    form, indices, updates = shapes.has_axes(x, (0,)), shapes.form(i), shapes.form(u)
    if isinstance(shapes.graph[x].type.shape, Unknown):
        shapes.in_range(i, x, 0)
    if form is None or indices is None or updates is None or shapes.graph[u].type.shape == ():
        return
    rows = f"{indices.text} + {form.text}[1:]"
    shapes.fits_into(u, updates, rows, f"the rows of {shapes.label(x)} at {shapes.label(i)}")


@rule("one_hot")
def _one_hot(shapes: OpenShapes, node: Node) -> None:
    form, n = shapes.form(node.operands[0]), dim(node.attr("n"))
    if form is not None and shapes.sizes.known(n):
        shapes.result(node, f"(*{form.text}, {n.text(shapes.sizes.text)})", gone=None, broadcast=False)
