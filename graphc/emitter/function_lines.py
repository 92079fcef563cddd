"""The lines of a function: those of a statement together under its comment, with the shapes beside.

    # Z = X@W + b    net.g:3    dW = Xᵀ dZ
    dW = X.T @ dZ                                     # (D, H)
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from operator import itemgetter

from graphc.emitter.body import Body
from graphc.emitter.equations import Bearers
from graphc.emitter.equations_again import Equations
from graphc.emitter.groups import Line, under_comments
from graphc.emitter.shapes import ShapeNames
from graphc.emitter.text import WIDTH, comment_text
from graphc.ir.graph import Graph, Node

__all__ = ["function_lines", "group_comment"]

COLUMN = 48  # shapes stand beside the code from this column on


def function_lines(body: Body, graph: Graph, shapes: ShapeNames) -> list[str]:
    """The lines with their sizes first, each group of a statement under its comment, shapes beside."""
    lines = ["    " + line for line in body.context.size_lines()]
    shown: set[int] = set()
    by_group: dict[tuple[int, bool], dict[int, Node]] = {}
    for line in body.lines:
        if line.node is not None:
            by_group.setdefault(line.group, {})[line.node.id] = line.node
    bearers = Bearers(body.names, (line.node.id for line in body.lines if line.node is not None))
    equations = Equations(graph, body.names, bearers)
    found: dict[tuple[int, bool], dict[int, str]] = {}
    under = under_comments([line.group for line in body.lines])
    for group, run in groupby(zip(under, body.lines, strict=True), key=itemgetter(0)):
        here = [line for _, line in run]
        if group not in found:  # a statement to which the code comes back says each time what stands there
            nodes = by_group.get(group, {})
            found[group] = equations.of(list(nodes.values())) if group[1] else {}
        standing = dict.fromkeys(line.node.id for line in here if line.node is not None)
        comment = group_comment(graph, group, [found[group][id] for id in standing if id in found[group]])
        lines += ["", *(f"    # {line}" for line in comment)]
        lines += ["    " + _beside(line, shapes, shown) for line in here]
    return [*lines, ""] if body.lines else lines


def _beside(line: Line, shapes: ShapeNames, shown: set[int]) -> str:
    node = line.node
    if node is None or node.id in shown or node.type.dtype == "shape" or node.type.shape == ():
        return line.text
    shown.add(node.id)
    return f"{line.text:<{COLUMN}}  # {shapes.shape(node.type.shape)}"


def group_comment(
    graph: Graph, group: tuple[int, bool], found: Collection[str], again: bool = False
) -> list[str]:  # fmt: skip
    """The statement, its place, and in backward the mathematics: beside it, or below where that is too wide.

    `again`: the statement stands in the comment before already, and is not said again.
    """
    index, reverse = group
    if not 0 <= index < len(graph.statements):
        return []
    statement = graph.statements[index]
    text = comment_text(statement.text)
    if len(text) > 80:
        step = text[text.rindex("   [") :] if statement.steps else ""
        text = text[: 77 - len(step)] + "..." + step
    head = f"{text}    {comment_text(f'{statement.file}:{statement.line}')}"
    heads = [] if again else [head]
    if not reverse:
        return heads
    whole = "    ".join([*heads, *found])
    if len(whole) <= WIDTH:
        return [whole] if whole else []
    packed: list[str] = []
    for equation in found:
        joined = f"{packed[-1]}    {equation}" if packed else ""
        if packed and len(joined) <= WIDTH:
            packed[-1] = joined
        else:
            packed.append(f"{'    ' * len(heads)}{equation}")
    return [*heads, *packed]
