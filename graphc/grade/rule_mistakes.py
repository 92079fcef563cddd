"""Mistakes that go through all that one rule made of an operation.

    dZ = dH * (1 - H**2)      dH                    the derivative of `tanh` is left out
                              dH * H * (1 - H)      that of `sigmoid` stands in its place
                              dH * (1 - Z**2)       Z stands in place of H, in all of the rule
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.grade.at_hand import TURNED, AtHand, taken, times
from graphc.grade.kinds import Mistake
from graphc.grade.reference import Make
from graphc.ir.graph import Node, title

__all__ = ["of_rule"]

CONFUSED: dict[str, dict[str, Callable[[Any], Any]]] = {
    "sigmoid": {"tanh": lambda y: 1 - y**2, "relu": lambda y: y > 0},
    "tanh": {"sigmoid": lambda y: y * (1 - y), "relu": lambda y: y > 0},
    "relu": {"tanh": lambda y: 1 - y**2, "sigmoid": lambda y: y * (1 - y)},
}
"""Derivatives that are taken for one another, by the value of the function."""


def of_rule(at: AtHand, nodes: Sequence[Node]) -> Iterator[Mistake]:
    """Another value wherever the rule takes one; its derivative left out, or that of another function."""
    ids = {node.id for node in nodes}
    used = {u: [n for n in nodes if u in n.operands] for node in nodes for u in node.operands if u not in ids}
    gradients = [u for u in used if u in at.reference.backward and u not in at.reference.fixed]
    primals = [u for u in used if u not in at.reference.backward and u not in at.reference.fixed]
    for u in primals:
        if at.graph[u].type.is_float:
            for kind, text, value in _instead(at, u):
                yield Mistake(kind, text, {n.id: at.swapped(n, u, value) for n in used[u]}, 2)
    rule = title(nodes[0].origin.rule or "") if nodes[0].origin is not None else ""
    for node in nodes:
        last = node.id in at.targets or any(c not in ids for c in at.reference.consumers.get(node.id, ()))
        if not last or node.op in TURNED:
            continue
        for u in gradients:
            if np.shape(at.values[u]) == np.shape(at.values[node.id]):
                text = f"the derivative of `{rule}` is left out: {at.name(u)} is passed on as it is"
                yield Mistake("chain", text, {node.id: taken(u)})
                for other, derivative in CONFUSED.get(rule, {}).items():
                    text = f"the derivative of `{other}` stands in place of that of `{rule}`"
                    for y in primals:
                        yield Mistake("chain", text, {node.id: _product(u, y, derivative)}, 2)


def _product(gradient: int, value: int, derivative: Callable[[Any], Any]) -> Make:
    return lambda values: values[gradient] * derivative(values[value])


def _instead(at: AtHand, u: int) -> Iterator[tuple[str, str, Make]]:
    """What may stand in place of a value of the forward pass: one of its shape, or itself with a part exchanged."""
    for other in at.like(u, False):
        yield "operand", f"{at.name(other)} stands in place of {at.name(u)}", taken(other)
    node = at.graph[u]
    if at.name(u) != at.say(u) or node.name or node.op not in ("add", "subtract", "multiply", "divide"):
        return
    for place, part in enumerate(node.operands):
        for other in at.like(part, False):
            text = f"{at.name(other)} stands in place of {at.name(part)} in {at.say(u)}"
            yield "operand", text, at.replaced(node, place, taken(other))
    for kept, lost in (node.operands, node.operands[::-1]):
        if np.shape(at.values[kept]) == np.shape(at.values[u]):
            sign = -1.0 if node.op == "subtract" and kept == node.operands[1] else 1.0
            yield "chain", f"{at.name(lost)} is left out of {at.say(u)}", times(kept, sign)
    if node.op in ("add", "subtract"):
        right = node.operands[1]
        turned = at.replaced(node, 1, times(right, -1.0))
        yield "sign", f"the sign of {at.say(right)} is the other one in {at.say(u)}", turned
