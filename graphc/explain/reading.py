"""The listing of a graph read back: what `graphc show --stage graph` prints is a form of the graph, not a sketch of it.

Sections are parted by empty lines; `…` stands for a value's name or a number:

    op f(x) = …                   definitions of the program's own operations, as in a program;
    file "layers.g"               those below it are another file's, with constants of their own
    input X : (N, D)              arguments: `input`, `param` or `free`, name, type
    # Z = X@W1 + b1               the statement that the nodes below come from
    Z.1 = matmul(X, W1) : (N, H)  a node: name, operation, operands, attributes, type; `# rule of add` if one made it
    output L = …, loss L          and so on: the results, and what is checked when the module runs

A type is a shape, `(shape of b)` where only run time knows it, and `int`, `bool` or `shape` if it is not floating.
`X.0` is the size of the first axis of the undeclared argument `X`. A name with a dot is no name of the program's: what
stands after it is a number, or the name that the body of a function gave.
What a listing does not hold a graph that is read does not have: places, the text of statements without a node, primals
of rules. Its nodes are numbered anew, and a number that several nodes use may be several nodes.
"""

from __future__ import annotations

import re
from typing import Any

from graphc.explain.listing_line import ListingLine
from graphc.explain.own_operations import called_ops
from graphc.ir.dims import Dim
from graphc.ir.graph import Argument, Builder, Graph, Origin, Statement
from graphc.ir.types import Type, Unknown
from graphc.language.diagnostics import Diagnostics
from graphc.language.imports import Importer
from graphc.language.scope import Environment
from graphc.language.source import Source
from graphc.language.syntax import parse
from graphc.ops.base import REQUIRED
from graphc.ops.table import find

__all__ = ["read_graph"]

KINDS = ("input", "param", "free")
SIZES = ("shape", "like", "dim", "rows", "columns")
"""Attributes in which a number is a size."""
_DEFINITION = re.compile(r'(const|def|op|rule) |file "')


def read_graph(text: str) -> Graph:
    """The graph of a listing. Raises ValueError with the number of the line that is none of a listing's."""
    return _Reader(text).graph()


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.builder = Builder()
        self.called: dict[str, str] = {}
        self.ids: dict[str, int] = {}
        self.ranks: dict[str, int] = {}
        self.dims: set[str] = set()
        self.arguments: list[Argument] = []
        self.statements: dict[str, Statement] = {}
        self.origin: Origin | None = None
        self.found: dict[str, dict[str, int]] = {
            key: {} for key in ("outputs", "values", "updates", "gradients", "cotangents")
        }
        self.loss: str | None = None
        self.bounds: list[tuple[Any, tuple[Dim, ...]]] = []
        self.together: list[tuple[str, ...]] = []
        self.agreeing: list[tuple[Dim, Dim]] = []
        self.axes: list[tuple[tuple[str, ...], int]] = []
        self.minimums: list[tuple[Dim, int | Dim, str]] = []
        self.limits: list[tuple[str, Dim, str]] = []

    def graph(self) -> Graph:
        start = self._definitions()
        self._ranks(start)
        for number, text in enumerate(self.lines[start:], start + 1):
            if text:
                try:
                    self._line(text)
                except (ValueError, KeyError, IndexError, ArithmeticError) as error:
                    raise ValueError(f"line {number}: {error}") from None
        return Graph(
            nodes=self.builder.nodes,
            arguments=tuple(self.arguments),
            loss=self.loss,
            statements=tuple(self.statements.values()),
            bounds=tuple(self.bounds),
            together=tuple(self.together),
            agreeing=tuple(self.agreeing),
            ranks=tuple(self.axes),
            minimums=tuple(self.minimums),
            limits=tuple(self.limits),
            ops=self.builder.ops,
            **self.found,  # type: ignore[arg-type]
        )

    # ------------------------------------------------------------ definitions

    def _definitions(self) -> int:
        """Register the operations that the listing defines; returns the number of lines that do so."""
        if not _DEFINITION.match(self.lines[0]):
            return 0
        count = self.lines.index("") if "" in self.lines else len(self.lines)
        files: list[tuple[str, list[str]]] = [("<string>", [])]
        for line in self.lines[:count]:
            if line.startswith('file "'):
                files.append((line[6:-1], []))
            else:
                files[-1][1].append(line)
        diagnostics = Diagnostics()
        environments: list[Environment] = []
        importer = Importer(diagnostics)
        for name, lines in files:
            module = parse(Source("\n".join(lines) + "\n", name), diagnostics)
            environment = importer.environment(module)
            importer.constants(module, environment)
            environments.append(environment)
        if diagnostics.has_errors:
            raise ValueError("; ".join(error.message for error in diagnostics.errors))
        for environment in environments:
            self.builder.ops |= {op.name: op for op in environment.ops.values()}
            environment.dims = self.dims
        self.called = {text: op for op, text in called_ops(self.builder.ops).items()}
        functions = {name: function for each in environments for name, function in each.functions.items()}
        for environment in environments:
            environment.functions |= functions
            environment.ops |= {op.title: op for op in self.builder.ops.values()}
        return count

    # ------------------------------------------------------------ lines

    def _ranks(self, start: int) -> None:
        """The ranks of all arguments: a size of one may stand in the type of another that comes before it."""
        for line in self.lines[start:]:
            kind, _, rest = line.partition(" ")
            name, colon, shape = rest.partition(" : ")
            if kind in KINDS and colon and shape.startswith("(") and not shape.startswith("(shape of "):
                inner = shape[1 : shape.index(")")] if ")" in shape else ""
                self.ranks[name] = inner.count(",") + (0 if inner.endswith(",") or not inner else 1)

    def _line(self, text: str) -> None:
        if text.startswith("#"):
            self._statement(text[1:].strip())
            return
        line = ListingLine(text, self.ranks)
        word = line.name()
        if line.take(" = "):
            self._node(word, line)
        elif word in KINDS:
            self._argument(word, line)
        else:
            self._result(word, line)
        line.end()

    def _statement(self, text: str) -> None:
        if not text:
            self.origin = None
            return
        _, of_loops, listed = text.rpartition("   [")  # nothing else in a statement stands behind three blanks
        parts = [part.partition(" = ") for part in listed.removesuffix("]").split(", ")] if of_loops else []
        steps = tuple((name, int(value)) for name, _, value in parts)
        known = self.statements.setdefault(text, Statement(len(self.statements), text, "<string>", 0, steps))
        self.origin = Origin(known.index)

    def _argument(self, kind: str, line: ListingLine) -> None:
        line.expect(" ")
        name = line.name()
        type = self._type(line)
        declared = next((name for name in ("float32", "float64") if line.take(f" {name}")), "float")
        if not type.is_float and kind != "free":
            declared = type.dtype
        if not isinstance(type.shape, Unknown):
            self.dims |= {each for size in type.shape for each in size.names() if not each.startswith("?")}
        id = self.builder.add("argument", (), {"name": name}, type=type, name=name, origin=Origin(-1))
        self.arguments.append(Argument(name, id, kind, declared))
        self.ids[name] = self.found["values"][name] = id

    def _node(self, name: str, line: ListingLine) -> None:
        op = self._op(line)
        if op not in self.builder.ops and find(op) is None:
            raise ValueError(f"no operation has the name `{op}`")
        attributes = {key: value for key, value in self.builder.op(op).attributes.items() if value is not REQUIRED}
        operands: list[int] = []
        line.expect("(")
        while not line.take(")"):
            key = line.keyword()
            if key is not None:
                attributes[key] = line.value(key in SIZES)
            else:
                operands.append(self._operand(line))
            line.take(", ")
        type = self._type(line)
        line.spaces()
        rule = self._op(line) if line.take("# rule of ") else None
        origin = self.origin
        own, hint = _own_name(name)
        if op == "seed" and own is not None:  # the cotangent of an output
            rule = "seed"
        if origin is not None and rule:
            origin = Origin(origin.statement, rule=rule)
        if name in self.ids:
            raise ValueError(f"`{name}` is there already")
        id = self.builder.add(op, operands, attributes, type=type, name=own, hint=hint, origin=origin)
        self.ids[name] = id
        if own is not None:
            self.found["values"][own] = id

    def _op(self, line: ListingLine) -> str:
        """An operation from what the listing calls it."""
        called = line.name()
        return self.called.get(called, called)

    def _result(self, word: str, line: ListingLine) -> None:
        line.expect(" ")
        if word == "check":
            self._check(line)
            return
        if word == "saved":  # what the partition says of the graph, not the graph's own
            line.rest()
            return
        name = line.name()
        if word == "loss":
            self.loss = name
            return
        kind = {"output": "outputs", "value": "values", "update": "updates",
                "gradient": "gradients", "cotangent": "cotangents"}[word]  # fmt: skip
        id = self._operand(line) if line.take(" = ") or line.take(" <- ") else self.ids[name]
        self.found[kind][name] = id
        if kind == "outputs":
            self.found["values"].setdefault(name, id)
        node = self.builder[id]
        if kind == "updates" and node.name is None and node.hint is None:
            self.builder.hint(id, f"new_{name}")

    def _check(self, line: ListingLine) -> None:
        for kind in ("label", "index"):
            if line.take(f"{kind} "):
                name = line.name()
                line.expect(" of ")
                self.limits.append((name, line.size(), kind))
                return
        if line.take("axes of "):
            names = [line.name()]
            while line.take(", "):
                names.append(line.name())
            line.expect(" >= ")
            self.axes.append((tuple(names), line.size().value or 0))
            return
        if line.take("together "):
            names = [line.name()]
            while line.take(", "):
                names.append(line.name())
            self.together.append(tuple(names))
            return
        if line.text.startswith("(", line.at) and " fits " in line.text:
            inner = line.shape()
            line.expect(" fits ")
            outer = line.shape()
            if isinstance(outer, Unknown):
                raise ValueError("the shape after `fits` is known")
            self.bounds.append((inner, outer))
            return
        size = line.size()
        if line.take(" agrees with "):
            self.agreeing.append((size, line.size()))
            return
        line.expect(" >= ")
        least = line.size()
        line.expect(" for ")
        self.minimums.append((size, least if least.value is None else least.value, line.rest()))

    def _type(self, line: ListingLine) -> Type:
        line.spaces()
        line.expect(": ")
        shape = line.shape()
        for dtype in ("int", "bool", "shape"):
            if line.take(f" {dtype}"):
                return Type(shape, dtype)
        return Type(shape)

    def _operand(self, line: ListingLine) -> int:
        """A value by its name, or a number, which is a node of its own."""
        if line.at_literal():
            value = line.value(False)
            dtype = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
            origin, self.builder.origin = self.builder.origin, self.origin
            id = self.builder.const(value, dtype)
            self.builder.origin = origin
            return id
        name = line.name()
        if name not in self.ids:
            raise ValueError(f"`{name}` does not stand above")
        return self.ids[name]


def _own_name(name: str) -> tuple[str | None, str | None]:
    """The name and the hint of a node from what the listing calls it."""
    if name.startswith("%"):
        hint = name[1:].partition(".")[0]
        return None, None if hint.isdecimal() else hint
    own, dot, rest = name.partition(".")
    hint = rest.partition(".")[0]
    return (own, None) if not dot else (None, None if hint.isdecimal() else hint)
