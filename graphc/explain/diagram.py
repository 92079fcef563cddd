"""What a picture of a graph shows: boxes, arrows with shapes, clusters; how it looks is up to the formats.

Kinds of boxes differ in shape and border and not in colour alone: arguments, parameters, operations, results, the
loss, values that are saved for backward, gradients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graphc.explain.notation import Name, text
from graphc.ir.graph import Graph, Node, title
from graphc.ir.types import Unknown, shape_text

__all__ = ["Arrow", "Box", "Diagram", "diagram", "forward_part"]

HIDDEN = {"const", "size", "shape_of", "size_of"}


@dataclass(frozen=True)
class Box:
    """`kind` is input, param, value, operation, output, loss, seed or gradient."""

    id: int
    label: str
    under: str
    kind: str
    saved: bool = False
    cluster: str = ""


@dataclass(frozen=True)
class Arrow:
    start: int
    end: int
    label: str
    backward: bool = False


@dataclass(frozen=True)
class Diagram:
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    clusters: dict[str, str] = field(default_factory=dict)


def diagram(graph: Graph, saved: Iterable[int] = ()) -> Diagram:
    """The boxes and arrows of a graph, with its gradients if it has some."""
    kept = set(saved)
    shown = {node.id for node in graph if node.op not in HIDDEN or node.name}
    reverse = {node.id for node in graph if _is_reverse(node)}
    clusters: dict[str, str] = {}
    boxes = []
    latest: dict[int, int] = {}  # the last cluster that a value hangs on
    for node in graph:
        latest[node.id] = max((latest[u] for u in node.operands), default=0)
        if node.id in shown:
            cluster = _cluster(graph, node, clusters)
            if cluster:  # one that hangs on a later cluster stands outside: no layout can put it back
                number = list(clusters).index(cluster) + 1
                cluster = cluster if number >= latest[node.id] else ""
                latest[node.id] = max(number, latest[node.id])
            boxes.append(Box(node.id, _label(node), _under(node), _kind(graph, node), node.id in kept, cluster))
    arrows = []
    for node in graph:
        if node.id in shown:
            for u in dict.fromkeys(node.operands):
                if u in shown:
                    shape = graph[u].type.shape
                    label = "" if isinstance(shape, Unknown) else _shape(shape_text(shape))
                    arrows.append(Arrow(u, node.id, label, node.id in reverse))
    return Diagram(graph.file, tuple(boxes), tuple(arrows), clusters)


def forward_part(graph: Graph) -> Graph:
    """What the outputs are made of, without the gradients of a training step."""
    kept: set[int] = {a.node for a in graph.arguments}
    stack = list(graph.outputs.values())
    while stack:
        id = stack.pop()
        if id not in kept or graph[id].operands:
            fresh = [u for u in graph[id].operands if u not in kept]
            kept |= {id, *graph[id].operands}
            stack += fresh
    nodes = {id: node for id, node in graph.nodes.items() if id in kept}
    return graph.replace(nodes=nodes, updates={}, values={n: i for n, i in graph.values.items() if i in kept})


def _shape(text: str) -> str:
    return "" if text == "()" else text


def _label(node: Node) -> str:
    name = node.name or node.hint  # `P` and other names of definitions
    return text(Name(name)) if name else _SIGNS.get(node.op, title(node.op))


_SIGNS = {"add": "+", "subtract": "−", "multiply": "⊙", "divide": "/", "matmul": "@", "negative": "−", "mT": "ᵀ",
          "sum": "Σ", "seed": "1"}  # fmt: skip


def _under(node: Node) -> str:
    """Below the name: the operation, or of an argument the shape."""
    if node.op in ("argument", "seed"):
        return shape_text(node.type.shape)
    return _SIGNS.get(node.op, title(node.op)) if node.name or node.hint else ""


def _is_reverse(node: Node) -> bool:
    return node.op == "seed" or node.of_rule


def _kind(graph: Graph, node: Node) -> str:
    if node.op == "argument":
        return next((a.kind if a.kind == "param" else "input" for a in graph.arguments if a.node == node.id), "input")
    if graph.loss and graph.values.get(graph.loss) == node.id:
        return "loss"
    if node.id in graph.gradients.values():
        return "gradient"
    if node.id in graph.outputs.values():
        return "output"
    if node.op == "seed":
        return "seed"
    return "value" if node.name else "operation"


def _cluster(graph: Graph, node: Node, clusters: dict[str, str]) -> str:
    """The loop step or the call of a `def` that a value comes from, by its statement."""
    if node.op == "argument" or node.origin is None or not 0 <= node.origin.statement < len(graph.statements):
        return ""
    statement = graph.statements[node.origin.statement]
    siblings = [n for n in graph.statements if n.line == statement.line and n.file == statement.file]
    looped = "[" in statement.text and statement.text.rstrip().endswith("]")
    if not looped and len(siblings) < 2:
        return ""
    key = statement.text[statement.text.rindex("[") :] if looped else f"line {statement.line}"
    side = " backward" if _is_reverse(node) else ""
    clusters.setdefault(key + side, (key.strip("[]") if looped else key) + side)
    return key + side
