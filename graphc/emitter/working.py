"""What the functions of a module that work in memory made once need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from graphc.emitter.shapes import ShapeNames
from graphc.ir.graph import Graph

__all__ = ["Working"]

Comment = Callable[["tuple[int, bool]", "Collection[str]", bool], "list[str]"]


class Working:
    """What the functions of a module need to know of it."""

    def __init__(
        self, graph: Graph, program: Graph, arguments: dict[int, str], taken: set[str], helpers: set[str],
        shapes: ShapeNames, comment: Comment, observe: Callable[[str, Any], None], threads: int,
    ) -> None:  # fmt: skip
        self.observe, self.threads = observe, threads
        self.graph, self.taken, self.helpers, self.shapes, self.comment = graph, taken, helpers, shapes, comment
        self.program = program
        self.arguments = arguments
        self.signature = list(arguments.values())
        self.call = ", ".join(self.signature)
        self.tuple = self.call + ("," if len(self.signature) == 1 else "")
