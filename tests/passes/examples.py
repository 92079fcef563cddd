"""The examples in the docstrings of passes, read as programs over operations.

    X: (N, D), i: (K,) int                                  shapes of what the examples of a paragraph take, or of all

    before      becomes     after       and a remark        each row is an example where all have the word `becomes`

    before                  after                           rows are one example, from top to bottom, where one has it
    before      becomes     after

A side is a list of assignments, or one expression. What follows sees the names of what stands before it. An expression
and what has a name like `dW` is of a gradient.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from graphc.ir.dims import dim
from graphc.ir.graph import Argument, Builder, Graph, Origin
from graphc.ir.interpret import interpret
from graphc.ir.types import Type
from graphc.language import tree
from graphc.language.diagnostics import Diagnostics
from graphc.language.evaluate import Evaluator
from graphc.language.scope import Environment, Scope
from graphc.language.source import Source
from graphc.language.syntax import parse
from graphc.language.values import Tensor
from graphc.passes.expand import expand
from graphc.passes.patterns import COMMUTATIVE

__all__ = ["Example", "Programs", "computed", "examples_of", "needed", "operations", "written"]

WORD = re.compile(r" {2,}becomes {2,}(?=\S)")
SHAPE = re.compile(r"\b((?:\w+, )*\w+): \(([^)]*)\)( int\b)?")
ANONYMOUS = "result"
Shapes: TypeAlias = "dict[str, Type]"


@dataclass(frozen=True)
class Example:
    before: str
    after: str
    shapes: Shapes = field(compare=False)

    def __str__(self) -> str:
        return f"{self.before} => {self.after}"


def examples_of(path: Path) -> list[Example]:
    """The examples in the docstring of a file."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    found: list[Example] = []
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.split("\n") if not SHAPE.match(line.strip())]
        words = [WORD.search(line) for line in lines]
        shapes = {**_shapes(text), **_shapes(paragraph)}
        rows = [(line[: word.start()], line[word.end() :]) for line, word in zip(lines, words, strict=True) if word]
        if len(rows) == 1:  # one example of all lines: their columns begin where those of this row do
            column = next(word.end() for word in words if word)
            left = [line[: word.start() if word else column] for line, word in zip(lines, words, strict=True)]
            rows = [(_joined(left), _joined([line[column:] for line in lines]))]
        found += [Example(_first(before), _first(after), shapes) for before, after in rows]
    return found


def _joined(parts: list[str]) -> str:
    return "; ".join(filter(None, map(_first, parts)))


def _first(text: str) -> str:
    """A column without the remark beside it."""
    return re.split(r" {3,}", text.strip())[0]


def _shapes(text: str) -> Shapes:
    found = {}
    for names, sizes, whole in SHAPE.findall(text):
        shape = tuple(dim(int(size) if size.isdigit() else size) for size in re.findall(r"\w+", sizes))
        found.update(dict.fromkeys(names.split(", "), Type(shape, "int" if whole else "float")))
    return found


# ---------------------------------------------------------------- programs

class Programs:
    """Both sides of an example as graphs over the same arguments, each operation made as it is written."""

    def __init__(self, example: Example) -> None:
        self.shapes = example.shapes
        self.before, self.after = self._sides(example)

    def _sides(self, example: Example) -> tuple[Graph, Graph]:
        before, after = self._statements(example.before), self._statements(example.after)
        whole = self._graph([*before, *after])
        mine = whole.replace(outputs={name: whole.values[name] for name, _ in after})
        used = {u for id in needed(mine) for u in whole[id].operands}
        return self._graph(before), mine.replace(outputs={k: id for k, id in mine.outputs.items() if id not in used})

    def _statements(self, side: str) -> list[tuple[str, tree.Expr]]:
        text = side if re.match(r"\w+ = ", side) else f"{ANONYMOUS} = {side}"
        diagnostics = Diagnostics()
        module = parse(Source(text), diagnostics)
        diagnostics.raise_if_errors()
        assert all(isinstance(statement, tree.Assign) for statement in module.statements), side
        return [(s.targets[0].id, s.value) for s in module.statements if isinstance(s, tree.Assign)]

    def _graph(self, statements: list[tuple[str, tree.Expr]]) -> Graph:
        """All values are outputs that nothing else uses."""
        builder = Builder()
        sizes = {name for type in self.shapes.values() for size in type.dims for name in size.names()}
        scope = Scope(Environment(dims=sizes))
        arguments = []
        for name, type in self.shapes.items():
            id = builder.add("argument", (), {"name": name}, type=type)
            scope.values[name] = Tensor(id)
            arguments.append(Argument(name, id, "input", type.dtype))
        evaluator, values = Evaluator(builder), {}
        for name, expression in statements:
            builder.origin = Origin(0, None, "rule" if name[0] == "d" or name == ANONYMOUS else None)
            values[name] = id = evaluator.tensor(evaluator.evaluate(expression, scope))
            scope.values[name] = Tensor(id)
        used = {u for node in builder.nodes.values() for u in node.operands}
        outputs = {name: id for name, id in values.items() if id not in used}
        values.update((argument.name, argument.node) for argument in arguments)
        return Graph(dict(builder.nodes), tuple(arguments), outputs=outputs, values=values)


def computed(graph: Graph) -> dict[str, Any]:
    """The results for random arguments; a size is the same wherever its name stands."""
    rng = np.random.default_rng(0)
    given = {}
    for argument in graph.arguments:
        type = graph[argument.node].type
        shape = tuple(size.evaluate({name: 2 + ord(name[0]) % 5 for name in size.names()}) for size in type.dims)
        given[argument.name] = rng.integers(0, 2, shape) if type.dtype == "int" else rng.uniform(0.2, 1.5, shape)
    graph = expand(graph, share=False)
    found = interpret(graph, given)
    return {name: np.asarray(found[id]) for name, id in graph.outputs.items()}


# ---------------------------------------------------------------- comparison

def needed(graph: Graph) -> set[int]:
    """What the results are made of, they included."""
    found: set[int] = set()
    stack = list(graph.outputs.values())
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack += graph[id].operands
    return found


def operations(graph: Graph) -> Counter[str]:
    """How often each operation stands in what the results need."""
    return Counter(graph[id].op for id in needed(graph) if graph[id].op not in ("argument", "seed", "const", "size"))


def written(graph: Graph) -> dict[str, str]:
    """The results, written out over the arguments: the same for graphs of the same operations."""
    texts: dict[int, str] = {}
    for node in graph:
        operands = [texts[u] for u in node.operands]
        if node.op in COMMUTATIVE:
            operands.sort()
        attrs = dict(node.attrs)
        if node.op == "const" and not isinstance(attrs["value"], tuple):
            texts[node.id] = f"{float(attrs['value']):.6g}"
        elif node.op in ("argument", "seed"):
            texts[node.id] = attrs["name"] if node.op == "argument" else f"d{attrs['name']}"
        else:
            shown = [f"{key}={value}" for key, value in sorted(attrs.items()) if value is not None]
            texts[node.id] = f"{node.op}({', '.join([*operands, *shown])})"
    return {name: texts[id] for name, id in graph.outputs.items()}
