"""How the function of an -O2 module that computes values and gradients uses memory, and that its numbers are right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from graphc.emitter.buffered import Buffered, Plan
from graphc.ir.graph import Graph
from graphc.language.source import Source
from graphc.pipeline import Options, compile_source

__all__ = ["Planned", "agree_in_a_workspace"]


class Planned:
    """The plan of a program's `value_and_grad`, and its values by the names that the program gives them."""

    def __init__(self, text: str) -> None:
        seen: dict[str, Any] = {}
        compile_source(Source(text), Options(level=2, verify=False), seen.__setitem__)
        self.graph: Graph = seen["joint"]
        body: Buffered = seen["joint-body"]
        self.plan: Plan = body.plan
        self.named = {node.name: node.id for node in self.graph if node.name}

    def kind(self, name: str) -> str:
        return self.plan.kind[self.named[name]]

    def is_whole(self, name: str) -> bool:
        """Whether a value has an array of its whole length; not one that only a loop needs, in the rows of another."""
        return self.named[name] in self.plan.full - self.plan.in_rows

    def loop_of(self, name: str) -> int | None:
        """The position of the loop that makes a value."""
        id = self.named[name]
        return next((k for k, item in enumerate(self.plan.items) if item.rows is not None and id in item.nodes), None)

    def share(self, names: Iterable[str]) -> bool:
        """Whether these values are in one array."""
        return len({self.plan.array.get(self.named[name], -self.named[name]) for name in names}) == 1


def agree_in_a_workspace(fast: ModuleType, literal: ModuleType, given: Mapping[str, Any]) -> None:
    """Check the numbers of a module in a workspace against another one: in two calls, and in two functions."""
    want, gradients = literal.value_and_grad(**given)
    workspace = fast.Workspace(**given)
    for _ in range(2):
        have, found = fast.value_and_grad(**given, workspace=workspace)
        assert abs(have - want) <= 1e-11 * max(1, abs(want))
        assert all(_error(found[k], g) <= 1e-11 for k, g in gradients.items())
    outputs, cache = fast.forward(**given, workspace=workspace)
    again = fast.backward(cache, workspace=workspace)
    assert abs(outputs - want) <= 1e-11 * max(1, abs(want))
    assert all(_error(again[k], g) <= 1e-11 for k, g in gradients.items())


def _error(have: np.ndarray, want: np.ndarray) -> float:
    """The largest difference, against the largest number if that is above 1."""
    return float(np.abs(have - want).max(initial=0) / max(1, np.abs(want).max(initial=0)))
