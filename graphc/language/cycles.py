"""Functions and operations that call themselves, one through another: found before anything is inlined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphc.language import tree
from graphc.language.scope import Environment
from graphc.language.values import Fault

__all__ = ["cycles"]

Definition = tree.Def | tree.OpDef


def cycles(environment: Environment) -> Iterator[tuple[list[str], Fault]]:
    """Each circle of definitions: who is on it, and a fault with the way round and the place of every call."""
    definitions: dict[str, Definition] = {name: f.definition for name, f in environment.functions.items()}
    definitions |= {name: op.definition for name, op in environment.ops.items() if op.definition is not None}
    done: set[str] = set()
    for start in definitions:
        if start in done:
            continue
        way: list[tuple[str, tree.Call | None]] = [(start, None)]
        pending = [_calls(definitions[start], definitions)]
        while pending:
            call = next(pending[-1], None)
            if call is None:
                done.add(way.pop()[0])
                pending.pop()
                continue
            names = [name for name, _ in way]
            if call.function in names:
                first = names.index(call.function)
                yield names[first:], _circle([*way[first:], (call.function, call)])
            elif call.function not in done:
                way.append((call.function, call))
                pending.append(_calls(definitions[call.function], definitions))


def _circle(way: list[tuple[str, tree.Call | None]]) -> Fault:
    name, call = way[-1]
    assert call is not None
    steps = [(f"`{other}` is called here", step.name_span) for other, step in way[1:-1] if step is not None]
    return Fault(
        "E0208",
        f"`{name}` calls itself",
        call.name_span,
        label=" → ".join(each for each, _ in way),
        notes=steps,
        help="functions are inlined, so recursion has no end",
    )


def _calls(definition: Definition, definitions: dict[str, Definition]) -> Iterator[tree.Call]:
    """The calls of definitions in a body, in no order that matters, each function once."""
    seen: set[str] = set()
    stack: list[Any] = [*definition.body]
    while stack:
        node = stack.pop()
        if isinstance(node, tree.Call) and node.function in definitions and node.function not in seen:
            seen.add(node.function)
            yield node
        for field in node.__slots__:
            value = getattr(node, field)
            if isinstance(value, tuple):
                stack += [item for item in value if hasattr(item, "span")]
            elif hasattr(value, "span"):
                stack.append(value)
