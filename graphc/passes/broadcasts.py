"""Broadcasts that the operation makes anyway, dropped; numbers that were broadcast before an operation, after it.

dZ, r: (N,), X: (N, D), S: (N, C), a, b: (D,), dL: ()
broadcast_to(dZ[:, None], (N, D)) * X         becomes       dZ[:, None] * X
broadcast_to(dL, (N, C)) * 2                  becomes       broadcast_to(dL * 2, (N, C))
2 * broadcast_to(r[:, None], (N, D))          becomes       broadcast_to(2 * r[:, None], (N, D))
broadcast_to(dL, (N, 1)) * a[None]            becomes       broadcast_to(dL * a[None], (N, D))
X * full((D,), 3)                             becomes       X * 3
a[None] * X                                   becomes       a * X
a[None] * b                                   becomes       (a * b)[None]
sum(broadcast_to(dL, (N, C)), axis=1)         becomes       broadcast_to(dL * C, (N,))
sum(broadcast_to(a, (N, D)), axis=0)          becomes       a * N
sum(broadcast_to(a, (N, D)), axis=1)          becomes       broadcast_to(sum(a), (N,))
squeeze(broadcast_to(a[:1], (D, 1)), axis=1)  becomes       broadcast_to(squeeze(a[:1], axis=0), (D,))
mT(broadcast_to(a, (N, D)))                   becomes       broadcast_to(a[:, None], (D, N))
mT(X) @ broadcast_to(dL, (N, C))              becomes       broadcast_to(dL * sum(X, axis=0)[:, None], (D, C))
mT(X) @ broadcast_to(r[:, None], (N, C))      becomes       broadcast_to(mT(X) @ r[:, None], (D, C))
"""

from __future__ import annotations

from graphc.ir.dims import dim, numel
from graphc.ir.types import Type, Unknown
from graphc.language.plain import is_plain
from graphc.passes.no_terms import leaves_zero
from graphc.passes.place import Place

__all__ = ["broadcast_dropped", "filled", "leading_axes_dropped", "repeats", "shape_of_operand"]

FILLED = {"zeros": 0.0, "ones": 1.0, "full": None}
"""The operations that fill an array with one number, and which."""
MOVING = {"expand_dims", "squeeze", "reshape", "transpose", "mT"}


def broadcast_dropped(place: Place) -> int | None:
    """The node without a broadcast that it does not need."""
    operation, type = place.builder.op(place.op), place.type
    if operation.elementwise:
        if isinstance(type.shape, Unknown):
            return _of_operand(place) or _after_open(place)
        return _of_operand(place) or _after(place) or _before_broadcast(place) or _of_sources(place)
    if place.op == "broadcast_to" and len(place.operands) == 1:
        inner = place.node(0)
        if inner.type == type:
            return inner.id
        return place.add("broadcast_to", inner.operands, place.attrs) if _is_plain(place, inner.id) else None
    if isinstance(type.shape, Unknown) or not place.operands:
        return None
    if place.op == "matmul":
        return _product(place, 0) or _product(place, 1)
    if place.op == "sum":
        return _sum(place) if _is_plain(place, place.operands[0]) else None
    scalar = _repeated(place, place.operands[0])
    if scalar is not None and place.op == "expand_dims" and place.node(0).op == "const":
        return place.repeat(scalar, type)
    if scalar is None and place.op == "mT":
        return _transposed(place)
    if scalar is None and place.op == "squeeze":
        return _squeezed(place)
    if scalar is None or scalar == place.operands[0]:
        return None
    return place.repeat(scalar, type) if place.op in MOVING else None


def leading_axes_dropped(place: Place) -> int | None:
    """Axes in front need not be written where the other operand has them; where it has none, they are behind the
    operation, where what takes it may have them."""
    if isinstance(place.type.shape, Unknown):
        return None
    for k in range(2):
        node, other = place.node(k), place.node(1 - k)
        if node.op != "expand_dims" or node.name or other.type.rank is None:
            continue
        axes = node.attr("axis")
        before = tuple(k for k, axis in enumerate(axes) if k == axis)
        if not before:
            continue
        (source,) = node.operands
        if inside := tuple(axis - len(before) for axis in axes[len(before) :]):
            source = place.add("expand_dims", [source], {"axis": inside})
        operands = [source, other.id] if k == 0 else [other.id, source]
        if other.type.rank >= (node.type.rank or 0):
            return place.add(place.op, operands)
        if 0 < other.type.rank <= (node.type.rank or 0) - len(before) and place.alone(node.id):
            return place.add("expand_dims", [place.add(place.op, operands)], {"axis": before})
    return None


def _is_plain(place: Place, id: int) -> bool:
    """Whether a value is a broadcast to a shape that compile time knows."""
    node = place.builder[id]
    return node.op == "broadcast_to" and len(node.operands) == 1


def _of_operand(place: Place) -> int | None:
    """One operand taken as it was before its broadcast, where the others have every axis in full."""
    if len(place.operands) < 2:
        return None
    for k, u in enumerate(place.operands):
        if place.builder[u].op != "broadcast_to":
            continue
        trial = [*place.operands[:k], place.builder[u].operands[0], *place.operands[k + 1 :]]
        if _covered(place, trial) and place.inferred(trial) == place.type:
            return place.add(place.op, trial, place.attrs)
    return None


def _covered(place: Place, trial: list[int]) -> bool:
    """Whether each axis of the result has its size from an operand, so that nothing hangs on run-time sizes."""
    shape = place.type.shape
    shapes = [place.typed(u).shape for u in trial]
    if isinstance(shape, Unknown):
        return shape in shapes
    known = [s for s in shapes if not isinstance(s, Unknown)]
    return all(any(len(s) >= k and s[-k] == shape[-k] for s in known) for k in range(1, len(shape) + 1))


def _after(place: Place) -> int | None:
    """The operation on numbers, and what it gives broadcast."""
    if not place.type.shape:
        return None
    sources = [_repeated(place, u) for u in place.operands]
    scalars = [u for u in sources if u is not None]
    if len(scalars) < len(place.operands) or scalars == list(place.operands):
        return None
    return place.repeat(place.add(place.op, scalars, place.attrs), place.type)


def _after_open(place: Place) -> int | None:
    """The same of one number that is broadcast to a shape known at run time, and of numbers that are not."""
    wide = [k for k, u in enumerate(place.operands) if place.typed(u).shape != ()]
    if len(wide) != 1 or place.node(wide[0]).op != "broadcast_to":
        return None
    broadcast = place.node(wide[0])
    number, *shape = broadcast.operands
    if place.typed(number).shape != ():
        return None
    operands = [number if k == wide[0] else u for k, u in enumerate(place.operands)]
    made = place.add(place.op, operands, place.attrs)
    return place.add("broadcast_to", [made, *shape], dict(broadcast.attrs))


def filled(place: Place) -> int | None:
    """An operand that is filled with one number as that number, where the other one has all of the axes.

    What the program names stays; and zeros times an array stay an array, of which no gradient is a multiple of 0.
    """
    for k, u in enumerate(place.operands):
        node = place.builder[u]
        if node.op not in FILLED or node.name or (node.op == "zeros" and place.op in ("multiply", "divide")):
            continue
        value = FILLED[node.op] if node.attr("value") is None else float(node.attr("value"))
        number = place.builder.const(value, node.type.dtype)
        trial = [*place.operands[:k], number, *place.operands[k + 1 :]]
        if _covered(place, trial) and place.inferred(trial) == place.type:
            return place.add(place.op, trial, place.attrs)
    return None


def shape_of_operand(place: Place) -> int | None:
    """A shape known at run time, or the number of its entries, as that of the operand that gives it: of `x * x` that of
    `x`. Then nothing is computed for its shape alone."""
    source = first = place.node(0)
    if not isinstance(first.type.shape, Unknown):
        return None
    while place.builder.op(source.op).elementwise:  # a sum may have thousands of terms
        giving = next((u for u in source.operands if place.typed(u).shape == first.type.shape), None)
        if giving is None:
            break
        source = place.builder[giving]
    return None if source is first else place.add(place.op, [source.id], place.attrs)


def _before_broadcast(place: Place) -> int | None:
    """The operation on what was broadcast, where all else that it takes are numbers: on fewer entries."""
    wide = [u for u in place.operands if place.typed(u).shape != ()]
    if len(wide) != 1 or not _is_plain(place, wide[0]):
        return None
    (source,) = place.builder[wide[0]].operands
    if isinstance(place.typed(source).shape, Unknown):
        return None
    made = place.add(place.op, [source if u == wide[0] else u for u in place.operands], place.attrs)
    return place.repeat(made, place.type)


def _of_sources(place: Place) -> int | None:
    """The operation on what was broadcast, and what it gives broadcast: on fewer entries."""
    trial = [place.builder[u].operands[0] if _is_plain(place, u) else u for u in place.operands]
    if trial == list(place.operands) or not repeats(place.inferred(trial), place.type):
        return None
    return place.repeat(place.add(place.op, trial, place.attrs), place.type)


def _product(place: Place, k: int) -> int | None:
    """A product of matrices of which one repeats rows or columns: they are multiplied, or the other's summed, once."""
    factor, other = place.node(k), place.node(1 - k)
    if not _is_plain(place, factor.id) or (factor.type.rank, other.type.rank) != (2, 2):
        return None
    source = place.builder[factor.operands[0]]
    if not (factor.type.is_float and other.type.is_float) or isinstance(source.type.shape, Unknown):
        return None
    if source.type.shape == () and (factor.name or factor.hint) and not _is_constant(place, source.id):
        return None  # a gradient by name that the incoming one fills: dW = X.T @ dY is what one derives
    kept = (dim(1), dim(1), *source.type.dims)[-2:]
    between = factor.type.dims[1 - k]
    terms = [] if between in place.type.dims else [between]  # without terms there may be no entries either
    if kept[1 - k] == 1 and between != 1 and leaves_zero(place.builder, "multiply", source.id, terms, beyond=True):
        # what the sum goes over is repeated
        turned = other.op == "mT"
        axis = (1 - k if turned else k,)
        total = place.add("sum", [other.operands[0] if turned else other.id], {"axis": axis, "keepdims": False})
        if k == 1:
            total = place.add("expand_dims", [total], {"axis": (1,)})
        return place.repeat(place.add("multiply", [source.id, total]), place.type)
    if kept[k] == 1 and factor.type.dims[k] != 1:
        narrow = list(factor.type.dims)
        narrow[k] = dim(1)
        is_row = source.type.rank == 1
        wanted = factor.type.with_shape(tuple(narrow))
        part = place.add("expand_dims", [source.id], {"axis": (0,)}) if is_row else place.repeat(source.id, wanted)
        return place.repeat(place.add("matmul", [part, other.id] if k == 0 else [other.id, part]), place.type)
    return None


def _is_constant(place: Place, id: int) -> bool:
    """Whether a number is made of constants and sizes alone."""
    return is_plain(place.builder[id], lambda u: _is_constant(place, u))


def _transposed(place: Place) -> int | None:
    """The transpose of a row that is repeated: a column, repeated."""
    node = place.node(0)
    if not _is_plain(place, node.id) or node.type.rank != 2:
        return None
    (source,) = node.operands
    rank = place.typed(source).rank
    turned = place.add("mT", [source]) if rank == 2 else place.add("expand_dims", [source], {"axis": (1,)})
    return place.repeat(turned, place.type) if rank in (1, 2) else None


def _squeezed(place: Place) -> int | None:
    """What is repeated along other axes loses its axes of size 1 before it is."""
    node, axes = place.node(0), place.attrs["axis"]
    if not _is_plain(place, node.id) or axes is None:
        return None
    (source,) = node.operands
    rank = place.typed(source).rank
    if rank is None:
        return None
    before = len(node.type.dims) - rank
    inside = tuple(k - before for k in axes if k >= before)
    return place.repeat(place.add("squeeze", [source], {"axis": inside}) if inside else source, place.type)


def _repeated(place: Place, id: int) -> int | None:
    """The number that a value is, or repeats."""
    node = place.builder[id]
    if node.type.shape == ():
        return id
    inside = node.operands[0] if _is_plain(place, id) else None
    return inside if inside is not None and place.typed(inside).shape == () else None


def _sum(place: Place) -> int | None:
    """Along the axes that a broadcast repeats, the sum is a multiple; along the others, it is that of the source."""
    node = place.node(0)
    (source,) = node.operands
    if isinstance(place.typed(source).shape, Unknown):
        return None
    sizes, dims = node.type.dims, place.typed(source).dims
    before = len(sizes) - len(dims)
    axes = range(len(sizes)) if place.attrs["axis"] is None else place.attrs["axis"]
    repeated = [k for k in axes if k < before or dims[k - before] != sizes[k]]
    if any(k >= before and dims[k - before] != 1 for k in repeated):
        return None  # a size that is only inferred may be 1, or not
    terms = [sizes[k] for k in repeated if sizes[k] not in place.type.dims]
    if not leaves_zero(place.builder, "multiply", source, terms, beyond=True):
        return None  # (dL / N) * N is dL, and of no rows the sum is 0
    inside = tuple(k - before for k in axes if k >= before)  # those that are repeated have one entry
    if set(inside) - {k - before for k in repeated}:
        every = len(inside) == len(dims) and not place.attrs["keepdims"]
        axis = None if every else inside
        source = place.add("sum", [source], {"axis": axis, "keepdims": place.attrs["keepdims"]})
    elif inside and not place.attrs["keepdims"]:
        source = place.add("squeeze", [source], {"axis": inside})
    if not repeated:
        return place.repeat(source, place.type)
    count = place.maker.tensor(numel(tuple(sizes[k] for k in repeated)))
    return place.repeat(place.add("multiply", [source, count]), place.type)


def repeats(narrow: Type, wide: Type) -> bool:
    """Whether a value of the one type may be broadcast to the other."""
    if isinstance(narrow.shape, Unknown) or isinstance(wide.shape, Unknown) or narrow.dtype != wide.dtype:
        return False
    tail = wide.shape[len(wide.shape) - len(narrow.shape) :]
    return len(narrow.shape) <= len(wide.shape) and all(
        n == w or n == 1 for n, w in zip(narrow.shape, tail, strict=True)
    )
