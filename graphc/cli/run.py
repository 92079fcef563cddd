"""`graphc run net.g --data data.npz`: values and gradients on real arrays."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphc.cli.arrays import ArrayFile, npz_bytes, summary, whose_npz
from graphc.cli.console import print_text, report
from graphc.cli.failure import DATA, UsageError, failure
from graphc.cli.files import write_file
from graphc.cli.options import add_output, add_program, add_report, add_what, options_of
from graphc.cli.reading import read_program
from graphc.cli.table import table
from graphc.language.diagnostics import Diagnostics, GraphcError

if TYPE_CHECKING:
    from graphc.ir.graph import Graph
    from graphc.pipeline import Compiled

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    what = "the arguments' arrays, by their names; - for standard input"
    parser.add_argument("--data", metavar="data.npz", required=True, help=what)
    add_output(parser, "out.npz", "write outputs by their names, gradients as dNAME")
    add_what(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check the gradients numerically first")
    add_report(parser)


def run(arguments: argparse.Namespace) -> int:
    from graphc.pipeline import compile_source

    options = options_of(arguments, verify=not arguments.no_verify)
    if arguments.output == "-":
        raise UsageError("argument -o: arrays go to a file, and standard output has their summary")
    if arguments.data == arguments.program == "-":
        raise UsageError("argument --data: the program comes on standard input, so the arrays come from a file")
    program = read_program(arguments.program)
    try:
        compiled = compile_source(program.source, options)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    report(program.located(compiled.warnings.warnings))
    with ArrayFile(arguments.data) as data:
        where = data.path
        values = data.take([argument.name for argument in compiled.graph.arguments])
        seeds = _seeds(compiled.graph, data)
    outputs, gradients, untold = _compute(compiled, values, seeds)
    print_text(_shown(outputs, gradients))
    if untold:
        print_text(f"\nno gradients: there is no scalar loss, and {where} has no cotangents {untold}\n")
    if arguments.output is not None:
        content = npz_bytes({**outputs, **gradients})
        read = [program.path, None if arguments.data == "-" else arguments.data]
        fresh = write_file(arguments.output, content, force=arguments.force, inputs=read, whose=whose_npz)
        print_text(f"\nwrote {arguments.output}\n" if fresh else f"\n{arguments.output} is up to date\n")
    return 0


def _seeds(graph: Graph, data: ArrayFile) -> dict[str, Any] | None:
    """The cotangents of a program without a scalar loss, as far as the data has them; None where none are needed."""
    if graph.loss is not None:
        return None
    return {name: data.read(f"d{name}") for name in graph.cotangents if f"d{name}" in data.names}


def _compute(
    compiled: Compiled, values: Mapping[str, Any], seeds: dict[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Outputs and gradients by the names that they are shown and written under, and the cotangents that are missing."""
    from graphc.api import module_from

    graph = compiled.graph
    module = module_from(compiled.module, graph.file)
    noticed = Diagnostics()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            results, cache = module.forward(*values.values())
            untold = "" if seeds is None else ", ".join(f"d{n}" for n in graph.cotangents if n not in seeds)
            gradients = {}
            if graph.gradients and not untold:
                gradients = module.backward(cache, *(seeds[name] for name in graph.cotangents) if seeds else ())
        except MemoryError:
            raise
        except (ValueError, ArithmeticError, IndexError) as error:
            raise failure(DATA, f"the program refuses these arrays: {error}") from None
    for warning in caught:
        noticed.warning("W0501", f"{warning.message} while it ran on these arrays", None)
    report(noticed.warnings)
    results = results if len(graph.outputs) > 1 else (results,)
    outputs = dict(zip(graph.outputs, results, strict=True))
    named = {f"d{name}" if f"d{name}" not in outputs else f"grad_{name}": g for name, g in gradients.items()}
    return outputs, named, untold if graph.gradients else ""


def _shown(outputs: Mapping[str, Any], gradients: Mapping[str, Any]) -> str:
    rows = [[name, *summary(value, norm=False)] for name, value in outputs.items()]
    rows += [[name, *summary(value, norm=True)] for name, value in gradients.items()]
    return table(rows)
