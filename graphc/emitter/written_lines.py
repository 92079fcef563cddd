"""What the lines of a body are about: the value that each is part of, and the step of the loops that it stands in.

    # h_{t+1} = sin(a_{t})   [t = 3]
    dh = dh_4 * np.cos(a_3)                the gradient `da_3`, t = 3: its name alone would not tell
    dh_3 = dh @ W.T; dh_3 += dz            both are part of `dh_3`
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.emitter.body import Body
from graphc.emitter.groups import under_comments
from graphc.ir.graph import Node

__all__ = ["WrittenLine", "written_lines"]


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """The `name` that a line assigns or changes, the node that it is, or that its array becomes, and the step of the
    statement under whose comment it stands, `t = 3`."""

    name: str
    node: Node
    step: str


def written_lines(body: Body) -> list[WrittenLine]:
    """For each statement of a body, in order; lines that are inside of one are not told apart from it."""
    graph = body.context.graph
    under = under_comments([line.group for line in body.lines])
    found: list[WrittenLine] = []
    for line, (index, _) in zip(body.lines, under, strict=True):
        if line.node is None or line.text.startswith(" "):
            continue
        steps = graph.statements[index].steps if 0 <= index < len(graph.statements) else ()
        id = line.node.id
        step = ", ".join(f"{variable} = {k}" for variable, k in steps)
        found.append(WrittenLine(body.names[id], graph[body.becomes.get(id, id)], step))
    return found
