"""The check of the arguments: arrays of one floating type, shapes that agree, labels in range.

It is written out for the program at hand, so that it costs next to nothing when all is well; what is wrong is put into
words by helpers that only then run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.emitter.context import solve
from graphc.emitter.naming import Names, argument_names
from graphc.emitter.open_shapes import OpenShapes, Sizes
from graphc.emitter.sizes import needed_sizes
from graphc.emitter.text import WIDTH, bracketed, quoted
from graphc.ir.dims import Dim, open_owner
from graphc.ir.graph import Argument, Graph
from graphc.ir.types import Unknown

__all__ = ["ARRAYS", "arrays_alone", "wrapped", "write_check", "write_limits"]

KINDS = {"f": "fiub", "i": "iu", "b": "b"}
"""By the first letter of an argument's type the kinds of arrays that will do."""

ARRAYS = '''\
def arrays(names, kinds, values):
    """The arguments as arrays, floating ones of one type; ValueError for what cannot be one.

    The last item is None, or the types of the floating arguments if they differ. Numbers that are not arrays and
    arrays of integers take the type of the floating arrays beside them; half precision is computed with in float32.
    """
    result = []
    for name, value in zip(names, values):
        try:
            result.append(np.asarray(value))
        except (TypeError, ValueError, RuntimeError) as error:  # rows of different lengths; what cannot be one
            raise ValueError(f"argument {name} is not an array: {error}") from None
        if np.ma.is_masked(value):
            raise ValueError(f"argument {name} has entries that are masked")
    for name, kind, array in zip(names, kinds, result):
        if array.dtype.kind not in KINDS[kind[0]]:
            raise ValueError(f"argument {name} must be {WORDS[kind[0]]}, not {array.dtype}")
    given = [array.dtype for array, kind in zip(result, kinds) if kind[0] == "f"]
    alike = given and given.count(given[0]) == len(given) and given[0].char in "fd"
    strict = np.__version__[0] != "1"  # before NumPy 2 a float32 scalar times a plain number is a float64
    if not given or alike and strict and kinds.count("float") == len(given):
        return *result, None
    strong = [np.dtype(k) if k != "float" else a.dtype for a, k, v in zip(result, kinds, values)
              if k[0] == "f" and (k != "float" or a.dtype.kind == "f" and type(v) is not float)]
    common = np.result_type(np.float32, *strong) if strong else np.dtype("float64")
    types = {}
    for k, (name, kind) in enumerate(zip(names, kinds)):
        if kind[0] == "f":
            weak = result[k].dtype.kind != "f" or type(values[k]) is float
            types[name] = np.dtype(kind) if kind != "float" else common if weak else result[k].dtype
            result[k] = result[k].astype(types[name]).astype(common)
    return *result, None if strict and all(t == common for t in types.values()) else types
'''


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
    lines += bracketed(f"{indent}{signature}, types = arrays(", [f"({names})", f"({_listed(kinds)})", f"({packed})"], ")")
    if any("np.linalg." in str(graph.op(node).numpy) for node in graph):
        helpers.add("double_at_most")
        lines += bracketed(f"{indent}double_at_most(", [f"({names})", f"({packed})", "types"], ")")
    writer = _ShapeChecks(graph, program, called, helpers, shapes)
    lines += ["    " + line for line in writer.write()]
    lines.append(f"    return {signature}, types")
    return lines


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
        checks += [*open_.needed(open_.ranges), *self.limits(), *open_.ranges]
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
        return OpenShapes(
            self.program, Sizes(self.called, self.text, known, self._shape, self.helper, self.names)
        )

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
                    for symbol in sorted(set(size.names()) - set(self.known)):
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
        if set(size.names()) - {symbol} - set(self.known):
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


CHECK_HELPERS: dict[str, str] = {
    "arrays": ARRAYS,
    "wrong_rank": '''\
def wrong_rank(name, array, wanted):
    """The error for an argument with the wrong number of dimensions."""
    return ValueError(f"argument {name} must have shape {wanted}, and its shape is {array.shape}")
''',
    "wrong_shape": '''\
def wrong_shape(name, array, sizes, said, first=0):
    """The error for an argument of which one size is wrong."""
    for axis, (size, dimension) in enumerate(zip(sizes, said), first):
        if array.shape[axis] != size:
            wanted = f"{dimension}, which is {size}" if dimension else f"{size}"
            found = f"not {array.shape[axis]}; its shape is {array.shape}"
            return ValueError(f"argument {name}: dimension {axis} must be {wanted}, {found}")
''',
    "too_few_axes": '''\
def too_few_axes(name, rank, least):
    """The error for a value without an axis that the program speaks of."""
    return ValueError(f"{name} must have at least {least} dimension{'s' * (least > 1)}, not {rank}")
''',
    "too_small": '''\
def too_small(name, size, minimum, what):
    """The error for a size that the program needs more of."""
    return ValueError(f"dimension {name} is {size}, but {what} needs at least {minimum}")
''',
    "check_range": '''\
def check_range(what, array, size, negative=False):
    """ValueError for labels outside 0…size-1, or for indices, which may be negative."""
    low = -size if negative else 0
    if not size and not negative:
        raise ValueError(f"{what} must hold labels of classes, and the number of classes is 0")
    # of a few integers argmin finds the least several times as fast as min does
    if array.size and not (low <= array.item(array.argmin()) and array.item(array.argmax()) < size):
        wrong = array[(array < low) | (array >= size)].flat[0]
        raise ValueError(f"{what} must hold integers from {low} to {size - 1}, not {wrong}")
''',
    "in_range": '''\
def in_range(what, integers, size, negative=False):
    """The integers; ValueError for a label outside 0…size-1, or for such an index, which may be negative."""
    check_range(what, np.asarray(integers), size, negative)
    return integers
''',
    "fits_into": '''\
def fits_into(name, shape, outer, said):
    """ValueError if broadcasting would enlarge an array of the shape `outer`."""
    if len(shape) > len(outer):
        raise ValueError(f"{name} of shape {shape} does not broadcast to {said}, which is {outer}: it has more axes")
    for axis, (n, m) in enumerate(zip(shape, outer[len(outer) - len(shape) :])):
        if n != m and n != 1:
            wrong = f"its dimension {axis} is {n}, not {m}"
            raise ValueError(f"{name} of shape {shape} does not broadcast to {said}, which is {outer}: {wrong}")
''',
}
CHECK_HELPERS["fit_together"] = '''\
def fit_together(names, shapes):
    """ValueError for a value that does not broadcast with those before it."""
    known = {}
    for name, shape in zip(names, shapes):
        for axis, size in enumerate(shape, -len(shape)):
            wanted, other = known.setdefault(axis, (size, name)) if size != 1 else (1, name)
            if size != wanted:
                found = f"dimension {axis + len(shape)} is {size}, its shape is {shape}"
                raise ValueError(f"{name}: {found}; that of {other} there is {wanted}: they must be equal or 1")
'''
CHECK_HELPERS["reduced"] = '''\
def reduced(shape, axes, keepdims=False):
    """The shape that is left when these axes are summed over."""
    gone = {axis % len(shape) for axis in axes}
    return tuple(1 if axis in gone else size for axis, size in enumerate(shape) if keepdims or axis not in gone)
'''
CHECK_HELPERS["not_one"] = '''\
def not_one(name, size):
    """The error for an axis that is left out although it has other entries."""
    return ValueError(f"dimension {name} is {size}, and only an axis of size 1 can be left out")
'''
CHECK_HELPERS["does_not_fill"] = '''\
def does_not_fill(name, shape, wanted):
    """The error for a value that has too many or too few entries for another shape."""
    return ValueError(f"{name} of shape {shape} cannot take the shape {wanted}: the numbers of entries differ")
'''
CHECK_HELPERS["double_at_most"] = '''\
def double_at_most(names, arrays, types):
    """ValueError for a floating type that NumPy's linear algebra does not know."""
    for name, array in zip(names, arrays):
        given = array.dtype if types is None else types.get(name, array.dtype)
        if given.char == "g":
            raise ValueError(f"argument {name} is of type {given}, and linear algebra is of float32 and float64")
'''
CHECK_HELPERS["no_entries"] = '''\
def no_entries(name, shape, what):
    """The error for a value without entries where one of them is looked for."""
    return ValueError(f"{name} of shape {shape} has no entries, and {what} needs at least 1")
'''
CHECK_HELPERS["unequal_ranks"] = '''\
def unequal_ranks(name, shape, other, wanted):
    """The error for indices along an axis that have not as many axes as the array."""
    return ValueError(f"{name} of shape {shape} and {other} of shape {wanted} must have equally many dimensions")
'''
CHECK_HELPERS["unequal_sizes"] = '''\
def unequal_sizes(name, other, size, wanted):
    """The error for two sizes that do not broadcast with each other."""
    return ValueError(f"dimension {name} is {size} and {other} is {wanted}: they must be equal, or one of them 1")
'''
CHECK_CONSTANTS = f"""\
KINDS = {{{", ".join(f"{quoted(kind)}: {quoted(chars)}" for kind, chars in KINDS.items())}}}
WORDS = {{"f": "an array of real numbers", "i": "an array of integers", "b": "an array of booleans"}}
"""
