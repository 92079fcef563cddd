"""`graphc show net.g`: what the stages of the compiler made of a program, as text."""

from __future__ import annotations

import argparse
from typing import Any

from graphc.cli.console import print_text, report
from graphc.cli.files import write_file
from graphc.cli.options import add_output, add_program, add_report, add_what, options_of
from graphc.cli.reading import Program, read_program
from graphc.language.diagnostics import Diagnostics, GraphcError

__all__ = ["configure", "run"]

STAGES = ("source", "graph", "backward", "optimized", "forward-code", "backward-code")


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--stage", choices=STAGES, metavar="STAGE", help=f"{', '.join(STAGES)} (default: all of them)")
    add_output(parser, "FILE", "write to a file instead of standard output")
    add_what(parser)
    add_report(parser)


def run(arguments: argparse.Namespace) -> int:
    options = options_of(arguments, verify=False)
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        text = _text(program, options, arguments.stage, diagnostics)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    report(program.located(diagnostics.warnings))
    if arguments.output in (None, "-"):
        print_text(text)
        return 0
    from graphc.emitter.signature import sign

    if write_file(arguments.output, sign(text).encode("utf-8"), force=arguments.force, inputs=[program.path]):
        print_text(f"wrote {arguments.output}\n")
    else:
        print_text(f"{arguments.output} is up to date\n")
    return 0


def _text(program: Program, options: Any, stage: str | None, diagnostics: Diagnostics) -> str:
    from graphc.explain.report import render_stage

    seen: dict[str, Any] = {}
    _go_to(stage or STAGES[-1], program, options, seen, diagnostics)
    if stage is not None:
        return render_stage(stage, seen)
    return "\n".join(f"# {'-' * 8} {each}\n\n{render_stage(each, seen)}" for each in STAGES)


def _go_to(stage: str, program: Program, options: Any, seen: dict[str, Any], diagnostics: Diagnostics) -> None:
    """Compile as far as the stage needs: the graph of a program without a loss can be seen all the same."""
    from graphc.pipeline import compile_graph, joint_graph, lower_source

    graph = lower_source(program.source, diagnostics, seen.__setitem__)
    if stage in ("source", "graph"):
        return
    seen["backward"] = joint_graph(graph, options, diagnostics)
    if stage != "backward":
        compile_graph(seen["backward"], options, seen.__setitem__, graph)
