"""The generated module: docstring, constants, forward, backward, value_and_grad, step, the check of the arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from graphc.emitter.arguments import write_check
from graphc.emitter.body import Body, write_body
from graphc.emitter.check_helpers import CHECK_CONSTANTS, CHECK_HELPERS
from graphc.emitter.checked_once import checked_in_forward
from graphc.emitter.context import BodyContext
from graphc.emitter.cotangents import UNPACK, Incoming
from graphc.emitter.describe import describe
from graphc.emitter.function_lines import function_lines, group_comment
from graphc.emitter.groups import group_of
from graphc.emitter.head import outputs_type, write_head
from graphc.emitter.lines import broken_function
from graphc.emitter.naming import MODULE, Names, argument_names
from graphc.emitter.prelude import HELPERS
from graphc.emitter.results import holders_of, result_of, typed_return
from graphc.emitter.shapes import ShapeNames
from graphc.emitter.text import WIDTH, bracketed, comment_text, quoted
from graphc.ir.graph import Graph
from graphc.ir.types import Unknown
from graphc.passes.dce import needed
from graphc.passes.partition import Split
from graphc.passes.schedule import schedule

__all__ = ["emit_module"]

SECOND = "  # the second result of forward"
"""Python shows it, with the line, to those who wrote `backward(forward(…))`."""


def emit_module(
    split: Split, step: Graph | None = None, level: int = 1, fused: Graph | None = None, tile: int = 131072,
    observe: Callable[[str, Any], None] | None = None, threads: int = 1, program: Graph | None = None,
) -> str:  # fmt: skip
    """The source of the module. `step` is the graph of the training step's new values, if there is one; `fused` that
    of values and gradients together, if an -O2 module has one function for them; `tile` how many bytes of an array its
    loops take at a time, `threads` on how many threads they run. `observe` sees the functions as they are written:
    `forward-body`, `backward-body`, `step-body`, and in a workspace `forward-in-body`, `backward-in-body`,
    `joint-body`. `program` is the graph before it was optimised.
    """
    seen = observe or (lambda stage, result: None)
    return _Module(split, step, level, fused, tile, seen, threads, program or split.graph).write()


class _Module:
    def __init__(
        self, split: Split, step: Graph | None, level: int, fused: Graph | None, tile: int,
        observe: Callable[[str, Any], None], threads: int, program: Graph,
    ) -> None:  # fmt: skip
        self.tile, self.observe, self.threads, self.program = tile, observe, threads, program
        self.split, self.graph, self.step, self.level, self.fused = split, split.graph, step, level, fused
        self.helpers: set[str] = set()
        self.shapes = ShapeNames(self.graph)
        self.arguments = _called(self.graph)
        self.signature = list(self.arguments.values())
        self.incoming = Incoming(self.graph, self.signature)

    def write(self) -> str:
        body = self._forward_body()
        backward = self._backward(body.names)
        forward = self._forward(body)
        pure = self.level < 2
        parts = [forward, backward, self._value_and_grad()] if pure else self._working(forward, backward)
        if self.step is not None:
            parts.append(self._step(self.step))
        check = "\n".join(write_check(self.graph, self.program, self.helpers, self.shapes.dim)) + "\n"
        parts = [broken_function(part) for part in [*parts, check]]
        tail = self._helper_sources()
        head = write_head(self.graph, self.shapes, self.incoming, self.level, self.step is not None)
        stripped = (piece.strip("\n") for piece in (outputs_type(self.graph), *parts, *tail))
        return head + "\n" + "".join(f"\n\n{p}\n" for p in stripped if p)

    def _helper_sources(self) -> list[str]:
        known = {**HELPERS, **CHECK_HELPERS}
        wanted: list[str] = []
        stack = sorted(self.helpers, reverse=True)
        while stack:
            name = stack.pop()
            if name not in wanted:
                wanted.append(name)
                stack += [
                    other for other in known if other != name and f"{other}(" in known[name] and other not in wanted
                ]
        sources = [known[name] for name in sorted(wanted, key=lambda n: (n in CHECK_HELPERS, n))]
        if "arrays" in wanted:
            sources.append(CHECK_CONSTANTS)
        if "tile_rows" in wanted:
            sources.append(f"TILE = {self.tile}  # bytes of an array that a loop over rows works on at a time\n")
        if "in_threads" in wanted:
            sources.append(f"THREADS = {self.threads}  # so many of them a loop over rows runs on\nPOOL = {{}}\n")
        return sources

    def _taken(self) -> set[str]:
        return set(MODULE) | set(HELPERS) | set(CHECK_HELPERS) | {"check"}

    def _forward_body(self) -> Body:
        graph, split = self.graph, self.split
        names = Names(self._taken() | set(self.signature))
        roots = [*graph.outputs.values(), *split.saved]
        body = write_body(
            graph, split.forward, dict(self.arguments), roots, names, self.helpers, {}, self.level > 0, "forward"
        )
        self.observe("forward-body", body)
        return body

    def _forward(self, body: Body) -> str:
        graph, split = self.graph, self.split
        cache = [body.names.get(i) or str(body.texts[i]) for i in split.saved]
        cache += [body.context.symbol(symbol) for symbol in self.saved_sizes]
        cache += [f"np.shape({body.texts.get(id) or body.names[id]})" for id in self.saved_shapes]
        if self.saves_dtype:
            cache.append(body.context.dtype())
        lines = [f"def forward({', '.join(self.signature)}):", f'    """{self._forward_doc()}"""']
        call = ", ".join(self.signature)
        lines.append(f"    {call + ', ' if call else ''}types = check({call})")
        at = len(lines)
        lines += function_lines(body, graph, self.shapes)
        holders = holders_of(body, [*split.saved, *graph.outputs.values()])
        results = [result_of(body, i, holders) for i in graph.outputs.values()]
        if body.context.uses_dtype:  # no argument has one
            lines.insert(at, '    dtype = np.dtype("float64")')
        *outputs, head = [f"    return {results[0]}, ("]
        if len(results) > 1:
            *outputs, head = bracketed("    return Outputs(", results, "), (")
        lines += [*outputs, *bracketed(head, [*cache, "types"], ")")]
        return "\n".join(lines) + "\n"

    def _forward_doc(self) -> str:
        names = ", ".join(self.graph.outputs)
        return comment_text(f"Return {names} and what backward needs.")

    def _backward(self, called: dict[int, str]) -> str:
        """`called` is what forward calls the values that it saves: here they have the same names."""
        split, incoming = self.split, self.incoming
        graph, order = checked_in_forward(split)
        seeds = incoming.floating
        names = Names(self._taken() | set(incoming.every) | set(self.signature))
        arrays: dict[int, str] = {}
        for id in split.saved:
            arrays[id] = self.arguments.get(id) or names.fresh(called.get(id) or describe(graph, id))
        checks = BodyContext(graph, names, self.helpers, arrays, {})
        self.saved_shapes: dict[int, str] = {}
        seed_lines = self._check_seeds(seeds, checks, names)
        bound = {**arrays, **dict(zip(graph.cotangents.values(), seeds, strict=True))}
        roots = list(graph.gradients.values())
        body = write_body(graph, order, bound, roots, names, self.helpers, checks.used, self.level > 0, "backward")
        self.observe("backward-body", body)
        checks.adopt_sizes(body.context, but=seeds)
        lines = [*("    " + line for line in checks.size_lines()), *seed_lines]
        lines += function_lines(body, graph, self.shapes)
        holders = holders_of(body, [*split.saved, *roots])
        results = [f"{quoted(name)}: {result_of(body, i, holders)}" for name, i in graph.gradients.items()]
        lines += typed_return("grads", results, self.helpers)
        missing = {symbol: context.used[symbol] for context in (checks, body.context) for symbol in context.missing}
        self.saved_sizes = list(missing)
        self.saves_dtype = checks.uses_dtype or body.context.uses_dtype
        cached = [*arrays.values(), *missing.values(), *self.saved_shapes.values()]
        cached += [*(["dtype"] if self.saves_dtype else []), "types"]
        head = [f"def backward({', '.join(['cache', *incoming.parameters()])}):", f'    """{self._backward_doc()}"""']
        if incoming.mixed:
            self.helpers.add("of_floating")
            targets = ", ".join(seeds) if len(seeds) > 1 else f"({seeds[0]},)"
            head.append(f"    {targets} = {incoming.chosen(incoming.all)}")
        head += bracketed("    ", cached, " = cache", tuple_=True)
        if len(head[-1]) + len(SECOND) <= WIDTH:
            head[-1] += SECOND
        return "\n".join([*head, *lines]) + "\n"

    def _backward_doc(self) -> str:
        loss, exempt = self.graph.loss, self.incoming.exempt()
        what = f"{loss}" if loss else "the outputs, weighted by the cotangents,"
        return comment_text(f"Return the gradients of {what} by name{f'; {exempt}' if exempt else ''}.")

    def _check_seeds(self, seeds: Sequence[str], context: BodyContext, names: Names) -> list[str]:
        """The incoming cotangents as arrays of the shapes that forward's results had."""
        lines = []
        self.helpers.add("cotangent")
        for (name, id), seed in zip(self.graph.cotangents.items(), seeds, strict=True):
            shape = self.graph[id].type.shape
            if self.graph.loss:
                wanted = "()"
            elif isinstance(shape, Unknown):
                value = self.graph.values[name]  # which may be an output under several names
                wanted = self.saved_shapes.get(value) or names.fresh(f"{name}_shape")
                self.saved_shapes[value] = wanted
            else:
                wanted = context.shape(shape)
            lines.append(f"    {seed} = cotangent({quoted(seed)}, {seed}, {wanted}, {context.dtype()})")
        return lines

    def _value_and_grad(self) -> str:
        call = ", ".join(self.signature)
        if self.graph.loss:
            head = f"def value_and_grad({call}):"
            doc = comment_text(
                f"Return {', '.join(self.graph.outputs)} and the gradients of {self.graph.loss} by name."
            )
            last = "backward(cache)"
        else:
            given = "cotangents" if self.graph.cotangents else "cotangents=()"
            head = f"def value_and_grad({call + ', ' if call else ''}*, {given}):"
            exempt = self.incoming.exempt()
            how = f"a tuple, one an output{f'; {exempt}' if exempt else ''}"
            doc = comment_text(f"Return the outputs and their gradients, weighted by the cotangents ({how}).")
            last = "backward(cache, *cotangents)" if len(self.graph.cotangents) != 1 else "backward(cache, cotangents)"
            if self.incoming.idle and self.incoming.floating:
                self.helpers.add("of_floating")
                last = f"backward(cache, *{self.incoming.chosen('cotangents')})"
        return "\n".join([
            head, f'    """{doc}"""', f"    value, cache = forward({call})",
            *(UNPACK if last == "backward(cache, cotangents)" else []),
            f"    return value, {last}",
        ]) + "\n"  # fmt: skip

    def _working(self, forward: str, backward: str) -> list[str]:
        """The functions of an -O2 module: the pure ones, and those that work in memory which is allocated once."""
        from graphc.emitter.working import Working
        from graphc.emitter.workspace import Cache, in_workspace, write_working
        from graphc.passes.in_order import copy_parts_in_order

        def working(graph: Graph) -> Working:
            arguments = _called(graph)
            comment = partial(group_comment, graph)
            shapes = ShapeNames(graph)
            return Working(
                graph, self.program, arguments, self._taken(), self.helpers, shapes, comment, self.observe, self.threads
            )

        split, moved = copy_parts_in_order(self.split)
        shapes = {moved[id]: name for id, name in self.saved_shapes.items()}
        cache = Cache(split.saved, self.saved_sizes, shapes, self.saves_dtype)
        handed_on = self.incoming.handed_on()
        return [
            in_workspace(forward, "forward", ", ".join(self.signature)),
            in_workspace(backward, "backward", f"cache{', ' if handed_on else ''}{handed_on}"),
            *write_working(working(split.graph), split, cache, None if self.fused is None else working(self.fused)),
        ]

    def _step(self, graph: Graph) -> str:
        arguments = _called(graph)
        names = Names(self._taken() | set(self.signature))
        roots = list(graph.updates.values())
        order = [i for i in sorted(needed(graph, roots)) if i not in arguments]
        order.sort(key=lambda i: not _is_count(graph, i))
        order = schedule(graph, order, _of_updates(graph) - set(roots))
        body = write_body(graph, order, dict(arguments), roots, names, self.helpers, {}, self.level > 0, "step")
        self.observe("step-body", body)
        call = ", ".join(self.signature)
        lines = [
            f"def step({call}):",
            '    """Return the new values of one training step by name; nothing is changed in place."""',
        ]
        lines.append(f"    {call}, types = check({call})")
        at = len(lines)
        lines += function_lines(body, graph, self.shapes)
        results = []
        holders = holders_of(body, [*arguments, *roots])
        for name, id in graph.updates.items():
            text = result_of(body, id, holders)
            results.append(f"{quoted(name)}: {text}")
        if body.context.uses_dtype:
            lines.insert(at, '    dtype = np.dtype("float64")')
        lines += typed_return("new", results, self.helpers)
        return "\n".join(lines) + "\n"


def _called(graph: Graph) -> dict[int, str]:
    """The arguments' names in the module."""
    return dict(zip((a.node for a in graph.arguments), argument_names(a.name for a in graph.arguments), strict=True))


def _of_updates(graph: Graph) -> set[int]:
    """What the training step computes besides values and gradients: it waits for the gradients, so that the lines of an
    update stand together."""
    values, updates = (
        {group_of(graph[id])[0] for id in ids} for ids in (graph.values.values(), graph.updates.values())
    )
    own = updates - values
    return {node.id for node in graph if not (node.of_rule or node.name) and group_of(node)[0] in own}


def _is_count(graph: Graph, id: int) -> bool:
    """Whether a value is a number that the program computes of numbers it is given, as a count of the steps: it stands
    before all else, and parts no statement's lines."""
    node = graph[id]
    given = all(graph[u].op in ("argument", "const") and graph[u].type.rank == 0 for u in node.operands)
    return bool(node.name) and node.type.rank == 0 and given
