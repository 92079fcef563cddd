"""Lowering: a syntax tree to a graph.

Functions are inlined, loops unrolled, names resolved, shapes inferred. All errors of a file are reported. What is not
declared is learnt: a program is run over until nothing new is found out about it.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph
from graphc.language import tree
from graphc.language.depth import room_to_recurse
from graphc.language.diagnostics import Diagnostics
from graphc.language.imports import Importer
from graphc.language.infer import Assumptions
from graphc.language.lowering import Lowering
from graphc.language.scope import Environment

__all__ = ["lower"]

MAX_RUNS = 12


def lower(module: tree.Module, diagnostics: Diagnostics) -> Graph:
    """The graph of a program. Raises GraphcError with all errors of the file.

    Statements that did not parse are in the diagnostics already: what follows from their absence is not reported.
    """
    with room_to_recurse():
        return _lower(module, diagnostics)


def _lower(module: tree.Module, diagnostics: Diagnostics) -> Graph:
    environment = Importer(diagnostics).environment(module)
    partial = diagnostics.has_errors
    graph, found, learnt = _clipped_or_not(module, environment, partial)
    if found.has_errors and learnt:  # sizes were taken for equal while `relu(X@W)@V + X` was of an X of any shape
        again, wrong, _ = _clipped_or_not(module, environment, partial, learnt)
        if not wrong.has_errors:  # else it is the program that is wrong, where the first run met it
            graph, found = again, wrong
    diagnostics.extend([*found.errors, *found.warnings])
    diagnostics.sort()
    diagnostics.raise_if_errors()
    assert graph is not None
    return graph


def _clipped_or_not(
    module: tree.Module, environment: Environment, partial: bool, ranks: Mapping[str, int] | None = None
) -> tuple[Graph | None, Diagnostics, dict[str, int]]:  # fmt: skip
    """The graph, what was found, and the ranks that were learnt, whether slices are clipped or, where that is an error,
    of a known length."""
    graph, found, clipped, learnt = _runs(module, environment, partial, clips=True, ranks=ranks)
    if clipped and found.has_errors:
        graph, found, *_ = _runs(module, environment, partial, clips=False, ranks=ranks)
    return graph, found, learnt


def _runs(
    module: tree.Module, environment: Environment, partial: bool, clips: bool, ranks: Mapping[str, int] | None = None
) -> tuple[Graph | None, Diagnostics, bool, dict[str, int]]:  # fmt: skip
    """The graph, what was found, whether some slice was clipped to a size with a name, and the ranks that were learnt
    of undeclared arguments. Those of `ranks` are known before the first run."""
    assumptions = Assumptions(ranks)
    for _ in range(MAX_RUNS):
        known = assumptions.snapshot()
        found = Diagnostics()  # only what the last run finds counts: it knows most
        lowering = Lowering(module, found, assumptions, environment, partial, clips)
        graph = lowering.run()
        lowering.scope.missing = None  # no cycle: all that the run has made is free before the next one
        if assumptions.snapshot() == known or any(error.code == "E0213" for error in found.errors):
            break
    return graph, found, lowering.clipped, assumptions.ranks
