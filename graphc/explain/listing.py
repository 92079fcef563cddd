"""A graph as text: one node a line, every value by a name.

    param W1 : (D, H)
    Z.1 = matmul(X, W1)                     : (N, H)                # net.g:3
    Z = add(Z.1, b1)                        : (N, H)                # net.g:3
    dW1 = matmul(dZ.1, dZ)                  : (D, H)                # net.g:3, rule of matmul
    gradient W1 = dW1

A value without a name of its own is numbered within its statement: a change of one statement leaves the lines of the
others as they are, and so do columns that begin at fixed places. Numbers and attributes that have their default value
are not listed by themselves. `X.0` is the size of an undeclared argument's first axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.ir.dims import Dim, open_owner
from graphc.ir.graph import Graph, Node
from graphc.ir.types import Type, Unknown

__all__ = ["list_graph"]

TYPE, PLACE = 40, 64
"""The columns in which types and places begin, where the text before them leaves room."""


def list_graph(graph: Graph, saved: Iterable[int] = ()) -> str:
    """The lines of a graph; `saved` are the values that pass from forward to backward, if that is known yet."""
    listing = _Listing(graph)
    parts = [listing.arguments(), listing.nodes(), listing.results(list(saved))]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


class _Listing:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = _names(graph)

    def arguments(self) -> list[str]:
        lines = []
        for argument in self.graph.arguments:
            declared = f" {argument.declared}" if argument.declared in ("float32", "float64") else ""
            lines.append(f"{argument.kind} {argument.name} : {_type(self.graph[argument.node].type)}{declared}")
        return lines

    def nodes(self) -> list[str]:
        lines = []
        for node in self.graph:
            if node.op != "argument" and not _is_literal(node):
                text = f"{self.names[node.id]} = {self._call(node)}"
                line = f"{text:<{TYPE - 1}} : {_type(node.type)}"
                place = self._place(node)
                lines.append(f"{line:<{PLACE - 1}} # {place}" if place else line)
        return lines

    def results(self, saved: list[int]) -> list[str]:
        graph = self.graph
        lines = [f"output {self._given(name, id)}" for name, id in graph.outputs.items()]
        lines += [f"loss {graph.loss}"] if graph.loss else []
        lines += [f"cotangent {name} = {self._name(id)}" for name, id in graph.cotangents.items()]
        lines += [f"gradient {name} = {self._name(id)}" for name, id in graph.gradients.items()]
        lines += [f"update {name} <- {self._name(id)}" for name, id in graph.updates.items()]
        aliases = {name: id for name, id in graph.values.items() if id in graph.nodes and self._name(id) != name}
        lines += [f"value {name} = {self._name(id)}" for name, id in aliases.items() if name not in graph.outputs]
        lines += [f"check {_shape(inner)} fits {_shape(outer)}" for inner, outer in graph.bounds]
        lines += [f"check {_value(size)} >= {_value(minimum)}" for size, minimum, _ in graph.minimums]
        if saved:
            lines.append(f"saved {', '.join(map(self._name, saved))}")
        return lines

    def _given(self, name: str, id: int) -> str:
        return name if self._name(id) == name else f"{name} = {self._name(id)}"

    def _name(self, id: int) -> str:
        """A value as it is referred to; a number stands for itself."""
        node = self.graph[id]
        return _value(node.attr("value")) if _is_literal(node) else self.names[id]

    def _call(self, node: Node) -> str:
        defaults = self.graph.op(node).attributes
        parts = [self._name(id) for id in node.operands]
        for key, value in node.attrs:
            if key not in defaults or type(defaults[key]) is not type(value) or defaults[key] != value:
                parts.append(f"{key}={_value(value)}")
        return f"{node.op}({', '.join(parts)})"

    def _place(self, node: Node) -> str:
        origin = node.origin
        if origin is None or not 0 <= origin.statement < len(self.graph.statements):
            return ""
        statement = self.graph.statements[origin.statement]
        rule = f", rule of {origin.rule}" if origin.rule not in (None, "seed") else ""
        return f"{statement.file}:{statement.line}{rule}"


def _is_literal(node: Node) -> bool:
    """A number stands where it is used."""
    return node.op == "const" and not isinstance(node.attr("value"), tuple) and not node.name


def _names(graph: Graph) -> dict[int, str]:
    """A name for each node: its own, else that of its statement's value and a number."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    stems: dict[int, str] = {}
    for node in graph:
        if node.name and node.name not in taken:
            names[node.id] = node.name
            taken.add(node.name)
            if node.origin is not None and node.origin.rule is None:
                stems.setdefault(node.origin.statement, node.name)
    for name, id in graph.updates.items():  # the statement of a training step has no value of its own
        origin = graph[id].origin
        if origin is not None and origin.rule is None:
            stems.setdefault(origin.statement, f"new_{name}")
    counts: dict[str, int] = {}
    for node in graph:
        if node.id not in names and not _is_literal(node):
            stem = stems.get(node.origin.statement, "") if node.origin is not None else ""
            if stem and node.origin is not None and node.origin.rule is not None:
                stem = "d" + stem
            counts[stem] = counts.get(stem, 0) + 1
            names[node.id] = f"{stem}.{counts[stem]}" if stem else f"%{counts[stem]}"
    return names


def _type(type: Type) -> str:
    return _shape(type.shape) + ("" if type.is_float else f" {type.dtype}")


def _shape(shape: Any) -> str:
    """A shape; one that only run time knows by the argument whose shape it is."""
    if isinstance(shape, Unknown):
        return f"(shape of {shape.leaf})" if shape.leaf else "(?)"
    return _value(shape)


def _dimension(name: str) -> str:
    """A dimension's name: the user's, or of one that was only inferred the argument and its axis."""
    place = open_owner(name)
    return f"{place[0]}.{place[1]}" if place else name


def _value(value: Any) -> str:
    """A compile-time value as the language writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if value is Ellipsis:
        return "..."
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, Unknown):
        return _shape(value)
    if isinstance(value, Dim):
        return value.text(_dimension)
    if isinstance(value, slice):
        parts = [value.start, value.stop] + ([value.step] if value.step is not None else [])
        return ":".join("" if part is None else _value(part) for part in parts)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_value, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)
