"""`graphc explain E0203`: what an error code means, with an example and how to mend it."""

from __future__ import annotations

import argparse

from graphc.cli.console import complain, print_text
from graphc.cli.table import table

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="E0203", nargs="?", help="the code of an error or warning (default: list all)")


def run(arguments: argparse.Namespace) -> int:
    from graphc.explain.code_pages import codes, page

    if arguments.code is None:
        print_text(table([(code, page(code).title) for code in codes()]))
        return 0
    code = arguments.code.strip().strip("[]").upper()
    if code not in codes():
        from graphc.language.diagnostics import suggest

        close = suggest(code, codes())
        hint = f"did you mean `{close}`?" if close else "`graphc explain` lists them"
        complain(f"graphc explain: there is no code `{arguments.code}`; {hint}")
        return 2
    print_text(f"{code}: {page(code).text.removeprefix('# ')}")
    return 0
