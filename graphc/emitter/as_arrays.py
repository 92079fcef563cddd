"""The arguments as arrays of one floating type: how the check of the arguments begins.

    types = None
    if not (type(x) is type(W) is np.ndarray and x.dtype is W.dtype and …):
        x, W, types = arrays(("x", "W"), ("float", "float"), (x, W))

A number that NumPy computed, such as `b - 0.1*db`, is no array of its own type, and one of Python takes the type of the
arrays beside it; where a number is wanted it becomes an array before, so that it is the usual case as well:

    b = b if type(b) is np.ndarray else number_as_array(b, (x, W, b))

Of many arguments the condition is a loop:

    values = (x, W_1, W_2, …)
    types = None
    if not (all(type(value) is np.ndarray and value.dtype is x.dtype for value in values) and …):
        *values, types = arrays((*INPUTS, *PARAMETERS), ("float",) * 100, values)
        x, W_1, W_2, … = values
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from graphc.emitter.check_helpers import KINDS
from graphc.emitter.lines import broken
from graphc.emitter.repeated import MANY
from graphc.emitter.text import WIDTH, bracketed, quoted
from graphc.ir.graph import Argument, Graph

__all__ = ["arrays_alone", "names_of_arguments", "numbers_as_arrays", "wrapped", "write_as_arrays"]


FEW = 2
"""So many numbers are made arrays of one by one."""
COMPARED = 8
"""Among more floating arguments no type is looked for that a number of Python should have: a loop is sooner."""


def write_as_arrays(
    graph: Graph, called: Sequence[str], fresh: Callable[[str], str], helpers: set[str]
) -> tuple[list[str], str]:
    """The lines, and the text of all arguments after them. `called` are their names in the module, `fresh` finds names
    for others."""
    helpers.add("arrays")
    arguments = graph.arguments
    kinds = [_kind(graph, a) for a in arguments]
    floating = [name for name, kind in zip(called, kinds, strict=True) if kind == "float"]
    # of a declared type, which need not be that of the rest
    declared = len(floating) < sum(kind[0] == "f" for kind in kinds)
    indent = "    " if declared else "        "
    names, signature = names_of_arguments(graph), ", ".join(called)
    lines = [] if declared else [f"    {line}" for line in numbers_as_arrays(graph, called, helpers)]
    if len(called) < MANY:
        given, results = _tuple(called), signature
        lines += [] if declared else _usual(called, kinds, _alike(called, floating))
        items = [names, _tuple([quoted(kind) for kind in kinds]), given]
        head = f"{indent}{signature}, types = arrays("
        lines += bracketed(head, items, ")") if len(head) <= WIDTH else broken(f"{head}{', '.join(items)})")
    else:
        given = fresh("values")
        results = f"*{given}"
        lines += broken(f"    {given} = {_tuple(called)}")
        if not declared:
            alike, of_floating = _many_alike(given, floating, len(called), fresh)
            lines += [*of_floating, *_usual(called, kinds, alike)]
        lines += [
            *broken(f"{indent}{results}, types = arrays({names}, {_runs(kinds)}, {given})"),
            *broken(f"{indent}{signature} = {given}"),
        ]
    if any("np.linalg." in str(graph.op(node).numpy) for node in {node.op: node for node in graph}.values()):
        helpers.add("double_at_most")
        lines += bracketed(f"{indent}double_at_most(", [names, given, "types"], ")")
    return lines, results


def numbers_as_arrays(graph: Graph, called: Sequence[str], helpers: set[str]) -> list[str]:
    """The lines by which numbers become arrays, of the arguments that are to be numbers."""
    kinds = {name: _kind(graph, argument) for name, argument in zip(called, graph.arguments, strict=True)}
    shapes = {name: graph[argument.node].type.shape for name, argument in zip(called, graph.arguments, strict=True)}
    floating = [name for name, kind in kinds.items() if kind[0] == "f"]
    numbers = [name for name in floating if kinds[name] == "float" and shapes[name] == ()]
    if not numbers:
        return []
    as_array, plain = "np.asarray({0}) if isinstance({0}, np.generic) else {0}", ""
    undeclared = all(kinds[name] == "float" for name in floating)  # else those say what is computed with
    if undeclared and len(floating) <= COMPARED:
        as_array, plain = f"number_as_array({{0}}, {_tuple(floating)})", "{0} if type({0}) is np.ndarray else "
        helpers |= {"number_as_array", "arrays"}
    if len(numbers) <= FEW:
        return [line for name in numbers for line in broken(f"{name} = {(plain + as_array).format(name)}")]
    head, over = f"{', '.join(numbers)} = (", f"for number in ({', '.join(numbers)})"
    each = (plain + as_array).format("number")
    if max(map(len, (head, over, each))) <= WIDTH - 12:
        return [head, f"    {each}", f"    {over}", ")"]
    return broken(f"{head}{each} {over})")


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


def _usual(called: Sequence[str], kinds: Sequence[str], alike: Sequence[str]) -> list[str]:
    """The condition under which `arrays` has something to do: anything but arrays of one floating type.

    It is written out because for small arrays a loop over the arguments would take as long as the network.
    """
    floating = [name for name, kind in zip(called, kinds, strict=True) if kind == "float"]
    terms = list(alike)
    if floating:
        terms.append(f"{floating[0]}.dtype in FLOATS")
    terms += [
        f"{name}.dtype.kind in {quoted(KINDS[kind[0]])}"
        for name, kind in zip(called, kinds, strict=True)
        if kind != "float"
    ]
    lines = [line for k, term in enumerate(terms) for line in wrapped(("and " if k else "") + term)]
    return ["    types = None", "    if not (  # the usual case: all is well with arrays of one type", *lines, "    ):"]


def _alike(called: Sequence[str], floating: Sequence[str]) -> list[str]:
    """The conditions that all are arrays, and that the floating ones are of one type."""
    same = [" is ".join(f"{name}.dtype" for name in floating)] if len(floating) > 1 else []
    return [arrays_alone(called), *same]


def _many_alike(
    given: str, floating: Sequence[str], count: int, fresh: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """The same of many arguments; and the line that lists the floating ones, if there are others."""
    value = fresh("value")
    every = f"all(type({value}) is np.ndarray for {value} in {given})"
    if len(floating) < 2:
        return [every], []
    among = given if len(floating) == count else fresh("floating")
    listed = [] if among == given else broken(f"    {among} = {_tuple(floating)}")
    return [every, f"all({value}.dtype is {floating[0]}.dtype for {value} in {among})"], listed


def _kind(graph: Graph, argument: Argument) -> str:
    """The type that an argument must have: the declared one, or `int` where it was found to be an index."""
    type = graph[argument.node].type
    return argument.declared if argument.declared != "float" or type.is_float else type.dtype


def names_of_arguments(graph: Graph) -> str:
    """The names of all arguments: listed, or if they are many, where the module has them in this order."""
    names = [a.name for a in graph.arguments]
    if len(names) >= MANY:
        inputs = [a.name for a in graph.arguments if a.kind != "param"]
        params = [a.name for a in graph.arguments if a.kind == "param"]
        for known, text in (
            (inputs, "INPUTS"), (params, "PARAMETERS"),
            (inputs + params, "(*INPUTS, *PARAMETERS)"), (params + inputs, "(*PARAMETERS, *INPUTS)"),
        ):  # fmt: skip
            if known == names:
                return text
    return quoted(names)


def _runs(kinds: Sequence[str]) -> str:
    """The types of the arguments, those that follow each other counted."""
    runs = [(kind, len(list(run))) for kind, run in groupby(kinds)]
    return " + ".join(f"({quoted(kind)},)" + (f" * {count}" if count > 1 else "") for kind, count in runs)


def _tuple(items: Sequence[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
