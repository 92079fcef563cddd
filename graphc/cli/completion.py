"""`graphc completion bash`: the script by which a shell completes the command line."""

from __future__ import annotations

import argparse

from graphc.cli.console import print_text

__all__ = ["configure", "run"]

SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    help = 'as in: eval "$(graphc completion bash)"'
    parser.add_argument("shell", choices=SHELLS, metavar="bash|zsh|fish", help=help)


def run(arguments: argparse.Namespace) -> int:
    from importlib import import_module

    from graphc.cli import COMMANDS
    from graphc.editors.shells import Command, options_of_parser, script
    from graphc.explain.code_pages import codes
    from graphc.ops.table import names

    words = {"ops": tuple(names()), "explain": tuple(codes()), "completion": SHELLS}
    commands = []
    for name, purpose in COMMANDS.items():
        parser = argparse.ArgumentParser()
        import_module(f"graphc.cli.{name}").configure(parser)
        commands.append(Command(name, purpose, options_of_parser(parser), words.get(name, ())))
    print_text(script(arguments.shell, commands))
    return 0
