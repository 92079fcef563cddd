"""The check of the arguments: arrays of one floating type, shapes that agree, labels in range.

It is written out for the program at hand, so that it costs next to nothing when all is well; what is wrong is put into
words by helpers that only then run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.emitter.added_masks import added_masks
from graphc.emitter.as_arrays import write_as_arrays
from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.context import solve
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names, argument_names
from graphc.emitter.open_shapes import OpenShapes, Sizes
from graphc.emitter.repeated import Check, write_checks
from graphc.emitter.sizes import needed_sizes, words
from graphc.emitter.text import bracketed, quoted
from graphc.ir.dims import Dim, open_owner
from graphc.ir.graph import Argument, Graph
from graphc.ir.types import Unknown

__all__ = ["write_check", "write_limits"]

def write_check(graph: Graph, program: Graph, helpers: set[str], shapes: Callable[[Dim], str]) -> list[str]:
    """The function `check` of the module. `program` is what was written, before it was optimised."""
    arguments = graph.arguments
    called = argument_names(a.name for a in arguments)
    signature = ", ".join(called)
    if not arguments:
        return ["def check():", '    """Nothing to check: there are no arguments."""', "    return None"]
    writer = _ShapeChecks(graph, program, called, helpers, shapes)
    arrays, results = write_as_arrays(graph, called, writer.variable, helpers)
    wide = _write_wide(program, called, helpers)
    if wide:
        results = signature
    return [
        f"def check({signature}):",
        '    """The arguments as arrays that fit each other; ValueError for those that do not."""',
        *_write_masks(program, called, helpers),
        *arrays,
        *wide,
        *("    " + line for line in writer.write()),
        *broken(f"    return {results}, types"),
    ]


def write_limits(graph: Graph, program: Graph, helpers: set[str], shapes: Callable[[Dim], str]) -> list[str]:
    """The checks of values alone, for arrays whose shapes are known to fit: labels and indices in their range."""
    writer = _ShapeChecks(graph, program, argument_names(a.name for a in graph.arguments), helpers, shapes)
    sizes = writer.bind_sizes()
    limits = writer.limits()
    open_ = writer.open_shapes()
    limits += open_.ranges
    limits = [*open_.bindings(limits), *limits]
    return [*needed_sizes(sizes, words(limits)), *limits]


def _write_masks(program: Graph, called: list[str], helpers: set[str]) -> list[str]:
    """Masks of booleans become what is added to scores, before they are taken for numbers."""
    masks = added_masks(program)
    helpers |= {"added_mask"} if masks else set()
    named = {argument.name: name for argument, name in zip(program.arguments, called, strict=True)}
    floats = [named[a.name] for a in program.arguments if program[a.node].type.is_float and a.name not in masks]
    return [f"    {named[mask]} = added_mask({', '.join([named[mask], *floats])})" for mask in masks]


def _write_wide(program: Graph, called: list[str], helpers: set[str]) -> list[str]:
    """Integers that the program computes with as those of 64 bits: of 8 bits `2*y - 1` is 255 where y is 0."""
    lines: list[str] = []
    for argument, name in zip(program.arguments, called, strict=True):
        if program[argument.node].type.dtype == "int" and _is_computed_with(program, argument.node):
            helpers.add("as_int64")
            lines += [
                f"    if {name}.dtype != np.int64:  # computed with in fewer bits it would wrap around",
                f"        {name} = as_int64({quoted(argument.name)}, {name})",
            ]
    return lines


def _is_computed_with(program: Graph, argument: int) -> bool:
    """Whether integers are more than labels and indices: a result, or operands of what does not take them as they are.

    That a result is floating says nothing: a softmax of integers subtracts the largest before it takes exponentials.
    """
    users, results = program.users(), {*program.outputs.values(), *program.updates.values()}
    stack = [argument]
    while stack:
        id = stack.pop()
        if id in results:
            return True
        for node in map(program.__getitem__, users.get(id, ())):
            op = program.op(node)
            taken = {op.operands[min(k, len(op.operands) - 1)] for k, u in enumerate(node.operands) if u == id}
            labels = {name for name, domain in op.domain.items() if domain == "labels"}
            if taken <= {*op.indices, *labels, "*indices"} or node.type.dtype == "bool" or node.op == "as_float":
                continue
            if not op.view:
                return True
            stack.append(node.id)
    return False


def _listed(items: list[str]) -> str:
    return ", ".join(map(quoted, items)) + ("," if len(items) == 1 else "")


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
        self.variables: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.origin: dict[str, str] = {}
        # Of thousands of arguments most have the same few shapes.
        self.asked: dict[tuple[tuple[Dim, ...], int | None], tuple[str, dict[str, str]]] = {}
        self.all_known: dict[tuple[Dim, ...], bool] = {}

    def write(self) -> list[str]:
        ranked = self._ranked()
        sizes = self._bind(ranked)
        binding = set(self.origin.values())
        ranks: list[Check] = []
        compared: dict[bool, list[Check]] = {False: [], True: []}
        dividing = {dims: any(True for size in dims for _ in size.divisors()) for dims in {dims for _, dims in ranked}}
        for argument, dims in ranked:
            divides = dividing[dims]
            # what shows no size to others is looked at once, its number of dimensions with its sizes
            if not dims or argument.name in binding or not self._are_known(dims):
                ranks.append(self._rank(argument, dims))
            compared[divides] += self._compare(argument, dims)
        lines, plain, divided = map(self._written, (ranks, compared[False], compared[True]))
        # a size with a quotient in it after the check that nothing is divided by 0
        checks = [*plain, *self._ranks(), *self._minimums(), *divided, *self._bounds()]
        open_ = self.open_shapes()
        asked = [*open_.needed(open_.ranges), *open_.ranges]
        self.helpers |= words(asked) & CHECK_HELPERS.keys()
        checks += [*asked[: len(asked) - len(open_.ranges)], *self.limits(), *open_.ranges]
        return [*lines, *needed_sizes(sizes, words(checks)), *checks]

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
            if not self._is_known(size):
                continue
            text, called = size.text(self.text), self.called[name]
            either = "" if kind == "label" else ", negative=True"
            lines.append(f"{self.helper('check_range')}({quoted(f'argument {name}')}, {called}, {text}{either})")
        return lines

    def open_shapes(self) -> OpenShapes:
        """The checks of values whose rank only run time tells."""
        return OpenShapes(self.program, Sizes(self.called, self.text, self._is_known, self._shape, self.names))

    def _is_known(self, size: Dim) -> bool:
        return all(name in self.known for name in size.names())

    def _are_known(self, dims: tuple[Dim, ...]) -> bool:
        """Whether all of them are, once the sizes are bound."""
        known = self.all_known.get(dims)
        if known is None:
            known = self.all_known[dims] = all(map(self._is_known, dims))
        return known

    def helper(self, name: str) -> str:
        self.helpers.add(name)
        return name

    def _written(self, checks: list[Check]) -> list[str]:
        return write_checks(checks, self.variable)

    def variable(self, wanted: str) -> str:
        """How a variable that is neither an argument nor a size is called: the same in all loops over arguments."""
        if wanted not in self.variables:
            self.variables[wanted] = self.names.fresh(wanted)
        return self.variables[wanted]

    def _rank(self, argument: Argument, dims: tuple[Dim, ...]) -> Check:
        refusal = f"raise {self.helper('wrong_rank')}({{name}}, {{value}}, {{shape}})"
        return self._check(
            argument, f"if {{value}}.ndim != {len(dims)}:\n    {refusal}", shape=quoted(self._shape(dims))
        )

    def _check(self, argument: Argument, template: str, **texts: str) -> Check:
        return Check(template, {"name": quoted(argument.name), "value": self.called[argument.name], **texts})

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

    def _compare(self, argument: Argument, dims: tuple[Dim, ...]) -> list[Check]:
        if not dims or all(
            d.symbol and self.origin.get(d.symbol) == argument.name and dims.index(d) == k for k, d in enumerate(dims)
        ):
            return []
        if self._are_known(dims):
            return [self._differs(argument, dims)]
        known = [k for k, d in enumerate(dims) if self._is_known(d)]
        return [self._differs(argument, (dims[k],), k) for k in known]

    def _differs(self, argument: Argument, dims: tuple[Dim, ...], axis: int | None = None) -> Check:
        """Whether an argument's shape, or its size at an axis, is another one."""
        asked = self.asked.get((dims, axis))
        if asked is None:
            asked = self.asked[dims, axis] = self._difference(dims, axis)
        template, texts = asked
        return self._check(argument, template, **texts)

    def _difference(self, dims: tuple[Dim, ...], axis: int | None) -> tuple[str, dict[str, str]]:
        """The template of that check, and what stands in it whatever the argument is."""
        texts = [d.text(self.text) for d in dims]
        place, sizes = ("", "{sizes}") if axis is None else (f"[{axis}]", "({size},)")
        wanted = {"sizes": _tuple(texts)} if axis is None else {"size": texts[0]}
        place_of = "" if axis is None else f", {axis}"
        refusal = f"{self.helper('wrong_shape')}({{name}}, {{value}}, {sizes}, {{said}}{place_of})"
        said = _tuple([quoted(self._said(d)) for d in dims])
        condition = f"{{value}}.shape{place} != {sizes.strip('(,)')}"
        return f"if {condition}:\n    raise {refusal}", {**wanted, "said": said}

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
            if self._is_known(size) and self._is_known(least):
                a, b = size.text(self.text), least.text(self.text)
                said = quoted(self._said(size) or str(size))
                lines += [f"if {a} < {b}:", f"    raise {self.helper('too_small')}({said}, {a}, {b}, {quoted(what)})"]
        return lines

    def _bounds(self) -> list[str]:
        """Undeclared arguments that must not enlarge what they are combined with."""
        fitting: list[Check] = []
        for inner, outer in dict.fromkeys(self.graph.bounds):
            leaf = _leaf_of(inner)
            if leaf not in self.called or not all(map(self._is_known, outer)):
                continue
            sizes, said = _tuple([d.text(self.text) for d in outer]), quoted(self._shape(outer))
            texts = {"name": quoted(f"argument {leaf}"), "value": self.called[leaf], "sizes": sizes, "shape": said}
            fitting.append(Check(self.helper("fits_into") + "({name}, {value}.shape, {sizes}, {shape})", texts))
        lines = self._written(fitting)
        for names in self.graph.together:
            said = quoted([f"argument {name}" for name in names])
            given = [f"{self.called[name]}.shape" for name in names]
            lines += bracketed(f"{self.helper('fit_together')}(", [said, _tuple(given)], ")")
        for pair in self.graph.agreeing:
            if all(map(self._is_known, pair)):
                a, b = (size.text(self.text) for size in pair)
                said = ", ".join(quoted(self._said(size) or 'the other') for size in pair)
                lines += [
                    f"if {a} != {b} and 1 not in ({a}, {b}):",
                    f"    raise {self.helper('unequal_sizes')}({said}, {a}, {b})",
                ]
        return lines


def _tuple(items: Sequence[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _leaf_of(shape: object) -> str:
    if isinstance(shape, Unknown):
        return shape.leaf or ""
    assert isinstance(shape, tuple)
    place = open_owner(shape[0].symbol or "")
    return place[0] if place else ""
