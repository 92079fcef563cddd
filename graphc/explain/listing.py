"""A graph as text: one node a line, every value by a name, under the statement that it comes from.

    param W1 : (D, H)

    # Z = X@W1 + b1
    Z.1 = matmul(X, W1)                     : (N, H)
    Z = add(Z.1, b1)                        : (N, H)

    # Z = X@W1 + b1
    dW1 = matmul(dZ.1, dZ)                  : (D, H)                # rule of matmul

    gradient W1 = dW1

A value without a name of its own is numbered within its statement, or has the name that the body of a function gave
it (`Z.scores`); no line has the number of another. So a change of one statement leaves the lines of the others as they
are, and so do columns that begin at fixed places. Numbers stand where they are used, an infinite one with its sign;
attributes that have their default value are not listed. `X.0` is the size of an undeclared argument's first axis.
Operations of the program's own are defined at the top, with what they call. `graphc.explain.reading` is the way back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from graphc.explain.own_operations import called_ops, defined_ops, definition_lines
from graphc.ir.dims import Dim, open_owner
from graphc.ir.graph import Graph, Node, title
from graphc.ir.types import Type, Unknown

__all__ = ["list_graph"]

TYPE, PLACE = 40, 64
"""The columns in which types and rules begin, where the text before them leaves room."""
INDICES = ("index", "pattern")
"""Attributes in which three numbers are a slice."""


def list_graph(graph: Graph, saved: Iterable[int] = ()) -> str:
    """The lines of a graph; `saved` are the values that pass from forward to backward, if that is known yet."""
    listing = _Listing(graph)
    parts = [definition_lines(graph), listing.arguments(), *listing.statements(), listing.results(list(saved))]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


class _Listing:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = _names(graph)
        self.called = called_ops(defined_ops(graph))

    def arguments(self) -> list[str]:
        lines = []
        for argument in self.graph.arguments:
            declared = f" {argument.declared}" if argument.declared in ("float32", "float64") else ""
            lines.append(f"{argument.kind} {argument.name} : {_type(self.graph[argument.node].type)}{declared}")
        return lines

    def statements(self) -> Iterable[list[str]]:
        """The nodes of one statement after another, each list headed by the statement."""
        lines: list[str] = []
        current: str | None = None
        for node in self.graph:
            if node.op == "argument" or _is_literal(node):
                continue
            statement = self._statement(node)
            if statement != current:
                yield lines
                lines, current = [f"# {statement}".rstrip()], statement
            text = f"{self.names[node.id]} = {self._call(node)}"
            line = f"{text:<{TYPE - 1}} : {_type(node.type)}"
            rule = node.origin.rule if node.origin is not None else None
            if rule is not None and rule != "seed":
                line = f"{line:<{PLACE - 1}} # rule of {self._op(rule)}"
            lines.append(line)
        yield lines

    def results(self, saved: list[int]) -> list[str]:
        graph = self.graph
        lines = [f"output {self._given(name, id)}" for name, id in graph.outputs.items()]
        lines += [f"loss {graph.loss}"] if graph.loss else []
        lines += [f"cotangent {name} = {self._name(id)}" for name, id in graph.cotangents.items()]
        lines += [f"gradient {name} = {self._name(id)}" for name, id in graph.gradients.items()]
        lines += [f"update {name} <- {self._name(id)}" for name, id in graph.updates.items()]
        aliases = {name: id for name, id in graph.values.items() if id in graph.nodes and self._name(id) != name}
        lines += [f"value {name} = {self._name(id)}" for name, id in aliases.items() if name not in graph.outputs]
        lines += dict.fromkeys(f"check {_shape(inner)} fits {_shape(outer)}" for inner, outer in graph.bounds)
        lines += [f"check together {', '.join(names)}" for names in graph.together]
        lines += [f"check {_value(a)} agrees with {_value(b)}" for a, b in graph.agreeing]
        lines += dict.fromkeys(f"check {_value(size)} >= {_value(least)} for {what}"
                               for size, least, what in graph.minimums)  # fmt: skip
        lines += [f"check axes of {', '.join(names)} >= {rank}" for names, rank in graph.ranks]
        lines += dict.fromkeys(f"check {kind} {name} of {_value(size)}" for name, size, kind in graph.limits)
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
                parts.append(f"{key}={_value(value, key in INDICES)}")
        return f"{self._op(node.op)}({', '.join(parts)})"

    def _op(self, op: str) -> str:
        """An operation as the program calls it."""
        return self.called.get(op, title(op))

    def _statement(self, node: Node) -> str:
        return _statement_of(self.graph, node)


def _statement_of(graph: Graph, node: Node) -> str:
    """The text of the statement that a node comes from; nothing for what no statement made."""
    origin = node.origin
    if origin is None or not 0 <= origin.statement < len(graph.statements):
        return ""
    return graph.statements[origin.statement].text


def _is_literal(node: Node) -> bool:
    """A number stands where it is used."""
    return node.op == "const" and not isinstance(node.attr("value"), tuple) and not node.name


def _names(graph: Graph) -> dict[int, str]:
    """A name for each node: its own, else that of its statement's value and a number or a name within it."""
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
    for statement in graph.statements:
        target = re.match(r"[^\s_=<,{][^\s=<,{]*", statement.text)
        if target and statement.index not in stems:
            stems[statement.index] = target[0].rstrip("_")
    counts: dict[str, int] = {}
    for node in graph:
        if node.id not in names and not _is_literal(node):
            stem = stems.get(node.origin.statement, "") if node.origin is not None else ""
            if stem and node.of_rule:
                stem = "d" + stem
            inner = node.hint if node.hint and node.hint != stem else None
            if inner:
                stem = f"{stem}.{inner}" if stem else f"%{inner}"
            counts[stem] = counts.get(stem, 0) + 1
            numbered = f"{stem}.{counts[stem]}" if stem else f"%{counts[stem]}"
            names[node.id] = stem if inner and counts[stem] == 1 else numbered
    return names


def _type(type: Type) -> str:
    return _shape(type.shape) + ("" if type.is_float else f" {type.dtype}")


def _shape(shape: Any) -> str:
    """A shape; one that only run time knows by the argument whose shape it is, or by how it comes about."""
    if isinstance(shape, Unknown):
        return f"(shape of {shape.leaf or shape.key})"
    return _value(shape)


def _dimension(name: str) -> str:
    """A dimension's name: the user's, or of one that was only inferred the argument and its axis."""
    place = open_owner(name)
    return f"{place[0]}.{place[1]}" if place else name


def _value(value: Any, index: bool = False) -> str:
    """A compile-time value as the language writes it; in an index three numbers are a slice."""
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
    if isinstance(value, float) and not abs(value) < float("inf"):  # a value of the program may be called inf or nan
        return f"{value:+}"
    if isinstance(value, tuple):
        parts = [_slice(*part) if index and _is_slice(part) else _value(part, index) for part in value]
        return "(" + ", ".join(parts) + ("," if len(value) == 1 else "") + ")"
    return str(value)


def _is_slice(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 3 and not any(isinstance(each, (str, tuple)) for each in part)


def _slice(start: Any, stop: Any, step: Any) -> str:
    parts = [start, stop] if step is None else [start, stop, step]
    return ":".join("" if part is None else _value(part) for part in parts)
