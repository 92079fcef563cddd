"""Arrays of convolutions with their samples as the last axis, and convolutions as products. For -O2 only.

    X: (N, C, 6, 6), w: (O, C, 3, 3), b: (O,)
    y = conv2d(X, w) + b[:, None, None]     becomes     x_ = in_order(transpose(X, axes=(1, 2, 3, 0)))
                                                        c = columns(x_, size=(3, 3), stride=(1, 1), dilation=(1, 1))
                                                        y_ = product_as(reshape(w, (O, 9*C)), c, shape=(O, 4, 4, N))
                                                        y = transpose(y_ + b[:, None, None, None], axes=(3, 0, 1, 2))

    dw = convolve_kernel(x, dy)     dw = product_as(reshape(dy_, (O, H·W·N)), mT(c), shape=(O, C, KH, KW))
    dx = convolve_transpose(dy, w)  dx_ = add_columns(mT(reshape(w)) @ reshape(dy_))
    a = relu(y + b[:, None, None])  a_ = relu(y_ + b[:, None, None, None])
    f = reshape(a, (N, C·H·W))      f = mT(reshape(a_, (C·H·W, N)))
    da = reshape(ds @ mT(V), …)     da_ = product_as(V, mT(ds), …)

An entry of all windows of a row is then one piece of memory of W·N numbers, or where windows are a stride apart of N,
instead of W or 1; there is one product for all samples, and kernels' gradients use the same columns. What is
elementwise, reduces, pads, cuts or joins keeps the order of its operands; everything else sees a transpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graphc.ir.dims import Dim, dim, numel
from graphc.ir.graph import Builder, Graph, Node
from graphc.ir.types import Type, Unknown
from graphc.passes.dce import eliminate_dead_code
from graphc.passes.rebuild import rebuild, same

__all__ = ["samples_last"]

CONVOLUTIONS = {"convolve", "convolve_transpose", "convolve_kernel"}
POOLS = {"max_windows", "max_unpool", "max_pick", "sum_windows", "spread_windows"}
REDUCTIONS = {"sum", "mean", "max", "largest", "min", "ties", "prod", "all", "any"}
BORDERS = {"pad", "lowest_border"}
HINTS = {"max_unpool": "unpooled", "add_columns": "images"}  # not the names of what is overwritten
SAME_ENTRIES = {"reshape", "expand_dims", "squeeze"}


def samples_last(graph: Graph) -> Graph:
    """The graph with the replacements above, if it holds convolutions."""
    if not any(node.op in CONVOLUTIONS for node in graph):
        return graph
    rewriter = _Rewriter(graph)
    made = rebuild(graph, rewriter.make, share=True)
    views = set(rewriter.last)
    nodes = {id: replace(n, name=None, hint=None) if id in views else n for id, n in made.nodes.items()}
    return eliminate_dead_code(made.replace(nodes=nodes))


def _order(rank: int) -> tuple[int, ...]:
    """The axes with the first one last."""
    return (*range(1, rank), 0)


def _moved(items: Sequence[Any]) -> tuple[Any, ...]:
    """A tuple with an item for each axis, the first one last."""
    return (*items[1:], items[0])


class _Rewriter:
    """Makes the graph anew; `last` has for each value that is kept with samples last the array that is kept."""

    def __init__(self, graph: Graph) -> None:
        self.last: dict[int, int] = {}
        self.uses = graph.uses()
        self.used: Counter[int] = Counter()
        self.ranks = {node.type.rank for node in graph if node.op in CONVOLUTIONS}
        self.builder = Builder()
        self.node: Node

    def make(self, builder: Builder, node: Node, operands: list[int]) -> int:
        self.builder, self.node = builder, node
        made = None
        if not isinstance(node.type.shape, Unknown) and all(map(self._known, operands)):
            made = self._made(node, operands)
        if made is None:
            if node.op == "reshape" and operands[0] in self.last:  # NumPy would copy without a word
                operands = [self.add("in_order", operands)]
            made = same(builder, node, operands)
        self.used[made] += self.uses[node.id]
        return made

    # ------------------------------------------------------------ adding

    def add(self, op: str, operands: Sequence[int], **attrs: Any) -> int:
        return self.builder.add(op, operands, attrs)

    def result(self, op: str, operands: Sequence[int], type: Type | None = None, **attrs: Any) -> int:
        """The node's value, which takes its name."""
        hint = self.node.hint or (None if self.node.name else HINTS.get(op))
        return self.builder.add(op, operands, attrs, type=type, name=self.node.name, hint=hint)

    def dims(self, id: int) -> tuple[Dim, ...]:
        return self.builder.type(id).dims

    def _known(self, id: int) -> bool:
        return not isinstance(self.builder.type(id).shape, Unknown)

    def _back(self, kept: int) -> int:
        """A value in the order of its axes: a view of the array that is kept."""
        rank = len(self.dims(kept))
        view = self._turned(kept, (rank - 1, *range(rank - 1)))
        self.last[view] = kept
        return view

    def _turned(self, id: int, order: tuple[int, ...]) -> int:
        return self.add("mT", [id]) if order == (1, 0) else self.add("transpose", [id], axes=order)

    def _reshaped(self, id: int, *shape: Dim) -> int:
        while self.builder[id].op == "reshape":
            (id,) = self.builder[id].operands
        return id if self.dims(id) == shape else self.add("reshape", [id], shape=shape)

    # ------------------------------------------------------------ operands with samples last

    def _view(self, id: int) -> int:
        """A value with samples last, perhaps as a view."""
        known = self.last.get(id)
        return known if known is not None else self._made_last(id) or self._turned(id, _order(len(self.dims(id))))

    def _array(self, id: int) -> int:
        """A value with samples last, in memory too."""
        if id not in self.last:
            made = self._made_last(id)
            self.last[id] = made if made is not None else self.add("in_order", [self._view(id)])
        return self.last[id]

    def _made_last(self, id: int) -> int | None:
        """A value made with samples last from the beginning, if it is one that can be."""
        node = self.builder[id]
        made = None
        if node.op in BORDERS:
            view = self._view(node.operands[0])
            made = self.builder.add(node.op, [view], _with_width(node), name=node.name, hint=node.hint,
                                    origin=node.origin)  # fmt: skip
        elif node.op == "expand_dims" and node.attr("axis") == (0,):
            made = self.add("expand_dims", node.operands, axis=(len(node.type.dims) - 1,))
        if made is not None:
            self.last[id] = made
        return made

    def _solid(self, id: int) -> int:
        """An array whose entries stand in the order of its axes, so that it takes another shape without a copy."""
        node = self.builder[id]
        while node.op in SAME_ENTRIES:
            node = self.builder[node.operands[0]]
        return self.add("in_order", [id]) if self.builder.op(node.op).view or node.op == "argument" else id

    # ------------------------------------------------------------ the operations

    def _made(self, node: Node, operands: list[int]) -> int | None:
        """The value of a node, if it is made of arrays with samples last."""
        if node.op == "convolve":
            return self._convolve(node, *operands)
        if node.op == "convolve_kernel":
            return self._convolve_kernel(node, *operands)
        if node.op == "convolve_transpose":
            return self._convolve_transpose(node, *operands)
        if node.op == "reshape" and node.type.rank in self.ranks and len(self.dims(operands[0])) == 2:
            return self._images(node, operands[0])
        if not any(u in self.last for u in operands):
            return None
        if self.builder.op(node.op).elementwise:
            return self._elementwise(node, operands)
        if node.op in POOLS:
            return self._pool(node, operands)
        if node.op in REDUCTIONS:
            return self._reduction(node, *operands)
        return self._along_axes(node, operands)

    def _columns(self, x: int, size: tuple[Dim, ...], node: Node) -> int:
        """The windows of an array as columns; with windows of one entry the array itself."""
        array = self._array(x)
        if self._is_pointwise(size, node):
            channels, *places, samples = self.dims(array)
            return self._reshaped(self._solid(array), channels, numel(tuple(places)) * samples)
        return self.add("columns", [array], size=size, stride=node.attr("stride"), dilation=node.attr("dilation"))

    def _is_pointwise(self, size: tuple[Dim, ...], node: Node) -> bool:
        return all(k.value == 1 for k in size) and all(s == 1 for s in node.attr("stride"))

    def _grouped(self, id: int, node: Node) -> int:
        """A matrix whose rows belong to groups, as a stack with a matrix for each."""
        groups = dim(node.attr("groups"))
        if groups.value == 1:
            return id
        rows, columns = self.dims(id)
        return self._reshaped(id, groups, rows // groups, columns)

    def _kernels(self, w: int, node: Node) -> int:
        filters, *rest = self.dims(w)
        return self._grouped(self._reshaped(w, filters, numel(tuple(rest))), node)

    def _rows(self, y: int, node: Node) -> int:
        """Images as a matrix with a row for each channel."""
        array = self._solid(self._array(y))
        channels, *rest = self.dims(array)
        return self._grouped(self._reshaped(array, channels, numel(tuple(rest))), node)

    def _convolve(self, node: Node, x: int, w: int) -> int:
        columns = self._grouped(self._columns(x, self.dims(w)[2:], node), node)
        return self._back(self.result("product_as", [self._kernels(w, node), columns], shape=_moved(node.type.dims)))

    def _convolve_kernel(self, node: Node, x: int, y: int) -> int:
        columns = self._grouped(self._columns(x, node.type.dims[2:], node), node)
        return self.result("product_as", [self._rows(y, node), self.add("mT", [columns])], shape=node.type.dims)

    def _convolve_transpose(self, node: Node, y: int, w: int) -> int:
        shape, size = _moved(node.type.dims), self.dims(w)[2:]
        kernels, rows = self.add("mT", [self._kernels(w, node)]), self._rows(y, node)
        if self._is_pointwise(size, node) and shape[1:-1] == self.dims(y)[2:]:
            return self._back(self.result("product_as", [kernels, rows], shape=shape))
        alone = self.dims(rows)[-2].value == 1  # one kernel in each group: no sum, which BLAS would be slow to make
        columns = self.add("multiply" if alone else "matmul", [kernels, rows])
        if len(self.dims(columns)) > 2:
            groups, inner, places = self.dims(columns)
            columns = self.add("reshape", [columns], shape=(groups * inner, places))
        window = {"size": size, "stride": node.attr("stride"), "dilation": node.attr("dilation")}
        return self._back(self.result("add_columns", [columns], shape=shape, **window))

    def _images(self, node: Node, x: int) -> int | None:
        """The rows of a matrix as images."""
        shape = node.type.dims
        if self.dims(x)[0] != shape[0]:
            return None
        if x in self.last:
            return self._back(self.result("reshape", [self._solid(self.last[x])], shape=_moved(shape)))
        product = self.builder[x]
        alone = product.op == "matmul" and not product.name and self.used[x] == 1
        if not alone or any(len(self.dims(u)) != 2 for u in product.operands):
            return None
        left, right = (self._transposed(u) for u in reversed(product.operands))
        return self._back(self.result("product_as", [left, right], shape=_moved(shape)))

    def _transposed(self, id: int) -> int:
        node = self.builder[id]
        if node.op == "mT" or (node.op == "transpose" and node.attr("axes") in (None, (1, 0))):
            return node.operands[0]
        return self.add("mT", [id])

    def _elementwise(self, node: Node, operands: list[int]) -> int | None:
        shape = node.type.dims
        if len(shape) < 2 or not any(u in self.last and len(self.dims(u)) == len(shape) for u in operands):
            return None
        made = self.result(node.op, [self._beside(u, len(shape)) for u in operands], **dict(node.attrs))
        return self._back(made) if self.dims(made) == _moved(shape) else None

    def _beside(self, id: int, rank: int) -> int:
        """An operand that broadcasts to arrays of a rank, as one that broadcasts to them with samples last."""
        missing = rank - len(self.dims(id))
        if missing == rank:
            return id
        node = self.builder[id]
        if node.op == "expand_dims" and len(self.dims(node.operands[0])) == 1:  # a vector along one axis
            axis = next(k for k in range(rank) if k - missing not in node.attr("axis") and k >= missing)
            kept = (axis - 1) % rank
            return self.add("expand_dims", node.operands, axis=tuple(k for k in range(rank) if k != kept))
        if missing:
            id = self.add("expand_dims", [id], axis=tuple(range(missing)))
        return self._view(id)

    def _pool(self, node: Node, operands: list[int]) -> int | None:
        window = dict(node.attrs)
        behind = window.pop("behind")
        if behind or len(window["size"]) != len(node.type.dims) - 2:
            return None
        if "shape" in window:
            window["shape"] = _moved(window["shape"])
        arrays = [self._view(u) if k == 0 and len(operands) > 1 else self._array(u) for k, u in enumerate(operands)]
        return self._back(self.result(node.op, arrays, **window, behind=1))

    def _reduction(self, node: Node, x: int) -> int | None:
        rank = len(self.dims(x))
        axes, keepdims = node.attr("axis"), node.attr("keepdims")
        axes = tuple(range(rank)) if axes is None else axes
        attrs = {**dict(node.attrs), "axis": tuple(sorted((axis - 1) % rank for axis in axes))}
        made = self.result(node.op, [self.last[x]], **attrs)
        kept = len(self.dims(made)) > 1 and (keepdims or 0 not in axes)
        return self._back(made) if kept else made

    def _along_axes(self, node: Node, operands: list[int]) -> int | None:
        """What treats each axis by itself."""
        attrs, shape = dict(node.attrs), node.type.dims
        x, rank = operands[0], len(self.dims(operands[0]))
        if node.op == "mT" and rank == 2:
            return self.last[x]
        if node.op in BORDERS:
            return self._back(self.result(node.op, [self._view(x)], **_with_width(node)))
        if node.op == "concatenate" and all(len(self.dims(u)) == rank for u in operands):
            type = Type(_moved(shape), node.type.dtype)  # no formula says that two halves are the whole
            views = [self._view(u) for u in operands]
            return self._back(self.result(node.op, views, type, axis=(attrs["axis"] - 1) % rank))
        if x not in self.last or len(operands) > 1:
            return None
        if node.op == "reshape" and len(shape) > 1 and shape[0] == self.dims(x)[0]:
            return self._back(self.result("reshape", [self._solid(self.last[x])], shape=_moved(shape)))
        if node.op == "squeeze" and attrs["axis"] == (0,):
            return self.result("squeeze", [self.last[x]], axis=(rank - 1,))
        if node.op == "squeeze" and len(shape) > 1 and 0 not in attrs["axis"]:
            return self._back(self.result("squeeze", [self.last[x]], axis=tuple(k - 1 for k in attrs["axis"])))
        if node.op == "expand_dims" and 0 not in attrs["axis"]:
            return self._back(self.result("expand_dims", [self.last[x]], axis=tuple(k - 1 for k in attrs["axis"])))
        if node.op == "broadcast_to" and len(shape) == rank:
            return self._back(self.result("broadcast_to", [self.last[x]], shape=_moved(shape), like=None))
        if node.op in ("slice", "unslice") and _is_cut(attrs["index"], rank):
            attrs["index"] = _moved(attrs["index"])
            if attrs.get("shape") is not None:
                attrs["shape"] = _moved(attrs["shape"])
            return self._back(self.result(node.op, [self.last[x]], **attrs))
        return None


def _with_width(node: Node) -> dict[str, Any]:
    return {**dict(node.attrs), "width": _moved(node.attr("width"))}


def _is_cut(index: tuple[Any, ...], rank: int) -> bool:
    """Whether an index cuts every axis and drops none."""
    return len(index) == rank and all(isinstance(part, tuple) for part in index)
