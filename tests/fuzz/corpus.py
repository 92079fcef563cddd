"""Programs to start from: the examples, the golden files' cases, and the right and wrong ones on the codes' pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from golden_files import read_cases
from graphc.explain.code_pages import codes, page

__all__ = ["Seed", "corpus"]

TESTS = Path(__file__).parent.parent
LONGEST = 6000
"""A longer program is left out: what it could show, a shorter one shows sooner."""


@dataclass(frozen=True)
class Seed:
    """A program's text, and the files beside it."""

    name: str
    text: str
    files: dict[str, str] = field(default_factory=dict, hash=False)


@cache
def corpus() -> tuple[Seed, ...]:
    """All of them, in an order that is the same everywhere."""
    found = []
    for folder in (TESTS.parent / "examples", TESTS / "golden", TESTS / "fuzz" / "found"):
        for path in sorted(folder.rglob("*.g")):
            found.append(Seed(path.name, path.read_text(encoding="utf-8", errors="replace")))
    for path in sorted((TESTS / "golden").rglob("*.test")):
        found += [Seed(case.id, case.program, dict(case.files)) for case in read_cases(path)]
    for code in codes():
        for example in (page(code).wrong, page(code).mended):
            files = dict(example.files)
            text = files.pop("net.g", None)
            if text is not None:
                found.append(Seed(code, text, files))
    return tuple(seed for seed in found if len(seed.text) <= LONGEST)
