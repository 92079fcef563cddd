"""The stages in their order, from text to text; an observer sees what each has made.

text ─ parse ─► tree ─ lower ─► graph ─ differentiate ─► joint graph ─ optimise ─► joint graph
     ─ partition ─► forward | saved | backward ─ emit ─► module ─ verify ─► written
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphc.collector import collector_paused
from graphc.ir.types import ShapeError
from graphc.language.diagnostics import Diagnostics, GraphcError
from graphc.language.source import Source, Span
from graphc.language.values import Fault

if TYPE_CHECKING:
    from graphc.ir.graph import Graph
    from graphc.passes.partition import Split
    from graphc.verify.gradients import Report

__all__ = ["MEMORY", "Compiled", "Options", "compile_source", "joint_graph", "lower_source", "optimise", "show"]

LARGEST_REWRITTEN = 200_000
"""A graph of more operations is not rewritten: nobody reads its module, and it should be there within a minute."""

LARGEST_FUSED = 20_000
"""A graph of more operations than this is not planned as one function of values and gradients: its forward and its
backward in a workspace follow each other. The module is two thirds as long then, and made in as much of the time; but
what one function hoists out of the steps of a recurrent network saves a fifth of its time and most of its memory."""

MOST_LISTED = 12
"""The values of a program with no more of them are listed where one is asked for that it does not have."""

Observer = Callable[[str, Any], None]
MEMORY = ("lean", "balanced", "fast")
STAGES = ("source", "graph", "backward", "optimized", "forward-code", "backward-code")


@dataclass(frozen=True)
class Options:
    """What a compile is asked for."""

    wrt: tuple[str, ...] | None = None
    loss: str | None = None
    level: int = 1
    verify: bool = True
    tile: int | None = None  # bytes of an array in a loop over tiles of rows, at -O2
    threads: int = 1  # on so many a loop over tiles runs, at -O2
    memory: str = "balanced"  # what forward keeps for backward: `lean` as little as possible, `fast` what saves time

    @property
    def tile_bytes(self) -> int:
        """By default a tile that stays in a cache; on threads larger ones, as each call of NumPy waits for the
        interpreter's lock: a call should take ten times as long as that."""
        return self.tile or (131072 if self.threads == 1 else 1048576)

    @property
    def kept(self) -> str:
        """What `partition` is asked for: the literal derivation computes nothing again unless memory is to be lean."""
        return "fast" if self.level == 0 and self.memory == "balanced" else self.memory


@dataclass
class Compiled:
    """What a compile made: the module's source, the joint graph, the warnings, the result of the verification."""

    module: str
    graph: Graph
    warnings: Diagnostics
    report: Report | None = None
    seconds: float = 0.0
    """How long all of it took, the verification included; `report.seconds` is that one's share."""
    stages: dict[str, Any] = field(default_factory=dict)


ROUNDING = "`//` rounds down, so nothing comes back through it; a comment begins with `#`"


def _ignore(stage: str, result: Any) -> None:
    pass


@collector_paused()
def lower_source(source: Source, diagnostics: Diagnostics, observe: Observer = _ignore) -> Graph:
    """Text to graph. Raises GraphcError with all errors."""
    from graphc.language.lower import lower
    from graphc.language.syntax import parse

    module = parse(source, diagnostics)
    observe("source", module)
    graph = lower(module, diagnostics)
    observe("graph", graph)
    return graph


@collector_paused()
def joint_graph(graph: Graph, options: Options, diagnostics: Diagnostics) -> Graph:
    """The graph with its gradients. Raises GraphcError."""
    from graphc.passes.differentiate import differentiate, unreached

    _check_names(graph, options, diagnostics)
    with _within_limits(diagnostics):
        joint = differentiate(graph, options.wrt, options.loss)
    depends = f"`{joint.loss}` does not depend" if joint.loss else "no output depends"
    zero = unreached(joint)
    rounded = _rounded(joint) if zero else set()
    for name in zero:
        message, place = f"{depends} on `{name}` smoothly: its gradient is zero", _place_of(joint, name)
        diagnostics.warning("W0401", message, place, help=ROUNDING if joint.values[name] in rounded else None)
    return joint


def _rounded(graph: Graph) -> set[int]:
    """The values that a `//` of floating numbers is made of."""
    from graphc.passes.dce import needed

    return needed(graph, [node.id for node in graph if node.op == "floor_divide" and node.type.is_float])


@contextmanager
def _within_limits(diagnostics: Diagnostics) -> Iterator[None]:
    """Report a rule of the program that does not fit, and a program that is too large. Raises GraphcError."""
    try:
        yield
        return
    except Fault as fault:
        diagnostics.report(fault)
    except ShapeError as error:
        if error.code != "E0213":  # any other is our own mistake
            raise
        diagnostics.error(error.code, error.message, None)
    except OverflowError as error:
        diagnostics.error("E0213", str(error), None)
    raise GraphcError(diagnostics.errors) from None


def _place_of(graph: Graph, name: str) -> Span | None:
    origin = graph[graph.values[name]].origin
    return origin.span if origin else None


def _check_names(graph: Graph, options: Options, diagnostics: Diagnostics) -> None:
    from graphc.language.diagnostics import suggest

    for name in [*(options.wrt or ()), *([options.loss] if options.loss else [])]:
        if name not in graph.values:
            close = suggest(name, list(graph.values))
            named = ", ".join(graph.values) if len(graph.values) <= MOST_LISTED else ""
            help = f"did you mean `{close}`?" if close else f"the program's values are {named}" if named else None
            diagnostics.error("E0201", f"no value has the name `{name}`", None, help=help)
        elif not graph[graph.values[name]].type.is_float:
            diagnostics.error("E0402", f"`{name}` is {graph[graph.values[name]].type.dtype}: it has no gradient", None)
        elif name == options.loss and graph[graph.values[name]].type.rank != 0:
            diagnostics.error("E0401", f"the loss is a scalar, and `{name}` is {graph[graph.values[name]].type}", None)
    diagnostics.raise_if_errors()


def optimise(graph: Graph, level: int, observe: Observer = _ignore) -> Graph:
    """The joint graph as it is emitted: literally at level 0, as an expert writes it from level 1 on."""
    from graphc.passes.casts import cast_to_type
    from graphc.passes.chain import reassociate
    from graphc.passes.common_factor import factor_out
    from graphc.passes.dce import eliminate_dead_code
    from graphc.passes.differences import subtract_products
    from graphc.passes.expand import expand
    from graphc.passes.fold import fold
    from graphc.passes.inverses import solve_by_inverses
    from graphc.passes.multiples import compute_once
    from graphc.passes.numbers import sums_to_numbers
    from graphc.passes.scalars_first import scalars_first
    from graphc.passes.shares import divide_by_sizes
    from graphc.passes.sigmoids import shorten_sigmoids
    from graphc.passes.simplify import simplify
    from graphc.passes.zeros_apart import zeros_apart

    graph = eliminate_dead_code(graph)
    graph = expand(graph, share=level > 0)
    rewriting = level > 0 and len(graph) <= LARGEST_REWRITTEN
    if rewriting:
        graph = simplify(graph)
    graph = eliminate_dead_code(fold(graph))
    if level == 0:
        from graphc.passes.plainly import write_plainly

        graph = scalars_first(divide_by_sizes(write_plainly(graph)))
    if rewriting:
        ordered = reassociate(solve_by_inverses(graph))
        graph = graph if ordered is graph else eliminate_dead_code(ordered)
        once = compute_once(graph)
        if once is not graph:
            once = compute_once(simplify(once))  # more is symmetric, as d @ S and S @ d have become one
        graph = simplify(once)
        factored = factor_out(graph)
        graph = graph if factored is graph else simplify(factored)
    if rewriting and level > 1:
        from graphc.passes.diagonal_rows import diagonals_by_rows
        from graphc.passes.samples_last import samples_last

        graph = eliminate_dead_code(samples_last(diagonals_by_rows(graph)))
    if rewriting:
        graph = shorten_sigmoids(graph)
    if rewriting and (level == 1 or graph.updates):  # a training step is a pure function at -O2 as well
        subtracted = subtract_products(graph)
        graph = divide_by_sizes(graph if subtracted is graph else simplify(subtracted))
        graph = scalars_first(sums_to_numbers(graph))
    graph = zeros_apart(cast_to_type(graph))
    observe("optimized", graph)
    return graph


def _faster(program: Graph, joint: Graph, options: Options) -> Graph:
    """The joint graph of a program that is brought into a form with a shorter derivative, and at -O2 into a faster one,
    before it is differentiated."""
    from graphc.passes.dce import eliminate_dead_code
    from graphc.passes.differentiate import differentiate
    from graphc.passes.two_slopes import by_slope, with_choices

    outputs = list(program.outputs)
    loss = {joint.loss: program.values[joint.loss]} if joint.loss else {}  # it need not be an output itself
    program = eliminate_dead_code(program.replace(updates={}, outputs={**program.outputs, **loss}))
    if not program.values.keys() >= joint.gradients.keys():  # a gradient is wanted of what nothing depends on
        return joint
    written = program
    if options.level > 1:
        from graphc.passes.common_matrix import join_products
        from graphc.passes.flat_rows import merge_rows_first
        from graphc.passes.pool_first import pool_first
        from graphc.passes.steps_at_once import steps_at_once
        from graphc.passes.tangents import limit_squares

        for improve in (limit_squares, join_products, pool_first, steps_at_once, merge_rows_first):
            program = improve(program, joint.gradients)
    faster, choices = by_slope(program, joint.gradients)
    if faster is written:
        return joint
    faster = with_choices(differentiate(faster, options.wrt, options.loss), choices, options.level == 1)
    return faster.replace(outputs={name: faster.outputs[name] for name in outputs})


@collector_paused()
def compile_graph(
    joint: Graph, options: Options, observe: Observer = _ignore, program: Graph | None = None
) -> tuple[str, Split]:
    """The module's source from the joint graph, or from that of the program in a faster form, if that is given."""
    from graphc.emitter.module import emit_module
    from graphc.emitter.parse_back import parse_back
    from graphc.emitter.signature import sign
    from graphc.passes.partition import partition

    body = joint.replace(updates={})
    if options.level > 0 and program is not None:
        body = _faster(program, body, options)
    optimised = optimise(body, options.level, observe)
    split = partition(optimised, options.kept, options.level == 2)
    observe("split", split)
    step = None
    if joint.updates:
        step = optimise(joint.replace(outputs={}, gradients={}, cotangents={}), options.level)
    fused = None
    if options.level > 1 and len(optimised) <= LARGEST_FUSED:
        from graphc.passes.joint import fuse

        fused = fuse(optimised)
        observe("joint", fused)
    text = sign(emit_module(split, step, options.level, fused, options.tile_bytes, observe, options.threads, joint))
    parse_back(text, split.graph)
    observe("module", text)
    return text, split


@collector_paused()
def compile_source(source: Source, options: Options, observe: Observer = _ignore) -> Compiled:
    """Text to verified module. Raises GraphcError with all errors of the program."""
    start = time.perf_counter()
    diagnostics = Diagnostics()
    graph = lower_source(source, diagnostics, observe)
    joint = joint_graph(graph, options, diagnostics)
    observe("backward", joint)
    with _within_limits(diagnostics):
        text, _ = compile_graph(joint, options, observe, graph)
    compiled = Compiled(text, joint, diagnostics)
    if options.verify:
        from graphc.verify.gradients import verify

        compiled.report = verify(joint, text, diagnostics)
        diagnostics.raise_if_errors()
    compiled.seconds = time.perf_counter() - start
    return compiled


def show(
    text: str,
    stage: str,
    *,
    name: str = "<string>",
    level: int = 1,
    wrt: Sequence[str] | None = None,
    loss: str | None = None,
    path: str | None = None,
) -> str:
    """What a stage made of a program, as text. Raises GraphcError."""
    from graphc.explain.report import render_stage

    seen: dict[str, Any] = {}
    options = Options(tuple(wrt) if wrt is not None else None, loss, level, verify=False)
    compile_source(Source(text, name, path), options, seen.__setitem__)
    return render_stage(stage, seen)
