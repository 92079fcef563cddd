"""Normal forms folded back into what one would write, and products in their cheapest form.

    y = squeeze(expand_dims(x, 0) @ W, 0)               becomes    y = x @ W
    dx = squeeze(expand_dims(dy, 0) @ mT(W), 0)         becomes    dx = dy @ mT(W)
    dW = mT(expand_dims(x, 0)) @ expand_dims(dy, 0)     becomes    dW = outer(x, dy)
    dV = sum(mT(X) @ dZ, axis=0)                        becomes    dV = mT(reshape(X, (B*N, D))) @ reshape(dZ, (B*N, H))
    dA = mT(mT(Y) @ dY)                                 becomes    dA = mT(dY) @ Y
    s = sum(mT(Y), axis=0)                              becomes    s = sum(Y, axis=1)
    r = squeeze(W @ -expand_dims(dy, 1), 1)             becomes    r = W @ -dy
    T = tanh(mT(mT(Z)))                                 becomes    T = tanh(Z)
    U = reshape(reshape(Z, (H, N)), (N*H,))             becomes    U = reshape(Z, (N*H,))
    dG = vjp(G[:, 0], G, c)                             becomes    dG = expand_dims(c, 1)

    x, c: (D,), G: (D, 1), dy: (H,), W: (D, H), X: (B, N, D), dZ: (B, N, H), Y: (N, D), dY, Z: (N, H)

A product whose inner size is 1 becomes one by entries. Each rewrite looks at a node and the nodes it is made from; what
it leaves unused is removed by the next pass. A named value stays what it is: only the way to it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.ir.dims import Dim, numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Unknown
from graphc.ops.cuts import WHOLE
from graphc.passes.join_parts import join_parts
from graphc.passes.rebuild import rebuild, same

__all__ = ["fold"]


def fold(graph: Graph) -> Graph:
    """The graph with the rewrites above applied wherever they fit; itself if there is nothing that they might fit.

    Before the first node that changes nothing has, so that it is enough to look at the graph as it is.
    """
    parted = any(node.op == "unslice" for node in graph)
    if not parted and not any(_may_fit(graph.nodes, node.op, node.operands) for node in graph):
        return graph
    uses = graph.uses()
    summed = {u for node in graph if node.op == "add" for u in node.operands if uses[u] == 1}
    moved: dict[int, int] = {}
    needed: dict[int, int] = {}  # new node -> how often it is used

    def make(builder: Builder, node: Node, operands: list[int]) -> int:
        made = None
        if parted and node.op == "add" and node.id not in summed:
            made = join_parts(builder, graph, node, uses, moved)
            if made is not None and builder[made].op == "unslice":
                made = _unslice(_Place(builder, builder[made], list(builder[made].operands), uses, needed)) or made
        if made is None and _may_fit(builder.nodes, node.op, operands):
            made = _REWRITES[node.op][0](_Place(builder, node, operands, uses, needed))
        if made is None or builder.type(made) != node.type:
            made = same(builder, node, operands)
        moved[node.id] = made
        needed[made] = needed.get(made, 0) + uses[node.id]
        return made

    return rebuild(graph, make, share=False)


class _Place:
    """A node about to be made again: its new operands, and the nodes behind them."""

    def __init__(
        self, builder: Builder, node: Node, operands: list[int], uses: Mapping[int, int], needed: Mapping[int, int]
    ) -> None:
        self.builder, self.node, self.operands, self.uses, self.needed = builder, node, operands, uses, needed

    def __getitem__(self, position: int) -> Node:
        return self.builder[self.operands[position]]

    def behind(self, node: Node, position: int = 0) -> Node:
        return self.builder[node.operands[position]]

    def only_here(self, position: int = 0) -> bool:
        """Whether nothing else uses an operand: then a product may be taken apart without computing it twice."""
        return self.uses[self.node.operands[position]] == 1

    def alone(self, node: Node) -> bool:
        """Whether a new node is used once."""
        return self.needed.get(node.id, 1) == 1

    def add(self, op: str, operands: list[int], attrs: dict[str, Any] | None = None) -> int:
        return self.builder.add(op, operands, attrs)

    def shape(self, node: Node) -> tuple[Dim, ...] | None:
        return node.type.known_dims


Rewrite = Callable[[_Place], "int | None"]
_REWRITES: dict[str, tuple[Rewrite, frozenset[str]]] = {}


def _rewrite(*names: str, of: Sequence[str] = ()) -> Callable[[Rewrite], Rewrite]:
    """A rewrite of these operations, if one of these others has made an operand: without any, whatever has."""

    def keep(function: Rewrite) -> Rewrite:
        for name in names:
            _REWRITES[name] = function, frozenset(of)
        return function

    return keep


def _may_fit(nodes: Mapping[int, Node], op: str, operands: Sequence[int]) -> bool:
    """Whether there may be a rewrite for an operation on these operands."""
    if op not in _REWRITES:
        return False
    if op == "matmul":
        shape = nodes[operands[0]].type.shape
        return not isinstance(shape, Unknown) and len(shape) > 1 and shape[-1].value == 1
    makers = _REWRITES[op][1]
    return not makers or not makers.isdisjoint([nodes[u].op for u in operands])


# ---------------------------------------------------------------- axes of size 1

def _opened(place: _Place, node: Node, axes: tuple[int, ...]) -> int | None:
    """What has new axes at exactly these places in the node's value, if the node only puts them there; a sign before
    them stands inside them as well."""
    if node.op == "expand_dims" and node.type.rank is not None and node.attr("axis") == axes:
        return node.operands[0]
    if node.op == "negative" and not node.name:
        opened = _opened(place, place.behind(node), axes)
        return None if opened is None else place.add("negative", [opened])
    return None


@_rewrite("squeeze")
def _squeeze(place: _Place) -> int | None:
    inner, axes = place[0], place.node.attr("axis")
    shape = place.shape(inner)
    if axes is None or shape is None:
        return None
    opened = _opened(place, inner, axes)
    if opened is not None:
        return opened
    if inner.op == "squeeze" and inner.attr("axis") is not None:
        return _reduced(place, inner.operands[0], axes)
    if not place.only_here():
        return None
    if inner.op == "matmul":
        return _vectors(place, inner, axes, len(shape))
    if inner.attr("keepdims") and inner.attr("axis") == axes:
        return place.add(inner.op, list(inner.operands), {**dict(inner.attrs), "keepdims": False})
    if inner.op in ("multiply", "divide"):
        return _narrowed(place, inner, axes, len(shape))
    return None


def _reduced(place: _Place, x: int, axes: tuple[int, ...]) -> int:
    """Two squeezes as one; `axes` are counted in the result of the first."""
    first = place[0].attr("axis")
    rank = place.builder.type(x).rank
    assert rank is not None
    rest = [k for k in range(rank) if k not in first]
    return place.add("squeeze", [x], {"axis": tuple(sorted((*first, *(rest[k] for k in axes))))})


def _vectors(place: _Place, product: Node, axes: tuple[int, ...], rank: int) -> int | None:
    """A product of vectors that had become a row and a column."""
    A, B = place.behind(product, 0), place.behind(product, 1)
    row = _opened(place, A, (0,)) if A.type.rank == 2 and rank - 2 in axes else None
    column = _opened(place, B, (1,)) if B.type.rank == 2 and rank - 1 in axes else None
    done = {rank - 2} if row is not None else set()
    done |= {rank - 1} if column is not None else set()
    if done != set(axes) or (row is None and column is None):
        return None
    return place.add("matmul", [A.id if row is None else row, B.id if column is None else column])


def _narrowed(place: _Place, inner: Node, axes: tuple[int, ...], rank: int) -> int | None:
    """A product by entries of which each operand has the axes only because the other does."""
    narrow: list[int] = []
    for k in range(2):
        operand = place.behind(inner, k)
        opened = _opened(place, operand, axes) if operand.type.rank == rank else None
        if operand.type.rank == 0:
            opened = operand.id
        if opened is None:
            return None
        narrow.append(opened)
    return place.add(inner.op, narrow)


@_rewrite("expand_dims")
def _expand_dims(place: _Place) -> int | None:
    inner, axes = place[0], place.node.attr("axis")
    if place.shape(inner) is None:
        return None
    if inner.op == "squeeze" and inner.attr("axis") == axes:
        return inner.operands[0]
    if inner.attr("keepdims") is False and inner.attr("axis") == axes and place.only_here():
        return place.add(inner.op, list(inner.operands), {**dict(inner.attrs), "keepdims": True})
    if inner.op == "expand_dims":
        rank = place.node.type.rank
        assert rank is not None
        rest = [k for k in range(rank) if k not in axes]
        both = tuple(sorted((*axes, *(rest[k] for k in inner.attr("axis")))))
        return place.add("expand_dims", [inner.operands[0]], {"axis": both})
    return None


@_rewrite("unslice")
def _unslice(place: _Place) -> int | None:
    """What is put into the one entry of an axis: `Y[:, 0]` of a Y with one column."""
    shape, index = place.node.attr("shape"), place.node.attr("index")
    axes = tuple(k for k, item in enumerate(index) if item != WHOLE)
    if shape is None or any(isinstance(index[k], tuple) or shape[k] != 1 for k in axes):
        return None
    return place.add("expand_dims", [place.operands[0]], {"axis": axes}) if axes else None


@_rewrite("add", "subtract", "multiply", "divide", of=["expand_dims"])
def _by_entries(place: _Place) -> int | None:
    """Axes in front, and all axes of a number, need not be written: broadcasting adds them."""
    operands = list(place.operands)
    for k in range(2):
        operand, other = place[k], place[1 - k]
        if operand.op != "expand_dims" or operand.type.rank is None or other.type.rank is None:
            continue
        inner = place.behind(operand)
        axes = operand.attr("axis")
        leading = inner.type.rank == 0 or axes == tuple(range(len(axes)))
        if leading and operand.type.rank <= other.type.rank and operand.name is None:
            operands[k] = inner.id
            break
    return None if operands == place.operands else place.add(place.node.op, operands)


# ---------------------------------------------------------------- order and shape

@_rewrite("mT", of=["mT", "outer", "matmul", "expand_dims", "transpose"])
def _transpose_matrix(place: _Place) -> int | None:
    inner = place[0]
    if inner.op == "mT":
        return inner.operands[0]
    if inner.op == "outer" and place.only_here():
        return place.add("outer", [inner.operands[1], inner.operands[0]])
    if inner.op == "matmul" and place.only_here():
        return _turned(place, inner)
    rank = inner.type.rank
    if inner.op == "expand_dims" and rank is not None:  # a column becomes a row
        for axis, other in ((rank - 1, rank - 2), (rank - 2, rank - 1)):
            opened = _opened(place, inner, (axis,))
            if opened is not None:
                return place.add("expand_dims", [opened], {"axis": (other,)})
    if inner.op == "transpose" and inner.attr("axes") is not None and not _is_called(inner):
        axes = inner.attr("axes")
        return _permuted(place, inner.operands[0], (*axes[:-2], axes[-1], axes[-2]))
    return None


def _turned(place: _Place, product: Node) -> int | None:
    """The transpose of a product as a product, where that saves one."""
    A, B = place.behind(product, 0), place.behind(product, 1)
    if "mT" not in (A.op, B.op) or A.type.rank != B.type.rank:
        return None
    first, second = (x.operands[0] if x.op == "mT" else place.add("mT", [x.id]) for x in (B, A))
    return place.add("matmul", [first, second])


@_rewrite("transpose")
def _transpose(place: _Place) -> int | None:
    inner, axes = place[0], place.node.attr("axes")
    if axes is None:
        return inner.operands[0] if inner.op == "transpose" and inner.attr("axes") is None else None
    if inner.op == "mT":
        order: tuple[int, ...] = (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
    elif inner.op == "transpose" and inner.attr("axes") is not None:
        order = inner.attr("axes")
    else:
        return _permuted(place, inner.id, axes) if axes == tuple(range(len(axes))) else None
    both = tuple(order[k] for k in axes)
    # What has a name of its own is read by that name, unless nothing is left of the two.
    return None if _is_called(inner) and both != tuple(range(len(both))) else _permuted(place, inner.operands[0], both)


def _is_called(node: Node) -> bool:
    """Whether a value has a name that its reader knows, if only within a function of the program."""
    return bool(node.name or node.hint)


def _permuted(place: _Place, x: int, order: tuple[int, ...]) -> int:
    rank = len(order)
    if order == tuple(range(rank)):
        return x
    if order == (*range(rank - 2), rank - 1, rank - 2):
        return place.add("mT", [x])
    return place.add("transpose", [x], {"axes": order})


@_rewrite("reshape")
def _reshape(place: _Place) -> int | None:
    """Of several changes of shape the last one counts."""
    inner = place[0]
    shape = place.node.attr("shape")
    source = inner
    while source.op in ("reshape", "expand_dims", "squeeze") and source.type.rank is not None:
        source = place.behind(source)
    if place.shape(source) == shape:
        return source.id
    return None if source is inner else place.add("reshape", [source.id], {"shape": shape})


@_rewrite("broadcast_to")
def _broadcast(place: _Place) -> int | None:
    return place.operands[0] if len(place.operands) == 1 and place.shape(place[0]) == place.node.attr("shape") else None


# ---------------------------------------------------------------- products

@_rewrite("matmul")
def _matmul(place: _Place) -> int | None:
    """A product with inner size 1 has nothing to sum: it is one by entries, of two vectors their outer product."""
    A, B = place[0], place[1]
    a, b = place.shape(A), place.shape(B)
    if a is None or b is None or len(a) < 2 or len(b) < 2 or a[-1] != 1 or b[-2] != 1:
        return None
    column = _opened(place, A, (1,)) if len(a) == 2 else None
    row = _opened(place, B, (0,)) if len(b) == 2 else None
    if column is not None and row is not None and (a[0] != 1 or b[1] != 1):
        return place.add("outer", [column, row])
    # what the user wrote as a product of matrices stays one
    if place.node.origin is None or place.node.origin.rule is not None or "expand_dims" in (A.op, B.op):
        return _by_entries_of(place, A.id, B.id)
    return None


def _by_entries_of(place: _Place, A: int, B: int) -> int:
    """A product by entries without axes that broadcasting adds by itself."""
    operands = [A, B]
    for k in range(2):
        node, other = place.builder[operands[k]], place.builder[operands[1 - k]]
        if node.op == "expand_dims" and node.type.rank is not None and other.type.rank is not None:
            inner = place.behind(node)
            if inner.type.rank == 0 and node.type.rank <= other.type.rank:
                operands[k] = inner.id
                break
    return place.add("multiply", operands)


@_rewrite("sum", "sum_to", of=["mT", "matmul"])
def _sum_of_products(place: _Place) -> int | None:
    """`sum over a batch of mT(A) @ B` as one product of tall matrices: both reshapes are free."""
    product = place[0]
    if product.op == "mT" and place.node.op == "sum":
        return _sum_of_transpose(place, product)
    if product.op != "matmul" or not place.only_here() or len(place.operands) > 1:
        return None
    shape = place.shape(product)
    A, B = place.behind(product, 0), place.behind(product, 1)
    if shape is None or len(shape) < 3 or A.op != "mT" or not _sums_batch(place, len(shape)):
        return None
    left, right = place.shape(place.behind(A)), place.shape(B)
    if left is None or right is None or left[:-1] != right[:-1]:
        return None
    rows = numel(left[:-1])
    tall = _tall(place, place.behind(A), (rows, left[-1]))
    other = _tall(place, B, (rows, right[-1]))
    return place.add("matmul", [place.add("mT", [tall]), other])


def _tall(place: _Place, batch: Node, shape: tuple[Dim, Dim]) -> int:
    """A batch of matrices as one; if it has been brought into its own shape for this alone, straight from the other."""
    while batch.op == "reshape" and not batch.name and place.alone(batch):
        batch = place.behind(batch)
    return batch.id if batch.type.shape == shape else place.add("reshape", [batch.id], {"shape": shape})


def _sum_of_transpose(place: _Place, matrix: Node) -> int | None:
    """The sum along the other axis."""
    axes, keepdims = place.node.attr("axis"), place.node.attr("keepdims")
    if matrix.type.rank != 2:
        return None
    if axes is None or len(axes) != 1:
        return place.add("sum", list(matrix.operands), dict(place.node.attrs))
    total = place.add("sum", list(matrix.operands), {"axis": (1 - axes[0],), "keepdims": False})
    return place.add("expand_dims", [total], {"axis": axes}) if keepdims else total


def _sums_batch(place: _Place, rank: int) -> bool:
    """Whether the node sums over all axes but the last two, and drops them."""
    node = place.node
    if node.type.rank != 2:
        return False
    if node.op == "sum_to":
        return bool(node.type.shape == place[0].type.dims[-2:])
    axis = node.attr("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return not node.attr("keepdims") and axes == tuple(range(rank - 2))
