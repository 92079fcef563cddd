"""`graphc check net.g`: each gradient against numerical derivatives, one row per variable."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from graphc.cli.console import print_text, report
from graphc.cli.failure import DATA, UsageError, failure
from graphc.cli.options import add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.cli.sizes import add_sizes, sizes_of
from graphc.cli.table import table
from graphc.language.diagnostics import Diagnostics, GraphcError, suggest

if TYPE_CHECKING:
    from graphc.ir.graph import Graph
    from graphc.verify.gradients import Report, Row

__all__ = ["configure", "run"]

LARGEST = 10**7
"""So many entries an argument may have; a check evaluates the program many times."""


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    add_what(parser)
    parser.add_argument("--seed", type=int, default=0, help="draws other arguments and directions (default: 0)")
    add_sizes(parser, "sizes of dimensions; others are drawn small")
    parser.add_argument("--json", action="store_true", help="as JSON instead of a table")
    add_report(parser)


def run(arguments: argparse.Namespace) -> int:
    options = options_of(arguments, verify=False)
    if arguments.seed < 0:
        raise UsageError("argument --seed: it must not be negative")
    sizes = sizes_of(arguments.size)
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        from graphc.pipeline import compile_graph, joint_graph, lower_source
        from graphc.verify.gradients import verify

        joint = joint_graph(lower_source(program.source, diagnostics), options, diagnostics)
        _know(sizes, joint)
        text, _ = compile_graph(joint, options)
        result = verify(joint, text, diagnostics, arguments.seed, sizes or None, patient=True)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    shown = _data if arguments.json else _shown
    print_text(shown(joint, result, diagnostics.has_errors))
    report(program.located([*diagnostics.errors, *diagnostics.warnings]))
    return 1 if diagnostics.has_errors or not all(row.ok for row in result.rows) else 0


def _know(sizes: dict[str, int], graph: Graph) -> None:
    """Refuse a size of a dimension that the program does not have, and arrays that are not for checking."""
    from graphc.ir.dims import numel
    from graphc.ir.types import Unknown

    shapes = [graph[argument.node].type.shape for argument in graph.arguments]
    known = [shape for shape in shapes if not isinstance(shape, Unknown)]
    every = {name for shape in known for size in shape for name in size.names()}
    names = {name for name in every if not name.startswith("?")}  # the others a user has not written
    for name in sizes:
        if name not in names:
            close = suggest(name, names)
            have = f"its dimensions are {', '.join(sorted(names))}" if names else "no dimension of it has a name"
            help = f"did you mean `{close}`?" if close else have
            raise failure(DATA, f"no argument of the program has a dimension `{name}`", help=help)
    for argument in graph.arguments:
        shape = graph[argument.node].type.shape
        if not isinstance(shape, Unknown) and numel(shape).evaluate({**dict.fromkeys(every, 1), **sizes}) > LARGEST:
            raise failure(DATA, f"`{argument.name}` would have more than {LARGEST} entries", help="check smaller sizes")


def _shown(graph: Graph, result: Report, wrong_rule: bool) -> str:
    if not result.rows:
        return "no variable has a gradient: there is nothing to check\n"
    rows = [["variable", "shape", "relative error", "verdict"]]
    for row in result.rows:
        rows.append([row.name, row.shape, f"{row.error:.1e}" if row.directions else "-", _verdict(row, wrong_rule)])
    of = graph.loss or ", ".join(graph.cotangents)
    plural = "" if result.directions == 1 else "s"
    count = f"{result.directions} direction{plural}"
    return f"gradients of {of} against numerical ones, {count}\n\n{table(rows)}"


def _data(graph: Graph, result: Report, wrong_rule: bool) -> str:
    """The same for programs to read; the error of what was not checked is null."""
    import json
    from math import isfinite

    rows = [
        {"variable": row.name, "shape": row.shape, "directions": row.directions, "verdict": _verdict(row, wrong_rule),
         "relative_error": row.error if row.directions and isfinite(row.error) else None}
        for row in result.rows
    ]  # fmt: skip
    data = {"of": [graph.loss] if graph.loss else list(graph.cotangents), "directions": result.directions, "rows": rows}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _verdict(row: Row, wrong_rule: bool) -> str:
    if not row.ok:
        return "WRONG"
    if row.directions:
        return "ok"
    return "not checked: a rule is wrong" if wrong_rule else "not checked"
