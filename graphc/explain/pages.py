"""The page of each error code: what the mistake is, a program that makes it, what is said of it, the program mended.

A page is `codes/E0203.md`. Its first line is the title; then prose; under `## Wrong` and `## Mended` an example each,
in fences:

    ```g            the program `net.g`; with a name behind it (`g layers.g`) another file
    ```console      commands, if it takes other ones than `graphc compile net.g`: a line `$ …` each
    ```text         what the compiler says on standard error
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Example", "Page", "codes", "page"]

FOLDER = Path(__file__).parent / "codes"
_CODE = re.compile(r"[EW][0-9]{4}")
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """Files by their names, the commands to give, and what is said then."""

    files: dict[str, str]
    commands: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Page:
    """One code. `text` is the whole page as it is written."""

    code: str
    title: str
    text: str
    wrong: Example
    mended: Example

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.code}.md"


def codes() -> list[str]:
    """All codes that have a page."""
    return sorted(path.stem for path in FOLDER.glob("*.md") if _CODE.fullmatch(path.stem))


@cache
def page(code: str) -> Page:
    """The page of a code. Raises KeyError where there is none."""
    if code not in codes():
        raise KeyError(code)
    text = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ").strip()
    _, _, rest = text.partition("\n## Wrong\n")
    wrong, _, mended = rest.partition("\n## Mended\n")
    return Page(code, title, text, _example(wrong), _example(mended))


def _example(text: str) -> Example:
    files: dict[str, str] = {}
    commands: list[str] = []
    said = ""
    for kind, name, body in _FENCE.findall(text):
        if kind == "g":
            files[name or "net.g"] = body
        elif kind == "console":
            commands += [line.removeprefix("$ ") for line in body.splitlines()]
        else:
            said = body
    return Example(files, tuple(commands) or ("graphc compile net.g",), said)
