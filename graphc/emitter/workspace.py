"""Memory that is allocated once: the class `Workspace` of a module, and the function that works in it.

`value_and_grad` of an -O2 module is one function over the joint graph; of a large program it is `forward` and then
`backward`. Without a workspace it works in a fresh one, so its results are nobody else's; with one it allocates nothing
after the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from graphc.emitter.arguments import write_limits
from graphc.emitter.as_arrays import arrays_alone, names_of_arguments, wrapped
from graphc.emitter.buffered import RESULTS, Buffered, Plan, write_buffered
from graphc.emitter.check_helpers import CHECK_HELPERS
from graphc.emitter.context import BodyContext, Live
from graphc.emitter.cotangents import UNPACK, Incoming
from graphc.emitter.describe import describe
from graphc.emitter.expressions import Text
from graphc.emitter.groups import under_comments
from graphc.emitter.lines import broken
from graphc.emitter.mathtext import bearers, equations
from graphc.emitter.naming import Names
from graphc.emitter.repeated import MANY
from graphc.emitter.shapes import ShapeNames
from graphc.emitter.sizes import needed_sizes, words
from graphc.emitter.small import ask_if_small
from graphc.emitter.text import WIDTH, bracketed, comment_text, quoted
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.partition import Split

__all__ = ["Cache", "Working", "in_workspace", "write_working"]

COLUMN = 72
Comment = Callable[["tuple[int, bool]", "Collection[str]", bool], "list[str]"]


class Working:
    """What the functions of a module need to know of it."""

    def __init__(
        self, graph: Graph, program: Graph, arguments: dict[int, str], taken: set[str], helpers: set[str],
        shapes: ShapeNames, comment: Comment, observe: Callable[[str, Any], None], threads: int,
    ) -> None:  # fmt: skip
        self.observe, self.threads = observe, threads
        self.graph, self.taken, self.helpers, self.shapes, self.comment = graph, taken, helpers, shapes, comment
        self.program = program
        self.arguments = arguments
        self.signature = list(arguments.values())
        self.call = ", ".join(self.signature)
        self.tuple = self.call + ("," if len(self.signature) == 1 else "")


def write_working(working: Working, split: Split, cache: Cache, joint: Working | None) -> list[str]:
    """The texts of `Workspace` and of the functions that work in one: `value_and_grad`, over the `joint` graph if there
    is one, `forward` and `backward` by themselves, and those that allocate."""
    parts, kinds = _parts(working, split, cache)
    if joint is None:
        return [_one_after_the_other(working, kinds), _class(working, ("forward", "backward")), *parts]
    function, memory = _value_and_grad(joint)
    return [function, _class(joint, ("value_and_grad", "forward", "backward")), memory, *parts]


# ---------------------------------------------------------------- the class

def _class(working: Working, functions: Sequence[str]) -> str:
    """The class `Workspace`; `functions` are those that have memory in it."""
    nothing_made = f"        {' = '.join(f'self.{name}' for name in functions)} = None"
    names, call = working.signature, working.call
    working.helpers.add("check_workspace")
    if names:
        working.helpers.add("for_others")
    lines = [
        "class Workspace:",
        '    """Memory for arrays of the shapes and types of these, allocated once, when it is first used.',
        "",
        "    The results of a call with a workspace live in it: they are valid until it is used again. Each thread",
        "    needs one of its own. It keeps shapes and memory, never values.",
        '    """',
        "",
    ]
    if not names:
        lines += ["    def __init__(self):", "        self.types, self.like = None, ()", nothing_made]
        return "\n".join(lines) + "\n"
    lines += [
        f"    def __init__(self, {call}):",
        f"        *fitting, self.types = check({call})",
        f"        given = [np.asarray(value) for value in ({working.tuple})]",
        "        self.given = tuple(part for array in given for part in (array.shape, array.dtype))",
        "        self.as_given = all(a is b for a, b in zip(fitting, given))",
        "        self.like = [np.broadcast_to(np.zeros((), a.dtype), a.shape) for a in fitting]  # without memory",
        nothing_made,
        "",
        f"    def accept(self, {call}):",
        '        """The arguments as arrays; ValueError if this is not memory for them."""',
    ]
    lines += _accepting(working) if len(names) < MANY else _accepting_many(working)
    return "\n".join(lines) + "\n"


def _accepting(working: Working) -> list[str]:
    """The body of `Workspace.accept`."""
    names, call = working.signature, working.call
    alone = arrays_alone(names)
    if len(alone) <= WIDTH - 18:
        plain = f"not ({alone})" if len(names) > 1 else f"type({names[0]}) is not np.ndarray"
        lines = [f"        if {plain}:"]
    else:
        lines = ["        if not (", *("    " + line for line in wrapped(alone)), "        ):"]
    lines += ["            # says which of them is no array", f"            check({call})"]
    lines += [f"            {name} = np.asarray({name})" for name in names]
    lines += bracketed("        given = (", [part for n in names for part in (f"{n}.shape", f"{n}.dtype")], ")")
    lines += [
        "        if given != self.given or not self.as_given:",
        f"            {', '.join(names)}, *_ = check({call})",
        f"            for_others({names_of_arguments(working.graph)}, given, self.given)",
    ]
    lines += ["        " + line for line in _limits(working)]
    return [*lines, f"        return {working.tuple if len(names) > 1 else f'({working.tuple})'}"]


def _accepting_many(working: Working) -> list[str]:
    """The same of many arguments, in loops over them."""
    names = Names([*working.signature, "self"])
    values, value, part = (names.fresh(wanted) for wanted in ("values", "value", "part"))
    limits = _limits(working)
    return [
        *broken(f"        {values} = ({working.tuple})"),
        f"        if not all(type({value}) is np.ndarray for {value} in {values}):",
        "            # says which of them is no array",
        f"            check(*{values})",
        f"            {values} = [np.asarray({value}) for {value} in {values}]",
        f"        given = tuple({part} for {value} in {values} for {part} in ({value}.shape, {value}.dtype))",
        "        if given != self.given or not self.as_given:",
        f"            *{values}, _ = check(*{values})",
        f"            for_others({names_of_arguments(working.graph)}, given, self.given)",
        *(broken(f"        {working.tuple} = {values}") if limits else []),
        *("        " + line for line in limits),
        f"        return {values}",
    ]


def _limits(working: Working) -> list[str]:
    return write_limits(working.graph, working.program, working.helpers, working.shapes.dim)


CHECK_HELPERS["check_workspace"] = '''\
def check_workspace(workspace):
    """TypeError for what is no workspace of this module."""
    if not isinstance(workspace, Workspace):
        raise TypeError(f"argument workspace must be a Workspace of this module, not {workspace!r:.80}")
'''
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
    """How many of so many rows make a tile: rows of about TILE bytes together."""
    return min(count, max(1, TILE // max(1, width * dtype.itemsize)))
'''
CHECK_HELPERS["tiles"] = '''\
def tiles(count, step):
    """The tiles of so many rows: per tile its rows, and the cut of an array that is as long as a tile."""
    return [(slice(i, min(i + step, count)), slice(0, min(step, count - i))) for i in range(0, count, max(step, 1))]
'''


# ---------------------------------------------------------------- the functions

def _value_and_grad(working: Working) -> list[str]:
    graph = working.graph
    names = Names(working.taken | set(working.signature))
    seeds = {id: names.fresh(f"d{name}") for name, id in graph.cotangents.items()}
    arrays = {**working.arguments, **seeds}
    roots = [*graph.outputs.values(), *graph.gradients.values()]
    order = [id for id in sorted(graph.nodes) if id not in arrays]
    body = write_buffered(graph, order, arrays, roots, names, dict(working.arguments), threads=working.threads)
    working.observe("joint-body", body)
    outputs = [body.texts[id].pop(0).text for id in graph.outputs.values()]
    gradients = [f"{quoted(name)}: {body.texts[id].pop(0)}" for name, id in graph.gradients.items()]
    given = "" if graph.loss else ", cotangents" if graph.cotangents else ", cotangents=()"
    head = [
        f"def value_and_grad({working.call}{', ' if working.call else ''}*{given}, workspace=None):",
        f'    """{_doc(graph)}"""',
        *(UNPACK if len(seeds) == 1 and not Incoming(graph, working.signature).idle else []),
        "    if workspace is None:",
        *_small(working, body.plan.kind),
        f"        workspace = Workspace({working.call})",
        "    else:",
        "        check_workspace(workspace)",
        *_accepted(working),
    ]
    ask = _seed_lines(working, body.context, seeds, working.arguments) if seeds else []
    working.helpers.add("as_types")
    tail = bracketed("    grads = {", gradients, "}")
    value = outputs[0]
    if len(outputs) > 1:
        value = names.fresh("outputs")
        tail += bracketed(f"    {value} = Outputs(", outputs, ")")
    tail.append(f"    return {value}, grads if workspace.types is None else as_types(grads, workspace.types)")
    return _function(working, body, "value_and_grad", head, ask, tail)


def _one_after_the_other(working: Working, kinds: Mapping[int, str]) -> str:
    """`value_and_grad` of `forward` and `backward`."""
    graph = working.graph
    separator = ", " if working.call else ""
    given = "" if graph.loss else ", cotangents" if graph.cotangents else ", cotangents=()"
    incoming = Incoming(graph, working.signature)
    if incoming.idle and incoming.floating:
        working.helpers.add("of_floating")
    lines = [
        f"def value_and_grad({working.call}{separator}*{given}, workspace=None):",
        f'    """{_doc(graph)}"""',
        *(UNPACK if len(graph.cotangents) == 1 and not graph.loss and not incoming.idle else []),
        "    if workspace is None:",
        *_small(working, kinds),
        f"        workspace = Workspace({working.call})",
        f"    value, cache = forward({working.call}{separator}workspace=workspace)",
        f"    return value, backward(cache{_handed_on(working)}, workspace=workspace)",
    ]
    return "\n".join(lines) + "\n"


def _small(working: Working, kinds: Mapping[int, str]) -> list[str]:
    """The way past a workspace for small arrays."""
    if not working.signature:
        return []
    return [
        *ask_if_small(working.graph, working.arguments, working.helpers, kinds),
        f"            value, cache = forward({working.call})",
        f"            return value, backward(cache{_handed_on(working)})",
    ]


def _handed_on(working: Working) -> str:
    """The cotangents that `value_and_grad` hands on to `backward`."""
    incoming = Incoming(working.graph, working.signature)
    if working.graph.loss:
        return ""
    if incoming.idle and incoming.floating:
        return f", *{incoming.chosen('cotangents')}"
    return ", cotangents" if len(incoming.floating) == 1 else ", *cotangents"


def _accepted(working: Working) -> list[str]:
    if not working.signature:
        return []
    tail = f" = workspace.accept({working.call})"
    if len(tail) + 5 > WIDTH:
        return broken(f"    {working.tuple}{tail}")
    return bracketed("    ", working.signature, tail, tuple_=True)


def _function(
    working: Working, body: Buffered, name: str, head: list[str], ask: list[str], tail: list[str],
    known: tuple[str, str] | None = None, cached: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """A function and the one that makes its memory. `known` is to be kept with the memory: its name and text; `cached`
    is what the argument `cache` holds."""
    working.helpers |= body.helpers
    code = _body(working, body)
    used = words([*ask, *code, *tail])
    unpacked = [name for name in dict.fromkeys(body.memory) if name in used]
    allocation = _used_only(body.allocation, unpacked)
    held = [*([known[0]] if known else []), *unpacked]
    fill = f"        workspace.{name} = memory_of_{name}(*workspace.like)"
    sizes = ["    " + line for line in _used_sizes(body.context, used)]
    lines = list(head)
    if cached:
        used |= words(sizes)
        lines += bracketed("    ", [name if name in used else "_" for name in cached], " = cache", tuple_=True)
    lines += [f"    if workspace.{name} is None:", fill]
    if held:
        lines += bracketed("    ", held, f" = workspace.{name}", tuple_=True)
    lines += [*sizes, *ask, *code, *tail]
    memory = [
        f"def memory_of_{name}({working.call}):",
        f'    """The arrays that {name} works in; names of values that are never needed together share one."""',
    ]
    memory += ["    " + line for line in _used_sizes(body.allocating, words([*allocation, known[1] if known else ""]))]
    memory += ["    " + line for statement in allocation for line in statement.split("\n")]
    returned = [*([known[1]] if known else []), *unpacked]
    memory += bracketed("    return ", returned, "", tuple_=True) if returned else ["    return ()"]
    for context, text in ((body.context, lines), (body.allocating, memory)):
        if context.uses_dtype:
            text.insert(2, '    dtype = np.dtype("float64")')
    return ["\n".join(lines) + "\n", "\n".join(memory) + "\n"]


# ---------------------------------------------------------------- forward and backward by themselves

@dataclass(frozen=True)
class Cache:
    """What crosses from forward to backward beside the saved arrays: sizes, shapes (node -> name), the type."""

    saved: tuple[int, ...]
    sizes: list[str]
    shapes: dict[int, str]
    dtype: bool


def _parts(working: Working, split: Split, cache: Cache) -> tuple[list[str], dict[int, str]]:
    """`forward` and `backward` in a workspace, of the working's graph; what crosses is as in the pure functions. And
    the kinds of all values in them."""
    forward, first = _forward(working, split, cache)
    backward, second = _backward(working, split, cache)
    return [*forward, *backward], {**first.kind, **second.kind}


def in_workspace(function: str, name: str, call: str) -> str:
    """The pure function with an argument `workspace`, which leads to the other one."""
    lines = function.split("\n")
    start, _, rest = lines[0].rpartition("):")
    lines[0] = f"{start}{'' if start.endswith('(') else ', '}*, workspace=None):{rest}"
    lines[1] = lines[1].removesuffix('."""') + '; with a workspace they live in it."""'
    lines[2:2] = [
        "    if workspace is not None:",
        "        check_workspace(workspace)",
        f"        return {name}_in(workspace{', ' if call else ''}{call})",
    ]
    return "\n".join(lines)


def _forward(working: Working, split: Split, cache: Cache) -> tuple[list[str], Plan]:
    graph = working.graph
    names = Names(working.taken | set(working.signature))
    roots = list(graph.outputs.values())
    body = write_buffered(
        graph, list(split.forward), dict(working.arguments), roots, names, dict(working.arguments), cache.saved,
        threads=working.threads,
    )  # fmt: skip
    working.observe("forward-in-body", body)
    outputs = [body.texts[id].pop(0).text for id in roots]
    shown = dict(zip(roots, outputs, strict=True))
    kept = [(body.texts.get(id) or [Text(body.names[id])])[-1].text for id in cache.saved]
    kept += [body.context.symbol(symbol) for symbol in cache.sizes]
    kept += [f"np.shape({shown.get(id) or body.names[id]})" for id in cache.shapes]
    kept += [body.context.dtype()] if cache.dtype else []
    separator = ", " if working.call else ""
    head = [
        f"def forward_in(workspace{separator}{working.call}):",
        '    """As forward, in a workspace: the results and what backward needs live in it."""',
        *_accepted(working),
    ]
    value = outputs[0] if len(outputs) == 1 else f"Outputs({', '.join(outputs)})"
    tail = bracketed(f"    return {value}, (", [*kept, "workspace.types"], ")")
    return _function(working, body, "forward", head, [], tail), body.plan


def _backward(working: Working, split: Split, cache: Cache) -> tuple[list[str], Plan]:
    graph = working.graph
    names = Names(working.taken | set(working.signature))
    seeds = {id: names.fresh(f"d{name}") for name, id in graph.cotangents.items()}
    saved = {id: working.arguments.get(id) or names.fresh(graph[id].name or describe(graph, id)) for id in cache.saved}
    like = {id: f"workspace.like[{k}]" for k, id in enumerate(working.arguments) if id not in saved}
    sizes = {symbol: names.fresh("size") for symbol in cache.sizes}
    shapes = {id: names.fresh(name) for id, name in cache.shapes.items()}
    roots = list(graph.gradients.values())
    body = write_buffered(
        graph, list(split.backward), {**saved, **seeds}, roots, names, dict(working.arguments), (), {**saved, **like},
        working.threads,
    )  # fmt: skip
    working.observe("backward-in-body", body)
    gradients = [f"{quoted(name)}: {body.texts[id].pop(0)}" for name, id in graph.gradients.items()]
    default = "=1.0" if graph.loss else ""
    cached = [*saved.values(), *sizes.values(), *shapes.values(), *(["dtype"] if cache.dtype else []), "types"]
    head = [
        f"def backward_in({', '.join(['workspace', 'cache', *(name + default for name in seeds.values())])}):",
        '    """As backward, in a workspace: the gradients live in it."""',
    ]
    known = [id for id in saved if not isinstance(graph[id].type.shape, Unknown) and graph[id].type.rank]
    check, expected = [], names.fresh("expected")
    have = [f"{saved[id]}.shape" for id in known]
    wanted = [body.allocating.shape(graph[id].type.shape) for id in known]
    floating = next((id for id in known if graph[id].type.is_float), None)
    if floating is not None and (dtype := body.allocating.dtype()) != "dtype":
        have.append(f"{saved[floating]}.dtype")
        wanted.append(dtype)
    if known:
        check = bracketed(f"    if {expected} != (", have, "):")
        check.append('        raise ValueError("the cache is of arrays of other shapes or types than the workspace")')
    kept = (expected, f"({', '.join(wanted)}{',' * (len(wanted) == 1)})") if known else None
    ask = [*check, *_seed_lines(working, body.context, seeds, saved, shapes)]
    tail = bracketed("    grads = {", gradients, "}")
    working.helpers.add("as_types")
    tail.append("    return grads if types is None else as_types(grads, types)")
    return _function(working, body, "backward", head, ask, tail, kept, cached), body.plan


def _doc(graph: Graph) -> str:
    if graph.loss:
        what = f"Return {', '.join(graph.outputs)} and the gradients of {graph.loss} by name"
    else:
        what = "Return the outputs and their gradients, weighted by the cotangents"
    return comment_text(what + "; with a workspace they live in it.")


def _seed_lines(
    working: Working, context: BodyContext, seeds: dict[int, str], at_hand: dict[int, str],
    shapes: dict[int, str] | None = None,
) -> list[str]:  # fmt: skip
    """The incoming cotangents as arrays of the shapes that the outputs have, told by what is at hand before.

    With `shapes` they are arguments themselves; else the argument `cotangents` has them.
    """
    graph, unpack = working.graph, shapes is None
    context.live = Live(graph, at_hand)
    working.helpers.add("cotangent")
    names = list(seeds.values())
    lines = []
    incoming = Incoming(graph, working.signature)
    if unpack and incoming.idle:
        working.helpers.add("of_floating")
        targets = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
        lines.append(f"    {targets} = {incoming.chosen('cotangents')}")
    elif unpack and len(names) > 1:
        lines.append(f"    {', '.join(names)} = cotangents")
    for (output, id), name in zip(graph.cotangents.items(), names, strict=True):
        shape = graph[id].type.shape
        if isinstance(shape, Unknown):
            wanted = (shapes or {}).get(graph.values[output], "None")
        else:
            wanted = "()" if graph.loss else context.shape(shape)
        given = "cotangents" if unpack and len(names) == 1 and not incoming.idle else name
        lines.append(f"    {name} = cotangent({quoted(f'd{output}')}, {given}, {wanted}, {context.dtype()})")
    return lines


def _used_sizes(context: BodyContext, spoken: set[str]) -> list[str]:
    """The lines that define the sizes which code speaks of, by the names in it."""
    used = set(spoken)
    for name, source in reversed(context.sources.items()):
        if name in used:
            used |= words([source])  # a size may be found by others
    context.sources = {name: source for name, source in context.sources.items() if name in used}
    return needed_sizes(context.size_lines(), spoken)


def _used_only(allocation: Sequence[str], unpacked: Sequence[str]) -> list[str]:
    """The statements that make what is unpacked, and what those need."""
    used, kept = set(unpacked), []
    for statement in reversed(allocation):
        *targets, made = statement.split(" = ")
        if not used.isdisjoint(words(targets)):
            used |= words([made])
            kept.append(statement)
    return kept[::-1]


def _body(working: Working, body: Buffered) -> list[str]:
    """The lines under the comments of their statements, shapes beside. A statement's lines may stand in several places:
    each comment has the mathematics of what is computed below it, and names the statement where another one was
    before."""
    shown: set[int] = set()
    before: int | None = None
    lines: list[str] = []
    by_group: dict[tuple[int, bool], list[Node]] = {}
    for _, line in body.lines:
        if line.node is not None:
            by_group.setdefault(line.group, []).append(line.node)
    borne = bearers(body.names)
    found: dict[tuple[int, bool], dict[int, str]] = {}
    groups = under_comments([line.group for _, line in body.lines], from_reverse=True)
    for group, run in groupby(zip(groups, body.lines, strict=True), key=itemgetter(0)):
        here = [each for _, each in run]
        if group[1] and group not in found:
            nodes = {node.id: node for node in by_group.get(group, ())}
            found[group] = equations(working.graph, list(nodes.values()), body.names, borne)
        below = dict.fromkeys(line.node.id for _, line in here if line.node is not None)
        math = [text for id in below if (text := found.get(group, {}).get(id)) is not None]
        results = group == RESULTS
        again = group[0] == before
        comment = ["results, in memory of the workspace"] if results else working.comment(group, math, again)
        indent = "    " * (here[0][0] + 1)
        if comment or not again:
            lines += ["", *(f"{indent}# {line}" for line in comment)]
        before = group[0]
        lines += [_beside(working, "    " * (depth + 1) + line.text, line.node, shown) for depth, line in here]
    return [*lines, ""] if lines else lines


def _beside(working: Working, text: str, node: Node | None, shown: set[int]) -> str:
    if node is None or node.id in shown or node.type.dtype == "shape" or node.type.shape == ():
        return text
    shown.add(node.id)
    return f"{text:<{COLUMN}}  # {working.shapes.shape(node.type.shape)}"
