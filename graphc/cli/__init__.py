"""The command line: `graphc COMMAND …`.

`main` returns the exit status: 0 done, 1 the program or its data is wrong, 2 the command line is wrong. A command is a
module of this package with `configure(parser)` and `run(arguments) -> int`; it is imported when it is called for, so
that `graphc --help` is there at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import Any, NoReturn, Protocol

from graphc.cli.console import OutputLost, complain, finish, note, print_text, report, reporting
from graphc.cli.failure import WRITE, UsageError, failure
from graphc.language.diagnostics import GraphcError
from graphc.version import __version__

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "compile": "write the NumPy module of a program",
    "show": "what each stage of the compiler made of it, as text",
    "derive": "how each gradient comes about, step by step",
    "draw": "a picture of the graph",
    "check": "its gradients against numerical ones, as a table",
    "run": "its values and gradients on real arrays",
    "cost": "multiplications, bytes and memory of each statement, as formulas or numbers",
    "bench": "the time of each statement on this machine, against the cost model",
    "ops": "the operations; one with its derivation rule",
    "grade": "a hand-written backward against it, and what is wrong there",
    "explain": "what an error code means, with an example",
    "completion": "what bash, zsh or fish need to complete the command line",
}
"""Name and purpose; the module of a command has its name."""

INTERRUPTED = 130
INTERNAL = 70


class Command(Protocol):
    """What the module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, arguments: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """A parser that raises where argparse would end the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parsed(self, words: list[str]) -> argparse.Namespace:
        """The arguments. Raises UsageError, with what an unknown option may have been meant to be."""
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            from graphc.language.diagnostics import suggest

            options = [option for action in self._actions for option in action.option_strings]
            close = suggest(unknown[0].partition("=")[0], options) if unknown[0].startswith("-") else None
            hint = f"; did you mean `{close}`?" if close else _about_word(unknown[0], words)
            raise UsageError(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        if getattr(arguments, "output", None) == "":
            raise UsageError("argument -o: the name of a file is expected, not ''")
        return arguments

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def print_help(self, file: object = None) -> None:
        print_text(self.format_help())

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Done


def _about_word(word: str, words: list[str]) -> str:
    """What is wrong with a word that no argument takes."""
    if word.endswith(".g"):
        return "; a command takes one program"
    if word.isidentifier() and "--wrt" in words[: words.index(word)]:
        return "; names are separated by commas without blanks, as in `--wrt W1,b1`"
    return ""


class _Done(Exception):
    """`--help` was all that was asked for."""


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status; nothing is raised."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        status = _dispatch(words)
        finish()
    except OutputLost as lost:
        if lost.reason is None:  # the reader has what it wanted, as in `graphc show net.g | head`
            return 0
        report(failure(WRITE, f"cannot write to standard output: {lost.reason.lower()}").errors)
        return 1
    except KeyboardInterrupt:
        note("graphc: interrupted")
        return INTERRUPTED
    return status


def _dispatch(words: list[str]) -> int:
    if not words:
        note(_overview().rstrip())
        return 2
    if words[0] in ("-h", "--help"):
        print_text(_overview())
        return 0
    if words[0] in ("-V", "--version"):
        print_text(f"graphc {__version__}\n")
        return 0
    if words[0] not in COMMANDS:
        return _unknown(words[0])
    parser = _Parser(prog=f"graphc {words[0]}", description=COMMANDS[words[0]])
    try:
        command: Command = import_module(f"graphc.cli.{words[0]}")
        command.configure(parser)
        arguments = parser.parsed(words[1:])
        with reporting(getattr(arguments, "diagnostics", "text")):
            return _run(command, arguments)
    except _Done:
        return 0
    except UsageError as error:
        complain(f"graphc {words[0]}: {error}", parser.format_usage())
        return 2
    except MemoryError:
        note("graphc: out of memory")
        return 1
    except OutputLost:
        raise
    except Exception as error:
        _internal(error)
        return INTERNAL


def _run(command: Command, arguments: argparse.Namespace) -> int:
    try:
        return command.run(arguments)
    except GraphcError as error:
        report(error.errors)
        return 1


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = ["usage: graphc COMMAND …", "", "the mathematics of a network, compiled into readable NumPy", ""]
    lines.append("commands:")
    lines += [f"  {name:<{width}}  {purpose}" for name, purpose in COMMANDS.items()]
    lines += ["", "`graphc COMMAND --help` has the options of one; `graphc --version` says which graphc this is."]
    return "\n".join(lines) + "\n"


def _unknown(word: str) -> int:
    from graphc.language.diagnostics import suggest

    if word.endswith(".g"):
        complain(f"graphc: a command stands before the program: `graphc compile {word}`")
        return 2
    if word in ("help", "version"):
        complain(f"graphc: there is no command `{word}`; write `graphc --{word}`")
        return 2
    what = "option" if word.startswith("-") else "command"
    close = suggest(word, ["--help", "--version"] if what == "option" else COMMANDS)
    hint = f"did you mean `{close}`?" if close else f"the commands are {', '.join(COMMANDS)}"
    complain(f"graphc: there is no {what} `{word}`; {hint}")
    return 2


def _internal(error: Exception) -> None:
    """Our own bug is not blamed on the program."""
    if os.environ.get("GRAPHC_DEBUG"):
        import traceback

        note(traceback.format_exc().rstrip())
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    complain(f"graphc: internal error: {text} (this is a bug in graphc, not in your program)")
