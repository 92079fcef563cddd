"""`graphc compile net.g`: the module, verified, into a file or to standard output."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphc.cli.console import note, print_bytes, print_text, report
from graphc.cli.failure import WRITE, UsageError, failure
from graphc.cli.files import write_file
from graphc.cli.options import add_output, add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.collector import collector_paused
from graphc.language.diagnostics import GraphcError

if TYPE_CHECKING:
    from graphc.pipeline import Compiled

__all__ = ["configure", "run", "said_of_gradients"]

LONG = 3000
"""Of a graph of more operations it is said how long it took, and what share of that the verification."""
MOST_NAMED = 12
HIDING = {"numpy.py", "graphc.py"}
"""Modules that Python would import in the place of the packages of these names."""


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    add_output(parser, "net.py", "the module to write (default: beside the program); `-` is standard output")
    add_what(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check the gradients numerically")
    parser.add_argument("--stub", action="store_true", help="write its types beside it too, for editors: net.pyi")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but warnings and errors")
    add_report(parser)


@collector_paused()
def run(arguments: argparse.Namespace) -> int:
    from graphc.pipeline import compile_source

    options = options_of(arguments, verify=not arguments.no_verify)
    if arguments.stub and (arguments.output or arguments.program) == "-":
        raise UsageError("argument --stub: a module on standard output has no file beside it; name one after `-o`")
    program = read_program(arguments.program)
    output = arguments.output or _beside(program.path)
    if os.path.basename(output) in HIDING:
        name = os.path.basename(output).removesuffix(".py")
        raise failure(WRITE, f"`{output}` would be imported in the place of {name} itself",
                      help="name another file after `-o`")  # fmt: skip
    try:
        compiled = compile_source(program.source, options)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    report(program.located(compiled.warnings.warnings))
    module = compiled.module.encode("utf-8")
    if output == "-":
        print_bytes(module)
        said = "wrote the module to standard output"
    elif write_file(output, module, force=arguments.force, inputs=[program.path]):
        said = f"wrote {output}"
    else:
        said = f"{output} is up to date"
    if arguments.stub:
        said += _written_stub(compiled, output, arguments)
    # Who reads diagnostics with a program expects nothing else on standard error.
    if not arguments.quiet and not (output == "-" and arguments.diagnostics == "json"):
        say = note if output == "-" else lambda text: print_text(text + "\n")
        say(f"{said}: {said_of_gradients(compiled)}")
    return 0


def _written_stub(compiled: Compiled, output: str, arguments: argparse.Namespace) -> str:
    from graphc.emitter.signature import sign
    from graphc.emitter.stub import stub_of

    name = os.path.splitext(output)[0] + ".pyi"
    stub = sign(stub_of(compiled.module)).encode("utf-8")
    fresh = write_file(name, stub, force=arguments.force, inputs=[arguments.program, output])
    return f" and {name}" if fresh else ""


def _beside(path: str | None) -> str:
    """Where the module goes if nobody says: `net.py` beside `net.g`; what came on standard input goes to the output."""
    return "-" if path is None else os.path.splitext(path)[0] + ".py"


def said_of_gradients(compiled: Compiled) -> str:
    """Which gradients there are, and how far they were verified."""
    graph, result = compiled.graph, compiled.report
    if not graph.gradients:
        return "no variable has a gradient"
    of = [graph.loss] if graph.loss else graph.cotangents
    text = f"gradients of {_listed(of) if of else 'nothing'} for {_listed(graph.gradients)}"
    if result is None:
        return f"{text}; not verified"
    if not result.directions:
        return f"{text}; none could be verified"
    plural = "s" if result.directions > 1 else ""
    along = f"along {result.directions} direction{plural}"
    if len(graph) > LONG:
        along += f" in {result.seconds:.1f} of {compiled.seconds:.1f} s"
    return f"{text}; verified {along}, worst relative error {result.worst:.0e}"


def _listed(names: Iterable[str]) -> str:
    """The names, of very many the first."""
    every = list(names)
    if len(every) <= MOST_NAMED:
        return ", ".join(every)
    return f"{', '.join(every[: MOST_NAMED - 1])} and {len(every) - MOST_NAMED + 1} more"
