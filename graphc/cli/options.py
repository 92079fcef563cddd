"""Options that several commands share, and the program they are about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from graphc.cli.failure import UsageError

if TYPE_CHECKING:
    from graphc.pipeline import Options

__all__ = ["add_output", "add_program", "add_report", "add_what", "names_of", "options_of"]


def add_program(parser: argparse.ArgumentParser) -> None:
    """The program itself."""
    parser.add_argument("program", metavar="net.g", help="the program; `-` is standard input")


def add_report(parser: argparse.ArgumentParser) -> None:
    """How what is wrong with the program is reported."""
    parser.add_argument(
        "--format", dest="diagnostics", choices=("text", "json"), default="text", metavar="text|json",
        help="of errors and warnings, on standard error (default: text)",
    )  # fmt: skip


def add_what(parser: argparse.ArgumentParser, code: bool = True) -> None:
    """What is differentiated, and how much is made of it; of `code` also how its loops run."""
    parser.add_argument("--wrt", metavar="W1,b1", help="what gets a gradient; it may be an intermediate value")
    parser.add_argument("--loss", metavar="L", help="the scalar to differentiate")
    parser.add_argument(
        "-O", dest="level", type=int, choices=(0, 1, 2), default=1, metavar="0|1|2",
        help="0: the derivation, literally; 1 (default): what an expert writes; 2: for speed",
    )  # fmt: skip
    parser.add_argument(
        "--memory", choices=("lean", "balanced", "fast"), default="balanced", metavar="lean|fast",
        help="what forward keeps for backward: as little as possible, computing again what is no product; whatever "
        "saves time; by default what is dear",
    )  # fmt: skip
    parser.set_defaults(threads=1, tile=None)
    if not code:
        return
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N",
        help="at -O2, on how many threads loops over rows run (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--tile", type=int, metavar="BYTES",
        help="at -O2, how much of an array a loop over rows takes at a time (default: 131072; on threads 1048576)",
    )  # fmt: skip


def add_output(parser: argparse.ArgumentParser, metavar: str, help: str) -> None:
    """Where to write, and whether over somebody else's file."""
    parser.add_argument("-o", "--output", metavar=metavar, help=help)
    parser.add_argument("--force", action="store_true", help="replace even a file that is not graphc's or was edited")


def names_of(text: str | None, option: str) -> tuple[str, ...] | None:
    """Names separated by commas, as the language compares them. Raises UsageError."""
    from unicodedata import normalize

    if text is None:
        return None
    names = [normalize("NFKC", name.strip()) for name in text.split(",")]
    for name in names:
        if not name.isidentifier():
            raise UsageError(f"argument {option}: names separated by commas are expected, not {text!r}")
    return tuple(dict.fromkeys(names))


def options_of(arguments: argparse.Namespace, verify: bool = True) -> Options:
    """The compiler's options. Raises UsageError."""
    from graphc.pipeline import Options

    wrt = names_of(arguments.wrt, "--wrt")
    loss = names_of(arguments.loss, "--loss")
    if loss is not None and len(loss) != 1:
        raise UsageError("argument --loss: one name is expected")
    if arguments.tile is not None and arguments.tile < 1:
        raise UsageError(f"argument --tile: a number of bytes is expected, not {arguments.tile}")
    if not 1 <= arguments.threads <= 256:
        raise UsageError(f"argument --threads: a number from 1 to 256 is expected, not {arguments.threads}")
    for option, asked in (("--threads", arguments.threads > 1), ("--tile", arguments.tile is not None)):
        if asked and arguments.level < 2:
            raise UsageError(f"argument {option}: only the modules of -O2 have loops over rows")
    given = {"tile": arguments.tile, "threads": arguments.threads, "memory": arguments.memory}
    return Options(wrt, loss[0] if loss else None, arguments.level, verify, **given)
