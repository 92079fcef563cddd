"""What a function that works in memory made once has made: the lines that make it, and the names that it unpacks.

    zero, zeros, Z, loop_1 = memory           zero = X.dtype.type(0)
                                              zeros = np.zeros(H, X.dtype)
                                              Z = np.empty((N, H), X.dtype)
                                              loop_1 = []; for rows, own in tiles(N, step): …
"""

from __future__ import annotations

from graphc.emitter.context import BodyContext
from graphc.emitter.naming import Names
from graphc.ir.dims import Dim
from graphc.ir.graph import Node
from graphc.ir.types import Unknown

__all__ = ["Memory", "allocating_context"]


class Memory:
    """The text that makes memory, in the `context` of the function that does."""

    def __init__(self, context: BodyContext, names: Names, threads: int) -> None:
        self.context, self.names, self.threads = context, names, threads
        self.unpacked: list[str] = []
        self.lines: list[str] = []
        self.derived: list[str] = []
        self.constants: dict[tuple[str, ...], str] = {}
        # The number of an array -> what is spread in it, how many rows that takes, the shape of a row.
        self.spread: dict[int, tuple[list[str], str, tuple[Dim, ...]]] = {}
        # Arrays as long as a tile that no value is in: the loop, the shape of a row, the number if they have one.
        self.beside: list[tuple[int, tuple[Dim, ...], int | None]] = []

    def shape(self, node: Node) -> str:
        return self.context.shape(node.type.dims)

    def dtype(self, node: Node) -> str:
        return self.context.dtype() if node.type.is_float else node.type.dtype

    def keep(self, name: str, text: str) -> None:
        """Make something under a name that the function unpacks."""
        self.lines.append(f"{name} = {text}")
        self.unpacked.append(name)

    def constant(self, key: tuple[str, ...], name: str, text: str, tiled: bool = False) -> str:
        """The name of an array that is made once; `tiled`: as long as a tile, to be cut like one."""
        known = self.constants.get(key)
        if known is None:
            known = self.constants[key] = self.names.fresh(name)
            self.lines.append(f"{known} = {text}")
            if not tiled:
                self.unpacked.append(known)
        return known

    def of_arrays(self, text: str, name: str) -> str:
        """The name of what is made once of arrays, behind these."""
        known = self.constants.get((text,))
        if known is None:
            known = self.constants[text,] = self.names.fresh(name)
            self.derived.append(f"{known} = {text}")
        return known

    def spread_in(self, key: tuple[str, ...], name: str, number: int, rows: str, rest: tuple[Dim, ...]) -> str:
        """The name of what is spread over tiles, of so many rows, in the array of that number."""
        known = self.constants.get(key)
        if known is None:
            known = self.constants[key] = self.names.fresh(name)
            self.spread.setdefault(number, ([], rows, rest))[0].append(known)
        return known

    def zero(self) -> str:
        """A number of the floating type, so that a sum that begins with it is of that type."""
        return self.constant(("zero",), "zero", f"{self.context.dtype()}.type(0)")

    def sums(self, node: Node, name: str) -> str:
        """What each thread sums up for itself over its tiles, before it is all added to the array `name`."""
        sizes = ", ".join(self.context.dim(size).text for size in node.type.dims)
        make = f"np.empty((THREADS, {sizes}), {self.dtype(node)})"
        return self.constant(("sums", str(node.id)), f"{name}_sums", make)


def allocating_context(context: BodyContext, sources: dict[int, str]) -> BodyContext:
    """The context of the function that allocates from `sources`, where sizes have the names of this `context`."""
    graph, names = context.graph, context.names
    allocating = BodyContext(graph, Names(names.taken), context.helpers, sources, {})
    symbols = dict.fromkeys(
        symbol
        for argument in graph.arguments
        if not isinstance(graph[argument.node].type.shape, Unknown)
        for size in graph[argument.node].type.dims
        for symbol in size.names()
    )
    free, named = names.taken, {node.name for node in graph if node.name}
    names.taken = free | named  # a value's name comes before a size's
    allocating.names.taken |= named
    for symbol in symbols:
        if all(each._source(symbol) is not None for each in (context, allocating)):
            context.symbol(symbol)
            allocating.symbol(symbol)
    names.taken -= named - free
    return allocating
