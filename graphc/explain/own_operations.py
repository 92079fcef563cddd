"""The operations that a program brings itself, as they stand above the listing of its graph.

    const eta = 0.5
    def scaled(x) = eta * x
    op swish(x) = scaled(x) * sigmoid(x)
    rule swish(x) -> y { … }

Only those that the graph has, with the functions, operations and constants that they need. Each file has its own
constants: definitions of another file begin with the line `file "layers.g"`.

What calls say is the name that the program says. A built-in operation by such a name, which rules and definitions of
graphc's own may use beside it, is `graphc.swish(…)` there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from graphc.explain.spelling import statement_lines
from graphc.ir.graph import Graph, title
from graphc.language import tree
from graphc.language.scope import Environment

__all__ = ["called_ops", "defined_ops", "definition_lines"]

BUILT_IN = "graphc."


def definition_lines(graph: Graph) -> list[str]:
    """The lines of all definitions that the nodes of a graph need, in an order in which they can be read again."""
    needed = _needed(graph)
    files: dict[int, tuple[Environment, list[tree.Statement]]] = {}
    for environment, statements in needed.values():
        files.setdefault(id(environment), (environment, []))[1].extend(statements)
    lines: list[str] = []
    for environment, statements in files.values():
        if len(files) > 1:
            lines.append(f'file "{statements[0].span.source.name}"')
        mentioned = {name for statement in statements for name in _mentioned(statement)}
        lines += [f"const {n} = {_constant(v)}" for n, v in environment.constants.items() if n in mentioned]
        lines += [line for statement in statements for line in statement_lines(statement)]
    return lines


def defined_ops(graph: Graph) -> list[str]:
    """The operations that those lines define, as nodes call them."""
    return [home.ops[name].name for name, (home, _) in _needed(graph).items() if name in home.ops]


def called_ops(own: Iterable[str]) -> dict[str, str]:
    """What a listing calls the program's own operations, and the built-in ones that have a name of those."""
    called = {op: title(op) for op in own}
    return called | {name: BUILT_IN + name for op, name in called.items() if op != name}


def _needed(graph: Graph) -> dict[str, tuple[Environment, list[tree.Statement]]]:
    """Each definition by its name, with what it sees, after those that it needs."""
    needed: dict[str, tuple[Environment, list[tree.Statement]]] = {}
    for name in sorted({node.op for node in graph} & set(graph.ops)):
        op = graph.ops[name]
        if op.environment is not None:
            _gather(op.title, op.environment, needed)
    return needed


def _gather(name: str, seen_from: Environment, needed: dict[str, tuple[Environment, list[tree.Statement]]]) -> None:
    """Put a definition after all that it needs."""
    if name in needed:
        return
    op, function = seen_from.ops.get(name), seen_from.functions.get(name)
    statements: list[tree.Statement]
    if op is not None and op.definition is not None and op.environment is not None:
        home, statements = op.environment, [op.definition, *([op.rule] if op.rule is not None else [])]
    elif function is not None:
        home, statements = function.environment, [function.definition]
    else:
        return
    for statement in statements:
        for called in _mentioned(statement):
            if called != name:
                _gather(called, home, needed)
    needed[name] = home, statements


def _mentioned(statement: tree.Statement) -> Iterator[str]:
    """All names and functions in a statement, in no order that matters."""
    found: dict[str, None] = {}
    stack: list[Any] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, (tree.Name, tree.Call)):
            found[node.id if isinstance(node, tree.Name) else node.function] = None
        for field in node.__slots__:
            value = getattr(node, field)
            items: Iterable[Any] = value if isinstance(value, tuple) else (value,)
            stack += [item for item in items if hasattr(item, "span")]
    yield from sorted(found)


def _constant(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_constant, value)) + "]"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
