"""What a function body knows while it is written: names at hand, sizes, helpers, the floating type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from heapq import heapify, heappop, heappush

from graphc.emitter.expressions import ATOM, PRODUCT, SUM, Text
from graphc.emitter.naming import Names
from graphc.ir.dim_text import in_brackets
from graphc.ir.dims import Dim, dim, open_owner
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Shape, Type, Unknown
from graphc.language.plain import FACTORS, is_plain

__all__ = ["BodyContext", "Live"]


class BodyContext:
    """The `NumpyContext` of one function.

    A size is written as a local (`N`, defined at the top from an array at hand), or as `X.shape[1]` where its name is
    taken or it was only inferred. Sizes that no array at hand shows are collected in `missing`.
    """

    def __init__(
        self, graph: Graph, names: Names, helpers: set[str], arrays: dict[int, str], sizes: dict[str, str]
    ) -> None:
        self.graph = graph
        self.names = names
        self.helpers = helpers
        self.arrays = arrays
        self.given_sizes = sizes
        self.used: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.missing: list[str] = []
        self.live = Live(graph, arrays)
        self.uses_dtype = False
        self._dtype: str | None = None
        self._plain: set[int] | None = None

    def type(self, id: int) -> Type:
        return self.graph[id].type

    def node(self, id: int) -> Node:
        return self.graph[id]

    def plain(self, id: int) -> bool:
        if self._plain is None:
            self._plain = set()
            for node in self.graph:
                if is_plain(node, self._plain.__contains__):
                    self._plain.add(node.id)
        return id in self._plain

    def nonzero(self, id: int) -> bool:
        node = self.graph[id]
        if node.op == "const":
            return bool(node.attr("value"))
        if node.op == "size":
            return self.positive(node.attr("dim"))
        if node.op == "add":
            terms = [self.graph[u] for u in node.operands]
            least = sum(0 if t.op == "size" and t.attr("dim").is_nonnegative() else t.attr("value", -1) for t in terms)
            return bool(least > 0)
        return node.op in FACTORS and all(map(self.nonzero, node.operands))

    def helper(self, name: str) -> str:
        self.helpers.add(name)
        return name

    def dtype(self) -> str:
        """The program's floating type, from an array at hand."""
        if self._dtype is None:
            self._dtype = self._find_dtype()
        self.uses_dtype |= self._dtype == "dtype"
        return self._dtype

    def _find_dtype(self) -> str:
        for id, name in self.arrays.items():
            if self.graph[id].type.is_float and self.graph[id].op in ("argument",):
                return f"{name}.dtype"
        for id, name in self.arrays.items():
            if self.graph[id].type.is_float and self.graph[id].type.rank != 0:
                return f"{name}.dtype"
        return "dtype"

    # ------------------------------------------------------------ sizes

    def dim(self, size: Dim | int) -> Text:
        size = dim(size)
        if size.value is not None:
            return Text(str(size.value))
        text = size.text(self.symbol)
        if len(size.displayed.terms) > 1:
            return Text(text, SUM)
        return Text(text, ATOM if size.symbol or in_brackets(size) else PRODUCT)

    def positive(self, size: Dim) -> bool:
        return self.graph.positive(size)

    def symbol(self, name: str) -> str:
        """How a size's name is written here."""
        if name in self.used:
            return self.used[name]
        if name in self.given_sizes:
            self.used[name] = self.given_sizes[name]
            return self.used[name]
        source = self._source(name)
        if source is None:
            self.missing.append(name)
            source = ""
        place = open_owner(name)
        plain = f"{place[0]}_size_{place[1]}" if place else name
        if source and (name.startswith("?") or plain in self.names.taken or not plain.isidentifier()):
            self.used[name] = source if source.endswith("]") else f"({source})"
        else:
            self.used[name] = self.names.fresh(plain)
            self.sources[self.used[name]] = source
        return self.used[name]

    @cached_property
    def _shown(self) -> tuple[dict[str, str], list[tuple[Dim, str]]]:
        """Where the arrays at hand show sizes: those that are a name, and those that are made of names."""
        plain: dict[str, str] = {}
        made: list[tuple[Dim, str]] = []
        for id, array in self.arrays.items():
            type = self.graph[id].type
            for axis, size in enumerate(() if isinstance(type.shape, Unknown) else type.shape):
                place = f"{array}.shape[{axis}]"
                if size.symbol and type.dtype != "shape":
                    plain.setdefault(size.symbol, place)
                elif size.value is None:
                    made.append((size, place))
        return plain, made

    def _source(self, name: str) -> str | None:
        plain, made = self._shown
        if name in plain:
            return plain[name]
        for size, place in made:
            solved = solve(size, name, place)
            if solved is not None:
                return solved
        return self._solved_beside_others(name)

    def _solved_beside_others(self, name: str) -> str | None:
        """From a size that holds other names, too, which arrays at hand show: `M` of `N*M` beside an array of `N`."""
        plain, made = self._shown
        for size, value in made:
            parts = size.linear_in(name)
            others = set(size.names()) - {name}
            if parts is None or not parts[0].terms or not others <= plain.keys():
                continue
            slope, rest = (part.text(self.symbol, tight=True) for part in parts)
            top = f"{value} - {rest}" if parts[1].terms else value
            if slope == "1":
                return top
            return f"{f'({top})' if parts[1].terms else top} // {slope} if {slope} else 0"
        return None

    def shape(self, shape: Shape) -> str:
        found = self.live.of_shape(shape)
        of_gradient = found is not None and self.live.graph[found[0]].of_rule
        # that dE is of the shape of dF says less than its sizes do
        alike = None if found is None or (of_gradient and self._are_at_hand(shape)) else found[1]
        if isinstance(shape, Unknown):
            if alike is not None:
                return f"{alike}.shape"
            raise AssertionError(f"no value of shape {shape.key} is at hand")
        if all(d.value is not None for d in shape):
            return "(" + ", ".join(str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"
        if alike is not None:
            return f"{alike}.shape"
        return "(" + ", ".join(self.dim(d).text for d in shape) + ("," if len(shape) == 1 else "") + ")"

    def _are_at_hand(self, shape: Shape) -> bool:
        """Whether all sizes have names in the code so far."""
        names = None if isinstance(shape, Unknown) else {name for size in shape for name in size.names()}
        return names is not None and all(self.used.get(name, "").isidentifier() for name in names)

    def adopt_sizes(self, other: BodyContext, but: Iterable[str]) -> None:
        """Take over the sizes of another part of the function, unless they come from one of these arrays."""
        for symbol, local in other.used.items():
            source = other.sources.get(local)
            if source and not any(f"{array}.shape" in source for array in but):
                self.used[symbol] = local
                self.sources[local] = other.sources.pop(local)

    def size_lines(self) -> list[str]:
        """The statements that define the sizes used: all of one array at once where all of them are used."""
        wanted = {symbol: local for symbol, local in self.used.items() if self.sources.get(local)}
        lines, defined = self._whole_shapes(wanted)
        rest = [(local, self.sources[local]) for symbol, local in wanted.items() if symbol not in defined]
        computed = [not (source.endswith("]") and source.count("[") == 1) for _, source in rest]
        vectors = {name for id, name in self.arrays.items() if self.graph[id].type.rank == 1}
        for late in (False, True):  # those that come from an expression last
            group = [pair for pair, is_computed in zip(rest, computed, strict=True) if is_computed == late]
            for local, source in sorted(group, key=lambda pair: pair[1]):
                array = source.removesuffix(".shape[0]")
                lines.append(f"({local},) = {array}.shape" if array in vectors else f"{local} = {source}")
        return lines

    def _whole_shapes(self, wanted: dict[str, str]) -> tuple[list[str], set[str]]:
        """`N, D = X.shape` for arrays whose sizes are all wanted, those first that define the most."""
        lines: list[str] = []
        defined: set[str] = set()
        shapes: dict[str, tuple[str, ...]] = {}
        found: dict[Shape, tuple[str, ...]] = {}  # of thousands of arrays most have the same few shapes
        for id, array in self.arrays.items():
            type = self.graph[id].type
            if type.dtype != "shape":
                symbols = found.get(type.shape)
                if symbols is None:
                    symbols = found[type.shape] = _wanted_whole(type.shape, wanted)
                if symbols:
                    shapes[array] = symbols
        waiting = [(-len(symbols), place, array) for place, (array, symbols) in enumerate(shapes.items())]
        heapify(waiting)
        while waiting:
            count, place, array = heappop(waiting)
            symbols = shapes[array]
            new = len(set(symbols) - defined)
            if new < -count:  # others have defined some since: it waits for those that define more
                heappush(waiting, (-new, place, array))
                continue
            if new < 2:
                break
            lines.append(f"{', '.join(wanted[symbol] for symbol in symbols)} = {array}.shape")
            defined |= set(symbols)
        return lines, defined


def _wanted_whole(shape: Shape, wanted: Collection[str]) -> tuple[str, ...]:
    """The names of the sizes of a shape, if it consists of different ones and all of them are wanted; else none."""
    if isinstance(shape, Unknown):
        return ()
    symbols = tuple(size.symbol or "" for size in shape)
    return symbols if len(set(symbols)) == len(symbols) and all(symbol in wanted for symbol in symbols) else ()


def solve(size: Dim, name: str, value: str, known: Callable[[str], bool] | None = None) -> str | None:
    """The text that gives `name` from the value of a size expression that holds it alone and linearly."""
    if set(size.names()) != {name}:
        return None
    parts = size.linear_in(name)
    if parts is None or parts[0].value in (None, 0) or parts[1].value is None:
        return None
    slope, rest = parts[0].value, parts[1].value
    assert slope is not None and rest is not None
    text = value if rest == 0 else f"{value} {'-' if rest > 0 else '+'} {abs(rest)}"
    if slope == 1:
        return text
    return f"{text} // {slope}" if rest == 0 else f"({text}) // {slope}"


class Live:
    """The names of the values at hand; a long function asks it for one of a shape as often as it has statements."""

    def __init__(self, graph: Graph, arrays: Mapping[int, str]) -> None:
        self.graph = graph
        self._by_shape: dict[Shape, dict[int, str]] = {}
        self.update(arrays)

    def __setitem__(self, id: int, name: str) -> None:
        type = self.graph[id].type
        if type.dtype != "shape":
            self._by_shape.setdefault(type.shape, {})[id] = name

    def update(self, arrays: Mapping[int, str]) -> None:
        for id, name in arrays.items():
            self[id] = name

    def pop(self, id: int, _: None = None) -> None:
        """Forget a value, if it is known."""
        if id in self.graph.nodes:
            self._by_shape.get(self.graph[id].type.shape, {}).pop(id, None)

    def of_shape(self, shape: Shape) -> tuple[int, str] | None:
        """The first value of that shape, and its name."""
        return next(iter(self._by_shape.get(shape, {}).items()), None)
