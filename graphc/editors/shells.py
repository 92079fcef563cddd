"""What shells need to complete the command line: scripts for bash, zsh and fish, from the commands' own options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SHELLS", "Command", "Option", "options_of_parser", "script"]


@dataclass(frozen=True)
class Option:
    """An option by its names; `choices` are what may follow, if it is a choice; `takes` says that something does."""

    names: tuple[str, ...]
    help: str
    takes: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command with its options; `words` are what its argument may be if that is no file."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...] = ()


def options_of_parser(parser: argparse.ArgumentParser) -> tuple[Option, ...]:
    """The options of an argparse parser."""
    found = []
    for action in parser._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            choices = tuple(map(str, action.choices)) if action.choices is not None else ()
            found.append(Option(tuple(action.option_strings), action.help or "", action.nargs != 0, choices))
    return tuple(found)


def script(shell: str, commands: Sequence[Command]) -> str:
    """The script for a shell, to be evaluated by it."""
    return SHELLS[shell](commands)


def _bash(commands: Sequence[Command]) -> str:
    lines = [
        '# eval "$(graphc completion bash)"',
        "_graphc() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        "    COMPREPLY=()",
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then",
        f"        COMPREPLY=($(compgen -W \"{' '.join(c.name for c in commands)} --help --version\" -- \"$word\"))",
        "        return",
        "    fi",
        '    case "${COMP_WORDS[1]}:$before" in',
    ]
    for command in commands:
        for option in command.options:
            if option.choices:
                patterns = "|".join(f"{command.name}:{name}" for name in option.names)
                lines.append(f"        {patterns}) {_compgen(option.choices)}; return ;;")
    lines += ["    esac", '    case "${COMP_WORDS[1]}:$word" in']
    for command in commands:
        names = [name for option in command.options for name in option.names]
        lines.append(f"        {command.name}:-*) {_compgen(names)}; return ;;")
        if command.words:
            lines.append(f"        {command.name}:*) {_compgen(command.words)}; return ;;")
    lines += ["    esac", '    COMPREPLY=($(compgen -f -- "$word"))', "}", "complete -o filenames -F _graphc graphc"]
    return "\n".join(lines) + "\n"


def _compgen(words: Sequence[str]) -> str:
    return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word"))'


def _zsh(commands: Sequence[Command]) -> str:
    lines = ["#compdef graphc", '# eval "$(graphc completion zsh)"', "_graphc() {"]
    lines += ["    local -a commands", "    commands=("]
    lines += [f"        {_quoted(f'{c.name}:{_one_line(c.help)}')}" for c in commands]
    lines += ["    )", "    if (( CURRENT == 2 )); then", "        _describe command commands", "        return"]
    lines += ["    fi", "    case $words[2] in"]
    for command in commands:
        specs = []
        for option in command.options:
            said = _one_line(option.help).replace("[", "(").replace("]", ")").replace(":", ",")
            after = ":value:_files" if option.takes else ""
            if option.choices:
                after = f":value:({' '.join(option.choices)})"
            specs += [_quoted(f"{name}[{said}]{after}") for name in option.names]
        words = f"'*:word:({' '.join(command.words)})'" if command.words else "'*:file:_files'"
        lines.append(f"        {command.name}) shift words; (( CURRENT-- )); _arguments {' '.join([*specs, words])} ;;")
    lines += ["    esac", "}", "compdef _graphc graphc"]
    return "\n".join(lines) + "\n"


def _fish(commands: Sequence[Command]) -> str:
    lines = ["# graphc completion fish | source"]
    for command in commands:
        lines.append(f"complete -c graphc -n __fish_use_subcommand -f -a {command.name} -d {_quoted(command.help)}")
        here = _quoted(f"__fish_seen_subcommand_from {command.name}")
        for option in command.options:
            names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            after = f" -x -a {_quoted(' '.join(option.choices))}" if option.choices else " -r" if option.takes else ""
            lines.append(f"complete -c graphc -n {here} {names}{after} -d {_quoted(_one_line(option.help))}")
        if command.words:
            lines.append(f"complete -c graphc -n {here} -f -a {_quoted(' '.join(command.words))}")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """For zsh and fish alike: within single quotes, a quote ends them, stands by itself, and begins them again."""
    return "'" + text.replace("\\", "").replace("'", "'\\''") + "'"


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
