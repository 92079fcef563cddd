"""`graphc cost net.g`: what each statement costs, what is saved and the peak, as formulas or as numbers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from graphc.cli.console import print_text, report
from graphc.cli.failure import failure
from graphc.cli.options import add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.cli.sizes import add_sizes, sizes_of, symbols_of, too_small
from graphc.cli.table import table
from graphc.language.diagnostics import Diagnostics, GraphcError

if TYPE_CHECKING:
    from graphc.explain.costs import Costs
    from graphc.ir.graph import Graph

__all__ = ["add_figures", "configure", "missing_shapes", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    add_what(parser)
    add_sizes(parser, "sizes of dimensions; without, formulas are shown")
    add_figures(parser)
    add_report(parser)


def add_figures(parser: argparse.ArgumentParser) -> None:
    """The floating type that is counted with, and JSON instead of a table."""
    parser.add_argument(
        "--dtype", choices=("float64", "float32"), default="float64", metavar="float64|float32",
        help="the floating type (default: float64)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    options = options_of(arguments, verify=False)
    sizes = sizes_of(arguments.size)
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        from graphc.emitter.shapes import ShapeNames
        from graphc.explain.cost_table import CostTable
        from graphc.explain.costs import costs_of
        from graphc.pipeline import joint_graph, lower_source

        joint = joint_graph(lower_source(program.source, diagnostics), options, diagnostics)
        symbols = symbols_of(sizes, ShapeNames(joint).names, joint)
        too_small(joint, symbols)
        costs = costs_of(joint, options, 8 if arguments.dtype == "float64" else 4, symbols)
        missing_shapes(joint, costs)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    shown = CostTable(costs, symbols)
    if arguments.json:
        print_text(json.dumps(shown.data(), indent=2, ensure_ascii=False) + "\n")
    else:
        print_text(table(shown.rows(), limits=shown.limits()) + "\n" + "\n".join(shown.notes()) + "\n")
    report(program.located(diagnostics.warnings))
    return 0


def missing_shapes(joint: Graph, costs: Costs) -> None:
    """Refuse a program of which nothing can be counted, since nothing fixes its shapes. Raises GraphcError."""
    undeclared = [argument for argument in joint.arguments if argument.name in costs.unknown]
    if undeclared and not any(row.work.bytes.terms for row in costs.rows):
        first = undeclared[0]
        kind = "param" if first.name in joint.gradients else "input"
        raise failure("E0210", f"nothing says what shape `{first.name}` has, so nothing can be counted", first.span,
                      help=f"declare it, for example `{kind} {first.name}[N, D]`")  # fmt: skip
