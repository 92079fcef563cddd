"""Golden files: programs and what each stage makes of them, as text that a reader can review.

A file `tests/golden/**/*.test` holds cases:

    [case two_layer -O0 wrt=W1,b1 loss=L]
    L = sum(relu(X @ W1 + b1))
    [file layers.g]
    def layer(x, W) = tanh(x @ W)
    [out graph]
    ...what is expected...

The text after `[case …]` is the program `main.g`; each `[file …]` is another file beside it. A case has one or more
`[out …]`: a stage of `graphc show`; `module`, the module that `graphc compile` writes; `errors` or `warnings`, what it
says on standard error when it fails or succeeds. Lines before the first case are a comment. A line that would itself
look like a header is written with a backslash before it.

`pytest --update-golden` puts what the compiler says now into the `[out …]` sections; read the diff before you commit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = re.compile(r"\[(case|file|out)\s+(.*?)\s*\]\s*")
_ESCAPED = re.compile(r"\\+\[(case|file|out)\s")
_LEVELS = {"-O0": 0, "-O1": 1, "-O2": 2}


class GoldenFileError(Exception):
    """A golden file that does not have the form described above."""


@dataclass
class Section:
    """A header and the lines under it, up to the next header."""

    kind: str
    argument: str
    line: int
    body: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The body without the blank lines at its end, which are layout; every line ends in a newline."""
        lines = [line[1:] if _ESCAPED.match(line) else line for line in self.body]
        while lines and not lines[-1].strip():
            lines.pop()
        return "".join(line + "\n" for line in lines)

    def replace(self, text: str) -> None:
        """Put other text there and leave the blank lines at the end as they are."""
        blank = 0
        while blank < len(self.body) and not self.body[-1 - blank].strip():
            blank += 1
        lines = text.rstrip().split("\n") if text.strip() else []
        escaped = ["\\" + line if _HEADER.fullmatch(line) or _ESCAPED.match(line) else line for line in lines]
        self.body = escaped + [""] * blank


@dataclass(frozen=True)
class Case:
    """One program and what is expected of it."""

    path: Path
    name: str
    line: int
    level: int
    wrt: list[str] | None
    loss: str | None
    program: str
    files: dict[str, str]
    expected: dict[str, str]

    @property
    def id(self) -> str:
        return f"{self.path.stem}-{self.name}"


def read_sections(text: str, path: Path) -> tuple[list[str], list[Section]]:
    """The lines before the first header, and the sections, in order."""
    preamble: list[str] = []
    sections: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header:
            kind, argument = header.groups()
            if kind != "case" and not sections:
                raise GoldenFileError(f"{path}:{number}: [{kind} …] before the first [case …]")
            sections.append(Section(kind, argument, number))
        elif sections:
            sections[-1].body.append(line)
        else:
            preamble.append(line)
    return preamble, sections


def read_cases(path: Path) -> list[Case]:
    """All cases of a file."""
    _, sections = read_sections(path.read_text(encoding="utf-8"), path)
    starts = [i for i, section in enumerate(sections) if section.kind == "case"]
    cases = [_case(sections[a:b], path) for a, b in zip(starts, [*starts[1:], len(sections)], strict=True)]
    names = [case.name for case in cases]
    for case in cases:
        if names.count(case.name) > 1:
            raise GoldenFileError(f"{path}:{case.line}: two cases are named {case.name}")
    return cases


def _case(sections: list[Section], path: Path) -> Case:
    head, rest = sections[0], sections[1:]
    place = f"{path}:{head.line}"
    name, *words = head.argument.split()
    level, wrt, loss = 1, None, None
    for word in words:
        key, _, value = word.partition("=")
        if word in _LEVELS:
            level = _LEVELS[word]
        elif key == "wrt" and value:
            wrt = value.split(",")
        elif key == "loss" and value:
            loss = value
        else:
            raise GoldenFileError(f"{place}: unknown option {word}")

    files: dict[str, str] = {}
    expected: dict[str, str] = {}
    for section in rest:
        group = files if section.kind == "file" else expected
        if section.argument in group:
            raise GoldenFileError(f"{path}:{section.line}: [{section.kind} {section.argument}] stands there twice")
        group[section.argument] = section.text
    if not expected:
        raise GoldenFileError(f"{place}: case {name} has no [out …] and so would check nothing")
    return Case(path, name, head.line, level, wrt, loss, head.text, files, expected)


def update(case: Case, actual: dict[str, str]) -> None:
    """Rewrite the case's `[out …]` sections in its file; everything else in the file stays as it is."""
    preamble, sections = read_sections(case.path.read_text(encoding="utf-8"), case.path)
    inside = False
    for section in sections:
        if section.kind == "case":
            inside = section.argument.split()[0] == case.name
        elif inside and section.kind == "out" and section.argument in actual:
            section.replace(actual[section.argument])
    lines = list(preamble)
    for section in sections:
        lines += [f"[{section.kind} {section.argument}]", *section.body]
    case.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
