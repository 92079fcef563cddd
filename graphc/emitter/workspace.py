"""Memory that is allocated once: the class `Workspace` of a module, and the function that works in it.

`value_and_grad` of an -O2 module is one function over the joint graph. Without a workspace it works in a fresh one, so
its results are nobody else's; with one it allocates nothing after the first call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from graphc.emitter.arguments import CHECK_HELPERS, write_limits
from graphc.emitter.body import Line
from graphc.emitter.buffered import Buffered, write_buffered
from graphc.emitter.context import BodyContext
from graphc.emitter.naming import Names
from graphc.emitter.shapes import ShapeNames
from graphc.emitter.text import bracketed, comment_text, quoted
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown

__all__ = ["Working", "write_working"]

COLUMN = 72
Comment = Callable[["tuple[int, bool]", "Sequence[Line]", "dict[int, str]"], "list[str]"]


class Working:
    """What the functions of a module need to know of it."""

    def __init__(
        self, graph: Graph, arguments: dict[int, str], taken: set[str], helpers: set[str], shapes: ShapeNames,
        comment: Comment,
    ) -> None:  # fmt: skip
        self.graph, self.taken, self.helpers, self.shapes, self.comment = graph, taken, helpers, shapes, comment
        self.arguments = arguments
        self.signature = list(arguments.values())
        self.call = ", ".join(self.signature)
        self.tuple = self.call + ("," if len(self.signature) == 1 else "")


def write_working(working: Working) -> list[str]:
    """The texts of `Workspace`, `value_and_grad` and the function that allocates."""
    function, memory = _value_and_grad(working)
    return [function, _class(working), memory]


# ---------------------------------------------------------------- the class

def _class(working: Working) -> str:
    names, call = working.signature, working.call
    working.helpers.update({"for_others"})
    labels = quoted([a.name for a in working.graph.arguments])
    lines = [
        "class Workspace:",
        '    """Memory for arrays of the shapes and types of these, allocated once, when it is first used.',
        "",
        "    The results of a call with a workspace live in it: they are valid until it is used again. Each thread",
        "    needs one of its own. It keeps shapes and memory, never values.",
        '    """',
        "",
        f"    def __init__(self{', ' if call else ''}{call}):",
        f"        given = [np.asarray(value) for value in ({working.tuple})]",
        f"        *fitting, self.types = check({call})",
        "        self.given = tuple(part for array in given for part in (array.shape, array.dtype))",
        "        self.as_given = all(a is b for a, b in zip(fitting, given))",
        "        self.joint = None",
        "",
        f"    def accept(self{', ' if call else ''}{call}):",
        '        """The arguments as arrays; ValueError if this is not memory for them."""',
    ]
    lines += [f"        {name} = np.asarray({name})" for name in names]
    lines += bracketed("        given = (", [part for n in names for part in (f"{n}.shape", f"{n}.dtype")], ")")
    lines += [
        "        if given != self.given or not self.as_given:",
        f"            {''.join(name + ', ' for name in names)}*_ = check({call})",
        f"            for_others({labels}, given, self.given)",
    ]
    limits = write_limits(working.graph, working.helpers, working.shapes.dim)
    lines += ["        " + line for line in limits]
    lines.append(f"        return {working.tuple}" if names else "        return ()")
    return "\n".join(lines) + "\n"


CHECK_HELPERS["for_others"] = '''\
def for_others(names, given, known):
    """ValueError if a workspace was made for arrays of other shapes or types."""
    for k, name in enumerate(names):
        if given[2 * k : 2 * k + 2] != known[2 * k : 2 * k + 2]:
            (shape, kind), (other, wanted) = given[2 * k : 2 * k + 2], known[2 * k : 2 * k + 2]
            raise ValueError(
                f"argument {name} is {kind} of shape {shape}, but the workspace was made for {wanted} of shape {other}"
            )
'''
CHECK_HELPERS["tile_rows"] = '''\
def tile_rows(count, width, dtype):
    """How many of so many rows make a tile of about 128 KiB."""
    return min(count, max(1, 131072 // max(1, width * dtype.itemsize)))
'''
CHECK_HELPERS["tiles"] = '''\
def tiles(count, step):
    """The tiles of so many rows: per tile its rows, and the cut of an array that is as long as a tile."""
    return [(slice(i, min(i + step, count)), slice(0, min(step, count - i))) for i in range(0, count, max(step, 1))]
'''


# ---------------------------------------------------------------- the function

def _value_and_grad(working: Working) -> tuple[str, str]:
    graph = working.graph
    names = Names(working.taken | set(working.signature))
    seeds = {id: names.fresh(f"d{name}") for name, id in graph.cotangents.items()}
    arrays = {**working.arguments, **seeds}
    roots = [*graph.outputs.values(), *graph.gradients.values()]
    order = [id for id in sorted(graph.nodes) if id not in arrays]
    body = write_buffered(graph, order, arrays, roots, names, dict(working.arguments))
    working.helpers |= body.helpers
    results = {id: list(texts) for id, texts in body.texts.items()}
    outputs = [results[id].pop(0).text for id in graph.outputs.values()]
    gradients = [f"{quoted(name)}: {results[id].pop(0)}" for name, id in graph.gradients.items()]
    value = outputs[0] if len(outputs) == 1 else f"Outputs({', '.join(outputs)})"

    given = "" if graph.loss else ", cotangents"
    separator = ", " if working.call else ""
    lines = [f"def value_and_grad({working.call}{separator}*{given}, workspace=None):", f'    """{_doc(graph)}"""']
    lines += [
        "    if workspace is None:",
        f"        workspace = Workspace({working.call})",
    ]
    if working.signature:
        lines += bracketed("    ", working.signature, f" = workspace.accept({working.call})", tuple_=True)
    code = _body(working, body)
    used = set(re.findall(r"\w+", "\n".join([*code, *outputs, *gradients])))
    unpacked = [name for name in dict.fromkeys(body.memory) if name in used]
    allocation = _used_only(body.allocation, unpacked)
    lines += ["    if workspace.joint is None:", f"        workspace.joint = memory_of_value_and_grad({working.call})"]
    if unpacked:
        lines += bracketed("    ", unpacked, " = workspace.joint", tuple_=True)
    sizes = _used_sizes(body.context, [*code, *outputs, *gradients])
    lines += ["    " + line for line in sizes]
    if seeds:
        lines += _seed_lines(working, body.context, seeds)
    lines += code
    lines += bracketed("    grads = {", gradients, "}")
    working.helpers.add("as_types")
    lines += [f"    return {value}, grads if workspace.types is None else as_types(grads, workspace.types)"]

    memory = [
        f"def memory_of_value_and_grad({working.call}):",
        '    """The arrays that value_and_grad works in; names of values that are never needed together share one."""',
    ]
    memory += ["    " + line for line in _used_sizes(body.allocating, allocation)]
    memory += ["    " + line for statement in allocation for line in statement.split("\n")]
    memory += bracketed("    return ", unpacked, "", tuple_=True) if unpacked else ["    return ()"]
    for context, text in ((body.context, lines), (body.allocating, memory)):
        if context.uses_dtype:
            text.insert(2, '    dtype = np.dtype("float64")')
    return "\n".join(lines) + "\n", "\n".join(memory) + "\n"


def _doc(graph: Graph) -> str:
    if graph.loss:
        what = f"Return {', '.join(graph.outputs)} and the gradients of {graph.loss} by name"
    else:
        what = "Return the outputs and their gradients, weighted by the cotangents"
    return comment_text(what + "; with a workspace they live in it.")


def _seed_lines(working: Working, context: BodyContext, seeds: dict[int, str]) -> list[str]:
    graph = working.graph
    working.helpers.add("cotangent")
    names = list(seeds.values())
    lines = []
    if len(names) == 1:
        lines.append(f"    {names[0]} = cotangents[0] if isinstance(cotangents, tuple) else cotangents")
    else:
        lines.append(f"    {', '.join(names)} = cotangents")
    for (output, id), name in zip(graph.cotangents.items(), names, strict=True):
        shape = graph[id].type.shape
        wanted = "None" if isinstance(shape, Unknown) else context.shape(shape)
        lines.append(f"    {name} = cotangent({quoted(f'd{output}')}, {name}, {wanted}, {context.dtype()})")
    return lines


def _used_sizes(context: BodyContext, code: Sequence[str]) -> list[str]:
    """The lines that define the sizes which the code speaks of."""
    used = set(re.findall(r"\w+", "\n".join(code)))
    context.sources = {name: source for name, source in context.sources.items() if name in used}
    return context.size_lines()


def _used_only(allocation: Sequence[str], unpacked: Sequence[str]) -> list[str]:
    """The statements that make what is unpacked, and what those need."""
    used, kept = set(unpacked), []
    for statement in reversed(allocation):
        *targets, made = statement.split(" = ")
        if used & set(targets):
            used |= set(re.findall(r"\w+", made))
            kept.append(statement)
    return kept[::-1]


def _body(working: Working, body: Buffered) -> list[str]:
    """The lines under the comments of their statements, shapes beside."""
    shown: set[int] = set()
    lines: list[str] = []
    group: tuple[int, bool] | None = None
    by_group: dict[tuple[int, bool], list[Line]] = {}
    for _, line in body.lines:
        by_group.setdefault(line.group, []).append(line)
    for depth, line in body.lines:
        indent = "    " * (depth + 1)
        if line.group != group:
            group = line.group
            comment = working.comment(group, by_group[group], body.names)
            lines += ["", *(f"{indent}# {line}" for line in comment)]
        lines.append(_beside(working, indent + line.text, line.node, shown))
    return [*lines, ""] if lines else lines


def _beside(working: Working, text: str, node: Node | None, shown: set[int]) -> str:
    if node is None or node.id in shown or node.type.dtype == "shape" or node.type.shape == ():
        return text
    shown.add(node.id)
    return f"{text:<{COLUMN}}  # {working.shapes.shape(node.type.shape)}"
