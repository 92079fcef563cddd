"""Each pass stands alone: a file with an example of what it makes of what, and tests of its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import graphc

PASSES = sorted((Path(graphc.__file__).parent / "passes").glob("[a-z]*.py"))
# One family each of what `batch.py` does; the tests of the table are those of the families.
TOGETHER = {"batch_table": "batch_rules", "batch_indexing": "batch_rules", "batch_convolution": "batch_rules"}


@pytest.mark.parametrize("path", PASSES, ids=lambda path: path.stem)
def test_a_pass_shows_an_example(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert re.search(r"^    \S|\S {3,}\S", said, re.MULTILINE), "no example in its docstring"


@pytest.mark.parametrize("path", PASSES, ids=lambda path: path.stem)
def test_a_pass_has_tests_of_its_own(path: Path) -> None:
    tests = Path(__file__).parent / f"test_{TOGETHER.get(path.stem, path.stem)}.py"
    assert tests.exists() and "def test_" in tests.read_text(encoding="utf-8")
