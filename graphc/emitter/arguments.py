"""The check of the arguments: arrays of one floating type, shapes that agree, labels in range.

It is written out for the program at hand, so that it costs next to nothing when all is well; what is wrong is put into
words by helpers that only then run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.emitter.check_helpers import CHECK_HELPERS, KINDS
from graphc.emitter.context import solve
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names, argument_names
from graphc.emitter.open_shapes import OpenShapes, Sizes
from graphc.emitter.sizes import needed_sizes, words
from graphc.emitter.text import WIDTH, bracketed, quoted
from graphc.ir.dims import Dim, open_owner
from graphc.ir.graph import Argument, Graph
from graphc.ir.types import Unknown

__all__ = ["arrays_alone", "wrapped", "write_check", "write_limits"]

def write_check(graph: Graph, program: Graph, helpers: set[str], shapes: Callable[[Dim], str]) -> list[str]:
    """The function `check` of the module. `program` is what was written, before it was optimised."""
    arguments = graph.arguments
    called = argument_names(a.name for a in arguments)
    signature = ", ".join(called)
    if not arguments:
        return ["def check():", '    """Nothing to check: there are no arguments."""', "    return None"]
    helpers.add("arrays")
    lines = [
        f"def check({signature}):",
        '    """The arguments as arrays that fit each other; ValueError for those that do not."""',
    ]
    names = _listed([a.name for a in arguments])
    kinds = [_kind(graph, a) for a in arguments]
    packed = signature + ("," if len(arguments) == 1 else "")
    usual = _usual(called, kinds)
    lines += usual
    indent = "        " if usual else "    "
    given = [f"({names})", f"({_listed(kinds)})", f"({packed})"]
    head = f"{indent}{signature}, types = arrays("
    lines += bracketed(head, given, ")") if len(head) <= WIDTH else broken(f"{head}{', '.join(given)})")
    if any("np.linalg." in str(graph.op(node).numpy) for node in graph):
        helpers.add("double_at_most")
        lines += bracketed(f"{indent}double_at_most(", [f"({names})", f"({packed})", "types"], ")")
    writer = _ShapeChecks(graph, program, called, helpers, shapes)
    lines += ["    " + line for line in writer.write()]
    return [*lines, *broken(f"    return {signature}, types")]


def _usual(called: list[str], kinds: list[str]) -> list[str]:
    """The condition under which `arrays` has something to do: anything but arrays of one floating type.

    It is written out because for small arrays a loop over the arguments would take as long as the network.
    """
    floating = [name for name, kind in zip(called, kinds, strict=True) if kind == "float"]
    if len(floating) < sum(kind[0] == "f" for kind in kinds):  # of a declared type, which need not be that of the rest
        return []
    terms = [arrays_alone(called)]
    if len(floating) > 1:
        terms.append(" is ".join(f"{name}.dtype" for name in floating))
    if floating:
        terms += [f'{floating[0]}.dtype.char in "fd"', 'np.__version__[0] != "1"']
    terms += [
        f"{name}.dtype.kind in {quoted(KINDS[kind[0]])}"
        for name, kind in zip(called, kinds, strict=True)
        if kind != "float"
    ]
    lines = [line for k, term in enumerate(terms) for line in wrapped(("and " if k else "") + term)]
    return ["    types = None", "    if not (  # the usual case: all is well with arrays of one type", *lines, "    ):"]


def arrays_alone(called: Sequence[str]) -> str:
    """The condition that all of them are plain arrays of NumPy."""
    return " is ".join([*(f"type({name})" for name in called), "np.ndarray"])


def wrapped(term: str) -> list[str]:
    """A long comparison over several lines."""
    lines, current = [], " " * 8
    for k, part in enumerate(term.split(" is ")):
        part = f"is {part}" if k else part
        if k and len(current) + 1 + len(part) > WIDTH:
            lines.append(current)
            current = " " * 12 + part
        else:
            current += f" {part}" if k else part
    return [*lines, current]


def write_limits(graph: Graph, program: Graph, helpers: set[str], shapes: Callable[[Dim], str]) -> list[str]:
    """The checks of values alone, for arrays whose shapes are known to fit: labels and indices in their range."""
    writer = _ShapeChecks(graph, program, argument_names(a.name for a in graph.arguments), helpers, shapes)
    sizes = writer.bind_sizes()
    limits = writer.limits()
    open_ = writer.open_shapes()
    limits += open_.ranges
    limits = [*open_.bindings(limits), *limits]
    return [*needed_sizes(sizes, limits), *limits]


def _listed(items: list[str]) -> str:
    return ", ".join(map(quoted, items)) + ("," if len(items) == 1 else "")


def _kind(graph: Graph, argument: Argument) -> str:
    """The type that an argument must have: the declared one, or `int` where it was found to be an index."""
    type = graph[argument.node].type
    return argument.declared if argument.declared != "float" or type.is_float else type.dtype


class _ShapeChecks:
    """All sizes are found first, over all arguments; then every argument is compared with them."""

    def __init__(
        self, graph: Graph, program: Graph, called: list[str], helpers: set[str], shapes: Callable[[Dim], str]
    ) -> None:
        self.graph, self.program = graph, program
        self.helpers = helpers
        self.shown = shapes
        self.called = dict(zip((a.name for a in graph.arguments), called, strict=True))
        self.names = Names([*called, "types"])
        self.known: dict[str, str] = {}
        self.origin: dict[str, str] = {}

    def write(self) -> list[str]:
        lines: list[str] = []
        ranked = self._ranked()
        for argument, dims in ranked:
            name = self.called[argument.name]
            lines += [
                f"if {name}.ndim != {len(dims)}:",
                f"    raise {self.helper('wrong_rank')}({quoted(argument.name)}, {name}, {quoted(self._shape(dims))})",
            ]
        sizes = self._bind(ranked)
        compared: dict[bool, list[str]] = {False: [], True: []}
        for argument, dims in ranked:
            divides = any(True for size in dims for _ in size.divisors())
            compared[divides] += self._compare(argument, dims)
        # a size with a quotient in it after the check that nothing is divided by 0
        checks = [*compared[False], *self._ranks(), *self._minimums(), *compared[True], *self._bounds()]
        open_ = self.open_shapes()
        asked = [*open_.needed(open_.ranges), *open_.ranges]
        self.helpers |= words(asked) & CHECK_HELPERS.keys()
        checks += [*asked[: len(asked) - len(open_.ranges)], *self.limits(), *open_.ranges]
        return [*lines, *needed_sizes(sizes, checks), *checks]

    def _ranked(self) -> list[tuple[Argument, tuple[Dim, ...]]]:
        """The arguments whose rank is known, with their sizes."""
        return [
            (a, self.graph[a.node].type.dims)
            for a in self.graph.arguments
            if not isinstance(self.graph[a.node].type.shape, Unknown)
        ]

    def bind_sizes(self) -> list[str]:
        """The statements that name all sizes; no comparison."""
        return self._bind(self._ranked())

    def limits(self) -> list[str]:
        """Labels and indices, once each."""
        lines: list[str] = []
        for name, size, kind in dict.fromkeys(self.graph.limits):
            if any(s not in self.known for s in size.names()):
                continue
            text, called = size.text(self.text), self.called[name]
            either = "" if kind == "label" else ", negative=True"
            lines.append(f"{self.helper('check_range')}({quoted(f'argument {name}')}, {called}, {text}{either})")
        return lines

    def open_shapes(self) -> OpenShapes:
        """The checks of values whose rank only run time tells."""
        known: Callable[[Dim], bool] = lambda size: all(name in self.known for name in size.names())  # noqa: E731
        return OpenShapes(self.program, Sizes(self.called, self.text, known, self._shape, self.names))

    def helper(self, name: str) -> str:
        self.helpers.add(name)
        return name

    def _shape(self, dims: tuple[Dim, ...]) -> str:
        return "(" + ", ".join(map(self.shown, dims)) + ("," if len(dims) == 1 else "") + ")"

    def _bind(self, ranked: list[tuple[Argument, tuple[Dim, ...]]]) -> list[str]:
        """Sizes from plain names first, then those that stand in expressions only."""
        lines: list[str] = []
        for argument, dims in ranked:
            wanted = [
                d.symbol if d.symbol and d.symbol not in self.known and dims.index(d) == k else None
                for k, d in enumerate(dims)
            ]
            name = self.called[argument.name]
            for symbol in wanted:
                if symbol:
                    self.known[symbol] = self.names.fresh(self.shown_symbol(symbol))
                    self.origin[symbol] = argument.name
            if wanted and all(wanted):
                left = ", ".join(self.known[s] for s in wanted if s)
                left = f"({left},)" if len(wanted) == 1 else left
                lines.append(f"{left} = {name}.shape")
            else:
                lines += [f"{self.known[s]} = {name}.shape[{k}]" for k, s in enumerate(wanted) if s]
        progress = True
        while progress:
            progress = False
            for argument, dims in ranked:
                for axis, size in enumerate(dims):
                    for symbol in sorted({name for name in size.names() if name not in self.known}):
                        text = self._solved(size, symbol, f"{self.called[argument.name]}.shape[{axis}]")
                        if text is not None:
                            self.known[symbol] = self.names.fresh(self.shown_symbol(symbol))
                            self.origin[symbol] = argument.name
                            lines.append(f"{self.known[symbol]} = {text}")
                            progress = True
        return lines

    def shown_symbol(self, symbol: str) -> str:
        shown = self.shown(Dim(((((symbol, 1),), 1),)))
        return shown if shown.isidentifier() else "size"

    def _solved(self, size: Dim, symbol: str, value: str) -> str | None:
        plain = solve(size, symbol, value)
        if plain is not None:
            return plain
        if any(name != symbol and name not in self.known for name in size.names()):
            return None
        parts = size.linear_in(symbol)
        if parts is None or not parts[0].terms:
            return None
        slope, rest = (p.text(self.text, tight=True) for p in parts)
        if parts[0].value == 1:
            return f"{value} - {rest}" if parts[1].terms else value
        top = f"({value} - {rest})" if parts[1].terms else value
        return f"{top} // {slope} if {slope} else 0"

    def text(self, symbol: str) -> str:
        return self.known.get(symbol, "0")

    def _compare(self, argument: Argument, dims: tuple[Dim, ...]) -> list[str]:
        name = self.called[argument.name]
        if not dims or all(
            d.symbol and self.origin.get(d.symbol) == argument.name and dims.index(d) == k for k, d in enumerate(dims)
        ):
            return []
        if any(symbol not in self.known for d in dims for symbol in d.names()):
            free = [k for k, d in enumerate(dims) if all(s in self.known for s in d.names())]
            lines = []
            for k in free:
                size = dims[k].text(self.text)
                lines += [
                    f"if {name}.shape[{k}] != {size}:",
                    "    " + self._refusal(argument, name, (dims[k],), f"({size},)", k),
                ]
            return lines
        sizes = ", ".join(d.text(self.text) for d in dims) + ("," if len(dims) == 1 else "")
        return [f"if {name}.shape != ({sizes}):", "    " + self._refusal(argument, name, dims, f"({sizes})", 0)]

    def _refusal(self, argument: Argument, name: str, dims: tuple[Dim, ...], sizes: str, axis: int) -> str:
        said = "(" + ", ".join(quoted(self._said(d)) for d in dims) + ("," if len(dims) == 1 else "") + ")"
        first = f", {axis}" if axis else ""
        return f"raise {self.helper('wrong_shape')}({quoted(argument.name)}, {name}, {sizes}, {said}{first})"

    def _said(self, size: Dim) -> str:
        if size.value is not None:
            return ""
        owners = sorted({self.origin[s] for s in size.names() if s in self.origin})
        shown = self.shown(size)
        return shown + (f" of {', '.join(owners)}" if owners else "")

    def _ranks(self) -> list[str]:
        """Undeclared arguments of which the program asks for an axis."""
        lines: list[str] = []
        for names, least in self.graph.ranks:
            called = [self.called[name] for name in names]
            rank = f"{called[0]}.ndim" if len(called) == 1 else f"max({', '.join(f'{name}.ndim' for name in called)})"
            what = quoted(f"argument {' or '.join(names)}")
            lines += [
                f"if {rank} < {least}:",
                f"    raise {self.helper('too_few_axes')}({what}, {rank}, {least})",
            ]
        return lines

    def _minimums(self) -> list[str]:
        """Sizes that must not be too small; of several demands on one, the greatest holds for all."""
        lines: list[str] = []
        demands = [(size, Dim(()) + least, what) for size, least, what in dict.fromkeys(self.graph.minimums)]
        greatest: dict[Dim, int] = {}
        for size, least, _ in demands:
            if least.value is not None:
                greatest[size] = max(least.value, greatest.get(size, 0))
        for size, least, what in demands:
            if least.value is not None:
                if greatest.get(size) != least.value:
                    continue
                del greatest[size]  # said once
            if all(s in self.known for s in [*size.names(), *least.names()]):
                a, b = size.text(self.text), least.text(self.text)
                said = quoted(self._said(size) or str(size))
                lines += [f"if {a} < {b}:", f"    raise {self.helper('too_small')}({said}, {a}, {b}, {quoted(what)})"]
        return lines

    def _bounds(self) -> list[str]:
        """Undeclared arguments that must not enlarge what they are combined with."""
        lines: list[str] = []
        for inner, outer in dict.fromkeys(self.graph.bounds):
            leaf = _leaf_of(inner)
            if leaf not in self.called or any(s not in self.known for d in outer for s in d.names()):
                continue
            sizes = ", ".join(d.text(self.text) for d in outer) + ("," if len(outer) == 1 else "")
            wanted = f"({sizes}), {quoted(self._shape(outer))}"
            what = quoted(f"argument {leaf}")
            lines.append(f"{self.helper('fits_into')}({what}, {self.called[leaf]}.shape, {wanted})")
        for names in self.graph.together:
            said = _listed([f"argument {name}" for name in names])
            given = [f"{self.called[name]}.shape" for name in names]
            lines += bracketed(f"{self.helper('fit_together')}(", [f"({said})", f"({', '.join(given)})"], ")")
        for pair in self.graph.agreeing:
            if all(s in self.known for size in pair for s in size.names()):
                a, b = (size.text(self.text) for size in pair)
                said = ", ".join(quoted(self._said(size) or 'the other') for size in pair)
                lines += [
                    f"if {a} != {b} and 1 not in ({a}, {b}):",
                    f"    raise {self.helper('unequal_sizes')}({said}, {a}, {b})",
                ]
        return lines


def _leaf_of(shape: object) -> str:
    if isinstance(shape, Unknown):
        return shape.leaf or ""
    assert isinstance(shape, tuple)
    place = open_owner(shape[0].symbol or "")
    return place[0] if place else ""
