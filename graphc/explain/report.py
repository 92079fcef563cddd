"""What `graphc show` prints: the result of each stage as text that a person reads and `git diff` compares well."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from graphc.explain.listing import list_graph
from graphc.explain.spelling import statement_lines
from graphc.language.excerpt import printable
from graphc.language.tree import Module

__all__ = ["STAGES", "function_text", "render_stage"]


def render_stage(stage: str, seen: Mapping[str, Any]) -> str:
    """The text of a stage from what the pipeline's observer saw. Raises ValueError for a name that no stage has."""
    if stage not in STAGES:
        raise ValueError(f"no stage is called {stage!r}; the stages are {', '.join(STAGES)}")
    return STAGES[stage](seen)


def _source(seen: Mapping[str, Any]) -> str:
    """The statements in their normal spelling: a program again. No numbers of lines, which a new line would change."""
    module: Module = seen["source"]
    return _shown("".join(f"{line}\n" for statement in module.statements for line in statement_lines(statement)))


def _graph(seen: Mapping[str, Any]) -> str:
    return _shown(list_graph(seen["graph"]))


def _backward(seen: Mapping[str, Any]) -> str:
    return _shown(list_graph(seen["backward"]))


def _optimized(seen: Mapping[str, Any]) -> str:
    split = seen.get("split")
    return _shown(list_graph(seen["optimized"], split.saved if split is not None else ()))


def _forward_code(seen: Mapping[str, Any]) -> str:
    return function_text(seen["module"], "forward")


def _backward_code(seen: Mapping[str, Any]) -> str:
    return function_text(seen["module"], "backward")


STAGES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "source": _source,
    "graph": _graph,
    "backward": _backward,
    "optimized": _optimized,
    "forward-code": _forward_code,
    "backward-code": _backward_code,
}


def function_text(module: str, name: str) -> str:
    """The text of a function of a module, with its comments. Raises KeyError if it has none of that name."""
    for node in ast.parse(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            # Python's own ends of lines only: str.splitlines knows others, which may stand inside a string.
            lines = module.split("\n")[node.lineno - 1 : node.end_lineno]
            return "\n".join(lines) + "\n"
    raise KeyError(name)


def _shown(text: str) -> str:
    """Strings and names of a program may hold what a terminal acts on: shown as escapes."""
    return "".join(printable(line) + "\n" for line in text.split("\n")[:-1])
