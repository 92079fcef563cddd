"""The functions of an -O2 module that work in memory which is allocated once, and those that allocate it.

`value_and_grad` of an -O2 module is one function over the joint graph; of a large program it is `forward` and then
`backward`. Without a workspace it works in a fresh one, so its results are nobody else's; with one it allocates nothing
after the first call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from graphc.emitter.buffered import RESULTS, Buffered, Plan, write_buffered
from graphc.emitter.context import BodyContext, Live
from graphc.emitter.cotangents import UNPACK, Incoming
from graphc.emitter.describe import describe
from graphc.emitter.equations import Bearers, equations
from graphc.emitter.expressions import Text
from graphc.emitter.groups import under_comments
from graphc.emitter.lines import broken
from graphc.emitter.naming import Names
from graphc.emitter.sizes import needed_sizes, words
from graphc.emitter.small import ask_if_small
from graphc.emitter.text import WIDTH, bracketed, comment_text, quoted
from graphc.emitter.threads import lifted
from graphc.emitter.working import Working
from graphc.emitter.workspace_class import write_class
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Unknown
from graphc.passes.partition import Split

__all__ = ["Cache", "in_workspace", "write_working"]

COLUMN = 72


def write_working(working: Working, split: Split, cache: Cache, joint: Working | None) -> list[str]:
    """The texts of `Workspace` and of the functions that work in one: `value_and_grad`, over the `joint` graph if there
    is one, `forward` and `backward` by themselves, and those that allocate."""
    parts, kinds = _parts(working, split, cache)
    if joint is None:
        return [_one_after_the_other(working, kinds), write_class(working, ("forward", "backward")), *parts]
    function, *rest = _value_and_grad(joint)
    return [function, write_class(joint, ("value_and_grad", "forward", "backward")), *rest, *parts]


# ---------------------------------------------------------------- values and gradients

def _value_and_grad(working: Working) -> list[str]:
    graph = working.graph
    names = Names(working.taken | set(working.signature))
    seeds = {id: names.fresh(f"d{name}") for name, id in graph.cotangents.items()}
    arrays = {**working.arguments, **seeds}
    roots = [*graph.outputs.values(), *graph.gradients.values()]
    order = [id for id in sorted(graph.nodes) if id not in arrays]
    body = write_buffered(
        graph, order, arrays, roots, names, dict(working.arguments), threads=working.threads, role="value_and_grad",
        of_module=working.taken,
    )  # fmt: skip
    working.observe("joint-body", body)
    outputs = [body.texts[id].pop(0).text for id in graph.outputs.values()]
    results = [body.texts[id].pop(0).text for id in graph.gradients.values()]
    gradients = [f"{quoted(name)}: {text}" for name, text in zip(graph.gradients, results, strict=True)]
    head = [
        *_asking(working, body.plan.kind),
        "    elif type(workspace) is not Workspace:",
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
    return _function(working, body, "value_and_grad", head, ask, tail, {*outputs, *results})


def _one_after_the_other(working: Working, kinds: Mapping[int, str]) -> str:
    """`value_and_grad` of `forward` and `backward`."""
    separator = ", " if working.call else ""
    lines = [
        *_asking(working, kinds),
        *_outside(working),
        f"    value, cache = forward({working.call}{separator}workspace=workspace)",
        f"    return value, backward(cache{_handed_on(working)}, workspace=workspace)",
    ]
    return "\n".join(lines) + "\n"


def _outside(working: Working) -> list[str]:
    """That no cotangent lives in the workspace, where `forward` writes to it before `backward` reads them."""
    if working.graph.loss or not working.graph.cotangents:
        return []
    working.helpers.add("not_of_workspace")
    return [
        "    check_workspace(workspace)",
        "    given = [np.asarray(d) for d in (cotangents if type(cotangents) is tuple else (cotangents,))]",
        '    not_of_workspace(workspace.owners, ["cotangents"] * len(given), given)',
    ]


def _asking(working: Working, kinds: Mapping[int, str]) -> list[str]:
    """The head of `value_and_grad`, and its first question: whether it needs a workspace of its own."""
    graph, incoming = working.graph, Incoming(working.graph, working.signature)
    separator = ", " if working.call else ""
    given = "" if graph.loss else ", cotangents" if graph.cotangents else ", cotangents=()"
    if incoming.idle and incoming.floating:
        working.helpers.add("of_floating")
    return [
        f"def value_and_grad({working.call}{separator}*{given}, workspace=None):",
        f'    """{_doc(graph)}"""',
        *(UNPACK if len(graph.cotangents) == 1 and not graph.loss and not incoming.idle else []),
        "    if workspace is None:",
        *_small(working, kinds),
        f"        workspace = Workspace({working.call})",
    ]


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
    results: Collection[str], known: tuple[str, str] | None = None, cached: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """A function, the one that makes its memory, and those that threads run, if they do not stand in it.

    `results` are the texts of what it returns, without what a cache holds; `known` is to be kept with the memory: its
    name and text; `cached` is what the argument `cache` holds.
    """
    working.helpers |= body.helpers
    runs, code = lifted(_body(working, body)) if body.lifted else ([], _body(working, body))
    used = words([*ask, *code, *tail])
    unpacked = [name for name in dict.fromkeys(body.memory) if name in used]
    allocation = _used_only(body.allocation, unpacked)
    held = [*([known[0]] if known else []), *unpacked]
    own = set(results)
    results = [name for name in unpacked if name in own]
    fill = f'        workspace.{name} = workspace.filled("{name}", memory_of_{name}(*workspace.like))'
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
    if results:
        memory.append("    # results are views, by which they are told where they come back as arguments")
        views = f"    {', '.join(results)} = {', '.join(f'{result}[...]' for result in results)}"
        memory += [views] if len(views) <= WIDTH else [f"    {result} = {result}[...]" for result in results]
    returned = [*([known[1]] if known else []), *unpacked]
    memory += bracketed("    return ", returned, "", tuple_=True) if returned else ["    return ()"]
    for context, text in ((body.context, lines), (body.allocating, memory)):
        if context.uses_dtype:
            text.insert(2, '    dtype = np.dtype("float64")')
    return ["\n".join(text) + "\n" for text in (lines, memory, runs) if text]


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
        threads=working.threads, role="forward", of_module=working.taken,
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
    return _function(working, body, "forward", head, [], tail, outputs), body.plan


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
        working.threads, "backward", working.taken,
    )  # fmt: skip
    working.observe("backward-in-body", body)
    results = [body.texts[id].pop(0).text for id in graph.gradients.values()]
    gradients = [f"{quoted(name)}: {text}" for name, text in zip(graph.gradients, results, strict=True)]
    default = "=1.0" if graph.loss else ""
    cached = [*saved.values(), *sizes.values(), *shapes.values(), *(["dtype"] if cache.dtype else []), "types"]
    working.helpers.add("check_cache")
    head = [
        f"def backward_in({', '.join(['workspace', 'cache', *(name + default for name in seeds.values())])}):",
        '    """As backward, in a workspace: the gradients live in it."""',
        f"    check_cache(cache, {len(cached)})",
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
    return _function(working, body, "backward", head, ask, tail, results, kept, cached), body.plan


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

    With `shapes` they are arguments of `backward` themselves; else the argument `cotangents` has them. They do not live
    in the memory of the function that they are given to.
    """
    graph, unpack = working.graph, shapes is None
    function = "value_and_grad" if unpack else "backward"
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
        if graph[id].type.rank != 0:
            working.helpers.add("not_of_workspace")
            called = quoted([f"d{output}"])
            lines.append(f"    not_of_workspace(workspace.owners, {called}, ({name},), {quoted(function)})")
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
    ways: set[str] = set()  # thousands of arrays are made in the same few ways
    for statement in reversed(allocation):
        *targets, made = statement.split(" = ")
        if not used.isdisjoint(targets if all(map(str.isidentifier, targets)) else words(targets)):
            if made not in ways:
                ways.add(made)
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
    bearers = Bearers(body.names, (line.node.id for _, line in body.lines if line.node is not None))
    found: dict[tuple[int, bool], dict[int, str]] = {}
    groups = under_comments([line.group for _, line in body.lines], from_reverse=True)
    for group, run in groupby(zip(groups, body.lines, strict=True), key=itemgetter(0)):
        here = [each for _, each in run]
        if group[1] and group not in found:
            nodes = {node.id: node for node in by_group.get(group, ())}
            found[group] = equations(working.graph, list(nodes.values()), body.names, bearers, buffered=True)
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
