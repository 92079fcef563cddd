"""Statements of convolutions and pools that write into arrays that exist; see into.py.

    P = maxpool(C)              np.maximum(C[window[0]], C[window[1]], out=P)
                                for at in window[2:]:
                                    np.maximum(P, C[at], out=P)

`window` is made once: for each entry of a window the index that takes this entry of all windows.
"""

from __future__ import annotations

from graphc.emitter.expressions import ATOM, Text
from graphc.emitter.into import Place, form
from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Node
from graphc.ops.columns import columns_text
from graphc.ops.windows import apart, covers

__all__: list[str] = []


def _entries(place: Place, node: Node, array: Node) -> tuple[str, str]:
    """The list of indices over an array, and the name of one of them."""
    return place.window(node, array.id), place.at()


@form("pad", "lowest_border")
def _border(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    context = place.context
    widths = [(dim(a), dim(b)) for a, b in node.attr("width")]
    sizes = place.operand(node, 0).type.dims
    value = "-np.inf" if node.op == "lowest_border" else repr(node.attr("value"))
    cuts = [":" if a.value == b.value == 0 else _cut(place, a, a + n) for (a, b), n in zip(widths, sizes, strict=True)]
    while len(cuts) > 1 and cuts[-1] == ":":
        cuts.pop()
    shown = ", ".join(f"({context.dim(a)}, {context.dim(b)})" for a, b in widths)
    shown += "," if len(widths) == 1 else ""
    return [
        f"{context.helper('set_border')}({target}, ({shown}), {value})",
        f"{target}[{', '.join(cuts)}] = {operands[0]}",
    ]


def _cut(place: Place, start: Dim, end: Dim) -> str:
    return f"{place.context.dim(start)}:{place.context.dim(end)}"


@form("columns")
def _columns(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [columns_text(place.context, node, operands[0], f"out={target}").text]


@form("add_columns")
def _add_columns(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    window, _ = _entries(place, node, node)
    return [f"{place.context.helper('col2im')}({operands[0]}, {window}, {target})"]


@form("product_as")
def _product_as(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    left, right = operands
    a, b = (place.operand(node, k).type for k in (0, 1))
    if not place.contiguous(node):
        return [f"np.copyto({target}, {place.text(node)})"]
    shape = (*a.dims[:-1], b.dims[-1])
    sizes = ", ".join(place.context.dim(n).text for n in shape)
    out = target if shape == node.type.dims else f"{target}.reshape({sizes})"
    if len(shape) == 2 and a.is_float and b.is_float and not any(place.has_gaps(node, k) for k in (0, 1)):
        return [f"{left.within(ATOM)}.dot({right}, {out})"]
    return [f"np.matmul({left}, {right}, {out})"]


# ---------------------------------------------------------------- pools

@form("max_windows", "sum_windows")
def _pooled(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    window, at = _entries(place, node, place.operand(node, 0))
    x, ufunc = operands[0].within(ATOM), "np.maximum" if node.op == "max_windows" else "np.add"
    out = f"out={target}" if node.op == "max_windows" else target
    count = numel(tuple(map(dim, node.attr("size")))).value
    if count is None or count < 2:
        return [
            f"np.copyto({target}, {x}[{window}[0]])",
            f"for {at} in {window}[1:]:",
            f"    {ufunc}({target}, {x}[{at}], {out})",
        ]
    first = f"{ufunc}({x}[{window}[0]], {x}[{window}[1]], {out})"
    rest = [f"for {at} in {window}[2:]:", f"    {ufunc}({target}, {x}[{at}], {out})"]
    return [first, *(rest if count > 2 else [])]


@form("max_unpool")
def _unpooled(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """What is left of g goes to the first entry that is the largest; then nothing is left for the others.

    Only reading entries and writing them goes in steps; the arithmetic runs over whole arrays, which is faster.
    """
    g, x, y = operands
    source = place.operand(node, 1)
    window, at = _entries(place, node, source)
    pooled = place.operand(node, 0)
    rest, part = place.scratch("rest", pooled.type.dims, "float"), place.scratch("part", pooled.type.dims, "float")
    found = place.scratch("found", pooled.type.dims, "bool")
    lines = [f"np.copyto({rest}, {g})"]
    if not covers(node, source.type.dims):
        lines.append(f"{target}.fill(0)")
    first, last = f"{target}[{at}]", f"{target}[{window}[-1]]"
    alone = apart(node)
    return [
        *lines,
        f"for {at} in {window}[:-1]:",
        f"    np.equal({x.within(ATOM)}[{at}], {y}, {found})",
        f"    np.multiply({rest}, {found}, {part})",
        f"    np.subtract({rest}, {part}, {rest})",
        f"    np.copyto({first}, {part})" if alone else f"    np.add({first}, {part}, {first})",
        f"np.copyto({last}, {rest})" if alone else f"np.add({last}, {rest}, {last})",
    ]


@form("max_pick")
def _picked(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    g, x, y = operands
    window, at = _entries(place, node, place.operand(node, 1))
    found, missing = place.scratch("found", node.type.dims, "bool"), place.scratch("missing", node.type.dims, "bool")
    part = place.scratch("part", node.type.dims, "float")
    return [
        f"{target}.fill(0)",
        f"{missing}.fill(True)",
        f"for {at} in {window}:",
        f"    np.equal({x.within(ATOM)}[{at}], {y}, {found})",
        f"    np.logical_and({found}, {missing}, {found})",
        f"    np.logical_xor({found}, {missing}, {missing})",
        f"    np.multiply({g.within(ATOM)}[{at}], {found}, {part})",
        f"    np.add({target}, {part}, {target})",
    ]


@form("spread_windows")
def _spread(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    (y,) = operands
    window, at = _entries(place, node, node)
    lines = [] if covers(node, node.type.dims) else [f"{target}.fill(0)"]
    if apart(node):
        return [*lines, f"for {at} in {window}:", f"    np.copyto({target}[{at}], {y})"]
    return [*lines, f"for {at} in {window}:", f"    np.add({target}[{at}], {y}, {target}[{at}])"]
