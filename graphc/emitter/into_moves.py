"""Statements that move, repeat, sum up or mask entries, into arrays that exist; see into.py.

    R = repeat(x, 2, axis=1)     np.copyto(R.reshape(N, D, 2), x[:, :, None])
    L = tril(A)                  np.copyto(L, A)                    above = ~np.tri(N, N, 0, bool), made once
                                 np.copyto(L, 0, where=above)
    i = argmax(x, axis=0)        np.copyto(turned, x.T)             turned: (D, N), made once
                                 np.argmax(turned, axis=1, out=i)
"""

from __future__ import annotations

from graphc.emitter.expressions import ATOM, Text
from graphc.emitter.into import Place, form
from graphc.ir.dims import dim
from graphc.ir.graph import Node
from graphc.ir.types import Unknown

__all__: list[str] = []


def _whole(place: Place, target: str, node: Node) -> list[str]:
    return [f"np.copyto({target}, {place.text(node)})"]


# ---------------------------------------------------------------- moved and repeated

@form("roll")
def _rolled(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    axes, shifts = node.attr("axis"), [place.context.dim(s).text for s in node.attr("shift")]
    x = operands[0].within(ATOM)
    if axes is None:
        if node.type.rank != 1 and not place.contiguous(node):
            return _whole(place, target, node)
        axes, flat = (0,), "" if node.type.rank == 1 else ".reshape(-1)"
        x, target = f"{x}{flat}", f"{target}{flat}"
    moves = ", ".join(f"({axis}, {shift})" for axis, shift in zip(axes, shifts, strict=True))
    return [f"{place.context.helper('roll')}({x}, [{moves}], {target})"]


@form("shift")
def _shifted(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    axis, by, fill = (node.attr(name) for name in ("axis", "by", "fill"))
    return [f"{place.context.helper('shift_along')}({operands[0]}, {axis}, {by}, {fill}, {target})"]


@form("repeat")
def _repeated(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if not place.contiguous(node):
        return _whole(place, target, node)
    axis, sizes = node.attr("axis"), place.operand(node, 0).type.dims
    shape = (*sizes[: axis + 1], dim(node.attr("repeats")), *sizes[axis + 1 :])
    shown = ", ".join(place.context.dim(n).text for n in shape)
    return [f"np.copyto({target}.reshape({shown}), {operands[0].within(ATOM)}[{':, ' * (axis + 1)}None])"]


@form("tile")
def _tiled(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if not place.contiguous(node):
        return _whole(place, target, node)
    sizes = list(zip(node.attr("reps"), place.operand(node, 0).type.dims, strict=True))
    one, each = (", ".join(f"{r if one else place.context.dim(r)}, {place.context.dim(n)}" for r, n in pairs)
                 for one, pairs in ((True, [(1, n) for _, n in sizes]), (False, sizes)))  # fmt: skip
    return [f"np.copyto({target}.reshape({each}), {operands[0].within(ATOM)}.reshape({one}))"]


@form("argmax", "argmin")
def _position(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """NumPy copies an array to bring an axis to the end: here into an array that is made once."""
    x, axes = place.operand(node, 0), node.attr("axis")
    if axes is None:
        return [f"np.{node.op}({operands[0]}, out={target}{'.reshape(())' if node.type.rank else ''})"]
    (axis,) = axes
    last = (x.type.rank or 0) - 1
    result = f"{target}.squeeze({axis})" if node.attr("keepdims") else target
    if x.type.dtype != "float" or isinstance(x.type.shape, Unknown) or axis == last:
        return [f"np.{node.op}({operands[0]}, axis={axis}, out={result})"]
    order = [*(k for k in range(last + 1) if k != axis), axis]
    turned = place.scratch("turned", tuple(x.type.dims[k] for k in order), "float")
    moved = ".T" if order == [1, 0] else f".transpose({', '.join(map(str, order))})"
    return [
        f"np.copyto({turned}, {operands[0].within(ATOM)}{moved})",
        f"np.{node.op}({turned}, axis={last}, out={result})",
    ]


@form("tril", "triu")
def _triangle(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    rows, columns = node.type.dims[-2:]
    lower = node.op == "tril"
    name, sign, k = ("above", "~", node.attr("k")) if lower else ("below", "", node.attr("k") - 1)
    outside = place.made(name, lambda ctx: f"{sign}np.tri({ctx.dim(rows)}, {ctx.dim(columns)}, {k}, bool)")
    nothing = False if node.type.dtype == "bool" else 0  # NumPy casts no 0 to a truth value
    return [f"np.copyto({target}, {operands[0]})", f"np.copyto({target}, {nothing}, where={outside})"]


@form("from_diagonal")
def _on_diagonal(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    size, k = place.operand(node, 0).type.dims[-1], node.attr("k")

    def along(by: int) -> str:
        start = f"{by}, " if by else ""
        return place.made("diagonal", lambda ctx: f"np.arange({start}{ctx.dim(size + by)})")

    rows, columns = along(max(-k, 0)), along(max(k, 0))
    return [f"{target}.fill(0)", f"{target}[..., {rows}, {columns}] = {operands[0]}"]


@form("zeros_like", "ones_like")
def _number(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"{target}.fill({int(node.op == 'ones_like')})"]


@form("full_like")
def _filled(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f'np.copyto({target}, {operands[1]}, casting="unsafe")']


@form("kron")
def _kronecker(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    """Products of all entries, where the axes of the two stand one behind the other."""
    if not place.contiguous(node):
        return _whole(place, target, node)
    rank = node.type.rank or 0
    ones = (dim(1),)
    A, B = ((*ones * (rank - len(shape)), *shape) for shape in (place.operand(node, k).type.dims for k in (0, 1)))
    shapes = [
        [size for n, m in zip(A, B, strict=True) for size in both(n, m)]
        for both in (lambda n, m: (n, dim(1)), lambda n, m: (dim(1), m), lambda n, m: (n, m))
    ]
    a, b, out = (
        f"{x}.reshape({', '.join(place.context.dim(n).text for n in shape)})"
        for x, shape in zip((operands[0].within(ATOM), operands[1].within(ATOM), target), shapes, strict=True)
    )
    return [f"np.multiply({a}, {b}, {out})"]


# ---------------------------------------------------------------- summed up

@form("cumsum", "cumprod")
def _running(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    return [f"{operands[0].within(ATOM)}.{node.op}({node.attr('axis')}, out={target})"]


@form("linear_scan", "linear_scan_back")
def _scanned(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    factor, part = place.scratch("factor", node.type.dims, "float"), place.scratch("part", node.type.dims, "float")
    a, b = operands
    return [f"{place.context.helper(node.op)}({a}, {b}, {node.attr('axis')}, {target}, {factor}, {part})"]


@form("norm")
def _length(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    source, x = place.operand(node, 0), operands[0]
    axes = node.attr("axis")
    if axes is None or not source.type.is_float:
        return _whole(place, target, node)
    letters = "ijklmnopqrstuvwxyz"[: source.type.rank]
    left = "".join(letter for k, letter in enumerate(letters) if k not in axes)
    out = f"{target}.squeeze({axes if len(axes) > 1 else axes[0]})" if node.attr("keepdims") else target
    return [f'np.einsum("{letters},{letters}->{left}", {x}, {x}, out={out})', f"np.sqrt({target}, {target})"]


# ---------------------------------------------------------------- entries

@form("erf")
def _error_function(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if not place.contiguous(node) or not place.operand(node, 0).type.is_float:
        return _whole(place, target, node)
    return [f"{place.context.helper('erf')}({operands[0]}, {target}, {place.blocks()})"]


@form("power_const")
def _power(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    if not place.operand(node, 0).type.is_float:
        return _whole(place, target, node)
    return [f"np.power({operands[0]}, {node.attr('p')!r}, {target})"]


@form("less_one", "log_or_zero")
def _save_at_zero(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    x = operands[0]
    if not place.operand(node, 0).type.is_float:
        return _whole(place, target, node)
    mask = place.scratch("mask", node.type.dims, "bool")
    if node.op == "less_one":
        return [f"np.not_equal({x}, 0, {mask})", f"np.subtract({x}, {mask}, {target})"]
    return [f"np.equal({x}, 0, {mask})", f"np.add({x}, {mask}, {target})", f"np.log({target}, {target})"]


@form("finite")
def _finite(place: Place, node: Node, target: str, operands: list[Text]) -> list[str]:
    mask = place.scratch("mask", node.type.dims, "bool")
    return [
        f"np.isfinite({operands[0]}, {mask})",
        f"np.logical_not({mask}, {mask})",
        f"np.copyto({target}, {operands[0]})",
        f"np.copyto({target}, 0, where={mask})",
    ]
