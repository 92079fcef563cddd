"""`graphc grade student.py --against net.g`: a hand-written backward, and what is wrong with it."""

from __future__ import annotations

import argparse

from graphc.cli.console import print_text
from graphc.cli.failure import READ, UsageError, failure
from graphc.cli.files import write_file
from graphc.cli.options import names_of
from graphc.cli.reading import read_program
from graphc.cli.sizes import add_sizes, sizes_of
from graphc.language.diagnostics import GraphcError

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", metavar="student.py", help="a Python file with a hand-written backward")
    parser.add_argument("--against", metavar="net.g", required=True, help="the program with the right gradients")
    parser.add_argument(
        "--function", metavar="NAME",
        help="the function that gives the gradients (default: forward and backward, value_and_grad or gradients)",
    )  # fmt: skip
    parser.add_argument("--wrt", metavar="W1,b1", help="the variables whose gradients are asked for")
    parser.add_argument("--loss", metavar="L", help="the scalar to differentiate")
    parser.add_argument("--seed", type=int, default=0, help="draws other data (default: 0)")
    add_sizes(parser, "sizes of dimensions; others are drawn small")
    parser.add_argument("--time", type=float, default=10.0, metavar="SECONDS", help="how long it may run (default: 10)")
    parser.add_argument("--rtol", type=float, default=1e-5, help="relative tolerance (default: 1e-5)")
    parser.add_argument("--format", choices=("text", "json"), default="text", metavar="text|json",
                        help="json: for an autograder")  # fmt: skip
    parser.add_argument("--gradescope", metavar="results.json", help="write the results as Gradescope reads them")
    parser.add_argument("--force", action="store_true", help="replace even a results.json that is not graphc's")
    parser.add_argument("--points", type=float, default=100.0, help="the points for Gradescope (default: 100)")


def run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    for name, least in (("seed", 0), ("time", 1e-3), ("rtol", 0.0), ("points", 0.0)):
        if not getattr(arguments, name) >= least:
            raise UsageError(f"argument --{name}: it must be at least {least:g}")
    wrt, loss = names_of(arguments.wrt, "--wrt"), names_of(arguments.loss, "--loss")
    if loss is not None and len(loss) != 1:
        raise UsageError("argument --loss: one name is expected")
    sizes = sizes_of(arguments.size)
    program = read_program(arguments.against)
    student = Path(arguments.student)
    if not student.is_file():
        raise failure(READ, f"there is no file `{arguments.student}`")

    from graphc.grade.grading import grade_source
    from graphc.grade.reference import Reference
    from graphc.grade.report import as_gradescope, as_json, as_text, whose_gradescope

    try:
        reference = Reference(program.source, wrt, loss[0] if loss else None)
        made = grade_source(
            student, reference, arguments.function, arguments.seed, sizes, arguments.time, arguments.rtol
        )
    except GraphcError as error:
        raise GraphcError(program.located(error.errors)) from None
    print_text(as_json(made) if arguments.format == "json" else as_text(made))
    if arguments.gradescope is not None:
        content = as_gradescope(made, arguments.points).encode("utf-8")
        read = [arguments.student, arguments.against]
        write_file(arguments.gradescope, content, force=arguments.force, inputs=read, whose=whose_gradescope)
    return 0 if made.ok else 1
