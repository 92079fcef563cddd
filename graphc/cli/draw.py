"""`graphc draw net.g -o net.svg`: a picture of the graph."""

from __future__ import annotations

import argparse
import os

from graphc.cli.console import print_text, report
from graphc.cli.failure import WRITE, UsageError, failure
from graphc.cli.files import write_file
from graphc.cli.options import add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.language.diagnostics import Diagnostics, GraphcError

__all__ = ["configure", "run"]

INSTALL = "install Graphviz (`apt install graphviz`, `brew install graphviz`, https://graphviz.org/download); "
OTHERS = "`-o FILE.dot`, `-o FILE.mmd` and `-o FILE.html` work without it"


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("-o", "--output", metavar="net.svg", required=True,
                        help="the picture; its ending says which: .svg, .png, .dot, .mmd, .html")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace even a file that is not graphc's or was edited")
    parser.add_argument("--backward", action="store_true", help="the reverse graph beside it")
    add_what(parser, code=False)
    add_report(parser)


def run(arguments: argparse.Namespace) -> int:
    from graphc.explain.diagram import diagram
    from graphc.explain.graphviz import NoGraphviz
    from graphc.explain.pictures import FORMATS, picture
    from graphc.explain.signature import is_ours, signed
    from graphc.passes.partition import partition
    from graphc.pipeline import joint_graph, lower_source, optimise

    options = options_of(arguments, verify=False)
    format = os.path.splitext(arguments.output)[1].lstrip(".").lower()
    if format not in FORMATS:
        raise UsageError(f"argument -o: `{arguments.output}` does not end in {', '.join('.' + f for f in FORMATS)}")
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        graph = lower_source(program.source, diagnostics)
        saved: list[int] = []
        if arguments.backward:
            joint = joint_graph(graph, options, diagnostics)
            joint = optimise(joint.replace(updates={}), options.level)
            split = partition(joint, options.kept, options.level == 2)
            graph, saved = split.graph, list(split.saved)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    report(program.located(diagnostics.warnings))
    try:
        data = picture(diagram(graph, saved), format)
    except NoGraphviz as error:
        raise failure(WRITE, f"cannot draw `{arguments.output}`: {error}",
                      help=(INSTALL if error.missing else "") + OTHERS) from None  # fmt: skip
    written = write_file(
        arguments.output, signed(data, format), force=arguments.force, inputs=[program.path], whose=is_ours
    )
    print_text(f"wrote {arguments.output}\n" if written else f"{arguments.output} is up to date\n")
    return 0
