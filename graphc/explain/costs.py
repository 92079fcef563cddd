"""What a compiled program costs, statement by statement: multiplications, functions, bytes, what is saved, the peak.

The costs are those of the functions as they are emitted: what stands in them is counted, no more, no less. At -O0 and
-O1 they are `forward` and `backward`, which allocate as they go, at -O2 it is `value_and_grad` in a workspace, of a
large program `forward_in` and `backward_in`. At -O0 `forward` of `Y = relu(X@W)` is one row of `N*D*H` multiplications;
`X` and `Y` are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphc.emitter.body import Body
from graphc.emitter.groups import Line
from graphc.explain.peaks import Memory, Point
from graphc.explain.pure_costs import PureCosts
from graphc.explain.work import Row
from graphc.explain.workspace_costs import WorkspaceCosts
from graphc.ir.dims import dim
from graphc.ir.graph import Graph, Node, title
from graphc.ir.types import Unknown
from graphc.passes.partition import Split
from graphc.pipeline import Options, compile_graph

__all__ = ["Costs", "Saved", "costs_of"]


@dataclass(frozen=True)
class Saved:
    """A value that crosses from forward to backward; `view`: it shows an array that crosses, too."""

    name: str
    node: Node
    argument: bool
    view: bool


@dataclass
class Costs:
    """The costs of a program. `item` is the size of a floating number, `saved` what goes from forward to backward."""

    graph: Graph
    level: int
    item: int
    tile: int
    threads: int
    module: str
    rows: list[Row]
    saved: list[Saved]
    memory: dict[str, Memory]
    unknown: list[str]
    bodies: dict[str, list[Line]]


def costs_of(joint: Graph, options: Options, item: int = 8, sizes: Mapping[str, int] | None = None) -> Costs:
    """The costs of the module that the options make. `sizes` decide which of several peaks is the largest; a size that
    is not given counts `TYPICAL`."""
    seen: dict[str, Any] = {}
    text, split = compile_graph(joint, options, seen.__setitem__)
    point = Point(sizes or {})
    if options.level < 2:
        outputs, gradients = list(split.graph.outputs.values()), list(split.graph.gradients.values())
        forward = PureCosts(split.graph, seen["forward-body"], "forward", item, point, outputs, split.saved)
        backward = PureCosts(split.graph, seen["backward-body"], "backward", item, point, gradients, split.saved)
        rows = [*forward.rows(), *backward.rows()]
        kept = forward.kept()
        memory = {"forward": forward.peak(point), "backward": backward.peak(point)}
        whole = [memory["forward"], Memory(kept + memory["backward"].peak, memory["backward"].at)]
        memory["value_and_grad"] = max(whole, key=lambda m: point.value(m.peak))
        bodies = {"forward": seen["forward-body"].lines, "backward": seen["backward-body"].lines}
    else:
        functions = _in_workspace(seen, item, options.threads)
        rows = [row for function in functions for row in function.rows()]
        held = [function.memory() for function in functions]
        total = sum((each.peak for each in held), dim(0))
        memory = {"workspace": Memory(total, None, [tile for each in held for tile in each.tiles])}
        fresh = [function.fresh(point) for function in functions]
        memory["value_and_grad"] = max(fresh, key=lambda m: point.value(m.peak))
        bodies = {function.part: function.lines for function in functions}
    if "step-body" in seen:
        body = seen["step-body"]
        of_step = body.context.graph
        step = PureCosts(of_step, body, "step", item, point, list(of_step.updates.values()),
                     [argument.node for argument in of_step.arguments])  # fmt: skip
        rows += step.rows()
        memory["step"] = step.peak(point)
        bodies["step"] = body.lines
    saved = _saved(split, seen["forward-body"], seen["backward-body"])
    unknown = _unknown_arguments(joint)
    return Costs(
        joint, options.level, item, options.tile_bytes, options.threads, text, rows, saved, memory, unknown, bodies
    )


def _in_workspace(seen: Mapping[str, Any], item: int, threads: int) -> list[WorkspaceCosts]:
    """The functions that `value_and_grad` consists of in a workspace: itself, or two that follow each other."""
    if "joint" in seen:
        graph = seen["joint"]
        roots = [*graph.outputs.values(), *graph.gradients.values()]
        return [WorkspaceCosts("value_and_grad", graph, seen["joint-body"], item, threads, roots)]
    forward, backward = seen["forward-in-body"], seen["backward-in-body"]
    graph = forward.context.graph
    return [
        WorkspaceCosts("forward_in", graph, forward, item, threads, list(graph.outputs.values())),
        WorkspaceCosts("backward_in", graph, backward, item, threads, list(graph.gradients.values())),
    ]


def _unknown_arguments(graph: Graph) -> list[str]:
    shapes = [(a.name, graph[a.node].type) for a in graph.arguments]
    return [name for name, type in shapes if isinstance(type.shape, Unknown)]


def _saved(split: Split, forward: Body, backward: Body) -> list[Saved]:
    graph = split.graph
    found: list[Saved] = []
    arrays: set[int] = set()
    for id in split.saved:
        node = graph[id]
        if node.type.dtype != "shape" and node.op not in ("const", "size", "number"):
            shown = forward.aliases.get(id, frozenset((id,)))
            name = backward.names.get(id, node.name or title(node.op))
            found.append(Saved(name, node, node.op == "argument", shown <= arrays))
            arrays |= shown
    return found
