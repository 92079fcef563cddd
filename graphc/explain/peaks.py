"""The most memory that is held at a time, and which of several amounts that is.

Each is a polynomial of the sizes. They are compared at a point: at `N=1000, D=300` `8*N*H` is more than `8*D*H`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphc.explain.work import Loop
from graphc.ir.dims import Dim
from graphc.ir.graph import Statement
from graphc.passes.cost import TYPICAL

__all__ = ["Memory", "Point"]


@dataclass
class Memory:
    """Memory in bytes: of a function the most that it holds at a time, and where. `tiles` are arrays as long as a tile:
    the loop, and the size of a row in bytes; of several in one room the largest counts."""

    peak: Dim
    at: Statement | None = None
    tiles: list[list[tuple[Loop, Dim]]] = field(default_factory=list)


class Point:
    """Sizes at which polynomials are compared."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes

    def value(self, size: Dim) -> int:
        try:
            return size.evaluate({name: self.sizes.get(name, TYPICAL) for name in size.names()})
        except ZeroDivisionError:
            return 0

    def is_known(self, size: Dim) -> bool:
        return set(size.names()) <= set(self.sizes)
