"""How shapes are shown: declared sizes by their names, inferred ones by short names that no program uses."""

from __future__ import annotations

from graphc.ir.dims import Dim, shown
from graphc.ir.graph import Graph
from graphc.ir.types import Shape, Unknown

__all__ = ["ShapeNames"]


class ShapeNames:
    """Names for the sizes of one module: an inferred size is `n1`, `n2`, … in the order of the arguments."""

    def __init__(self, graph: Graph) -> None:
        self.names: dict[str, str] = {}
        self._shown: dict[tuple[Dim, ...], str] = {}
        taken = set(graph.values)
        number = 0
        for argument in graph.arguments:
            shape = graph[argument.node].type.shape
            if isinstance(shape, Unknown):
                continue
            for size in shape:
                for name in size.names():
                    if name.startswith("?") and name not in self.names:
                        number += 1
                        while f"n{number}" in taken:
                            number += 1
                        self.names[name] = f"n{number}"

    def symbol(self, name: str) -> str:
        return self.names.get(name) or shown(name)

    def dim(self, size: Dim) -> str:
        return size.text(self.symbol)

    def shape(self, shape: Shape) -> str:
        """`(N, D)`, `(n1,)`, `(?)`"""
        if isinstance(shape, Unknown):
            return "any shape"
        shown = self._shown.get(shape)
        if shown is None:
            shown = "(" + ", ".join(map(self.dim, shape)) + ("," if len(shape) == 1 else "") + ")"
            self._shown[shape] = shown
        return shown
