"""What is at hand where a mistake is made: values, what they are called, and what may stand there.

    L = softmax_ce(relu(X@W1 + b1)@W2 + b2, y),  dZ the gradient with respect to the value Z = X@W1 + b1

    at.name(dZ)                `dZ`
    at.like(dZ, True)          dH: the named gradient of the same shape
    at.like(dZ, False)         Z and H: the named values of the forward pass of that shape
    at.replaced(matmul(Xᵀ, dZ), 1, taken(dH))          matmul(Xᵀ, dH)
    at.then(matmul(Xᵀ, dZ), np.negative)               -matmul(Xᵀ, dZ)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.grade.reference import Make, Setting
from graphc.ir.graph import Node, title

__all__ = ["TURNED", "WRAPPING", "AtHand", "taken", "times"]

WRAPPING = {"broadcast_to", "expand_dims", "squeeze", "as_float", "reshape"}
"""Operations that show the same entries in another shape or type."""
TURNED = {"mT", "transpose"}


class AtHand:
    """A setting's values, its named ones by their shapes, and the ways to compute an operation from others."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.reference = setting.reference
        self.graph = setting.reference.graph
        self.values = setting.right.values
        self.targets = {id: name for name, id in self.reference.gradients.items()}
        self._named = self._by_shape()

    def _by_shape(self) -> dict[tuple[int, ...], list[int]]:
        """Values that have names, of the program and of gradients, by their shapes."""
        found: dict[tuple[int, ...], list[int]] = {}
        data = {a.name for a in self.graph.arguments} - set(self.reference.variables)
        ids = [id for id in self.graph.values.values() if id in self.values]
        ids += [id for id, name in self.targets.items() if name not in data]  # nobody takes the gradient of the data
        for id in dict.fromkeys(ids):
            value = self.values.get(id)
            if value is not None and np.ndim(value) and self.graph[id].type.is_float:
                found.setdefault(np.shape(value), []).append(id)
        return found

    # ------------------------------------------------------------------------------------------ what it is called

    def say(self, id: int) -> str:
        """A value as mathematics, or as the operation that it comes from where that would be long."""
        text = self.reference.say(id)
        return f"`{text}`" if len(text) <= 60 else f"a factor of `{title(self.graph[id].op)}`"

    def name(self, id: int) -> str:
        """A value by its name, where it has one."""
        if id in self.targets and not self.graph[id].name:
            return f"`d{self.targets[id]}`"
        names = [name for name, node in self.graph.values.items() if node == id]
        return f"`{names[0]}`" if names else self.say(id)

    # ------------------------------------------------------------------------------------------ what is beside it

    def like(self, id: int, backward: bool) -> list[int]:
        """Other named values of the same shape: those of the backward pass, or those of the forward pass."""
        value = self.values.get(id)
        if value is None or not np.ndim(value):
            return []
        alike = self._named.get(np.shape(value), [])
        return [other for other in alike if other != id and (other in self.reference.backward) == backward]

    def inner(self, id: int) -> Node:
        """What is below broadcasting and its like."""
        node = self.graph[id]
        while node.op in WRAPPING:
            node = self.graph[node.operands[0]]
        return node

    # ------------------------------------------------------------------------------------------ what comes out

    def replaced(self, node: Node, place: int, other: Make) -> Make:
        """The operation with another value for one operand."""

        def make(values: Mapping[int, Any]) -> Any:
            operands = [values[u] for u in node.operands]
            operands[place] = other(values)
            return None if any(v is None for v in operands) else self.setting.evaluate(node, operands)

        return make

    def swapped(self, node: Node, operand: int, other: Make) -> Make:
        """The operation with another value wherever it takes this one."""

        def make(values: Mapping[int, Any]) -> Any:
            value = other(values)
            return self.setting.evaluate(node, [value if u == operand else values[u] for u in node.operands])

        return make

    def filled(self, node: Node, source: int) -> Make:
        """The value of one operand, broadcast to the operation's own shape."""
        shape = np.shape(self.values[node.id])
        return lambda values: np.broadcast_to(np.asarray(values[source], dtype=np.float64), shape)

    def then(self, node: Node, change: Callable[[Any], Any]) -> Make:
        """The operation's own value, changed."""

        def make(values: Mapping[int, Any]) -> Any:
            made = self.setting.evaluate(node, [values[u] for u in node.operands])
            return None if made is None else change(made)

        return make


def taken(id: int) -> Make:
    """A value as it is."""
    return lambda values: values[id]


def times(id: int, factor: float, shape: tuple[int, ...] | None = None) -> Make:
    """A value times a number, broadcast to a shape where one is given."""

    def make(values: Mapping[int, Any]) -> Any:
        value = factor * np.asarray(values[id], dtype=np.float64)
        return value if shape is None else np.broadcast_to(value, shape)

    return make
