"""`graphc derive net.g`: how each gradient comes about, step by step."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from graphc.cli.console import print_text, report
from graphc.cli.failure import UsageError
from graphc.cli.files import write_file
from graphc.cli.options import add_output, add_program, add_what, options_of
from graphc.cli.reading import read_program
from graphc.cli.sizes import symbols_of
from graphc.language.diagnostics import Diagnostics, GraphcError

__all__ = ["configure", "run"]

FORMATS = ("text", "markdown", "latex", "html")
ENDINGS = {".md": "markdown", ".tex": "latex", ".html": "html", ".htm": "html"}
LAYOUTS = ("denominator", "numerator")


def configure(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--format", choices=FORMATS, metavar="FORMAT",
                        help=f"{', '.join(FORMATS)} (default: what the ending of FILE says, else text)")  # fmt: skip
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="denominator", metavar="LAYOUT",
        help="denominator (default): a gradient has its variable's shape, the chain rule goes from right to left; "
        "numerator: Jacobians are rows, the chain rule goes from left to right",
    )  # fmt: skip
    parser.add_argument("--expand", metavar="2x3", help="write entries out for 2 rows and 3 columns, or `N=2,D=3`")
    add_output(parser, "FILE", "write to a file instead of standard output")
    add_what(parser)


def run(arguments: argparse.Namespace) -> int:
    from graphc.explain.derivation import derive
    from graphc.explain.derivation_text import PAGES
    from graphc.explain.signature import is_ours, signed
    from graphc.explain.units import size_names
    from graphc.pipeline import compile_graph, joint_graph, lower_source

    options = options_of(arguments, verify=False)
    expand = _expand(arguments.expand)
    program = read_program(arguments.program)
    diagnostics = Diagnostics()
    try:
        graph = lower_source(program.source, diagnostics)
        joint = joint_graph(graph, options, diagnostics)
        if isinstance(expand, dict):
            expand = symbols_of(expand, size_names(graph), graph)
        seen: dict[str, Any] = {}
        module, _ = compile_graph(joint, options, seen.__setitem__)
    except GraphcError as error:
        report(program.located(error.errors))
        return 1
    report(program.located(diagnostics.warnings))
    derivation = derive(
        graph, module, seen["backward-body"], wrt=options.wrt, loss=options.loss,
        numerator=arguments.layout == "numerator", expand=expand,
    )  # fmt: skip
    format = arguments.format or ENDINGS.get(Path(arguments.output or "-").suffix.lower(), "text")
    text = PAGES[format](derivation)
    if arguments.output in (None, "-"):
        print_text(text)
        return 0
    data = signed(text.encode("utf-8"), format)
    written = write_file(arguments.output, data, force=arguments.force, inputs=[program.path], whose=is_ours)
    print_text(f"wrote {arguments.output}\n" if written else f"{arguments.output} is up to date\n")
    return 0


def _expand(text: str | None) -> tuple[int, int] | dict[str, int] | None:
    """`2x3`, or sizes by name. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9])\s*[x×]\s*([1-9])", text.strip())
    if match:
        return int(match.group(1)), int(match.group(2))
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.partition("=")
        if not equals or not name.strip().isidentifier() or not re.fullmatch(r"\s*[1-9]\s*", number):
            raise UsageError(f"argument --expand: `{text}` is not `2x3` nor `N=2,D=3` (sizes from 1 to 9)")
        if name.strip() in sizes:
            raise UsageError(f"argument --expand: {name.strip()} stands there twice")
        sizes[name.strip()] = int(number)
    return sizes
